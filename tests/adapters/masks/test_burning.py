"""Masks in pictures: after encoding and decoding nothing of what was under one is left."""

from __future__ import annotations

import io
import random
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
import shapely
from av import VideoFrame
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from adapters.masks import burning
from adapters.masks.burning import BLACK_LUMA, GREY_CHROMA, Burner, covered_squares
from domain.camera import WHOLE_PICTURE, Outline

WIDTH, HEIGHT = 320, 180
WINDOW: Outline = ((0.2, 0.25), (0.55, 0.2), (0.6, 0.7), (0.25, 0.8))
DEEP: Outline = tuple((0.4 + (u - 0.4) * 0.45, 0.49 + (v - 0.49) * 0.45) for u, v in WINDOW)
Samples = NDArray[np.uint8]


def moving(seed: int, count: int) -> list[VideoFrame]:
    """Bright blocks and noise that move at random over the whole picture, under the mask too."""
    chance = np.random.default_rng(seed)
    picture = chance.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    frames = []
    for n in range(count):
        picture = np.roll(picture, tuple(chance.integers(-9, 10, 2)), (0, 1))
        y, x = chance.integers(0, HEIGHT - 30), chance.integers(0, WIDTH - 30)
        picture[y : y + 30, x : x + 30] = chance.integers(0, 256, 3)
        frame = VideoFrame.from_ndarray(picture, "rgb24")
        frame.pts, frame.time_base = n, Fraction(1, 25)
        frames.append(frame)
    return frames


def encoded(frames: list[VideoFrame], codec: str) -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream(codec, rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return out.getvalue()


def decoded(content: bytes) -> list[Samples]:
    with av.open(io.BytesIO(content)) as container:
        return [frame.reformat(format="yuv420p").to_ndarray() for frame in container.decode(video=0)]


def inside(outline: Outline) -> NDArray[np.bool_]:
    """Pixels whose middle is within the outline, by crossings of a ray: not the way they were covered."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    crossed = np.zeros((HEIGHT, WIDTH), dtype=int)
    corners = [(u * WIDTH, v * HEIGHT) for u, v in outline]
    for (x1, y1), (x2, y2) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if y1 != y2:
            spans = (y1 > y) != (y2 > y)
            crossed += spans & ((x2 - x1) * (y - y1) / (y2 - y1) + x1 > x)
    return crossed % 2 == 1


@pytest.mark.rule("mask.nothing_left")
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_two_pictures_that_differ_under_the_mask_alone_are_encoded_alike(codec: str) -> None:
    # Sharper than looking for traces: not a bit of the file depends on what was hidden.
    hidden = inside(WINDOW)
    plain, other = moving(1, 20), []
    for frame, noise in zip(plain, moving(2, 20), strict=True):
        mixed = frame.to_ndarray(format="rgb24").copy()
        mixed[hidden] = noise.to_ndarray(format="rgb24")[hidden]
        changed = VideoFrame.from_ndarray(mixed, "rgb24")
        changed.pts, changed.time_base = frame.pts, frame.time_base
        other.append(changed)
    burner = Burner([WINDOW])
    assert encoded([burner.burn(f) for f in plain], codec) == encoded([burner.burn(f) for f in other], codec)
    assert encoded(plain, codec) != encoded(other, codec)


@pytest.mark.rule("mask.nothing_left")
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_under_a_mask_a_decoded_picture_is_even_and_elsewhere_it_moves(codec: str) -> None:
    burner, source = Burner([WINDOW]), moving(3, 25)
    pictures = decoded(encoded([burner.burn(frame) for frame in source], codec))
    hidden, deep = inside(WINDOW), inside(DEEP)
    assert len(pictures) == 25
    for samples in pictures:
        luma, chroma = samples[:HEIGHT].astype(int), samples[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2).astype(int)
        # An encoder rings at an edge, some steps of 255 and no further than a block: that is the picture beside it.
        assert np.abs(luma[deep] - BLACK_LUMA).max() <= 8
        assert np.abs(luma[hidden] - BLACK_LUMA).mean() < 2.5
        for plane in chroma:
            assert np.abs(plane[deep[::2, ::2]] - GREY_CHROMA).max() <= 8
        assert luma[~hidden].std() > 20
    assert any((a[:HEIGHT][~hidden] != b[:HEIGHT][~hidden]).any() for a, b in pairwise(pictures))


@pytest.mark.rule("mask.nothing_left")
def test_what_is_burnt_has_the_times_of_the_original_and_an_even_size() -> None:
    frame = VideoFrame.from_ndarray(np.full((35, 51, 3), 200, dtype=np.uint8), "rgb24")
    frame.pts, frame.time_base = 417, Fraction(1, 90_000)
    burnt = Burner([]).burn(frame)
    assert (burnt.width, burnt.height, burnt.pts, burnt.time_base) == (50, 34, 417, Fraction(1, 90_000))
    assert burnt.to_ndarray()[:34].min() > 100


@pytest.mark.parametrize("format_", ["yuv420p", "yuvj420p", "rgb24", "yuv444p", "gray"])
def test_the_original_stays_as_it_was(format_: str) -> None:
    frame = moving(5, 1)[0].reformat(format=format_)
    before = frame.to_ndarray().copy()
    burnt = Burner([WHOLE_PICTURE]).burn(frame).to_ndarray()
    assert (burnt[:HEIGHT] == BLACK_LUMA).all()
    assert (frame.to_ndarray() == before).all()


@pytest.mark.rule("mask.fails_closed")
@pytest.mark.parametrize(
    "outlines",
    [
        [WHOLE_PICTURE],
        [((0.1, 0.1), (float("nan"), 0.2), (0.3, 0.3))],
        [((0.1, 0.1), (0.2, 0.2))],
        [()],
        [((0.1, 0.1, 0.1), (0.2, 0.2), (0.3, 0.3))],
        [None],
    ],
)
def test_a_mask_that_cannot_be_computed_covers_everything(outlines: list[Outline]) -> None:
    samples = Burner(outlines).burn(moving(4, 1)[0]).to_ndarray()
    assert (samples[:HEIGHT] == BLACK_LUMA).all() and (samples[HEIGHT:] == GREY_CHROMA).all()


@pytest.mark.rule("mask.fails_closed")
def test_a_stream_that_changes_its_size_stays_masked() -> None:
    burner = Burner([WINDOW])
    for width, height in ((WIDTH, HEIGHT), (640, 360), (64, 36), (WIDTH, HEIGHT)):
        frame = VideoFrame.from_ndarray(np.full((height, width, 3), 230, dtype=np.uint8), "rgb24")
        luma = burner.burn(frame).to_ndarray()[:height]
        assert luma[height // 2, int(width * 0.4)] == BLACK_LUMA
        assert luma[1, 1] > 100 and luma[-1, -1] > 100


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=8), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_every_pixel_that_an_outline_holds_is_covered(corners: list[tuple[float, float]], seed: int) -> None:
    covered = covered_squares([tuple(corners)], WIDTH, HEIGHT).repeat(2, 0).repeat(2, 1)
    assert covered[inside(tuple(corners))].all()
    chance = random.Random(seed)
    for _ in range(20):  # and every point of an edge
        n, part = chance.randrange(len(corners)), chance.random()
        (u1, v1), (u2, v2) = corners[n - 1], corners[n]
        u, v = u1 + part * (u2 - u1), v1 + part * (v2 - v1)
        assert covered[min(int(v * HEIGHT), HEIGHT - 1), min(int(u * WIDTH), WIDTH - 1)]


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=12), st.booleans())
@settings(max_examples=150, deadline=None)
def test_a_convex_outline_is_covered_the_fast_way_as_it_is_the_slow_way(
    corners: list[tuple[float, float]], backwards: bool
) -> None:
    hull = shapely.MultiPoint([(u * WIDTH, v * HEIGHT) for u, v in corners]).convex_hull
    assume(hull.geom_type == "Polygon")
    pixels = np.array(hull.exterior.coords)[:-1][:: -1 if backwards else 1]
    turns = burning._turns(pixels)
    assume(turns is not None)
    fast, slow = burning._between(pixels, turns, WIDTH, HEIGHT), burning._near(hull, WIDTH, HEIGHT)
    assert fast[slow].all()
    # Where it covers more, that is at a corner: within the reach of every side's line, and of the extent.
    for y, x in np.argwhere(fast & ~slow):
        assert hull.envelope.distance(shapely.Point(2 * x + 1, 2 * y + 1)) <= burning.REACH_PX * 2**0.5 + 1e-6


def test_a_square_is_covered_with_its_margin_and_no_more() -> None:
    covered = covered_squares([((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))], WIDTH, HEIGHT)
    rows, columns = np.flatnonzero(covered.any(1)) * 2, np.flatnonzero(covered.any(0)) * 2
    assert 80 - 8 <= columns[0] <= 80 - 4 and 240 + 2 <= columns[-1] <= 240 + 6
    assert 45 - 8 <= rows[0] <= 45 - 4 and 135 + 2 <= rows[-1] <= 135 + 6
