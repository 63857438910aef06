"""A feed's pictures out of the recorder's tap, for as many as follow it: one connection a feed, while somebody does.

Invariant: who follows gets the current group of pictures from its key frame at once, then each picture as it comes.
When the camera or the recorder is away they hear nothing, and new parameters when it is back.
"""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import structlog

from adapters.video import wire
from adapters.video.coded import CodecParameters, CodedPicture, Item

MOST_KEPT = 16 << 20  # bytes of the current group of pictures
AGAIN_S = (0.1, 2.0)  # between two looks for the recorder: first, longest
QUIET_S = 5.0  # without a picture so long, it is said that none comes
AWAY = "the recorder does not answer"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_decoder = msgspec.msgpack.Decoder(wire.Message)
log = structlog.get_logger()

TakeItem = Callable[[Item | None], None]


class Tapped:
    """One feed. Implements `adapters.video.coded.Source`. Safe to use from many threads."""

    def __init__(self, path: Path, feed: str) -> None:
        self.feed = feed
        self._path = path
        self._lock = threading.RLock()
        self._numbers = count()
        self._followers: dict[int, TakeItem] = {}
        self._parameters: CodecParameters | None = None
        self._group: list[CodedPicture] = []
        self._size = 0
        self._lost: str | None = "the camera is not connected yet"
        self._heard = time.monotonic()
        self._reading: _Reading | None = None

    @property
    def parameters(self) -> CodecParameters | None:
        """What the camera sends now; None while it is away."""
        with self._lock:
            return self._parameters

    @property
    def fault(self) -> str | None:
        """Why no picture comes now; None: they come."""
        with self._lock:
            if self._lost is None and time.monotonic() - self._heard > QUIET_S:
                return "the camera sends no picture now"
            return self._lost

    def follow(self, take: TakeItem) -> Callable[[], None]:
        with self._lock:
            number = next(self._numbers)
            if self._parameters is not None:
                take(self._parameters)
                for picture in self._group:
                    take(picture)
            self._followers[number] = take
            if self._reading is None:
                self._heard = time.monotonic()
                self._reading = _Reading(self)
                self._reading.start()
        return lambda: self._leave(number)

    def _leave(self, number: int) -> None:
        with self._lock:
            self._followers.pop(number, None)
            reading = self._reading
            if self._followers or reading is None:
                return
            self._reading = None
            self._forget("the camera is not connected yet")
        reading.end()

    def _forget(self, why: str) -> None:
        self._parameters, self._group, self._size, self._lost = None, [], 0, why

    # -- what comes ----------------------------------------------------------

    def _take(self, reading: _Reading, message: wire.Message, content: bytes) -> None:
        with self._lock:
            if reading is not self._reading:
                return  # nobody follows it any more
            match message:
                case wire.Hello(codec, extradata, (above, below), width, height, rate):
                    self._forget("no picture came yet")
                    self._parameters = CodecParameters(codec, extradata, Fraction(above, below), width, height, rate)
                    self._give(self._parameters)
                case wire.Head(pts, dts, key, at_us):
                    picture = CodedPicture(content, pts, dts, key, _EPOCH + timedelta(microseconds=at_us))
                    self._lost, self._heard = None, time.monotonic()
                    self._keep(picture)
                    self._give(picture)
                case wire.Lost(why):
                    self._forget(why)

    def _keep(self, picture: CodedPicture) -> None:
        if picture.key:
            self._group, self._size = [picture], len(picture.data)
        elif self._group and self._size + len(picture.data) <= MOST_KEPT:
            self._group.append(picture)
            self._size += len(picture.data)
        else:
            self._group, self._size = [], 0

    def _give(self, item: Item) -> None:
        for take in list(self._followers.values()):
            take(item)

    def _away(self, reading: _Reading) -> None:
        with self._lock:
            if reading is self._reading:
                self._forget(AWAY)

    def close(self) -> None:
        with self._lock:
            numbers = list(self._followers)
        for number in numbers:
            self._leave(number)


class _Reading:
    """One thread with a connection to the recorder, made again whenever it ends."""

    def __init__(self, tapped: Tapped) -> None:
        self._tapped = tapped
        self._stop = threading.Event()
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        threading.Thread(target=self._run, name=f"tapped {self._tapped.feed}", daemon=True).start()

    def end(self) -> None:
        self._stop.set()
        with self._lock, suppress(OSError):
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        pause = AGAIN_S[0]
        while not self._stop.is_set():
            try:
                for message, content in self._frames():
                    pause = AGAIN_S[0]
                    self._tapped._take(self, message, content)
            except (OSError, msgspec.MsgspecError, ValueError, ZeroDivisionError) as error:
                log.warning("tap_away", feed=self._tapped.feed, why=str(error))
            self._tapped._away(self)
            # Feeds of one recorder come back together; they do not all ask together.
            self._stop.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311
            pause = min(pause * 2, AGAIN_S[1])

    def _frames(self) -> Iterator[tuple[wire.Message, bytes]]:
        """Until the connection ends. Raises OSError, MsgspecError, and ValueError for what is no frame of ours."""
        with wire.connected(self._tapped._path) as connection:
            with self._lock:
                if self._stop.is_set():
                    return
                self._socket = connection
            try:
                connection.sendall(msgspec.json.encode(wire.Asked(self._tapped.feed)) + b"\n")
                with connection.makefile("rb", buffering=1 << 18) as stream:
                    while (frame := _read(stream)) is not None:
                        yield frame
            finally:
                with self._lock:
                    self._socket = None


def _read(stream: Any) -> tuple[wire.Message, bytes] | None:
    """None: the stream ended. Raises OSError, MsgspecError and ValueError."""
    lengths = stream.read(wire.LENGTHS.size)
    if len(lengths) < wire.LENGTHS.size:
        return None
    head, content = wire.LENGTHS.unpack(lengths)
    if head > wire.MOST_HEAD or content > wire.MOST_PICTURE:
        raise ValueError(f"a frame of {head} and {content} bytes is none of the recorder's")
    both = stream.read(head + content)
    if len(both) < head + content:
        return None
    return _decoder.decode(both[:head]), both[head:]


class TappedFeeds:
    """Those of one recorder. `path`: of its socket."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._feeds: dict[str, Tapped] = {}
        self._lock = threading.Lock()

    def source(self, feed: str) -> Tapped:
        """The feed's, one for all; nothing is asked of the recorder before somebody follows it."""
        with self._lock:
            return self._feeds.setdefault(feed, Tapped(self._path, feed))

    def close(self) -> None:
        with self._lock:
            feeds = list(self._feeds.values())
        for feed in feeds:
            feed.close()
