"""What is pushed: the board and single flights, whenever they moved. A reader whose access ends is told so and cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress

import strawberry

from api.graphql import board
from api.graphql.context import Context, context_of
from api.graphql.types import Board, Flight
from projections.live_board.telemetry import CHANNEL_NAME as TELEMETRY

RECHECK_S = 2.0  # also without any change: a suspension or an expired token ends a subscription within 5 s


async def moves(context: Context, *models: str) -> AsyncIterator[None]:
    """Now, and after every change of one of the models; changes meanwhile are one. Also every RECHECK_S seconds."""
    moved = asyncio.Event()

    async def follow(model: str) -> None:
        async for _ in context.services.applied.changes(model):
            moved.set()

    tasks = [asyncio.create_task(follow(model)) for model in models]
    try:
        while True:
            moved.clear()
            await context.still_signed_on()
            yield
            with suppress(TimeoutError):
                await asyncio.wait_for(moved.wait(), RECHECK_S)
    finally:
        for task in tasks:
            task.cancel()


@strawberry.type
class Subscription:
    @strawberry.subscription(description="The whole board, at once and whenever it or the telemetry on it moved.")
    async def board(self, info: strawberry.Info) -> AsyncGenerator[Board, None]:
        async for _ in moves(context_of(info), "live_board", TELEMETRY):
            yield await board.board(info)

    @strawberry.subscription(description="One flight, at once and whenever it or its telemetry moved.")
    async def flight(self, info: strawberry.Info, id: strawberry.ID) -> AsyncGenerator[Flight | None, None]:
        last: Flight | None = None
        async for _ in moves(context_of(info), "live_board", TELEMETRY):
            now = await board.one_flight(info, str(id))
            if now != last or last is None:
                last = now
                yield now
