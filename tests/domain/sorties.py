"""A launch that nothing speaks against, and the events of a flight that went well: examples start from these."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from domain.call import CallStanding
from domain.drone import DroneStanding
from domain.flight import FLIGHT
from domain.flight_commands import RequestLaunch
from domain.flight_events import (
    ArrivedOnScene,
    DroneLanded,
    DroneLaunched,
    LaunchAuthorised,
    LaunchRequested,
    Observation,
)
from domain.kernel import (
    AirPosition,
    CallNumber,
    DockId,
    DroneId,
    FlightId,
    Personal,
    PersonId,
    Place,
    PolicyVersion,
)
from domain.launch import (
    AirspaceAuthority,
    AuthorityKind,
    Conditions,
    Finding,
    Go,
    LaunchFacts,
    LaunchPlan,
    Separation,
    SeparationMethod,
)
from domain.person import Organisation, PersonStanding, PilotStanding, Role
from domain.policy import RECORD_ALL_KEEP_30_DAYS, PolicyInForce
from domain.session import SessionStanding
from tests.domain.scenario import DAY, MINUTE, NOW, Scenario

given = Scenario(FLIGHT)
FLIGHT_ID, CALL = FlightId("01975f3a"), CallNumber("WH26-004217")
OPERATOR, PILOT, COMMANDER = PersonId("operator"), PersonId("pilot"), PersonId("commander")
DRONE, DOCK = DroneId("weho-1"), DockId("station-roof")
SCENE, OVERHEAD = Place(34.0907, -118.3694), AirPosition(34.0907, -118.3694, 141.5, 76.2)
LASD = Organisation.LASD_WEST_HOLLYWOOD

policy = PolicyInForce(PolicyVersion(1), RECORD_ALL_KEEP_30_DAYS, "c" * 64, NOW - DAY)
go = Finding(Go.GO, "aviationweather.gov")
unknown = Finding(Go.UNKNOWN, "ADS-B receiver")
airspace = AirspaceAuthority(AuthorityKind.COA, "2026-WSA-1234", "2", NOW.date())
plan = LaunchPlan(
    drone=DRONE,
    dock=DOCK,
    purpose="call_for_service",
    pilot=PILOT,
    destination=SCENE,
    cruise_agl_m=76.2,
    reason="burglary in progress",
    conditions=Conditions(go, go, go),
    call=CALL,
    airspace=airspace,
    separation=Separation(SeparationMethod.VISUAL_OBSERVER, "R. Ono"),
)
session = SessionStanding("s1", OPERATOR, True, NOW + MINUTE)
facts = LaunchFacts(
    session=session,
    pilot=PilotStanding(PILOT, "Jo Park", True, False, True, "4827193", NOW.date(), False),
    drone=DroneStanding(DRONE, True, True, DOCK),
    call=CallStanding(CALL, True, True, "459 burglary", SCENE),
    policy=policy,
)
request = RequestLaunch(FLIGHT_ID, plan, facts, OPERATOR)
commander = PersonStanding(COMMANDER, True, "Kim Doyle", LASD, frozenset({Role.STATION_COMMANDER}), True)
operator = PersonStanding(OPERATOR, True, "Jordan Lee", LASD, frozenset({Role.WATCH_OPERATOR}), True)
commanders_session = SessionStanding("s2", COMMANDER, True, NOW + 30 * MINUTE)


def asking(**changed: Any) -> RequestLaunch:
    """The request with another plan."""
    return replace(request, plan=replace(plan, **changed))


def knowing(**changed: Any) -> RequestLaunch:
    """The request with other facts."""
    return replace(request, facts=replace(facts, **changed))


requested = LaunchRequested(
    drone=DRONE,
    dock=DOCK,
    purpose="call_for_service",
    call=CALL,
    case=None,
    authorisation=None,
    pilot=PILOT,
    pilot_certificate="4827193",
    destination=SCENE,
    cruise_agl_m=76.2,
    reason=Personal("call-WH26-004217", "burglary in progress"),
    airspace=airspace,
    separation=plan.separation,
    conditions=plan.conditions,
    accepted_unknowns=(),
    policy_version=PolicyVersion(1),
    requested_by=OPERATOR,
    awaits_until=NOW + 10 * MINUTE,
)
authorised = LaunchAuthorised(DRONE, None, NOW + 10 * MINUTE, "purpose call_for_service, use policy 1")
seen = Observation(OVERHEAD, NOW, NOW)
launched = DroneLaunched(DRONE, OVERHEAD, NOW, NOW, None, True)
arrived = ArrivedOnScene(OVERHEAD, NOW + MINUTE, NOW + MINUTE, None)
landed = DroneLanded(DRONE, OVERHEAD, NOW + 9 * MINUTE, NOW + 9 * MINUTE, None, 91.4, 540.0)

en_route = given(requested, authorised, launched)
on_scene = given(requested, authorised, launched, arrived)
back = given(requested, authorised, launched, arrived, landed)
tactical = replace(requested, purpose="tactical_operation")
waiting = given(tactical)
