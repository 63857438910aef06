"""Burns masks into decoded pictures: under a mask nothing of the original is left for the encoder to see.

A mask covers every sample that it touches, with MARGIN_PX more: chroma in 4:2:0 has one sample for two by two of luma
(ITU-T H.264 §6.2), so whole such squares are covered, and a player that scales the picture mixes neighbours. What
cannot be masked, for whatever reason, is black all over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
import structlog
from av import VideoFrame
from av.video.plane import VideoPlane
from numpy.typing import NDArray

from domain.camera import WHOLE_PICTURE, Outline

MARGIN_PX = 4.0
BLACK_LUMA, GREY_CHROMA = 16, 128  # ITU-R BT.709, limited range
FORMAT = "yuv420p"
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Cover:
    """What is covered of one plane: a rectangle around all of it, and which samples in that."""

    rows: slice
    columns: slice
    samples: NDArray[np.bool_]


class Burner:
    """One mask for pictures of any size. Not for two threads at once."""

    def __init__(self, outlines: Sequence[Outline]) -> None:
        self._outlines = tuple(outlines)
        self._known: tuple[int, int, tuple[_Cover, _Cover]] | None = None

    def burn(self, frame: VideoFrame) -> VideoFrame:
        """The picture as it may be shown, in 4:2:0, of an even size, with the times of the original."""
        width, height = max(2, frame.width & ~1), max(2, frame.height & ~1)
        try:
            luma, chroma = self._covers(width, height)
            source = frame.reformat(width, height, FORMAT)
            # Another frame: the original's samples may be those that the decoder predicts the next pictures from.
            burnt = VideoFrame(width, height, FORMAT)
            for n, (plane, value) in enumerate(zip(burnt.planes, (BLACK_LUMA, GREY_CHROMA, GREY_CHROMA), strict=True)):
                samples, cover = _samples(plane), chroma if n else luma
                samples[:] = _samples(source.planes[n])
                np.copyto(samples[cover.rows, cover.columns], value, where=cover.samples)
        except Exception as error:
            log.error("mask_not_burnt", error=f"{type(error).__name__}: {error}", width=width, height=height)
            burnt = black_picture(width, height)
        burnt.pts = frame.pts
        if frame.time_base is not None:
            burnt.time_base = frame.time_base
        return burnt

    def _covers(self, width: int, height: int) -> tuple[_Cover, _Cover]:
        if self._known is None or self._known[:2] != (width, height):
            squares = covered_squares(self._outlines, width, height)
            self._known = (width, height, (_cover(squares.repeat(2, 0).repeat(2, 1)), _cover(squares)))
        return self._known[2]


def covered_squares(outlines: Sequence[Outline], width: int, height: int) -> NDArray[np.bool_]:
    """Rows and columns of the squares of two by two pixels that an outline touches or comes near. An outline whose
    sides cross covers all that it spans, and one of which a corner is no number covers everything."""
    covered = np.zeros((height // 2, width // 2), dtype=np.bool_)
    for outline in outlines:
        corners = np.asarray(outline, dtype=np.float64)
        if corners.ndim != 2 or len(corners) < 3 or not np.isfinite(corners).all():
            return np.ones_like(covered)
        pixels = corners * (width, height)
        shape = shapely.Polygon(pixels)
        if not shape.is_valid:
            # Bow ties and the like: what is meant is not known, so all of their hull is hidden.
            covered |= _near(shape.convex_hull, width, height)
        elif (turns := _turns(pixels)) is not None:
            covered |= _between(pixels, turns, width, height)
        else:
            covered |= _near(shape, width, height)
        if outline == WHOLE_PICTURE:
            covered[:] = True
    return covered


# A square is touched where its middle is within half its diagonal of the shape.
REACH_PX = MARGIN_PX + 2**0.5


def _near(shape: shapely.Geometry, width: int, height: int) -> NDArray[np.bool_]:
    """The squares that are touched by a shape of pixels, of whatever form, or come near it."""
    covered = np.zeros((height // 2, width // 2), dtype=np.bool_)
    grown = shape.buffer(REACH_PX, quad_segs=8)
    shapely.prepare(grown)
    left, top, right, bottom = (max(0, int(edge // 2)) for edge in grown.bounds)
    near = (slice(top, bottom + 1), slice(left, right + 1))
    rows, columns = np.indices(covered[near].shape) * 2.0 + 1.0
    covered[near] = shapely.contains_xy(grown, columns + 2 * left, rows + 2 * top)
    return covered


def _turns(pixels: NDArray[np.float64]) -> float | None:
    """1 or -1 for a convex outline, by the way around it; None where it is not convex or a side too short to tell."""
    sides = np.roll(pixels, -1, 0) - pixels
    following = np.roll(sides, -1, 0)
    turns = sides[:, 0] * following[:, 1] - sides[:, 1] * following[:, 0]
    if np.hypot(sides[:, 0], sides[:, 1]).min() < 1e-6:
        return None
    return 1.0 if turns.min() >= 0 else -1.0 if turns.max() <= 0 else None


def _between(pixels: NDArray[np.float64], turns: float, width: int, height: int) -> NDArray[np.bool_]:
    """The same for a convex outline, ten times as fast, because a drone's are others in every picture: what lies within
    REACH_PX of the inner side of every one of its sides, and of its extent."""
    sides = np.roll(pixels, -1, 0) - pixels
    outward = np.stack([sides[:, 1], -sides[:, 0]], 1) * turns / np.hypot(sides[:, 0], sides[:, 1])[:, None]
    limits = (outward * pixels).sum(1) + REACH_PX
    rows, columns = np.arange(height // 2) * 2 + 1.0, np.arange(width // 2) * 2 + 1.0
    left, right = np.full(len(rows), -np.inf), np.full(len(rows), np.inf)
    for (across, down), limit in zip(outward, limits, strict=True):
        room = limit - down * rows
        if across > 1e-9:
            right = np.minimum(right, room / across)
        elif across < -1e-9:
            left = np.maximum(left, room / across)
        else:
            right[room < 0] = -np.inf
    (first_x, first_y), (last_x, last_y) = pixels.min(0) - REACH_PX, pixels.max(0) + REACH_PX
    right[(rows < first_y) | (rows > last_y)] = -np.inf
    left, right = np.maximum(left, first_x), np.minimum(right, last_x)
    covered: NDArray[np.bool_] = (columns >= left[:, None]) & (columns <= right[:, None])
    return covered


def black(width: int, height: int) -> NDArray[np.uint8]:
    """Samples in FORMAT, of an even size, as `VideoFrame.from_ndarray` takes them."""
    samples = np.full((height * 3 // 2, width), GREY_CHROMA, dtype=np.uint8)
    samples[:height] = BLACK_LUMA
    return samples


def black_picture(width: int, height: int) -> VideoFrame:
    """Of an even size."""
    return VideoFrame.from_ndarray(black(width, height), FORMAT)


def _samples(plane: VideoPlane) -> NDArray[np.uint8]:
    """A view of a plane's samples: what is written there is in the picture."""
    return np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]


def _cover(covered: NDArray[np.bool_]) -> _Cover:
    rows, columns = np.flatnonzero(covered.any(1)), np.flatnonzero(covered.any(0))
    if not len(rows):
        return _Cover(slice(0, 0), slice(0, 0), covered[:0, :0])
    down, across = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return _Cover(down, across, covered[down, across].copy())
