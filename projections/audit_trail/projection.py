"""Every event as a row that answers who, what, when, where, why, with what outcome, by which rule.

Invariant: no position is left out. An event that cannot be read stops this read model. Personal values are nowhere but
in the event's own bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

from application.codec import Recorded
from projections.audit_trail.subjects import subjects
from projections.engine.projection import Cursor, Projection, Stop

_HOUR = timedelta(hours=1)
_COLUMNS = (
    ("position", "int8"),
    ("event_id", "uuid"),
    ("recorded_at", "timestamptz"),
    ("type", "text"),
    ("type_version", "int4"),
    ("stream", "text"),
    ("stream_version", "int8"),
    ("person", "text"),
    ("role", "text"),
    ("organisation", "text"),
    ("session", "text"),
    ("source", "text"),
    ("source_address", "text"),
    ("purpose", "text"),
    ("case_number", "text"),
    ("call_number", "text"),
    ("policy_version", "int8"),
    ("outcome", "text"),
    ("rule", "text"),
    ("correlation_id", "text"),
    ("causation_id", "text"),
    ("content", "bytea"),
)
_COPY_EVENTS = f"COPY events ({', '.join(name for name, _ in _COLUMNS)}) FROM STDIN (FORMAT BINARY)"
_EVENT_TYPES = [type_ for _, type_ in _COLUMNS]
_COPY_SUBJECTS = "COPY subjects (subject, position) FROM STDIN (FORMAT BINARY)"
_HOURS = """
INSERT INTO hours (hour, first_position, last_position)
SELECT * FROM unnest(%s::timestamptz[], %s::bigint[], %s::bigint[])
ON CONFLICT (hour) DO UPDATE SET first_position = least(hours.first_position, excluded.first_position),
    last_position = greatest(hours.last_position, excluded.last_position)
"""


@dataclass(slots=True)
class Rows:
    events: list[tuple[Any, ...]] = field(default_factory=list)
    subjects: list[tuple[str, int]] = field(default_factory=list)
    hours: dict[datetime, tuple[int, int]] = field(default_factory=dict)


def changes(batch: Sequence[Recorded]) -> Rows:
    rows, hour = Rows(), datetime.min.replace(tzinfo=UTC)
    for recorded in batch:
        about = subjects(recorded.stream, recorded.event)
        rows.events.append(_row(recorded, about))
        position = recorded.position
        rows.subjects += [(subject, position) for subject in about]
        if not hour <= recorded.envelope.time < hour + _HOUR:
            hour = recorded.envelope.time.replace(minute=0, second=0, microsecond=0)
        first, _ = rows.hours.get(hour, (position, position))
        rows.hours[hour] = (first, position)
    return rows


def write(cursor: Cursor, rows: Rows) -> None:
    with cursor.copy(_COPY_EVENTS) as copy:
        copy.set_types(_EVENT_TYPES)
        for row in rows.events:
            copy.write_row(row)
    with cursor.copy(_COPY_SUBJECTS) as copy:
        copy.set_types(["text", "int8"])
        for subject in rows.subjects:
            copy.write_row(subject)
    firsts, lasts = zip(*rows.hours.values(), strict=True)
    cursor.execute(_HOURS, (list(rows.hours), list(firsts), list(lasts)))


def _row(recorded: Recorded, about: Sequence[str]) -> tuple[Any, ...]:
    envelope = recorded.envelope
    name, _, version = recorded.name.rpartition(".v")
    refused = name.endswith("_refused")  # the domain's word for every refusal
    rule = envelope.decidedby
    return (
        recorded.position,
        envelope.id,
        envelope.time,
        name,
        int(version),
        envelope.subject,
        envelope.streamversion,
        envelope.actorid,
        envelope.actorrole,
        envelope.actororg,
        envelope.sessionid,
        envelope.source,
        envelope.sourceaddress,
        envelope.purpose,
        envelope.casenumber or None,
        next((s.removeprefix("call-") for s in about if s.startswith("call-")), None),
        envelope.policyversion,
        "refused" if refused else "granted" if rule else "recorded",
        rule or (_refusing_rule(recorded.event) if refused else ""),
        envelope.correlationid,
        envelope.causationid,
        recorded.content,
    )


def _refusing_rule(event: Any) -> str:
    """The rule that the domain itself refused by, where no policy was asked: the first of the reasons'."""
    reasons = getattr(event, "reasons", ())
    return reasons[0].rule if reasons else ""


AUDIT_TRAIL: Projection[Rows] = Projection(
    name="audit_trail",
    version=2,
    tables=files(__package__).joinpath("tables.sql").read_text("utf-8"),
    handles=None,
    changes=changes,
    write=write,
    on_error=lambda failure: Stop(),
)
