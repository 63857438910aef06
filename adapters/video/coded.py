"""Coded pictures as a camera sent them, on their way from whoever receives them to whoever shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Protocol


@dataclass(frozen=True, slots=True)
class CodecParameters:
    """What a decoder is opened with. `codec`: `h264` or `hevc`; `extradata`: as the demuxer gave it, empty where the
    parameter sets are in the stream; `time_base`: seconds a tick; size and pictures a second as told, 0: not told."""

    codec: str
    extradata: bytes
    time_base: Fraction
    width: int = 0
    height: int = 0
    rate: float = 0.0


@dataclass(frozen=True, slots=True)
class CodedPicture:
    """One access unit. `pts`, `dts`: in ticks; `at`: when it was taken, by the recorder's clock."""

    data: bytes
    pts: int
    dts: int
    key: bool
    at: datetime


Item = CodecParameters | CodedPicture


class Source(Protocol):
    """A feed whose pictures several may follow."""

    def follow(self, take: Callable[[Item | None], None]) -> Callable[[], None]:
        """Gives the parameters and every picture since the last key frame at once, then each as it comes; None: it
        ended. Where some were dropped, the parameters come again before the next key frame. `take` neither blocks nor
        raises. What is answered ends it."""
        ...
