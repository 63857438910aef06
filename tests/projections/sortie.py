"""One sortie's events, as the streams would hold them."""

from datetime import timedelta
from itertools import zip_longest

from domain import call, dock, drone, person
from domain import flight_events as f
from domain.kernel import AirPosition, CallNumber, DockId, DroneId, FlightId, Personal, PersonId, Place
from domain.launch import Conditions, Finding, Go
from tests.projections.log import START

Events = list[tuple[str, object]]
SCENE = Place(34.0901, -118.3617)


def air(agl: float) -> AirPosition:
    return AirPosition(34.0845, -118.3834, 80 + agl, agl)


def fleet(drone_id: str = "d1") -> Events:
    commander = PersonId("p-cook")
    return [
        ("person-p-adams", person.Enrolled("Ann Adams", person.Organisation.LASD_WEST_HOLLYWOOD, "a@x.org", commander)),
        ("dock-roof", dock.DockCommissioned("Station roof", Place(34.0845, -118.3834), 80.0, commander)),
        (
            f"drone-{drone_id}",
            drone.DroneRegistered("N107WH", "1596F", "X10", DockId("roof"), 1, None, commander),
        ),
        (f"drone-{drone_id}", drone.DroneReadied(98.0, PersonId("p-adams"))),
    ]


def received(number: str) -> Events:
    subject = f"call-{number}"
    stamp = (START, 1, START, None)
    return [
        (
            subject,
            call.CallReceived(
                "459", 2, SCENE, Personal(subject, "100 Some St"), None, Personal(subject, "window broken"), *stamp
            ),
        ),
        (subject, call.UnitDispatched("22A", START, 2, START, None)),
        (subject, call.UnitArrived("22A", START + timedelta(minutes=4), 3, START, None)),
    ]


def flown(flight: str, number: str | None = None, drone_id: str = "d1") -> Events:
    stream, carrier = f"flight-{flight}", f"drone-{drone_id}"
    pilot, id_ = PersonId("p-adams"), DroneId(drone_id)
    request = f.LaunchRequested(
        drone=id_,
        dock=DockId("roof"),
        purpose="call_for_service",
        call=CallNumber(number) if number else None,
        case=None,
        authorisation=None,
        pilot=pilot,
        pilot_certificate="4123",
        destination=SCENE,
        cruise_agl_m=60.0,
        reason=Personal(stream, "man on the roof"),
        airspace=None,
        separation=None,
        conditions=Conditions(*3 * (Finding(Go.GO, "test"),)),
        accepted_unknowns=(),
        policy_version=None,
        requested_by=pilot,
        awaits_until=START + timedelta(minutes=30),
    )
    later = START + timedelta(minutes=1)
    return [
        (stream, request),
        (stream, f.LaunchAuthorised(id_, None, START + timedelta(minutes=10), "rule")),
        (carrier, drone.DroneAssigned(FlightId(flight))),
        (stream, f.DroneLaunched(id_, air(2), None, START, None, True)),
        (stream, f.ArrivedOnScene(air(60), None, later, None)),
        (stream, f.LinkLost(later, air(60))),
        (stream, f.LinkRestored(later, 4.0, air(59))),
        (stream, f.ReturnOrdered(pilot, later, drone.OrderOutcome.ACCEPTED, "", False)),
        (stream, f.DroneLanded(id_, air(0), None, later, None, 60.0, 300.0)),
        (carrier, drone.DroneReleased(FlightId(flight), True)),
    ]


def interleaved(*several: Events) -> Events:
    return [event for events in zip_longest(*several) for event in events if event is not None]
