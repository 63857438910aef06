"""Live views: asked for, granted or refused, kept alive, renewed, ended.

Every frame needs a grant that is on the record first; `permit` is what the media plane asks, and it asks the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import NAMESPACE_URL, UUID, uuid5

import structlog

from application import codec
from application.cases import case_of
from application.commands import Commands
from application.deadlines import Change, Due, NotDue, drawn_from, when_due
from application.handling import KEY, Accepted, Actor, Attempt, Denied, Handler, Outcome, Recorded, Unavailable
from application.ports import StoreUnavailable
from application.standing import NO_POLICY, authorise, outcome, service, signed_on
from domain import live_view
from domain.call import CALL, CallStanding, ShareFeed, StopSharingFeed, call_standing
from domain.camera import CAMERA, FeedStanding, feed_standing
from domain.case import CASE, CaseStanding, case_standing
from domain.flight import FLIGHT
from domain.flight_state import Flying, NotRequested
from domain.grounds import Grounds, purpose_refusals
from domain.kernel import (
    Aggregate,
    CallNumber,
    FeedId,
    InvalidValue,
    LiveViewId,
    NotFound,
    PersonId,
    Reason,
    StreamId,
)
from domain.live_view import (
    COVERED,
    HEARTBEAT_LIMIT,
    LIVE_VIEW,
    AccountForPictures,
    EndLiveView,
    EndReason,
    LiveViewEnded,
    LiveViewGranted,
    LiveViewRenewed,
    LiveViewRequested,
    Open,
    RenewLiveView,
    RequestLiveView,
    State,
    ViewFacts,
    flight_feed,
    view_permit,
)
from domain.person import PERSON, person_standing
from domain.policy import POLICY, POLICY_KEY, PolicyInForce, policy_in_force
from domain.reason_quality import LOOK_BACK, ReasonQuality, quality
from domain.session import SESSION, session_standing

PERMIT_LENGTH = timedelta(seconds=30)  # a picture goes on no longer than this without the store
ASKING_LIMIT = timedelta(minutes=1)  # by then a request is on the record or never will be
EXPIRY = "live_view_expiry"
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Beat:
    view: str
    at: datetime


class Heartbeats(Protocol):
    """When each open view was last heard of. Not on the record: ten a minute from everybody who watches.

    Each raises StoreUnavailable.
    """

    def beat(self, view: str, at: datetime) -> None: ...

    def last(self, view: str) -> datetime | None:
        """When a view was last heard of; None: never, or not since the database was started after a crash."""
        ...

    def late(self, before: datetime) -> Sequence[Beat]:
        """The views last heard of before a time, oldest first, at most some hundreds."""
        ...

    def forget(self, view: str) -> None: ...


class EarlierRequests(Protocol):
    """Where a person stated reasons before: streams of requests, newest first. May lag; asked for advice alone."""

    def of(self, person: str, limit: int) -> Sequence[StreamId]: ...


@dataclass(frozen=True, slots=True)
class Pulse:
    """What a console is told in answer to its heartbeat. `until`: when the picture ends unless renewed."""

    open: bool
    until: datetime | None
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class Permit:
    """The media plane may send frames of `feed` until `valid_until`, then asks again. No longer than until the view's
    own end, nor than until its heartbeat is late, nor than PERMIT_LENGTH. `until`: that end, unless it is renewed."""

    feed: FeedId
    valid_until: datetime
    until: datetime


SILENT = Reason(
    "heartbeat_lost",
    f"the console has not said for {HEARTBEAT_LIMIT.seconds} s that it still shows the picture",
    "silence is never watching",
    accepted="a heartbeat every few seconds",
)


def feed_of(text: str) -> FeedId:
    """Raises InvalidValue for what names no feed."""
    aggregate, _, key = text.partition("-")
    if aggregate not in (CAMERA.name, FLIGHT.name) or not KEY.fullmatch(key):
        raise InvalidValue("this names no feed", field="feed", accepted="camera-<id> or flight-<id>")
    return FeedId(StreamId(text))


def standing_of_feed(attempt: Attempt, feed: FeedId) -> FeedStanding:
    aggregate, _, key = feed.partition("-")
    if aggregate == CAMERA.name:
        return feed_standing(feed, attempt.state(CAMERA, key))
    state = attempt.state(FLIGHT, key)
    flying = isinstance(state, Flying)
    covered = isinstance(state, Flying) and bool(state.sortie.covered)
    return flight_feed(feed, known=not isinstance(state, NotRequested), flying=flying, covered=covered)


def call_of(attempt: Attempt, call: CallNumber | None) -> CallStanding | None:
    return call_standing(call, attempt.state(CALL, call)) if call else None


class Reasons:
    """How good a reason is, held against the person's own earlier ones, as far as these can be had."""

    def __init__(self, handler: Handler, earlier: EarlierRequests | None = None) -> None:
        self._handler, self._earlier = handler, earlier

    def quality(
        self,
        actor: Actor,
        grounds: Grounds,
        call: CallStanding | None,
        case: CaseStanding | None,
        policy: PolicyInForce | None,
    ) -> ReasonQuality:
        rule = policy.parameters.rule_for(grounds.purpose) if policy else None
        return quality(
            grounds.reason,
            purpose=grounds.purpose,
            title=rule.title if rule else "",
            call_known=call is not None and call.known,
            case_verified=None if case is None else case.verified,
            earlier=self._texts(actor.person),
        )

    def feedback(self, actor: Actor, grounds: Grounds) -> ReasonQuality:
        """At entry, before anything is asked for. Nothing is recorded. Raises InvalidValue."""
        for field, number in (("call", grounds.call), ("case", grounds.case)):
            if number and not KEY.fullmatch(number):
                raise InvalidValue(
                    f"this is no {field}'s number", field=field, accepted="1 to 128 printable characters"
                )
        wanted: list[tuple[Aggregate[Any, Any, Any], str]] = [(POLICY, POLICY_KEY)]
        wanted += [(CALL, grounds.call)] if grounds.call else []
        wanted += [(CASE, grounds.case)] if grounds.case else []
        loaded = self._handler.states.load(wanted)
        policy = policy_in_force(loaded[POLICY.stream(POLICY_KEY)][1], self._handler.clock.now())
        call = call_standing(grounds.call, loaded[CALL.stream(grounds.call)][1]) if grounds.call else None
        case = case_standing(grounds.case, loaded[CASE.stream(grounds.case)][1]) if grounds.case else None
        return self.quality(actor, grounds, call, case, policy)

    def _texts(self, person: str) -> list[str]:
        if self._earlier is None:
            return []
        streams = self._earlier.of(person, LOOK_BACK)
        stored = self._handler.store.read(list(streams)) if streams else {}
        said = [
            reason
            for stream in streams
            for event in stored[stream][:1]  # the request is the first event of its stream
            if (reason := getattr(getattr(codec.recorded(event).event, "grounds", None), "reason", None)) is not None
        ]
        keys = self._handler.keys
        keys.warm({reason.subject for reason in said})
        return [text for reason in said if (text := keys.text(reason)) is not None]


class EndingViews(Commands):
    """What a service does with the views of others: end them."""

    def end(
        self, actor: Actor, key: str, command: EndLiveView, command_id: UUID, causation_id: str = "", chain: str = ""
    ) -> Outcome:
        """A service ends a view: its heartbeat is lost, its time is over, or who watches may no longer."""

        def use(attempt: Attempt) -> Recorded:
            request = _request_of(attempt.state(LIVE_VIEW, key))
            _under(attempt, request)
            authorise(attempt, "end_access", LIVE_VIEW.stream(key))
            if request is not None:
                attempt.decide(LIVE_VIEW, key, command)
            return outcome(attempt, LIVE_VIEW.stream(key), key)

        # The time it was last seen is no part of the ticket: who tries again may have heard another.
        ticket = self.handler.ticket(
            "end_access", [key, command.why], actor, command_id, causation_id=causation_id, correlation_id=chain
        )
        return self.handler.handle(actor, ticket, use)


class Views(EndingViews):
    """Use cases about live views."""

    def __init__(self, handler: Handler, heartbeats: Heartbeats, reasons: Reasons | None = None) -> None:
        super().__init__(handler)
        self._heartbeats = heartbeats
        self._reasons = reasons or Reasons(handler)

    def request(self, actor: Actor, feed_id: str, grounds: Grounds, command_id: UUID | None = None) -> Outcome:
        """Ask to watch a feed. The view's id is the command's."""
        ticket = self.handler.ticket("request_live_view", [feed_id, grounds], actor, command_id)
        key = LiveViewId(str(ticket.command_id))

        def use(attempt: Attempt) -> Recorded:
            feed = feed_of(feed_id)
            attempt.purpose, attempt.case_number = grounds.purpose, grounds.call or grounds.case or ""
            call = call_of(attempt, grounds.call)
            shared = call is not None and call.open and feed in call.shared
            own = _commands_flight(attempt, feed, actor.person)
            policy = authorise(
                attempt, "request_live_view", feed, shared_with_open_incident=shared, commands_flight=own
            )
            command = RequestLiveView(
                key,
                PersonId(actor.person),
                actor.session,
                grounds,
                self._reasons.quality(actor, grounds, call, case_of(attempt, grounds.case), policy),
                ViewFacts(standing_of_feed(attempt, feed), call, policy),
                call.call if call and shared else None,
            )
            attempt.decide(LIVE_VIEW, key, command)
            return outcome(attempt, LIVE_VIEW.stream(key), key)

        # Before the grant: a process that dies in between leaves a heartbeat that is late, never a view without one.
        try:
            self._heartbeats.beat(key, self.handler.clock.now())
        except StoreUnavailable as away:
            return Unavailable("store_unavailable", f"nothing was recorded: {away}")
        return self.handler.handle(actor, ticket, use)

    def renew(self, actor: Actor, key: str, reason: str, command_id: UUID | None = None) -> Outcome:
        """Ask to go on watching."""

        def use(attempt: Attempt) -> Recorded:
            request = _request_of(attempt.state(LIVE_VIEW, key))
            if request is None:
                raise NotFound("nobody has asked for this view", field="view", accepted="an open view's id")
            said = request.grounds
            policy, call = may_ask_again(attempt, request)
            again = Grounds(said.purpose, reason, said.call, said.case, said.authorisation)
            scored = self._reasons.quality(actor, again, call, case_of(attempt, said.case), policy)
            facts = ViewFacts(standing_of_feed(attempt, request.feed), call, policy)
            attempt.decide(LIVE_VIEW, key, RenewLiveView(PersonId(actor.person), reason, scored, facts))
            return outcome(attempt, LIVE_VIEW.stream(key), key)

        return self.run(actor, "renew_live_view", [key, reason], command_id, use)

    def close(self, actor: Actor, key: str, command_id: UUID | None = None) -> Outcome:
        """The person stops watching."""

        def use(attempt: Attempt) -> Recorded:
            request = _request_of(attempt.state(LIVE_VIEW, key))
            _under(attempt, request)
            mine = request is not None and request.person == actor.person
            authorise(attempt, "close_live_view", LIVE_VIEW.stream(key), own_request=mine)
            attempt.decide(LIVE_VIEW, key, EndLiveView(EndReason.CLOSED))
            return outcome(attempt, LIVE_VIEW.stream(key), key)

        told = self.run(actor, "close_live_view", key, command_id, use)
        if isinstance(told, Accepted):
            self._heartbeats.forget(key)
        return told

    def pulse(self, actor: Actor, key: str) -> Pulse:
        """The console is still there. Raises StoreUnavailable: then the picture ends with its permit."""
        now = self.handler.clock.now()
        state = self.state(key)
        reason = view_permit(state, PersonId(actor.person), actor.session, now)
        if reason is None and isinstance(state, Open):
            reason = self._no_longer(state.request, now)
        if reason is None and isinstance(state, Open):
            self._heartbeats.beat(key, now)
            return Pulse(True, state.until, None)
        return Pulse(False, None, reason)

    def permit(self, actor: Actor, key: str) -> Permit | Reason:
        """May frames of this view go to this person now: read in the store, never out of a read model.

        Asked of everything that ends a view, so that none goes on until its end is on the record."""
        now = self.handler.clock.now()
        state = self.state(key)
        reason = view_permit(state, PersonId(actor.person), actor.session, now)
        if reason is not None or not isinstance(state, Open):
            return reason or Reason("view_not_granted", "this view was not granted", "no frame without a grant")
        if (reason := self._no_longer(state.request, now)) is not None:
            return reason
        heard = self._heartbeats.last(key)
        if heard is None or now >= heard + HEARTBEAT_LIMIT:
            return SILENT
        valid_until = min(state.until, now + PERMIT_LENGTH, heard + HEARTBEAT_LIMIT)
        return Permit(state.request.feed, valid_until, state.until)

    def attempted(self, actor: Actor, key: str, reason: Reason) -> Outcome:
        """Put on the record that somebody tried to see a picture with what gives no right to it, such as a ticket that
        was used before."""

        def use(_: Attempt) -> Recorded:
            raise Denied("request_live_view", LIVE_VIEW.stream(key), reason.rule, reason)

        return self.run(actor, "show_live_view", [key, reason.code], None, use)

    def _no_longer(self, request: LiveViewRequested, now: datetime) -> Reason | None:
        """Why a view that was granted may not go on: the policy, the sign-on, the account, the incident, the roles by
        the access rules, the zone. What was asked for the grant is asked again, in one round trip."""
        feed, call = request.feed, request.shared_by_call
        aggregate, _, key = feed.partition("-")
        wanted: list[tuple[Aggregate[Any, Any, Any], str]] = [
            (PERSON, request.person),
            (SESSION, request.session),
            (POLICY, POLICY_KEY),
            *([(CALL, call)] if call else []),
            *([(FLIGHT, key)] if aggregate == FLIGHT.name else []),
        ]
        found = {stream: state for stream, (_, state) in self.handler.states.load(wanted).items()}
        policy = policy_in_force(found[POLICY.stream(POLICY_KEY)], now)
        if policy is None:
            return NO_POLICY
        if policy.cedar_set_sha256 != self.handler.authoriser.set_hash:
            return Reason("rules_not_adopted", "the access rules here are not those adopted", "adopted rules decide")
        for reason in purpose_refusals(request.grounds.purpose, policy):
            return reason
        courses = policy.parameters.required_courses
        person = person_standing(request.person, found[PERSON.stream(request.person)], now, courses)
        for reason in person.access_refusals():
            return reason
        if not session_standing(request.session, found[SESSION.stream(request.session)], now).open:
            return Reason("not_signed_on", "the session of this view is over", "a session is a condition")
        flight = found.get(FLIGHT.stream(key))
        facts = {"shared_with_open_incident": False, "commands_flight": _commands(flight, request.person)}
        if call:
            incident = call_standing(call, found[CALL.stream(call)])
            facts["shared_with_open_incident"] = incident.open and feed in incident.shared
            if not incident.open or feed not in incident.shared:
                rule = "the field sees what is shared with an open incident"
                return Reason("no_longer_shared", "the feed is no longer shared with this incident", rule)
        watcher = signed_on(Actor(request.person, "", "", frozenset(), request.session), person)
        if not self.handler.would_allow(watcher, "request_live_view", feed, {**facts, "own_request": False}):
            return Reason(
                "not_permitted", "the roles of this person no longer permit this view", "no frame without a grant"
            )
        return COVERED if isinstance(flight, Flying) and flight.sortie.covered else None

    def account(self, actor: Actor, key: str, served: AccountForPictures, command_id: UUID) -> Outcome:
        """What left of a picture, told by the process that counted it: also of a view that has ended, and of somebody
        who may no longer look."""

        def use(attempt: Attempt) -> Recorded:
            _under(attempt, _request_of(attempt.state(LIVE_VIEW, key)))
            authorise(attempt, "account_for_pictures", LIVE_VIEW.stream(key))
            attempt.decide(LIVE_VIEW, key, served)
            return outcome(attempt, LIVE_VIEW.stream(key), key)

        return self.run(actor, "account_for_pictures", [key, served], command_id, use)

    def state(self, key: str) -> State:
        """Raises InvalidValue for what names no view."""
        if not KEY.fullmatch(key):
            raise InvalidValue("this is no view's id", field="view", accepted="a view's id")
        found: State = self.handler.states.load([(LIVE_VIEW, key)])[LIVE_VIEW.stream(key)][1]
        return found

    # -- by the system -------------------------------------------------------

    def end_lost(self, actor: Actor) -> int:
        """End every view not heard of for 10 s; says how many there were. Raises StoreUnavailable."""
        now = self.handler.clock.now()
        late = self._heartbeats.late(now - HEARTBEAT_LIMIT)
        for beat in late:
            if isinstance(self.state(beat.view), live_view.NotRequested) and beat.at > now - ASKING_LIMIT:
                continue  # the request may still be on its way to the record
            id_ = uuid5(NAMESPACE_URL, f"urn:saferweho:lost:{beat.view}:{beat.at.isoformat()}")
            told = self.end(actor, beat.view, EndLiveView(EndReason.LOST, beat.at), id_)
            if isinstance(told, Unavailable):
                log.warning("lost_view_not_ended", view=beat.view, message=told.message)
                break
            self._heartbeats.forget(beat.view)
        return len(late)

    # -- sharing -------------------------------------------------------------

    def share(self, actor: Actor, call: str, feed_id: str, reason: str, command_id: UUID | None = None) -> Outcome:
        """Open a feed to those who respond to a call in the field, as long as it is open."""

        def use(attempt: Attempt) -> Recorded:
            feed = feed_of(feed_id)
            attempt.case_number = call
            authorise(attempt, "share_feed", CALL.stream(call))
            fault = standing_of_feed(attempt, feed).fault
            if fault is not None and fault.code != "feed_offline":
                raise InvalidValue(fault.message, field="feed", accepted="an installed camera or a known flight")
            attempt.decide(CALL, call, ShareFeed(CallNumber(call), feed, reason, PersonId(actor.person)))
            return outcome(attempt, CALL.stream(call), call)

        return self.run(actor, "share_feed", [call, feed_id, reason], command_id, use)

    def stop_sharing(self, actor: Actor, call: str, feed_id: str, command_id: UUID | None = None) -> Outcome:
        def use(attempt: Attempt) -> Recorded:
            attempt.case_number = call
            authorise(attempt, "share_feed", CALL.stream(call), gives_up=True)
            command = StopSharingFeed(CallNumber(call), feed_of(feed_id), PersonId(actor.person))
            attempt.decide(CALL, call, command)
            return outcome(attempt, CALL.stream(call), call)

        return self.run(actor, "stop_sharing_feed", [call, feed_id], command_id, use)


def may_ask_again(attempt: Attempt, request: LiveViewRequested) -> tuple[PolicyInForce, CallStanding | None]:
    """What let the attempt's actor ask for a view is asked again, for the same purpose and case. Raises Denied."""
    _under(attempt, request)
    call = call_of(attempt, request.grounds.call)
    policy = authorise(
        attempt,
        "request_live_view",
        request.feed,
        shared_with_open_incident=call is not None and call.open and request.feed in call.shared,
        commands_flight=_commands_flight(attempt, request.feed, attempt.actor.person),
    )
    return policy, call


def _request_of(state: State) -> LiveViewRequested | None:
    return getattr(state, "request", None)


def _under(attempt: Attempt, request: LiveViewRequested | None) -> None:
    """What is done about a view is for the purpose and case that it was asked for."""
    if request is not None:
        said = request.grounds
        attempt.purpose, attempt.case_number = said.purpose, said.call or said.case or ""


def _commands_flight(attempt: Attempt, feed: FeedId, person: str) -> bool:
    """Whether this is the picture of a flight that the person is the pilot in command (RPIC) of."""
    aggregate, _, key = feed.partition("-")
    if aggregate != FLIGHT.name:
        return False
    return _commands(attempt.state(FLIGHT, key), person)


def _commands(flight: object, person: str) -> bool:
    return isinstance(flight, Flying) and flight.sortie.request.pilot == person


# -- deadlines ---------------------------------------------------------------


@drawn_from(LiveViewGranted, LiveViewRenewed, LiveViewEnded)
def _expiry(recorded: codec.Recorded) -> list[Change]:
    if isinstance(recorded.event, LiveViewEnded):
        return [NotDue(EXPIRY, recorded.stream)]
    return [Due(EXPIRY, recorded.stream, recorded.event.until)]


@when_due(EXPIRY)
def _expire(handler: Handler, due: Due, command_id: UUID) -> Outcome:
    """Ends what was not renewed; a view that was renewed meanwhile goes on."""
    key = due.stream.partition("-")[2]

    def use(attempt: Attempt) -> Recorded:
        authorise(attempt, "end_access", due.stream)
        state = attempt.state(LIVE_VIEW, key)
        if isinstance(state, Open) and state.until <= attempt.at:
            attempt.decide(LIVE_VIEW, key, EndLiveView(EndReason.EXPIRED))
        return outcome(attempt, due.stream, key)

    actor = service("service-scheduler")
    return handler.handle(actor, handler.ticket("expire_live_view", key, actor, command_id), use)
