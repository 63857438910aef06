"""Privacy zones on the map: drawing them, and noticing that a drone comes near, enters or leaves one.

Noticing is pure and predictive: what would be inside within LOOK_AHEAD_S at the present velocity is approached now.
Leaving has hysteresis, so that a drone that hovers on the edge, or a position that jitters, is not entering for ever.

Invariant: in doubt a drone is inside. A ceiling counts only against a height above ground that the autopilot itself
tells, less the error of its ground model; without one, a zone holds at every height. Height above take-off is no
substitute: over a hill it says more than there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from math import cos, hypot, inf, radians
from typing import Protocol
from uuid import UUID

from application.commands import Commands
from application.handling import Actor, Attempt, Outcome, Recorded
from application.standing import authorise, outcome
from domain import privacy_zone
from domain.flight_commands import RecordZoneApproach, RecordZoneEntry, RecordZoneExit
from domain.flight_events import HEIGHT_UNKNOWN, GroundHeight, Observation, ZoneRule
from domain.kernel import InvalidValue, Place
from domain.privacy_zone import ZONE, Shape

LOOK_AHEAD_S = 10.0
NEAR_M = 30.0  # this near is an approach, also when not moving
LEFT_M = 8.0  # this far outside, or this far above, has left
GONE_M = 60.0  # this far outside may approach again
GROUND_ERROR_M = 9.0
"""How far a ground model may be off: the absolute height error of SRTM at 90 % in North America (Rodríguez, Morris and
Belz, Photogrammetric Engineering & Remote Sensing 72(3), 2006), which autopilots carry."""
UNKNOWN_ZONES = "everywhere"
"""On the record of a flight, the zone that is everywhere while nobody knows where the zones are."""
METRES_PER_DEGREE = 111_320.0  # of latitude, on a sphere of 6,378 km; good to 0.3 % over a city


class Geometry(Protocol):
    """Knows whether an outline is a proper one on the map."""

    def fault(self, outline: Sequence[Place]) -> str | None:
        """What is wrong with it, in words; None: it is valid and lies within the county."""
        ...


class Zones(Commands):
    """Use cases about privacy zones. `geometry` is set by whoever wires this; without it nothing is drawn."""

    geometry: Geometry | None = None

    def change(self, actor: Actor, key: str, command: privacy_zone.Command, command_id: UUID | None = None) -> Outcome:
        """Draw, redraw or retire a zone."""
        action = ACTIONS[type(command)]

        def use(attempt: Attempt) -> Recorded:
            authorise(attempt, action, ZONE.stream(key))
            attempt.decide(ZONE, key, command)
            if isinstance(command, privacy_zone.DrawZone | privacy_zone.RedrawZone):
                self._check(command.shape)
            return outcome(attempt, ZONE.stream(key), key)

        return self.run(actor, action, [key, command], command_id, use)

    def _check(self, shape: Shape) -> None:
        fault = "nothing here can check it" if self.geometry is None else self.geometry.fault(shape.outline)
        if fault is not None:
            raise InvalidValue(
                f"the outline is not a proper one: {fault}",
                field="outline",
                accepted="a valid polygon within the county, whose sides do not cross",
            )


ACTIONS: dict[type, str] = {
    privacy_zone.DrawZone: "draw_privacy_zone",
    privacy_zone.RedrawZone: "redraw_privacy_zone",
    privacy_zone.RetireZone: "retire_privacy_zone",
}


# -- noticing ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone in force, and the override that is in effect for it (`override`), if any."""

    key: str
    shape: Shape
    override: str | None = None


@dataclass(frozen=True, slots=True)
class Lift:
    """An override of a zone, as long as it is in effect, for the flight it was granted for."""

    override: str
    flight: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class KnownZone:
    """A zone in force with all the overrides that lift it for one flight or another."""

    zone: str
    shape: Shape
    lifts: tuple[Lift, ...] = ()

    def at(self, now: datetime, flight: str | None) -> Zone:
        """As it stands at a time to a flight; one that nobody has named has no override."""
        lift = next((lift for lift in self.lifts if lift.flight == flight and lift.since <= now < lift.until), None)
        return Zone(self.zone, self.shape, lift.override if lift else None)


@dataclass(frozen=True, slots=True)
class Velocity:
    """Metres a second over ground, and upwards."""

    north: float = 0.0
    east: float = 0.0
    up: float = 0.0


Noticed = RecordZoneApproach | RecordZoneEntry | RecordZoneExit


@dataclass(slots=True)
class ZoneWatch:
    """One drone's flight among the zones. `inside`: zone -> the override under which it was entered; `rules`: zone ->
    what it asked for then."""

    inside: dict[str, str | None] = field(default_factory=dict)
    approached: set[str] = field(default_factory=set)
    rules: dict[str, str] = field(default_factory=dict)

    def step(self, zones: Iterable[Zone], seen: Observation, height: GroundHeight, velocity: Velocity) -> list[Noticed]:
        """What to record of this position, at this height above ground. Zones that are no longer in force are left; an
        override that has ended inside its zone is an entry without one, and a zone that was redrawn to ask for
        something else is entered anew.
        """
        noticed: list[Noticed] = []
        known = {zone.key: zone for zone in zones}
        for key in [key for key in self.inside if key not in known]:
            noticed.append(self._leave(key, seen, height))
        for zone in known.values():
            noticed += self._one(zone, seen, height, velocity)
        return noticed

    def nowhere_known(self, seen: Observation) -> list[Noticed]:
        """What to record of a position while nobody knows where the zones are: no place may be looked at then. Ends
        with the first `step` among zones that are known."""
        if UNKNOWN_ZONES in self.inside:
            return []
        self.inside[UNKNOWN_ZONES], self.rules[UNKNOWN_ZONES] = None, ZoneRule.NO_VIEW
        return [RecordZoneEntry(UNKNOWN_ZONES, ZoneRule.NO_VIEW, None, seen, HEIGHT_UNKNOWN)]

    def _one(self, zone: Zone, seen: Observation, height: GroundHeight, velocity: Velocity) -> list[Noticed]:
        position, shape = seen.position, zone.shape
        here = Place(position.latitude, position.longitude)
        distance, above = distance_m(shape.outline, here), above_m(shape, height)
        if zone.key in self.inside:
            if distance >= LEFT_M or above >= LEFT_M:
                return [self._leave(zone.key, seen, height)]
            if (self.inside[zone.key], self.rules.get(zone.key)) != (zone.override, shape.rule):
                return [self._enter(zone, seen, height)]
            return []
        if distance <= 0 and above <= 0:
            self.approached.add(zone.key)
            return [self._enter(zone, seen, height)]
        if zone.key in self.approached and distance <= GONE_M:
            return []
        coming = _comes_in(shape, here, above, distance, velocity)
        if zone.key in self.approached:
            if not coming:
                self.approached.discard(zone.key)
            return []
        if coming:
            self.approached.add(zone.key)
            return [RecordZoneApproach(zone.key, round(max(distance, 0.0), 1), seen, height)]
        return []

    def _enter(self, zone: Zone, seen: Observation, height: GroundHeight) -> RecordZoneEntry:
        self.inside[zone.key], self.rules[zone.key] = zone.override, zone.shape.rule
        return RecordZoneEntry(zone.key, zone.shape.rule, zone.override, seen, height)

    def _leave(self, key: str, seen: Observation, height: GroundHeight) -> RecordZoneExit:
        del self.inside[key]
        self.rules.pop(key, None)
        return RecordZoneExit(key, seen, height)


def above_m(shape: Shape, height: GroundHeight) -> float:
    """Metres that a drone is surely above a zone's ceiling; not at all where its height above ground is unknown."""
    return -inf if height.metres is None else height.metres - GROUND_ERROR_M - shape.ceiling_agl_m


def _comes_in(shape: Shape, here: Place, above: float, distance: float, velocity: Velocity) -> bool:
    """Whether the drone is near, or at this velocity will be inside within the look-ahead. `above`: metres above the
    ceiling."""
    if distance <= NEAR_M and above <= NEAR_M:
        return True
    speed = hypot(velocity.north, velocity.east)
    if distance > speed * LOOK_AHEAD_S:
        return False
    # Steps of at most 5 m or a tenth of the look-ahead: a zone has an extent, and the next look comes in less.
    steps = max(10, int(speed * LOOK_AHEAD_S / 5))
    for n in range(1, steps + 1):
        after = n * LOOK_AHEAD_S / steps
        there = _moved(here, velocity.north * after, velocity.east * after)
        if distance_m(shape.outline, there) <= 0 and above + velocity.up * after <= 0:
            return True
    return False


# -- geometry on the tangent plane -------------------------------------------


def _moved(place: Place, north_m: float, east_m: float) -> Place:
    latitude = place.latitude + north_m / METRES_PER_DEGREE
    return Place(latitude, place.longitude + east_m / (METRES_PER_DEGREE * cos(radians(place.latitude))))


def distance_m(outline: Sequence[Place], place: Place) -> float:
    """Metres from a place to the edge of an outline, negative inside it."""
    east_per_degree = METRES_PER_DEGREE * cos(radians(place.latitude))
    points = [
        ((p.longitude - place.longitude) * east_per_degree, (p.latitude - place.latitude) * METRES_PER_DEGREE)
        for p in outline
    ]
    nearest, inside = float("inf"), False
    for (x1, y1), (x2, y2) in pairwise(points):
        nearest = min(nearest, _to_side(x1, y1, x2, y2))
        if (y1 > 0) != (y2 > 0) and (x2 - x1) * -y1 / (y2 - y1) + x1 > 0:  # the ray to the east crosses this side
            inside = not inside
    return -nearest if inside else nearest


def _to_side(x1: float, y1: float, x2: float, y2: float) -> float:
    """From the origin to the nearest point of a side."""
    dx, dy = x2 - x1, y2 - y1
    length = dx * dx + dy * dy
    along = 0.0 if length == 0 else max(0.0, min(1.0, -(x1 * dx + y1 * dy) / length))
    return hypot(x1 + along * dx, y1 + along * dy)
