"""Writes to a vault until its disk is full, and goes on when there is room again. Arguments: database URL, the disk."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from adapters.keys import PostgresFootageKeys
from adapters.vault import LocalFiles, StorageFull, Vault
from tests.adapters.vault.filming import NOON, TWO_S, filmed, findings, taken
from tests.keys import ENCRYPTION

if __name__ == "__main__":
    url, disk = sys.argv[1], Path(sys.argv[2])
    with PostgresFootageKeys(url, ENCRYPTION) as keys:
        vault = Vault(LocalFiles(disk / "vault"), keys)
        reel, _ = filmed(vault, 2)
        blocker, at = disk / "blocker", NOON + 2 * TWO_S
        blocker.write_bytes(b"x" * (shutil.disk_usage(disk).free - 300_000))
        try:
            reel.add(taken(at, size=1_000_000))
        except StorageFull as full:
            print(full)
        print(vault.space().low(10))
        assert not list(disk.rglob("*.partial")) and findings(vault) == []
        blocker.unlink()
        reel.add(taken(at + TWO_S, gap="the disk was full"))
        assert [gap.range.since for gap in reel.gaps] == [at]
        reel.close()
        assert findings(vault) == [] and len(list(vault.reels())) == 1
