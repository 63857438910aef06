"""The event store: `application.ports.EventStore` on PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, cast
from uuid import UUID

import psycopg
from psycopg.rows import tuple_row
from psycopg_pool import ConnectionPool

from adapters.event_store.connection import BoundedConnection, explain
from adapters.event_store.group_commit import COMMIT_TIMEOUT_S, GroupCommit
from adapters.event_store.recorder import GaplessRecorder, datastore
from application.codec import EVENT_LIMIT
from application.ports import (
    Append,
    Appended,
    Document,
    EventTooLarge,
    Head,
    StoredEvent,
    StoreUnavailable,
)

_COLUMNS = "notification_id, originator_id, originator_version, topic, state"
_RETRY_S = 0.1


class PostgresEventStore:
    """Reads through a pool of at most ten connections, writes through one `GroupCommit`. Thread-safe.

    `commit_timeout`: seconds after which any call says StoreUnavailable.
    """

    def __init__(self, url: str, *, max_batch: int = 512, commit_timeout: float = COMMIT_TIMEOUT_S) -> None:
        self._timeout = commit_timeout
        self._patience = max(commit_timeout - 4 * _RETRY_S, commit_timeout / 2)
        self.recorder = GaplessRecorder(datastore(url, timeout=commit_timeout))
        self._pool = cast(ConnectionPool[BoundedConnection], self.recorder.datastore.pool)
        self._pool.open()
        self._group_commit = GroupCommit(url, max_batch=max_batch, commit_timeout=commit_timeout)

    # -- writing -------------------------------------------------------------------
    def submit(self, append: Append) -> Future[Appended]:
        """Queue for the group commit. The future fails with a StoreError, StoreUnavailable within the commit timeout.

        For asyncio: `await asyncio.wrap_future(store.submit(append))`. Raises EventTooLarge, and ValueError for an
        append that contradicts itself (versions that don't follow each other, a wrong hash of a document).
        """
        for event in append.events:
            if len(event.content) > EVENT_LIMIT:
                raise EventTooLarge(event.type, len(event.content), EVENT_LIMIT)
        return self._group_commit.submit(append)

    def append(self, append: Append) -> Appended:
        return self.submit(append).result()

    # -- reading -------------------------------------------------------------------
    def read(
        self, streams: Sequence[str], after: Mapping[str, int] | None = None
    ) -> Mapping[str, Sequence[StoredEvent]]:
        """All streams as of one moment: one statement, one snapshot. `after`: only what came past these versions."""
        found: dict[str, list[StoredEvent]] = {stream: [] for stream in streams}
        known = [(after or {}).get(stream, 0) for stream in found]
        for event in self._events(
            "JOIN unnest(%s::text[], %s::bigint[]) AS wanted (stream, known)"
            " ON originator_id = stream AND originator_version > known ORDER BY originator_id, originator_version",
            list(found),
            known,
        ):
            found[event.stream].append(event)
        return found

    def versions(self, streams: Sequence[str]) -> Mapping[str, int]:
        rows = self._rows(
            "SELECT originator_id, max(originator_version) FROM events.stored_events WHERE originator_id = ANY(%s) "
            "GROUP BY originator_id",
            list(streams),
        )
        return dict.fromkeys(streams, 0) | dict(rows)

    def answer_to(self, command_id: UUID) -> tuple[bytes, Appended] | None:
        rows = self._rows(
            "SELECT digest, first_position, last_position, answer FROM events.commands WHERE command_id = %s",
            command_id,
        )
        return next(((digest, Appended(first, last, answer, True)) for digest, first, last, answer in rows), None)

    def notifications(self, after: int, limit: int) -> Sequence[StoredEvent]:
        return self._events("WHERE notification_id > %s ORDER BY notification_id LIMIT %s", after, limit)

    def cameras(self) -> Sequence[str]:
        rows = self._rows(
            "SELECT originator_id FROM events.stored_events WHERE topic = 'camera.camera_installed.v1'"
            " ORDER BY originator_id"
        )
        return [stream for (stream,) in rows]

    def zones(self) -> Sequence[str]:
        rows = self._rows(
            "SELECT originator_id FROM events.stored_events WHERE topic = 'zone.privacy_zone_drawn.v1'"
            " ORDER BY originator_id"
        )
        return [stream for (stream,) in rows]

    def exports_to_make(self) -> Sequence[str]:
        rows = self._rows(
            "SELECT approved.originator_id FROM events.stored_events AS approved"
            " WHERE approved.topic = 'export.export_approved.v1'"
            " AND NOT EXISTS (SELECT FROM events.stored_events AS after"
            " WHERE after.originator_id = approved.originator_id"
            " AND after.originator_version > approved.originator_version"
            " AND after.topic IN ('export.footage_exported.v1', 'export.export_refused.v1'))"
            " ORDER BY approved.notification_id"
        )
        return [stream for (stream,) in rows]

    def has_footage(self) -> bool:
        query = "SELECT EXISTS (SELECT FROM events.stored_events WHERE topic = 'footage.footage_recorded.v1')"
        return bool(self._rows(query)[0][0])

    def held_footage(self) -> Sequence[str]:
        rows = self._rows(
            "SELECT DISTINCT originator_id FROM events.stored_events WHERE topic = 'footage.legal_hold_placed.v1'"
            " ORDER BY originator_id"
        )
        return [stream for (stream,) in rows]

    def landings(self, after: int) -> Sequence[StoredEvent]:
        where = (
            "WHERE topic = 'flight.drone_landed.v1' AND notification_id > %s ORDER BY notification_id DESC LIMIT 1000"
        )
        return self._events(where, after)[::-1]

    def flight_footage(self, flight: str) -> Sequence[StoredEvent]:
        # Compared byte by byte, whatever the database's locale: "." is what comes after "-".
        return self._events(
            "WHERE topic IN ('footage.footage_recorded.v1', 'footage.footage_lost.v1')"
            " AND originator_id LIKE 'footage-flight-%%' AND originator_id ~>=~ %s AND originator_id ~<~ %s"
            " ORDER BY notification_id",
            f"footage-{flight}-",
            f"footage-{flight}.",
        )

    def head(self) -> Head:
        (row,) = self._rows("SELECT position, rolling_hash FROM events.head")
        return Head(*row)

    def document(self, sha256: bytes) -> Document | None:
        rows = self._rows("SELECT sha256, media_type, content FROM events.documents WHERE sha256 = %s", sha256)
        return Document(*rows[0]) if rows else None

    def _events(self, where: str, *parameters: Any) -> list[StoredEvent]:
        rows = self._rows(f"SELECT {_COLUMNS} FROM events.stored_events {where}", *parameters)  # noqa: S608 constants
        return list(map(StoredEvent._make, rows))

    def _rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Tried again on a new connection while the database is away; a reading does no harm twice."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                with self._pool.connection(max(_RETRY_S, deadline - time.monotonic())) as conn:
                    conn.limit = max(_RETRY_S, deadline - time.monotonic())
                    with conn.cursor(binary=True, row_factory=tuple_row) as cursor:
                        return cursor.execute(statement.encode(), parameters, prepare=True).fetchall()
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                if time.monotonic() + _RETRY_S > deadline:
                    raise StoreUnavailable(f"PostgreSQL did not answer within {self._timeout:g} s ({error})") from error
                time.sleep(_RETRY_S)
            except psycopg.Error as error:
                raise StoreUnavailable(f"the event store can't be read: {explain(error)}") from error

    # -- life ----------------------------------------------------------------------
    def close(self) -> None:
        """Commit what has queued, then let go of all connections."""
        self._group_commit.close()
        self.recorder.datastore.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
