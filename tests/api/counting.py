"""A TCP proxy that keeps every byte that a server sent, so that what left can be held against what the record says."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self


@dataclass
class Exchange:
    """One connection: what was asked, and what came back before it ended."""

    asked: bytes = b""
    came: bytearray = field(default_factory=bytearray)
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def path(self) -> str:
        return self.asked.partition(b" ")[2].partition(b" ")[0].decode()

    @property
    def status(self) -> int:
        return int(self.came.split(b" ", 2)[1])

    @property
    def body(self) -> bytes:
        return bytes(self.came.partition(b"\r\n\r\n")[2])

    @property
    def pictures(self) -> int:
        """Bytes of pictures that left by it."""
        shows = self.path.partition("?")[0].endswith((".m4s", "/still"))
        return len(self.body) if shows and self.came and self.status == 200 else 0


class CountingProxy:
    """In front of a server of this machine. Each connection is for one request, which says `connection: close`.

    `most`: bytes that are taken of a connection before it is cut, as by a person who goes away; None: all.
    """

    def __init__(self, port: int, most: int | None = None) -> None:
        self._port, self.most = port, most
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self.exchanges: list[Exchange] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()

    @property
    def pictures(self) -> int:
        """Bytes of pictures that left, all in all."""
        return sum(exchange.pictures for exchange in self.exchanges)

    def _run(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        exchange = Exchange()
        self.exchanges.append(exchange)
        server = socket.socket()
        # Little is on its way between two that are on one machine, as between two that are not.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        try:
            with client, server:
                while b"\r\n\r\n" not in exchange.asked:
                    if not (data := client.recv(65536)):
                        return
                    exchange.asked += data
                server.connect(("127.0.0.1", self._port))
                server.sendall(exchange.asked)
                while data := server.recv(16 * 1024):
                    exchange.came += data
                    if self.most is not None and len(exchange.came) >= self.most:
                        return
                    client.sendall(data)
        except OSError:
            pass
        finally:
            exchange.done.set()
