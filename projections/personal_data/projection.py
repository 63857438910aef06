"""Subjects' keys from their first use to their destruction. An event changes the row of its own stream alone."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import get_args

from application.codec import Recorded, to_builtins
from domain import subject_key as s
from projections.engine.projection import Cursor, Park, Projection
from projections.engine.rows import Patches, patch, upsert


def changes(batch: Sequence[Recorded]) -> Patches:
    into: Patches = {}
    for recorded in batch:
        key, at = recorded.stream.partition("-")[2], recorded.envelope.time
        match event := recorded.event:
            case s.SubjectKeyCreated():
                patch(into, key, state="kept", created_at=at)
            case s.DestructionRequested():
                patch(
                    into,
                    key,
                    state="asked",
                    ground=event.ground,
                    reference=event.reference,
                    requested_by=event.by,
                    requested_at=at,
                    refused_by=None,
                    refused_at=None,
                    reasons=None,
                )
            case s.DestructionRefused():
                reasons = to_builtins(event.reasons)
                patch(into, key, state="kept", refused_by=event.by, refused_at=at, reasons=reasons)
            case s.ApprovalRefused():
                patch(into, key, refused_by=event.by, refused_at=at, reasons=to_builtins(event.reasons))
            case s.SubjectKeyDestroyed():
                patch(
                    into,
                    key,
                    state="destroyed",
                    approved_by=event.approved_by,
                    destroyed_at=at,
                    policy=event.policy,
                    unrecoverable_after=event.unrecoverable_after,
                )
    return into


def write(cursor: Cursor, changes: Patches) -> None:
    upsert(cursor, "subjects", "subject", changes)


PERSONAL_DATA: Projection[Patches] = Projection(
    name="personal_data",
    version=1,
    tables=files(__package__).joinpath("tables.sql").read_text("utf-8"),
    handles=frozenset(get_args(s.Event)),
    changes=changes,
    write=write,
    on_error=lambda failure: Park(),
)
