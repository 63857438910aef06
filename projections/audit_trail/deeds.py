"""What was done under a call or case that oversight reviews: for whoever would destroy what is personal in it."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import psycopg
from psycopg_pool import ConnectionPool

from application.personal_data import REVIEWED, Deed, Known
from application.ports import StoreUnavailable

_UNDER = """
SELECT c.position, c.incomplete, e.position, e.recorded_at, e.type, e.stream FROM read.audit_trail_checkpoint c
  LEFT JOIN read.audit_trail_events e ON e.case_number = %(number)s AND e.type = ANY(%(types)s)
 ORDER BY e.position
"""


class DeedsInTheTrail:
    """Implements `application.personal_data.DeedsOnRecord`. A context manager, one a process."""

    def __init__(self, url: str) -> None:
        self._pool = ConnectionPool(
            url,
            min_size=0,
            max_size=2,
            timeout=4.0,
            open=False,
            check=ConnectionPool.check_connection,
            kwargs={"autocommit": True},
            name="deeds",
        )

    def under(self, number: str) -> Known:
        try:
            with self._pool.connection() as connection:
                rows = connection.execute(_UNDER, {"number": number, "types": sorted(REVIEWED)}).fetchall()
        except psycopg.errors.UndefinedTable:
            return Known()  # never built: the log itself is read
        except psycopg.Error as away:
            raise StoreUnavailable("the audit trail does not answer: what waits for a review is not known") from away
        if not rows:
            return Known()
        up_to, unread = rows[0][:2]
        deeds = [Deed(*row[2:]) for row in rows if row[2] is not None]
        return Known(up_to, deeds, tuple(unread or ()))

    def __enter__(self) -> Self:
        self._pool.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.close()
