"""`saferweho footage verify`, as people type it: against the vault, the key store and the record."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from adapters.keys import PostgresFootageKeys
from adapters.vault import Closed, LocalFiles, OtherVault, Vault
from application.retention import Retention
from application.standing import service
from domain.footage import FootageLost, RecordFootage
from domain.privacy_override_events import Range
from tests.adapters.vault.filming import NORTH, SOUTH, TWO_S, filmed
from tests.application.small_center import SmallCenter, done, small_center
from tests.keys import ENCRYPTION, key_encryption_file

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
HOURS_AGO = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=5)


class Station:
    """A watch center with a vault, and the command line."""

    def __init__(self, center: SmallCenter, keys: PostgresFootageKeys, home: Path) -> None:
        self.center, self.keys, self.vault = center, keys, Vault(LocalFiles(home / "vault"), keys)
        self._environ = {
            **os.environ,
            "SAFERWEHO_ENV": "development",
            "SAFERWEHO_HOME": str(home),
            "DATABASE_URL": center.url,
            "SAFERWEHO_KEY_ENCRYPTION_KEYS": str(key_encryption_file(home)),
        }

    def recorded(self, done_: Closed) -> Closed:
        whole = done_.manifest
        span = Range(whole.since, whole.until)
        command = RecordFootage(whole.feed, span, len(whole.entries), whole.size, done_.root, whole.key)
        retention = Retention(self.center.handler)
        done(retention.record(service("service-recorder"), whole.footage, command, uuid4()))
        return done_

    def types(self, *arguments: str) -> tuple[int, str, str]:
        argv = [sys.executable, "-m", "api.cli", "footage", *arguments]
        typed = subprocess.run(argv, cwd=ROOT, env=self._environ, capture_output=True, text=True, timeout=200)
        return typed.returncode, typed.stdout, typed.stderr

    def verify(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        code, out, said = self.types("verify", "--json", *arguments)
        assert out, said
        return code, json.loads(out)


@pytest.fixture
def station(database_url: str, tmp_path: Path) -> Iterator[Station]:
    with small_center(database_url, HOURS_AGO) as center, PostgresFootageKeys(database_url, ENCRYPTION) as keys:
        yield Station(center, keys, tmp_path)


def test_sound_footage_is_told_and_what_was_changed_is_named(station: Station, tmp_path: Path) -> None:
    north = station.recorded(filmed(station.vault, 3, NORTH, HOURS_AGO)[0].close())
    south = station.recorded(filmed(station.vault, 2, SOUTH, HOURS_AGO)[0].close())
    code, sound = station.verify()
    assert code == 0 and sound["findings"] == []
    size = north.manifest.size + south.manifest.size
    assert (sound["footage"], sound["segments"], sound["bytes"]) == (2, 5, size)

    changed = tmp_path / "vault" / north.name.segment(2, HOURS_AGO + TWO_S)
    changed.write_bytes(changed.read_bytes()[:-1] + b"x")
    code, found = station.verify()
    assert code == 1
    (finding,) = found["findings"]
    assert (finding["footage"], finding["segment"], finding["code"]) == (north.name.footage, 2, "segment_changed")
    assert finding["since"] == (HOURS_AGO + TWO_S).isoformat()
    assert station.verify("--feed", SOUTH)[0] == 0
    assert station.verify("--footage", south.name.footage)[1]["footage"] == 1
    assert station.verify("--until", f"{HOURS_AGO - timedelta(hours=2):%Y-%m-%dT%H:%M}")[1]["footage"] == 0
    code, out, _ = station.types("verify", "--feed", NORTH)
    assert code == 1 and f"{north.name.footage}, segment 2 (" in out and "[segment_changed]" in out
    assert "1 pieces of footage, 3 segments" in out and "1 findings" in out


def test_footage_on_record_that_is_not_there_and_one_there_that_is_not_on_record_are_named(station: Station) -> None:
    north = station.recorded(filmed(station.vault, 1, NORTH, HOURS_AGO)[0].close())
    filmed(station.vault, 1, SOUTH, HOURS_AGO)[0].close()
    for file in [*station.vault.storage.files(north.name.folder)]:
        station.vault.storage.remove(file)
    _, found = station.verify()
    assert {(row["feed"], row["code"]) for row in found["findings"]} == {(NORTH, "missing"), (SOUTH, "not_on_record")}
    assert station.verify("--footage", north.name.footage)[0] == 1


def test_the_public_key_is_printed_and_another_one_is_no_good(station: Station) -> None:
    station.recorded(filmed(station.vault, 1, NORTH, HOURS_AGO)[0].close())
    code, key, _ = station.types("key")
    assert code == 0 and key.startswith("saferweho-vault+")
    assert station.verify("--key", key.strip())[0] == 0
    code, _, said = station.types("verify", "--key", "nonsense")
    assert code == 2 and "Error" in said


# -- on the record -----------------------------------------------------------


def losses(station: Station) -> list[FootageLost]:
    return [each.event for each in station.center.all_events() if isinstance(each.event, FootageLost)]


@pytest.mark.rule("retention.lost")
def test_what_is_missing_or_broken_goes_on_the_record_once_and_only_when_asked_to(
    station: Station, tmp_path: Path
) -> None:
    assert station.vault.mark(lambda: False)
    north = station.recorded(filmed(station.vault, 4, NORTH, HOURS_AGO)[0].close())
    south = station.recorded(filmed(station.vault, 2, SOUTH, HOURS_AGO)[0].close())
    changed = tmp_path / "vault" / north.name.segment(2, HOURS_AGO + TWO_S)
    changed.write_bytes(changed.read_bytes()[:-1] + b"x")
    (tmp_path / "vault" / north.name.segment(4, HOURS_AGO + 3 * TWO_S)).unlink()
    shutil.rmtree(tmp_path / "vault" / south.name.folder)
    code, found = station.verify()
    assert code == 1 and len(found["findings"]) == 3 and not losses(station), "looking says nothing on the record"
    code, found = station.verify("--record")
    assert (code, found["put_on_record"]) == (1, 3)
    said = {(lost.feed, lost.range.since, lost.range.until): lost.detail for lost in losses(station)}
    assert said == {
        (NORTH, HOURS_AGO + TWO_S, HOURS_AGO + 2 * TWO_S): "segment 2 is not what was sealed in the vault",
        (NORTH, HOURS_AGO + 3 * TWO_S, HOURS_AGO + 4 * TWO_S): "segment 4 is missing in the vault",
        (SOUTH, HOURS_AGO, HOURS_AGO + 2 * TWO_S): "all of it is on the record and not in the vault",
    }
    assert station.verify("--record")[1]["put_on_record"] == 3
    assert len(losses(station)) == 3, "again, and on the record once"
    code, out, _ = station.types("verify", "--record")
    assert code == 1 and "3 of them on the record as lost" in out


@pytest.mark.rule("retention.lost")
def test_a_folder_that_is_not_the_vault_declares_nothing_lost(station: Station, tmp_path: Path) -> None:
    """Such as the one that a disk was to be mounted at."""
    assert station.vault.mark(lambda: False)
    station.recorded(filmed(station.vault, 1, NORTH, HOURS_AGO)[0].close())
    (tmp_path / "vault").rename(tmp_path / "elsewhere")
    code, out, said = station.types("verify", "--record")
    assert (code, out) == (1, "") and "is not known to be the vault" in said and "mark" in said
    assert not losses(station)
    empty = Vault(LocalFiles(tmp_path / "vault"), station.keys)
    assert not empty.mark(lambda: True) and not empty.is_ours(), "it holds nothing, and the record does"
    code, out, _ = station.types("mark")
    assert code == 0 and "is marked" in out and empty.is_ours()
    assert station.verify("--record")[1]["put_on_record"] == 1, "who says that this is the vault is believed"


def test_a_vault_is_marked_where_it_is_new_or_holds_what_was_signed_here(station: Station, tmp_path: Path) -> None:
    filmed(station.vault, 1, NORTH, HOURS_AGO)[0].close()
    assert not station.vault.is_ours() and station.vault.mark(lambda: True) and station.vault.is_ours()
    assert station.vault.mark(lambda: True) and list(station.vault.feeds()) == [NORTH]
    marker = tmp_path / "vault" / "vault.json"
    marker.write_bytes(marker.read_bytes().replace(b"saferweho-vault+", b"saferweho-vault+0"))
    with pytest.raises(OtherVault, match="another installation"):
        station.vault.mark(lambda: True)
    assert not station.vault.is_ours()
    other = Vault(LocalFiles(tmp_path / "other"), station.keys)
    (tmp_path / "other" / "camera-x").mkdir(parents=True)
    assert not other.mark(lambda: False), "somebody else's folder"
