"""Go or no-go: the pilot's word on what no source could tell."""

from __future__ import annotations

import strawberry

from api.graphql import types as t
from api.graphql.commands import command
from api.graphql.context import context_of

Id = strawberry.ID


@strawberry.type
class ConditionMutations:
    @strawberry.mutation(
        description="The pilot in command accepts unknown conditions (weather, traffic, airspace) of a launch that"
        " waits for it. Where the policy asks for no second person the launch is then authorised."
    )
    async def accept_unknowns(
        self, info: strawberry.Info, flight: Id, conditions: list[str], reason: str, command_id: Id | None = None
    ) -> t.CommandResult:
        flights = context_of(info).services.flights
        return await command(
            info,
            "accept_unknowns",
            command_id,
            lambda who, id_: flights.accept_unknowns(who, flight, conditions, reason, id_),
        )
