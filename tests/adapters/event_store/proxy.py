"""A TCP proxy in front of the real server, to lose what a network loses: the answers of a server that did the work."""

import selectors
import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo


class Proxy:
    """`mode`: 'pass'; 'freeze': nothing comes back; 'cut': the first answer is lost and the connection with it."""

    def __init__(self, url: str) -> None:
        parts = conninfo_to_dict(url)
        self._server = (str(parts["host"]), int(str(parts["port"])))
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = make_conninfo("", **{**parts, "host": "127.0.0.1", "port": str(self._listening.getsockname()[1])})
        self.mode = "pass"
        self.cuts = 0
        self._other_end: dict[socket.socket, socket.socket] = {}
        self._from_server: set[socket.socket] = set()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listening, selectors.EVENT_READ)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        for end in list(self._other_end):
            end.close()
        self._listening.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            for key, _ in self._selector.select(0.05):
                if key.fileobj is self._listening:
                    self._accept()
                elif isinstance(key.fileobj, socket.socket) and key.fileobj in self._other_end:
                    self._carry(key.fileobj)

    def _accept(self) -> None:
        client, _ = self._listening.accept()
        try:
            server = socket.create_connection(self._server)
        except OSError:
            client.close()
            return
        self._other_end |= {client: server, server: client}
        self._from_server.add(server)
        for end in (client, server):
            self._selector.register(end, selectors.EVENT_READ)

    def _carry(self, end: socket.socket) -> None:
        try:
            data = end.recv(65536)
        except OSError:
            data = b""
        if end in self._from_server and data and self.mode == "freeze":
            return
        if not data or (end in self._from_server and self.mode == "cut"):
            self.cuts += bool(data)
            if data:
                self.mode = "pass"
            for each in (end, self._other_end[end]):
                self._selector.unregister(each)
                self._from_server.discard(each)
                self._other_end.pop(each)
                each.close()
            return
        with suppress(OSError):
            self._other_end[end].sendall(data)
