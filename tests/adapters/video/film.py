"""A film of a camera, coded here: its parameters and pictures, as the recorder's tap gives them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import av
import numpy as np

from adapters.video.coded import CodecParameters, CodedPicture
from adapters.video.pieces import Fragment, Init, Piece

BASE = Fraction(1, 90_000)
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
RATE = 15
_SPEED = {"preset": "ultrafast", "tune": "zerolatency"}
_ENCODERS = {"h264": ("libx264", _SPEED), "hevc": ("libx265", {**_SPEED, "x265-params": "log-level=none"})}


def film(
    count: int, codec: str = "h264", size: tuple[int, int] = (128, 96), key_every: int = RATE, first_dts: int = 900_000
) -> tuple[CodecParameters, list[CodedPicture]]:
    """Each picture as bright as its number, so that a decoder's is told by its luma (see `number_of`): 58 at most."""
    assert count <= 58
    name, options = _ENCODERS[codec]
    encoder: Any = av.CodecContext.create(name, "w")
    encoder.width, encoder.height, encoder.pix_fmt = *size, "yuv420p"
    encoder.time_base, encoder.framerate, encoder.gop_size = BASE, Fraction(RATE), key_every
    encoder.options, encoder.max_b_frames = options, 0
    pictures: list[CodedPicture] = []
    packets: list[Any] = []
    for number in range(count):
        samples = np.full((size[1] * 3 // 2, size[0]), 128, dtype=np.uint8)
        samples[: size[1]] = brightness(number)
        frame: Any = av.VideoFrame.from_ndarray(samples, "yuv420p")
        frame.pts, frame.time_base = number * 90_000 // RATE, BASE
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    for number, packet in enumerate(packets):
        at = NOON + number * timedelta(seconds=1) / RATE
        pts, dts = packet.pts + first_dts, packet.dts + first_dts
        pictures.append(CodedPicture(bytes(packet), pts, dts, bool(packet.is_keyframe), at))
    return CodecParameters(codec, b"", BASE, *size, float(RATE)), pictures


def brightness(number: int) -> int:
    return 20 + 4 * number


def numbers(played: Sequence[Piece]) -> list[int]:
    """Which pictures a player shows of this."""
    content = b"".join(piece.data for piece in played if isinstance(piece, Init | Fragment))
    with av.open(io.BytesIO(content)) as file:
        return [number_of(frame) for frame in file.decode(video=0)]


def number_of(frame: Any) -> int:
    mean = float(frame.to_ndarray()[: frame.height].mean())
    return round((mean - brightness(0)) / 4)


def times(played: Sequence[Piece]) -> list[float]:
    """When each is shown, seconds."""
    content = b"".join(piece.data for piece in played if isinstance(piece, Init | Fragment))
    with av.open(io.BytesIO(content)) as file:
        return [float(frame.pts * frame.time_base) for frame in file.decode(video=0)]
