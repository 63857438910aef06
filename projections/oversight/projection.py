"""The work of oversight as it stands: samples, reviews and findings, what waits for a review, who read the record.

An event changes rows of its own stream alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, get_args

from application.codec import Recorded
from domain import complaint as c
from domain import disclosure as d
from domain import person as p
from domain import privacy_override_events as o
from domain import review_events as r
from projections.engine.projection import Cursor, Park, Projection
from projections.engine.rows import Patches, patch, upsert


@dataclass(frozen=True, slots=True)
class Changes:
    samples: Patches = field(default_factory=dict)
    accesses: Patches = field(default_factory=dict)
    findings: Patches = field(default_factory=dict)
    duties: Patches = field(default_factory=dict)
    consultations: Patches = field(default_factory=dict)
    exports: Patches = field(default_factory=dict)
    discrepancies: Patches = field(default_factory=dict)


def changes(batch: Sequence[Recorded]) -> Changes:
    rows = Changes()
    for recorded in batch:
        _apply(rows, recorded.stream.partition("-")[2], recorded)
    return rows


def _apply(rows: Changes, key: str, recorded: Recorded) -> None:
    at = recorded.envelope.time
    match event := recorded.event:
        case r.AuditSeedCommitted():
            patch(
                rows.samples,
                key,
                week=event.week,
                nonce_sha256=event.nonce_sha256,
                committed_at=at,
                committed_by=event.committed_by,
                week_ends_at=event.week_ends_at,
                reveal_by=event.reveal_by,
            )
        case r.AuditSeedMissed():
            ends_at, draw_by = event.week_ends_at, event.draw_by
            patch(rows.samples, key, week=event.week, missed_at=at, week_ends_at=ends_at, reveal_by=draw_by)
        case r.AuditSampleDrawn():
            patch(
                rows.samples,
                key,
                nonce=event.nonce,
                drawn_at=at,
                drawn_by=event.drawn_by,
                drawn_late=event.late,
                position=event.position,
                root_sha256=event.root_sha256,
                drawing_method=event.drawing_method,
                population_size=event.population_size,
                population_sha256=event.population_sha256,
                sample_size=len(event.sample),
            )
            for draw, access in enumerate(event.sample):
                where = {"position": access.position, "stream": access.stream, "person": access.person}
                name = f"{key}:{access.position}"
                patch(rows.accesses, name, review=key, draw=draw, review_by=event.review_by, **where)
        case r.AccessReviewed(position, verdict, _, late, by):
            told = {"verdict": verdict, "late": late, "reviewed_by": by}
            patch(rows.accesses, f"{key}:{position}", reviewed_at=at, **told)
        case r.FindingRecorded():
            patch(
                rows.findings,
                f"{key}:{event.number}",
                review=key,
                number=event.number,
                kind=event.kind,
                about=event.about,
                position=event.position,
                person=event.person,
                recorded_at=at,
                recorded_by=event.recorded_by,
                action_by=event.action_by,
            )
        case r.CorrectiveActionTaken(number, _, late, by):
            patch(rows.findings, f"{key}:{number}", taken_at=at, taken_by=by, late=late)
        case r.AuditTrailConsulted() | r.AuditExported() | r.DiscrepancyFound():
            _told(rows, key, recorded, event)
        case _:
            _due(rows.duties, recorded)


def _told(
    rows: Changes, key: str, recorded: Recorded, event: r.AuditTrailConsulted | r.AuditExported | r.DiscrepancyFound
) -> None:
    envelope, position = recorded.envelope, recorded.position
    match event:
        case r.AuditTrailConsulted():
            patch(
                rows.consultations,
                str(envelope.id),
                position=position,
                consulted_at=event.consulted_at,
                person=event.consulted_by,
                role=envelope.actorrole,
                session=envelope.sessionid,
                question=event.question,
                filter=event.filter,
                up_to_position=event.up_to_position,
                rule=envelope.decidedby,
            )
        case r.AuditExported():
            patch(
                rows.exports,
                key,
                position=position,
                exported_at=envelope.time,
                person=event.exported_by,
                format=event.format,
                purpose=event.purpose,
                as_of_position=event.as_of_position,
                records=event.records,
                size_bytes=event.size_bytes,
                file_sha256=event.file_sha256,
            )
        case r.DiscrepancyFound():
            patch(
                rows.discrepancies,
                key,
                position=position,
                found_at=envelope.time,
                found_by=event.found_by,
                kind=event.kind,
                about=event.about,
                detail=event.detail,
            )


def _due(duties: Patches, recorded: Recorded) -> None:
    """What is to be done about an override, a disclosure or a person of oversight, and by when."""

    def duty(kind: str, **values: Any) -> None:
        patch(duties, f"{kind}:{recorded.stream}", kind=kind, stream=recorded.stream, **values)

    at = recorded.envelope.time
    match recorded.event:
        case o.OverrideRequested(target=about, requested_by=person):
            duty("review_override", about=about, person=person)
        case o.OverrideApproved(review_by=due_at):
            duty("review_override", due_at=due_at)
        case o.EmergencyOverrideInvoked(target=about, invoked_by=person, justify_by=justify_by, review_by=due_at):
            duty("justify_override", about=about, person=person, due_at=justify_by)
            duty("review_override", about=about, person=person, due_at=due_at)
        case o.OverrideJustified():
            duty("justify_override", done_at=at)
        case o.OverrideReviewed():
            duty("review_override", done_at=at)
            duty("justify_override", done_at=at)
        case d.DisclosureRequested(what=about, person=person):
            duty("review_disclosure", about=about, person=person)
        case d.ReviewAwaited(review_by):
            duty("review_disclosure", due_at=review_by)
        case d.DisclosureReviewed():
            duty("review_disclosure", done_at=at)
        case c.FeedbackReceived() as feedback:
            duty("look_at_feedback", due_at=c.looked_at_by(feedback))
        case c.FeedbackClosed() | c.ComplaintOpened():
            duty("look_at_feedback", done_at=at)
        case p.OversightChangeAsked(answer_by=due_at, asked_by=person):
            duty("answer_oversight_change", about=recorded.stream, person=person, due_at=due_at, done_at=None)
        case p.OversightChangeDeclined() | p.OversightChangeConfirmed():
            duty("answer_oversight_change", done_at=at)


def write(cursor: Cursor, rows: Changes) -> None:
    upsert(cursor, "samples", "review", rows.samples)
    upsert(cursor, "accesses", "access", rows.accesses)
    upsert(cursor, "findings", "finding", rows.findings)
    upsert(cursor, "duties", "duty", rows.duties)
    upsert(cursor, "consultations", "consultation", rows.consultations)
    upsert(cursor, "exports", "export", rows.exports)
    upsert(cursor, "discrepancies", "discrepancy", rows.discrepancies)


OVERSIGHT: Projection[Changes] = Projection(
    name="oversight",
    version=3,
    tables=files(__package__).joinpath("tables.sql").read_text("utf-8"),
    handles=frozenset(
        {
            *(set(get_args(r.Event)) - {r.StepRefused}),
            o.OverrideRequested,
            o.OverrideApproved,
            o.EmergencyOverrideInvoked,
            o.OverrideJustified,
            o.OverrideReviewed,
            d.DisclosureRequested,
            d.ReviewAwaited,
            d.DisclosureReviewed,
            c.FeedbackReceived,
            c.FeedbackClosed,
            c.ComplaintOpened,
            p.OversightChangeAsked,
            p.OversightChangeDeclined,
            p.OversightChangeConfirmed,
        }
    ),
    changes=changes,
    write=write,
    on_error=lambda failure: Park(),
)
