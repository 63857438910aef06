"""A live view: one person watching one feed, from the request to the end.

Every view has a purpose before its first frame. A view whose heartbeat is late has ended: silence is never watching.
What left of the picture is put on the record while it goes on, at least once a minute. What was granted and is nowhere
accounted for counts as seen, up to the end of the view.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from domain import checks
from domain.call import CallStanding
from domain.camera import FeedStanding
from domain.grounds import Grounds, StatedGrounds, check_grounds, grounds_refusals, stated
from domain.kernel import (
    Aggregate,
    CallNumber,
    FeedId,
    InvalidValue,
    LiveViewId,
    NotFound,
    Personal,
    PersonId,
    Reason,
    StreamId,
    WrongState,
    event,
)
from domain.policy import PolicyInForce
from domain.reason_quality import ReasonQuality

HEARTBEAT_LIMIT = timedelta(seconds=10)
COVERED = Reason(
    "in_privacy_zone",
    "the drone is in a privacy zone that nobody may look into",
    "a zone that forbids viewing ends what is seen of it at once",
    "feed",
    "a privacy override of that zone, or the drone outside it",
)


class EndReason(StrEnum):
    CLOSED = "closed"  # by who watched
    LOST = "lost"  # the heartbeat stopped
    EXPIRED = "expired"  # its time was over and nobody asked again
    REVOKED = "revoked"  # who watched may no longer, or the feed is no longer shared
    PRIVACY_ZONE = "privacy_zone"  # the drone came to where nobody may look


# -- events ------------------------------------------------------------------
# `shared_by_call`: the incident that the feed was shared with, where that is why the person may watch.


@event("liveview.live_view_requested")
class LiveViewRequested:
    """Somebody asked to watch a feed, and said why."""

    feed: FeedId
    person: PersonId
    session: str
    grounds: StatedGrounds
    shared_by_call: CallNumber | None


@event("liveview.live_view_granted")
class LiveViewGranted:
    """A person may watch a feed until a time."""

    feed: FeedId
    person: PersonId
    granted_at: datetime
    until: datetime


@event("liveview.live_view_refused")
class LiveViewRefused:
    """A person was not let watch a feed."""

    feed: FeedId
    person: PersonId
    reasons: tuple[Reason, ...]


@event("liveview.live_view_renewed")
class LiveViewRenewed:
    """A person asked again, and may go on watching until a later time."""

    feed: FeedId
    person: PersonId
    reason: Personal[str]
    quality: ReasonQuality
    until: datetime


@event("liveview.renewal_refused")
class RenewalRefused:
    """A person asked to go on watching and was refused; the view ends when it was to end."""

    feed: FeedId
    person: PersonId
    reasons: tuple[Reason, ...]


@event("liveview.live_view_ended")
class LiveViewEnded:
    """A view ended. `ended_at`: when the last frame may have been seen; `watched_s`: seconds from grant to then."""

    feed: FeedId
    person: PersonId
    why: EndReason
    ended_at: datetime
    watched_s: float


@event("liveview.live_pictures_served")
class LivePicturesServed:
    """How much of a picture left, masked or under which override; `total_bytes`: of the view up to now."""

    feed: FeedId
    person: PersonId
    since: datetime
    until: datetime
    masked: bool  # something in it was hidden
    override: StreamId | None  # without which more would have been
    size_bytes: int  # counted where it left, over one connection
    total_bytes: int


Event = (
    LiveViewRequested
    | LiveViewGranted
    | LiveViewRefused
    | LiveViewRenewed
    | RenewalRefused
    | LiveViewEnded
    | LivePicturesServed
)

# -- commands ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ViewFacts:
    """The streams that a view is held against, as they stand. `policy` names the length of a view."""

    feed: FeedStanding
    call: CallStanding | None
    policy: PolicyInForce


@dataclass(frozen=True, slots=True)
class RequestLiveView:
    view: LiveViewId
    by: PersonId
    session: str
    grounds: Grounds
    quality: ReasonQuality
    facts: ViewFacts
    shared_by_call: CallNumber | None = None


@dataclass(frozen=True, slots=True)
class RenewLiveView:
    by: PersonId
    reason: str
    quality: ReasonQuality
    facts: ViewFacts


@dataclass(frozen=True, slots=True)
class EndLiveView:
    """`last_seen`: the last heartbeat, where that is why it ends."""

    why: EndReason
    last_seen: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccountForPictures:
    """What left over one connection, by the clock of where it was counted: its first piece at `since`, its last at
    `until`."""

    since: datetime
    until: datetime
    size_bytes: int
    masked: bool
    override: StreamId | None = None


Command = RequestLiveView | RenewLiveView | EndLiveView | AccountForPictures

# -- state -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NotRequested:
    """Nobody has asked for this view."""


@dataclass(frozen=True, slots=True)
class Requested:
    request: LiveViewRequested


@dataclass(frozen=True, slots=True)
class Open:
    request: LiveViewRequested
    granted_at: datetime
    until: datetime
    size_bytes: int = 0  # accounted for


@dataclass(frozen=True, slots=True)
class Refused:
    request: LiveViewRequested


@dataclass(frozen=True, slots=True)
class Ended:
    request: LiveViewRequested
    why: EndReason
    size_bytes: int = 0


State = NotRequested | Requested | Open | Refused | Ended


def flight_feed(feed: FeedId, *, known: bool, flying: bool, covered: bool = False) -> FeedStanding:
    """A drone's picture is there while it flies; a drone in its dock is nobody's camera.

    `covered`: the drone is in a privacy zone that nobody may look into, and no override lifts it."""
    rule = "a view is of a picture that is there"
    if not known:
        return FeedStanding(feed, Reason("feed_unknown", "there is no such flight", rule, field="feed"))
    if not flying:
        return FeedStanding(feed, Reason("feed_offline", "this flight is not in the air", rule, field="feed"))
    if covered:
        return FeedStanding(feed, COVERED)
    return FeedStanding(feed, None)


def view_permit(state: State, by: PersonId, session: str, at: datetime) -> Reason | None:
    """Why no frame of this view may go to that person's console now; None: it may."""
    rule = "no frame without a grant"
    match state:
        case Open(request=request) if (request.person, request.session) != (by, session):
            return Reason("not_your_view", "this view is another person's or another sign-on's", rule)
        case Open(until=until) if at < until:
            return None
        case Open():
            return Reason("view_expired", "the time of this view is over: ask again", "the length of a view is bounded")
        case Ended(why=why):
            return Reason("view_ended", f"this view has ended ({why})", rule)
        case _:
            return Reason("view_not_granted", "this view was not granted", rule)


# -- decide and evolve -------------------------------------------------------


def decide(command: Command, state: State, at: datetime) -> list[Event]:
    match command, state:
        case RequestLiveView(), NotRequested():
            return _request(command, at)
        case RequestLiveView(), _:
            raise WrongState("this view was asked for before: ask for a new one", field="view")
        case _, NotRequested():
            raise NotFound("nobody has asked for this view", field="view", accepted="an open view's id")
        case RenewLiveView(), Open() if at < state.until:
            return _renew(command, state, at)
        case RenewLiveView(), _:
            raise WrongState("this view is over: ask for a new one", field="view")
        case EndLiveView(), Open():
            return [_ended(command, state, at)]
        case EndLiveView(), _:
            return []
        case AccountForPictures(), Open() | Ended():
            return [_served(command, state)]
        case AccountForPictures(), _:
            raise WrongState("this view was not granted: nothing of it can have left", field="view")
        case _:
            raise AssertionError(command)


def _request(command: RequestLiveView, at: datetime) -> list[Event]:
    facts, grounds, feed = command.facts, command.grounds, command.facts.feed.feed
    check_grounds(grounds, facts.policy)
    on_record = stated(grounds, command.quality, f"liveview-{command.view}")
    requested = LiveViewRequested(feed, command.by, command.session, on_record, command.shared_by_call)
    reasons = tuple(grounds_refusals(grounds, facts.call, facts.policy, live=True))
    if facts.feed.fault is not None:
        reasons += (facts.feed.fault,)
    if reasons:
        return [requested, LiveViewRefused(feed, command.by, reasons)]
    return [requested, LiveViewGranted(feed, command.by, at, at + _length(facts.policy))]


def _renew(command: RenewLiveView, state: Open, at: datetime) -> list[Event]:
    request, facts = state.request, command.facts
    said = request.grounds
    reason = checks.text("reason", command.reason, at_least=3, at_most=500)
    again = Grounds(said.purpose, reason, said.call, said.case, said.authorisation)
    reasons = tuple(grounds_refusals(again, facts.call, facts.policy, live=True))
    if facts.feed.fault is not None:
        reasons += (facts.feed.fault,)
    if request.person != command.by:
        reasons += (Reason("not_your_view", "only who watches may ask to go on", "one person, one feed"),)
    if reasons:
        return [RenewalRefused(request.feed, command.by, reasons)]
    until = at + _length(facts.policy)
    text = Personal(said.reason.subject, reason)
    return [LiveViewRenewed(request.feed, command.by, text, command.quality, until)]


def _length(policy: PolicyInForce) -> timedelta:
    return timedelta(minutes=policy.parameters.live_view_minutes)


def _ended(command: EndLiveView, state: Open, at: datetime) -> LiveViewEnded:
    why, ended_at = command.why, at
    if why is EndReason.LOST and command.last_seen is not None:
        # Frames may have gone out until the heartbeat was late: what may have been seen counts as seen.
        ended_at = min(at, max(command.last_seen, state.granted_at) + HEARTBEAT_LIMIT)
    if ended_at >= state.until:
        why, ended_at = EndReason.EXPIRED, state.until
    watched_s = round((ended_at - state.granted_at).total_seconds(), 3)
    return LiveViewEnded(state.request.feed, state.request.person, why, ended_at, watched_s)


def _served(command: AccountForPictures, state: Open | Ended) -> LivePicturesServed:
    """Also of a view that has just ended: what left before that is told after it."""
    if command.size_bytes < 1:
        raise InvalidValue("nothing left", field="size_bytes", accepted="1 byte or more")
    if command.until < command.since:
        raise InvalidValue("this ends before it begins", field="until", accepted="not before 'since'")
    request, total = state.request, state.size_bytes + command.size_bytes
    return LivePicturesServed(
        request.feed,
        request.person,
        command.since,
        command.until,
        command.masked,
        command.override,
        command.size_bytes,
        total,
    )


def evolve(state: State, happened: Event) -> State:
    match happened, state:
        case LiveViewRequested(), _:
            return Requested(happened)
        case LiveViewGranted(), Requested(request):
            return Open(request, happened.granted_at, happened.until)
        case LiveViewRefused(), Requested(request):
            return Refused(request)
        case LiveViewRenewed(until=until), Open():
            return replace(state, until=until)
        case LivePicturesServed(total_bytes=total), Open() | Ended():
            return replace(state, size_bytes=total)
        case LiveViewEnded(why=why), Open(request, size_bytes=size):
            return Ended(request, why, size)
        case _:
            return state


LIVE_VIEW: Aggregate[Command, Event, State] = Aggregate("liveview", NotRequested(), decide, evolve)
