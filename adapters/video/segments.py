"""Recorded segments as they may be shown: masked, made small, H.265 as H.264, or one picture of them.

Every viewer of the same stretch, mask and size shares one making; what was made is kept for a minute, in memory alone.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from time import monotonic
from typing import Any

import av
from av import VideoFrame

from adapters.masks.burning import black_picture
from adapters.video.coded import CodecParameters, CodedPicture
from adapters.video.decoding import Decoded, Decoder, NotVideo, coded
from adapters.video.feeds import TooMany
from adapters.video.fragmenting import TICKS, Encoder, boxes, moved
from adapters.video.masked import GROUP, MaskAt, Masking, Size
from domain.privacy_override_events import Range

KEPT = timedelta(minutes=1)
WAITS = timedelta(seconds=10)  # for others to be made first
JPEG_QUALITY = 4  # FFmpeg's scale: 2 is best, 31 worst


@dataclass(frozen=True, slots=True)
class MaskedSegment:
    """`init`: `ftyp` and `moov`, `body`: `moof` and `mdat`; `duration`: from its first picture to the end of its last;
    `covered`: why everything is hidden in some of it, where something is wrong."""

    init: bytes
    body: bytes
    media: str
    width: int
    height: int
    pictures: int
    duration: timedelta
    covered: str | None

    @property
    def whole(self) -> bytes:
        """An MP4 that plays on its own."""
        return self.init + self.body


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture as it may be shown, in 4:2:0. `covered`: why all of it is hidden, where something is wrong."""

    frame: VideoFrame
    at: datetime
    covered: str | None


def pictures(
    content: bytes, since: datetime, mask: MaskAt, size: Size = Size.FULL, lead: Sequence[bytes] = ()
) -> Iterator[Shown]:
    """Every picture of a segment as it may be shown, in the order in which they are. `content`: a segment as it was
    recorded; `since`: when its first picture was taken; `lead`: the segments before it, where it does not begin with a
    key frame. A segment of which nothing decodes is one black picture. Raises NotVideo."""
    parameters, sent = coded(content, since)
    masking = Masking(mask, size)
    for decoded in _decoded(parameters, sent, lead, since):
        frame, why = masking.show(decoded)
        yield Shown(frame, decoded.at, why)


def masked_segment(
    content: bytes,
    since: datetime,
    mask: MaskAt,
    size: Size = Size.FULL,
    plays_from: timedelta = timedelta(0),
    lead: Sequence[bytes] = (),
) -> MaskedSegment:
    """`plays_from`: where it begins on the player's time line; the rest as of `pictures`. A segment of which nothing
    decodes is black for as long as it lasts. Raises NotVideo."""
    step, end = _step(*coded(content, since))
    encoder: Encoder | None = None
    parts: list[bytes] = []
    covered, key_at, last, first = None, -TICKS, -1, 0
    for shown in pictures(content, since, mask, size, lead):
        frame, why = shown.frame, shown.covered
        encoder = encoder or Encoder(frame.width, frame.height, every_picture=False)
        if (frame.width, frame.height) != (encoder.width, encoder.height):
            # One segment has one size: what is of another is hidden.
            frame, why = black_picture(encoder.width, encoder.height), "the picture changed its size"
        pts = max(round((shown.at - since).total_seconds() * TICKS), last + 1)
        key = pts - key_at >= GROUP.total_seconds() * TICKS
        key_at, last, first, covered = pts if key else key_at, pts, first if parts else pts, covered or why
        parts.append(encoder.encode(frame, pts, step, key))
    assert encoder is not None  # `_decoded` gives one picture at least
    body = b"".join([*parts, encoder.rest(max(1, end - last))])
    ticks = round(plays_from.total_seconds() * TICKS) + first
    return MaskedSegment(
        encoder.init,
        moved(_from_first_moof(body), ticks),
        encoder.media,
        encoder.width,
        encoder.height,
        len(parts),
        timedelta(seconds=max(end, last + 1) / TICKS),
        covered,
    )


def taken_at(content: bytes, since: datetime, at: datetime) -> datetime:
    """When the picture was taken that was shown at a moment: the last one before it, or the first. Raises NotVideo."""
    taken = [picture.at for picture in coded(content, since)[1]]
    return max((each for each in taken if each <= at), default=min(taken))


def still(
    content: bytes,
    since: datetime,
    at: datetime,
    mask: MaskAt,
    size: Size = Size.GRID,
    lead: Sequence[bytes] = (),
    within: Range | None = None,
) -> bytes:
    """A JPEG of the picture that was shown at a moment, or of the first one; it holds no other picture and says nothing
    of where it is from. `within`: black, where that one does not decode and another was not taken then. Raises
    NotVideo."""
    parameters, sent = coded(content, since)
    shown: Decoded | None = None
    for decoded in _decoded(parameters, sent, lead, since):
        if shown is not None and decoded.at > at:
            break
        shown = decoded
    assert shown is not None
    if within is not None and not within.since <= shown.at < within.until:
        shown = Decoded(black_picture(shown.frame.width & ~1, shown.frame.height & ~1), at, "it does not decode")
    frame, _ = Masking(mask, size).show(shown)
    context: Any = av.CodecContext.create("mjpeg", "w")
    context.width, context.height, context.pix_fmt = frame.width, frame.height, "yuvj420p"
    context.time_base = Fraction(1, TICKS)
    context.options = {"flags": "+qscale+bitexact", "global_quality": str(JPEG_QUALITY * 118)}  # FF_QP2LAMBDA
    picture = frame.reformat(format="yuvj420p")
    picture.pts = 0
    return b"".join(bytes(packet) for packet in [*context.encode(picture), *context.encode(None)])


def _decoded(
    parameters: CodecParameters, sent: Sequence[CodedPicture], lead: Sequence[bytes], since: datetime
) -> Iterator[Decoded]:
    """In the order in which they are shown: those of the segment, or one black one. Raises NotVideo."""
    known = {picture.pts for picture in sent}
    decoder, some, damage = Decoder(parameters), False, "nothing of it decodes"
    try:
        for decoded in _through(decoder, [*_before(lead, min(known), since), *sent]):
            if decoded.frame.pts in known:
                some = True
                yield decoded
    except NotVideo as fault:
        damage = str(fault)
    if some:
        return
    width, height = parameters.width & ~1, parameters.height & ~1
    if not width * height:
        raise NotVideo(damage)
    yield Decoded(black_picture(width, height), since, damage)


def _through(decoder: Decoder, sent: Iterable[CodedPicture]) -> Iterator[Decoded]:
    for picture in sent:
        yield from decoder.feed(picture)
    yield from decoder.rest()


def _before(lead: Sequence[bytes], first: int, since: datetime) -> Iterator[CodedPicture]:
    """The pictures of the segments before, on the time line of what begins at `first`: only their order matters."""
    earlier = [coded(content, since)[1] for content in lead]
    for pictures in reversed(earlier):
        shift = first - 1 - max(max(picture.pts, picture.dts) for picture in pictures)
        first = min(min(picture.pts, picture.dts) for picture in pictures) + shift
        pictures[:] = [replace(p, pts=p.pts + shift, dts=p.dts + shift) for p in pictures]
    return (picture for pictures in earlier for picture in pictures)


def _step(parameters: CodecParameters, sent: Sequence[CodedPicture]) -> tuple[int, int]:
    """How long a picture is shown, and where the last one ends, in TICKS from the first."""
    times = sorted(picture.pts for picture in sent)
    lasted = (times[-1] - times[0]) * parameters.time_base
    step = lasted / (len(times) - 1) if len(times) > 1 else Fraction(1, 25)
    return max(1, round(step * TICKS)), max(1, round((lasted + step) * TICKS))


def _from_first_moof(body: bytes) -> bytes:
    return next((body[begin:] for kind, begin, _ in boxes(body) if kind == b"moof"), b"")


# -- shared ------------------------------------------------------------------

Key = tuple[str, str, Size, timedelta]


class MaskedSegments:
    """What was made, kept for KEPT and `most_bytes` at most; `at_once` are made at the same time, as many as there are
    cores where it is None. Safe to call from many threads."""

    def __init__(self, most_bytes: int = 64 << 20, at_once: int | None = None) -> None:
        self._most = most_bytes
        self._at_once = at_once or len(os.sched_getaffinity(0))
        self._slots = threading.Semaphore(self._at_once)
        self._kept: OrderedDict[Key, tuple[float, MaskedSegment]] = OrderedDict()
        self._making: dict[Key, Future[MaskedSegment]] = {}
        self._size = 0
        self._lock = threading.Lock()

    def segment(
        self,
        name: str,
        state: str,
        size: Size,
        content: Callable[[], bytes],
        since: datetime,
        mask: MaskAt,
        plays_from: timedelta = timedelta(0),
        lead: Callable[[], Sequence[bytes]] = tuple,
    ) -> MaskedSegment:
        """`name`: of the segment, `state`: of its mask (`MaskState.key`); the rest as of `masked_segment`, read only
        where it is to be made. Raises TooMany, NotVideo and what `content` and `lead` raise."""
        key = (name, state, size, plays_from)
        with self._lock:
            self._forget()
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][1]
            making = self._making.get(key)
            mine = making is None
            if making is None:
                making = self._making[key] = Future()
        if not mine:
            return making.result()
        try:
            made = self._make(lambda: masked_segment(content(), since, mask, size, plays_from, lead()))
        except BaseException as fault:
            with self._lock:
                del self._making[key]
            making.set_exception(fault)
            raise
        with self._lock:
            del self._making[key]
            self._keep(key, made)
        making.set_result(made)
        return made

    def _make(self, work: Callable[[], MaskedSegment]) -> MaskedSegment:
        if not self._slots.acquire(timeout=WAITS.total_seconds()):
            count = self._at_once
            what = "stretch of footage is" if count == 1 else "stretches of footage are"
            said = f"{count} {what} already being masked, as many as this machine does at once"
            raise TooMany(f"{said}: try again in some seconds")
        try:
            return work()
        finally:
            self._slots.release()

    def _keep(self, key: Key, made: MaskedSegment) -> None:
        self._kept[key] = (monotonic(), made)
        self._size += _size(made)
        while self._size > self._most and self._kept:
            self._drop(next(iter(self._kept)))

    def _forget(self) -> None:
        before = monotonic() - KEPT.total_seconds()
        for key in [key for key, (made_at, _) in self._kept.items() if made_at < before]:
            self._drop(key)

    def _drop(self, key: Key) -> None:
        _, made = self._kept.pop(key)
        self._size -= _size(made)


def _size(made: MaskedSegment) -> int:
    return len(made.init) + len(made.body)
