"""Searches for plates and hits of hot lists, of a plate its keyed hash alone. An event changes its own stream's row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, get_args

from application.codec import Recorded, to_builtins
from application.plates import PLATE
from domain import plate_search as p
from domain.kernel import Personal
from projections.engine.projection import Cursor, Park, PersonalColumns, Projection
from projections.engine.rows import Patches, patch, upsert


@dataclass(slots=True)
class Changes:
    searches: Patches = field(default_factory=dict)
    hits: Patches = field(default_factory=dict)


def changes(batch: Sequence[Recorded]) -> Changes:
    into = Changes()
    for recorded in batch:
        _apply(into, recorded)
    return into


def write(cursor: Cursor, changes: Changes) -> None:
    upsert(cursor, "searches", "search", changes.searches)
    upsert(cursor, "hits", "hit", changes.hits)


def _apply(into: Changes, recorded: Recorded) -> None:
    key, at = recorded.stream.partition("-")[2], recorded.envelope.time
    match event := recorded.event:
        case p.PlateSearched():
            patch(into.searches, key, **_asked(recorded, event), disclosure=event.disclosure, state="recorded")
        case p.PlateSearchRefused():
            patch(into.searches, key, **_asked(recorded, event), reasons=to_builtins(event.reasons), state="refused")
        case p.SearchAnswered():
            patch(
                into.searches,
                key,
                state="answered",
                provider=event.provider,
                sightings=event.sightings,
                cut=event.cut,
                answered_at=event.answered_at,
                failure=None,
            )
        case p.SearchFailed():
            patch(into.searches, key, state="failed", provider=event.provider, failure=event.why)
        case p.HotListHitReceived():
            patch(
                into.hits,
                key,
                position=recorded.position,
                received_at=at,
                provider=event.provider,
                reference=event.reference,
                hot_list=event.hot_list,
                **_hashed(recorded, event.plate),
                plate_state=event.plate_state,
                reader=event.reader,
                seen_at=event.seen_at,
                state="waiting",
            )
        case p.HitConfirmed():
            patch(
                into.hits, key, state="confirmed", decided_by=event.by, decided_at=at, checked_with=event.checked_with
            )
        case p.HitRejected():
            patch(into.hits, key, state="rejected", decided_by=event.by, decided_at=at, why=event.why)


def _hashed(recorded: Recorded, plate: Personal[str] | None) -> dict[str, str | None]:
    if plate is None:
        return {}
    text = recorded.text(plate)
    return {
        "plate_subject": plate.subject,
        "plate_hash": None if text is None else recorded.keyed_hash(PLATE, text),
    }


def _asked(recorded: Recorded, event: p.PlateSearched | p.PlateSearchRefused) -> dict[str, Any]:
    access, grounds = event.access, event.grounds
    return {
        "position": recorded.position,
        "accessed_at": access.accessed_at,
        "person": access.username,
        "organisation": access.organisation,
        "role": recorded.envelope.actorrole,
        "purpose": grounds.purpose,
        "call_number": grounds.call,
        "case_number": grounds.case,
        "score": grounds.quality.score,
        "vague": grounds.quality.vague,
        **_hashed(recorded, access.plate),
        "by_plate": access.plate is not None,
        "by_description": access.other is not None,
        "plate_state": access.plate_state,
        "seen_from": access.seen_from,
        "seen_until": access.seen_until,
        "readers": access.readers,
        "for_agency": event.for_agency,
        "hit": event.hit,
    }


PLATES: Projection[Changes] = Projection(
    name="plates",
    version=2,
    tables=files(__package__).joinpath("tables.sql").read_text("utf-8"),
    handles=frozenset(get_args(p.Event)) - {p.ConfirmationRefused},
    changes=changes,
    write=write,
    on_error=lambda failure: Park(),
    personal=(
        PersonalColumns("searches", "plate_subject", ("plate_hash",)),
        PersonalColumns("hits", "plate_subject", ("plate_hash",)),
    ),
)
