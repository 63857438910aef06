"""Orders to a drone. What starts or extends a flight is recorded, then sent; what ends it safely is sent, then
recorded, and the record may come late: the gateway keeps it until the store takes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import UUID

import strawberry

from api.graphql import types as t
from api.graphql.commands import STORE_AWAY, Do, command, result
from api.graphql.context import context_of
from application import handling
from application.gateway import GatewayUnavailable, Sent
from domain.drone import OrderOutcome, SafetyOrder

GATEWAY_AWAY = "the order is on the record, but the drone gateway did not take it"


async def fly(
    info: strawberry.Info,
    name: str,
    command_id: strawberry.ID | None,
    record: Do,
    send: Callable[[], Awaitable[Sent]],
) -> t.CommandResult:
    """Record what starts or extends a flight, then send it. A command seen before is not sent again."""
    taken = await command(info, name, command_id, record)
    if not isinstance(taken, t.Accepted) or taken.replayed:
        return taken
    try:
        sent = await send()
    except GatewayUnavailable as away:
        return t.Unavailable(
            command_id=taken.command_id,
            code=away.code,
            message=f"{GATEWAY_AWAY}: {away}",
            retry_after_seconds=5,
        )
    taken.outcome, taken.sent_at = sent.outcome.value, sent.sent_at
    return taken


async def give_safety_order(
    info: strawberry.Info, order: SafetyOrder, flight: str, reason: str, command_id: strawberry.ID | None
) -> t.CommandResult:
    """Send first. Only whether this person may is asked before, and that of what is known without the store."""
    context = context_of(info)
    services = context.services
    identity = services.handler.ids.event_id()
    if command_id is not None:
        # A slip in the form must not keep a drone in the air.
        with suppress(ValueError):
            identity = UUID(str(command_id))
    actor = context.whoever()
    # Roles last read decide while the store is away; a person it could never be asked about may bring a drone home.
    nothing_known = context.store_away and not actor.roles
    if not nothing_known and not services.flights.may_order(actor, order, flight):
        if context.store_away:
            return result(identity, STORE_AWAY)
        return result(identity, await asyncio.to_thread(services.flights.deny_order, actor, flight, order, identity))
    try:
        sent = await services.gateway.safety(flight, order, actor, reason, identity)
    except GatewayUnavailable as away:
        at = services.handler.clock.now()
        detail = f"the gateway did not take the order: {away}"
        # That nothing was sent is told at once: it does not wait for a store that is away as well.
        recorded: handling.Outcome = STORE_AWAY
        if not context.store_away:
            recorded = await asyncio.to_thread(
                services.flights.record_safety_order, actor, flight, order, at, OrderOutcome.UNKNOWN, detail, identity
            )
        match recorded:
            case handling.Accepted(position=position):
                told_at = f"that it was given is on the record at position {position}"
            case handling.Unavailable():
                told_at = "nor is it on the record, for the event store does not answer either"
            case _:
                return result(identity, recorded)
        return result(identity, handling.Unavailable(away.code, f"NOT SENT: {detail}; {told_at}", 1))
    told = result(identity, sent.recorded or handling.Accepted(f"flight-{flight}", flight))
    if isinstance(told, t.Accepted):
        told.outcome, told.sent_at = sent.outcome.value, sent.sent_at
        told.recorded = sent.recorded is not None
    return told
