"""A psycopg connection on which no statement waits longer than its limit.

`statement_timeout` is the server's word; a frozen server or a dead network keeps none.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

import psycopg
from psycopg import waiting
from psycopg.rows import TupleRow

_Result = TypeVar("_Result")


class NoAnswer(psycopg.OperationalError):
    """The server did not answer in time: nobody knows what became of the statement, and the connection is spent."""


class BoundedConnection(psycopg.Connection[TupleRow]):
    """`limit`: seconds for each exchange with the server."""

    limit = 5.0

    def wait(
        self,
        gen: Generator[waiting.Wait, waiting.Ready | int, _Result],
        interval: float = 0.1,
        timeout: float | None = None,
    ) -> _Result:
        try:
            return super().wait(gen, interval, self.limit if timeout is None else timeout)
        except psycopg.errors._WaitTimeout as error:
            if timeout is not None:
                raise  # psycopg's own waiting, for notifications for example
            self.close()
            raise NoAnswer(f"PostgreSQL did not answer in {self.limit:g} s") from error


_NOT_MIGRATED = ("3F000", "42P01", "42883")  # no such schema, table, function


def explain(error: psycopg.Error) -> str:
    """What the server said, and what to do where that is known."""
    said = error.diag.message_primary or str(error).strip()
    if error.sqlstate in _NOT_MIGRATED:
        return f"{said}; run 'saferweho migrate' on this database"
    return said
