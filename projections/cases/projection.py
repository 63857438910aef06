"""Case numbers that dispatch had not told when somebody named them.

An event changes the row of its own stream alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files

from application.codec import Recorded
from domain.case import CaseExamined, CaseOpened
from domain.disclosure import DisclosureRequested
from domain.export import ExportRequested
from domain.live_view import LiveViewRequested
from domain.plate_search import PlateSearched, PlateSearchRefused
from domain.reason_quality import CASE_UNVERIFIED
from domain.viewing import ViewingRequested
from projections.engine.projection import Cursor, Park, Projection
from projections.engine.rows import Patches, patch, upsert


@dataclass(slots=True)
class Changes:
    uses: Patches = field(default_factory=dict)
    cases: Patches = field(default_factory=dict)


def changes(batch: Sequence[Recorded]) -> Changes:
    into = Changes()
    for recorded in batch:
        at, number = recorded.envelope.time, recorded.stream.partition("-")[2]
        match event := recorded.event:
            case CaseOpened():
                patch(into.cases, number, told_at=at)
            case CaseExamined(verdict, _, by):
                examined = {"examined_at": at, "examined_by": by, "examined_position": recorded.position}
                patch(into.cases, number, verdict=verdict, **examined)
            case _ if CASE_UNVERIFIED in event.grounds.quality.flaws:
                patch(
                    into.uses,
                    recorded.stream,
                    case_number=event.grounds.case,
                    person=recorded.envelope.actorid,
                    used_at=at,
                    position=recorded.position,
                )
    return into


def write(cursor: Cursor, changes: Changes) -> None:
    upsert(cursor, "uses", "stream", changes.uses)
    upsert(cursor, "cases", "case_number", changes.cases)


CASES: Projection[Changes] = Projection(
    name="cases",
    version=1,
    tables=files(__package__).joinpath("tables.sql").read_text("utf-8"),
    handles=frozenset(
        {
            CaseOpened,
            CaseExamined,
            LiveViewRequested,
            ViewingRequested,
            ExportRequested,
            DisclosureRequested,
            PlateSearched,
            PlateSearchRefused,
        }
    ),
    changes=changes,
    write=write,
    on_error=lambda failure: Park(),
)
