"""A viewing: one person looking at one piece of footage, from the request to the end.

No byte leaves before the event that reserves it is on the record. What was reserved and never accounted for counts as
seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from domain.call import CallStanding
from domain.footage import FootageStanding
from domain.grounds import Grounds, StatedGrounds, check_grounds, grounds_refusals, stated
from domain.kernel import (
    Aggregate,
    FeedId,
    FootageId,
    InvalidValue,
    NotFound,
    PersonId,
    Reason,
    StreamId,
    ViewingId,
    WrongState,
    event,
)
from domain.live_view import EndReason
from domain.policy import PolicyInForce
from domain.privacy_override_events import Range
from domain.reason_quality import ReasonQuality

AHEAD = timedelta(seconds=30)  # at most so much is reserved and not yet accounted for

# -- events ------------------------------------------------------------------
# `range`: of the footage, by the recorder's clock. `number`: of a reservation, from 1 in each viewing.


@event("viewing.viewing_requested")
class ViewingRequested:
    """Somebody asked to see footage, and said why."""

    footage: FootageId
    feed: FeedId | None
    range: Range
    person: PersonId
    session: str
    grounds: StatedGrounds


@event("viewing.viewing_granted")
class ViewingGranted:
    """A person may see a stretch of footage until a time."""

    footage: FootageId
    person: PersonId
    granted_at: datetime
    until: datetime


@event("viewing.viewing_refused")
class ViewingRefused:
    """A person was not let see footage."""

    footage: FootageId
    person: PersonId
    reasons: tuple[Reason, ...]


@event("viewing.segments_reserved")
class SegmentsReserved:
    """The next stretch may leave, masked unless an override is named."""

    footage: FootageId
    person: PersonId
    number: int
    range: Range
    masked: bool
    override: StreamId | None


@event("viewing.segments_served")
class SegmentsServed:
    """What of a reservation really left."""

    footage: FootageId
    person: PersonId
    number: int
    ranges: tuple[Range, ...]
    masked: bool
    size_bytes: int


@event("viewing.viewing_ended")
class ViewingEnded:
    """A viewing ended. `seen_s`: seconds of footage that left or may have; `unclosed`: reservations never accounted
    for, which are counted in it."""

    footage: FootageId
    person: PersonId
    why: EndReason
    ended_at: datetime
    seen_s: float
    size_bytes: int
    unclosed: int


Event = ViewingRequested | ViewingGranted | ViewingRefused | SegmentsReserved | SegmentsServed | ViewingEnded

# -- commands ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ViewingFacts:
    """`oversight`: an auditor asks, for a review."""

    footage: FootageStanding
    call: CallStanding | None
    policy: PolicyInForce
    oversight: bool = False


@dataclass(frozen=True, slots=True)
class RequestViewing:
    """`range` None: all of the footage."""

    viewing: ViewingId
    by: PersonId
    session: str
    grounds: Grounds
    quality: ReasonQuality
    facts: ViewingFacts
    range: Range | None = None


@dataclass(frozen=True, slots=True)
class ReserveSegments:
    """`override`: the privacy override that lifts the mask; whether it does is its own stream's to say."""

    by: PersonId
    session: str
    range: Range
    override: StreamId | None = None


@dataclass(frozen=True, slots=True)
class AccountForSegments:
    """`ranges`: what left, none where nothing did."""

    number: int
    ranges: tuple[Range, ...]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class EndViewing:
    why: EndReason


Command = RequestViewing | ReserveSegments | AccountForSegments | EndViewing

# -- state -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NotRequested:
    """Nobody has asked for this viewing."""


@dataclass(frozen=True, slots=True)
class Requested:
    request: ViewingRequested


@dataclass(frozen=True, slots=True)
class Open:
    """`reserved`: not accounted for yet, by number; `served`: what left."""

    request: ViewingRequested
    until: datetime
    reserved: Mapping[int, SegmentsReserved] = field(default_factory=lambda: MappingProxyType({}))
    served: tuple[Range, ...] = ()
    size_bytes: int = 0
    last_number: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    request: ViewingRequested


@dataclass(frozen=True, slots=True)
class Ended:
    request: ViewingRequested
    seen: tuple[Range, ...]


State = NotRequested | Requested | Open | Refused | Ended


def seen(state: State) -> tuple[Range, ...]:
    """What left, and what was reserved and never accounted for: the stretches that count as seen."""
    if isinstance(state, Open):
        return (*state.served, *(reservation.range for reservation in state.reserved.values()))
    return state.seen if isinstance(state, Ended) else ()


def viewing_permit(state: State, by: PersonId, session: str, at: datetime) -> Reason | None:
    """Why nothing of this viewing may go to that person's console now; None: it may, once it is reserved."""
    rule = "no frame without a grant"
    match state:
        case Open(request=request) if (request.person, request.session) != (by, session):
            return Reason("not_your_viewing", "this viewing is another person's or another sign-on's", rule)
        case Open(until=until) if at < until:
            return None
        case Open():
            message = "the time of this viewing is over: ask for a new one"
            return Reason("viewing_expired", message, "the length of a view is bounded")
        case Ended():
            return Reason("viewing_ended", "this viewing has ended: ask for a new one", rule)
        case _:
            return Reason("viewing_not_granted", "this viewing was not granted", rule)


# -- decide and evolve -------------------------------------------------------


def decide(command: Command, state: State, at: datetime) -> list[Event]:
    match command, state:
        case RequestViewing(), NotRequested():
            return _request(command, at)
        case RequestViewing(), _:
            raise WrongState("this viewing was asked for before: ask for a new one", field="viewing")
        case _, NotRequested():
            raise NotFound("nobody has asked for this viewing", field="viewing", accepted="an open viewing's id")
        case ReserveSegments(), Open():
            return [_reserve(command, state, at)]
        case AccountForSegments(), Open():
            return [_account(command, state)]
        case EndViewing(), Open():
            return [_ended(command, state, at)]
        case EndViewing(), _:
            return []
        case _:
            raise WrongState("this viewing is not open: ask for a new one", field="viewing")


def _request(command: RequestViewing, at: datetime) -> list[Event]:
    facts, grounds, standing = command.facts, command.grounds, command.facts.footage
    check_grounds(grounds, facts.policy)
    wanted = standing.stretch(command.range) or Range(at, at)
    on_record = stated(grounds, command.quality, f"viewing-{command.viewing}")
    asked = ViewingRequested(standing.footage, standing.feed, wanted, command.by, command.session, on_record)
    reasons = tuple(grounds_refusals(grounds, facts.call, facts.policy, oversight=facts.oversight))
    if standing.fault is not None:
        reasons += (standing.fault,)
    if reasons:
        return [asked, ViewingRefused(standing.footage, command.by, reasons)]
    until = at + timedelta(minutes=facts.policy.parameters.live_view_minutes)
    return [asked, ViewingGranted(standing.footage, command.by, at, until)]


def _reserve(command: ReserveSegments, state: Open, at: datetime) -> SegmentsReserved:
    request = state.request
    if (request.person, request.session) != (command.by, command.session):
        raise WrongState("this viewing is another person's or another sign-on's", field="viewing")
    if at >= state.until:
        raise WrongState("the time of this viewing is over: ask for a new one", field="viewing")
    wanted = command.range
    if not request.range.covers(wanted) or wanted.since >= wanted.until:
        raise InvalidValue("this was not asked for", field="range", accepted="a stretch of what was granted")
    ahead = sum((_length(reservation.range) for reservation in state.reserved.values()), timedelta(0))
    if ahead + _length(wanted) > AHEAD:
        raise InvalidValue(
            "too far ahead: account for what was reserved first",
            field="range",
            accepted=f"{(AHEAD - ahead).total_seconds():g} s",
        )
    masked = command.override is None
    return SegmentsReserved(request.footage, request.person, state.last_number + 1, wanted, masked, command.override)


def _account(command: AccountForSegments, state: Open) -> SegmentsServed:
    reservation = state.reserved.get(command.number)
    if reservation is None:
        raise WrongState("there is no such reservation open", field="number", accepted="a reservation's number")
    if not all(reservation.range.covers(part) for part in command.ranges) or command.size_bytes < 0:
        raise InvalidValue("more left than was reserved", field="ranges", accepted="stretches of the reservation")
    request = state.request
    return SegmentsServed(
        request.footage, request.person, command.number, command.ranges, reservation.masked, command.size_bytes
    )


def _ended(command: EndViewing, state: Open, at: datetime) -> ViewingEnded:
    why, ended_at = (EndReason.EXPIRED, state.until) if at >= state.until else (command.why, at)
    seconds = sum((_length(part) for part in seen(state)), timedelta(0)).total_seconds()
    request = state.request
    return ViewingEnded(
        request.footage, request.person, why, ended_at, round(seconds, 3), state.size_bytes, len(state.reserved)
    )


def _length(range_: Range) -> timedelta:
    return range_.until - range_.since


def evolve(state: State, happened: Event) -> State:
    match happened, state:
        case ViewingRequested(), _:
            return Requested(happened)
        case ViewingGranted(), Requested(request):
            return Open(request, happened.until)
        case ViewingRefused(), Requested(request):
            return Refused(request)
        case SegmentsReserved(number=number), Open():
            reserved = MappingProxyType({**state.reserved, number: happened})
            return replace(state, reserved=reserved, last_number=max(number, state.last_number))
        case SegmentsServed(number=number), Open():
            left = {n: reservation for n, reservation in state.reserved.items() if n != number}
            return replace(
                state,
                reserved=MappingProxyType(left),
                served=(*state.served, *happened.ranges),
                size_bytes=state.size_bytes + happened.size_bytes,
            )
        case ViewingEnded(), Open(request):
            return Ended(request, seen(state))
        case _:
            return state


VIEWING: Aggregate[Command, Event, State] = Aggregate("viewing", NotRequested(), decide, evolve)
