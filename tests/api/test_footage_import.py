"""A file that another agency recorded, taken in from a console: sealed, on the record, and then like any footage."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from adapters.vault import LocalFiles, Vault
from adapters.vault.checking import Check, OnRecord
from api.processes import wiring
from api.processes.footage import on_record
from domain.kernel import FeedId, StreamId
from tests.adapters.footage_files.clips import clip
from tests.api.watch_center import Json, WatchCenter, settings_as, typed

DAY = timedelta(days=1)
IN_SPRING = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=70)
FILES = """query($sha: String!, $at: Position) { importedFiles(sha256: $sha, afterPosition: $at) { edges { node {
  id found sound agency device caseNumber receivedHow receivedBy { id } since until footage } } } }"""


class Brought:
    """A file of this test's own, and the command that takes it in."""

    def __init__(self, center: WatchCenter, folder: Path, content: bytes) -> None:
        self.center, self.folder, self.path = center, folder, folder / "clip.mp4"
        self.path.write_bytes(content)
        self.sha256 = hashlib.sha256(content).hexdigest()
        self.feed = FeedId(StreamId(f"import-{self.sha256[:32]}"))
        settings = settings_as("saferweho_importer", center.environ)
        self.environ = {**center.environ, "DATABASE_URL": str(settings.write_url)}
        self.case = f"926-{secrets.token_hex(4)}"

    def arguments(self, *more: str, role: str = "watch_operator", taken_at: datetime = IN_SPRING) -> list[str]:
        token = self.folder / "me.jwt"
        token.write_text(self.center.as_role(role).token)
        said = {
            "--token-file": str(token),
            "--taken-at": taken_at.isoformat(),
            "--source-agency": "LA Metro",
            "--device": "platform camera 3",
            "--handed-over-by": "Sgt. M. Ibarra, Transit Security",
            "--received": "medium",
            "--case": self.case,
            "--time-known-by": "its clock was compared with a telephone",
        }
        return ["footage", "import", str(self.path), "--json", *(part for pair in said.items() for part in pair), *more]

    def taken_in(self, *more: str, role: str = "watch_operator", taken_at: datetime = IN_SPRING) -> tuple[int, Json]:
        told = typed(self.environ, *self.arguments(*more, role=role, taken_at=taken_at))
        assert told.stdout, told.stderr
        return told.returncode, json.loads(told.stdout)

    def sealed(self) -> list[tuple[datetime, datetime]]:
        """What the vault holds of it: the ranges of its segments, each opened."""
        with wiring.footage_keys(settings_as("saferweho_recorder", self.center.environ)) as keys:
            vault = Vault(LocalFiles(self.center.home / "vault"), keys)
            found = []
            for name in vault.reels(self.feed):
                for entry in vault.reread(name)._entries:
                    head, content = vault.read(name, entry)
                    assert content and head.clock == "stated"
                    found.append((head.since, head.until))
            return found

    def findings(self) -> list[str]:
        with (
            wiring.footage_keys(settings_as("saferweho_recorder", self.center.environ)) as keys,
            wiring.handler(self.center.settings) as handler,
        ):
            vault, record = Vault(LocalFiles(self.center.home / "vault"), keys), on_record(handler.store)
            mine = {footage: on for footage, on in record.items() if on.feed == self.feed}
            assert all(isinstance(on, OnRecord) for on in mine.values())
            check = Check(vault, vault.signer.verifier, datetime.now(UTC), mine)
            for name in vault.reels(self.feed):
                check.reel(name)
            check.missing()
            return [f"{finding.code}: {finding.what}" for finding in check.checked.findings]


@pytest.fixture
def brought(watch_center: WatchCenter, tmp_path: Path) -> Brought:
    return Brought(watch_center, tmp_path, clip(seconds=7, sound=True, start_s=secrets.randbelow(1000)))


@pytest.mark.rule("retention.imported")
def test_a_file_is_footage_like_any_other_with_whose_it_was(watch_center: WatchCenter, brought: Brought) -> None:
    code, dry = brought.taken_in("--dry-run")
    assert (code, dry["result"], dry["found"], dry["sound"]) == (
        0,
        "would be accepted",
        "MP4, H.264 320x180",
        "dropped",
    )
    assert not brought.sealed() and not watch_center.events(brought.feed)
    code, told = brought.taken_in()
    assert (code, told["result"], told["file_sha256"]) == (0, "accepted", brought.sha256)
    (event,) = watch_center.events(brought.feed)
    assert event["type"].endswith("import.file_imported.v1") and event["casenumber"] == brought.case
    assert event["actorid"] == watch_center.as_role("watch_operator").person
    said = event["data"]
    assert (said["original"]["sha256"], said["agency"], said["received_how"]) == (brought.sha256, "LA Metro", "medium")
    assert "Ibarra" not in json.dumps(said), "who handed it over is kept where it can be destroyed"
    (footage,) = said["footage"]
    recorded, imported = watch_center.events(f"footage-{footage}")
    assert recorded["data"]["category"] == "investigation" and imported["data"]["imported_as"] == brought.feed
    assert len({event["commandid"] for event in (event, recorded, imported)}) == 1, "all of it in one append"
    ranges = brought.sealed()
    assert ranges[0][0] == IN_SPRING and ranges[-1][1].isoformat() == told["until"]
    assert brought.findings() == []
    # And it is read where footage is.
    auditor, at = watch_center.as_role("auditor"), watch_center.head(brought.feed)
    (edge,) = auditor.ask(FILES, sha=brought.sha256, at=at)["importedFiles"]["edges"]
    assert edge["node"]["footage"] == [footage] and edge["node"]["device"] == "platform camera 3"
    kept = 'query($id: ID!, $at: Position) { retainedFootage(which: "kept", id: $id, afterPosition: $at)'
    kept += " { edges { node { importedAs receivedAt dueAt feed } } } }"
    (edge,) = auditor.ask(kept, id=footage, at=at)["retainedFootage"]["edges"]
    due, received = (datetime.fromisoformat(edge["node"][name]) for name in ("dueAt", "receivedAt"))
    assert due == received + 730 * DAY and edge["node"]["importedAs"] == edge["node"]["feed"] == brought.feed
    deputy = watch_center.as_role("watch_operator")
    found = deputy.ask(
        "query($feed: ID!, $since: DateTime!, $until: DateTime!, $at: Position)"
        " { footage(feed: $feed, since: $since, until: $until, afterPosition: $at) { id state } }",
        feed=brought.feed,
        since=IN_SPRING.isoformat(),
        until=(IN_SPRING + DAY).isoformat(),
        at=at,
    )
    assert found["footage"] == [{"id": footage, "state": "kept"}]


@pytest.mark.rule("retention.imported")
def test_the_same_file_again_is_told_and_seals_nothing(watch_center: WatchCenter, brought: Brought) -> None:
    assert brought.taken_in()[0] == 0
    before = brought.sealed()
    code, told = brought.taken_in(taken_at=IN_SPRING + DAY)
    assert (code, told["result"], told["field"]) == (1, "mistaken", "file")
    assert "was imported before" in told["message"] and brought.sealed() == before
    assert len(watch_center.events(brought.feed)) == 1


def test_what_is_no_video_is_refused_on_the_record_and_nothing_of_it_is_kept(
    watch_center: WatchCenter, tmp_path: Path
) -> None:
    brought = Brought(watch_center, tmp_path, f"the minutes of meeting {secrets.token_hex(4)}\n".encode() * 100)
    code, told = brought.taken_in()
    assert (code, told["result"], told["field"], told["message"]) == (1, "mistaken", "file", "it is text")
    assert told["accepted"] == "MP4, MKV or TS with H.264 or H.265" and told["position"]
    assert not brought.sealed() and not watch_center.events(brought.feed)


def test_who_may_not_take_footage_in_is_refused_on_the_record(watch_center: WatchCenter, brought: Brought) -> None:
    for role in ("administrator", "auditor"):
        code, told = brought.taken_in(role=role)
        assert (code, told["result"]) == (1, "refused") and told["reasons"][0]["code"] == "not_permitted"
    assert not brought.sealed()


def test_what_is_said_wrongly_is_told_before_the_file_is_read(watch_center: WatchCenter, brought: Brought) -> None:
    later = datetime.now(UTC) + DAY
    for more, taken_at, field in (
        (("--category", "interesting"), IN_SPRING, "category"),
        (("--source-agency", "x"), IN_SPRING, "agency"),
        ((), later, "taken_at"),
    ):
        code, told = brought.taken_in(*more, taken_at=taken_at)
        assert (code, told["result"], told["field"]) == (1, "mistaken", field) and told["accepted"]
    told_ = typed(brought.environ, *brought.arguments("--received-at", "2026-05-30T21:14"))
    assert told_.returncode == 2 and "time zone" in told_.stderr
    assert not brought.sealed()


@pytest.mark.parametrize("failpoint", ["vault.after_rename:2", "vault.half_written:4", "vault.closed"])
def test_an_import_that_was_killed_goes_on_where_it_was(
    watch_center: WatchCenter, brought: Brought, failpoint: str
) -> None:
    environ = {**brought.environ, "SAFERWEHO_FAILPOINT": failpoint}
    argv = [sys.executable, "-m", "api.cli", *brought.arguments()]
    root = Path(__file__).parents[2]
    killed = subprocess.run(argv, cwd=root, env={**os.environ, **environ}, capture_output=True, timeout=120)
    assert killed.returncode == -9, killed.stderr
    assert not watch_center.events(brought.feed), "nothing is on the record yet"
    half = brought.sealed()
    code, told = brought.taken_in()
    assert (code, told["result"]) == (0, "accepted")
    ranges = brought.sealed()
    assert ranges[: len(half)] == half and len(ranges) >= 3, "what was sealed is not sealed again"
    assert all(before[1] == after[0] for before, after in pairwise(ranges))
    assert brought.findings() == [] and len(watch_center.events(brought.feed)) == 1


def test_an_import_begun_with_a_wrong_time_leaves_nothing_of_it(watch_center: WatchCenter, brought: Brought) -> None:
    environ = {**brought.environ, "SAFERWEHO_FAILPOINT": "vault.after_rename:2"}
    argv = [sys.executable, "-m", "api.cli", *brought.arguments(taken_at=IN_SPRING - DAY)]
    subprocess.run(argv, cwd=Path(__file__).parents[2], env={**os.environ, **environ}, capture_output=True, timeout=120)
    assert brought.sealed()[0][0] == IN_SPRING - DAY
    assert brought.taken_in()[0] == 0
    assert brought.sealed()[0][0] == IN_SPRING and brought.findings() == []
