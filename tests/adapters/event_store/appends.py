"""Short ways to say what is appended, and to look at what came of it."""

import hashlib
import itertools
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from adapters.event_store.audit import audit
from application.ports import Append, Document, NewEvent

PASSWORD = "for tests alone"  # of every login in every test: they belong to the server, which all tests share
TYPE = "test.thing_happened.v1"
_numbers = itertools.count(1)


def append(
    *written: tuple[str, int],
    reads: Mapping[str, int] | None = None,
    command_id: uuid.UUID | None = None,
    digest: bytes | None = None,
    answer: bytes = b"",
    documents: Sequence[Document] = (),
) -> Append:
    """One command that writes these (stream, version)s."""
    command_id = command_id or uuid.uuid4()
    return Append(
        command_id,
        digest or hashlib.sha256(command_id.bytes).digest(),
        [NewEvent(stream, version, TYPE, b"%s %d" % (stream.encode(), next(_numbers))) for stream, version in written],
        reads or {},
        answer,
        documents,
    )


def document(text: str) -> Document:
    return Document(hashlib.sha256(text.encode()).digest(), "text/plain", text.encode())


def as_user(url: str, user: str) -> str:
    return make_conninfo("", **{**conninfo_to_dict(url), "user": user, "password": PASSWORD})


def until(condition: Callable[[], object], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen in {seconds} s"
        time.sleep(0.01)


def assert_whole(url: str) -> int:
    """Positions are 1..n, streams whole, and the rolling hash is that of the events. Returns n."""
    found = audit(url)
    assert found.holds, found
    assert found.events == found.head.position
    return found.events


def waiting_for_a_lock(conn: psycopg.Connection) -> int:
    row = conn.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ).fetchone()
    assert row is not None
    return int(row[0])


@contextmanager
def head_held(url: str, waiters: int = 1) -> Iterator[psycopg.Connection]:
    """Hold the end of the log as another process's append would, until `waiters` wait for it at the end of the block.

    What a store is given inside, after its first command, queues and so becomes one batch.
    """
    with psycopg.connect(url, autocommit=True) as watching, psycopg.connect(url) as holding:
        holding.execute("SELECT FROM events.head FOR UPDATE")
        yield watching
        until(lambda: waiting_for_a_lock(watching) >= waiters, "waiting for the head")
