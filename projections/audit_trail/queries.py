"""What may be asked of the audit trail. Every answer is one statement, so one snapshot, and says its checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from projections.engine.reading import CHECKPOINT_COLUMNS, Checkpoint, NoReadModel, Reader, checkpoint_of


class AuditEvent(NamedTuple):
    """One event. `outcome`: granted, refused, or recorded where nobody had to be asked. `content`: its CloudEvents
    bytes. Attributes that the event doesn't have are empty or None."""

    position: int
    event_id: UUID
    recorded_at: datetime
    type: str
    type_version: int
    stream: str
    stream_version: int
    person: str
    role: str
    organisation: str
    session: str
    source: str
    source_address: str
    purpose: str
    case_number: str | None
    call_number: str | None
    policy_version: int
    outcome: str
    rule: str
    correlation_id: str
    causation_id: str
    content: bytes


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """All that are given must hold.

    `subject`: a stream ('flight-…', 'person-…') that the event is of or speaks of. `person`: who acted. `type` without
    version ('flight.drone_launched'). `since` is included, `until` is not.
    """

    person: str | None = None
    role: str | None = None
    organisation: str | None = None
    case_number: str | None = None
    subject: str | None = None
    type: str | None = None
    outcome: str | None = None
    session: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """`events` in the order of the log, whichever way the page was asked for."""

    checkpoint: Checkpoint
    events: tuple[AuditEvent, ...]
    has_previous: bool
    has_next: bool


_COLUMNS = ", ".join(f"e.{name}" for name in AuditEvent._fields)
_EQUAL = tuple(f.name for f in fields(AuditFilter) if f.name not in {"subject", "since", "until"})
EVERYTHING = AuditFilter()


async def page(
    connection: Reader,
    wanted: AuditFilter = EVERYTHING,
    *,
    first: int | None = None,
    after: int | None = None,
    last: int | None = None,
    before: int | None = None,
) -> AuditPage:
    """The first or the last so many events between the positions `after` and `before`, both excluded.

    `has_next` (`has_previous`) is exact for a page of the first (last) events; the other one says whether a bound was
    given. Raises NoReadModel, ValueError unless exactly one of `first` and `last` is given.
    """
    if (first is None) == (last is None):
        raise ValueError("give either first or last")
    limit, descending = (first, False) if first is not None else (last, True)
    assert limit is not None
    condition, values = _conditions(wanted, after, before)
    values["limit"] = limit + 1
    found = await _select(connection, condition, values, descending)
    events = found.events[:limit]
    more = len(found.events) > limit
    if descending:
        return AuditPage(found.checkpoint, events[::-1], has_previous=more, has_next=before is not None)
    return AuditPage(found.checkpoint, events, has_previous=after is not None, has_next=more)


async def event_at(connection: Reader, position: int) -> tuple[Checkpoint, AuditEvent | None]:
    """The event at a position, None where the log or the read model has not come so far."""
    found = await _select(connection, "e.position = %(position)s", {"position": position, "limit": 1}, False)
    return found.checkpoint, next(iter(found.events), None)


async def count(connection: Reader, wanted: AuditFilter = EVERYTHING, *, at_most: int = 10_000) -> int:
    """How many events match; counting stops at `at_most`, so that it stays quick however long the log is."""
    condition, values = _conditions(wanted, None, None)
    query = f"SELECT count(*) FROM (SELECT 1 FROM {_source(condition)} WHERE {condition} LIMIT %(limit)s) AS counted"  # noqa: S608
    cursor = await connection.execute(query.encode(), {**values, "limit": at_most})
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


# -- the statement -----------------------------------------------------------


class _Found(NamedTuple):
    checkpoint: Checkpoint
    events: tuple[AuditEvent, ...]


async def _select(connection: Reader, condition: str, values: dict[str, Any], descending: bool) -> _Found:
    # Ordering by the position of the table that the subject is looked up in lets its index give the order.
    key = "s.position" if _by_subject(condition) else "e.position"
    order = f"{key} DESC" if descending else key
    query = (
        f"WITH page AS MATERIALIZED (SELECT {_COLUMNS} FROM {_source(condition)} WHERE {condition}"  # noqa: S608
        f" ORDER BY {order} LIMIT %(limit)s)"
        # Once, and not for each row of the page.
        f", c AS MATERIALIZED (SELECT {CHECKPOINT_COLUMNS} FROM read.audit_trail_checkpoint)"
        f" SELECT c.*, page.* FROM c LEFT JOIN page ON true"
    )
    try:
        async with connection.cursor(binary=True) as cursor:
            await cursor.execute(query.encode(), values)
            rows = await cursor.fetchall()
    except psycopg.errors.UndefinedTable:
        raise NoReadModel("audit_trail") from None
    if not rows:
        raise NoReadModel("audit_trail")
    columns = len(CHECKPOINT_COLUMNS.split(", "))
    events = (AuditEvent._make(row[columns:]) for row in rows if row[columns] is not None)
    return _Found(checkpoint_of(rows[0][:columns]), tuple(sorted(events, reverse=descending)))


def _by_subject(condition: str) -> bool:
    return "s.subject" in condition


def _source(condition: str) -> str:
    if _by_subject(condition):
        return "read.audit_trail_subjects s JOIN read.audit_trail_events e ON e.position = s.position"
    return "read.audit_trail_events e"


def _conditions(wanted: AuditFilter, after: int | None, before: int | None) -> tuple[str, dict[str, Any]]:
    values: dict[str, Any] = {name: getattr(wanted, name) for name in _EQUAL if getattr(wanted, name) is not None}
    conditions = [f"e.{name} = %({name})s" for name in values]
    key = "e.position"
    if wanted.subject is not None:
        key = "s.position"
        conditions.append("s.subject = %(subject)s")
        values["subject"] = wanted.subject
    if after is not None:
        conditions.append(f"{key} > %(after)s")
        values["after"] = after
    if before is not None:
        conditions.append(f"{key} < %(before)s")
        values["before"] = before
    if wanted.since is not None:
        conditions.append("e.recorded_at >= %(since)s")
        conditions.append(
            f"{key} >= (SELECT min(first_position) FROM read.audit_trail_hours"  # noqa: S608
            f" WHERE hour >= date_trunc('hour', %(since)s::timestamptz, 'UTC'))"
        )
        values["since"] = wanted.since
    if wanted.until is not None:
        conditions.append("e.recorded_at < %(until)s")
        conditions.append(
            f"{key} <= (SELECT max(last_position) FROM read.audit_trail_hours"  # noqa: S608
            f" WHERE hour < %(until)s::timestamptz)"
        )
        values["until"] = wanted.until
    return " AND ".join(conditions) or "true", values
