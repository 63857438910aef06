"""A privacy zone: a stretch of ground, up to a height, where people may expect not to be watched.

Whether its outline is a proper one on the map is checked before it comes here (`application/zones.py`); who makes a
zone smaller, milder or takes it away says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain import checks
from domain.flight_events import ZoneRule
from domain.kernel import Aggregate, InvalidValue, NotFound, PersonId, Place, WrongState, event

FEWEST_CORNERS, MOST_POINTS = 3, 200
CEILING_M = (10.0, 500.0)

# -- events ------------------------------------------------------------------
# `outline`: WGS 84, the last point is the first one again; `ceiling_agl_m`: metres above ground up to which it holds.


@event("zone.privacy_zone_drawn")
class PrivacyZoneDrawn:
    """A privacy zone was drawn."""

    name: str
    outline: tuple[Place, ...]
    ceiling_agl_m: float
    rule: ZoneRule
    reason: str
    drawn_by: PersonId


@event("zone.privacy_zone_redrawn")
class PrivacyZoneRedrawn:
    """A privacy zone got another outline, height or rule."""

    outline: tuple[Place, ...]
    ceiling_agl_m: float
    rule: ZoneRule
    reason: str
    redrawn_by: PersonId


@event("zone.privacy_zone_retired")
class PrivacyZoneRetired:
    """A privacy zone protects nothing any more."""

    reason: str
    retired_by: PersonId


Event = PrivacyZoneDrawn | PrivacyZoneRedrawn | PrivacyZoneRetired

# -- commands ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shape:
    """Where a zone is and what it asks for."""

    outline: tuple[Place, ...]
    ceiling_agl_m: float
    rule: ZoneRule


@dataclass(frozen=True, slots=True)
class DrawZone:
    name: str
    shape: Shape
    reason: str
    by: PersonId


@dataclass(frozen=True, slots=True)
class RedrawZone:
    shape: Shape
    reason: str
    by: PersonId


@dataclass(frozen=True, slots=True)
class RetireZone:
    reason: str
    by: PersonId


Command = DrawZone | RedrawZone | RetireZone

# -- state -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NotDrawn:
    pass


@dataclass(frozen=True, slots=True)
class Drawn:
    name: str
    shape: Shape


@dataclass(frozen=True, slots=True)
class Retired:
    name: str


State = NotDrawn | Drawn | Retired

# -- decide and evolve -------------------------------------------------------


def decide(command: Command, state: State, at: datetime) -> list[Event]:
    match command, state:
        case DrawZone(), NotDrawn():
            shape = _checked(command.shape)
            name = checks.text("name", command.name, at_least=3, at_most=120)
            return [
                PrivacyZoneDrawn(
                    name, shape.outline, shape.ceiling_agl_m, shape.rule, _reason(command.reason), command.by
                )
            ]
        case DrawZone(), _:
            raise WrongState("this zone was drawn before: redraw it, or draw one under another id", field="zone")
        case _, NotDrawn():
            raise NotFound("there is no such privacy zone", field="zone", accepted="the id of a zone that was drawn")
        case RedrawZone(), Drawn(shape=before):
            shape = _checked(command.shape)
            if shape == before:
                raise InvalidValue("the zone is just so already", field="outline", accepted="another shape or rule")
            return [
                PrivacyZoneRedrawn(shape.outline, shape.ceiling_agl_m, shape.rule, _reason(command.reason), command.by)
            ]
        case RetireZone(), Drawn():
            return [PrivacyZoneRetired(_reason(command.reason), command.by)]
        case _:
            raise WrongState("this privacy zone was retired", field="zone", accepted="a zone that is in force")


def _checked(shape: Shape) -> Shape:
    """Raises InvalidValue: no outline, no height."""
    checks.closed("outline", shape.outline, FEWEST_CORNERS, MOST_POINTS)
    checks.within("ceiling_agl_m", shape.ceiling_agl_m, *CEILING_M, "m above ground")
    return shape


def _reason(reason: str) -> str:
    return checks.text("reason", reason, at_least=10, at_most=500)


def evolve(state: State, happened: Event) -> State:
    match happened, state:
        case PrivacyZoneDrawn(name, outline, ceiling_agl_m, rule), _:
            return Drawn(name, Shape(outline, ceiling_agl_m, rule))
        case PrivacyZoneRedrawn(outline, ceiling_agl_m, rule), Drawn(name):
            return Drawn(name, Shape(outline, ceiling_agl_m, rule))
        case PrivacyZoneRetired(), Drawn(name):
            return Retired(name)
        case _:
            return state


ZONE: Aggregate[Command, Event, State] = Aggregate("zone", NotDrawn(), decide, evolve)
