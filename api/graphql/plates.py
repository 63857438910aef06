"""Licence plates: searches with purpose and case, hits that a person confirms or rejects, and the record."""

from __future__ import annotations

import asyncio
from datetime import datetime

import strawberry

from adapters.alpr.csv_hits import Faulty, read_hits
from api.graphql import types as t
from api.graphql.audit import page_size
from api.graphql.commands import STORE_AWAY, chosen, command, rejected, result, uuid_of
from api.graphql.context import Context, Unreadable, context_of
from api.graphql.looking import GroundsInput
from api.graphql.overrides import LegalBasisInput, legal_basis_of
from application.handling import Accepted
from application.plates import ForAgency, Found, Sighting
from domain import plate_search as p
from domain.kernel import InvalidValue, Mistake
from projections.plates import queries as q

Id = strawberry.ID
FILE_CHARACTERS = 2_000_000

# -- what is asked -----------------------------------------------------------


@strawberry.input
class PlateQueryInput:
    """What is searched for: a plate, whole or in part, or a description of the vehicle, in a stretch of time."""

    seen_from: datetime
    seen_until: datetime
    plate: str | None = strawberry.field(default=None, description="'?' for each character that is unknown")
    plate_state: str | None = strawberry.field(default=None, description="two capitals, such as CA")
    other: str | None = strawberry.field(default=None, description="make, colour and the like")
    readers: list[str] = strawberry.field(default_factory=list, description="none: all")

    def query(self) -> p.PlateQuery:
        return p.PlateQuery(
            self.seen_from, self.seen_until, self.plate, self.plate_state, self.other, tuple(self.readers)
        )


@strawberry.input
class ForAgencyInput:
    """Another agency that asked for the search. It is accounted for as a disclosure, which a second person makes."""

    name: str
    kind: str = strawberry.field(description="california_public | other_state | federal | private")
    legal_basis: LegalBasisInput

    def agency(self) -> ForAgency:
        kind = chosen(p.AgencyKind, self.kind, "forAgency.kind")
        return ForAgency(p.Agency(self.name, kind), legal_basis_of(self.legal_basis))


# -- what is told ------------------------------------------------------------


@strawberry.type
class PlateSighting:
    """What a plate reader saw, by its own reading and clock."""

    id: Id
    plate: str
    plate_state: str | None
    reader: str
    seen_at: datetime
    place: t.Place | None


@strawberry.type
class PlateSearchAnswer:
    """`result`: whether the search is on the record. `sightings`: none where it was refused or `failure` says why."""

    result: t.CommandResult
    sightings: list[PlateSighting]
    cut: bool = strawberry.field(description="there are more: narrow the search")
    failure: str | None


@strawberry.type
class HitLine:
    """What became of a line of a file of hits. `line` counts from 1, the names of the columns being line 1."""

    line: int
    hit: Id | None
    field: str | None
    message: str | None


@strawberry.type
class PlateSearchRecord:
    """A search by the record of Civ. Code §1798.90.52. What was searched for is sealed in the log."""

    id: Id
    position: t.Position
    accessed_at: datetime
    person: t.Person
    organisation: str
    role: str
    purpose: str
    call_number: str | None
    case_number: str | None
    reason_score: int
    vague: bool
    by_plate: bool
    by_description: bool
    seen_from: datetime
    seen_until: datetime
    readers: list[str]
    for_agency: str | None
    disclosure: Id | None
    hit: Id | None
    state: str = strawberry.field(description="recorded | answered | failed | refused")
    sightings: int | None
    failure: str | None
    reasons: list[t.Reason]


@strawberry.type
class PlateSearchEdge:
    cursor: str
    node: PlateSearchRecord


@strawberry.type
class PlateSearchConnection:
    edges: list[PlateSearchEdge]
    page_info: t.PageInfo
    position: t.Position


@strawberry.type
class PlateHit:
    """A hit of a hot list, by a machine's reading. Nobody acts on it before a person has confirmed it."""

    id: Id
    received_at: datetime
    provider: str
    reference: str
    hot_list: str
    plate_state: str | None
    reader: str
    seen_at: datetime
    state: str = strawberry.field(description="waiting | confirmed | rejected")
    decided_by: Id | None
    decided_at: datetime | None
    why: str | None
    checked_with: str | None

    @strawberry.field(description="Read from the record itself, where the key still exists.")
    async def plate(self, info: strawberry.Info) -> str | None:
        return await asyncio.to_thread(context_of(info).services.plates.plate_of_hit, str(self.id))


@strawberry.type
class PlateHitEdge:
    cursor: str
    node: PlateHit


@strawberry.type
class PlateHitConnection:
    edges: list[PlateHitEdge]
    page_info: t.PageInfo
    position: t.Position


@strawberry.type
class PlateFigures:
    """Searches of an organisation; refused and vague ones are among them."""

    organisation: str
    searches: int
    refused: int
    vague: int
    vague_rate: float
    for_agencies: int
    sightings: int


def _sighting(seen: Sighting) -> PlateSighting:
    place = t.Place(latitude=seen.place.latitude, longitude=seen.place.longitude) if seen.place else None
    return PlateSighting(
        id=Id(seen.id),
        plate=seen.plate,
        plate_state=seen.plate_state,
        reader=seen.reader,
        seen_at=seen.seen_at,
        place=place,
    )


def _search(row: q.Search, names: dict[str, str]) -> PlateSearchRecord:
    return PlateSearchRecord(
        id=Id(row.search),
        position=t.Position(row.position),
        accessed_at=row.accessed_at,
        person=t.Person(id=Id(row.person), name=names.get(row.person, row.person)),
        organisation=row.organisation,
        role=row.role,
        purpose=row.purpose,
        call_number=row.call_number,
        case_number=row.case_number,
        reason_score=row.score,
        vague=row.vague,
        by_plate=row.by_plate,
        by_description=row.by_description,
        seen_from=row.seen_from,
        seen_until=row.seen_until,
        readers=list(row.readers),
        for_agency=row.for_agency,
        disclosure=Id(row.disclosure) if row.disclosure else None,
        hit=Id(row.hit) if row.hit else None,
        state=row.state,
        sightings=row.sightings,
        failure=row.failure,
        reasons=[
            t.Reason(code=r.code, message=r.message, rule=r.rule, field=r.field, accepted=r.accepted)
            for r in row.reasons or ()
        ],
    )


def _hit(row: q.Hit) -> PlateHit:
    return PlateHit(
        id=Id(row.hit),
        received_at=row.received_at,
        provider=row.provider,
        reference=row.reference,
        hot_list=row.hot_list,
        plate_state=row.plate_state,
        reader=row.reader,
        seen_at=row.seen_at,
        state=row.state,
        decided_by=Id(row.decided_by) if row.decided_by else None,
        decided_at=row.decided_at,
        why=row.why,
        checked_with=row.checked_with,
    )


def _page_info(cursors: list[str], more: bool, after: str | None) -> t.PageInfo:
    return t.PageInfo(
        has_next_page=more,
        has_previous_page=after is not None,
        start_cursor=cursors[0] if cursors else None,
        end_cursor=cursors[-1] if cursors else None,
    )


async def _hash(context: Context, plate: str) -> str:
    """Raises Unreadable."""
    try:
        return await asyncio.to_thread(context.services.plates.hash_of, plate)
    except InvalidValue as mistake:
        raise Unreadable(mistake.code, mistake.message, field=mistake.field, accepted=mistake.accepted) from None


def _cursor(after: str | None) -> int | None:
    if after is None:
        return None
    if not after.isdecimal() or not 1 <= len(after) <= 18:
        raise Unreadable("invalid_cursor", "'after' is no cursor of this list", field="after")
    return int(after)


# -- questions ---------------------------------------------------------------


@strawberry.type
class PlateQueries:
    @strawberry.field(
        description="Searches for plates, also the refused, newest first; without what was searched for. `plate`: those"
        " for this plate, written as it was searched for; found as long as its key exists."
    )
    async def plate_searches(
        self,
        info: strawberry.Info,
        person_id: Id | None = None,
        plate: str | None = None,
        first: int | None = None,
        after: str | None = None,
        after_position: t.Position | None = None,
    ) -> PlateSearchConnection:
        context = context_of(info)
        context.require("read_plate_record")
        plate_hash = None if plate is None else await _hash(context, plate)
        await context.applied("plates", after_position)
        size, _ = page_size(first, None)
        async with context.reading() as connection:
            page, more = await q.searches(
                connection, first=size or 1, person=person_id, plate_hash=plate_hash, before=_cursor(after)
            )
            names = await context.services.names.of(connection, {row.person for row in page.rows})
        await context.consulted("plate_searches", page.checkpoint.position, {"person": person_id}, "read_plate_record")
        edges = [PlateSearchEdge(cursor=str(row.position), node=_search(row, names)) for row in page.rows]
        return PlateSearchConnection(
            edges=edges,
            page_info=_page_info([edge.cursor for edge in edges], more, after),
            position=t.Position(page.checkpoint.position),
        )

    @strawberry.field(description="Hits of hot lists: waiting (oldest first) | confirmed | rejected (newest first).")
    async def plate_hits(
        self,
        info: strawberry.Info,
        state: str = "waiting",
        first: int | None = None,
        after: str | None = None,
        after_position: t.Position | None = None,
    ) -> PlateHitConnection:
        context = context_of(info)
        context.require("read_hits")
        if state not in set(q.HitState):
            raise Unreadable("invalid_value", f"'state' is one of {', '.join(q.HitState)}", field="state")
        await context.applied("plates", after_position)
        size, _ = page_size(first, None)
        async with context.reading() as connection:
            page, more = await q.hits(connection, q.HitState(state), first=size or 1, after=_cursor(after))
        edges = [PlateHitEdge(cursor=str(row.position), node=_hit(row)) for row in page.rows]
        return PlateHitConnection(
            edges=edges,
            page_info=_page_info([edge.cursor for edge in edges], more, after),
            position=t.Position(page.checkpoint.position),
        )

    @strawberry.field(description="How many searches there were, and how many with a vague reason, by organisation.")
    async def plate_figures(
        self, info: strawberry.Info, since: datetime, until: datetime, after_position: t.Position | None = None
    ) -> list[PlateFigures]:
        context = context_of(info)
        context.require("read_plate_figures")
        for field, moment in (("since", since), ("until", until)):
            if moment.tzinfo is None:
                raise Unreadable("invalid_value", f"'{field}' has no offset from UTC", field=field)
        await context.applied("plates", after_position)
        async with context.reading() as connection:
            found = await q.figures(connection, since, until)
        return [
            PlateFigures(
                organisation=row.organisation,
                searches=row.searches,
                refused=row.refused,
                vague=row.vague,
                vague_rate=row.vague_rate,
                for_agencies=row.for_agencies,
                sightings=row.sightings,
            )
            for row in found.rows
        ]


# -- commands ----------------------------------------------------------------


@strawberry.type
class PlateMutations:
    @strawberry.mutation(
        description="Search for a plate. The search is on the record before any reader is asked; what comes back is"
        " shown here once and kept nowhere. The same command sent again is not asked again."
    )
    async def search_plate(
        self,
        info: strawberry.Info,
        input: PlateQueryInput,
        grounds: GroundsInput,
        for_agency: ForAgencyInput | None = None,
        hit: Id | None = None,
        command_id: Id | None = None,
    ) -> PlateSearchAnswer:
        context = context_of(info)
        plates, identity = context.services.plates, context.services.handler.ids.event_id()
        found = Found(STORE_AWAY)
        if not context.store_away:
            actor = context.signed_on()
            try:
                identity = uuid_of(command_id) if command_id is not None else identity
                other = for_agency.agency() if for_agency else None
                found = await asyncio.to_thread(
                    plates.search, actor, input.query(), grounds.grounds(), other, hit, identity
                )
            except Mistake as mistake:
                found = Found(await asyncio.to_thread(rejected, context, "search_plate", identity, mistake))
        answer = found.answer
        return PlateSearchAnswer(
            result=result(identity, found.outcome),
            sightings=[_sighting(seen) for seen in answer.sightings] if answer else [],
            cut=answer.cut if answer else False,
            failure=found.failure,
        )

    @strawberry.mutation(
        description="Put hits of a CSV file on the record: reference, hot_list, plate, plate_state, reader, seen_at."
        " A hit that is there already counts once. Tells what became of each line."
    )
    async def import_plate_hits(self, info: strawberry.Info, provider: str, file: str) -> list[HitLine]:
        context = context_of(info)
        context.require("record_hot_list_hit")
        if context.store_away:
            raise Unreadable(STORE_AWAY.code, STORE_AWAY.message)
        if len(file) > FILE_CHARACTERS:
            raise Unreadable("too_large", f"a file has at most {FILE_CHARACTERS} characters", field="file")
        try:
            lines = await asyncio.to_thread(read_hits, file.encode())
        except InvalidValue as mistake:
            raise Unreadable(mistake.code, mistake.message, field=mistake.field) from None
        hits = [line.hit for line in lines if not isinstance(line, Faulty)]
        told = iter(await asyncio.to_thread(context.services.plates.receive, context.signed_on(), provider, hits))
        answers = []
        for line in lines:
            if isinstance(line, Faulty):
                answers.append(HitLine(line=line.line, hit=None, field=line.field, message=line.message))
                continue
            outcome = next(told)
            if isinstance(outcome, Accepted):
                answers.append(HitLine(line=line.line, hit=Id(outcome.key), field=None, message=None))
                continue
            message = getattr(outcome, "message", None) or "; ".join(r.message for r in getattr(outcome, "reasons", ()))
            answers.append(HitLine(line=line.line, hit=None, field=getattr(outcome, "field", None), message=message))
        return answers

    @strawberry.mutation(
        description="Confirm a hit, before anybody acts on it: its picture shows the plate, and who keeps the list"
        " (`checkedWith`) said that the entry stands."
    )
    async def confirm_hit(
        self,
        info: strawberry.Info,
        hit: Id,
        picture_matches: bool,
        entry_stands: bool,
        checked_with: str,
        command_id: Id | None = None,
    ) -> t.CommandResult:
        plates = context_of(info).services.plates
        return await command(
            info,
            "confirm_hit",
            command_id,
            lambda who, id_: plates.confirm(
                who,
                hit,
                picture_matches=picture_matches,
                entry_stands=entry_stands,
                checked_with=checked_with,
                command_id=id_,
            ),
        )

    @strawberry.mutation(
        description="Reject a hit. `why`: misread | other_state | other_vehicle | no_longer_listed | other (say what)."
    )
    async def reject_hit(
        self, info: strawberry.Info, hit: Id, why: str, note: str | None = None, command_id: Id | None = None
    ) -> t.CommandResult:
        plates = context_of(info).services.plates
        return await command(
            info,
            "reject_hit",
            command_id,
            lambda who, id_: plates.reject(who, hit, chosen(p.RejectionReason, why, "why"), note, id_),
        )
