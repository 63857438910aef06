"""An incident's single timeline: what every part of the record says under one call or case, in the order of the log.

It holds the events that name the call or case; of a live view, viewing, export, disclosure, override or plate search
under it the rest of its story; all that speaks of a flight for as long as the flight was for it; and the story of the
footage that was made of such a flight, or that was looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from projections.audit_trail.queries import AuditEvent
from projections.engine.reading import CHECKPOINT_COLUMNS, Checkpoint, NoReadModel, Reader, checkpoint_of

# Streams that one request of one person fills: with the request, the rest of the stream belongs to the incident.
ONE_REQUEST = ("call", "liveview", "viewing", "export", "disclosure", "override", "platesearch")


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page, oldest first; `more`: whether there are later ones."""

    checkpoint: Checkpoint
    events: tuple[AuditEvent, ...]
    more: bool


_COLUMNS = ", ".join(f"e.{name}" for name in AuditEvent._fields)
# A handful of streams out of millions: OFFSET 0 keeps the planner, which has no statistics of subjects, from reading
# all of them to join with a few.
_OF = "CROSS JOIN LATERAL (SELECT position FROM read.audit_trail_subjects WHERE subject = {stream} OFFSET 0) s"
_EVENT = (
    "CROSS JOIN LATERAL (SELECT stream, type, content FROM read.audit_trail_events"
    " WHERE position = s.position OFFSET 0) e"
)
TIMELINE = f"""
WITH c AS MATERIALIZED (SELECT {CHECKPOINT_COLUMNS} FROM read.audit_trail_checkpoint),
named AS MATERIALIZED (        -- events that name the call or the case
    SELECT s.position, e.stream, e.type, e.content FROM unnest(%(names)s::text[]) n {_OF.format(stream="n")} {_EVENT}
    UNION SELECT position, stream, type, content FROM read.audit_trail_events WHERE case_number = ANY(%(numbers)s)
),
jobs AS (                      -- what a flight was for, from when to when: in the air it may be given another job
    SELECT e.stream, s.position, lead(s.position) OVER (PARTITION BY e.stream ORDER BY s.position) AS next
    FROM (SELECT DISTINCT stream FROM named WHERE stream LIKE 'flight-%%') f {_OF.format(stream="f.stream")} {_EVENT}
    WHERE e.stream = f.stream AND e.type IN ('flight.launch_requested', 'flight.flight_repurposed')
),
flown AS MATERIALIZED (        -- all that speaks of a flight, for as long as it was for this
    SELECT s.position, e.stream, e.type FROM jobs j {_OF.format(stream="j.stream")} {_EVENT}
    WHERE j.position IN (SELECT position FROM named) AND s.position >= j.position
        AND (j.next IS NULL OR s.position < j.next)
),
whole AS (                     -- streams whose every event is of the incident
    SELECT DISTINCT stream FROM named WHERE split_part(stream, '-', 1) = ANY(%(one_request)s)
    UNION SELECT stream FROM flown WHERE type IN ('footage.footage_recorded', 'footage.footage_lost')
    UNION SELECT 'footage-' || (convert_from(content, 'UTF8')::jsonb #>> '{{data,footage}}') FROM named
        WHERE type IN ('viewing.viewing_requested', 'export.export_requested')
),
timeline AS MATERIALIZED (
    SELECT position FROM named UNION SELECT position FROM flown
    UNION SELECT s.position FROM whole w {_OF.format(stream="w.stream")} {_EVENT} WHERE e.stream = w.stream
),
page AS MATERIALIZED (
    SELECT {_COLUMNS} FROM (
        SELECT position FROM timeline WHERE position > %(after)s ORDER BY position LIMIT %(limit)s
    ) t JOIN read.audit_trail_events e ON e.position = t.position
)
SELECT c.*, page.* FROM c LEFT JOIN page ON true""".encode()  # noqa: S608


async def timeline(
    connection: Reader, *, calls: Sequence[str] = (), cases: Sequence[str] = (), first: int, after: int = 0
) -> Timeline:
    """The first so many events after a position, of everything under these calls and cases. Raises NoReadModel."""
    try:
        async with connection.cursor(binary=True) as cursor:
            await cursor.execute(TIMELINE, {**wanted(calls, cases), "after": after, "limit": first + 1})
            rows = await cursor.fetchall()
    except psycopg.errors.UndefinedTable:
        raise NoReadModel("audit_trail") from None
    if not rows:
        raise NoReadModel("audit_trail")
    columns = len(CHECKPOINT_COLUMNS.split(", "))
    events = sorted(AuditEvent._make(row[columns:]) for row in rows if row[columns] is not None)
    return Timeline(checkpoint_of(rows[0][:columns]), tuple(events[:first]), more=len(events) > first)


def wanted(calls: Sequence[str], cases: Sequence[str]) -> dict[str, list[str]]:
    """What the statement asks for."""
    return {
        "names": [*(f"call-{call}" for call in calls), *(f"case-{case}" for case in cases)],
        "numbers": [*calls, *cases],
        "one_request": list(ONE_REQUEST),
    }
