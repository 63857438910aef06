"""What a legal hold keeps has a copy under a key of its own: read when the hour's key is gone, and nothing else is."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from adapters.keys import PostgresFootageKeys
from adapters.vault import Closed, KeyDestroyed, LocalFiles, Segment, Vault
from adapters.vault.checking import OnRecord
from adapters.vault.holding import Holding, copied, wanted
from adapters.vault.layout import held, named, original, reel_of
from domain.footage import (
    FootageRecorded,
    HeldApart,
    HeldRangeCopied,
    Kept,
    LegalHoldPlaced,
    RestDestroyed,
    State,
    evolve,
)
from domain.kernel import FootageId, Personal, PersonId, PolicyVersion
from domain.legal_basis import BasisKind, LegalBasis
from domain.privacy_override_events import Range
from tests.adapters.vault.filming import NOON, NORTH, TWO_S, closed, codes, filmed, taken

LEE = PersonId("lee")
BASIS = LegalBasis(BasisKind.WARRANT, "26-SW-118", "Superior Court")


def recorded(done: Closed) -> State:
    whole = done.manifest
    span = Range(whole.since, whole.until)
    happened = FootageRecorded(whole.feed, span, len(whole.entries), whole.size, done.root, whole.key, "routine")
    return evolve(Kept(happened, frozenset({"routine"})), happened)


def placed(first: int, last: int, hold: str = "h1") -> LegalHoldPlaced:
    """A hold from the middle of one segment to the middle of another, counted from 0."""
    second = timedelta(seconds=1)
    span = Range(NOON + first * TWO_S + second, NOON + last * TWO_S + second)
    return LegalHoldPlaced(hold, span, BASIS, Personal("footage-x", "trial"), date(2026, 12, 1), LEE)


class Noted:
    """What is said of copies, and what becomes of the footage by it."""

    def __init__(self, vault: Vault, state: State) -> None:
        self.state, self.copies = state, list[HeldRangeCopied]()
        self.holding = Holding(vault, self._note)

    def _note(self, footage: FootageId, copy: HeldRangeCopied) -> None:
        self.copies.append(copy)
        self.state = evolve(self.state, copy)

    def happened(self, *events: object) -> None:
        for event in events:
            self.state = evolve(self.state, event)  # type: ignore[arg-type]


def content_of(vault: Vault, name: str) -> list[bytes]:
    reel = named(name)
    assert reel is not None
    return [vault.read(reel, entry)[1] for entry in vault.manifest(reel)[0].entries]


@pytest.mark.rule("retention.held_copy")
def test_what_is_held_is_read_after_the_hour_is_gone_and_from_no_copy_of_the_disk_anything_else(
    vault: Vault, folder: Path, footage_keys: PostgresFootageKeys, tmp_path: Path
) -> None:
    reel, segments = filmed(vault, 10)
    done = reel.close()
    noted = Noted(vault, recorded(done))
    noted.happened(placed(3, 5))
    noted.holding.look(done.manifest.footage, noted.state)
    (copy,) = noted.copies
    assert (copy.range.since, copy.range.until, copy.segments) == (NOON + 3 * TWO_S, NOON + 6 * TWO_S, 3)
    assert copy.key != done.manifest.key and copy.copy == f"held-h1~{done.manifest.footage}"
    shutil.copytree(folder, tmp_path / "copy")

    footage_keys.destroy(done.manifest.footage)
    for root in (folder, tmp_path / "copy"):
        fresh = Vault(LocalFiles(root), footage_keys)
        assert content_of(fresh, copy.copy) == [segment.content for segment in segments[3:6]]
        for entry in done.manifest.entries:
            with pytest.raises(KeyDestroyed):
                fresh.read(done.name, entry)
    for kept in (each.content[:64] for each in segments):
        assert not any(kept in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    vault.remove(done.name)
    record = {
        done.manifest.footage: OnRecord(NORTH, done.root, gone=True),
        FootageId(copy.copy): OnRecord(NORTH, copy.manifest_root_sha256),
    }
    assert codes(vault, record) == set()

    footage_keys.destroy(copy.copy)  # the hold was released, and its copy was due
    with pytest.raises(KeyDestroyed):
        content_of(Vault(LocalFiles(folder), footage_keys), copy.copy)
    assert vault.destroyed(list(vault.reels())) == [named(copy.copy)]


def test_a_hold_on_all_of_it_is_copied_nowhere_and_a_copy_is_made_once(vault: Vault) -> None:
    done = closed(vault, 4)
    noted = Noted(vault, recorded(done))
    noted.happened(placed(0, 3, "all"), placed(1, 1, "part"))
    for _ in range(3):
        noted.holding.look(done.manifest.footage, noted.state)
    assert [copy.hold for copy in noted.copies] == ["part"] and not noted.holding.faults


def test_a_copy_begins_at_a_key_frame(vault: Vault) -> None:
    reel = vault.reel(NORTH, NOON)
    for number in range(6):
        at = NOON + number * TWO_S
        reel.add(Segment(b"x" * 500, at, at + TWO_S, "video/mp4", on_key_frame=number in (0, 2, 5)))
    done = reel.close()
    entries = wanted(vault, done.name, placed(4, 4).range)
    assert [entry.number for entry in entries] == [3, 4, 5]


def test_a_copy_that_was_begun_goes_on_and_one_that_was_closed_is_told_again(
    vault: Vault, folder: Path, footage_keys: PostgresFootageKeys
) -> None:
    done = closed(vault, 8)
    into, entries = held(done.name, "h1"), wanted(vault, done.name, placed(2, 6).range)
    begun = vault.reread(into)
    for entry in entries[:2]:
        head, content = vault.read(done.name, entry)
        begun.add(Segment(content, head.since, head.until, head.media))
    again = Vault(LocalFiles(folder), footage_keys)
    first = copied(again, done.name, entries, into)
    assert len(first.manifest.entries) == len(entries) == 5 and codes(again) == set()
    assert copied(again, done.name, entries, into).root == first.root
    assert list(again.reels()) == [done.name, into]


def test_what_is_damaged_is_a_gap_in_the_copy_and_footage_that_is_gone_stays_under_its_hold(
    vault: Vault, folder: Path, footage_keys: PostgresFootageKeys
) -> None:
    done = closed(vault, 8)
    noted = Noted(vault, recorded(done))
    noted.happened(placed(2, 5))
    (folder / done.name.segment(4, NOON + 3 * TWO_S)).unlink()
    noted.holding.look(done.manifest.footage, noted.state)
    (copy,) = noted.copies
    assert copy.segments == 3
    reel = vault.reread(named(copy.copy))  # type: ignore[arg-type]
    assert [gap.range for gap in reel.gaps] == [Range(NOON + 3 * TWO_S, NOON + 4 * TWO_S)]
    noted.happened(placed(6, 6, "h2"))
    for number in (7, 8):
        (folder / done.name.segment(number, NOON + (number - 1) * TWO_S)).write_bytes(b"{")
    noted.holding.look(done.manifest.footage, noted.state)
    assert noted.holding.faults.keys() == {done.manifest.footage} and len(noted.copies) == 1


def test_a_further_hold_on_what_is_left_is_copied_out_of_the_copy(
    vault: Vault, footage_keys: PostgresFootageKeys
) -> None:
    reel, segments = filmed(vault, 10)
    done = reel.close()
    footage = done.manifest.footage
    noted = Noted(vault, recorded(done))
    noted.happened(placed(2, 7))
    noted.holding.look(footage, noted.state)
    gone = RestDestroyed(NOON, ("routine",), PolicyVersion(1), LEE, NOON, ("h1",))
    noted.happened(gone, placed(4, 4, "h2"))
    footage_keys.destroy(footage)
    vault.remove(done.name)
    assert isinstance(noted.state, HeldApart)
    noted.holding.look(footage, noted.state)
    first, second = noted.copies
    assert content_of(vault, second.copy) == [segments[4].content] and first.key != second.key


@pytest.mark.parametrize("ordinal", [1, 2])
def test_a_copy_lies_where_a_person_finds_it(vault: Vault, ordinal: int) -> None:
    reel = closed(vault, 1).name
    name = held(type(reel)(NORTH, NOON, ordinal), "926-1/a")
    assert reel_of(name.folder) == name == named(name.footage)
    assert original(name.feed) == NORTH == original(NORTH)
    assert name.folder.startswith("held-926-1%2Fa~camera-plummer-park-north/2026-06-01/1200")
    assert named("park.2026-06-01T19") is None and taken(NOON).gap is None
