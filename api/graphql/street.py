"""In the field: what an open incident shares, which calls are open, and what those on the street saw of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime

import strawberry

from api.graphql import types as t
from api.graphql.board import observation
from api.graphql.commands import chosen, command
from api.graphql.context import Context, context_of
from api.graphql.subscriptions import moves
from application.calls import Seen
from domain.call import ObservationKind
from domain.kernel import Place
from projections.cameras import queries as cameras
from projections.live_board import queries as q

Id = strawberry.ID


@strawberry.type
class SharedFeed:
    """A picture that those who respond to an open call may ask for. `feed`: what to name when asking."""

    feed: Id
    name: str
    kind: str = strawberry.field(description="camera | flight")
    call_number: Id
    call_type: str
    place: t.Place = strawberry.field(description="of the call")
    shared_at: datetime


@strawberry.type
class SharedFeeds:
    shared: list[SharedFeed]
    position: t.Position


@strawberry.type
class OpenCall:
    """As much of an open call as one must know to tell of it."""

    number: Id
    call_type: str
    place: t.Place
    received_at: datetime


@strawberry.type
class OpenCalls:
    calls: list[OpenCall]
    position: t.Position


async def said_of(info: strawberry.Info, call: str, observation: str) -> str | None:
    return await asyncio.to_thread(context_of(info).services.calls.said, call, observation)


async def _shared(context: Context) -> SharedFeeds:
    context.require("read_shared_feeds")
    async with context.reading() as connection:
        page = await q.shared_feeds(connection)
        names = await cameras.names(connection, [row.feed for row in page.shared])
    return SharedFeeds(
        shared=[
            SharedFeed(
                feed=Id(row.feed),
                name=names.get(row.feed, "the drone"),
                kind=row.feed.partition("-")[0],
                call_number=Id(row.call_number),
                call_type=row.call_type,
                place=t.Place(latitude=row.latitude, longitude=row.longitude),
                shared_at=row.shared_at,
            )
            for row in page.shared
        ],
        position=t.Position(page.checkpoint.position),
    )


@strawberry.type
class StreetQueries:
    @strawberry.field(description="What is shared with an open incident now, for those who respond to it in the field.")
    async def shared_feeds(self, info: strawberry.Info, after_position: t.Position | None = None) -> SharedFeeds:
        context = context_of(info)
        await context.applied("live_board", after_position)
        return await _shared(context)

    @strawberry.field(description="What those on the street saw of a call, for the watch; oldest first.")
    async def observations(
        self, info: strawberry.Info, call_number: Id, after_position: t.Position | None = None
    ) -> list[t.Observation]:
        context = context_of(info)
        context.require("read_board")
        await context.applied("live_board", after_position)
        async with context.reading() as connection:
            page = await q.observations(connection, str(call_number))
        return [observation(row, str(call_number)) for row in page.observations]

    @strawberry.field(description="Which calls are open, for those on the street: never who called or what was said.")
    async def open_calls(self, info: strawberry.Info, after_position: t.Position | None = None) -> OpenCalls:
        context = context_of(info)
        context.require("read_open_calls")
        await context.applied("live_board", after_position)
        async with context.reading() as connection:
            page = await q.open_calls(connection)
        return OpenCalls(
            calls=[
                OpenCall(
                    number=Id(row.call_number),
                    call_type=row.call_type,
                    place=t.Place(latitude=row.latitude, longitude=row.longitude),
                    received_at=row.received_at,
                )
                for row in page.calls
            ],
            position=t.Position(page.checkpoint.position),
        )


@strawberry.type
class StreetMutations:
    @strawberry.mutation(
        description="Tell what you saw of an open call: person_needs_help | disturbance | hazard | vehicle | property |"
        " nothing_there | other. Its id is the answer's."
    )
    async def report_observation(
        self,
        info: strawberry.Info,
        call_number: Id,
        kind: str,
        said: str,
        observed_at: datetime,
        place: t.PlaceInput | None = None,
        command_id: Id | None = None,
    ) -> t.CommandResult:
        calls = context_of(info).services.calls

        def seen() -> Seen:
            where = Place(place.latitude, place.longitude) if place else None
            return Seen(chosen(ObservationKind, kind, "kind"), said, observed_at, where)

        return await command(
            info, "report_observation", command_id, lambda who, id_: calls.observe(who, str(call_number), seen(), id_)
        )


@strawberry.type
class StreetSubscription:
    @strawberry.subscription(description="What is shared with an open incident, at once and whenever it changed.")
    async def shared_feeds(self, info: strawberry.Info) -> AsyncGenerator[SharedFeeds, None]:
        last: list[SharedFeed] | None = None
        async for _ in moves(context_of(info), "live_board"):
            now = await _shared(context_of(info))
            if now.shared != last:
                last = now.shared
                yield now
