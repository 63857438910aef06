"""The live board in GraphQL: rows of the read model, in the field's words."""

from __future__ import annotations

from datetime import UTC, datetime

import strawberry

from api.graphql import types as t
from api.graphql.audit import page_size
from api.graphql.context import Context, context_of
from projections.live_board import queries as q


def telemetry(sample: q.Telemetry | None) -> t.Telemetry | None:
    if sample is None or sample.latitude is None or sample.longitude is None:
        return None
    return t.Telemetry(
        at=sample.received_at,
        device_time=sample.device_time,
        place=t.Place(latitude=sample.latitude, longitude=sample.longitude),
        agl_m=sample.agl_m or 0.0,
        amsl_m=sample.amsl_m,
        heading_deg=sample.heading_deg,
        ground_speed_mps=sample.ground_speed_mps,
        climb_mps=sample.climb_mps,
        battery_percent=sample.battery_percent,
        mode=sample.mode,
        armed=sample.armed,
        link="up" if sample.linked else "lost",
        authenticated=sample.authentication == "authenticated",
        camera_pitch_deg=sample.camera_pitch_deg,
    )


def call(row: q.Call) -> t.Call:
    return t.Call(
        number=strawberry.ID(row.call_number),
        call_type=row.call_type,
        priority=row.priority,
        place=t.Place(latitude=row.latitude, longitude=row.longitude),
        received_at=row.received_at,
        state=row.state,
        units=list(row.units),
        first_unit_arrived_at=row.first_unit_arrived_at,
        flight_ids=[strawberry.ID(flight) for flight in row.flights],
        observations=[observation(seen, row.call_number) for seen in row.observations],
    )


def observation(row: q.Observation, call_number: str) -> t.Observation:
    return t.Observation(
        id=strawberry.ID(row.observation),
        kind=row.kind,
        place=t.Place(latitude=row.latitude, longitude=row.longitude)
        if row.latitude is not None and row.longitude is not None
        else None,
        observed_at=row.observed_at,
        reported_by=t.Person(id=strawberry.ID(row.reported_by), name=row.reported_by_name or row.reported_by),
        call=call_number,
    )


def drone(row: q.Drone) -> t.Drone:
    return t.Drone(
        id=strawberry.ID(row.drone),
        registration=row.registration,
        model=row.model,
        dock_id=strawberry.ID(row.dock),
        status=row.status,
        flight_id=strawberry.ID(row.flight) if row.flight else None,
        telemetry=telemetry(row.telemetry),
    )


def flight(row: q.Flight) -> t.Flight:
    return t.Flight(
        id=strawberry.ID(row.flight),
        state=row.phase,
        purpose=row.purpose,
        call_number=row.call_number,
        case_number=row.case_number,
        pilot=t.Person(id=strawberry.ID(row.pilot), name=row.pilot_name or row.pilot),
        requested_by=t.Person(id=strawberry.ID(row.requested_by), name=row.requested_by_name or row.requested_by),
        drone_id=strawberry.ID(row.drone),
        dock_id=strawberry.ID(row.dock),
        destination=t.Place(latitude=row.destination_latitude, longitude=row.destination_longitude),
        requested_at=row.requested_at,
        authorised_at=row.authorised_at,
        authorisation_expires_at=row.authorisation_expires_at,
        launched_at=row.launched_at,
        arrived_at=row.arrived_at,
        return_ordered_at=row.return_ordered_at,
        landed_at=row.landed_at,
        max_agl_m=row.max_agl_m,
        link_lost=bool(row.link_lost),
        recording=row.recording,
        reasons=[
            t.Reason(code=r.code, message=r.message, rule=r.rule, field=r.field, accepted=r.accepted)
            for r in row.reasons or ()
        ],
        policy_version=row.policy_version,
        telemetry=telemetry(row.telemetry),
    )


async def board(info: strawberry.Info) -> t.Board:
    """Raises Unreadable where the reader may not see the board."""
    context = context_of(info)
    context.require("read_board")
    async with context.reading() as connection:
        found = await q.board(connection, datetime.now(UTC))
    return t.Board(
        position=t.Position(found.checkpoint.position),
        lag=found.checkpoint.lag,
        applied_at=found.checkpoint.applied_at,
        incomplete_streams=[strawberry.ID(stream) for stream in found.checkpoint.incomplete],
        calls=[call(row) for row in found.calls],
        docks=[
            t.Dock(id=strawberry.ID(d.dock), name=d.name, place=t.Place(latitude=d.latitude, longitude=d.longitude))
            for d in found.docks
        ],
        drones=[drone(row) for row in found.drones],
        flights=[flight(row) for row in found.flights],
    )


def _flights_are_read(context: Context) -> None:
    """Who works the watch sees the board; oversight reads the record of every flight. Raises Unreadable."""
    if not context.may("read_audit_trail"):
        context.require("read_board")


async def one_flight(info: strawberry.Info, key: str) -> t.Flight | None:
    context = context_of(info)
    _flights_are_read(context)
    async with context.reading() as connection:
        _, found = await q.flight(connection, key)
    return flight(found) if found else None


async def flights(info: strawberry.Info, first: int | None, after: str | None) -> t.FlightConnection:
    """Newest request first. Cursors are flights' ids."""
    context = context_of(info)
    _flights_are_read(context)
    size, _ = page_size(first, None)
    async with context.reading() as connection:
        page = await q.flights(connection, first=size or 1, after=after)
    edges = [t.FlightEdge(cursor=row.flight, node=flight(row)) for row in page.flights]
    return t.FlightConnection(
        edges=edges,
        page_info=t.PageInfo(
            has_next_page=page.has_next,
            has_previous_page=after is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
        position=t.Position(page.checkpoint.position),
    )
