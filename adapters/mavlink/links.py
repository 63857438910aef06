"""Links to vehicles: UDP, TCP and serial lines behind one small interface.

A link gives bytes to a callback as they arrive and never waits when it sends: what does not fit its
buffer is dropped and counted, because a command that comes seconds late is worse than one resent.
It reconnects by itself, with back-off, until it is cancelled.
"""

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import serial
import structlog

log = structlog.get_logger(__name__)

Peer = tuple[Any, ...] | None
"""Where a datagram came from; None on a link with a single far end."""
Receive = Callable[[bytes, Peer], None]

SEND_BUFFER = 65_536
"""Bytes that may wait to be sent; more are dropped."""
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
"""Seconds between attempts to connect."""
CONNECT_TIMEOUT = 5.0

KINDS = ("udpin", "udpout", "tcp", "serial")


@dataclass(frozen=True, slots=True)
class Address:
    """`udpin:HOST:PORT`, `udpout:HOST:PORT`, `tcp:HOST:PORT` or `serial:DEVICE:BAUD`."""

    kind: str
    place: str
    number: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read an address. Raises ValueError that says what is wrong and what is accepted."""
        kind, _, rest = text.partition(":")
        place, _, number = rest.rpartition(":")
        if kind not in KINDS or not place or not number.isdigit():
            raise ValueError(
                f"Link address {text!r} is none of "
                "udpin:HOST:PORT, udpout:HOST:PORT, tcp:HOST:PORT, serial:DEVICE:BAUD."
            )
        if kind != "serial" and not 0 <= int(number) <= 65_535:
            raise ValueError(f"Link address {text!r}: port {number} is not between 0 and 65535.")
        return cls(kind, place.strip("[]"), int(number))


class Link(ABC):
    """One line to one or more vehicles."""

    def __init__(self, address: Address, receive: Receive) -> None:
        self.address = address
        self.dropped = 0
        """Frames that could not be sent."""
        self.error: str | None = None
        """Why the link is down, None while it is up."""
        self._receive = receive
        self._lost = asyncio.Event()

    async def run(self) -> None:
        """Keep the link up until cancelled."""
        pause = FIRST_PAUSE
        while True:
            self._lost.clear()
            try:
                await self._open()
                self.error, pause = None, FIRST_PAUSE
                log.info("link up", link=str(self))
                await self._lost.wait()
                self.error = "closed by the other end"
            except (OSError, TimeoutError) as failure:
                self.error = str(failure) or type(failure).__name__
            finally:
                self._close()
            log.warning("link down", link=str(self), error=self.error, retry_in=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def __str__(self) -> str:
        return f"{self.address.kind}:{self.address.place}:{self.address.number}"

    @abstractmethod
    def send(self, data: bytes, peer: Peer = None) -> bool:
        """Hand a frame to the wire now; False when there is nowhere to send it or no room."""

    @abstractmethod
    async def _open(self) -> None: ...

    @abstractmethod
    def _close(self) -> None: ...


class _Datagrams(Link, asyncio.DatagramProtocol):
    """UDP, listening (answers go to the peer that spoke) or towards one address."""

    _transport: asyncio.DatagramTransport | None = None

    @property
    def port(self) -> int:
        """The local port, once open."""
        assert self._transport is not None
        return int(self._transport.get_extra_info("sockname")[1])

    async def _open(self) -> None:
        place = (self.address.place, self.address.number)
        ends: dict[str, Any] = {"local_addr": place} if self.address.kind == "udpin" else {"remote_addr": place}
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, **ends)

    def _close(self) -> None:
        if self._transport:
            self._transport.abort()
            self._transport = None

    def send(self, data: bytes, peer: Peer = None) -> bool:
        transport = self._transport
        if transport is None or (peer is None) == (self.address.kind == "udpin"):
            return False
        # Every loop's datagram transport has it; the abstract class forgets it.
        if transport.get_write_buffer_size() > SEND_BUFFER:  # type: ignore[attr-defined]
            self.dropped += 1
            return False
        transport.sendto(data, peer)
        return True

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self._receive(data, addr if self.address.kind == "udpin" else None)

    def error_received(self, exc: Exception) -> None:
        # Nobody listens there yet: the next heartbeat asks again.
        self.error = str(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.set()


class _Tcp(Link, asyncio.Protocol):
    """A TCP client, as to a SITL or a telemetry bridge."""

    _transport: asyncio.Transport | None = None

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_TIMEOUT):
            self._transport, _ = await loop.create_connection(lambda: self, self.address.place, self.address.number)

    def _close(self) -> None:
        if self._transport:
            self._transport.abort()
            self._transport = None

    def send(self, data: bytes, peer: Peer = None) -> bool:
        if self._transport is None or self._transport.is_closing():
            return False
        if self._transport.get_write_buffer_size() > SEND_BUFFER:
            self.dropped += 1
            return False
        self._transport.write(data)
        return True

    def data_received(self, data: bytes) -> None:
        self._receive(data, None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.set()


class _Serial(Link):
    """A serial line, such as a telemetry radio."""

    _line: serial.Serial | None = None

    def __init__(self, address: Address, receive: Receive) -> None:
        super().__init__(address, receive)
        self._waiting = bytearray()

    async def _open(self) -> None:
        self._line = serial.Serial(self.address.place, self.address.number, timeout=0, write_timeout=0)
        self._waiting.clear()
        asyncio.get_running_loop().add_reader(self._line.fileno(), self._readable)

    def _close(self) -> None:
        if self._line:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._line.fileno())
            loop.remove_writer(self._line.fileno())
            with suppress(OSError):
                self._line.close()
            self._line = None

    def _readable(self) -> None:
        try:
            data = os.read(self._line.fileno(), 4096) if self._line else b""
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._receive(data, None)
        else:  # unplugged
            self._lost.set()

    def send(self, data: bytes, peer: Peer = None) -> bool:
        if self._line is None:
            return False
        if len(self._waiting) + len(data) > SEND_BUFFER:
            self.dropped += 1
            return False
        self._waiting += data
        self._writable()
        return True

    def _writable(self) -> None:
        if self._line is None:
            return
        loop, file = asyncio.get_running_loop(), self._line.fileno()
        try:
            del self._waiting[: os.write(file, self._waiting)]
        except BlockingIOError:
            pass
        except OSError:
            self._lost.set()
            return
        if self._waiting:
            loop.add_writer(file, self._writable)
        else:
            loop.remove_writer(file)


def open_link(address: str, receive: Receive) -> Link:
    """The link for an address; nothing is opened before `run`. Raises ValueError on a wrong address."""
    parsed = Address.parse(address)
    kinds: dict[str, type[Link]] = {"udpin": _Datagrams, "udpout": _Datagrams, "tcp": _Tcp, "serial": _Serial}
    return kinds[parsed.kind](parsed, receive)
