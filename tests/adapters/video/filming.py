"""Pictures for tests of masks: a scene that moves at random everywhere, as a camera would send it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from adapters.video.coded import CodecParameters, CodedPicture, Item
from adapters.video.pieces import Fragment, Init, Piece
from domain.camera import Outline

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
RATE = 25
STEP = timedelta(seconds=1 / RATE)
BASE = Fraction(1, 90_000)
WINDOW: Outline = ((0.2, 0.25), (0.55, 0.2), (0.6, 0.7), (0.25, 0.8))
DOOR: Outline = ((0.7, 0.3), (0.95, 0.3), (0.95, 0.9), (0.7, 0.9))
CODECS = {"h264": "libx264", "hevc": "libx265"}
Samples = NDArray[np.uint8]


def scene(seed: int, count: int, width: int = 320, height: int = 180) -> list[Samples]:
    """RGB: bright blocks and noise that move over the whole picture, in and out from under every mask."""
    chance = np.random.default_rng(seed)
    picture = chance.integers(0, 256, (height, width, 3), dtype=np.uint8)
    found = []
    for _ in range(count):
        picture = np.roll(picture, tuple(chance.integers(-9, 10, 2)), (0, 1))
        y, x = chance.integers(0, height - 30), chance.integers(0, width - 30)
        picture[y : y + 30, x : x + 30] = chance.integers(0, 256, 3)
        found.append(picture.copy())
    return found


def inside(outline: Outline, width: int = 320, height: int = 180) -> NDArray[np.bool_]:
    """Pixels whose middle is within the outline, by crossings of a ray: not the way they were covered."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    crossed = np.zeros((height, width), dtype=int)
    corners = [(u * width, v * height) for u, v in outline]
    for (x1, y1), (x2, y2) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if y1 != y2:
            spans = (y1 > y) != (y2 > y)
            crossed += spans & ((x2 - x1) * (y - y1) / (y2 - y1) + x1 > x)
    return crossed % 2 == 1


def deep(outline: Outline) -> Outline:
    """Its middle: further from the edge than an encoder rings."""
    u, v = (sum(axis) / len(outline) for axis in zip(*outline, strict=True))
    return tuple((u + (a - u) * 0.5, v + (b - v) * 0.5) for a, b in outline)


def differing(pictures: Sequence[Samples], outline: Outline, seed: int = 99) -> list[Samples]:
    """The same outside the outline, something else in it. In squares of two by two, as chroma has it."""
    height, width, _ = pictures[0].shape
    hidden = inside(outline, width, height)
    # A sample of chroma is of four pixels: those that only touch the outline stay as they are.
    squares = hidden.reshape(height // 2, 2, width // 2, 2).all((1, 3))
    hidden = squares.repeat(2, 0).repeat(2, 1)
    others = scene(seed, len(pictures), width, height)
    return [np.where(hidden[..., None], other, picture) for picture, other in zip(pictures, others, strict=True)]


def _lossless(codec: str) -> dict[str, str]:
    return {"qp": "0"} if codec == "h264" else {"x265-params": "lossless=1:log-level=none:keyint=10:bframes=0"}


def _options(codec: str, lossless: bool) -> dict[str, str]:
    options = {"preset": "ultrafast", "g": "10", "flags": "+cgop", "x265-params": "log-level=none:keyint=10"}
    return {**options, **(_lossless(codec) if lossless else {})}


def _frames(pictures: Iterable[Samples]) -> Iterator[VideoFrame]:
    for n, picture in enumerate(pictures):
        # Chroma is made by taking, not by mixing: what differs in a square differs nowhere else.
        frame = VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuv420p", interpolation="POINT")
        frame.pts, frame.time_base = n * 90_000 // RATE, BASE
        yield frame


def segment(pictures: Sequence[Samples], codec: str = "h264", *, lossless: bool = False) -> bytes:
    """As the recorder seals them: a fragmented MP4, a key frame first."""
    out = io.BytesIO()
    height, width, _ = pictures[0].shape
    options = {"movflags": "empty_moov+default_base_moof+skip_trailer", "frag_duration": "60000000"}
    with av.open(out, "w", format="mp4", options=options) as container:
        stream: Any = container.add_stream(CODECS[codec], rate=RATE, options=_options(codec, lossless))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = BASE
        for frame in _frames(pictures):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def sent(
    pictures: Sequence[Samples], codec: str = "h264", *, since: datetime = NOON, lossless: bool = False, first: int = 0
) -> list[CodedPicture]:
    """As a camera sends them: Annex B, parameter sets in front of every key frame. `first`: the first one's number."""
    height, width, _ = pictures[0].shape
    context: Any = av.CodecContext.create(CODECS[codec], "w")
    context.width, context.height, context.pix_fmt, context.time_base = width, height, "yuv420p", BASE
    context.framerate = Fraction(RATE)
    options = _options(codec, lossless)
    context.options = {**options, "tune": "zerolatency"}
    packets = [packet for frame in _frames(pictures) for packet in context.encode(frame)] + context.encode(None)
    shift = first * 90_000 // RATE
    return [
        CodedPicture(
            bytes(p),
            p.pts + shift,
            p.dts + shift,
            p.is_keyframe,
            since + timedelta(seconds=float((p.pts + shift) * BASE)),
        )
        for p in packets
    ]


def parameters(width: int = 320, height: int = 180, codec: str = "h264") -> CodecParameters:
    return CodecParameters(codec, b"", BASE, width, height, float(RATE))


class Film:
    """A feed that sends what it is given: `adapters.video.coded.Source`. Who follows gets what was sent so far."""

    def __init__(self, *items: Item | None) -> None:
        self.items = list(items)
        self.takers: list[Callable[[Item | None], None]] = []

    def follow(self, take: Callable[[Item | None], None]) -> Callable[[], None]:
        for item in self.items:
            take(item)
        self.takers.append(take)
        return lambda: self.takers.remove(take)

    def send(self, *items: Item | None) -> None:
        for item in items:
            self.items.append(item)
            for take in list(self.takers):
                take(item)


# -- what a player makes of it -------------------------------------------------


def decoded(content: bytes) -> list[Samples]:
    """Planes of 4:2:0, the luma first."""
    with av.open(io.BytesIO(content)) as container:
        return [frame.reformat(format="yuv420p").to_ndarray() for frame in container.decode(video=0)]


def times(content: bytes) -> list[float]:
    """When each picture is shown, in seconds of the player's time line."""
    with av.open(io.BytesIO(content)) as container:
        return [float(p.pts * p.time_base) for p in container.demux(video=0) if p.pts is not None]


def runs(pieces: Sequence[Piece]) -> list[tuple[Init, list[Fragment]]]:
    """Each init segment with the fragments that belong to it."""
    found: list[tuple[Init, list[Fragment]]] = []
    for piece in pieces:
        if isinstance(piece, Init):
            found.append((piece, []))
        elif isinstance(piece, Fragment):
            found[-1][1].append(piece)
    return found


def played(init: Init, fragments: Iterable[Fragment]) -> list[Samples]:
    return decoded(init.data + b"".join(fragment.data for fragment in fragments))


def luma(samples: Samples) -> NDArray[np.int64]:
    return samples[: samples.shape[0] * 2 // 3].astype(np.int64)


def chroma(samples: Samples) -> NDArray[np.int64]:
    """Both planes, one over the other."""
    height, width = samples.shape[0] * 2 // 3, samples.shape[1]
    return samples[height:].reshape(2, height // 2, width // 2).astype(np.int64)


def flat(samples: Samples, outline: Outline) -> bool:
    """Whether there is nothing but black in the middle of an outline. An encoder rings at an edge by some steps of 255,
    and no further than a block: that is the picture beside it."""
    height, width = samples.shape[0] * 2 // 3, samples.shape[1]
    hidden = inside(deep(outline), width, height)
    return bool(
        np.abs(luma(samples)[hidden] - 16).max() <= 10
        and all(np.abs(plane[hidden[::2, ::2]] - 128).max() <= 10 for plane in chroma(samples))
    )


def black(samples: Samples) -> bool:
    return bool(np.abs(luma(samples) - 16).max() <= 3 and np.abs(chroma(samples) - 128).max() <= 3)


def alike(one: Samples, other: Samples) -> bool:
    """The same picture in every block of it, give or take what an encoder with room makes of it."""
    difference = np.abs(luma(one) - luma(other))
    height, width = difference.shape
    blocks = difference.reshape(height // 12, 12, width // 16, 16).mean((1, 3))
    return bool(blocks.max() < 20)


def moves(pictures: Sequence[Samples], outline: Outline) -> bool:
    """Whether what is outside an outline is a picture, and another one each time."""
    height, width = pictures[0].shape[0] * 2 // 3, pictures[0].shape[1]
    seen = ~inside(outline, width, height)
    lively = all(luma(picture)[seen].std() > 15 for picture in pictures)
    return lively and len({luma(picture)[seen].tobytes() for picture in pictures}) > len(pictures) // 2
