"""Frames: counted as an independent reader counts them, whole or not at all."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.mavlink.dialect import CRC_EXTRA, decode, mavlink
from adapters.mavlink.frames import FrameScanner
from adapters.mavlink.tlog import read_tlog
from tests.adapters.mavlink.conftest import RECORDINGS, recording, scan

SIGNED = recording("ardupilot_sitl_signed_sortie")
GENUINE = {frame.raw for frame in FrameScanner().feed(SIGNED)}
EXCERPT = SIGNED[150_000:156_000]


@pytest.mark.parametrize("name", RECORDINGS)
def test_every_frame_of_a_recording_is_found(name: str) -> None:
    data = recording(name)
    scanner = FrameScanner()
    found = [frame.raw for frame in scanner.feed(data)]
    scanner.close()
    assert found == scan(data)
    assert scanner.counts.frames == len(found)
    assert scanner.counts.bytes == len(data) == sum(map(len, found)) + scanner.counts.skipped_bytes


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recording_read_as_a_log_holds_the_same_frames(name: str) -> None:
    data = recording(name)
    entries = list(read_tlog(data))
    assert [entry.frame.raw for entry in entries] == scan(data)
    assert all(earlier.at <= later.at for earlier, later in itertools.pairwise(entries))


def test_every_message_decodes_to_what_pymavlink_reads() -> None:
    reader = mavlink.MAVLink(None)
    for frame in FrameScanner().feed(recording("ardupilot_sitl_two_drones")):
        expected = reader.decode(bytearray(frame.raw)).to_dict()
        del expected["mavpackettype"]
        assert str(dict(sorted(decode(frame.number, frame.raw).items()))) == str(dict(sorted(expected.items())))


@given(cuts=st.lists(st.integers(0, len(EXCERPT)), max_size=40))
@settings(max_examples=50, deadline=None)
def test_frames_do_not_depend_on_how_the_stream_was_cut(cuts: list[int]) -> None:
    scanner = FrameScanner()
    edges = [0, *sorted(cuts), len(EXCERPT)]
    pieces = [EXCERPT[a:b] for a, b in itertools.pairwise(edges)]
    assert [frame for piece in pieces for frame in scanner.feed(piece)] == FrameScanner().feed(EXCERPT)


@given(st.lists(st.tuples(st.integers(0, len(EXCERPT) - 1), st.integers(1, 255)), min_size=1, max_size=60))
@settings(max_examples=200, deadline=None)
def test_flipped_bytes_cost_only_the_frames_they_hit(flips: list[tuple[int, int]]) -> None:
    damaged = bytearray(EXCERPT)
    for at, flip in flips:
        damaged[at] ^= flip
    whole = FrameScanner().feed(EXCERPT)
    # Silence behind it: nothing is still waited for.
    survivors = FrameScanner().feed(bytes(damaged) + bytes(300))
    # A signature is outside the CRC: its damage is for the key to find.
    checked = {frame.raw[:-13] if frame.signed else frame.raw for frame in whole}
    assert all((frame.raw[:-13] if frame.signed else frame.raw) in checked for frame in survivors)
    assert len(survivors) >= len(whole) - len(flips)


@given(st.binary(max_size=4_000))
@settings(max_examples=100, deadline=None)
def test_noise_never_stops_the_scanner(noise: bytes) -> None:
    scanner = FrameScanner()
    scanner.feed(noise)
    # Silence of the longest frame later, everything that follows is read again.
    scanner.feed(bytes(300))
    assert len(scanner.feed(EXCERPT)) == len(FrameScanner().feed(EXCERPT))


def test_an_unknown_message_and_an_unknown_flag_are_counted_and_skipped() -> None:
    assert 64_010 not in CRC_EXTRA
    unknown = bytes([0xFD, 1, 0, 0, 0, 1, 1]) + (64_010).to_bytes(3, "little") + b"x\0\0"
    flagged = bytes([0xFD, 9, 2, 0, 0, 1, 1, 0, 0, 0]) + bytes(11)
    scanner = FrameScanner()
    frames = scanner.feed(unknown + flagged + min(GENUINE))
    assert [frame.raw for frame in frames] == [min(GENUINE)]
    assert scanner.counts.unknown == 2
