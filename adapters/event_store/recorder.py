"""The library's PostgreSQL recorder, with gapless positions in commit order and without its table lock.

The library locks the whole table and draws positions from a sequence: the lock also stops VACUUM and index builds (and
is stopped by them), and a refused insert burns numbers. Here the one row of `events.head` gives both order and number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eventsourcing.persistence import ApplicationRecorder, Subscription
from eventsourcing.persistence import StoredEvent as LibraryEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore, PostgresSubscription
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from adapters.event_store.connection import BoundedConnection

SCHEMA = "events"
CHANNEL = "saferweho_events"


class Datastore(PostgresDatastore):
    """The library's, which does not need the server to be there when a process starts."""

    def register_type_adapters(self) -> None:
        """Nothing: composite types are for the library's own database functions, which are not used here."""


def datastore(url: str, *, pool_size: int = 1, max_overflow: int = 9, timeout: float = 5.0) -> PostgresDatastore:
    """The library's datastore with its connection pool, from a libpq URI; every parameter of the URI is kept.

    `timeout` in seconds bounds both the wait for a connection and each statement.
    """
    info = conninfo_to_dict(url)
    store = Datastore(
        dbname="",
        host="",
        port="",
        user="",
        password="",
        schema=SCHEMA,
        originator_id_type="text",
        pool_size=pool_size,
        max_overflow=max_overflow,
        connect_timeout=timeout,
    )
    # The library knows five parameters; sslmode, sslrootcert, options … must not get lost.
    store.pool.kwargs = {"row_factory": dict_row, "connect_timeout": 2, **info}
    store.pool.connection_class = BoundedConnection  # type: ignore[assignment]
    store.pool.reconnect_timeout = 2.0  # a pool that backs off for minutes would miss the database's return
    return store


class Listening(PostgresSubscription):
    """The library's subscription, without its race: it reads while it begins to listen, so that what is committed after
    the reading and before the LISTEN would be heard of only with the next event."""

    def _listen(self) -> None:
        try:
            with self._recorder.datastore.get_connection() as conn:
                conn.execute(f"LISTEN {CHANNEL}")
                while not self._has_been_stopped and not self._thread_error:
                    self._has_been_notified.set()
                    while not (self._has_been_stopped or list(conn.notifies(timeout=0.1, stop_after=1))):
                        pass
        except BaseException as error:
            self._thread_error = self._thread_error or error
            self.stop()


class GaplessRecorder(PostgresApplicationRecorder):
    """Appends under the lock of `events.head`. Its tables are made by `migrate`, never by `create_table`.

    Nothing is tried again after a lost connection: whether the commit happened is then unknown, and a blind second
    attempt would answer a success with an IntegrityError. `PostgresEventStore` knows by command ids.
    """

    def __init__(self, store: PostgresDatastore) -> None:
        super().__init__(store)
        self.channel_name = CHANNEL

    def create_table(self) -> None:
        raise NotImplementedError("the event store's tables are made by adapters.event_store.migrate")

    def insert_events(self, stored_events: Sequence[LibraryEvent], **_: Any) -> Sequence[int] | None:
        """Returns the positions. Raises the library's IntegrityError when a stream has one of the versions already."""
        if not stored_events:
            return []
        with self.datastore.get_connection() as conn:
            row = conn.execute(
                "SELECT events.insert_events(%s::text[], %s::bigint[], %s::text[], %s::bytea[]) AS first",
                (
                    [str(event.originator_id) for event in stored_events],
                    [event.originator_version for event in stored_events],
                    [event.topic for event in stored_events],
                    [event.state for event in stored_events],
                ),
                prepare=True,
            ).fetchone()
        assert row is not None
        return list(range(row["first"], row["first"] + len(stored_events)))

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        return Listening(recorder=self, gt=gt, topics=topics)
