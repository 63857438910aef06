"""Fragmented MP4 taken apart, held against FFmpeg, which made it and plays it."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.video import boxes
from adapters.video.boxes import NotFragments
from tests.adapters.video.recorded import RATE, cuts, noise, pictures

FRAMES = 3 * RATE


@pytest.fixture(scope="module")
def content() -> bytes:
    return cuts(noise(1, FRAMES))[0].content


@pytest.fixture(scope="module")
def reordered() -> bytes:
    """With pictures that are shown in another order than they come (B-frames)."""
    return cuts(noise(2, FRAMES), bf="2", preset="medium", crf="40")[0].content


def test_the_head_holds_no_picture_and_the_rest_plays_behind_it(content: bytes) -> None:
    init, fragments = boxes.split(content)
    assert init + fragments == content and len(init) < 2_000
    assert init[4:8] == b"ftyp" and fragments[4:8] == b"moof"
    with pytest.raises((av.FFmpegError, IndexError)):
        pictures(init)[0]
    (track,) = boxes.tracks(init).values()
    assert track.video and track.timescale == 90_000


def test_pictures_are_shifted_and_are_the_same_pictures(content: bytes) -> None:
    init, fragments = boxes.split(content)
    moved = init + boxes.shifted(fragments, Fraction(7, 2), boxes.tracks(init))
    assert len(moved) == len(content)
    for before, after in zip(pictures(content), pictures(moved), strict=True):
        assert before.pts is not None and after.pts is not None and after.time_base is not None
        assert (after.pts - before.pts) * after.time_base == Fraction(7, 2)
        assert (before.to_ndarray() == after.to_ndarray()).all()


@pytest.mark.parametrize("film", ["content", "reordered"])
def test_how_much_of_a_film_is_in_its_first_bytes(film: str, request: pytest.FixtureRequest) -> None:
    content: bytes = request.getfixturevalue(film)
    init, fragments = boxes.split(content)
    tracks = boxes.tracks(init)
    with av.open(io.BytesIO(content)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
    base = packets[0].time_base
    assert base is not None
    first = min(p.pts or 0 for p in packets)
    # FFmpeg says where in the file each picture is: a byte before that is none of it.
    for packet in packets:
        begins = (packet.pos or 0) - len(init)
        until = {n: max((p.pts or 0) + (p.duration or 0) for p in packets[: n + 1]) for n in range(len(packets))}
        number = packets.index(packet)
        before = (until[number - 1] - first) * base if number else 0
        assert boxes.shown(fragments, begins, tracks) == before
        assert boxes.shown(fragments, begins + 1, tracks) == (until[number] - first) * base
    assert boxes.shown(fragments, 0, tracks) == 0
    lasts = boxes.shown(fragments, len(fragments), tracks)
    assert abs(float(lasts) - len(packets) / RATE) < 0.1


@given(st.data())
@settings(max_examples=300)
def test_what_is_no_film_is_refused_and_nothing_worse(content: bytes, data: st.DataObject) -> None:
    head = bytearray(content[:2_500])
    for _ in range(data.draw(st.integers(1, 6))):
        head[data.draw(st.integers(0, len(head) - 1))] = data.draw(st.integers(0, 255))
    broken = bytes(head) + content[2_500 : data.draw(st.integers(2_500, len(content)))]
    try:
        init, fragments = boxes.split(broken)
        tracks = boxes.tracks(init)
        assert len(boxes.shifted(fragments, Fraction(1), tracks)) == len(fragments)
        assert boxes.shown(fragments, data.draw(st.integers(0, len(fragments))), tracks) >= 0
    except NotFragments:
        pass


@given(st.binary(max_size=400))
def test_noise_is_no_film(noise: bytes) -> None:
    with pytest.raises(NotFragments):
        boxes.tracks(boxes.split(noise)[0])
