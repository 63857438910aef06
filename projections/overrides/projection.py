"""Privacy overrides as they stand. An event changes the row of its own stream alone."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, get_args

from application.codec import Recorded, to_builtins
from domain import privacy_override_events as o
from domain.legal_basis import LegalBasis
from projections.engine.projection import Cursor, Park, Projection
from projections.engine.rows import Patches, patch, upsert


def changes(batch: Sequence[Recorded]) -> Patches:
    rows: Patches = {}
    for recorded in batch:
        _apply(rows, recorded.stream.partition("-")[2], recorded)
    return rows


def _apply(rows: Patches, key: str, recorded: Recorded) -> None:
    at = recorded.envelope.time
    match event := recorded.event:
        case o.OverrideRequested():
            patch(
                rows,
                key,
                phase="waiting",
                emergency=False,
                **_asked(event, event.requested_by, recorded),
                **_basis(event.legal_basis),
                minutes=event.minutes,
                awaits_until=event.awaits_until,
            )
        case o.EmergencyOverrideInvoked():
            patch(
                rows,
                key,
                phase="granted",
                emergency=True,
                **_asked(event, event.invoked_by, recorded),
                expires_at=event.expires_at,
                justify_by=event.justify_by,
                review_by=event.review_by,
            )
        case o.OverrideApproved(by, expires_at, review_by):
            patch(
                rows,
                key,
                phase="granted",
                decided_by=by,
                decided_at=at,
                expires_at=expires_at,
                review_by=review_by,
                awaits_until=None,
            )
        case o.OverrideRefused(by, reasons):
            patch(
                rows,
                key,
                phase="refused",
                decided_by=by,
                decided_at=at,
                reasons=to_builtins(reasons),
                awaits_until=None,
            )
        case o.OverrideUsed(use_number=number):
            patch(rows, key, uses=number, last_used_at=at)
        case o.OverrideExpired(expired_at):
            # Which of the two it was follows from the row: only what was granted has an end.
            patch(rows, key, ended_at=expired_at)
        case o.OverrideJustified(legal_basis=basis, late=late):
            patch(rows, key, justified_at=at, justified_late=late, **_basis(basis))
        case o.OverrideReviewed(verdict, _, by, late):
            patch(rows, key, verdict=verdict, reviewed_by=by, reviewed_at=at, reviewed_late=late)


def _asked(event: o.OverrideRequested | o.EmergencyOverrideInvoked, by: str, recorded: Recorded) -> dict[str, Any]:
    return {
        "target": event.target,
        "flight": event.flight,
        "range_since": event.range.since,
        "range_until": event.range.until,
        "purpose": event.purpose,
        "call_number": event.call,
        "case_number": event.case,
        "requested_by": by,
        "requested_at": recorded.envelope.time,
        "uses": 0,
    }


def _basis(basis: LegalBasis) -> dict[str, Any]:
    return {"basis_kind": basis.kind, "basis_number": basis.number, "basis_issuer": basis.issuer}


def write(cursor: Cursor, rows: Patches) -> None:
    upsert(cursor, "overrides", "override", rows)
    cursor.execute(
        "UPDATE overrides SET phase = CASE phase WHEN 'waiting' THEN 'unanswered' ELSE 'expired' END"
        " WHERE override = ANY(%s) AND ended_at IS NOT NULL AND phase IN ('waiting', 'granted')",
        (list(rows),),
    )


OVERRIDES: Projection[Patches] = Projection(
    name="overrides",
    version=2,
    tables=files(__package__).joinpath("tables.sql").read_text("utf-8"),
    handles=frozenset(get_args(o.Event)) - {o.ApprovalRefused, o.ReviewRefused},
    changes=changes,
    write=write,
    on_error=lambda failure: Park(),
)
