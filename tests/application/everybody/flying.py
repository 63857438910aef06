"""Promises about drones: nothing starts without its authority, nothing is recorded where it must not be."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from tests.application.everybody.facts import Facts
from tests.application.everybody.lifted import Liftings
from tests.application.everybody.said import Said, holds, moment

COMMANDERS_OWN = {"barricaded_suspect", "tactical_operation", "proactive"}
ORDERS = {"return_ordered", "hold_ordered", "landing_ordered", "flight_aborted"}


@dataclass(slots=True)
class Flight:
    """`phase`: waiting, authorised, over (never flown), transit, scene, holding, down (ordered down), landed."""

    asked: dict[str, Any]
    phase: str = "waiting"
    until: datetime | None = None  # of the authorisation
    unknowns: set[str] = field(default_factory=set)  # accepted by the pilot
    halted: datetime | None = None  # by an order of safety before it was seen to take off
    ordered: bool = False
    recording: bool = False
    stopped_by_a_person: bool = False
    protects: dict[str, str | None] = field(default_factory=dict)  # zone it is in -> its rule, None where lifted
    last: str = ""

    @property
    def flies(self) -> bool:
        return self.phase in ("transit", "scene", "holding", "down")


@dataclass(slots=True)
class Flying:
    facts: Facts
    liftings: Liftings
    flights: dict[str, Flight] = field(default_factory=dict)
    met: set[str] = field(default_factory=set)

    # -- asked by other promises ---------------------------------------------------------------------------------

    def pilot_of(self, feed: str) -> str | None:
        found = self.flights.get(feed)
        return found.asked["pilot"] if found is not None and found.flies else None

    def covered(self, feed: str) -> bool:
        """Whether it is a drone's picture, and the drone is where nobody may look."""
        found = self.flights.get(feed)
        return found is not None and found.flies and "no_view" in found.protects.values()

    def may_take_off(self, flight: str, at: datetime) -> None:
        """The gateway is about to tell a drone to take off."""
        found = self.flights.get(flight)
        authorised = found and found.phase == "authorised" and found.until and at <= found.until
        holds(
            authorised and not (found and found.halted and found.halted < at),
            "no launch without an authorisation in force",
        )

    def over(self, flight: str, protected: dict[str, str], at: datetime) -> None:
        """The drone is truly above these zones (by rule) now, and the gateway has said so."""
        found, key = self.flights[flight], flight.removeprefix("flight-")
        unlifted = {zone for zone in protected if not self.liftings.lifts_zone(zone, key, at)}
        for zone in unlifted:
            holds(zone in found.protects, f"the drone is in {zone}, and nobody was told")
        barred = {zone for zone in unlifted if protected[zone] != "mask"}
        holds(not (barred and found.recording), "recorded inside a privacy zone, outside an override")
        if barred and found.phase == "scene":
            self.met.add("not recorded above a zone")

    def settled(self) -> None:
        """After each append."""
        for stream, found in self.flights.items():
            barred = {zone for zone, rule in found.protects.items() if rule in ("no_record", "no_view")}
            holds(not (found.flies and found.recording and barred), f"{stream} records inside a privacy zone")
            holds(not (found.phase == "transit" and found.recording), f"{stream} records on the way")

    # -- folded --------------------------------------------------------------------------------------------------

    def take(self, said: Said) -> None:
        if not said.kind.startswith("flight."):
            return
        kind, data = said.kind.removeprefix("flight."), said.data
        if kind == "launch_requested":
            holds(said.stream not in self.flights, "a flight is asked for once")
            self.flights[said.stream] = Flight(data)
            return
        found = self.flights.get(said.stream)
        holds(found, "whatever happens to a flight, it was asked for")
        assert found is not None
        if kind in ORDERS:
            self._ordered(found, said)
        elif kind in ("launch_refused", "launch_lapsed", "launch_withdrawn"):
            holds(found.phase in ("waiting", "authorised"), "only what waits is called off")
            found.phase = "over"
        elif kind.startswith(("launch_", "unknowns_", "drone_launched")):
            self._launching(found, said)
        elif kind.startswith(("recording_", "privacy_zone_")):
            self._camera(found, said)
        else:
            self._airborne(found, said)
        found.last = kind

    def _launching(self, found: Flight, said: Said) -> None:
        data = said.data
        match said.kind:
            case "flight.unknowns_accepted":
                holds(data["accepted_by"] == found.asked["pilot"], "the pilot in command alone accepts what is unknown")
                found.unknowns |= set(data["conditions"])
            case "flight.launch_authorised":
                self._authorised(found, said)
                found.phase, found.until = "authorised", said.moment("expires_at")
                self.met.add("launch authorised")
            case "flight.launch_ordered":
                self.may_take_off(said.stream, said.at)
                holds(data["ordered_by"] == found.asked["pilot"], "the pilot in command orders the take-off")
                self._pilot_is_fit(found.asked["pilot"], said.at)
                holds(not self.facts.drones[data["drone"]].grounded, "a drone that is grounded does not fly")
            case "flight.drone_launched" if data["authorised"]:
                self.may_take_off(said.stream, said.moment("observed_at"))
                holds(self.facts.drones[data["drone"]].flight == said.key, "a drone flies the flight that it was given")
                found.phase = "transit"
                self.met.add("launched")
            case "flight.drone_launched":
                told = found.last == "anomaly_reported"
                holds(told, "a take-off that nobody allowed is on the record as such")
                found.phase = "transit"
                self.met.add("launched by itself")

    def _authorised(self, found: Flight, said: Said) -> None:
        asked, at, by = found.asked, said.at, said.data["authorised_by"]
        holds(
            found.phase == "waiting" and at <= moment(asked["awaits_until"]),
            "what is authorised was asked for, and waits",
        )
        policy = self.facts.policy(at)
        holds(policy, "without a use policy in force no drone flies")
        assert policy is not None
        rules = {rule["code"]: rule for rule in policy[1]["purposes"]}
        purpose = rules.get(asked["purpose"])
        holds(purpose, "a launch names an adopted purpose")
        assert purpose is not None
        if purpose["basis"] == "named_authorisation":
            holds(asked["authorisation"], "training and special events name an authorisation")
        else:
            holds(asked["call"] or asked["case"], "a launch names a call or a case")
        holds(asked["call"] is None or self.facts.open_call(asked["call"]), "its call is one that dispatch has open")
        self._pilot_is_fit(asked["pilot"], at)
        drone = self.facts.drones[asked["drone"]]
        holds(drone.ready and drone.flight is None, "a ready drone, that no other flight has")
        airspace = asked["airspace"]
        holds(
            airspace and date.fromisoformat(airspace["expires_on"]) >= at.date(),
            "a launch names its airspace authority",
        )
        holds(asked["separation"], "other aircraft are seen and avoided")
        holds(asked["cruise_agl_m"] <= policy[1]["max_agl_m"], "no higher than the use policy lets it go")
        by_pilot = set(asked["accepted_unknowns"]) if asked["requested_by"] == asked["pilot"] else set()
        for name, finding in asked["conditions"].items():
            known = finding["go"] == "go" or (finding["go"] == "unknown" and name in found.unknowns | by_pilot)
            holds(known, "unknown is no-go, unless the pilot accepts it")
        deciders = {"station_commander"} if asked["purpose"] in COMMANDERS_OWN else set(purpose["authorised_by"])
        if deciders:
            holds(by and self.facts.roles(by) & deciders, "barricade, tactical and proactive flights need the captain")
            holds(by != asked["requested_by"], "approver is not requester")
            self.met.add("launch by two persons")

    def _pilot_is_fit(self, pilot: str, at: datetime) -> None:
        person = self.facts.people[pilot]
        fit = "remote_pilot" in person.roles and not person.suspended and self.facts.trained(pilot, at)
        holds(fit and not person.medical_hold, "the pilot in command is fit: role, training, no medical hold")
        holds(person.certificate and person.certificate >= at.date(), "the pilot's certificate is current")

    def _ordered(self, found: Flight, said: Said) -> None:
        data = said.data
        holds(said.moment("ordered_at") <= said.at, "an order of safety is recorded with both times")
        self.met.add("safety order")
        if found.phase == "authorised":
            found.halted = min(found.halted or said.at, said.moment("ordered_at"))
        if not found.flies or data["outcome"] == "denied":
            return
        match said.kind:
            case "flight.return_ordered":
                found.phase = "transit"
            case "flight.landing_ordered" | "flight.flight_aborted":
                found.phase = "down"
            case "flight.hold_ordered" if found.phase != "scene":
                found.phase = "holding"

    def _airborne(self, found: Flight, said: Said) -> None:
        match said.kind:
            case "flight.arrived_on_scene":
                holds(found.flies, "only what flies arrives")
                found.phase, found.stopped_by_a_person = "scene", False
            case "flight.flight_redirected" | "flight.flight_repurposed":
                holds(found.flies, "only what flies is sent elsewhere")
                if said.kind == "flight.flight_repurposed":
                    self._repurposed(said)
                    found.asked = {**found.asked, "purpose": said.data["purpose"]}
                found.phase = "transit"
            case "flight.camera_turned_to_scene":
                holds(found.phase == "scene", "on the way the camera looks level")
            case "flight.drone_landed":
                holds(found.flies and not found.recording, "nothing is recorded after the landing")
                found.phase = "landed"
                self.met.add("landed")
            case "flight.outcome_recorded":
                holds(found.phase == "landed", "what came of a flight is recorded after it")

    def _repurposed(self, said: Said) -> None:
        """A decision of its own: purpose, call or case, authority."""
        policy, data = self.facts.policy(said.at), said.data
        holds(policy and data["purpose"] in {rule["code"] for rule in policy[1]["purposes"]}, "an adopted purpose")
        holds(data["call"] is None or self.facts.open_call(data["call"]), "its call is one that dispatch has open")
        holds(data["call"] or data["case"] or data["authorisation"], "another job names a call or a case")
        holds(
            data["purpose"] not in COMMANDERS_OWN or data["authorised_by"], "what needs the captain needs the captain"
        )
        holds(date.fromisoformat(data["airspace"]["expires_on"]) >= said.at.date(), "an airspace authority of its own")
        self.met.add("repurposed")

    def _camera(self, found: Flight, said: Said) -> None:
        data = said.data
        match said.kind:
            case "flight.recording_started":
                holds(found.phase == "scene", "nothing is recorded in transit")
                barred = [rule for rule in found.protects.values() if rule in ("no_record", "no_view")]
                holds(not barred, "privacy zones are not recorded")
                policy = self.facts.policy(said.at)
                holds(policy, "recording is by policy or approval")
                assert policy is not None
                if data["started_by"] is None:
                    holds(
                        policy[1]["recording_default"] == "all_missions", "recording by default is the policy's to say"
                    )
                    holds(not found.stopped_by_a_person, "what a person stopped does not start by itself")
                else:
                    holds(data["reason"], "who starts a recording says why")
                found.recording, found.stopped_by_a_person = True, False
                self.met.add("recorded")
            case "flight.recording_stopped":
                found.recording = False
                found.stopped_by_a_person = data["reason"] == "operator" or found.stopped_by_a_person
            case "flight.privacy_zone_entered":
                lifted = data["override"] is not None
                if lifted:
                    target = f"zone-{data['zone']}"
                    override = self.liftings.known.get(f"override-{data['override']}")
                    lifts = override and override.in_effect(target, said.at) and override.flight == said.key
                    holds(lifts, "a zone is lifted by an override in effect, for one flight")
                    self.met.add("zone lifted")
                found.protects[data["zone"]] = None if lifted else data["rule"]
                self.met.add("zone entered")
            case "flight.privacy_zone_left":
                holds(data["zone"] in found.protects, "only a zone that was entered is left")
                del found.protects[data["zone"]]
