"""The states of a flight as types, and how each event leads from one to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import assert_never

from domain.drone import OrderOutcome
from domain.flight_events import (
    ArrivedOnScene,
    DroneLanded,
    DroneLaunched,
    Event,
    FlightAborted,
    FlightCategorised,
    FlightPublished,
    FlightRedirected,
    FlightRepurposed,
    HoldOrdered,
    LandingOrdered,
    LaunchAuthorised,
    LaunchLapsed,
    LaunchRefused,
    LaunchRequested,
    LaunchWithdrawn,
    LinkLost,
    LinkRestored,
    PrivacyZoneEntered,
    PrivacyZoneLeft,
    PublicationWithheld,
    RecordCategory,
    RecordingStarted,
    RecordingStopped,
    RecordingStopReason,
    ReturnOrdered,
    SafetyOrdered,
    UnknownsAccepted,
    ZoneEffect,
    ZoneRule,
)
from domain.kernel import (
    CallNumber,
    CaseNumber,
    Place,
    Reason,
)

# -- state -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NotRequested:
    """Nobody has asked for this flight."""


@dataclass(frozen=True, slots=True)
class Requested:
    """`accepted`: the unknown conditions that the pilot accepted since."""

    request: LaunchRequested
    accepted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    request: LaunchRequested


@dataclass(frozen=True, slots=True)
class Authorised:
    request: LaunchRequested
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Halted:
    """Authorised, and ordered to return, hold, land or abort before it was seen to take off: it must not any more.
    `since`: the first such order; `order`: the last one, which a drone in the air obeys."""

    request: LaunchRequested
    expires_at: datetime
    order: SafetyOrdered
    since: datetime


@dataclass(frozen=True, slots=True)
class CalledOff:
    """Lapsed or withdrawn."""

    request: LaunchRequested


@dataclass(frozen=True, slots=True)
class Sortie:
    """What a flying drone carries through the phases. `zones`: those it is in; True where one forbids recording.
    `lifted`: those of them that a privacy override opened; `covered`: those that nobody may look into. `stopped`: a
    person stopped the recording, so that it does not start by itself before the drone comes to a scene again."""

    request: LaunchRequested
    purpose: str
    call: CallNumber | None
    case: CaseNumber | None
    destination: Place
    launched: DroneLaunched
    recording: bool = False
    silent_since: datetime | None = None
    zones: Mapping[str, bool] = field(default_factory=lambda: MappingProxyType({}))
    lifted: frozenset[str] = frozenset()
    covered: frozenset[str] = frozenset()
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class EnRoute:
    sortie: Sortie


@dataclass(frozen=True, slots=True)
class OnScene:
    sortie: Sortie


@dataclass(frozen=True, slots=True)
class Holding:
    sortie: Sortie


@dataclass(frozen=True, slots=True)
class Returning:
    sortie: Sortie


@dataclass(frozen=True, slots=True)
class Landing:
    """Ordered down where it is, by a landing order or an abort."""

    sortie: Sortie


@dataclass(frozen=True, slots=True)
class Landed:
    sortie: Sortie
    at: datetime
    category: RecordCategory | None = None


@dataclass(frozen=True, slots=True)
class Published:
    landed: Landed


@dataclass(frozen=True, slots=True)
class Withheld:
    landed: Landed


Flying = EnRoute | OnScene | Holding | Returning | Landing
Grounded = Requested | Refused | Authorised | Halted | CalledOff
Over = Landed | Published | Withheld
State = NotRequested | Grounded | Flying | Over


def launch_permit(state: State, at: datetime) -> Reason | None:
    """Why the drone must not be told to take off now; None: it may. Asked by the gateway before every launch."""
    match state:
        case Authorised(expires_at=expires_at) if at <= expires_at:
            return None
        case Authorised():
            return Reason("authorisation_lapsed", "the authorisation has lapsed: ask again", "an authorisation lapses")
        case Halted():
            return Reason("halted", "a safety order came before the take-off: ask again", "safety orders stand")
        case Requested():
            return Reason("not_authorised", "the launch waits for its authorisation", "no launch without authorisation")
        case _:
            return Reason("not_authorised", "this flight has no authorised launch", "no launch without authorisation")


def may_be_airborne(state: State) -> bool:
    """Also an authorised drone may be, of which nothing was heard yet."""
    return isinstance(state, Authorised | Halted | Flying)


# -- evolve ------------------------------------------------------------------


def evolve(state: State, happened: Event) -> State:
    match state:
        case NotRequested():
            return Requested(happened) if isinstance(happened, LaunchRequested) else state
        case Requested() | Refused() | Authorised() | Halted() | CalledOff():
            return _evolve_on_the_ground(state, happened)
        case EnRoute() | OnScene() | Holding() | Returning() | Landing():
            return _evolve_in_flight(state, happened)
        case Landed() | Published() | Withheld():
            return _evolve_over(state, happened)
        case _:
            assert_never(state)


def _evolve_on_the_ground(state: Grounded, happened: Event) -> State:
    request = state.request
    match happened:
        case LaunchAuthorised(expires_at=expires_at):
            return Authorised(request, expires_at)
        case UnknownsAccepted(conditions) if isinstance(state, Requested):
            return Requested(request, (*state.accepted, *conditions))
        case LaunchRefused():
            return Refused(request)
        case LaunchLapsed() | LaunchWithdrawn():
            return CalledOff(request)
        case ReturnOrdered() | HoldOrdered() | LandingOrdered() | FlightAborted():
            if isinstance(state, Authorised | Halted):
                since = state.since if isinstance(state, Halted) else happened.ordered_at
                return Halted(request, state.expires_at, happened, min(since, happened.ordered_at))
            return state
        case DroneLaunched():
            sortie = Sortie(request, request.purpose, request.call, request.case, request.destination, happened)
            flying = EnRoute(sortie)
            return _after_order(flying, state.order) if isinstance(state, Halted) else flying
        case _:
            return state


def _evolve_in_flight(state: Flying, happened: Event) -> State:
    sortie = state.sortie
    match happened:
        case ArrivedOnScene():
            return OnScene(replace(sortie, stopped=False))
        case FlightRedirected(destination):
            return EnRoute(replace(sortie, destination=destination))
        case FlightRepurposed(purpose, call, case_number):
            return EnRoute(
                replace(sortie, purpose=purpose, call=call, case=case_number, destination=happened.destination)
            )
        case ReturnOrdered() | HoldOrdered() | LandingOrdered() | FlightAborted():
            return _after_order(state, happened)
        case LinkLost(last_heard_at):
            return replace(state, sortie=replace(sortie, silent_since=last_heard_at))
        case LinkRestored():
            return replace(state, sortie=replace(sortie, silent_since=None))
        case RecordingStarted():
            return replace(state, sortie=replace(sortie, recording=True, stopped=False))
        case RecordingStopped(why):
            stopped = sortie.stopped or why is RecordingStopReason.OPERATOR
            return replace(state, sortie=replace(sortie, recording=False, stopped=stopped))
        case PrivacyZoneEntered(zone, rule, effect):
            blocks = rule is not ZoneRule.MASK and effect is not ZoneEffect.OVERRIDDEN
            lifted = sortie.lifted | {zone} if effect is ZoneEffect.OVERRIDDEN else sortie.lifted - {zone}
            hides = rule is ZoneRule.NO_VIEW and effect is not ZoneEffect.OVERRIDDEN
            covered = sortie.covered | {zone} if hides else sortie.covered - {zone}
            zones = MappingProxyType({**sortie.zones, zone: blocks})
            return replace(state, sortie=replace(sortie, zones=zones, lifted=lifted, covered=covered))
        case PrivacyZoneLeft(zone):
            left = MappingProxyType({z: blocks for z, blocks in sortie.zones.items() if z != zone})
            lifted, covered = sortie.lifted - {zone}, sortie.covered - {zone}
            return replace(state, sortie=replace(sortie, zones=left, lifted=lifted, covered=covered))
        case DroneLanded(observed_at=observed_at):
            return Landed(sortie, observed_at)
        case _:
            return state


def _after_order(state: Flying, order: SafetyOrdered) -> Flying:
    if order.outcome is OrderOutcome.DENIED:
        return state
    match order:
        case ReturnOrdered():
            return Returning(state.sortie)
        case LandingOrdered() | FlightAborted():
            return Landing(state.sortie)
        case HoldOrdered():
            return state if isinstance(state, OnScene) else Holding(state.sortie)
        case _:
            assert_never(order)


def _evolve_over(state: Over, happened: Event) -> State:
    landed = state if isinstance(state, Landed) else state.landed
    match happened:
        case FlightCategorised(category):
            landed = replace(landed, category=category)
            return landed if isinstance(state, Landed) else replace(state, landed=landed)
        case FlightPublished():
            return Published(landed)
        case PublicationWithheld():
            return Withheld(landed)
        case _:
            return state
