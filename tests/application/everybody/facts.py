"""Who and what there is, folded for the tests alone: people and their consoles, the policy, calls, drones, zones."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from tests.application.everybody.said import Said, holds, moment

PERSONNEL_SYSTEM = "service-provisioning"


@dataclass(slots=True)
class Person:
    organisation: str = ""
    roles: set[str] = field(default_factory=set)
    suspended: set[str] = field(default_factory=set)  # by which side
    courses: dict[str, date] = field(default_factory=dict)
    certificate: date | None = None  # Part 107, until that day
    medical_hold: bool = False


@dataclass(slots=True)
class Session:
    """`until` None: it has ended."""

    person: str
    until: datetime | None
    locked: bool = False


@dataclass(slots=True)
class Call:
    open: bool = True
    shared: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Drone:
    ready: bool = False
    grounded: bool = False
    flight: str | None = None


@dataclass(slots=True)
class Zone:
    outline: list[tuple[float, float]]  # longitude, latitude
    ceiling_m: float
    rule: str


@dataclass(slots=True)
class Facts:
    people: dict[str, Person] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    drafts: dict[int, dict[str, Any]] = field(default_factory=dict)
    adopted: list[tuple[datetime, int]] = field(default_factory=list)
    retired: set[int] = field(default_factory=set)
    calls: dict[str, Call] = field(default_factory=dict)
    drones: dict[str, Drone] = field(default_factory=dict)
    zones: dict[str, Zone] = field(default_factory=dict)

    # -- asked by the promises -----------------------------------------------------------------------------------

    def policy(self, at: datetime) -> tuple[int, dict[str, Any]] | None:
        """Version and parameters of the policy in force."""
        begun = [version for since, version in self.adopted if since <= at]
        return None if not begun or begun[-1] in self.retired else (begun[-1], self.drafts[begun[-1]])

    def roles(self, person: str) -> set[str]:
        return self.people[person].roles if person in self.people else set()

    def suspended(self, person: str) -> bool:
        return bool(self.people[person].suspended)

    def trained(self, person: str, at: datetime) -> bool:
        begun = [version for since, version in self.adopted if since <= at]
        courses = self.people[person].courses
        return all(
            course in courses and at.date() <= courses[course] for course in self.drafts[begun[-1]]["required_courses"]
        )

    def signed_on(self, session: str, person: str, at: datetime) -> bool:
        found = self.sessions.get(session)
        return bool(
            found and found.person == person and found.until is not None and at <= found.until and not found.locked
        )

    def open_call(self, call: str | None) -> bool:
        return call in self.calls and self.calls[call].open

    def shared(self, call: str | None, feed: str) -> bool:
        return self.open_call(call) and feed in self.calls[call or ""].shared

    # -- folded --------------------------------------------------------------------------------------------------

    def take(self, said: Said) -> None:
        match said.stream.partition("-")[0]:
            case "person":
                self._person(said)
            case "session":
                self._session(said)
            case "policy":
                self._policy(said)
            case "call":
                self._call(said)
            case "drone":
                self._drone(said)
            case "zone":
                self._zone(said)

    def _person(self, said: Said) -> None:
        data = said.data
        if said.kind == "person.enrolled":
            self.people[said.key] = Person(data["organisation"])
            return
        person = self.people.get(said.key)
        if person is None:
            return
        match said.kind:
            case "person.role_assigned":
                person.roles.add(data["role"])
            case "person.role_revoked":
                person.roles.remove(data["role"])
            case "person.suspended":
                person.suspended.add(_side(data["suspended_by"]))
            case "person.reinstated":
                person.suspended.remove(_side(data["reinstated_by"]))
            case "person.training_completed":
                until = date.fromisoformat(data["expires_on"])
                person.courses[data["course"]] = max(until, person.courses.get(data["course"], until))
            case "person.certificate_recorded" if data["kind"] == "part_107":
                person.certificate = date.fromisoformat(data["expires_on"])
            case "person.medical_hold_placed":
                person.medical_hold = True
            case "person.medical_hold_lifted":
                person.medical_hold = False

    def _session(self, said: Said) -> None:
        match said.kind:
            case "session.signed_on":
                holds(said.key not in self.sessions, "a session begins once")
                self.sessions[said.key] = Session(said.data["person"], moment(said.data["ends_at"]))
            case "session.session_locked":
                self.sessions[said.key].locked = True
            case "session.stepped_up":
                self.sessions[said.key].locked = False
            case "session.signed_off":
                self.sessions[said.key].until = None

    def _policy(self, said: Said) -> None:
        data = said.data
        match said.kind:
            case "policy.policy_drafted":
                self.drafts[data["version"]] = data["parameters"]
            case "policy.policy_adopted" | "policy.policy_amended":
                self.adopted.append((moment(data["in_force_from"]), data["version"]))
            case "policy.policy_retired":
                self.retired.add(data["version"])

    def _call(self, said: Said) -> None:
        match said.kind:
            case "call.call_received":
                self.calls[said.key] = Call()
            case "call.call_closed":
                self.calls[said.key] = Call(open=False)
            case "call.call_reopened":
                self.calls[said.key].open = True
            case "call.feed_shared_with_incident":
                self.calls[said.key].shared.add(said.data["feed"])
            case "call.feed_sharing_ended":
                self.calls[said.key].shared.remove(said.data["feed"])

    def _drone(self, said: Said) -> None:
        if said.kind == "drone.drone_registered":
            self.drones[said.key] = Drone()
            return
        drone = self.drones[said.key]
        match said.kind:
            case "drone.drone_readied":
                drone.ready, drone.grounded = True, False
            case "drone.drone_grounded" | "drone.unassigned_flight_observed":
                drone.ready, drone.grounded = False, True
            case "drone.drone_assigned":
                holds(drone.ready and drone.flight is None, "one drone, one active flight")
                drone.flight = said.data["flight"]
            case "drone.drone_released":
                drone.flight = None
                drone.ready = drone.ready and not said.data["flown"]

    def _zone(self, said: Said) -> None:
        match said.kind:
            case "zone.privacy_zone_drawn" | "zone.privacy_zone_redrawn":
                outline = [(place["longitude"], place["latitude"]) for place in said.data["outline"]]
                self.zones[said.key] = Zone(outline, said.data["ceiling_agl_m"], said.data["rule"])
            case "zone.privacy_zone_retired":
                del self.zones[said.key]


def _side(by: str) -> str:
    return "personnel" if by == PERSONNEL_SYSTEM else "station"
