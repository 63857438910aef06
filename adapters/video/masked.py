"""A feed encoded anew with its mask burnt in: decoded, masked, made small where asked, encoded, in fragments.

Invariants: the encoder never sees a picture that was not burnt; a mask that cannot be had covers everything, as does
damage that the decoder met; what waits is bounded, and after a gap nothing is shown before the next key frame; a fault
of decoder or encoder ends this encode with a reason, and nothing else.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import structlog
from av import VideoFrame
from prometheus_client import Counter

from adapters.masks.burning import FORMAT, Burner, black_picture
from adapters.video.coded import CodecParameters, CodedPicture, Item
from adapters.video.decoding import Decoded, Decoder, NotVideo
from adapters.video.fragmenting import TICKS, Encoder, fragments, moved
from adapters.video.pieces import Ended, Fragment, Init, Take
from domain.camera import WHOLE_PICTURE, Outline

MaskAt = Callable[[datetime], Sequence[Outline] | None]
"""What is to be hidden of the picture taken at a moment: nothing where it is empty, everything where it is None."""

GRID_HEIGHT = 360
FRAGMENT = timedelta(milliseconds=250)  # what is sent at once; a picture that is shown longer is one alone
GROUP = timedelta(seconds=1)  # from key frame to key frame: who joins waits no longer
MOST_WAITING = 16 << 20  # bytes
BEHIND, NEARLY_NOW = 12, 2  # pictures waiting: what is later is decoded and not shown; at the beginning
LONGEST_STEP = timedelta(seconds=10)  # from picture to picture; more is a leap of the stream's own time
COVERED = Counter("saferweho_pictures_covered", "Pictures hidden altogether because something was wrong", ["why"])
LATE = Counter("saferweho_pictures_late", "Pictures decoded and not shown, because the machine was too slow")
log = structlog.get_logger()


class Size(StrEnum):
    FULL = "full"
    GRID = "360p"  # at most so high, for tiles of a grid

    def of(self, width: int, height: int) -> tuple[int, int]:
        """Even, and never larger than the original."""
        if self is Size.GRID and height > GRID_HEIGHT:
            width, height = round(width * GRID_HEIGHT / height), GRID_HEIGHT
        return max(2, width & ~1), max(2, height & ~1)


def nothing(_: datetime) -> Sequence[Outline]:
    return ()


NOTHING: MaskAt = nothing
"""For a feed that has no mask in force and is encoded anew for another reason: its codec, or its size."""


class Masking:
    """One mask and size for the pictures of one stream. For one thread."""

    def __init__(self, mask: MaskAt, size: Size, feed: str = "") -> None:
        self._mask, self._size, self._feed = mask, size, feed
        self._burner = Burner((WHOLE_PICTURE,))
        self._outlines: tuple[Outline, ...] = (WHOLE_PICTURE,)
        self._said: str | None = None

    def show(self, decoded: Decoded) -> tuple[VideoFrame, str | None]:
        """The picture as it may be shown, of the size asked for; and why all is hidden, where that is for a fault."""
        frame, why = decoded.frame, decoded.damaged or self._look_up(decoded.at)
        if why is not None:
            COVERED.labels("damage" if decoded.damaged else "mask").inc()
        self._tell(why)
        if why is not None:
            return black_picture(*self._size.of(frame.width, frame.height)), why
        burnt = self._burner.burn(frame)
        width, height = self._size.of(burnt.width, burnt.height)
        # Made small after it was burnt: what scales never sees what is hidden.
        return (
            burnt if (width, height) == (burnt.width, burnt.height) else burnt.reformat(width, height, FORMAT)
        ), None

    def blackens(self, at: datetime) -> bool:
        """Whether the mask covers all of a picture of that time, or is not known; no picture is needed for that."""
        return self._look_up(at) is not None or self.hides_all

    @property
    def hides_all(self) -> bool:
        """By the mask itself, not for a fault."""
        return WHOLE_PICTURE in self._outlines

    @property
    def hides_some(self) -> bool:
        return bool(self._outlines)

    def _look_up(self, at: datetime) -> str | None:
        try:
            outlines = self._mask(at)
            if outlines is None:
                return "what is to be hidden cannot be computed"
            if (found := tuple(outlines)) != self._outlines:
                self._burner, self._outlines = Burner(found), found
        except Exception as error:
            return f"what is to be hidden is not known ({type(error).__name__})"
        return None

    def _tell(self, why: str | None) -> None:
        if why == self._said:
            return
        self._said = why
        if why is not None:
            log.error("picture_covered", feed=self._feed, why=why)
        else:
            log.info("picture_shown_again", feed=self._feed)


class Pieces:
    """Shown pictures into init segments and fragments, on a time line that only goes up. For one thread."""

    def __init__(self, give: Take) -> None:
        self._give = give
        self._encoder: Encoder | None = None
        self._moved = 0  # ticks by which this encoder's times are later than its own
        self._pts = 0  # of the next picture
        self._last: datetime | None = None
        self._key_at: datetime | None = None
        self._inside: deque[tuple[datetime, bool, str | None]] = deque()  # encoded, not out yet
        self._open: list[tuple[bytes, datetime, bool, str | None]] = []
        self._step = timedelta(seconds=1 / 30)

    def show(self, frame: VideoFrame, at: datetime, why: str | None) -> None:
        self._goes_on(at)
        if self._encoder is None or (self._encoder.width, self._encoder.height) != (frame.width, frame.height):
            self._begin(frame.width, frame.height)
        encoder = self._encoder
        assert encoder is not None
        key = self._key_at is None or at - self._key_at >= GROUP or at < self._key_at
        if key:
            self._key_at = at
        self._inside.append((at, key, why))
        self._out(encoder.encode(frame, self._pts - self._moved, _ticks(self._step), key))

    def rest(self) -> None:
        if self._encoder is not None:
            self._out(self._encoder.rest(_ticks(self._step)))
            self._encoder = None
        self._close(None)

    def _begin(self, width: int, height: int) -> None:
        self.rest()
        self._inside.clear()
        self._encoder, self._moved, self._key_at = Encoder(width, height), self._pts, None
        self._give(Init(self._encoder.init, self._encoder.media, width, height))

    def _goes_on(self, at: datetime) -> None:
        """Where this picture is on the time line: as much later than the last as it was taken later, unless time itself
        leapt."""
        if self._last is not None:
            step = at - self._last
            if timedelta(milliseconds=1) <= step <= LONGEST_STEP:
                self._step = step
            self._pts += _ticks(self._step)
        self._last = at

    def _out(self, content: bytes) -> None:
        for fragment in fragments(content):
            at, key, why = self._inside.popleft()
            if self._open and (key or at - self._open[0][1] >= FRAGMENT or at < self._open[0][1]):
                self._close(at)
            self._open.append((moved(fragment, self._moved), at, key, why))

    def _close(self, next_at: datetime | None) -> None:
        if not self._open:
            return
        (_, since, key, _), (_, last, _, _) = self._open[0], self._open[-1]
        until = next_at if next_at is not None and last < next_at <= last + LONGEST_STEP else last + self._step
        why = next((why for *_, why in self._open if why is not None), None)
        data = b"".join(part for part, *_ in self._open)
        count, self._open = len(self._open), []
        self._give(Fragment(data, since, until, key, count, why))


def _ticks(length: timedelta) -> int:
    return max(1, round(length.total_seconds() * TICKS))


class MaskedEncode:
    """One feed, one mask, one size: a thread. `take` is what a `Source` gives to; `give` gets what is made, from the
    thread, and neither blocks nor raises; the last is `Ended`."""

    def __init__(self, mask: MaskAt, size: Size, give: Take, feed: str = "") -> None:
        self._give, self._feed = give, feed
        self._masking, self._pieces = Masking(mask, size, feed), Pieces(give)
        self._waiting: deque[Item | None] = deque()
        self._size = 0
        self._lost = False  # pictures: until the next key frame nothing is taken
        self._closed = False
        self._some = threading.Condition()
        self._showing = False
        self._thread = threading.Thread(target=self._run, name=f"masked {feed} {size}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def take(self, item: Item | None) -> None:
        with self._some:
            if self._closed:
                return
            match item:
                case CodecParameters():
                    self._lost = False
                    self._waiting.append(item)
                case None:
                    self._waiting.append(item)
                case CodedPicture():
                    self._take(item)
            self._some.notify()

    def _take(self, picture: CodedPicture) -> None:
        if self._size + len(picture.data) > MOST_WAITING:
            # Parameters are kept: what comes after them needs them.
            kept = [waiting for waiting in self._waiting if not isinstance(waiting, CodedPicture)]
            LATE.inc(len(self._waiting) - len(kept))
            self._waiting, self._size, self._lost = deque(kept), 0, True
            log.warning("masking_too_slow", feed=self._feed)
        if self._lost and not picture.key:
            LATE.inc()
            return
        self._lost = False
        self._waiting.append(picture)
        self._size += len(picture.data)

    def close(self) -> None:
        """Nothing more is made."""
        with self._some:
            self._closed = True
            self._some.notify()

    def join(self, timeout_s: float = 10.0) -> None:
        """Wait until the thread is over, from another one."""
        self._thread.join(timeout_s)

    def _next(self) -> tuple[Item | None, int]:
        """And how many pictures wait behind it."""
        with self._some:
            self._some.wait_for(lambda: self._closed or bool(self._waiting))
            if self._closed:
                return None, 0
            item = self._waiting.popleft()
            if isinstance(item, CodedPicture):
                self._size -= len(item.data)
            return item, len(self._waiting)

    def _run(self) -> None:
        try:
            why = self._encode()
        except NotVideo as fault:
            why = f"the picture {fault}"
        except Exception as error:
            log.exception("masking_failed", feed=self._feed)
            why = f"the picture could not be made ({type(error).__name__})"
        self._give(Ended(why))

    def _encode(self) -> str:
        """Until the feed ends; says why it did. Raises NotVideo."""
        decoder: Decoder | None = None
        while True:
            item, behind = self._next()
            match item:
                case CodecParameters():
                    self._show(decoder.rest() if decoder else [], behind=0)
                    decoder = Decoder(item)
                case CodedPicture() if decoder is not None:
                    self._show(decoder.feed(item), behind)
                case None:
                    if not self._closed:
                        self._show(decoder.rest() if decoder else [], behind=0)
                        self._pieces.rest()
                    return "the feed ended"

    def _show(self, pictures: Sequence[Decoded], behind: int) -> None:
        for decoded in pictures:
            if behind > (BEHIND if self._showing else NEARLY_NOW):
                # It begins with what is now, and catches up where the machine was too slow.
                LATE.inc(self._showing)
                continue
            self._showing = True
            frame, why = self._masking.show(decoded)
            self._pieces.show(frame, decoded.at, why)
