"""The heartbeats of live views, in PostgreSQL, so that any process may see that one is late."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from psycopg import Connection, InterfaceError, OperationalError
from psycopg_pool import ConnectionPool

from application.ports import StoreUnavailable
from application.views import Beat


class PostgresHeartbeats:
    """Implements `application.views.Heartbeats`. A context manager, one a process. Raises StoreUnavailable."""

    def __init__(self, url: str) -> None:
        self._pool = ConnectionPool(
            url,
            min_size=0,
            max_size=4,
            timeout=4.0,
            open=False,
            check=ConnectionPool.check_connection,  # a server that was away has closed those that lie here
            kwargs={"autocommit": True},
            name="heartbeats",
        )

    def __enter__(self) -> Self:
        self._pool.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.close()

    @contextmanager
    def _connection(self) -> Iterator[Connection[Any]]:
        try:
            with self._pool.connection() as connection:
                yield connection
        except (OperationalError, InterfaceError) as error:  # a pool that times out is an OperationalError
            raise StoreUnavailable("the heartbeats cannot be kept: PostgreSQL does not answer") from error

    def beat(self, view: str, at: datetime) -> None:
        with self._connection() as connection:
            connection.execute(
                "INSERT INTO watching.heartbeats (view, beat_at) VALUES (%s, %s)"
                " ON CONFLICT (view) DO UPDATE SET beat_at = greatest(heartbeats.beat_at, excluded.beat_at)",
                (view, at),
            )

    def late(self, before: datetime) -> Sequence[Beat]:
        with self._connection() as connection:
            rows = connection.execute(
                "SELECT view, beat_at FROM watching.heartbeats WHERE beat_at < %s ORDER BY beat_at LIMIT 500", (before,)
            ).fetchall()
        return [Beat(*row) for row in rows]

    def forget(self, view: str) -> None:
        with self._connection() as connection:
            connection.execute("DELETE FROM watching.heartbeats WHERE view = %s", (view,))
