"""Whatever is asked, in whatever order: one drone has one active flight, and nothing is launched without authorisation.

The machine plays several flights of two drones against each other, as the application does: the facts of a decision
are read off the other streams, and what a flight's events mean for its drone is decided in the same step. Its checks
are a bookkeeping of their own, made of the events alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain import drone, flight_events
from domain.catalogue import aggregate_of
from domain.drone import DRONE, OrderOutcome, SafetyOrder, drone_standing
from domain.drone import Command as DroneCommand
from domain.flight import FLIGHT, drone_follows
from domain.flight_commands import (
    AuthoriseLaunch,
    Command,
    LapseLaunch,
    RecordArrival,
    RecordLanding,
    RecordLaunch,
    RecordSafetyOrder,
    RecordZoneEntry,
    RecordZoneExit,
    Redirect,
    Repurpose,
    RequestLaunch,
    StartRecording,
    WithdrawLaunch,
)
from domain.flight_events import (
    DroneLanded,
    DroneLaunched,
    FlightRedirected,
    FlightRepurposed,
    LaunchAuthorised,
    LaunchLapsed,
    LaunchRefused,
    LaunchRequested,
    LaunchWithdrawn,
    Observation,
    RecordingStarted,
    RecordingStopped,
    ZoneRule,
)
from domain.flight_state import (
    Authorised,
    EnRoute,
    Halted,
    Holding,
    Landing,
    NotRequested,
    OnScene,
    Requested,
    Returning,
    launch_permit,
)
from domain.kernel import DockId, DroneId, FlightId, Mistake
from domain.policy import COMMANDER_PURPOSES, PROHIBITED
from tests.domain.scenario import MINUTE, NOW
from tests.domain.sorties import (
    OPERATOR,
    OVERHEAD,
    PILOT,
    SCENE,
    airspace,
    commander,
    commanders_session,
    facts,
    plan,
    policy,
    session,
)

DRONES = [DroneId("weho-1"), DroneId("weho-2")]
FLIGHTS = [FlightId(f"f{n}") for n in range(5)]
PURPOSES = ["call_for_service"] * 4 + ["pursuit", "tactical_operation", "face_recognition"]
OBSTACLES = [None] * 4 + ["medical hold", "no step-up"]
drones, purposes = st.sampled_from(DRONES), st.sampled_from(PURPOSES)


def among(*states: type) -> st.SearchStrategy[FlightId]:
    """Mostly a flight in one of these states, so that long stories are told; now and then any flight."""

    def choose(machine: Any) -> st.SearchStrategy[FlightId]:
        fitting = [key for key in FLIGHTS if isinstance(machine.flight(key), states)]
        return st.sampled_from([*fitting * 3, *FLIGHTS])

    return st.runner().flatmap(choose)


new, waiting, cleared = among(NotRequested), among(Requested), among(Authorised, Halted)
flying = among(EnRoute, OnScene, Holding, Returning, Landing)
may_be_up = among(Authorised, EnRoute, OnScene)
on_their_way = among(EnRoute, Holding)


class Watch(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.at: datetime = NOW
        self.log: list[tuple[str, Any]] = []  # (stream, event) in the order of appending
        self.streams: dict[str, list[Any]] = defaultdict(list)
        self.states: dict[str, Any] = {}
        self.permitted: dict[FlightId, datetime] = {}  # when the gateway was told that it may

    # -- as the application does it -------------------------------------------

    def flight(self, key: FlightId) -> Any:
        return self.states.get(f"flight-{key}", FLIGHT.initial)

    def drone(self, key: DroneId) -> Any:
        return self.states.get(f"drone-{key}", DRONE.initial)

    def append(self, stream: str, events: list[Any]) -> None:
        aggregate = aggregate_of(stream)
        for event in events:
            self.states[stream] = aggregate.evolve(self.states.get(stream, aggregate.initial), event)
        self.streams[stream] += events
        self.log += [(stream, event) for event in events]

    def ask_flight(self, key: FlightId, command: Command) -> None:
        state = self.flight(key)
        try:
            events = FLIGHT.decide(command, state, self.at)
            requests = [e for e in [*self.streams[f"flight-{key}"], *events] if isinstance(e, LaunchRequested)]
            follows = [(requests[0].drone, c) for c in drone_follows(key, events)]
            drone_events = [(d, DRONE.decide(c, self.drone(d), self.at)) for d, c in follows]
        except Mistake:
            return
        self.append(f"flight-{key}", events)
        for followed, happened in drone_events:
            self.append(f"drone-{followed}", happened)

    def ask_drone(self, key: DroneId, command: DroneCommand) -> None:
        try:
            self.append(f"drone-{key}", DRONE.decide(command, self.drone(key), self.at))
        except Mistake:
            return

    # -- what may happen -------------------------------------------------------

    @initialize(steps=st.sampled_from([6, 5, 6, 3, 6, 0]))
    def two_drones_stand_in_their_dock_and_one_may_be_on_its_way(self, steps: int) -> None:
        for number, key in enumerate(DRONES, start=1):
            register = drone.RegisterDrone(
                key, f"FA{number}", f"S{number}", "M4TD", DockId("roof"), number, None, PILOT
            )
            self.ask_drone(key, register)
            self.ask_drone(key, drone.ReadyDrone(95.0, PILOT))
        first = FLIGHTS[0]
        opening: list[Callable[[], None]] = [
            lambda: self.a_launch_is_requested(first, DRONES[0], "call_for_service", None),
            lambda: self.a_launch_is_requested(FLIGHTS[1], DRONES[1], "tactical_operation", None),
            lambda: self.the_gateway_asks_for_its_permit(first),
            lambda: self.a_drone_takes_off(first, True),
            lambda: self.a_drone_arrives(first),
            lambda: self.recording_is_asked_for(first),
        ]
        for step in opening[:steps]:
            step()

    @rule(minutes=st.sampled_from([1, 2, 5, 11]))
    def time_passes(self, minutes: int) -> None:
        self.at += timedelta(minutes=minutes)

    @rule(key=drones)
    def a_drone_is_readied(self, key: DroneId) -> None:
        self.ask_drone(key, drone.ReadyDrone(95.0, PILOT))

    @rule(key=drones)
    def a_drone_is_grounded(self, key: DroneId) -> None:
        self.ask_drone(key, drone.GroundDrone("motor 3 is loud", PILOT))

    @rule(key=new, with_drone=drones, purpose=purposes, obstacle=st.sampled_from(OBSTACLES))
    def a_launch_is_requested(self, key: FlightId, with_drone: DroneId, purpose: str, obstacle: str | None) -> None:
        asked = replace(plan, drone=with_drone, dock=DockId("roof"), purpose=purpose)
        known = replace(
            facts,
            session=replace(session, stepped_up_until=None if obstacle == "no step-up" else self.at + MINUTE),
            pilot=replace(facts.pilot, medical_hold=obstacle == "medical hold"),
            drone=drone_standing(with_drone, self.drone(with_drone)),
        )
        self.ask_flight(key, RequestLaunch(key, replace(asked, airspace=airspace), known, OPERATOR))

    @rule(key=waiting, oneself=st.booleans())
    def a_launch_is_authorised(self, key: FlightId, oneself: bool) -> None:
        requests = [e for e in self.streams[f"flight-{key}"] if isinstance(e, LaunchRequested)]
        if not requests:
            return
        by = replace(commander, person=OPERATOR) if oneself else commander
        own = replace(commanders_session, person=by.person, stepped_up_until=self.at + MINUTE)
        with_drone = requests[0].drone
        known = replace(facts, session=own, drone=drone_standing(with_drone, self.drone(with_drone)))
        self.ask_flight(key, AuthoriseLaunch(by, known))

    @rule(key=cleared)
    def time_is_up_for_a_launch(self, key: FlightId) -> None:
        self.ask_flight(key, LapseLaunch())

    @rule(key=cleared)
    def a_launch_is_withdrawn(self, key: FlightId) -> None:
        self.ask_flight(key, WithdrawLaunch(OPERATOR, "false alarm"))

    @rule(key=cleared)
    def the_gateway_asks_for_its_permit(self, key: FlightId) -> None:
        if launch_permit(self.flight(key), self.at) is None:
            self.permitted.setdefault(key, self.at)

    @rule(key=cleared, commanded=st.booleans())
    def a_drone_takes_off(self, key: FlightId, commanded: bool) -> None:
        seen = Observation(OVERHEAD, self.at, self.at)
        self.ask_flight(key, RecordLaunch(seen, self.permitted.get(key) if commanded else None))

    @rule(key=on_their_way)
    def a_drone_arrives(self, key: FlightId) -> None:
        self.ask_flight(key, RecordArrival(Observation(OVERHEAD, None, self.at)))

    @rule(key=flying)
    def a_drone_lands(self, key: FlightId) -> None:
        self.ask_flight(key, RecordLanding(Observation(OVERHEAD, None, self.at), 80.0))

    @rule(key=flying)
    def a_drone_is_redirected(self, key: FlightId) -> None:
        self.ask_flight(key, Redirect(key, SCENE, 60.0, "ran south", OPERATOR, policy))

    @rule(key=flying, purpose=purposes, with_commander=st.booleans())
    def a_flight_is_repurposed(self, key: FlightId, purpose: str, with_commander: bool) -> None:
        own = replace(commanders_session, stepped_up_until=self.at + MINUTE)
        by = (commander, own) if with_commander else None
        call = facts.call
        assert call is not None
        job = Repurpose(
            key, purpose, call.call, None, None, airspace, SCENE, 60.0, "new job", OPERATOR, call, policy, by
        )
        self.ask_flight(key, job)

    @rule(key=flying)
    def recording_is_asked_for(self, key: FlightId) -> None:
        self.ask_flight(key, StartRecording(key, None, None, policy))

    @rule(key=flying, zone_rule=st.sampled_from(ZoneRule), leaves=st.booleans())
    def a_privacy_zone_is_crossed(self, key: FlightId, zone_rule: ZoneRule, leaves: bool) -> None:
        seen = Observation(OVERHEAD, None, self.at)
        self.ask_flight(key, RecordZoneExit("pool", seen) if leaves else RecordZoneEntry("pool", zone_rule, None, seen))

    @rule(key=may_be_up, order=st.sampled_from(SafetyOrder), outcome=st.sampled_from(OrderOutcome))
    def a_safety_order_was_given(self, key: FlightId, order: SafetyOrder, outcome: OrderOutcome) -> None:
        known = bool(self.streams[f"flight-{key}"])
        before = len(self.log)
        self.ask_flight(key, RecordSafetyOrder(order, PILOT, self.at, outcome))
        assert not known or len(self.log) > before, "a safety order is never refused"

    # -- what must never be ----------------------------------------------------

    @invariant()
    def one_drone_has_one_active_flight(self) -> None:
        active: dict[DroneId, set[str]] = defaultdict(set)
        drone_of: dict[str, DroneId] = {}
        for stream, event in self.log:
            match event:
                case LaunchRequested():
                    drone_of[stream] = event.drone
                case LaunchAuthorised():
                    active[drone_of[stream]].add(stream)
                case LaunchLapsed() | LaunchWithdrawn() | DroneLanded():
                    active[drone_of[stream]].discard(stream)
            assert all(len(held) <= 1 for held in active.values())

    @invariant()
    def nothing_is_launched_or_extended_without_authorisation(self) -> None:
        granted: dict[str, LaunchAuthorised] = {}
        allowed: set[str] = set()
        for stream, event in self.log:
            match event:
                case LaunchAuthorised():
                    granted[stream] = event
                case LaunchRefused() | LaunchLapsed() | LaunchWithdrawn():
                    granted.pop(stream, None)
                case DroneLaunched():
                    assert event.authorised <= (stream in granted)
                    if event.authorised:
                        allowed.add(stream)
                case FlightRedirected() | FlightRepurposed():
                    assert stream in allowed

    @invariant()
    def a_permit_is_given_only_between_an_authorisation_and_what_ends_it(self) -> None:
        for key in FLIGHTS:
            if launch_permit(self.flight(key), self.at) is None:
                last = next(e for e in reversed(self.streams[f"flight-{key}"]) if not _beside(e))
                assert isinstance(last, LaunchAuthorised)
                assert self.at <= last.expires_at
                request = next(e for e in self.streams[f"flight-{key}"] if isinstance(e, LaunchRequested))
                assert drone_standing(request.drone, self.drone(request.drone)).assigned_to == key

    @invariant()
    def what_is_prohibited_is_never_authorised_and_what_is_the_commanders_only_by_another_person(self) -> None:
        asked: dict[str, LaunchRequested] = {}
        for stream, event in self.log:
            match event:
                case LaunchRequested():
                    asked[stream] = event
                case LaunchAuthorised():
                    request = asked[stream]
                    assert request.purpose not in PROHIBITED
                    if request.purpose in COMMANDER_PURPOSES:
                        assert event.authorised_by not in (None, request.requested_by)
                case FlightRepurposed():
                    assert event.purpose not in PROHIBITED
                    assert event.purpose not in COMMANDER_PURPOSES or event.authorised_by == commander.person

    @invariant()
    def nothing_is_recorded_in_transit_on_the_ground_or_in_a_zone_that_forbids_it(self) -> None:
        recording: set[str] = set()
        on_scene: set[str] = set()
        forbidden: dict[str, set[str]] = defaultdict(set)  # the zones that a flight is in, where nothing is recorded
        for stream, event in self.log:
            match event:
                case RecordingStarted():
                    assert stream in on_scene
                    assert not forbidden[stream]
                    recording.add(stream)
                case RecordingStopped():
                    recording.discard(stream)
                case flight_events.ArrivedOnScene():
                    on_scene.add(stream)
                case FlightRedirected() | FlightRepurposed() | DroneLanded():
                    on_scene.discard(stream)
                    assert stream not in recording
                case flight_events.PrivacyZoneEntered(zone=zone, rule=ZoneRule.MASK):  # redrawn around the drone
                    forbidden[stream].discard(zone)
                case flight_events.PrivacyZoneEntered(zone=zone):
                    forbidden[stream].add(zone)
                case flight_events.PrivacyZoneLeft(zone=zone):
                    forbidden[stream].discard(zone)
        assert not any(forbidden[stream] for stream in recording)


def _beside(event: Any) -> bool:
    """Events that change nothing about whether a drone may take off."""
    return isinstance(
        event,
        flight_events.AuthorisationRefused | flight_events.AnomalyReported | flight_events.TelemetryArchived,
    )


TestWatch = Watch.TestCase
TestWatch.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
