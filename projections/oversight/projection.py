"""The samples, reviews and findings of oversight as they stand. An event changes rows of its own stream alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files

from application.codec import Recorded
from domain import review_events as r
from projections.engine.projection import Cursor, Park, Projection
from projections.engine.rows import Patches, patch, upsert


@dataclass(frozen=True, slots=True)
class Changes:
    samples: Patches = field(default_factory=dict)
    accesses: Patches = field(default_factory=dict)
    findings: Patches = field(default_factory=dict)


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


def write(cursor: Cursor, rows: Changes) -> None:
    upsert(cursor, "samples", "review", rows.samples)
    upsert(cursor, "accesses", "access", rows.accesses)
    upsert(cursor, "findings", "finding", rows.findings)


OVERSIGHT: Projection[Changes] = Projection(
    name="oversight",
    version=1,
    tables=files(__package__).joinpath("tables.sql").read_text("utf-8"),
    handles=frozenset(
        {r.AuditSeedCommitted, r.AuditSampleDrawn, r.AccessReviewed, r.FindingRecorded, r.CorrectiveActionTaken}
    ),
    changes=changes,
    write=write,
    on_error=lambda failure: Park(),
)
