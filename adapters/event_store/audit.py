"""Read the whole log in order, and check what it says of itself: no gap, whole streams, the rolling hash of `head`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg
from psycopg import IsolationLevel

from application.ports import Head, StoredEvent

EMPTY = Head(0, bytes(32))
_REPORTED = 20  # gaps and streams named in a report
_PAGE = 5000  # rows held in memory


@dataclass(frozen=True, slots=True)
class Audit:
    """`computed` is what the events add up to, `head` what the store says. `gaps`: (first, last) missing positions."""

    events: int
    computed: Head
    head: Head
    gaps: tuple[tuple[int, int], ...]
    broken_streams: tuple[str, ...]  # whose versions are not 1, 2, 3 …

    @property
    def holds(self) -> bool:
        return self.computed == self.head and not self.gaps and not self.broken_streams


def rolling(before: bytes, content: bytes) -> bytes:
    """The rolling hash after one more event; see `application.ports.Head`."""
    return hashlib.sha256(before + hashlib.sha256(content).digest()).digest()


def log(url: str, after: int = 0) -> Iterator[StoredEvent]:
    """Every event in order of position as of one moment; memory stays flat however long the log."""
    with psycopg.connect(url) as conn:
        conn.isolation_level = IsolationLevel.REPEATABLE_READ
        yield from _log(conn, after)


def audit(url: str, progress: Callable[[int], None] = lambda position: None) -> Audit:
    """All in one snapshot, beside running appends. `progress` hears the position now and then."""
    with psycopg.connect(url) as conn:
        conn.isolation_level = IsolationLevel.REPEATABLE_READ
        row = conn.execute("SELECT position, rolling_hash FROM events.head").fetchone()
        assert row is not None
        events, position, rolling_hash = 0, EMPTY.position, EMPTY.rolling_hash
        gaps: list[tuple[int, int]] = []
        for event in _log(conn, 0):
            if event.position != position + 1:
                gaps.append((position + 1, event.position - 1))
            events += 1
            position = event.position
            rolling_hash = rolling(rolling_hash, event.content)
            if events % _PAGE == 0:
                progress(position)
        progress(position)
        broken = conn.execute(
            "SELECT originator_id FROM events.stored_events GROUP BY originator_id "
            "HAVING min(originator_version) <> 1 OR max(originator_version) <> count(*) ORDER BY 1 LIMIT %s",
            (_REPORTED,),
        ).fetchall()
    return Audit(
        events, Head(position, rolling_hash), Head(*row), tuple(gaps[:_REPORTED]), tuple(stream for (stream,) in broken)
    )


def _log(conn: psycopg.Connection, after: int) -> Iterator[StoredEvent]:
    with conn.cursor("log", scrollable=False) as cursor:
        cursor.itersize = _PAGE
        cursor.execute(
            "SELECT notification_id, originator_id, originator_version, topic, state FROM events.stored_events "
            "WHERE notification_id > %s ORDER BY notification_id",
            (after,),
            binary=True,
        )
        yield from map(StoredEvent._make, cursor)
