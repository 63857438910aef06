"""Privacy overrides on the real store with a stepped clock: from the request to the end that comes by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from adapters.geometry import CountyGeometry
from application.deadlines import Change, Due, NotDue, act_of, changes, command_id
from application.fleet import Fleet
from application.flights import Flights
from application.handling import Accepted, Actor, Attempt, Mistaken, Outcome, Recorded, Refused
from application.overrides import EXPIRY, Overrides, as_overridden, override_of
from application.standing import authorise, service
from application.zones import Zones
from domain.dock import CommissionDock
from domain.drone import RegisterDrone
from domain.flight import FLIGHT
from domain.flight_commands import RecordZoneEntry
from domain.flight_events import Observation, ZoneRule
from domain.kernel import AirPosition, CaseNumber, DockId, DroneId, FlightId, PersonId, Place, StreamId
from domain.launch import Conditions, Finding, Go, LaunchPlan
from domain.legal_basis import BasisKind, LegalBasis
from domain.person import Role
from domain.privacy_override import OverridePlan
from domain.privacy_override_events import OverrideExpired, OverrideUsed, Range, Verdict
from domain.privacy_zone import DrawZone, Shape
from tests.application.small_center import ADMIN, CAPTAIN, SmallCenter, done, small_center

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
CORNERS = (Place(34.0918, -118.3516), Place(34.0918, -118.3507), Place(34.0912, -118.3507), Place(34.0912, -118.3516))
POOL = Shape((*CORNERS, CORNERS[0]), 60.0, ZoneRule.NO_RECORD)
WARRANT = LegalBasis(BasisKind.WARRANT, "26-SW-0417", "Superior Court of Los Angeles")
REASON, THREAT = "a burglar went over the pool's wall", "a child is in the water and cannot swim"


class Pool:
    """A center with a zone over a pool, a deputy, a sergeant and an auditor's colleague."""

    def __init__(self, center: SmallCenter) -> None:
        self.center = center
        self.overrides = Overrides(center.handler)
        zones = Zones(center.handler)
        zones.geometry = CountyGeometry()
        why = "people swim here and may expect not to be watched"
        captain = center.signed_on(CAPTAIN)
        done(zones.change(captain, "pool", DrawZone("Pool", POOL, why, PersonId(CAPTAIN))))
        self.deputy = center.signed_on(center.enrolled("dee", Role.WATCH_OPERATOR))
        self.sergeant = center.signed_on(center.enrolled("sam", Role.WATCH_SUPERVISOR))
        self.flight, self.other_flight = asked_for(center, self.deputy), asked_for(center, self.deputy)

    def plan(self, **changed: object) -> OverridePlan:
        now = self.center.clock.now()
        asked = OverridePlan(
            "",
            StreamId("zone-pool"),
            Range(now, now + 2 * HOUR),
            "call_for_service",
            30,
            case=CaseNumber("C-7"),
            flight=FlightId(self.flight),
        )
        return replace(asked, **changed)  # type: ignore[arg-type]

    def granted(self) -> str:
        key = done(self.overrides.request(self.deputy, self.plan(), WARRANT, REASON)).key
        done(self.overrides.approve(self.sergeant, key))
        return key

    def deadlines(self, key: str) -> list[Change]:
        found: dict[str, Change] = {}
        for recorded in self.center.events(f"override-{key}"):
            found.update({change.kind: change for change in changes(recorded)})
        return [change for change in found.values() if change.kind == EXPIRY]

    def entered(self, override: str | None, zone: str = "pool", flight: str = "") -> RecordZoneEntry:
        """What goes on the record of a flight whose drone entered the zone just now, by the gateway's word."""
        stream = FLIGHT.stream(flight or self.flight)
        now = self.center.clock.now()
        seen = Observation(AirPosition(34.0915, -118.351, 120.0, 40.0), None, now)
        asked = RecordZoneEntry(zone, ZoneRule.NO_RECORD, override, seen)
        told: list[RecordZoneEntry] = []

        def use(attempt: Attempt) -> Recorded:
            authorise(attempt, "record_flight_observation", stream)
            told.append(as_overridden(attempt, stream, asked))
            return Accepted(stream, "entered")

        handler, gateway = self.center.handler, service("service-drone-gateway")
        done(handler.handle(gateway, handler.ticket("enter", str(uuid4()), gateway, None), use))
        return told[-1]


def asked_for(center: SmallCenter, deputy: Actor) -> str:
    """A flight on the record, whatever became of its launch."""
    admin, by, home = center.signed_on(ADMIN), PersonId(ADMIN), Place(34.0845, -118.3834)
    dock, drone, go = DockId(f"roof-{uuid4()}"), DroneId(f"d-{uuid4()}"), Finding(Go.GO, "the station")
    done(Fleet(center.handler).commission_dock(admin, CommissionDock(dock, "Station roof", home, 80.0, by)))
    frame = RegisterDrone(drone, "FA3XYZ", str(uuid4())[:20], "copter", dock, 1, None, by)
    done(Fleet(center.handler).register(admin, frame))
    plan = LaunchPlan(
        drone=drone,
        dock=dock,
        purpose="training",
        pilot=PersonId("pia"),
        destination=Place(34.0915, -118.351),
        cruise_agl_m=40.0,
        reason="practice of the station",
        conditions=Conditions(go, go, go),
        authorisation="training plan 7",
    )
    asked = Flights(center.handler).request(deputy, plan)
    assert isinstance(asked, Accepted | Refused), asked
    return asked.stream.removeprefix("flight-")


@pytest.fixture
def pool(database_url: str) -> Iterator[Pool]:
    with small_center(database_url) as center:
        yield Pool(center)


def code(outcome: Outcome) -> str:
    assert isinstance(outcome, Refused), outcome
    return outcome.reasons[0].code


@pytest.mark.rule("override.ends")
def test_an_override_ends_by_itself_at_its_time_and_once(pool: Pool) -> None:
    key = pool.granted()
    (due,) = pool.deadlines(key)
    assert due == Due(EXPIRY, f"override-{key}", pool.center.clock.now() + 30 * MINUTE)
    for _ in range(2):
        done(act_of(due.kind)(pool.center.handler, due, uuid4()))  # too early: nothing happens
    pool.center.clock.step(30 * MINUTE)
    for _ in range(2):
        done(act_of(due.kind)(pool.center.handler, due, command_id(due)))
    done(act_of(due.kind)(pool.center.handler, due, uuid4()))
    last = pool.center.events(f"override-{key}")[-1]
    assert last.event == OverrideExpired(due.at, 0) and last.envelope.actorid == "service-scheduler"
    assert pool.deadlines(key) == [NotDue(EXPIRY, f"override-{key}")]


def test_a_request_that_waits_has_a_deadline_too(pool: Pool) -> None:
    key = done(pool.overrides.request(pool.deputy, pool.plan(), WARRANT, REASON)).key
    (due,) = pool.deadlines(key)
    assert isinstance(due, Due) and due.at == pool.center.clock.now() + HOUR
    pool.center.clock.step(HOUR)
    assert isinstance(pool.overrides.approve(pool.sergeant, key), Mistaken | Refused)
    done(act_of(due.kind)(pool.center.handler, due, command_id(due)))
    assert pool.deadlines(key) == [NotDue(EXPIRY, f"override-{key}")]


def test_nobody_approves_their_own_override(pool: Pool) -> None:
    key = done(pool.overrides.request(pool.sergeant, pool.plan(), WARRANT, REASON)).key
    told = pool.overrides.approve(pool.sergeant, key)
    assert code(told) == "not_permitted" and isinstance(told, Refused)
    assert told.decided_by.startswith("nobody-approves-own-request")
    assert code(pool.overrides.approve(pool.deputy, key)) == "not_permitted"


def test_an_approval_needs_a_step_up_and_break_glass_does_not(pool: Pool) -> None:
    key = done(pool.overrides.request(pool.deputy, pool.plan(), WARRANT, REASON)).key
    unsure = pool.center.signed_on("sam", step_up=False)
    assert code(pool.overrides.approve(unsure, key)) == "step_up_required"
    assert done(pool.overrides.invoke_emergency(unsure, pool.plan(case=None), THREAT))


def test_the_drone_gateway_uses_an_override_of_a_zone_on_the_record(pool: Pool) -> None:
    key = pool.granted()
    assert pool.entered(key).override == key
    used = pool.center.events(f"override-{key}")[-1]
    assert isinstance(used.event, OverrideUsed)
    assert (used.event.through, used.event.used_by) == (f"flight-{pool.flight}", "service-drone-gateway")


def test_in_doubt_a_zone_protects(pool: Pool) -> None:
    key, waiting = pool.granted(), done(pool.overrides.request(pool.deputy, pool.plan(), WARRANT, REASON)).key
    for override, zone in ((None, "pool"), (key, "yard"), (waiting, "pool"), ("never-asked-for", "pool")):
        assert pool.entered(override, zone).override is None
    pool.center.clock.step(30 * MINUTE)  # it has ended, also while nobody has recorded that
    assert pool.entered(key).override is None
    assert not any(isinstance(r.event, OverrideUsed) for r in pool.center.events(f"override-{key}"))


def test_a_zone_that_is_lifted_for_one_flight_protects_from_every_other(pool: Pool) -> None:
    broken = done(pool.overrides.invoke_emergency(pool.deputy, pool.plan(), THREAT)).key
    for key in (pool.granted(), broken):
        assert pool.entered(key, flight=pool.other_flight).override is None
        assert not any(isinstance(r.event, OverrideUsed) for r in pool.center.events(f"override-{key}"))
        assert pool.entered(key).override == key


def test_an_override_of_a_zone_names_a_flight_that_is_on_the_record(pool: Pool) -> None:
    for flight in (None, FlightId(str(uuid4())), FlightId("not a flight")):
        plan = pool.plan(flight=flight)
        tries = [
            pool.overrides.request(pool.deputy, plan, WARRANT, REASON),
            pool.overrides.invoke_emergency(pool.deputy, plan, THREAT),
        ]
        for told in tries:
            assert isinstance(told, Mistaken) and told.field == "flight"


def test_break_glass_is_recorded_first_then_works_and_says_what_was_said(pool: Pool) -> None:
    key = done(pool.overrides.invoke_emergency(pool.deputy, pool.plan(case=None), THREAT)).key
    assert pool.entered(key).override == key
    said = pool.overrides.said(key)
    assert said is not None and said.why == THREAT
    justification = "the child was in the water, and the zone hid the pool"
    done(pool.overrides.justify(pool.deputy, key, justification, LegalBasis(BasisKind.EXIGENCY)))
    said = pool.overrides.said(key)
    assert said is not None and said.justification == justification
    assert pool.overrides.said("nothing") is None


def test_only_oversight_reviews(pool: Pool) -> None:
    key = pool.granted()
    pool.center.clock.step(HOUR)
    for who in (pool.deputy, pool.sergeant, pool.center.signed_on(CAPTAIN)):
        told = pool.overrides.review(who, key, Verdict.IN_ORDER, "used once, for the case it names")
        assert code(told) == "not_permitted"


def test_an_override_that_ends_between_question_and_append_wins(pool: Pool) -> None:
    key = pool.granted()
    lapse = [True]

    def use(attempt: Attempt) -> Recorded:
        authorise(attempt, "record_flight_observation", "flight-f1")
        active = override_of(attempt, key).active
        if lapse.pop() if lapse else False:
            pool.center.clock.step(30 * MINUTE)
            done(pool.overrides.expire(service("service-scheduler"), key, uuid4()))
            assert active
        return Accepted("flight-f1", "active" if active else "ended")

    handler, gateway = pool.center.handler, service("service-drone-gateway")

    def asked() -> Outcome:
        return handler.handle(gateway, handler.ticket("look", str(uuid4()), gateway, None), use)

    assert done(asked()).key == "ended"
