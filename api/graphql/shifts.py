"""The watch handed over: what is open now, and what was open then."""

from __future__ import annotations

from datetime import datetime

import strawberry

from api.graphql import types as t
from api.graphql.audit import page_info, page_length
from api.graphql.commands import command
from api.graphql.context import Context, Unreadable, context_of
from domain.kernel import StreamId
from domain.shift import OpenItem, OpenKind
from projections.access import queries as access
from projections.complaints import queries as complaints
from projections.engine.reading import Reader, checkpoint
from projections.live_board import queries as board
from projections.overrides import queries as overrides
from projections.oversight import queries as oversight
from projections.people import queries as q
from projections.registry import PROJECTIONS
from projections.retention import queries as retention

Id = strawberry.ID


@strawberry.type
class OpenThing:
    """Something that whoever has the watch must know of. `id`: its stream."""

    kind: str = strawberry.field(description=" | ".join(OpenKind))
    id: Id


@strawberry.type
class OpenThingEdge:
    cursor: str
    node: OpenThing


@strawberry.type
class OpenThingConnection:
    edges: list[OpenThingEdge]
    page_info: t.PageInfo
    total_count: int
    position: t.Position


@strawberry.type
class Handover:
    id: Id
    handed_at: datetime
    handed_by: Id
    handed_to: Id
    as_of_position: t.Position

    total: strawberry.Private[int]

    @strawberry.field(description="All that was open then.")
    async def open_items(
        self, info: strawberry.Info, first: int | None = None, after: str | None = None
    ) -> OpenThingConnection:
        async with context_of(info).reading() as connection:
            rows, more = await q.handed_over(connection, str(self.id), first=page_length(first), after=_number(after))
        edges = [OpenThingEdge(cursor=str(r.number), node=OpenThing(kind=r.kind, id=Id(r.stream))) for r in rows]
        return OpenThingConnection(
            edges=edges,
            page_info=page_info([edge.cursor for edge in edges], after, more),
            total_count=self.total,
            position=self.as_of_position,
        )


@strawberry.type
class HandoverEdge:
    cursor: str
    node: Handover


@strawberry.type
class HandoverConnection:
    edges: list[HandoverEdge]
    page_info: t.PageInfo


def _number(after: str | None) -> int:
    """Raises Unreadable."""
    if after is not None and not (after.isdecimal() and after.isascii() and len(after) < 10):
        raise Unreadable("invalid_page", "'after' is a cursor of the page before", field="after")
    return int(after or 0)


async def still_open(context: Context) -> tuple[int, list[OpenItem]]:
    """All that is open, out of one snapshot of the read models, and the position up to which each of them has come.
    Raises NoReadModel."""
    now = context.services.handler.clock.now()
    async with context.reading() as connection, connection.transaction():
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        found = await board.still_open(connection)
        found += await access.still_open(connection)
        found += await overrides.still_open(connection, now)
        found += await retention.still_open(connection, now.date())
        found += await oversight.overdue_reviews(connection, now)
        found += await complaints.still_open(connection)
        position, incomplete = await _boards(connection)
    found += [(OpenKind.STREAM_INCOMPLETE, stream) for stream in incomplete]
    return position, [OpenItem(OpenKind(kind), StreamId(stream)) for kind, stream in found]


async def _boards(connection: Reader) -> tuple[int, list[str]]:
    """How far every read model has come, and the streams of which one lacks an event."""
    found = [await checkpoint(connection, projection.name) for projection in PROJECTIONS]
    return min(at.position for at in found), sorted({stream for at in found for stream in at.incomplete})


@strawberry.type
class ShiftQueries:
    @strawberry.field(
        description="What whoever has the watch must know of: open calls and flights, drones out of service, live views"
        " and viewings, overrides that wait or are in effect, holds to verify, overdue reviews, complaints that wait,"
        " and streams that a board lacks an event of. `position`: up to which all boards have come."
    )
    async def still_open(
        self,
        info: strawberry.Info,
        first: int | None = None,
        after: str | None = None,
        after_position: t.Position | None = None,
    ) -> OpenThingConnection:
        context = context_of(info)
        if not context.may("read_audit_trail"):
            context.require("hand_over_shift")
        for projection in PROJECTIONS:
            await context.applied(projection.name, after_position)
        position, items = await still_open(context)
        begins = _number(after)
        page = items[begins : begins + page_length(first)]
        edges = [
            OpenThingEdge(cursor=str(number), node=OpenThing(kind=item.kind, id=Id(item.stream)))
            for number, item in enumerate(page, begins + 1)
        ]
        return OpenThingConnection(
            edges=edges,
            page_info=page_info([edge.cursor for edge in edges], after, begins + len(page) < len(items)),
            total_count=len(items),
            position=t.Position(position),
        )

    @strawberry.field(description="Shifts handed over, newest first.")
    async def handovers(
        self,
        info: strawberry.Info,
        first: int | None = None,
        after: str | None = None,
        after_position: t.Position | None = None,
    ) -> HandoverConnection:
        context = context_of(info)
        if not context.may("read_audit_trail"):
            context.require("read_board")
        await context.applied("people", after_position)
        async with context.reading() as connection:
            rows, more = await q.handovers(connection, first=page_length(first), after=after)
        edges = [
            HandoverEdge(
                cursor=row.shift,
                node=Handover(
                    id=Id(row.shift),
                    handed_at=row.handed_at,
                    handed_by=Id(row.handed_by),
                    handed_to=Id(row.handed_to),
                    as_of_position=t.Position(row.as_of_position),
                    total=row.open_count,
                ),
            )
            for row in rows
        ]
        return HandoverConnection(edges=edges, page_info=page_info([edge.cursor for edge in edges], after, more))


@strawberry.type
class ShiftMutations:
    @strawberry.mutation(description="Hand the watch to another person, with all that is open (`stillOpen`).")
    async def hand_over_shift(
        self, info: strawberry.Info, to: Id, note: str = "", command_id: Id | None = None
    ) -> t.CommandResult:
        context = context_of(info)
        context.signed_on()
        position, items = await still_open(context)
        shifts = context.services.shifts
        return await command(
            info,
            "hand_over_shift",
            command_id,
            lambda who, id_: shifts.hand_over(who, to, items, position, note, id_),
        )
