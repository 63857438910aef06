"""Pictures as they go to who watches: an initialization segment, then fragments of MP4 (ISO/IEC 14496-12 §8.8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Init:
    """`ftyp` and `moov`. `media`: RFC 6381, `video/mp4; codecs="avc1.64001f"`. Another one may come at any time:
    what follows belongs to it."""

    data: bytes
    media: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Fragment:
    """One or several of `moof` and `mdat`, half a second at most. `key`: it begins with a key frame; `pictures`: how
    many are in it; `covered`: why everything is hidden in it, None where it is not."""

    data: bytes
    since: datetime
    until: datetime
    key: bool
    pictures: int
    covered: str | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing more comes of this feed for now, or for good."""

    why: str


Piece = Init | Fragment | Ended
Take = Callable[[Piece], None]


class Joined(Protocol):
    """Somebody's part in what is made once for all who watch a feed."""

    def leave(self) -> None:
        """To be called when they stop; again does nothing."""
        ...
