"""What may be asked about plates: the record of searches, the hits that wait, and how many searches were vague.

Every answer is one statement, so one snapshot, and says its checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from domain.kernel import Reason
from projections.engine.reading import Checkpoint, Reader, checkpoint_json, document


class HitState(StrEnum):
    WAITING = "waiting"  # oldest first; the others newest first
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Search:
    """A search by the record of Civ. Code §1798.90.52, without what was searched for. Times are UTC."""

    search: str
    position: int
    accessed_at: datetime
    person: str
    organisation: str
    role: str
    purpose: str
    call_number: str | None
    case_number: str | None
    score: int
    vague: bool
    by_plate: bool
    by_description: bool
    plate_state: str | None
    seen_from: datetime
    seen_until: datetime
    readers: tuple[str, ...]
    for_agency: str | None
    disclosure: str | None
    hit: str | None
    state: str
    provider: str | None
    sightings: int | None
    cut: bool | None
    answered_at: datetime | None
    failure: str | None
    reasons: tuple[Reason, ...] | None


@dataclass(frozen=True, slots=True)
class Searches:
    checkpoint: Checkpoint
    rows: tuple[Search, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    hit: str
    position: int
    received_at: datetime
    provider: str
    reference: str
    hot_list: str
    plate_state: str | None
    reader: str
    seen_at: datetime
    state: str
    decided_by: str | None
    decided_at: datetime | None
    why: str | None
    checked_with: str | None


@dataclass(frozen=True, slots=True)
class Hits:
    checkpoint: Checkpoint
    rows: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """Of an organisation in a stretch of time. `searches`: all that were asked for, `refused` and `vague` among them;
    `sightings`: how many were shown."""

    organisation: str
    searches: int
    refused: int
    vague: int
    for_agencies: int
    sightings: int

    @property
    def vague_rate(self) -> float:
        return self.vague / self.searches


@dataclass(frozen=True, slots=True)
class AllFigures:
    checkpoint: Checkpoint
    rows: tuple[Figures, ...]


async def searches(
    connection: Reader,
    *,
    first: int,
    person: str | None = None,
    plate_hash: str | None = None,
    before: int | None = None,
) -> tuple[Searches, bool]:
    """Searches, also the refused, newest first, and whether there are more. `plate_hash`: keyed, of what was searched
    for; `before`: the position of the last one of the page before. Raises NoReadModel."""
    query = """SELECT * FROM read.plates_searches
               WHERE (%(person)s::text IS NULL OR person = %(person)s)
                 AND (%(plate_hash)s::text IS NULL OR plate_hash = %(plate_hash)s)
                 AND (%(before)s::bigint IS NULL OR position < %(before)s)
               ORDER BY position DESC LIMIT %(limit)s"""
    values = {"person": person, "plate_hash": plate_hash, "before": before, "limit": first + 1}
    page = msgspec.json.decode(await _ask(connection, query, values), type=Searches)
    return Searches(page.checkpoint, page.rows[:first]), len(page.rows) > first


async def hits(connection: Reader, state: HitState, *, first: int, after: int | None = None) -> tuple[Hits, bool]:
    """Hits in a state, and whether there are more. `after`: the position of the last one of the page before. Raises
    NoReadModel."""
    order, beyond = ("ASC", ">") if state is HitState.WAITING else ("DESC", "<")
    query = f"""SELECT * FROM read.plates_hits
                WHERE state = %(state)s AND (%(after)s::bigint IS NULL OR position {beyond} %(after)s)
                ORDER BY position {order} LIMIT %(limit)s"""  # noqa: S608
    values = {"state": state.value, "after": after, "limit": first + 1}
    page = msgspec.json.decode(await _ask(connection, query, values), type=Hits)
    return Hits(page.checkpoint, page.rows[:first]), len(page.rows) > first


async def figures(connection: Reader, since: datetime, until: datetime) -> AllFigures:
    """By organisation, from `since` to before `until`. Raises NoReadModel."""
    query = """SELECT organisation, count(*) AS searches, count(*) FILTER (WHERE state = 'refused') AS refused,
                      count(*) FILTER (WHERE vague) AS vague,
                      count(*) FILTER (WHERE for_agency IS NOT NULL) AS for_agencies,
                      coalesce(sum(sightings), 0) AS sightings
               FROM read.plates_searches WHERE accessed_at >= %(since)s AND accessed_at < %(until)s
               GROUP BY organisation ORDER BY organisation"""
    return msgspec.json.decode(await _ask(connection, query, {"since": since, "until": until}), type=AllFigures)


_CHECKPOINT = checkpoint_json("plates")


async def _ask(connection: Reader, query: str, values: dict[str, Any]) -> str:
    whole = f"""SELECT row_to_json(page)::text FROM (SELECT {_CHECKPOINT},
        (SELECT coalesce(json_agg(y), '[]') FROM ({query}) y) AS rows) page"""  # noqa: S608
    return await document(connection, "plates", whole, values)
