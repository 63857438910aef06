"""Footage that is looked at: asked for, granted or refused; reserved before a byte leaves, accounted for after.

The media plane reserves and accounts as the person who looks, with that person's session: who may no longer look gets
no further reservation, whatever was granted before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from application import codec
from application.cases import case_of
from application.commands import Commands
from application.complaints import must_exist
from application.deadlines import Change, Due, NotDue, drawn_from, when_due
from application.handling import KEY, Actor, Attempt, Denied, Handler, Outcome, Recorded
from application.overrides import use_override
from application.standing import authorise, outcome, service
from application.views import Reasons, call_of
from domain.complaint import COMPLAINT
from domain.disclosure import DISCLOSURE
from domain.footage import FOOTAGE, FootageStanding, Stored, footage_standing, stored
from domain.grounds import OVERSIGHT_REVIEW, Grounds
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
)
from domain.live_view import EndReason
from domain.privacy_override import OVERRIDE, override_standing
from domain.privacy_override_events import Range
from domain.review import REVIEW
from domain.viewing import (
    VIEWING,
    AccountForSegments,
    EndViewing,
    Open,
    RequestViewing,
    ReserveSegments,
    SegmentsReserved,
    State,
    ViewingEnded,
    ViewingFacts,
    ViewingGranted,
    ViewingRequested,
    seen,
    viewing_permit,
)

S = TypeVar("S")
UNMASKED = "nothing is unmasked without an override"
EXPIRY = "viewing_expiry"
# What oversight looks at footage for: a review of its own, or what it has yet to review.
REVIEWED = (REVIEW.name, OVERRIDE.name, DISCLOSURE.name, COMPLAINT.name)


@dataclass(frozen=True, slots=True)
class Showing:
    """What a person may be shown now. `parts`: where it is in the vault; `override`: lifts the masks; None: they are
    burnt in."""

    footage: FootageId
    feed: FeedId
    parts: tuple[Stored, ...]
    range: Range
    until: datetime
    override: str | None = None


def standing_of_footage(attempt: Attempt, footage: str) -> FootageStanding:
    return footage_standing(FootageId(footage), attempt.state(FOOTAGE, footage))


class Viewings(Commands):
    """Use cases about looking at footage."""

    def __init__(self, handler: Handler, reasons: Reasons | None = None) -> None:
        super().__init__(handler)
        self._reasons = reasons or Reasons(handler)

    def request(
        self, actor: Actor, footage: str, grounds: Grounds, range_: Range | None = None, command_id: UUID | None = None
    ) -> Outcome:
        """Ask to see footage, or a stretch of it. The viewing's id is the command's."""
        ticket = self.handler.ticket("request_viewing", [footage, grounds, range_], actor, command_id)
        key = ViewingId(str(ticket.command_id))

        def use(attempt: Attempt) -> Recorded:
            attempt.purpose, attempt.case_number = grounds.purpose, grounds.call or grounds.case or ""
            call = call_of(attempt, grounds.call)
            review = grounds.purpose == OVERSIGHT_REVIEW
            policy = authorise(attempt, "request_viewing", FOOTAGE.stream(footage), review_access=review)
            if review and grounds.authorisation is not None:
                _is_reviewed(attempt, grounds.authorisation)
            facts = ViewingFacts(standing_of_footage(attempt, footage), call, policy, oversight=review)
            scored = self._reasons.quality(actor, grounds, call, case_of(attempt, grounds.case), policy)
            by = PersonId(actor.person)
            attempt.decide(VIEWING, key, RequestViewing(key, by, actor.session, grounds, scored, facts, range_))
            return outcome(attempt, VIEWING.stream(key), key)

        return self.handler.handle(actor, ticket, use)

    def reserve(
        self, actor: Actor, key: str, range_: Range, override: str | None = None, command_id: UUID | None = None
    ) -> Outcome:
        """Before the next bytes leave. Unmasked under an override, whose use is recorded in the same append. The key of
        what is accepted is the reservation's number."""

        def use(attempt: Attempt) -> Recorded:
            request = self._requested(attempt, key)
            footage = FOOTAGE.stream(request.footage)
            review = request.grounds.purpose == OVERSIGHT_REVIEW
            authorise(attempt, "request_viewing", footage, review_access=review)
            standing = standing_of_footage(attempt, request.footage)
            if standing.fault is not None:
                raise NotFound(standing.fault.message, field="footage", accepted="footage that is kept")
            if override is not None:
                use_override(attempt, override, footage, VIEWING.stream(key), range_)
            lifted = OVERRIDE.stream(override) if override is not None else None
            command = ReserveSegments(PersonId(actor.person), actor.session, range_, lifted)
            (reserved,) = attempt.decide(VIEWING, key, command)
            assert isinstance(reserved, SegmentsReserved)
            return outcome(attempt, VIEWING.stream(key), str(reserved.number))

        return self.run(actor, "reserve_segments", [key, range_, override], command_id, use)

    def account(
        self,
        actor: Actor,
        key: str,
        number: int,
        ranges: Sequence[Range],
        size_bytes: int,
        command_id: UUID | None = None,
    ) -> Outcome:
        """What of a reservation really left."""

        def use(attempt: Attempt) -> Recorded:
            request = self._requested(attempt, key)
            authorise(attempt, "account_for_segments", VIEWING.stream(key), own_request=request.person == actor.person)
            attempt.decide(VIEWING, key, AccountForSegments(number, tuple(ranges), size_bytes))
            return outcome(attempt, VIEWING.stream(key), key)

        return self.run(actor, "account_for_segments", [key, number, list(ranges), size_bytes], command_id, use)

    def close(self, actor: Actor, key: str, command_id: UUID | None = None) -> Outcome:
        def use(attempt: Attempt) -> Recorded:
            request = self._requested(attempt, key)
            authorise(attempt, "close_viewing", VIEWING.stream(key), own_request=request.person == actor.person)
            attempt.decide(VIEWING, key, EndViewing(EndReason.CLOSED))
            return outcome(attempt, VIEWING.stream(key), key)

        return self.run(actor, "close_viewing", key, command_id, use)

    def end(
        self, actor: Actor, key: str, command: EndViewing, command_id: UUID, causation_id: str = "", chain: str = ""
    ) -> Outcome:
        """A service ends a viewing of somebody who may no longer look."""

        def use(attempt: Attempt) -> Recorded:
            authorise(attempt, "end_access", VIEWING.stream(key))
            if isinstance(attempt.state(VIEWING, key), Open):
                attempt.decide(VIEWING, key, command)
            return outcome(attempt, VIEWING.stream(key), key)

        ticket = self.handler.ticket(
            "end_access", [key, command.why], actor, command_id, causation_id=causation_id, correlation_id=chain
        )
        return self.handler.handle(actor, ticket, use)

    def showing(self, actor: Actor, key: str, override: str | None = None) -> Showing | Reason:
        """Whether this person may see something of this viewing now, and what: read in the store. That alone lets no
        byte leave: each stretch is reserved first. Raises InvalidValue for what names none, and StoreUnavailable."""
        now = self.handler.clock.now()
        state = self._state(VIEWING, key)
        reason = viewing_permit(state, PersonId(actor.person), actor.session, now)
        if reason is not None or not isinstance(state, Open):
            return reason or Reason("viewing_not_granted", "this viewing was not granted", "no frame without a grant")
        request = state.request
        footage = self._state(FOOTAGE, request.footage)
        standing = footage_standing(request.footage, footage)
        if standing.fault is not None or standing.feed is None:
            return standing.fault or Reason(
                "footage_unknown", "there is no such footage", "only what is kept can be seen"
            )
        if override is not None:
            found = override_standing(self._state(OVERRIDE, override), now)
            if (
                not (found.active and found.target == FOOTAGE.stream(request.footage))
                or found.opened_by != actor.person
            ):
                message, rule = "this override does not lift the masks of this footage for you now", UNMASKED
                return Reason("override_not_in_effect", message, rule, field="override")
        parts = stored(request.footage, footage)
        return Showing(request.footage, standing.feed, parts, request.range, state.until, override)

    def attempted(self, actor: Actor, key: str, reason: Reason) -> Outcome:
        """Put on the record that somebody tried to see footage with what gives no right to it."""

        def use(_: Attempt) -> Recorded:
            raise Denied("request_viewing", VIEWING.stream(key), reason.rule, reason)

        return self.run(actor, "show_footage", [key, reason.code], None, use)

    def _state(self, aggregate: Aggregate[Any, Any, S], key: str) -> S:
        if not KEY.fullmatch(key):
            raise InvalidValue(f"this is no {aggregate.name}'s id", field=aggregate.name, accepted="the id of one")
        found: S = self.handler.states.load([(aggregate, key)])[aggregate.stream(key)][1]
        return found

    def seen(self, key: str) -> tuple[Range, ...]:
        """The stretches that left, or may have: read in the store now."""
        if not KEY.fullmatch(key):
            return ()
        state: State = self.handler.states.load([(VIEWING, key)])[VIEWING.stream(key)][1]
        return seen(state)

    @staticmethod
    def _requested(attempt: Attempt, key: str) -> ViewingRequested:
        request: ViewingRequested | None = getattr(attempt.state(VIEWING, key), "request", None)
        if request is None:
            raise NotFound("nobody has asked for this viewing", field="viewing", accepted="an open viewing's id")
        said = request.grounds
        attempt.purpose, attempt.case_number = said.purpose, said.call or said.case or ""
        return request


def _is_reviewed(attempt: Attempt, named: str) -> None:
    """Raises InvalidValue and NotFound for what oversight can have no review of."""
    if named.partition("-")[0] not in REVIEWED:
        accepted = ", ".join(f"{kind}-…" for kind in REVIEWED)
        raise InvalidValue("this names no review", field="authorisation", accepted=f"one on the record: {accepted}")
    must_exist(attempt, StreamId(named), "authorisation")


# -- deadlines ---------------------------------------------------------------


@drawn_from(ViewingGranted, ViewingEnded)
def _expiry(recorded: codec.Recorded) -> list[Change]:
    if isinstance(recorded.event, ViewingEnded):
        return [NotDue(EXPIRY, recorded.stream)]
    return [Due(EXPIRY, recorded.stream, recorded.event.until)]


@when_due(EXPIRY)
def _expire(handler: Handler, due: Due, command_id: UUID) -> Outcome:
    key = due.stream.partition("-")[2]
    return Viewings(handler).end(service("service-scheduler"), key, EndViewing(EndReason.EXPIRED), command_id)
