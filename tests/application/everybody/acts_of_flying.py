"""What is done with drones: asked for, authorised, flown, sent elsewhere, brought home; and the zones they fly among.

The gateway's part is played by what it runs on: it asks the store for the mission, watches each position with the same
`ZoneWatch`, and reports as the same service. Whether a drone truly is above a zone is shapely's to say.
"""

from __future__ import annotations

from datetime import timedelta
from math import cos, radians
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import rule
from shapely import Point, Polygon

from adapters.geometry import CountyGeometry
from application.fleet import Fleet
from application.flights import Flights, Mission, Observed, RepurposePlan
from application.handling import Actor, Outcome
from application.overrides import Overrides
from application.standing import service
from application.views import Permit
from application.zones import METRES_PER_DEGREE, KnownZone, Lift, Velocity, Zones, ZoneWatch
from domain import privacy_zone
from domain.drone import GroundDrone, OrderOutcome, ReadyDrone, SafetyOrder
from domain.flight_commands import (
    RecordArrival,
    RecordLanding,
    RecordLaunch,
    RecordLinkLost,
    RecordLinkRestored,
    RecordOutcome,
)
from domain.flight_events import HEIGHT_UNKNOWN, GroundHeight, HeightSource, Observation, ZoneRule
from domain.flight_events import Outcome as Came
from domain.kernel import AirPosition, CallNumber, CaseNumber, DockId, FeedId, FlightId, PersonId, Place, StreamId
from domain.launch import (
    AirspaceAuthority,
    AuthorityKind,
    Conditions,
    Finding,
    Go,
    LaunchPlan,
    Separation,
    SeparationMethod,
)
from domain.person import CertificateKind, LiftMedicalHold, PlaceMedicalHold, RecordCertificate
from domain.privacy_override import OverridePlan
from domain.privacy_override_events import Range
from tests.application.everybody.center import DRONES, PLAZA
from tests.application.everybody.watch import (
    CALL,
    DAY,
    DEE,
    EVERYBODY,
    GROUNDS,
    HOUR,
    MINUTE,
    PIA,
    POL,
    SAID,
    SAM,
    SECOND,
    SUE,
    WARRANT,
    Watch,
    anyone,
    latest,
    mostly,
    supervisors,
    the_one_or_another,
)
from tests.application.small_center import ADMIN, CAPTAIN

GATEWAY = "service-drone-gateway"
GO, UNKNOWN, NO_GO = Finding(Go.GO, "station"), Finding(Go.UNKNOWN, "station"), Finding(Go.NO_GO, "station")
HALF_M, CEILING_M = 40.0, 90.0
ZONES = {"school": 0.0, "pool": 300.0}  # metres east of the plaza
PURPOSES = ["call_for_service", "call_for_service", "call_for_service", "pursuit", "tactical_operation", "training"]
STILL = Velocity()
drones = st.sampled_from([0, 0, 0, 1])
zones = st.sampled_from(["school", "school", "pool"])


def place(north_m: float, east_m: float) -> Place:
    east = east_m / (METRES_PER_DEGREE * cos(radians(PLAZA.latitude)))
    return Place(PLAZA.latitude + north_m / METRES_PER_DEGREE, PLAZA.longitude + east)


def square(east_m: float, half_m: float = HALF_M) -> tuple[Place, ...]:
    corners = [place(n * half_m, east_m + e * half_m) for n, e in ((-1, -1), (-1, 1), (1, 1), (1, -1))]
    return (*corners, corners[0])


class Flying(Watch):
    def begin_flying(self) -> None:
        self.flights, self.fleet, self.zones = Flights(self.handler), Fleet(self.handler), Zones(self.handler)
        self.zones.geometry = CountyGeometry()
        self.lifts = Overrides(self.handler)
        self.watches: dict[str, ZoneWatch] = {}  # by flight
        self.where: dict[str, tuple[float, float, float]] = {}  # by flight: metres north and east of the plaza, AGL

    def observed(self, flight: str) -> Observation:
        north, east, agl = self.where.get(flight, (0.0, -200.0, 0.0))
        here, now = place(north, east), self.clock.now()
        return Observation(AirPosition(here.latitude, here.longitude, 60 + agl, agl), now, now)

    def gateway_says(self, flight: str, command: Observed) -> None:
        self.flights.record(service(GATEWAY), flight, command, uuid4())
        self.heard()

    def pilot_of(self, flight: str) -> str:
        found = self.promises.flying.flights.get(f"flight-{flight}")
        return found.asked["pilot"] if found else PIA

    # -- the aircraft and who flies it -----------------------------------------------------------------------------

    @rule(who=mostly(PIA, POL), number=drones, percent=st.sampled_from([95.0, 95.0, 20.0]))
    def readies(self, who: str, number: int, percent: float) -> None:
        command = ReadyDrone(percent, PersonId(who))
        self.ask(who, lambda actor: self.fleet.upkeep(actor, DRONES[number], command))

    @rule(who=mostly(PIA, SAM), number=drones)
    def grounds_the_drone(self, who: str, number: int) -> None:
        command = GroundDrone("a cracked propeller", PersonId(who))
        self.ask(who, lambda actor: self.fleet.upkeep(actor, DRONES[number], command))

    @rule(by=mostly(ADMIN), whom=st.sampled_from([PIA, POL]), placed=st.booleans())
    def the_medical_hold_changes(self, by: str, whom: str, placed: bool) -> None:
        kind = PlaceMedicalHold if placed else LiftMedicalHold
        command = kind(PersonId(whom), PersonId(by))
        self.ask(by, lambda actor: self.center.accounts.change(actor, command))

    @rule(by=mostly(ADMIN), whom=st.sampled_from([PIA, POL]), days=st.sampled_from([1, 25, 200]))
    def a_certificate_is_entered(self, by: str, whom: str, days: int) -> None:
        until = (self.clock.now() + days * DAY).date()
        command = RecordCertificate(PersonId(whom), CertificateKind.PART_107, "4827193", until, PersonId(by))
        self.ask(by, lambda actor: self.center.accounts.change(actor, command))

    # -- asked for and authorised ----------------------------------------------------------------------------------

    @rule(
        who=anyone,
        drone=drones,
        purpose=st.sampled_from([*PURPOSES, "face_recognition", "immigration_enforcement"]),
        pilot=st.sampled_from([PIA, PIA, POL, DEE]),
        on=st.sampled_from(["call", "call", "case", "nothing", "another call"]),
        weather=st.sampled_from([GO, GO, GO, UNKNOWN, NO_GO]),
        metres=st.sampled_from([60.0, 60.0, 60.0, 400.0]),
        paper=st.sampled_from([30, 30, 30, -1, None]),
    )
    def asks_for_a_launch(
        self,
        who: str,
        drone: int,
        purpose: str,
        pilot: str,
        on: str,
        weather: Finding,
        metres: float,
        paper: int | None,
    ) -> None:
        authority = None
        if paper is not None:
            until = (self.clock.now() + paper * DAY).date()
            authority = AirspaceAuthority(AuthorityKind.COA, "2026-WSA-1234", "2", until)
        plan = LaunchPlan(
            drone=DRONES[drone],
            dock=DockId(""),
            purpose=purpose,
            pilot=PersonId(pilot),
            destination=place(0, 0),
            cruise_agl_m=metres,
            reason=SAID,
            conditions=Conditions(weather, GO, GO),
            call={"call": CALL, "another call": CallNumber("WH26-9")}.get(on),
            case=CaseNumber("C-7") if on == "case" else None,
            authorisation="training plan 7" if purpose == "training" else None,
            airspace=authority,
            separation=Separation(SeparationMethod.VISUAL_OBSERVER, "R. Ono"),
            unknowns_await_pilot=True,
        )
        self.ask(who, lambda actor: self.flights.request(actor, plan), "flight")

    @rule(who=mostly(CAPTAIN, SAM), number=latest)
    def authorises_the_launch(self, who: str, number: int) -> None:
        self.ask(who, lambda actor: self.flights.authorise(actor, self.key("flight", number)))

    @rule(other=the_one_or_another(), number=latest)
    def accepts_what_is_unknown(self, other: str | None, number: int) -> None:
        key = self.key("flight", number)
        who = other or self.pilot_of(key)
        self.ask(who, lambda actor: self.flights.accept_unknowns(actor, key, ["weather"], SAID))

    @rule(who=supervisors, number=latest)
    def declines_the_launch(self, who: str, number: int) -> None:
        self.ask(who, lambda actor: self.flights.decline(actor, self.key("flight", number), SAID))

    @rule(other=the_one_or_another(), number=latest)
    def withdraws_the_launch(self, other: str | None, number: int) -> None:
        key = self.key("flight", number)
        self.ask(other or self.asker(key, DEE), lambda actor: self.flights.withdraw(actor, key, SAID))

    # -- in the air ------------------------------------------------------------------------------------------------

    @rule(other=the_one_or_another(), number=latest)
    def orders_the_take_off(self, other: str | None, number: int) -> None:
        """The pilot's order is on the record; then the gateway asks the store itself whether this flight may."""
        key = self.key("flight", number)
        who = other or self.pilot_of(key)
        if self.ask(who, lambda actor: self.flights.order_launch(actor, key)):
            self.takes_off(key)

    def takes_off(self, key: str) -> None:
        if isinstance(self.flights.mission(key), Mission):
            self.promises.flying.may_take_off(f"flight-{key}", self.clock.now())
            self.where[key] = (0.0, -200.0, 5.0)
            self.watches[key] = ZoneWatch()
            self.gateway_says(key, RecordLaunch(self.observed(key), self.clock.now()))

    @rule(number=drones)
    def a_drone_rises_by_itself(self, number: int) -> None:
        """Nobody ordered it, and still it is on the record: as its flight where it has one, as nobody's otherwise."""
        _, flight = self.flights.drone(DRONES[number])
        if flight is None:
            self.fleet.report_unassigned_flight(service(GATEWAY), DRONES[number], self.observed(""), uuid4())
            self.heard()
            return
        if not self.promises.flying.flights[f"flight-{flight}"].flies:
            self.where[flight] = (0.0, -200.0, 5.0)
            self.watches[flight] = ZoneWatch()
            self.gateway_says(flight, RecordLaunch(self.observed(flight), None))

    @rule(number=latest)
    def arrives(self, number: int) -> None:
        key = self.key("flight", number)
        if key in self.where:
            self.gateway_says(key, RecordArrival(self.observed(key)))

    @rule(number=latest, lost=st.booleans())
    def the_link_comes_and_goes(self, number: int, lost: bool) -> None:
        key, now = self.key("flight", number), self.clock.now()
        if key in self.where:
            self.gateway_says(key, RecordLinkLost(now, None) if lost else RecordLinkRestored(now, None))

    @rule(
        number=latest,
        north=st.sampled_from([0.0, 0.0, -70.0, -200.0]),
        east=st.sampled_from([0.0, 0.0, 300.0, 150.0]),
        agl=st.sampled_from([60.0, 60.0, 120.0]),
        height_is_known=st.booleans(),
    )
    def flies_to(self, number: int, north: float, east: float, agl: float, height_is_known: bool) -> None:
        """Two looks: on the way, and there."""
        key = self.key("flight", number)
        flight = self.promises.flying.flights.get(f"flight-{key}")
        if flight is None or not flight.flies or key not in self.where:
            return
        before = self.where[key]
        for part in (0.5, 1.0):
            n, e, a = before
            self.where[key] = (n + (north - n) * part, e + (east - e) * part, a + (agl - a) * part)
            self.clock.step(10 * SECOND)
            self.looks_down(key, height_is_known, Velocity((north - before[0]) / 20, (east - before[1]) / 20, 0.0))

    def looks_down(self, key: str, height_is_known: bool, velocity: Velocity = STILL) -> None:
        """What the gateway makes of one position; then whether that is so, by shapely."""
        now, seen = self.clock.now(), self.observed(key)
        _, _, agl = self.where[key]
        height = GroundHeight(agl, HeightSource.TERRAIN_REPORT) if height_is_known else HEIGHT_UNKNOWN
        known = [zone.at(now, key) for zone in self.known_zones()]
        for command in self.watches[key].step(known, seen, height, velocity):
            self.gateway_says(key, command)
        point = Point(seen.position.longitude, seen.position.latitude)
        above = {
            name: zone.rule
            for name, zone in self.promises.facts.zones.items()
            if agl <= zone.ceiling_m and Polygon(zone.outline).contains(point)
        }
        self.promises.flying.over(f"flight-{key}", above, now)

    @rule(number=latest)
    def nobody_knows_where_the_zones_are(self, number: int) -> None:
        """Then they are everywhere, until somebody does."""
        key = self.key("flight", number)
        if key in self.watches and self.promises.flying.flights[f"flight-{key}"].flies:
            for command in self.watches[key].nowhere_known(self.observed(key)):
                self.gateway_says(key, command)

    def known_zones(self) -> list[KnownZone]:
        """As the read models have them, up to date."""
        known, now = [], self.clock.now()
        for name, zone in self.promises.facts.zones.items():
            lifts = tuple(
                Lift(
                    stream.removeprefix("override-"),
                    lifted.flight or "",
                    lifted.since,
                    min(lifted.until or now, lifted.till),
                )
                for stream, lifted in self.promises.liftings.known.items()
                if lifted.in_effect(f"zone-{name}", now)
            )
            outline = tuple(Place(latitude, longitude) for longitude, latitude in zone.outline)
            known.append(KnownZone(name, privacy_zone.Shape(outline, zone.ceiling_m, ZoneRule(zone.rule)), lifts))
        return known

    @rule(other=the_one_or_another(), number=latest, degrees=st.sampled_from([-60.0, 0.0, 80.0]))
    def points_the_camera(self, other: str | None, number: int, degrees: float) -> None:
        key = self.key("flight", number)
        self.ask(other or self.pilot_of(key), lambda actor: self.flights.may_point_camera(actor, key, degrees))

    @rule(who=mostly(DEE, SAM), number=latest, reason=st.sampled_from([SAID, SAID, ""]))
    def starts_recording(self, who: str, number: int, reason: str) -> None:
        self.ask(who, lambda actor: self.flights.start_recording(actor, self.key("flight", number), reason))

    @rule(who=supervisors, number=latest)
    def stops_recording(self, who: str, number: int) -> None:
        self.ask(who, lambda actor: self.flights.stop_recording(actor, self.key("flight", number)))

    @rule(other=the_one_or_another(), number=latest, metres=st.sampled_from([60.0, 300.0]))
    def sends_it_elsewhere(self, other: str | None, number: int, metres: float) -> None:
        key = self.key("flight", number)
        who = other or self.pilot_of(key)
        self.ask(who, lambda actor: self.flights.redirect(actor, key, place(0, 300), metres, SAID))

    @rule(
        who=mostly(SAM, SUE, CAPTAIN),
        number=latest,
        purpose=st.sampled_from(["scene_documentation", "call_for_service", "tactical_operation", "face_recognition"]),
        on=st.sampled_from(["call", "case", "nothing"]),
    )
    def gives_it_another_job(self, who: str, number: int, purpose: str, on: str) -> None:
        until = self.clock.now().date()
        plan = RepurposePlan(
            purpose,
            place(0, 300),
            60.0,
            SAID,
            call=CALL if on == "call" else None,
            case=CaseNumber("C-8") if on == "case" else None,
            airspace=AirspaceAuthority(AuthorityKind.COA, "2026-WSA-1234", "2", until),
        )
        self.ask(who, lambda actor: self.flights.repurpose(actor, self.key("flight", number), plan))

    @rule(
        who=st.sampled_from([DEE, SAM, PIA, CAPTAIN, *EVERYBODY]),
        number=latest,
        order=st.sampled_from(list(SafetyOrder)),
        result=st.sampled_from(
            [OrderOutcome.ACCEPTED, OrderOutcome.ACCEPTED, OrderOutcome.UNKNOWN, OrderOutcome.DENIED]
        ),
        recorded_after=st.sampled_from([0 * SECOND, 0 * SECOND, HOUR]),
    )
    def orders_safety(
        self, who: str, number: int, order: SafetyOrder, result: OrderOutcome, recorded_after: timedelta
    ) -> None:
        """Sent first, whatever the state of anything; recorded after, and never refused to who is on the watch."""
        key, actor = self.key("flight", number), self.actors[who]
        if not self.flights.may_order(actor, order, key):
            self.ask(who, lambda actor: self.flights.deny_order(actor, key, order, uuid4()))
            return
        ordered_at = self.clock.now()
        self.clock.step(recorded_after)  # the store was away
        told = self.flights.record_safety_order(actor, key, order, ordered_at, result, "")
        if key == "never-asked-for":
            self.heard()
            return
        assert self.told(who, told, "orders_safety"), f"an order of safety was refused: {told}"

    @rule(number=latest)
    def lands(self, number: int) -> None:
        key = self.key("flight", number)
        if key in self.where:
            self.gateway_says(key, RecordLanding(self.observed(key), 61.0))

    @rule(who=mostly(DEE, PIA), number=latest)
    def says_what_came_of_it(self, who: str, number: int) -> None:
        key = FlightId(self.key("flight", number))
        command = RecordOutcome(key, (Came.NOTHING_FOUND,), 0, 0, None, PersonId(who))
        self.ask(who, lambda actor: self.flights.record_outcome(actor, command))

    @rule(
        who=st.sampled_from([DEE, SAM]),
        drone=drones,
        purpose=st.sampled_from(PURPOSES),
        weather=st.sampled_from([GO, GO, UNKNOWN]),
        between=st.sampled_from(["", "", "", "hold", "grounded", "order", "late"]),
    )
    def a_flight_that_everybody_wants(self, who: str, drone: int, purpose: str, weather: Finding, between: str) -> None:
        """What the rules above seldom reach by chance: all in order up to the scene, but for what comes between."""
        self.all_sign_on(who, SUE, CAPTAIN, PIA, ADMIN)
        self.readies(PIA, drone, 95.0)
        on = "nothing" if purpose == "training" else "case"
        self.asks_for_a_launch(who, drone, purpose, PIA, on, weather, 60.0, 30)
        if weather is UNKNOWN:
            self.accepts_what_is_unknown(None, 0)
        if purpose in ("pursuit", "tactical_operation"):
            self.authorises_the_launch(CAPTAIN, 0)
        if between == "hold":
            self.the_medical_hold_changes(ADMIN, PIA, True)
        elif between == "grounded":
            self.grounds_the_drone(SUE, drone)
        elif between == "order":
            self.orders_safety(DEE, 0, SafetyOrder.HOLD, OrderOutcome.ACCEPTED, 0 * SECOND)
        elif between == "late":
            self.clock.step(11 * MINUTE)
            self.all_sign_on(PIA)
        self.orders_the_take_off(None, 0)
        self.arrives(0)
        if between == "hold":
            self.the_medical_hold_changes(ADMIN, PIA, False)

    @rule(who=mostly(DEE), number=latest)
    def asks_to_see_from_above(self, who: str, number: int) -> None:
        feed = FeedId(StreamId(f"flight-{self.key('flight', number)}"))
        if self.ask(who, lambda actor: self.views.request(actor, feed, GROUNDS["good"]), "liveview"):
            assert isinstance(self.views.permit(self.actors[who], self.key("liveview", 0)), Permit)

    # -- privacy zones ---------------------------------------------------------------------------------------------

    @rule(
        who=mostly(ADMIN, CAPTAIN), zone=zones, asks=st.sampled_from(list(ZoneRule)), crossed=st.sampled_from([0, 0, 1])
    )
    def draws_a_zone(self, who: str, zone: str, asks: ZoneRule, crossed: int) -> None:
        outline = square(ZONES[zone])
        if crossed:
            outline = (outline[0], outline[2], outline[1], outline[3], outline[0])
        shape = privacy_zone.Shape(outline, CEILING_M, asks)
        command = privacy_zone.DrawZone(zone, shape, SAID, PersonId(who))
        self.ask(who, lambda actor: self.zones.change(actor, zone, command))

    @rule(who=mostly(CAPTAIN), zone=zones, asks=st.sampled_from(list(ZoneRule)), half=st.sampled_from([20.0, 60.0]))
    def redraws_it(self, who: str, zone: str, asks: ZoneRule, half: float) -> None:
        command = privacy_zone.RedrawZone(
            privacy_zone.Shape(square(ZONES[zone], half), CEILING_M, asks), SAID, PersonId(who)
        )
        self.ask(who, lambda actor: self.zones.change(actor, zone, command))

    @rule(who=mostly(CAPTAIN), zone=zones)
    def gives_it_up(self, who: str, zone: str) -> None:
        command = privacy_zone.RetireZone(SAID, PersonId(who))
        self.ask(who, lambda actor: self.zones.change(actor, zone, command))

    @rule(who=mostly(DEE, SAM), zone=zones, number=latest, minutes=st.sampled_from([5, 30]), glass=st.booleans())
    def asks_to_lift_a_zone(self, who: str, zone: str, number: int, minutes: int, glass: bool) -> None:
        """For one flight, and every other one stays bound."""
        now, flight = self.clock.now(), FlightId(self.key("flight", number))
        target, case = StreamId(f"zone-{zone}"), CaseNumber("C-7")
        plan = OverridePlan("", target, Range(now, now + HOUR), "call_for_service", minutes, case=case, flight=flight)

        def asked(actor: Actor) -> Outcome:
            if glass:
                return self.lifts.invoke_emergency(actor, plan, SAID)
            return self.lifts.request(actor, plan, WARRANT, SAID)

        if self.ask(who, asked, "override") and not glass:
            self.all_sign_on(SUE)
            self.ask(SUE, lambda actor: self.lifts.approve(actor, self.key("override", 0)))

    @rule(
        who=st.sampled_from([DEE, SAM]),
        drone=drones,
        asks=st.sampled_from(list(ZoneRule)),
        lifted=st.sampled_from([None, None, True, False]),
        first=st.booleans(),
        stops=st.booleans(),
    )
    def flies_over_a_school(
        self, who: str, drone: int, asks: ZoneRule, lifted: bool | None, first: bool, stops: bool
    ) -> None:
        """What the rules above seldom reach by chance: recorded and watched on scene, then over a zone and out again,
        with and without an override, whose end comes while the drone is there."""
        self.all_sign_on(who, SAM, SUE, CAPTAIN, PIA, DEE)
        self.draws_a_zone(CAPTAIN, "school", asks, 0)
        self.redraws_it(CAPTAIN, "school", asks, HALF_M)
        self.a_flight_that_everybody_wants(who, drone, "call_for_service", GO, "")
        self.asks_to_see_from_above(DEE, 0)
        if stops:
            self.stops_recording(SUE, 0)
        if lifted is not None and first:
            self.asks_to_lift_a_zone(who, "school", 0, 5, lifted)
        self.flies_to(0, 0.0, 0.0, 60.0, True)
        if lifted is not None and not first:
            self.asks_to_lift_a_zone(who, "school", 0, 5, lifted)
            self.flies_to(0, 5.0, 0.0, 60.0, False)
        self.somebody_looks_from_above()
        self.clock.step(6 * MINUTE)
        self.flies_to(0, 0.0, 5.0, 60.0, True)
        self.somebody_looks_from_above()
        self.flies_to(0, -200.0, 0.0, 60.0, True)
        self.somebody_looks_from_above()

    def somebody_looks_from_above(self) -> None:
        for key in self.asked.get("liveview", [])[-2:]:
            if isinstance(self.views.permit(self.actors[self.who[key]], key), Permit):
                self.promises.looking.seen(f"liveview-{key}", self.who[key], self.clock.now())

    @rule(who=mostly(PIA), number=drones)
    def the_drone_comes_home(self, who: str, number: int) -> None:
        """So that there is one to fly."""
        _, flight = self.flights.drone(DRONES[number])
        if flight is None or not self.promises.flying.flights[f"flight-{flight}"].flies:
            return
        self.all_sign_on(who)
        number_of = self.asked["flight"][::-1].index(flight)
        self.orders_safety(who, number_of, SafetyOrder.RETURN, OrderOutcome.ACCEPTED, 0 * SECOND)
        self.lands(number_of)
        self.says_what_came_of_it(PIA, number_of)
