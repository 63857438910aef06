"""What was done under a call or case that oversight reviews: for whoever would destroy what is personal in it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import psycopg

from application.personal_data import REVIEWED, Deed, Known
from application.ports import StoreUnavailable

_UNDER = """
SELECT c.position, c.incomplete, e.position, e.recorded_at, e.type, e.stream FROM read.audit_trail_checkpoint c
  LEFT JOIN read.audit_trail_events e ON e.case_number = %(number)s AND e.type = ANY(%(types)s)
 ORDER BY e.position
"""


class DeedsInTheTrail:
    """Implements `application.personal_data.DeedsOnRecord`."""

    def __init__(self, connection: Callable[[], AbstractContextManager[psycopg.Connection[Any]]]) -> None:
        self._connection = connection

    def under(self, number: str) -> Known:
        try:
            with self._connection() as connection:
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
