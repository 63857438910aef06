"""The sockets that pictures leave by.

Invariants: what waits in one is a moment of a picture and no more, so that nobody is shown what was long ago, and who
takes nothing is noticed; when such a one is cut off, what waits for it is thrown away with the connection, and is not
delivered afterwards, when it may no longer be seen.
"""

from __future__ import annotations

import socket
import struct
from asyncio.transports import BaseTransport, Transport
from typing import cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

UNSENT = 64 * 1024  # bytes that the kernel takes of us before it can send them; of itself it takes megabytes
WRITTEN = 16 * 1024  # bytes that wait for the kernel before a connection counts as not taking
DEAD_MS = 30_000  # who acknowledges nothing, or has no room for anything, for so long is gone
ASKED_WITHIN_S = 10.0  # from the beginning of a connection to the end of its first request's head
AT_ONCE = struct.pack("ii", 1, 0)  # struct linger: on, 0 s


def listening(config: uvicorn.Config) -> socket.socket:
    """Bound, for `Server.serve`; what is set here goes over to each connection (tcp(7)). Exits where it cannot be."""
    made = config.bind_socket()
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_MS)
    return made


class PictureHttp(HttpToolsProtocol):
    """Uvicorn's, which alone would wait for ever for who says nothing, or never comes to an end."""

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(cast(Transport, transport))
        self.loop.call_later(ASKED_WITHIN_S, self._asked)

    def _asked(self) -> None:
        if self.cycle is None and self.transport.get_protocol() is self:  # no request, and no WebSocket
            self.transport.close()


class PictureSocket(WebSocketsSansIOProtocol):
    """Uvicorn's, which alone would wait for ever until what was written is taken, after whoever serves it has ended."""

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=WRITTEN)

    async def run_asgi(self) -> None:
        await super().run_asgi()
        if not self.writable.is_set():
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            self.transport.abort()
