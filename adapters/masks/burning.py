"""Burns masks into decoded pictures: under a mask nothing of the original is left for the encoder to see.

A mask covers every sample that it touches, with MARGIN_PX more: chroma in 4:2:0 has one sample for two by two of luma
(ITU-T H.264 §6.2), so whole such squares are covered, and a player that scales the picture mixes neighbours. What
cannot be masked, for whatever reason, is black all over.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
import structlog
from av import VideoFrame
from numpy.typing import NDArray

from domain.camera import WHOLE_PICTURE, Outline

MARGIN_PX = 4.0
BLACK_LUMA, GREY_CHROMA = 16, 128  # ITU-R BT.709, limited range
FORMAT = "yuv420p"
log = structlog.get_logger()


class Burner:
    """One mask for pictures of any size. Not for two threads at once."""

    def __init__(self, outlines: Sequence[Outline]) -> None:
        self._outlines = tuple(outlines)
        self._known: tuple[int, int, NDArray[np.bool_]] | None = None

    def burn(self, frame: VideoFrame) -> VideoFrame:
        """The picture as it may be shown, in 4:2:0, of an even size, with the times of the original."""
        width, height = max(2, frame.width & ~1), max(2, frame.height & ~1)
        try:
            # A copy: the original's samples may be those that the decoder predicts the next pictures from.
            samples = np.array(frame.reformat(width, height, FORMAT).to_ndarray(), dtype=np.uint8)
            covered = self._covered(width, height)
            samples[:height][covered.repeat(2, 0).repeat(2, 1)] = BLACK_LUMA
            for plane in _chroma(samples, width, height):
                plane[covered.reshape(plane.shape)] = GREY_CHROMA
        except Exception as error:
            log.error("mask_not_burnt", error=f"{type(error).__name__}: {error}", width=width, height=height)
            samples = black(width, height)
        burnt = VideoFrame.from_ndarray(samples, FORMAT)
        burnt.pts = frame.pts
        if frame.time_base is not None:
            burnt.time_base = frame.time_base
        return burnt

    def _covered(self, width: int, height: int) -> NDArray[np.bool_]:
        if self._known is None or self._known[:2] != (width, height):
            self._known = (width, height, covered_squares(self._outlines, width, height))
        return self._known[2]


def covered_squares(outlines: Sequence[Outline], width: int, height: int) -> NDArray[np.bool_]:
    """Rows and columns of the squares of two by two pixels that an outline touches or comes near. An outline that is
    none, because its sides cross or a corner is no number, covers everything."""
    covered = np.zeros((height // 2, width // 2), dtype=np.bool_)
    columns, rows = np.meshgrid(np.arange(width // 2) * 2 + 1.0, np.arange(height // 2) * 2 + 1.0)
    for outline in outlines:
        corners = np.asarray(outline, dtype=np.float64)
        if corners.ndim != 2 or len(corners) < 3 or not np.isfinite(corners).all():
            return np.ones_like(covered)
        shape = shapely.Polygon(corners * (width, height))
        if not shape.is_valid:
            # Bow ties and the like: what is meant is not known, so all of their hull is hidden.
            shape = shape.convex_hull
        # A square is touched where its middle is within half its diagonal of the shape.
        grown = shape.buffer(MARGIN_PX + 2**0.5, quad_segs=8)
        shapely.prepare(grown)
        covered |= shapely.contains_xy(grown, columns, rows)
        if outline == WHOLE_PICTURE:
            covered[:] = True
    return covered


def black(width: int, height: int) -> NDArray[np.uint8]:
    samples = np.full((height * 3 // 2, width), GREY_CHROMA, dtype=np.uint8)
    samples[:height] = BLACK_LUMA
    return samples


def _chroma(samples: NDArray[np.uint8], width: int, height: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    flat = samples.reshape(-1)
    luma, quarter = width * height, width * height // 4
    shape = (height // 2, width // 2)
    return flat[luma : luma + quarter].reshape(shape), flat[luma + quarter :].reshape(shape)
