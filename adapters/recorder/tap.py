"""What cameras send, offered as it comes to the processes of this machine that show it live.

The recorder alone holds the cameras' credentials and has the one connection that many cameras allow; whoever shows
pictures takes them here. Invariants: only the user who runs the recorder can connect; whoever comes gets the current
group of pictures first, so that there is a picture at once; a listener that is slow loses its connection, and never
costs the recording more than a look at a queue. Nothing here asks who may see what: who listens does.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
import threading
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

import msgspec
import structlog
from prometheus_client import Counter, Gauge

from adapters.recorder.segmenting import Packet
from adapters.video import wire
from adapters.video.coded import CodecParameters

MOST_KEPT = 16 << 20  # bytes of the current group of pictures
MOST_WAITING = 32 << 20  # bytes that a listener has not taken yet
ASKS_WITHIN_S, TAKES_WITHIN_S = 5.0, 10.0
LOOKS_EVERY_S = 5.0  # whether a listener that is sent nothing is still there
LISTENS_AGAIN_S = 5.0
MOST_LISTENERS = 512
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_CREDENTIALS = struct.Struct("3i")  # SO_PEERCRED: process, user, group
_encoder = msgspec.msgpack.Encoder()

LISTENERS = Gauge("saferweho_recorder_tap_listeners", "Connections over which pictures are shown live")
CUT = Counter("saferweho_recorder_tap_cut", "Listeners that were too slow")
log = structlog.get_logger()

Frame: TypeAlias = tuple[bytes, "bytes | memoryview"]


def _frame(message: wire.Message, content: bytes | memoryview = b"") -> Frame:
    head = _encoder.encode(message)
    return wire.LENGTHS.pack(len(head), len(content)) + head, content


class _Listener:
    """One connection. `give` is called by the thread that receives from the camera, and never waits."""

    def __init__(self, connection: socket.socket, most: int) -> None:
        self._connection, self._most = connection, most
        self._waiting: deque[Frame] = deque()
        self._size = 0
        self._some = threading.Condition()
        self.gone = False

    def give(self, frame: Frame) -> None:
        with self._some:
            if self.gone:
                return
            if self._waiting and self._size + len(frame[1]) > self._most:
                CUT.inc()
                self._hang_up()
                return
            self._waiting.append(frame)
            self._size += len(frame[1])
            self._some.notify()

    def hang_up(self) -> None:
        with self._some:
            self._hang_up()

    def _hang_up(self) -> None:
        self.gone = True
        self._waiting.clear()
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._some.notify()

    def send(self, stop: threading.Event) -> None:
        """Until it is gone or told to stop."""
        try:
            while not stop.is_set():
                with self._some:
                    self._some.wait_for(lambda: bool(self._waiting) or self.gone, timeout=LOOKS_EVERY_S)
                    frame = self._waiting.popleft() if self._waiting else None
                    if frame is not None:
                        self._size -= len(frame[1])
                if self.gone:
                    return
                if frame is None:
                    if self._hung_up():
                        return
                    continue
                self._connection.sendall(frame[0])
                if frame[1]:
                    self._connection.sendall(frame[1])
        except OSError:
            return  # it went, or took nothing for too long
        finally:
            self.gone = True

    def _hung_up(self) -> bool:
        try:
            return self._connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False


class Tap:
    """One feed's pictures. `begins`, `picture` and `ends` are for the thread that receives them."""

    def __init__(self, feed: str, most_kept: int = MOST_KEPT, most_waiting: int = MOST_WAITING) -> None:
        self.feed = feed
        self._most_kept, self._most_waiting = most_kept, most_waiting
        self._lock = threading.Lock()
        self._opening = _frame(wire.Lost("the camera is not connected yet"))
        self._group: list[Frame] = []  # since the last key frame
        self._size = 0
        self._listeners: list[_Listener] = []

    def begins(self, parameters: CodecParameters) -> None:
        base = parameters.time_base
        hello = wire.Hello(
            parameters.codec,
            parameters.extradata,
            (base.numerator, base.denominator),
            parameters.width,
            parameters.height,
            parameters.rate,
        )
        self._open_with(_frame(hello))

    def ends(self, why: str) -> None:
        self._open_with(_frame(wire.Lost(why)))

    def _open_with(self, opening: Frame) -> None:
        with self._lock:
            self._opening, self._group, self._size = opening, [], 0
            self._give(opening)

    def picture(self, packet: Packet, at: datetime) -> None:
        """Its bytes are not copied: who muxes a packet changes its times, which are taken here, and never its bytes."""
        dts = packet.dts if packet.dts is not None else packet.pts
        if dts is None:
            return
        pts = packet.pts if packet.pts is not None else dts
        head = wire.Head(pts, dts, bool(packet.is_keyframe), (at - _EPOCH) // _MICROSECOND)
        self.take(head, memoryview(packet))

    def take(self, head: wire.Head, content: bytes | memoryview) -> None:
        if len(content) > wire.MOST_PICTURE:
            return
        frame = _frame(head, content)
        with self._lock:
            if head.key:
                self._group, self._size = [frame], len(content)
            elif self._group and self._size + len(content) <= self._most_kept:
                self._group.append(frame)
                self._size += len(content)
            else:
                self._group, self._size = [], 0  # who comes now waits for the next key frame
            self._give(frame)

    def _give(self, frame: Frame) -> None:
        for listener in self._listeners:
            listener.give(frame)

    def close(self) -> None:
        with self._lock:
            for listener in self._listeners:
                listener.hang_up()

    def serve(self, connection: socket.socket, stop: threading.Event) -> None:
        """Until the listener goes or is too slow."""
        listener = _Listener(connection, self._most_waiting)
        with self._lock:
            for frame in (self._opening, *self._group):
                listener.give(frame)
            self._listeners.append(listener)
        try:
            listener.send(stop)
        finally:
            with self._lock:
                self._listeners.remove(listener)


class Taps:
    """Those of all feeds of this process, behind one socket. `run` is for a thread of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._taps: dict[str, Tap] = {}
        self._lock = threading.Lock()
        self._count = 0
        self.fault: str | None = "not listening yet"

    def of(self, feed: str) -> Tap:
        """The feed's, made at the first asking; it stays when the camera is connected to anew."""
        with self._lock:
            return self._taps.setdefault(feed, Tap(feed))

    def forget(self, feed: str) -> None:
        """The feed is no more, or another of this name begins: who listened asks anew."""
        with self._lock:
            tap = self._taps.pop(feed, None)
        if tap is not None:
            tap.close()

    def run(self, stop: threading.Event) -> None:
        """Until `stop`. That nobody can be shown a picture keeps nothing from being recorded."""
        while not stop.is_set():
            try:
                self._listen(stop)
            except OSError as error:
                self.fault = f"{self.path}: {error.strerror or error}"
                log.error("tap_closed", why=self.fault)
                stop.wait(LISTENS_AGAIN_S)

    def _listen(self, stop: threading.Event) -> None:
        """Raises OSError."""
        with socket.socket(socket.AF_UNIX) as listener:
            with suppress(FileNotFoundError):
                if not stat.S_ISSOCK(self.path.lstat().st_mode):
                    raise OSError(f"{self.path} is no socket, and stays as it is")
                self.path.unlink()  # of an earlier run: there is one recorder a home
            with wire.address(self.path) as at:
                listener.bind(at)
            self.path.chmod(0o600)
            listener.listen(64)
            listener.settimeout(0.5)
            self.fault = None
            while not stop.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                threading.Thread(target=self._serve, args=(connection, stop), name="tap", daemon=True).start()
        with suppress(OSError):
            self.path.unlink()

    def _serve(self, connection: socket.socket, stop: threading.Event) -> None:
        with connection:
            with self._lock:
                if self._count >= MOST_LISTENERS:
                    return
                self._count += 1
            LISTENERS.inc()
            try:
                self._answer(connection, stop)
            except (OSError, msgspec.MsgspecError) as error:
                log.warning("listener_refused", why=str(error))
            finally:
                LISTENERS.dec()
                with self._lock:
                    self._count -= 1

    def _answer(self, connection: socket.socket, stop: threading.Event) -> None:
        """Raises OSError and MsgspecError."""
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        _, user, _ = _CREDENTIALS.unpack(credentials)
        if user not in (os.geteuid(), 0):
            raise PermissionError(f"user {user} asked for pictures; accepted: the user who runs the recorder")
        connection.settimeout(ASKS_WITHIN_S)
        line = b""
        while not line.endswith(b"\n") and len(line) < wire.MOST_REQUEST:
            part = connection.recv(wire.MOST_REQUEST - len(line))
            if not part:
                return
            line += part
        asked = msgspec.json.decode(line, type=wire.Asked)
        with self._lock:
            tap = self._taps.get(asked.feed)
        connection.settimeout(TAKES_WITHIN_S)
        if tap is None:
            head, _ = _frame(wire.Lost("the recorder has no such camera"))
            connection.sendall(head)
            return
        tap.serve(connection, stop)
