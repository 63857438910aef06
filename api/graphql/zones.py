"""Privacy zones: on the map, and drawn, redrawn and retired."""

from __future__ import annotations

from datetime import datetime

import strawberry

from api.graphql import types as t
from api.graphql.commands import chosen, command
from api.graphql.context import context_of
from domain.flight_events import ZoneRule
from domain.kernel import PersonId, Place
from domain.privacy_zone import DrawZone, RedrawZone, RetireZone, Shape
from projections.privacy_zones import queries as q

Id = strawberry.ID


@strawberry.type
class PrivacyZone:
    """Ground over which people may expect not to be watched, up to a height in metres above it."""

    id: Id
    name: str
    outline: list[t.Place] = strawberry.field(description="the last point is the first one again")
    ceiling_agl_m: float
    rule: str = strawberry.field(description="no_record | no_view | mask")
    drawn_at: datetime
    changed_at: datetime | None
    reason: str = strawberry.field(description="of the last change")
    retired_at: datetime | None


@strawberry.type
class PrivacyZones:
    position: t.Position
    zones: list[PrivacyZone]


@strawberry.type
class ZoneQueries:
    @strawberry.field(description="The privacy zones in force; with `retired`, those of the past too.")
    async def privacy_zones(
        self, info: strawberry.Info, retired: bool = False, after_position: t.Position | None = None
    ) -> PrivacyZones:
        context = context_of(info)
        context.require("read_privacy_zones")
        await context.applied("privacy_zones", after_position)
        async with context.reading() as connection:
            found = await q.zones(connection, retired=retired)
        return PrivacyZones(
            position=t.Position(found.checkpoint.position),
            zones=[
                PrivacyZone(
                    id=Id(zone.zone),
                    name=zone.name,
                    outline=[t.Place(latitude=p.latitude, longitude=p.longitude) for p in zone.outline],
                    ceiling_agl_m=zone.ceiling_agl_m,
                    rule=zone.rule,
                    drawn_at=zone.drawn_at,
                    changed_at=zone.changed_at,
                    reason=zone.reason,
                    retired_at=zone.retired_at,
                )
                for zone in found.zones
            ],
        )


@strawberry.input
class ZoneShapeInput:
    outline: list[t.PlaceInput] = strawberry.field(description="closed: the last point is the first one again")
    ceiling_agl_m: float
    rule: str = strawberry.field(description="no_record | no_view | mask")


def _shape(asked: ZoneShapeInput) -> Shape:
    outline = tuple(Place(p.latitude, p.longitude) for p in asked.outline)
    return Shape(outline, asked.ceiling_agl_m, chosen(ZoneRule, asked.rule, "rule"))


@strawberry.type
class ZoneMutations:
    @strawberry.mutation(description="Draw a privacy zone. The outline must be a valid polygon within the county.")
    async def draw_privacy_zone(
        self,
        info: strawberry.Info,
        zone: Id,
        name: str,
        shape: ZoneShapeInput,
        reason: str,
        command_id: Id | None = None,
    ) -> t.CommandResult:
        zones = context_of(info).services.zones
        return await command(
            info,
            "draw_privacy_zone",
            command_id,
            lambda who, id_: zones.change(
                who, str(zone), DrawZone(name, _shape(shape), reason, PersonId(who.person)), id_
            ),
        )

    @strawberry.mutation(description="Change a privacy zone's outline, height or rule. Needs a step-up.")
    async def redraw_privacy_zone(
        self, info: strawberry.Info, zone: Id, shape: ZoneShapeInput, reason: str, command_id: Id | None = None
    ) -> t.CommandResult:
        zones = context_of(info).services.zones
        return await command(
            info,
            "redraw_privacy_zone",
            command_id,
            lambda who, id_: zones.change(who, str(zone), RedrawZone(_shape(shape), reason, PersonId(who.person)), id_),
        )

    @strawberry.mutation(description="Take a privacy zone out of force. Needs a step-up.")
    async def retire_privacy_zone(
        self, info: strawberry.Info, zone: Id, reason: str, command_id: Id | None = None
    ) -> t.CommandResult:
        zones = context_of(info).services.zones
        return await command(
            info,
            "retire_privacy_zone",
            command_id,
            lambda who, id_: zones.change(who, str(zone), RetireZone(reason, PersonId(who.person)), id_),
        )
