"""What happens to an event that cannot be applied: find it by halving its batch, then stop, or park its stream.

Invariant: once an event of a stream is parked, every later event of that stream is parked too, so that the rows of a
stream are always those of a prefix of its events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import psycopg

from application.codec import UnreadableEvent, decode_envelope
from application.sealing import Keyring
from projections.engine import catalogue, shredding
from projections.engine.feed import FeedRecord
from projections.engine.projection import AnyProjection, Connection, Cursor, Failure, Park, Stop, is_transient
from projections.engine.selection import Selection, selection_of


class ParkedRecord(NamedTuple):
    position: int
    stream: str
    content: bytes
    error: str


@dataclass(slots=True)
class Careful:
    """Apply a batch in which something fails, inside one transaction of the caller's.

    Afterwards `parked` holds what was put aside and `stopped` the failure at which nothing more may be applied.
    `streams` are those parked before; it is not changed.
    """

    cursor: Cursor
    projection: AnyProjection
    selection: Selection
    streams: frozenset[str]
    parked: list[ParkedRecord] = field(default_factory=list)
    parked_streams: set[str] = field(default_factory=set)
    stopped: Failure | None = None

    def apply(self, records: Sequence[FeedRecord]) -> None:
        if self.stopped is not None:
            return
        awaited = [r for r in records if not self._set_aside(r)]
        if not awaited:
            return
        try:
            with self.cursor.connection.transaction():
                shredding.apply(self.cursor, self.projection, self.selection, awaited)
        except Exception as error:
            if is_transient(error):
                raise
            if len(awaited) == 1:
                self._failed(awaited[0], error)
                return
            middle = len(awaited) // 2
            self.apply(awaited[:middle])
            self.apply(awaited[middle:])

    def _set_aside(self, record: FeedRecord) -> bool:
        if record.stream not in self.streams and record.stream not in self.parked_streams:
            return False
        self.parked.append(ParkedRecord(*record, error="an earlier event of this stream is parked"))
        return True

    def _failed(self, record: FeedRecord, error: Exception) -> None:
        failure = describe(record, error)
        # A missing table or right is no event's fault: to park would put stream after stream aside.
        policy = Stop() if isinstance(error, psycopg.ProgrammingError) else self.projection.on_error(failure)
        match policy:
            case Stop():
                self.stopped = failure
            case Park(limit):
                if len(self.streams | self.parked_streams) >= limit:
                    reason = f"{limit} streams are parked already, which is the limit; then {failure.error}"
                    self.stopped = Failure(failure.position, failure.stream, failure.type, reason)
                else:
                    self.parked.append(ParkedRecord(*record, error=failure.error))
                    self.parked_streams.add(record.stream)


def describe(record: FeedRecord, error: Exception) -> Failure:
    try:
        type_ = decode_envelope(record.content).type
    except UnreadableEvent:
        type_ = ""
    # The text of a database error may quote the row, which may be personal: its name and code are enough.
    state = getattr(error, "sqlstate", None)
    text = str(error) if isinstance(error, UnreadableEvent) else type(error).__name__ + (f" ({state})" if state else "")
    return Failure(record.position, record.stream, type_, text)


def keep(cursor: Cursor, key: str, parked: Sequence[ParkedRecord]) -> None:
    cursor.executemany(
        "INSERT INTO projections.parked (key, position, stream, content, error) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (key, position) DO NOTHING",
        [(key, r.position, r.stream, r.content, r.error) for r in parked],
    )


def parked_streams(connection: Connection, key: str) -> frozenset[str]:
    rows = connection.execute("SELECT DISTINCT stream FROM projections.parked WHERE key = %s", (key,)).fetchall()
    return frozenset(stream for (stream,) in rows)


def parked_records(connection: Connection, key: str, limit: int = 1000) -> list[ParkedRecord]:
    """What is parked of a build, in order."""
    return [
        ParkedRecord(*row)
        for row in connection.execute(
            "SELECT position, stream, content, error FROM projections.parked WHERE key = %s ORDER BY position LIMIT %s",
            (key, limit),
        )
    ]


@dataclass(frozen=True, slots=True)
class Retried:
    applied: int
    still_parked: int


def retry(connection: Connection, projection: AnyProjection, keys: Keyring | None = None) -> Retried:
    """Apply what is parked of the live build again, stream by stream in order; a stopped one is told to try again.

    Holds the build's row meanwhile, so the projector waits and then reads anew what is parked.
    """
    live = next(b for b in catalogue.builds(connection, projection.name) if b.state == "live")
    selection = selection_of(projection, keys)
    healed: list[tuple[str, int]] = []
    left: list[tuple[str, str, int]] = []
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM projections.catalogue WHERE key = %s FOR UPDATE", (live.key,))
        cursor.execute("SELECT set_config('search_path', quote_ident(%s), true)", (live.key,))
        blocked: set[str] = set()
        for position, stream, content in cursor.execute(
            "SELECT position, stream, content FROM projections.parked WHERE key = %s ORDER BY stream, position",
            (live.key,),
        ).fetchall():
            if stream in blocked:
                continue
            record = FeedRecord(position, stream, bytes(content))
            try:
                with connection.transaction():
                    shredding.apply(cursor, projection, selection, [record])
                healed.append((live.key, position))
            except Exception as error:
                if is_transient(error):
                    raise
                blocked.add(stream)
                left.append((describe(record, error).error, live.key, position))
        cursor.executemany("DELETE FROM projections.parked WHERE key = %s AND position = %s", healed)
        cursor.executemany("UPDATE projections.parked SET error = %s WHERE key = %s AND position = %s", left)
        (still,) = cursor.execute(
            "UPDATE projections.catalogue c SET revision = revision + 1, parked_streams ="
            " (SELECT count(DISTINCT stream) FROM projections.parked p WHERE p.key = c.key) WHERE key = %s"
            " RETURNING (SELECT count(*) FROM projections.parked p WHERE p.key = c.key)",
            (live.key,),
        ).fetchone() or (0,)
        catalogue.notify(connection, projection.name, live.position)
    return Retried(len(healed), still)
