"""Feedback and complaints as they stand. An event changes the row of its own stream alone."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import get_args

from application.codec import Recorded
from domain import complaint as c
from projections.engine.projection import Cursor, Park, Projection
from projections.engine.rows import Patches, patch, upsert


def changes(batch: Sequence[Recorded]) -> Patches:
    rows: Patches = {}
    for recorded in batch:
        _apply(rows, recorded.stream.partition("-")[2], recorded)
    return rows


def _apply(rows: Patches, key: str, recorded: Recorded) -> None:
    at = recorded.envelope.time
    match recorded.event:
        case c.FeedbackReceived(channel, topic, wants_answer=wants, received_at=received_at) as feedback:
            told = {"channel": channel, "topic": topic, "wants_answer": wants, "received_at": received_at}
            patch(rows, key, phase="received", look_by=c.looked_at_by(feedback), **told)
        case c.FeedbackClosed(disposal, by):
            patch(rows, key, phase="closed", disposal=disposal, closed_at=at, closed_by=by)
        case c.ComplaintOpened(topic, about, concerns, answer_by, by):
            named = {"topic": topic, "about": about, "concerns": concerns}
            patch(rows, key, phase="open", opened_at=at, opened_by=by, answer_by=answer_by, **named)
        case c.ComplaintAssigned(to, _):
            patch(rows, key, phase="assigned", assigned_to=to, assigned_at=at)
        case c.ComplaintResolved(resolution, late=late, resolved_by=by):
            patch(rows, key, phase="resolved", resolution=resolution, late=late, closed_at=at, closed_by=by)


def write(cursor: Cursor, rows: Patches) -> None:
    upsert(cursor, "complaints", "complaint", rows)


COMPLAINTS: Projection[Patches] = Projection(
    name="complaints",
    version=2,
    tables=files(__package__).joinpath("tables.sql").read_text("utf-8"),
    handles=frozenset(get_args(c.Event)) - {c.StepRefused},
    changes=changes,
    write=write,
    on_error=lambda failure: Park(),
)
