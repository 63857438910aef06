"""Footage in the vault: sealed before it is on a disk, in order, closed once; whoever changes a byte of it is found."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.keys import PostgresFootageKeys
from adapters.vault import KeyDestroyed, LocalFiles, StorageFull, Vault
from adapters.vault import manifest as manifests
from adapters.vault.checking import Check, Finding, OnRecord, Scrubber
from adapters.vault.layout import ReelName, reel_begins, reel_of
from adapters.vault.manifest import ManifestBroken, Verifier
from adapters.vault.room import MAY_GROW_S, Room
from adapters.vault.segment import SegmentBroken, opened
from application.sealing import Destroyed, SubjectKey
from domain.footage_import import feed_of
from domain.kernel import FeedId, FootageId, StreamId
from tests.adapters.vault.filming import NOON, NORTH, SOUTH, TWO_S, closed, codes, filmed, findings, taken
from tests.keys import ENCRYPTION

# -- what is there -----------------------------------------------------------


@pytest.mark.rule("retention.sealed")
def test_what_is_filmed_is_read_again_and_nothing_of_it_is_on_the_disk(vault: Vault, folder: Path) -> None:
    reel, segments = filmed(vault)
    whole, root = vault.manifest(reel.close().name)
    assert root == manifests.read((folder / reel.name.manifest).read_bytes())[1]
    for entry, segment in zip(whole.entries, segments, strict=True):
        head, content = vault.read(reel.name, entry)
        assert content == segment.content
        assert (head.feed, head.since, head.until, head.number) == (NORTH, segment.since, segment.until, entry.number)
        assert segment.content[:64] not in (folder / reel.name.segment(entry.number, entry.since)).read_bytes()
    assert findings(vault) == []


def test_a_person_can_follow_where_things_are(vault: Vault, folder: Path) -> None:
    closed(vault, 2)
    filmed(vault, 1, SOUTH, NOON + timedelta(hours=1))
    there = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert there == [
        "camera-plummer-park-north/2026-06-01/1200/000001-120000.segment",
        "camera-plummer-park-north/2026-06-01/1200/000002-120002.segment",
        "camera-plummer-park-north/2026-06-01/1200/manifest.jsonl",
        "camera-plummer-park-north/2026-06-01/1200/manifest.note",
        "camera-plummer-park-south/2026-06-01/1300/000001-130000.segment",
    ]
    assert {path.stat().st_mode & 0o077 for path in folder.rglob("*")} == {0}


def test_no_two_segments_have_the_same_nonce_and_each_is_bound_to_feed_range_and_place(vault: Vault) -> None:
    reel, _ = filmed(vault, 3)
    whole = reel.close().manifest
    key = vault._keys.find([reel.name.footage])[reel.name.footage]
    cipher = AESGCM(key.secret)  # type: ignore[union-attr]
    heads = [vault.read(reel.name, entry)[0] for entry in whole.entries]
    assert len({head.nonce for head in heads}) == 3 and {len(head.nonce) for head in heads} == {12}
    sealed = vault.storage.get(reel.name.segment(1, NOON))
    for name, other in (
        ("feed", SOUTH),
        ("segment", 2),
        ("since", "2026-06-01T12:00:00.000001Z"),
        ("until", "2026-06-01T12:00:02.000001Z"),
        ("footage", "another"),
        ("nonce", "00" * 12),
    ):
        line, _, box = sealed.partition(b"\n")
        changed = json.dumps({**json.loads(line), name: other}, sort_keys=True, separators=(",", ":")).encode()
        with pytest.raises(SegmentBroken, match="does not open"):
            opened(changed + b"\n" + box, cipher)


@pytest.mark.parametrize("feed", ["camera-../../etc/passwd", "camera-a/b", "camera-x:y@z", "flight-01"])
def test_whatever_a_feed_is_called_its_folder_is_in_the_vault(vault: Vault, folder: Path, feed: str) -> None:
    name = closed(vault, 1, FeedId(StreamId(feed))).name
    assert reel_of(name.folder) == name and list(vault.reels()) == [name] and vault.feeds() == [feed]
    assert all(folder in path.parents for path in folder.rglob("*"))
    assert len(name.folder.split("/")) == 3


@pytest.mark.parametrize(("minutes", "begins"), [(60, 12), (30, 42), (5, 57), (1, 59)])
def test_reels_begin_at_fixed_minutes_of_the_hour(minutes: int, begins: int) -> None:
    at = NOON + timedelta(minutes=59, seconds=59)
    assert reel_begins(at, timedelta(minutes=minutes)).minute == (begins if minutes != 60 else 0) - (
        12 if minutes == 30 else 2 if minutes == 5 else 0
    )


# -- going on ----------------------------------------------------------------


def test_a_restarted_recorder_goes_on_where_it_was(
    vault: Vault, folder: Path, footage_keys: PostgresFootageKeys
) -> None:
    before, _ = filmed(vault, 3)
    again = Vault(LocalFiles(folder), footage_keys)
    reel = again.reel(NORTH, NOON + 5 * TWO_S)
    assert reel.name == before.name and reel.until == NOON + 3 * TWO_S
    reel.add(taken(NOON + 5 * TWO_S, gap="the recorder was away"))
    whole = reel.close()
    assert [entry.number for entry in whole.manifest.entries] == [1, 2, 3, 4]
    assert [(gap.range.since, gap.range.until, gap.why) for gap in reel.gaps] == [
        (NOON + 3 * TWO_S, NOON + 5 * TWO_S, "the recorder was away")
    ]
    assert findings(again) == []


def test_a_closed_reel_is_never_added_to(vault: Vault) -> None:
    name = closed(vault, 2).name
    reel, _ = filmed(vault, 1, at=NOON + 2 * TWO_S)
    assert reel.name == ReelName(NORTH, NOON, 2) and reel.name != name
    reel.close()
    assert findings(vault) == [] and vault.last(NORTH) == reel.name


def test_a_clock_that_went_back_begins_another_reel_and_both_keep_their_times(vault: Vault) -> None:
    first, _ = filmed(vault, 3, at=NOON + timedelta(minutes=30))
    assert first.takes(NOON + timedelta(minutes=30) + 3 * TWO_S) and not first.takes(NOON)
    second, _ = filmed(vault, 2)
    assert (second.name.ordinal, second.name.begins) == (2, first.name.begins)
    first.close(), second.close()
    assert findings(vault) == []


def test_a_reel_that_cannot_be_continued_is_left_as_it_is_and_told(vault: Vault, folder: Path) -> None:
    reel, _ = filmed(vault, 3)
    (folder / reel.name.segment(2, NOON + TWO_S)).unlink()
    after, _ = filmed(vault, 1, at=NOON + 3 * TWO_S)
    assert after.name.ordinal == 2
    assert "segment_missing" in codes(vault)


def test_closing_again_after_a_crash_between_manifest_and_note_closes_the_same(vault: Vault, folder: Path) -> None:
    done = closed(vault, 3)
    (folder / done.name.note).unlink()
    reel = vault.begun(done.name)
    assert reel is not None and reel.close().root == done.root
    assert vault.begun(done.name) is None and findings(vault) == []


# -- keys --------------------------------------------------------------------


def test_a_destroyed_key_opens_nothing_and_the_chain_is_still_checked(
    vault: Vault, folder: Path, footage_keys: PostgresFootageKeys, tmp_path: Path
) -> None:
    done = closed(vault, 3)
    other = closed(vault, 3, SOUTH)
    shutil.copytree(folder, tmp_path / "copy")
    assert footage_keys.destroy(done.name.footage)
    for root in (folder, tmp_path / "copy"):
        fresh = Vault(LocalFiles(root), footage_keys)
        with pytest.raises(KeyDestroyed):
            fresh.read(done.name, done.manifest.entries[0])
        assert fresh.read(other.name, other.manifest.entries[0])
        check = Check(fresh, fresh.signer.verifier, NOON)
        assert check.reel(done.name) == [] and check.checked.shut == 3
    changed = folder / done.name.segment(2, NOON + TWO_S)
    changed.write_bytes(changed.read_bytes()[:-1] + b"x")
    assert codes(Vault(LocalFiles(folder), footage_keys)) == {"segment_changed"}


def test_what_is_left_of_destroyed_footage_is_removed_and_nothing_else(
    vault: Vault, folder: Path, footage_keys: PostgresFootageKeys
) -> None:
    done, other = closed(vault, 3), closed(vault, 3, SOUTH)
    used = vault.used()
    with pytest.raises(ValueError, match="is not destroyed"):
        vault.remove(done.name)
    footage_keys.destroy(done.name.footage)
    assert vault.destroyed([done.name, other.name]) == [done.name]
    vault.remove(done.name)
    assert not (folder / done.name.folder).exists() and vault.used() == used // 2
    record = {
        done.name.footage: OnRecord(NORTH, done.root, gone=True),
        other.name.footage: OnRecord(SOUTH, other.root),
    }
    assert findings(vault, record) == [] and list(vault.reels()) == [other.name]
    again, _ = filmed(vault, 1, at=NOON + 3 * TWO_S)
    assert again.name.ordinal == 2, "a destroyed key is never used again"


def test_keys_made_ready_last_through_a_key_store_that_is_away(folder: Path, keys_url: str) -> None:
    with PostgresFootageKeys(keys_url, ENCRYPTION) as store:
        vault = Vault(LocalFiles(folder), store)
        vault.make_ready([NORTH, SOUTH], NOON)
        vault.make_ready([NORTH, SOUTH], NOON + timedelta(hours=1))
    for at in (NOON, NOON + timedelta(hours=1)):  # the pool is closed: nobody answers any more
        filmed(vault, 1, at=at)


def test_keys_that_two_threads_make_ready_at_once_are_all_kept(folder: Path, keys_url: str) -> None:
    others: list[Thread] = []

    class Meanwhile(dict[str, SubjectKey | Destroyed]):
        """Keys that, while they are looked through, let another thread make its own ready."""

        def items(self) -> Any:
            for other in others:
                other.start()
                other.join(100)
            return super().items()

    class Keys(PostgresFootageKeys):
        def make(self, subjects: Collection[str]) -> Mapping[str, SubjectKey | Destroyed]:
            made = super().make(subjects)
            return Meanwhile(made) if any(NORTH in subject for subject in subjects) else made

    with Keys(keys_url, ENCRYPTION) as store:
        vault = Vault(LocalFiles(folder), store)
        others.append(Thread(target=vault.make_ready, args=([SOUTH], NOON)))
        vault.make_ready([NORTH], NOON)
    for feed in (NORTH, SOUTH):  # the pool is closed: nobody answers any more
        filmed(vault, 1, feed)


# -- whoever changes something is found --------------------------------------


def _flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at % len(content)] ^= 0x01
    path.write_bytes(content)


@pytest.mark.rule("retention.sealed")
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(which=st.integers(0, 1000), at=st.integers(0, 1 << 20))
def test_a_change_of_any_byte_is_found(
    folder: Path, footage_keys: PostgresFootageKeys, tmp_path: Path, which: int, at: int
) -> None:
    if not folder.exists():
        vault = Vault(LocalFiles(folder), footage_keys)
        closed(vault, 3)
        filmed(vault, 3, SOUTH)
    copy = tmp_path / "changed"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    files = sorted(path for path in copy.rglob("*") if path.is_file())
    _flip(files[which % len(files)], at)
    assert findings(Vault(LocalFiles(copy), footage_keys))


def _swap(folder: Path, name: ReelName) -> None:
    first, second = folder / name.segment(1, NOON), folder / name.segment(2, NOON + TWO_S)
    one, two = first.read_bytes(), second.read_bytes()
    first.write_bytes(two), second.write_bytes(one)


def _forge(folder: Path, name: ReelName) -> None:
    """Everything but the signature and the record: a manifest that leaves the last segment out, chained anew."""
    whole, _ = manifests.read((folder / name.manifest).read_bytes())
    shorter = manifests.Manifest(whole.feed, whole.footage, whole.key, whole.entries[:-1])
    (folder / name.manifest).write_bytes(shorter.encoded()[0])
    (folder / name.segment(4, NOON + 3 * TWO_S)).unlink()


DEEDS: list[tuple[str, Callable[[Path, ReelName], object], set[str]]] = [
    ("a segment removed", lambda f, n: (f / n.segment(2, NOON + TWO_S)).unlink(), {"segment_missing"}),
    ("the last one removed", lambda f, n: (f / n.segment(4, NOON + 3 * TWO_S)).unlink(), {"segment_missing"}),
    ("two exchanged", _swap, {"segment_changed"}),
    (
        "one added",
        lambda f, n: shutil.copy(f / n.segment(4, NOON + 3 * TWO_S), f / n.segment(5, NOON + 4 * TWO_S)),
        {"not_in_manifest"},
    ),
    ("something else added", lambda f, n: (f / n.folder / "notes.txt").write_text("x"), {"unknown_file"}),
    ("cut short", lambda f, n: (f / n.segment(3, NOON + 2 * TWO_S)).write_bytes(b"{"), {"segment_changed"}),
    ("the manifest cut short", lambda f, n: (f / n.manifest).write_bytes(b'{"a":1}\n'), {"manifest_changed"}),
    ("the manifest removed", lambda f, n: (f / n.manifest).unlink(), {"manifest_missing"}),
    ("the note removed", lambda f, n: (f / n.note).unlink(), {"manifest_missing"}),
    ("a manifest forged", _forge, {"root", "signature"}),
    ("all of it removed", lambda f, n: shutil.rmtree(f / n.folder), {"missing"}),
    (
        "another hour's put in its place",
        lambda f, n: shutil.copytree(f / ReelName(SOUTH, NOON).folder, f / n.folder, dirs_exist_ok=True),
        {"manifest_changed", "root", "segment_changed"},
    ),
]


@pytest.mark.rule("retention.sealed")
@pytest.mark.parametrize(("deed", "expected"), [each[1:] for each in DEEDS], ids=[each[0] for each in DEEDS])
def test_every_deed_is_found_and_named(
    vault: Vault, folder: Path, deed: Callable[[Path, ReelName], object], expected: set[str]
) -> None:
    done, other = closed(vault), closed(vault, 4, SOUTH)
    record = {each.name.footage: OnRecord(each.name.feed, each.root) for each in (done, other)}
    assert findings(vault, record) == []
    deed(folder, done.name)
    found = findings(vault, record)
    assert {finding.code for finding in found} == expected
    assert {finding.footage for finding in found} == {done.name.footage}, "the others are as they were"


def test_a_reel_that_is_not_as_on_record_or_not_on_it_is_found(vault: Vault) -> None:
    done = closed(vault)
    assert codes(vault, {}) == set(), "it may be on its way to the record"
    check = Check(vault, vault.signer.verifier, NOON + timedelta(hours=3), {})
    assert [finding.code for finding in check.reel(done.name)] == ["not_on_record"]
    assert codes(vault, {done.name.footage: OnRecord(NORTH, "0" * 64)}) == {"root"}
    assert codes(vault, {FootageId("camera-x-1"): OnRecord(NORTH, "0" * 64, gone=True)}) == set()


def test_a_reel_that_nobody_closed_is_found(vault: Vault) -> None:
    name = filmed(vault)[0].name
    check = Check(vault, vault.signer.verifier, NOON + timedelta(hours=3))
    assert [finding.code for finding in check.reel(name)] == ["not_closed"]


def test_a_signature_is_checked_with_the_public_key_alone(vault: Vault) -> None:
    done = closed(vault)
    note = vault.storage.get(done.name.note)
    verifier = Verifier.from_text(vault.signer.verifier.text)
    verifier.check(note, done.manifest, done.root)
    with pytest.raises(ManifestBroken, match="not of this manifest"):
        verifier.check(note, done.manifest, "0" * 64)
    with pytest.raises(ManifestBroken, match="another key"):
        manifests.Signer(bytes(32)).verifier.check(note, done.manifest, done.root)
    with pytest.raises(ValueError):
        Verifier.from_text("saferweho-vault+00000000+AAAA")


def test_the_scrubber_finds_what_broke_tells_it_once_and_forgets_what_was_mended(vault: Vault, folder: Path) -> None:
    import threading

    done, told = closed(vault), list[Finding]()
    check = lambda paced: Check(vault, vault.signer.verifier, NOON, paced=paced)  # noqa: E731
    scrubber = Scrubber(check, vault.reels, told.append, bytes_per_s=1 << 30)
    stop = threading.Event()
    scrubber.once(stop)
    assert not told and scrubber.segments == 4
    path = folder / done.name.segment(3, NOON + 2 * TWO_S)
    sound = path.read_bytes()
    _flip(path, 700)
    scrubber.once(stop), scrubber.once(stop)
    assert [(f.code, f.segment) for f in told] == [("segment_changed", 3)] and scrubber.wrong
    assert told[0].range is not None and told[0].range.since == NOON + 2 * TWO_S
    path.write_bytes(sound)
    scrubber.once(stop)
    assert not scrubber.wrong and scrubber.passes == 4


# -- room --------------------------------------------------------------------


def test_the_quota_holds_and_space_is_counted_across_a_restart(folder: Path, footage_keys: PostgresFootageKeys) -> None:
    vault = Vault(LocalFiles(folder), footage_keys, quota=40_000)
    closed(vault, 3)
    reel, _ = filmed(vault, 3, SOUTH)
    space = vault.space()
    again = Vault(LocalFiles(folder), footage_keys, quota=40_000)
    assert again.used() == space.used and 30_000 < space.used < 40_000
    assert space.low(10) is None and "GB it may" in (space.low(30) or "")
    with pytest.raises(StorageFull, match="quota"):
        reel.add(taken(NOON + 3 * TWO_S, size=20_000))
    assert reel.close().manifest.entries[-1].number == 3 and findings(vault) == []


def test_what_is_imported_meanwhile_takes_room_too(folder: Path, footage_keys: PostgresFootageKeys) -> None:
    recording = Vault(LocalFiles(folder), footage_keys, quota=50_000)
    reel, _ = filmed(recording, 2)
    before = recording.space().used
    whole = closed(Vault(LocalFiles(folder), footage_keys), 6, feed_of("0f" * 32))
    space = recording.space()
    assert space.used == recording.used() == before + whole.manifest.size
    assert space.low(30) is not None
    with pytest.raises(StorageFull, match="quota"):
        reel.add(taken(NOON + 2 * TWO_S, size=20_000))
    footage_keys.destroy(whole.manifest.footage)
    recording.remove(whole.name)
    assert recording.used() == recording.space().used == before
    reel.add(taken(NOON + 2 * TWO_S, size=20_000))


def test_an_import_is_looked_at_again_while_it_may_grow(folder: Path, footage_keys: PostgresFootageKeys) -> None:
    now, looked = [0.0], list[str]()

    class Watched(LocalFiles):
        def files(self, folder: str) -> Mapping[str, int]:
            looked.append(folder)
            return super().files(folder)

    vault, feed = Vault(Watched(folder), footage_keys), feed_of("0f" * 32)
    room = vault._room = Room(vault.storage, vault.reels, vault._size, lambda: now[0])
    importing = Vault(LocalFiles(folder), footage_keys)
    reel, _ = filmed(importing, 1, feed)
    first = room.look()
    now[0] += MAY_GROW_S - 1
    reel.add(taken(NOON + TWO_S))
    grown = room.look()
    assert first < grown == importing.used()
    now[0] += MAY_GROW_S - 1
    assert room.look() == grown and looked.count(reel.name.folder) == 3
    now[0] += 2
    assert room.look() == grown and looked.count(reel.name.folder) == 3, "it is done long since"


def test_what_is_put_while_the_vault_is_counted_is_not_forgotten(
    folder: Path, footage_keys: PostgresFootageKeys
) -> None:
    then: list[Callable[[], object]] = []

    class Busy(LocalFiles):
        def folders(self, folder: str) -> Sequence[str]:
            found = super().folders(folder)
            while then:
                then.pop()()
            return found

    vault = Vault(Busy(folder), footage_keys)
    filmed(vault, 1)
    then.append(lambda: filmed(vault, 3, SOUTH))
    assert vault.used() == Vault(LocalFiles(folder), footage_keys).used()
