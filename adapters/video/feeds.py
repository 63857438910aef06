"""Masked pictures shared by their viewers: one encode for each feed, state of its mask and size, whoever watches.

Invariants: an encode runs as long as somebody watches it; who joins gets the init segment and everything since the last
key frame first, in order; beyond what the machine can do a further picture is refused in so many words, and those that
run go on.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import structlog
from prometheus_client import Gauge

from adapters.video.coded import CodecParameters, Item, Source
from adapters.video.masked import MaskAt, MaskedEncode, Size
from adapters.video.pieces import Ended, Fragment, Init, Piece, Take
from domain.kernel import FeedId

PIXELS_PER_CORE_S = 75e6
"""What is left to masks of a core of 2026, which does 100 to 140 million, decoded, masked and encoded (`make bench
ONLY=masked`): 2.7 pictures of 1280 by 720 at 30 a second. The rest is for the record, and for what moves."""
COST = {Size.FULL: 1.0, Size.GRID: 0.6}
HEVC_COST = 1.2  # of decoding H.265, against H.264
ASSUMED = (1280, 720, 30.0)  # of a feed that does not tell
RUNNING = Gauge("saferweho_masked_pictures", "Masked pictures that are being made")
VIEWERS = Gauge("saferweho_masked_viewers", "Viewers of masked pictures")
log = structlog.get_logger()


class TooMany(Exception):
    """The machine can mask no further picture. Says how many there are and what the limit is."""


class Capacity:
    """Pixels a second that may be masked at once. `pixels_per_s` 0: PIXELS_PER_CORE_S of every core."""

    def __init__(self, pixels_per_s: float = 0) -> None:
        self.limit = pixels_per_s or PIXELS_PER_CORE_S * len(os.sched_getaffinity(0))
        self._taken: dict[object, float] = {}
        self._lock = threading.Lock()

    def take(self, by: object, pixels_per_s: float) -> None:
        """A first picture is always made: a machine that cannot do one shows it slowly. Raises TooMany."""
        with self._lock:
            others = sum(cost for holder, cost in self._taken.items() if holder is not by)
            if others and others + pixels_per_s > self.limit:
                raise TooMany(_refusal(len(self._taken), self.limit, others, pixels_per_s))
            self._taken[by] = pixels_per_s

    def settle(self, by: object, pixels_per_s: float) -> None:
        """What it really costs, once that is known. It goes on; whoever comes next is held against that."""
        with self._lock:
            if by in self._taken:
                self._taken[by] = pixels_per_s

    def give_back(self, by: object) -> None:
        with self._lock:
            self._taken.pop(by, None)


def _refusal(count: int, limit: float, taken: float, wanted: float) -> str:
    return (
        f"{count} masked {'picture is' if count == 1 else 'pictures are'} already being made; this machine's limit is "
        f"{limit / 1e6:.0f} million pixels a second, of which {max(limit - taken, 0) / 1e6:.0f} are free and this one "
        f"needs {wanted / 1e6:.0f}: close another picture, or watch in the grid"
    )


def cost(parameters: CodecParameters | None, size: Size) -> float:
    """Pixels a second, as `Capacity` counts them."""
    width, height, rate = ASSUMED
    if parameters is not None:
        width, height = parameters.width or width, parameters.height or height
        rate = parameters.rate if 0 < parameters.rate <= 240 else rate
    codec = HEVC_COST if parameters is not None and parameters.codec == "hevc" else 1.0
    return width * height * rate * COST[size] * codec


Key = tuple[FeedId, str, Size]


@dataclass(eq=False)
class _Shared:
    """An encode and who watches it. `group`: the fragments since the last key frame."""

    key: Key
    encode: MaskedEncode
    unfollow: Callable[[], None] = lambda: None
    viewers: dict[object, Take] = field(default_factory=dict)
    init: Init | None = None
    group: list[Fragment] = field(default_factory=list)
    over: bool = False


class Viewing:
    """One viewer's part of a shared picture: `adapters.video.pieces.Joined`."""

    def __init__(self, leave: Callable[[], None]) -> None:
        self._leave = leave

    def leave(self) -> None:
        """Nothing more is given after this. The last one to leave ends the encode; again, it does nothing."""
        self._leave()


class MaskedFeeds:
    """Of one process; safe to call from many threads."""

    def __init__(self, capacity: Capacity | None = None) -> None:
        self._capacity = capacity or Capacity()
        self._shared: dict[Key, _Shared] = {}
        self._lock = threading.RLock()

    def join(self, feed: FeedId, state: str, size: Size, source: Source, mask: MaskAt, take: Take) -> Viewing:
        """`state`: names what is hidden, `MaskState.key`; `source` and `mask` of the first who joins are used. `take`
        gets `Init` and what is since the last key frame, then each piece as it is made, `Ended` last; it is called from
        another thread and must not block; a viewer whose `take` raises gets nothing more. Raises TooMany."""
        key = (feed, state, size)
        with self._lock:
            shared = self._shared.get(key)
            if shared is None:
                shared = self._begun(key, source, mask)
            viewer = object()
            shared.viewers[viewer] = take
            VIEWERS.inc()
            so_far: list[Piece] = [shared.init, *shared.group] if shared.init else []
            for piece in so_far:
                self._hand(shared, viewer, piece)
        return Viewing(partial(self._left, shared, viewer))

    def running(self) -> int:
        """Masked pictures that are being made."""
        with self._lock:
            return len(self._shared)

    def watching(self, feed: FeedId) -> int:
        """Viewers of a feed, in every state and size."""
        with self._lock:
            return sum(len(shared.viewers) for (of, _, _), shared in self._shared.items() if of == feed)

    def close(self) -> None:
        """Ends every encode and waits for it."""
        with self._lock:
            ending = list(self._shared.values())
            for shared in ending:
                self._end(shared)
        for shared in ending:
            shared.encode.join()

    # -- one encode ----------------------------------------------------------

    def _begun(self, key: Key, source: Source, mask: MaskAt) -> _Shared:
        """Raises TooMany."""
        feed, _, size = key
        # Made in two steps: what it gives goes to what holds it.
        shared = _Shared(key, MaskedEncode(mask, size, lambda piece: self._made(shared, piece), str(feed)))
        told: list[CodecParameters] = []

        def take(item: Item | None) -> None:
            if isinstance(item, CodecParameters):
                told.append(item)
                self._capacity.settle(shared, cost(item, size))
            shared.encode.take(item)

        unfollow = source.follow(take)
        try:
            self._capacity.take(shared, cost(told[-1] if told else None, size))
        except TooMany:
            unfollow()
            log.warning("masking_refused", feed=feed, running=len(self._shared))
            raise
        shared.unfollow = unfollow
        self._shared[key] = shared
        RUNNING.set(len(self._shared))
        shared.encode.start()
        return shared

    def _made(self, shared: _Shared, piece: Piece) -> None:
        with self._lock:
            if shared.over:
                return
            match piece:
                case Init():
                    shared.init, shared.group = piece, []
                case Fragment(key=True):
                    shared.group = [piece]
                case Fragment():
                    shared.group.append(piece)
                case Ended():
                    pass
            for viewer in list(shared.viewers):
                self._hand(shared, viewer, piece)
            if isinstance(piece, Ended):
                self._end(shared)

    def _hand(self, shared: _Shared, viewer: object, piece: Piece) -> None:
        take = shared.viewers.get(viewer)
        if take is None:
            return
        try:
            take(piece)
        except Exception:
            log.exception("viewer_dropped", feed=shared.key[0])
            self._left(shared, viewer)

    def _left(self, shared: _Shared, viewer: object) -> None:
        with self._lock:
            if shared.viewers.pop(viewer, None) is None:
                return
            VIEWERS.dec()
            if not shared.viewers:
                self._end(shared)

    def _end(self, shared: _Shared) -> None:
        if shared.over:
            return
        shared.over = True
        if self._shared.get(shared.key) is shared:
            del self._shared[shared.key]
            RUNNING.set(len(self._shared))
        self._capacity.give_back(shared)
        VIEWERS.dec(len(shared.viewers))
        shared.viewers.clear()
        shared.unfollow()
        shared.encode.close()
