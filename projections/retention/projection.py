"""What is kept, held, destroyed and lost. An event changes rows of its own stream alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import get_args

from application.codec import Recorded
from domain import footage as f
from domain.footage_import import FileImported
from projections.engine.projection import Cursor, Park, Projection
from projections.engine.rows import Patches, patch, upsert


@dataclass(slots=True)
class Changes:
    footage: Patches = field(default_factory=dict)
    categories: Patches = field(default_factory=dict)
    holds: Patches = field(default_factory=dict)
    imports: Patches = field(default_factory=dict)


def changes(batch: Sequence[Recorded]) -> Changes:
    into = Changes()
    for recorded in batch:
        _apply(into, recorded.stream.partition("-")[2], recorded)
    return into


def _apply(into: Changes, key: str, recorded: Recorded) -> None:
    at = recorded.envelope.time
    match event := recorded.event:
        case f.FootageRecorded(feed, range_):
            patch(
                into.footage,
                key,
                state="kept",
                feed=feed,
                range_since=range_.since,
                range_until=range_.until,
                size_bytes=event.size_bytes,
            )
            _category(into, key, event.category)
        case f.FootageImported(imported_as, received_at):
            patch(into.footage, key, imported_as=imported_as, received_at=received_at)
        case FileImported(original):
            patch(
                into.imports,
                recorded.stream,
                sha256=original.sha256,
                size_bytes=original.size_bytes,
                found=original.found,
                sound=original.sound,
                agency=event.agency,
                device=event.device,
                case_number=event.case,
                received_at=event.received_at,
                received_by=event.received_by,
                received_how=event.received_how,
                range_since=event.range.since,
                range_until=event.range.until,
                footage=list(event.footage),
                imported_at=at,
                position=recorded.position,
            )
        case f.FootageTagged(category):
            _category(into, key, category)
        case f.LegalHoldPlaced(hold, range_, basis):
            patch(
                into.holds,
                f"{key}/{hold}",
                footage=key,
                hold=hold,
                range_since=range_.since,
                range_until=range_.until,
                basis_kind=basis.kind,
                basis_number=basis.number,
                basis_issuer=basis.issuer,
                verify_again_on=event.verify_again_on,
                placed_by=event.placed_by,
                placed_at=at,
                verified_by=None,
                verified_at=None,
                released_by=None,
                released_at=None,
                copied_at=None,
                copy_since=None,
                copy_until=None,
                copy_size_bytes=None,
                copy_destroyed_at=None,
                copy_unrecoverable_after=None,
            )
        case f.LegalHoldVerified(hold, _, verify_again_on, by):
            patch(into.holds, f"{key}/{hold}", verify_again_on=verify_again_on, verified_by=by, verified_at=at)
        case f.LegalHoldReleased(hold, _, by):
            patch(into.holds, f"{key}/{hold}", released_by=by, released_at=at)
        case f.ExtensionRequested(until, _, by):
            patch(into.footage, key, asked_until=until, asked_by=by, asked_at=at)
        case f.ExtensionRefused():
            patch(into.footage, key, asked_until=None, asked_by=None, asked_at=None)
        case f.RetentionExtended(keep_until):
            patch(into.footage, key, keep_until=keep_until, asked_until=None, asked_by=None, asked_at=None)
        case f.HeldRangeCopied(hold):
            patch(
                into.holds,
                f"{key}/{hold}",
                copied_at=at,
                copy_since=event.range.since,
                copy_until=event.range.until,
                copy_size_bytes=event.size_bytes,
            )
        case f.HeldCopyDestroyed(hold):
            gone_after = event.unrecoverable_after
            patch(into.holds, f"{key}/{hold}", copy_destroyed_at=at, copy_unrecoverable_after=gone_after)
        case f.RestDestroyed() | f.FootageDestroyed():
            patch(
                into.footage,
                key,
                state="held" if isinstance(event, f.RestDestroyed) else "destroyed",
                due_since=event.due_since,
                destroyed_at=at,
                destroyed_categories=list(event.categories),
                destroyed_policy=event.policy,
                destroyed_by=event.approved_by,
                unrecoverable_after=event.unrecoverable_after,
                asked_until=None,
            )
        case f.FootageLost(feed, range_, noticed_at):
            patch(
                into.footage,
                key,
                state="lost",
                feed=feed,
                range_since=range_.since,
                range_until=range_.until,
                lost_at=noticed_at,
                asked_until=None,
            )


def _category(into: Changes, key: str, category: str) -> None:
    patch(into.categories, f"{key}/{category}", footage=key, category=category)


def write(cursor: Cursor, changes: Changes) -> None:
    upsert(cursor, "footage", "footage", changes.footage)
    upsert(cursor, "categories", "id", changes.categories)
    upsert(cursor, "holds", "id", changes.holds)
    upsert(cursor, "imports", "import", changes.imports)


RETENTION: Projection[Changes] = Projection(
    name="retention",
    version=2,
    tables=files(__package__).joinpath("tables.sql").read_text("utf-8"),
    handles=frozenset({*get_args(f.Event), FileImported}),
    changes=changes,
    write=write,
    on_error=lambda failure: Park(),
)
