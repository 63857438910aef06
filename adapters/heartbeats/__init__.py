"""The heartbeats of live views, in PostgreSQL, so that any process may see that one is late."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from adapters.event_store.pool import SmallPool
from application.ports import StoreUnavailable
from application.views import Beat


class PostgresHeartbeats(SmallPool):
    """Implements `application.views.Heartbeats`. A context manager, one a process. Raises StoreUnavailable."""

    def __init__(self, url: str) -> None:
        super().__init__(url, "heartbeats", _away)

    def beat(self, view: str, at: datetime) -> None:
        with self.connection() as connection:
            connection.execute(
                "INSERT INTO watching.heartbeats (view, beat_at) VALUES (%s, %s)"
                " ON CONFLICT (view) DO UPDATE SET beat_at = greatest(heartbeats.beat_at, excluded.beat_at)",
                (view, at),
            )

    def last(self, view: str) -> datetime | None:
        with self.connection() as connection:
            row = connection.execute("SELECT beat_at FROM watching.heartbeats WHERE view = %s", (view,)).fetchone()
        return row[0] if row else None

    def late(self, before: datetime) -> Sequence[Beat]:
        with self.connection() as connection:
            rows = connection.execute(
                "SELECT view, beat_at FROM watching.heartbeats WHERE beat_at < %s ORDER BY beat_at LIMIT 500", (before,)
            ).fetchall()
        return [Beat(*row) for row in rows]

    def forget(self, view: str) -> None:
        with self.connection() as connection:
            connection.execute("DELETE FROM watching.heartbeats WHERE view = %s", (view,))


def _away() -> StoreUnavailable:
    return StoreUnavailable("the heartbeats cannot be kept: PostgreSQL does not answer")
