"""How far the file of an export is made, in PostgreSQL, so that the API may tell who waits for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapters.event_store.pool import SmallPool
from application.ports import StoreUnavailable


class PostgresProgress(SmallPool):
    """A context manager, one a process. Raises StoreUnavailable."""

    def __init__(self, url: str) -> None:
        super().__init__(url, "exports", _away)

    def note(self, export: str, done: float) -> None:
        """`done`: 0 to 1."""
        with self.connection() as connection:
            connection.execute(
                "INSERT INTO watching.exports (export, done, at) VALUES (%s, %s, now())"
                " ON CONFLICT (export) DO UPDATE SET done = excluded.done, at = excluded.at",
                (export, done),
            )

    def of(self, exports: Sequence[str]) -> Mapping[str, float]:
        """Those that are being made."""
        with self.connection() as connection:
            rows = connection.execute(
                "SELECT export, done FROM watching.exports WHERE export = ANY(%s)", (list(exports),)
            ).fetchall()
        return {export: float(done) for export, done in rows}

    def forget(self, export: str) -> None:
        with self.connection() as connection:
            connection.execute("DELETE FROM watching.exports WHERE export = %s", (export,))


def _away() -> StoreUnavailable:
    return StoreUnavailable("how far the exports are cannot be kept: PostgreSQL does not answer")
