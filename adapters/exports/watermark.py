"""The visible mark on a file that leaves: who asked for it, for which case, and when each picture was taken.

The line stands on a strip below the picture, so that it hides nothing of it; the same person and case stand faintly
across the picture, so that a picture that is cut out of it, or a screen that is filmed, still says whose copy it was.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

WHITE, BLACK, GREY = 235, 16, 128  # of luma and chroma, ITU-R BT.709, limited range
STRENGTH = 0.22  # of the faint mark: 0 is nothing, 1 hides what is under it
ANGLE = 24.0  # degrees
Plane = NDArray[np.uint8]


class Watermark:
    """For pictures of one size, which is even. `who` and `case` are drawn as they are. Not for two threads at once."""

    def __init__(self, who: str, case: str, export: str, width: int, height: int) -> None:
        self._line, self._width = f"{who}  |  {case}", width
        self.strip = max(24, height // 24 + 3) & ~3
        self._faint = _faint(f"{who}  {case}  {export}", width, height)
        self._drawn: tuple[datetime, Plane] | None = None

    def mark(self, luma: Plane, at: datetime) -> Plane:
        """Marks the picture in place; gives the strip to go below it."""
        for places, weights, shade in self._faint:
            under = luma.reshape(-1)[places].astype(np.uint16)
            luma.reshape(-1)[places] = ((under * (256 - weights) + shade * weights) >> 8).astype(np.uint8)
        second = at.astimezone(UTC).replace(microsecond=0)
        if self._drawn is None or self._drawn[0] != second:
            self._drawn = (second, self._strip(f"{second:%Y-%m-%d %H:%M:%S} UTC  |  {self._line}"))
        return self._drawn[1]

    def _strip(self, text: str) -> Plane:
        image = Image.new("L", (self._width, self.strip), BLACK)
        size = self.strip * 0.62
        while size > 5 and _font(size).getlength(text) > self._width - 8:
            size *= 0.94
        ImageDraw.Draw(image).text((6, self.strip / 2), text, WHITE, _font(size), anchor="lm")
        return np.asarray(image)


def _font(size: float) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)  # every wheel of Pillow has FreeType
    return font


def _faint(text: str, width: int, height: int) -> list[tuple[NDArray[np.intp], NDArray[np.uint16], int]]:
    """Where the text stands, how strongly, and in which shade: white, beside a dark shadow, to be seen on both."""
    size = max(11.0, height / 26)
    font, reach = _font(size), int((width**2 + height**2) ** 0.5) + 2
    written = Image.new("L", (reach, reach), 0)
    draw, step = ImageDraw.Draw(written), font.getlength(text) + 3 * size
    for row in range(0, reach, int(size * 5)):
        x = -step * ((row // int(size * 5)) % 2) / 2
        while x < reach:
            draw.text((x, row), text, 255, font)
            x += step
    turned = written.rotate(ANGLE, Image.Resampling.BILINEAR)
    left, top = (reach - width) // 2, (reach - height) // 2
    found = []
    for shift, shade in ((0, WHITE), (max(1, round(size / 14)), BLACK)):
        part = np.asarray(turned.crop((left - shift, top - shift, left - shift + width, top - shift + height)))
        weights = (part.reshape(-1).astype(np.float64) * STRENGTH).astype(np.uint16)
        places = np.flatnonzero(weights)
        found.append((places, weights[places], shade))
    return found[::-1]  # the shadow first, the text over it
