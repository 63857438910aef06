"""A camera's own H.264 in fragments for browsers: remuxed once for all who watch a feed, never encoded again."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from fractions import Fraction
from itertools import count
from typing import Any

import av
import structlog

from adapters.recorder import codecs
from adapters.video.coded import CodecParameters, CodedPicture, Item, Source
from adapters.video.pieces import Ended, Fragment, Init, Joined, Piece, Take

FRAGMENT_US = 200_000  # a fragment ends with the first picture after it
LEAPS_S = 10.0  # between two pictures: the stream's own time began anew
MOST_KEPT = 16 << 20  # bytes of fragments since the last key frame
GIVES_UP_AFTER = 5  # groups of pictures in a row that could not be read
_OPTIONS = {
    "movflags": "empty_moov+default_base_moof+frag_keyframe+skip_trailer",
    "frag_duration": str(FRAGMENT_US),
    "flush_packets": "1",
}
log = structlog.get_logger()


class _Written:
    """What the muxer wrote since it was last taken. It cannot be sought in, so nothing is written twice."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


class Remux:
    """Of one connection to a camera, for one thread."""

    def __init__(self, parameters: CodecParameters) -> None:
        self._parameters = parameters
        self._base = parameters.time_base
        self._container: Any = None
        self._stream: Any = None
        self._out = _Written()
        self._start = 0
        self._last: int | None = None  # dts of the last picture, from the start
        self._usual = max(1, round(Fraction(1, 25) / self._base))  # ticks that a picture is shown
        self._pending: list[tuple[datetime, bool]] = []  # pictures of the fragment that is being written

    def feed(self, picture: CodedPicture) -> list[Piece]:
        """What is ready now; nothing before the first key frame. Raises FFmpegError."""
        given: list[Piece] = []
        if self._container is None:
            if not picture.key:
                return []
            given.append(self._open(picture))
        given += self._add(picture)
        return given

    def _open(self, first: CodedPicture) -> Init:
        """The muxer wants a stream to copy: one of the parameter sets and the first picture."""
        of = self._parameters
        head = of.extradata + first.data
        # Nothing but the bytes themselves is opened, whatever they name.
        with av.open(io.BytesIO(head), format=of.codec, options={"protocol_whitelist": ""}) as template:
            source = template.streams.video[0]
            out: Any = self._out
            self._container = av.open(out, "w", format="mp4", options=dict(_OPTIONS))
            self._stream = self._container.add_stream_from_template(source)
            self._stream.time_base = self._base
            self._container.start_encoding()
            width, height = source.width or of.width, source.height or of.height
        self._start = first.dts
        media = codecs.media_type(of.codec, codecs.parameter_set(of.codec, head))
        return Init(self._out.take(), media, width, height)

    def _add(self, picture: CodedPicture) -> list[Fragment]:
        dts = picture.dts - self._start
        if self._last is not None:
            step = dts - self._last
            if step <= 0 or step * self._base > LEAPS_S:
                self._start, step = picture.dts - self._last - self._usual, self._usual
                dts = self._last + step
            self._usual = step
        packet: Any = av.Packet(picture.data)
        packet.dts, packet.pts = dts, max(dts, picture.pts - self._start)
        packet.time_base, packet.is_keyframe, packet.stream = self._base, picture.key, self._stream
        self._container.mux_one(packet)
        self._last = dts
        given = []
        if (written := self._out.take()) and self._pending:
            # The muxer ends a fragment when the first picture of the next one comes.
            since, key = self._pending[0]
            given.append(Fragment(written, since, max(picture.at, since), key, len(self._pending)))
            self._pending = []
        self._pending.append((picture.at, picture.key))
        return given

    def close(self) -> None:
        if self._container is not None:
            with suppress(av.FFmpegError):
                self._container.close()
            self._container = None


class _Remuxed:
    """A feed, for all who watch it. What comes is remuxed by the thread that brings it: that takes microseconds."""

    def __init__(self, feed: str) -> None:
        self._feed = feed
        self._lock = threading.RLock()
        self._takers: dict[int, Take] = {}
        self._numbers = count()
        self._parameters: CodecParameters | None = None
        self._remux: Remux | None = None
        self._init: Init | None = None
        self._group: list[Fragment] = []
        self._size = 0
        self._failed = 0
        self.unfollow: Callable[[], None] | None = None

    def add(self, take: Take) -> int:
        with self._lock:
            number = next(self._numbers)
            if self._init is not None:
                take(self._init)
                for fragment in self._group:
                    take(fragment)
            self._takers[number] = take
            return number

    def remove(self, number: int) -> bool:
        """Whether nobody is left."""
        with self._lock:
            self._takers.pop(number, None)
            return not self._takers

    def item(self, item: Item | None) -> None:
        with self._lock:
            match item:
                case None:
                    self._end("the feed ended")
                case CodecParameters():
                    self._begin(item)
                case CodedPicture():
                    self._picture(item)

    def _begin(self, parameters: CodecParameters) -> None:
        self.close()
        self._parameters = parameters
        if parameters.codec != "h264":
            self._end(f"the camera sends {parameters.codec}, which browsers do not play as it is")

    def _picture(self, picture: CodedPicture) -> None:
        if self._parameters is None or self._parameters.codec != "h264":
            return
        if self._remux is None:
            self._remux = Remux(self._parameters)
        try:
            pieces = self._remux.feed(picture)
        except (av.FFmpegError, ValueError, IndexError) as error:
            # What this group of pictures holds cannot be read: with the next key frame it begins anew.
            log.warning("picture_not_remuxed", feed=self._feed, why=str(error))
            self.close()
            self._failed += 1
            if self._failed >= GIVES_UP_AFTER:
                self._end("what the camera sends cannot be read")
            return
        for piece in pieces:
            self._keep(piece)
            self._give(piece)

    def _keep(self, piece: Piece) -> None:
        match piece:
            case Init():
                self._init, self._group, self._size = piece, [], 0
            case Fragment(data=data, key=key):
                self._failed = 0
                if key:
                    self._group, self._size = [], 0
                if (key or self._group) and self._size + len(data) <= MOST_KEPT:
                    self._group.append(piece)
                    self._size += len(data)
                else:
                    self._group, self._size = [], 0

    def _end(self, why: str) -> None:
        self.close()
        self._parameters = None
        self._give(Ended(why))

    def _give(self, piece: Piece) -> None:
        for take in list(self._takers.values()):
            take(piece)

    def close(self) -> None:
        with self._lock:
            if self._remux is not None:
                self._remux.close()
            self._remux, self._init, self._group, self._size = None, None, [], 0


class _Part:
    """Implements `Joined`."""

    def __init__(self, leave: Callable[[], None]) -> None:
        self._leave: Callable[[], None] | None = leave

    def leave(self) -> None:
        leave, self._leave = self._leave, None
        if leave is not None:
            leave()


class RemuxedFeeds:
    """Those that somebody watches. Safe to use from many threads."""

    def __init__(self) -> None:
        self._feeds: dict[str, _Remuxed] = {}
        self._lock = threading.Lock()

    def join(self, feed: str, source: Source, take: Take) -> Joined:
        """Gives the initialization and the fragments since the last key frame at once, then each as it is made; `take`
        neither blocks nor raises."""
        with self._lock:
            remuxed = self._feeds.get(feed)
            first = remuxed is None
            if remuxed is None:
                remuxed = self._feeds[feed] = _Remuxed(feed)
            number = remuxed.add(take)
            if first:
                remuxed.unfollow = source.follow(remuxed.item)
        return _Part(lambda: self._leave(feed, remuxed, number))

    def _leave(self, feed: str, remuxed: _Remuxed, number: int) -> None:
        with self._lock:
            if not remuxed.remove(number) or self._feeds.get(feed) is not remuxed:
                return
            del self._feeds[feed]
        if remuxed.unfollow is not None:
            remuxed.unfollow()
        remuxed.close()

    def running(self) -> int:
        with self._lock:
            return len(self._feeds)
