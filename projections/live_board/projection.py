"""Calls, docks, drones and flights as they are now, for the board. Nothing personal is kept here.

An event changes only rows of its own stream, so a parked stream leaves no other row behind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import msgspec

from application.codec import Recorded, to_builtins
from domain import call, dock, drone, flight_events, person
from domain.drone import OrderOutcome
from domain.kernel import AirPosition
from projections.engine.projection import Cursor, Park, Projection
from projections.engine.rows import Patches, patch, upsert
from projections.live_board.phases import MOVING, UNMOVED, Moves, then


@dataclass(slots=True)
class Changes:
    people: Patches = field(default_factory=dict)
    calls: Patches = field(default_factory=dict)
    units: Patches = field(default_factory=dict)
    observations: Patches = field(default_factory=dict)
    shared_feeds: Patches = field(default_factory=dict)
    docks: Patches = field(default_factory=dict)
    drones: Patches = field(default_factory=dict)
    flights: Patches = field(default_factory=dict)
    moves: dict[str, Moves] = field(default_factory=dict)


def changes(batch: Sequence[Recorded]) -> Changes:
    into = Changes()
    for recorded in batch:
        aggregate, _, key = recorded.stream.partition("-")
        _APPLY[aggregate](into, key, recorded)
    return into


def write(cursor: Cursor, changes: Changes) -> None:
    upsert(cursor, "people", "person", changes.people)
    upsert(cursor, "calls", "call_number", changes.calls)
    upsert(cursor, "units", "id", changes.units)
    upsert(cursor, "observations", "observation", changes.observations)
    upsert(cursor, "shared_feeds", "id", changes.shared_feeds)
    upsert(cursor, "docks", "dock", changes.docks)
    upsert(cursor, "drones", "drone", changes.drones)
    upsert(cursor, "flights", "flight", changes.flights)
    if changes.moves:
        cursor.execute(
            "UPDATE flights SET phase = moves.value->>flights.phase"
            " FROM jsonb_each(%s::jsonb) AS moves WHERE flights.flight = moves.key",
            (msgspec.json.encode(changes.moves).decode(),),
        )


# -- one kind of stream each ---------------------------------------------------


def _person(into: Changes, key: str, recorded: Recorded) -> None:
    patch(into.people, key, name=recorded.event.name)


def _call(into: Changes, key: str, recorded: Recorded) -> None:
    match event := recorded.event:
        case call.CallReceived() | call.CallCorrected():
            where = event.place
            patch(into.calls, key, latitude=where.latitude, longitude=where.longitude, received_at=event.received_at)
    match event:
        case call.CallReceived() | call.CallReclassified():
            patch(into.calls, key, call_type=event.call_type, priority=event.priority)
        case call.UnitDispatched(unit, dispatched_at):
            _unit(into, key, unit, dispatched_at=dispatched_at, arrived_at=None, cancelled_at=None)
        case call.UnitArrived(unit, arrived_at):
            _unit(into, key, unit, arrived_at=arrived_at)
        case call.UnitCancelled(unit, cancelled_at):
            _unit(into, key, unit, cancelled_at=cancelled_at)
        case call.CallClosed(disposition, closed_at):
            patch(into.calls, key, disposition=disposition, closed_at=closed_at, last_closed=recorded.position)
        case call.CallReopened():
            patch(into.calls, key, disposition=None, closed_at=None)
        case call.FeedSharedWithIncident(feed):
            since = {"shared_at": recorded.envelope.time, "shared_position": recorded.position}
            patch(into.shared_feeds, f"{key}/{feed}", call_number=key, feed=feed, ended=False, **since)
        case call.FeedSharingEnded(feed):
            patch(into.shared_feeds, f"{key}/{feed}", call_number=key, feed=feed, ended=True)
        case call.ObservationReported(observation, kind, _, place, observed_at, by):
            spot = {"latitude": place.latitude, "longitude": place.longitude} if place else {}
            seen = {"call_number": key, "kind": kind, "observed_at": observed_at, "reported_by": by}
            patch(into.observations, observation, **seen, **spot)


def _unit(into: Changes, call_number: str, unit: str, **times: Any) -> None:
    patch(into.units, f"{call_number}/{unit}", call_number=call_number, unit=unit, **times)


def _dock(into: Changes, key: str, recorded: Recorded) -> None:
    event: dock.DockCommissioned = recorded.event
    where = event.place
    patch(into.docks, key, name=event.name, latitude=where.latitude, longitude=where.longitude, amsl_m=event.amsl_m)


def _drone(into: Changes, key: str, recorded: Recorded) -> None:
    match event := recorded.event:
        case drone.DroneRegistered():
            patch(
                into.drones,
                key,
                registration=event.registration,
                remote_id_serial=event.remote_id_serial,
                model=event.model,
                dock=event.dock,
                ready=False,
                grounded_reason=None,
            )
        case drone.DroneReadied(battery_percent):
            patch(into.drones, key, ready=True, grounded_reason=None, battery_percent=battery_percent)
        case drone.DroneGrounded(reason):
            patch(into.drones, key, ready=False, grounded_reason=reason)
        case drone.DroneAssigned(flight):
            patch(into.drones, key, flight=flight)
        case drone.DroneReleased(flown=flown):
            patch(into.drones, key, flight=None, **({"ready": False} if flown else {}))


def _flight(into: Changes, key: str, recorded: Recorded) -> None:
    event, at = recorded.event, recorded.envelope.time
    if isinstance(event, flight_events.LaunchRequested):
        patch(into.flights, key, **_request(event), phase="requested", requested_at=at)
        return
    if type(event) in MOVING:
        into.moves[key] = then(into.moves.get(key, UNMOVED), event)
    where = getattr(event, "position", None)
    if isinstance(where, AirPosition):
        patch(
            into.flights,
            key,
            latitude=where.latitude,
            longitude=where.longitude,
            amsl_m=where.amsl_m,
            agl_m=where.agl_m,
        )
    match event:
        case flight_events.LaunchAuthorised():
            patch(
                into.flights,
                key,
                authorised_at=at,
                authorised_by=event.authorised_by,
                authorisation_expires_at=event.expires_at,
            )
        case flight_events.LaunchRefused(reasons=reasons):
            patch(into.flights, key, reasons=to_builtins(reasons))
        case flight_events.DroneLaunched():
            patch(into.flights, key, launched_at=event.observed_at, launch_authorised=event.authorised)
        case flight_events.ArrivedOnScene():
            patch(into.flights, key, arrived_at=event.observed_at)
        case flight_events.FlightRedirected(destination):
            patch(into.flights, key, **_destination(destination))
        case flight_events.FlightRepurposed():
            patch(
                into.flights,
                key,
                purpose=event.purpose,
                call_number=event.call,
                case_number=event.case,
                **_destination(event.destination),
            )
        case flight_events.ReturnOrdered() if event.outcome is not OrderOutcome.DENIED:
            patch(into.flights, key, return_ordered_at=event.ordered_at)
        case flight_events.LinkLost():
            patch(into.flights, key, link_lost=True)
        case flight_events.LinkRestored():
            patch(into.flights, key, link_lost=False)
        case flight_events.RecordingStarted():
            patch(into.flights, key, recording=True)
        case flight_events.RecordingStopped():
            patch(into.flights, key, recording=False)
        case flight_events.DroneLanded():
            patch(
                into.flights,
                key,
                landed_at=event.observed_at,
                duration_s=event.duration_s,
                max_agl_m=event.max_agl_m,
                link_lost=False,
            )


def _request(event: flight_events.LaunchRequested) -> dict[str, Any]:
    return {
        "purpose": event.purpose,
        "call_number": event.call,
        "case_number": event.case,
        "pilot": event.pilot,
        "requested_by": event.requested_by,
        "drone": event.drone,
        "dock": event.dock,
        "cruise_agl_m": event.cruise_agl_m,
        "policy_version": event.policy_version,
        "link_lost": False,
        "recording": False,
        **_destination(event.destination),
    }


def _destination(place: Any) -> dict[str, float]:
    return {"destination_latitude": place.latitude, "destination_longitude": place.longitude}


_APPLY: dict[str, Callable[[Changes, str, Recorded], None]] = {
    "person": _person,
    "call": _call,
    "dock": _dock,
    "drone": _drone,
    "flight": _flight,
}

_ALL_OF = (call.Event, flight_events.Event)
HANDLES: frozenset[type] = frozenset(
    {
        person.Enrolled,
        dock.DockCommissioned,
        drone.DroneRegistered,
        drone.DroneReadied,
        drone.DroneGrounded,
        drone.DroneAssigned,
        drone.DroneReleased,
        *(event for union in _ALL_OF for event in union.__args__),
    }
)

LIVE_BOARD: Projection[Changes] = Projection(
    name="live_board",
    version=2,
    tables=files(__package__).joinpath("tables.sql").read_text("utf-8"),
    handles=HANDLES,
    changes=changes,
    write=write,
    on_error=lambda failure: Park(),
)
