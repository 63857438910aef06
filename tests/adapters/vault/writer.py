"""A recorder's work on the vault as a process of its own, to be killed: prints the number of each segment kept.

Arguments: database URL, folder, how many segments, the minute of the clock at which the first is taken.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

from adapters.keys import PostgresFootageKeys
from adapters.vault import LocalFiles, Vault
from tests.adapters.vault.filming import NOON, NORTH, TWO_S, taken
from tests.keys import ENCRYPTION

if __name__ == "__main__":
    url, folder, count, minute = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    with PostgresFootageKeys(url, ENCRYPTION) as keys:
        vault = Vault(LocalFiles(folder, writer="recorder"), keys)
        at = NOON + timedelta(minutes=minute)
        reel = vault.reel(NORTH, at)
        for number in range(count):
            print(reel.add(taken(at + number * TWO_S, size=200_000)).number, flush=True)
        print(reel.close().root, flush=True)
