"""A dock: the place on a roof where a drone stands ready."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain import checks
from domain.kernel import Aggregate, DockId, PersonId, Place, WrongState, event

# -- events ------------------------------------------------------------------


@event("dock.dock_commissioned")
class DockCommissioned:
    """A dock was put into service."""

    name: str
    place: Place
    amsl_m: float
    commissioned_by: PersonId


Event = DockCommissioned

# -- commands ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CommissionDock:
    """`amsl_m`: height of the landing surface, metres above mean sea level."""

    dock: DockId
    name: str
    place: Place
    amsl_m: float
    by: PersonId


Command = CommissionDock

# -- state -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Planned:
    """No dock is in service under this id."""


@dataclass(frozen=True, slots=True)
class InService:
    name: str
    place: Place
    amsl_m: float


State = Planned | InService

# -- decide and evolve -------------------------------------------------------


def decide(command: Command, state: State, at: datetime) -> list[Event]:
    if isinstance(state, InService):
        raise WrongState("this dock is in service already: choose another id", field="dock")
    checks.identifier("dock", command.dock)
    amsl_m = checks.within("amsl_m", command.amsl_m, -100, 3000, "m above mean sea level")
    return [DockCommissioned(checks.text("name", command.name, at_most=80), command.place, amsl_m, command.by)]


def evolve(state: State, happened: Event) -> State:
    return InService(happened.name, happened.place, happened.amsl_m)


DOCK: Aggregate[Command, Event, State] = Aggregate("dock", Planned(), decide, evolve)
