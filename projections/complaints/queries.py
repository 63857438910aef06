"""What may be asked of feedback and complaints. Every answer is one statement, so one snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from projections.engine.reading import Checkpoint, Reader, checkpoint_json, document, open_items


class Which(StrEnum):
    """`new`: nobody has looked at it, the most overdue first. `unanswered`: complaints, the most overdue first."""

    ALL = "all"
    NEW = "new"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class Complaint:
    """`phase`: received, closed (no complaint), open, assigned, resolved."""

    complaint: str
    phase: str
    channel: str
    topic: str
    wants_answer: bool
    received_at: datetime
    look_by: datetime
    disposal: str | None
    about: str | None
    concerns: str | None
    opened_at: datetime | None
    opened_by: str | None
    answer_by: datetime | None
    assigned_to: str | None
    assigned_at: datetime | None
    closed_at: datetime | None
    closed_by: str | None
    resolution: str | None
    late: bool | None

    def overdue(self, now: datetime) -> bool:
        """Nobody has looked at it in time, or answered it."""
        if self.phase == "received":
            return now > self.look_by
        return self.phase in ("open", "assigned") and self.answer_by is not None and now > self.answer_by


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the complaints received in a period. `not_looked_at`: feedback that nobody opened or closed in time;
    `median_days`: from arrival to answer; None: of none."""

    received: int
    complaints: int
    answered: int
    answered_late: int
    overdue: int
    not_looked_at: int
    median_days: float | None


@dataclass(frozen=True, slots=True)
class Complaints:
    checkpoint: Checkpoint
    complaints: tuple[Complaint, ...]
    has_next: bool


@dataclass(frozen=True, slots=True)
class _Counted:
    checkpoint: Checkpoint
    figures: Figures


_WHERE = {Which.ALL: "true", Which.NEW: "c.phase = 'received'", Which.UNANSWERED: "c.phase IN ('open', 'assigned')"}
_ORDER = {
    Which.ALL: ("c.received_at", "DESC"),
    Which.NEW: ("c.look_by", "ASC"),
    Which.UNANSWERED: ("c.answer_by", "ASC"),
}
_CHECKPOINT = checkpoint_json("complaints")
_answers = msgspec.json.Decoder(Complaints)
_counts = msgspec.json.Decoder(_Counted)


async def complaints(
    connection: Reader, which: Which, *, first: int, after: str | None = None, assigned_to: str | None = None
) -> Complaints:
    """A page. `after`: the id of the last one of the page before. Raises NoReadModel."""
    key, direction = _ORDER[which]
    beyond = "<" if direction == "DESC" else ">"
    query = f"""
    SELECT row_to_json(page)::text FROM (SELECT {_CHECKPOINT}, false AS has_next,
        (SELECT coalesce(json_agg(x), '[]') FROM (SELECT c.* FROM read.complaints_complaints c
            WHERE {_WHERE[which]}
              AND (%(assigned_to)s::text IS NULL OR c.assigned_to = %(assigned_to)s)
              AND (%(after)s::text IS NULL OR ({key}, c.complaint) {beyond}
                   (SELECT {key}, c.complaint FROM read.complaints_complaints c WHERE c.complaint = %(after)s))
            ORDER BY {key} {direction}, c.complaint {direction} LIMIT %(limit)s) x) AS complaints
    ) page
    """  # noqa: S608
    page = _answers.decode(
        await _ask(connection, query, {"assigned_to": assigned_to, "after": after, "limit": first + 1})
    )
    return Complaints(page.checkpoint, page.complaints[:first], len(page.complaints) > first)


async def complaint(connection: Reader, key: str) -> tuple[Checkpoint, Complaint | None]:
    """One by its id, None where there is none. Raises NoReadModel."""
    query = f"""
    SELECT row_to_json(page)::text FROM (SELECT {_CHECKPOINT}, false AS has_next,
        (SELECT coalesce(json_agg(c), '[]') FROM read.complaints_complaints c WHERE c.complaint = %(key)s) AS complaints
    ) page
    """  # noqa: S608
    page = _answers.decode(await _ask(connection, query, {"key": key}))
    return page.checkpoint, next(iter(page.complaints), None)


async def figures(connection: Reader, since: datetime, until: datetime, now: datetime) -> tuple[Checkpoint, Figures]:
    """Of what was received from `since` and before `until`; overdue as of `now`. Raises NoReadModel."""
    query = f"""
    SELECT row_to_json(page)::text FROM (SELECT {_CHECKPOINT}, (SELECT row_to_json(f) FROM (
        SELECT count(*) AS received,
               count(*) FILTER (WHERE opened_at IS NOT NULL) AS complaints,
               count(*) FILTER (WHERE resolution IS NOT NULL) AS answered,
               count(*) FILTER (WHERE late) AS answered_late,
               count(*) FILTER (WHERE phase IN ('open', 'assigned') AND answer_by < %(now)s) AS overdue,
               count(*) FILTER (WHERE phase = 'received' AND look_by < %(now)s) AS not_looked_at,
               percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM closed_at - received_at) / 86400)
                   FILTER (WHERE resolution IS NOT NULL) AS median_days
        FROM read.complaints_complaints WHERE received_at >= %(since)s AND received_at < %(until)s) f) AS figures
    ) page
    """  # noqa: S608
    counted = _counts.decode(await _ask(connection, query, {"since": since, "until": until, "now": now}))
    return counted.checkpoint, counted.figures


async def _ask(connection: Reader, query: str, values: dict[str, Any]) -> str:
    return await document(connection, "complaints", query, values)


async def still_open(connection: Reader) -> list[tuple[str, str]]:
    """Feedback that nobody has looked at and complaints without an answer: all of them. Raises NoReadModel."""
    query = """SELECT 'complaint_waiting', 'complaint-' || complaint FROM read.complaints_complaints
               WHERE phase IN ('received', 'open', 'assigned') ORDER BY received_at, complaint"""
    return await open_items(connection, "complaints", query)
