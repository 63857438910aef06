"""A call for service, as the dispatch system (CAD) tells it.

CAD sends the call as it now stands, numbered: an update that comes late or twice changes nothing, and the next one
makes good what a lost one held. A correction is a new event; what was believed before stays on the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import assert_never

from domain import checks
from domain.kernel import (
    Aggregate,
    CallNumber,
    CaseNumber,
    FeedId,
    InvalidValue,
    NotFound,
    Personal,
    PersonId,
    Place,
    WrongState,
    event,
)

MOST_OBSERVATIONS = 200  # of one call


class ObservationKind(StrEnum):
    """What somebody on the street saw."""

    PERSON_NEEDS_HELP = "person_needs_help"
    DISTURBANCE = "disturbance"
    HAZARD = "hazard"  # fire, glass, a wire that is down
    VEHICLE = "vehicle"
    PROPERTY = "property"
    NOTHING_THERE = "nothing_there"  # any more
    OTHER = "other"


# -- events ------------------------------------------------------------------
# `cad_time` is the dispatch system's clock; `clock_difference_s` how far that is ahead of ours where by over a second.


@event("call.call_received")
class CallReceived:
    """Dispatch received a call for service."""

    call_type: str
    priority: int
    place: Place
    address: Personal[str] | None
    caller: Personal[str] | None
    narrative: Personal[str] | None
    received_at: datetime
    update_number: int
    cad_time: datetime
    clock_difference_s: float | None


@event("call.call_reclassified")
class CallReclassified:
    """Dispatch gave a call another type or priority."""

    call_type: str
    priority: int
    update_number: int
    cad_time: datetime
    clock_difference_s: float | None


@event("call.call_corrected")
class CallCorrected:
    """Dispatch corrected where a call is, who called, what was said or when it was received."""

    place: Place
    address: Personal[str] | None
    caller: Personal[str] | None
    narrative: Personal[str] | None
    received_at: datetime
    update_number: int
    cad_time: datetime
    clock_difference_s: float | None


@event("call.unit_dispatched")
class UnitDispatched:
    """A patrol unit was sent to a call."""

    unit: str
    dispatched_at: datetime
    update_number: int
    cad_time: datetime
    clock_difference_s: float | None


@event("call.unit_arrived")
class UnitArrived:
    """A patrol unit arrived at a call."""

    unit: str
    arrived_at: datetime
    update_number: int
    cad_time: datetime
    clock_difference_s: float | None


@event("call.unit_cancelled")
class UnitCancelled:
    """A patrol unit was taken off a call."""

    unit: str
    cancelled_at: datetime
    update_number: int
    cad_time: datetime
    clock_difference_s: float | None


@event("call.call_closed")
class CallClosed:
    """Dispatch closed a call."""

    disposition: str
    closed_at: datetime
    update_number: int
    cad_time: datetime
    clock_difference_s: float | None


@event("call.call_reopened")
class CallReopened:
    """Dispatch opened a closed call again."""

    update_number: int
    cad_time: datetime
    clock_difference_s: float | None


@event("call.call_confirmed")
class CallConfirmed:
    """Dispatch told of a call again, and nothing had changed."""

    # Without it an older update that comes after this one would be taken for news.
    update_number: int
    cad_time: datetime
    clock_difference_s: float | None


@event("call.feed_shared_with_incident")
class FeedSharedWithIncident:
    """A feed was opened to those who respond to a call in the field, for as long as the call is open."""

    feed: FeedId
    shared_by: PersonId
    reason: Personal[str]


@event("call.feed_sharing_ended")
class FeedSharingEnded:
    """A feed is no longer open to those who respond to a call."""

    feed: FeedId
    ended_by: PersonId


@event("call.observation_reported")
class ObservationReported:
    """An ambassador on the street, or the watch for one, told what was seen of a call."""

    # `observation`: its own id; `observed_at`: by the clock of who saw it.

    observation: str
    kind: ObservationKind
    said: Personal[str]
    place: Place | None
    observed_at: datetime
    reported_by: PersonId


Event = (
    CallReceived
    | CallReclassified
    | CallCorrected
    | UnitDispatched
    | UnitArrived
    | UnitCancelled
    | CallClosed
    | CallReopened
    | CallConfirmed
    | FeedSharedWithIncident
    | FeedSharingEnded
    | ObservationReported
)

# -- commands ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UnitTimes:
    """One unit on a call, by the dispatch system's clock."""

    unit: str
    dispatched_at: datetime | None = None
    arrived_at: datetime | None = None
    cancelled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class UpdateCall:
    """A call as it stands in CAD at `cad_time`. `disposition` and `closed_at` only once it is closed; `case`: the
    number under which work on it goes on, once it has one.

    Units that an update does not mention stay as they are.
    """

    call: CallNumber
    update_number: int
    cad_time: datetime
    call_type: str
    priority: int
    place: Place
    received_at: datetime
    address: str | None = None
    caller: str | None = None
    narrative: str | None = None
    units: tuple[UnitTimes, ...] = ()
    disposition: str | None = None
    closed_at: datetime | None = None
    case: CaseNumber | None = None


@dataclass(frozen=True, slots=True)
class ShareFeed:
    """Open a feed to who responds in the field. Shared already: nothing changes."""

    call: CallNumber
    feed: FeedId
    reason: str
    by: PersonId


@dataclass(frozen=True, slots=True)
class StopSharingFeed:
    call: CallNumber
    feed: FeedId
    by: PersonId


@dataclass(frozen=True, slots=True)
class ReportObservation:
    call: CallNumber
    observation: str
    kind: ObservationKind
    said: str
    observed_at: datetime
    by: PersonId
    place: Place | None = None


Command = UpdateCall | ShareFeed | StopSharingFeed | ReportObservation

# -- state -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unheard:
    """Dispatch has told nothing of this call."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a call, open or closed. `closing`: how it was closed and when, None while it is open."""

    call_type: str
    priority: int
    place: Place
    address: Personal[str] | None
    caller: Personal[str] | None
    narrative: Personal[str] | None
    received_at: datetime
    update_number: int
    units: Mapping[str, UnitTimes] = field(default_factory=lambda: MappingProxyType({}))
    closing: tuple[str, datetime] | None = None
    shared: frozenset[FeedId] = frozenset()  # feeds open to the field; none once it is closed
    observations: tuple[ObservationReported, ...] = ()


State = Unheard | Known


@dataclass(frozen=True, slots=True)
class CallStanding:
    """What other decisions may know of a call."""

    call: CallNumber
    known: bool
    open: bool
    call_type: str = ""
    place: Place | None = None
    shared: frozenset[FeedId] = frozenset()


def call_standing(call: CallNumber, state: State) -> CallStanding:
    if isinstance(state, Unheard):
        return CallStanding(call, known=False, open=False)
    return CallStanding(call, True, state.closing is None, state.call_type, state.place, state.shared)


# -- decide and evolve -------------------------------------------------------


def decide(command: Command, state: State, at: datetime) -> list[Event]:
    if isinstance(command, UpdateCall):
        return _update(command, state, at)
    if isinstance(state, Unheard):
        raise NotFound("dispatch knows no such call", field="call", accepted="an open call's number")
    if isinstance(command, ReportObservation):
        return [_observed(command, state, at)]
    if isinstance(command, StopSharingFeed):
        return [FeedSharingEnded(command.feed, command.by)] if command.feed in state.shared else []
    if state.closing is not None:
        raise WrongState("this call is closed: nothing is shared with it", field="call", accepted="an open call")
    reason = checks.text("reason", command.reason, at_least=3, at_most=500)
    if command.feed in state.shared:
        return []
    return [FeedSharedWithIncident(command.feed, command.by, Personal(f"call-{command.call}", reason))]


def _observed(command: ReportObservation, state: Known, at: datetime) -> ObservationReported:
    if state.closing is not None:
        accepted = "an open call; tell dispatch of what is new"
        raise WrongState("this call is closed: nobody looks at it any more", field="call", accepted=accepted)
    if len(state.observations) >= MOST_OBSERVATIONS:
        raise WrongState("this call has as many observations as anybody reads", field="call")
    said = Personal(f"call-{command.call}", checks.text("said", command.said, at_least=3, at_most=1000))
    observed_at = checks.aware("observed_at", command.observed_at)
    if observed_at - at > checks.CLOCK_TOLERANCE:
        raise InvalidValue("nobody has seen what is to come", field="observed_at", accepted="a time that has passed")
    return ObservationReported(command.observation, command.kind, said, command.place, observed_at, command.by)


def _update(command: UpdateCall, state: State, at: datetime) -> list[Event]:
    _check(command)
    if isinstance(state, Known) and command.update_number <= state.update_number:
        return []
    subject = f"call-{command.call}"
    address, caller, narrative = (
        Personal(subject, said) if said else None for said in (command.address, command.caller, command.narrative)
    )
    number, cad_time = command.update_number, command.cad_time
    difference = checks.clock_difference_s(cad_time, at)
    stamp = (number, cad_time, difference)
    details = (command.place, address, caller, narrative, command.received_at)
    events: list[Event] = []
    if isinstance(state, Unheard):
        events.append(CallReceived(command.call_type, command.priority, *details, *stamp))
        units: Mapping[str, UnitTimes] = {}
        closing = None
    else:
        units, closing = state.units, state.closing
        if (command.call_type, command.priority) != (state.call_type, state.priority):
            events.append(CallReclassified(command.call_type, command.priority, *stamp))
        if details != (state.place, state.address, state.caller, state.narrative, state.received_at):
            events.append(CallCorrected(*details, *stamp))
    if closing is not None and command.disposition is None:
        events.append(CallReopened(*stamp))
    for unit in command.units:
        before = units.get(unit.unit, UnitTimes(unit.unit))
        if unit.dispatched_at is not None and unit.dispatched_at != before.dispatched_at:
            events.append(UnitDispatched(unit.unit, unit.dispatched_at, *stamp))
            before = UnitTimes(unit.unit, unit.dispatched_at)
        if unit.arrived_at is not None and unit.arrived_at != before.arrived_at:
            events.append(UnitArrived(unit.unit, unit.arrived_at, *stamp))
        if unit.cancelled_at is not None and unit.cancelled_at != before.cancelled_at:
            events.append(UnitCancelled(unit.unit, unit.cancelled_at, *stamp))
    if command.disposition is not None:
        closed_at = command.closed_at or command.cad_time
        if closing != (command.disposition, closed_at):
            events.append(CallClosed(command.disposition, closed_at, *stamp))
    return events or [CallConfirmed(*stamp)]


def _check(command: UpdateCall) -> None:
    checks.identifier("call", command.call)
    checks.text("call_type", command.call_type, at_most=60)
    checks.within("priority", command.priority, 0, 9, "(0 is the most urgent)")
    if command.update_number < 1:
        raise InvalidValue("an update has a number", field="update_number", accepted="1 and up, higher is later")
    checks.aware("cad_time", command.cad_time)
    checks.aware("received_at", command.received_at)
    for name, said, longest in (
        ("address", command.address, 300),
        ("caller", command.caller, 200),
        ("narrative", command.narrative, 5000),
    ):
        if said:
            checks.text(name, said, at_most=longest)
    if command.disposition is not None:
        checks.text("disposition", command.disposition, at_most=60)
    if command.closed_at is not None:
        checks.aware("closed_at", command.closed_at)
    if command.case is not None:
        checks.identifier("case", command.case)
    if len(command.units) > 100:
        raise InvalidValue("too many units", field="units", accepted="at most 100")
    for unit in command.units:
        checks.identifier("units.unit", unit.unit)
        for moment in (unit.dispatched_at, unit.arrived_at, unit.cancelled_at):
            if moment is not None:
                checks.aware("units", moment)


def evolve(state: State, happened: Event) -> State:
    if isinstance(happened, CallReceived):
        return Known(
            happened.call_type,
            happened.priority,
            happened.place,
            happened.address,
            happened.caller,
            happened.narrative,
            happened.received_at,
            happened.update_number,
        )
    if isinstance(state, Unheard):
        return state
    match happened:
        case FeedSharedWithIncident(feed):
            return replace(state, shared=state.shared | {feed})
        case FeedSharingEnded(feed):
            return replace(state, shared=state.shared - {feed})
        case ObservationReported():
            return replace(state, observations=(*state.observations, happened))
    state = replace(state, update_number=happened.update_number)
    match happened:
        case CallReclassified(call_type, priority):
            return replace(state, call_type=call_type, priority=priority)
        case CallCorrected(place, address, caller, narrative, received_at):
            return replace(
                state, place=place, address=address, caller=caller, narrative=narrative, received_at=received_at
            )
        case UnitDispatched(unit, dispatched_at):
            return _with_unit(state, UnitTimes(unit, dispatched_at))
        case UnitArrived(unit, arrived_at):
            return _with_unit(state, replace(state.units.get(unit, UnitTimes(unit)), arrived_at=arrived_at))
        case UnitCancelled(unit, cancelled_at):
            return _with_unit(state, replace(state.units.get(unit, UnitTimes(unit)), cancelled_at=cancelled_at))
        case CallClosed(disposition, closed_at):
            return replace(state, closing=(disposition, closed_at), shared=frozenset())
        case CallReopened():
            return replace(state, closing=None)
        case CallConfirmed():
            return state
        case _:
            assert_never(happened)


def _with_unit(state: Known, unit: UnitTimes) -> Known:
    return replace(state, units=MappingProxyType({**state.units, unit.unit: unit}))


CALL: Aggregate[Command, Event, State] = Aggregate("call", Unheard(), decide, evolve)
