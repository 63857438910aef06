"""Which segments are shown of what was granted, and what is sent of them: a real vault, real pictures."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import keys
from adapters.event_store import migrate as migrate_log
from adapters.keys import PostgresFootageKeys
from adapters.poses.telemetry import with_telemetry
from adapters.vault import Closed, LocalFiles, Vault, layout
from adapters.vault.layout import ReelName
from adapters.vault.manifest import Entry
from adapters.video.playback import FootageFault, Piece, Reels, moment, named, piece_at, pieces, playlist
from adapters.video.segments import MaskedSegments
from application.mask_states import EVERYTHING, MaskState
from application.viewings import Showing
from domain.footage import Stored
from domain.kernel import FeedId, FootageId, StreamId
from domain.privacy_override_events import Range
from tests.adapters.video.recorded import RATE, SINCE, cuts, noise, pictures, sealed
from tests.application.test_poses import TENTH, pose, yard
from tests.keys import ENCRYPTION

FEED = FeedId(StreamId("camera-plummer-park"))
MASK = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))  # the left half
OPEN = MaskState()


# -- lists -------------------------------------------------------------------


@st.composite
def reels(draw: st.DrawFn) -> list[Entry]:
    """Segments as a recorder leaves them, with gaps."""
    at, found = SINCE, []
    for number in range(1, draw(st.integers(1, 40)) + 1):
        at += timedelta(microseconds=draw(st.sampled_from([0, 0, 0, 0, 1, 700_000, 90_000_000])))
        until = at + timedelta(microseconds=draw(st.integers(1, 10_000_000)))
        found.append(Entry(number, 1000, "0" * 64, at, until))
        at = until
    return found


def ranges() -> st.SearchStrategy[Range]:
    moments = st.integers(-5_000_000, 300_000_000).map(lambda us: SINCE + timedelta(microseconds=us))
    return st.tuples(moments, moments).map(lambda two: Range(min(two), max(two)))


def listed(entries: list[Entry]) -> list[tuple[Stored, Entry]]:
    return [(Stored("f", Range(SINCE, SINCE), "0" * 64), entry) for entry in entries]


@given(reels(), ranges())
def test_a_list_has_what_lies_within_what_was_granted_and_nothing_else(entries: list[Entry], granted: Range) -> None:
    some = pieces(listed(entries), granted)
    assert [piece.entry for piece in some] == [
        entry for entry in entries if granted.since <= entry.since and entry.until <= granted.until
    ]
    if not some:
        return
    told = playlist(some)
    assert told.startswith("#EXTM3U\n") and told.endswith("#EXT-X-ENDLIST\n")
    names = re.findall(r"^(\S+)\.m4s$", told, re.M)
    dates = re.findall(r"#EXT-X-PROGRAM-DATE-TIME:(\S+)", told)
    lengths = [float(text) for text in re.findall(r"#EXTINF:([\d.]+),", told)]
    assert [moment(name) for name in names] == [datetime.fromisoformat(date) for date in dates]
    for piece, name, lasts in zip(some, names, lengths, strict=True):
        assert (name, lasts) == (piece.name, pytest.approx(piece.lasts_s, abs=1e-6))
        assert piece_at(some, piece.entry.since) == piece
    # RFC 8216 §4.3.3.1: no segment is longer than is said, rounded.
    (most,) = re.findall(r"#EXT-X-TARGETDURATION:(\d+)", told)
    assert all(round(lasts) <= int(most) for lasts in lengths)
    # A gap is told, and nothing else is told as one; each stretch has its own head.
    gaps = sum(a.entry.until != b.entry.since for a, b in itertools.pairwise(some))
    assert told.count("#EXT-X-DISCONTINUITY\n") == gaps
    maps = re.findall(r'#EXT-X-MAP:URI="init-(\S+)\.mp4"', told)
    assert len(maps) == gaps + 1 and maps == list(dict.fromkeys(named(piece.run) for piece in some))


@given(reels(), ranges(), st.integers(-5_000_000, 300_000_000))
def test_a_moment_finds_the_segment_that_has_it_or_none(entries: list[Entry], granted: Range, us: int) -> None:
    at = SINCE + timedelta(microseconds=us)
    found = piece_at(pieces(listed(entries), granted), at)
    if found is None:
        assert not any(e.since <= at < e.until and granted.covers(Range(e.since, e.until)) for e in entries)
    else:
        assert found.entry.since <= at < found.entry.until and granted.covers(found.range)


@given(st.integers(0, 5_000_000_000_000_000))
def test_a_name_says_when_and_is_the_only_one_that_does(us: int) -> None:
    at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=us)
    assert moment(named(at)) == at


@pytest.mark.parametrize(
    "name", ["", "..", "20260601T120000Z", "20260601T120000.0Z", "20260601T120000.000000Z/..", "a"]
)
def test_what_is_no_name_is_none(name: str) -> None:
    assert moment(name) is None


def test_footage_is_found_by_its_name() -> None:
    begins = datetime(2026, 6, 1, 14, tzinfo=UTC)
    for name in (ReelName(FEED, begins), ReelName(FEED, begins, 2), ReelName(FeedId(StreamId("flight-a-b")), begins)):
        assert layout.named(name.footage) == name
    for other in ("../../etc", f"{FEED}-20260601T1400Z-1", f"{FEED}-20261301T1400Z", f"{FEED}-x", "20260601T1400Z"):
        assert layout.named(other) is None


# -- what is sent ------------------------------------------------------------


@pytest.fixture
def vault(database_url: str, tmp_path: Path) -> Iterator[Vault]:
    migrate_log(database_url)
    keys.migrate(database_url)
    with PostgresFootageKeys(database_url, ENCRYPTION) as found:
        yield Vault(LocalFiles(tmp_path / "vault"), found)


@pytest.fixture
def reels_of(vault: Vault) -> Reels:
    return Reels(vault, MaskedSegments())


def of(closed: Closed, footage: FootageId | None = None, root: str | None = None) -> Showing:
    whole = closed.manifest
    span = Range(whole.since, whole.until)
    parts = (Stored(footage or whole.footage, span, root or closed.root),)
    return Showing(whole.footage, whole.feed, parts, span, SINCE + timedelta(days=365))


def all_of(closed: Closed) -> list[Piece]:
    whole = closed.manifest
    return pieces([(of(closed).parts[0], entry) for entry in whole.entries], Range(whole.since, whole.until))


def test_what_has_no_mask_is_sent_as_the_camera_sent_it_with_times_that_go_on(vault: Vault, reels_of: Reels) -> None:
    frames = noise(1, 5 * RATE)
    some = cuts(frames)
    closed = sealed(vault, FEED, some)
    entries = reels_of.entries(of(closed))
    assert [entry for _, entry in entries] == list(closed.manifest.entries)
    assert reels_of.entries(of(closed)) == entries
    sent = [reels_of.sent(piece, OPEN, encoded=False) for piece in all_of(closed)]
    assert len({each.init for each in sent}) == 1
    shown = pictures(sent[0].init + b"".join(each.body for each in sent))
    assert len(shown) == len(frames)
    times = [float(frame.pts * frame.time_base) for frame in shown if frame.pts is not None and frame.time_base]
    assert times == pytest.approx([number / RATE for number in range(len(frames))], abs=0.002)
    alone = pictures(some[1].content)
    assert (shown[len(pictures(some[0].content))].to_ndarray() == alone[0].to_ndarray()).all()


@pytest.mark.rule("mask.nothing_left")
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_what_has_a_mask_is_encoded_anew_and_goes_on_too(vault: Vault, reels_of: Reels, codec: str) -> None:
    frames = noise(2, 4 * RATE)
    closed = sealed(vault, FEED, cuts(frames, codec=codec))
    state = MaskState(outlines=(MASK,))
    sent = [reels_of.sent(piece, state, encoded=True) for piece in all_of(closed)]
    assert len({each.init for each in sent}) == 1
    shown = pictures(sent[0].init + b"".join(each.body for each in sent))
    assert abs(len(shown) - len(frames)) <= 2
    for frame in shown:
        left = frame.to_ndarray(format="gray")[:, : frame.width // 2 - 16]
        assert left.max() < 48 and left.std() < 6
        assert frame.to_ndarray(format="gray")[:, frame.width // 2 + 16 :].std() > 4
    times = [float(frame.pts * frame.time_base) for frame in shown if frame.pts is not None and frame.time_base]
    assert times == sorted(times) and times[-1] == pytest.approx(4, abs=0.2)


@pytest.mark.rule("mask.fails_closed")
def test_a_mask_that_cannot_be_computed_covers_all(vault: Vault, reels_of: Reels) -> None:
    closed = sealed(vault, FEED, cuts(noise(3, 2 * RATE)))
    (piece,) = all_of(closed)
    sent = reels_of.sent(piece, EVERYTHING, encoded=False)
    for frame in pictures(sent.init + sent.body):
        assert frame.to_ndarray(format="gray").max() < 24
    still = reels_of.still(piece, SINCE + timedelta(seconds=1), EVERYTHING, piece.range)
    assert still[:2] == b"\xff\xd8"
    assert pictures(still)[0].to_ndarray(format="gray").max() < 24


@pytest.mark.rule("mask.drone")
def test_a_drones_footage_is_masked_by_where_it_was_and_wholly_where_nobody_knows(
    vault: Vault, reels_of: Reels
) -> None:
    (cut,) = cuts(noise(10, 2 * RATE))
    state, feed = MaskState(zones=(yard().shape,)), FeedId(StreamId("flight-f1"))

    def shown(north: float | None, at: datetime) -> tuple[list[float], int]:
        """How much of each picture is dark, of a flight that hovers there; and how many poses are told beside it."""
        poses = [] if north is None else [pose(at + (n - 10) * TENTH, north) for n in range(40)]
        taken = replace(cut, content=with_telemetry(cut.content, at, poses), since=at, until=at + 20 * TENTH)
        closed = sealed(vault, feed, [taken])
        (piece,) = all_of(closed)
        sent = reels_of.sent(piece, state, encoded=True)
        dark = [float((f.to_ndarray(format="gray") < 24).mean()) for f in pictures(sent.init + sent.body)]
        return dark, len(reels_of.telemetry(piece, [piece], state))

    hours = [SINCE + timedelta(hours=n) for n in range(3)]
    unknown, none = shown(None, hours[0])
    assert none == 0 and min(unknown) > 0.99
    far, told = shown(400.0, hours[1])  # it looks the other way
    assert told == 20 and max(far) < 0.2
    near, _ = shown(-60.0, hours[2])
    assert min(near) > max(far)


@pytest.mark.rule("mask.place")
def test_beside_masked_pictures_nothing_tells_what_the_mask_hides(vault: Vault, reels_of: Reels) -> None:
    """A flight of two segments; of the second one nobody knows whither the camera looked, so that it is black."""
    feed, views = FeedId(StreamId("flight-f1")), ("headingDeg", "cameraPitchDeg", "cameraYawDeg")
    some = []
    for number, cut in enumerate(cuts(noise(12, 4 * RATE))):
        poses = [pose(cut.since + n * TENTH, 400.0) for n in range(-10, 30)]
        poses = [replace(each, gimbal=None) for each in poses] if number else poses
        some.append(replace(cut, content=with_telemetry(cut.content, cut.since, poses)))
    both = all_of(sealed(vault, feed, some))
    first, second = both

    def told(piece: Piece, state: MaskState) -> list[tuple[float, bool]]:
        """Seconds from the beginning of the footage, and whether it says whither the camera looked."""
        since = first.entry.since
        return [
            (
                (datetime.fromisoformat(each["at"]) - since).total_seconds(),
                any(each[name] is not None for name in views),
            )
            for each in reels_of.telemetry(piece, both, state)
        ]

    masked = MaskState(zones=(yard().shape,))
    whole = told(first, OPEN)
    assert whole == [(pytest.approx(n / 10), True) for n in range(20)], "what was sealed of its own pictures"
    assert len(told(second, OPEN)) == 20
    # The pictures of the second one are of poses of up to a second before.
    assert told(first, masked) == [(at, False) for at, _ in whole if at < 1]
    assert told(second, masked) == []
    assert told(first, EVERYTHING) == []


def test_a_segment_that_begins_without_a_key_frame_is_masked_like_any(vault: Vault, reels_of: Reels) -> None:
    first, second = cuts(noise(9, 12 * RATE, 160, 90), g="1000", keyint_min="1000", sc_threshold="0")
    assert first.on_key_frame and not second.on_key_frame
    closed = sealed(vault, FEED, [first, second])
    state = MaskState(outlines=(MASK,))
    sent = reels_of.sent(all_of(closed)[1], state, encoded=True)
    shown = pictures(sent.init + sent.body)
    assert len(shown) == second.pictures
    alone = reels_of.sent(all_of(closed)[1], state, encoded=True)
    assert alone.body == sent.body
    assert all(frame.to_ndarray(format="gray")[:, 96:].std() > 4 for frame in shown)


def test_part_of_a_body_is_part_of_the_time(vault: Vault, reels_of: Reels) -> None:
    closed = sealed(vault, FEED, cuts(noise(4, 2 * RATE)))
    (piece,) = all_of(closed)
    sent = reels_of.sent(piece, OPEN, encoded=False)
    assert sent.shown(0, piece.range) == ()
    assert sent.shown(len(sent.body), piece.range) == (piece.range,)
    (half,) = sent.shown(len(sent.body) // 2, piece.range)
    assert half.since == SINCE and 0.5 < (half.until - half.since).total_seconds() < 1.5


# -- what cannot be shown ----------------------------------------------------


def fault(reels_of: Reels, closed: Closed, piece: Piece | None = None) -> str:
    with pytest.raises(FootageFault) as told:
        reels_of.sent(piece or all_of(closed)[0], OPEN, encoded=False)
    return told.value.code


def test_a_changed_missing_or_half_written_segment_is_no_footage(vault: Vault, reels_of: Reels, tmp_path: Path) -> None:
    closed = sealed(vault, FEED, cuts(noise(5, 6 * RATE)))
    first, second, third = (
        tmp_path / "vault" / closed.name.segment(entry.number, entry.since) for entry in closed.manifest.entries
    )
    one, two, three = all_of(closed)
    first.write_bytes(first.read_bytes()[:-100])
    assert fault(reels_of, closed, one) == "footage_damaged"
    second.rename(second.with_name(second.name + ".partial"))
    assert fault(reels_of, closed, two) == "footage_damaged"
    assert reels_of.sent(three, OPEN, encoded=False).body
    third.write_bytes((tmp_path / "vault" / closed.name.manifest).read_bytes())
    assert fault(reels_of, closed, three) == "footage_damaged"


def test_a_segment_in_the_place_of_another_is_no_footage(vault: Vault, reels_of: Reels, tmp_path: Path) -> None:
    closed = sealed(vault, FEED, cuts(noise(6, 4 * RATE)))
    first, second = (tmp_path / "vault" / closed.name.segment(e.number, e.since) for e in closed.manifest.entries)
    first.write_bytes(second.read_bytes())
    assert fault(reels_of, closed) == "footage_damaged"


def test_the_manifest_is_the_one_on_the_record_or_nothing_is_shown(vault: Vault, reels_of: Reels) -> None:
    closed = sealed(vault, FEED, cuts(noise(7, 2 * RATE)))
    for footage, root in ((closed.name.footage, "0" * 64), (FootageId(f"{FEED}-20260601T1300Z"), closed.root)):
        with pytest.raises(FootageFault) as told:
            reels_of.entries(of(closed, footage, root))
        assert told.value.code == "footage_damaged"
    with pytest.raises(FootageFault):
        reels_of.entries(of(closed, FootageId("../../../etc/passwd")))


def test_footage_whose_key_is_destroyed_is_shown_to_nobody(vault: Vault, reels_of: Reels, database_url: str) -> None:
    closed = sealed(vault, FEED, cuts(noise(8, 2 * RATE)))
    (piece,) = all_of(closed)
    masked = MaskState(outlines=(MASK,))
    assert reels_of.sent(piece, masked, encoded=True).body
    with PostgresFootageKeys(database_url, ENCRYPTION) as found:
        found.destroy(closed.name.footage)
    vault._held.clear()  # as after two seconds
    assert fault(reels_of, closed) == "footage_destroyed"
    with pytest.raises(FootageFault) as told:  # also what was encoded before
        reels_of.sent(piece, masked, encoded=True)
    assert told.value.code == "footage_destroyed"
