"""A real mail server and a real HTTP server of this machine, which keep what they are given."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller

from infra.stack.processes import free_port


@dataclass
class Mailbox:
    """`answers`: what to answer next, instead of taking it."""

    port: int = 0
    messages: list[EmailMessage] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    unknown: frozenset[str] = frozenset()

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if address in self.unknown:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.answers:
            return self.answers.pop(0)
        message: Any = BytesParser(policy=default).parsebytes(envelope.content)
        self.messages.append(message)
        return "250 2.0.0 taken"


@contextmanager
def mail_server(**options: Any) -> Iterator[Mailbox]:
    box = Mailbox(port=free_port(), **options)
    controller = Controller(box, hostname="127.0.0.1", port=box.port, ready_timeout=60)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


@dataclass
class Machine:
    url: str = ""
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)


@contextmanager
def http_server() -> Iterator[Machine]:
    machine = Machine()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            machine.requests.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(machine.answers.pop(0) if machine.answers else 204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        machine.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        yield machine
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
