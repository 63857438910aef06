"""A disclosure: what another agency gets to know, on which legal basis. Each is accounted for, also the refused.

A prohibited purpose is refused whoever asks, and whatever paper comes with it is on the record. What was made is
reviewed by oversight within the days of the use policy, by nobody who had a part in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain import checks
from domain.call import CallStanding
from domain.grounds import Grounds, StatedGrounds, purpose_refusals, stated
from domain.kernel import (
    Aggregate,
    DisclosureId,
    ExportId,
    InvalidValue,
    NotFound,
    Personal,
    PersonId,
    Reason,
    StreamId,
    WrongState,
    event,
)
from domain.legal_basis import LegalBasis, check_legal_basis
from domain.policy import PolicyInForce
from domain.reason_quality import ReasonQuality
from domain.review_events import AccessVerdict

# -- events ------------------------------------------------------------------
# `what`: the stream of what is disclosed, such as footage-…, flight-… or platesearch-….


@event("disclosure.disclosure_requested")
class DisclosureRequested:
    """Another agency asked for something; a named person put the request on the record."""

    what: StreamId
    recipient: str
    legal_basis: LegalBasis
    grounds: StatedGrounds
    person: PersonId


@event("disclosure.disclosure_made")
class DisclosureMade:
    """Another agency was given what it asked for. `export`: the file it was given, where it was one."""

    what: StreamId
    recipient: str
    export: ExportId | None
    made_by: PersonId


@event("disclosure.disclosure_refused")
class DisclosureRefused:
    """Another agency was not given what it asked for: by a rule (`refused_by` None), or by the person who decided."""

    what: StreamId
    recipient: str
    refused_by: PersonId | None
    reasons: tuple[Reason, ...]


@event("disclosure.decision_refused")
class DecisionRefused:
    """Somebody who may not tried to make a disclosure; it waits on."""

    by: PersonId
    reasons: tuple[Reason, ...]


@event("disclosure.review_awaited")
class ReviewAwaited:
    """A disclosure that was made waits for its review by oversight."""

    review_by: datetime


@event("disclosure.disclosure_reviewed")
class DisclosureReviewed:
    """Oversight looked into a disclosure that was made."""

    verdict: AccessVerdict
    note: Personal[str] | None
    late: bool
    reviewed_by: PersonId


@event("disclosure.review_refused")
class ReviewRefused:
    """Somebody who had a part in a disclosure tried to review it."""

    by: PersonId
    reasons: tuple[Reason, ...]


Event = (
    DisclosureRequested
    | DisclosureMade
    | DisclosureRefused
    | DecisionRefused
    | ReviewAwaited
    | DisclosureReviewed
    | ReviewRefused
)

# -- commands ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RequestDisclosure:
    """`recipient`: the agency, never a person; `grounds`: what it states, in its own words."""

    disclosure: DisclosureId
    what: StreamId
    recipient: str
    legal_basis: LegalBasis
    grounds: Grounds
    quality: ReasonQuality
    by: PersonId
    call: CallStanding | None
    policy: PolicyInForce


@dataclass(frozen=True, slots=True)
class MakeDisclosure:
    by: PersonId
    policy: PolicyInForce
    export: ExportId | None = None


@dataclass(frozen=True, slots=True)
class RefuseDisclosure:
    by: PersonId
    reason: str


@dataclass(frozen=True, slots=True)
class ReviewDisclosure:
    disclosure: DisclosureId
    verdict: AccessVerdict
    note: str
    by: PersonId


Command = RequestDisclosure | MakeDisclosure | RefuseDisclosure | ReviewDisclosure

# -- state -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NotRequested:
    """Nobody has asked for this disclosure."""


@dataclass(frozen=True, slots=True)
class Waiting:
    request: DisclosureRequested


@dataclass(frozen=True, slots=True)
class Decided:
    """Refused, or made and reviewed: nothing is left to do."""

    request: DisclosureRequested


@dataclass(frozen=True, slots=True)
class Made:
    """Another agency has it; oversight has yet to look into it."""

    request: DisclosureRequested
    made_by: PersonId
    review_by: datetime | None = None


State = NotRequested | Waiting | Made | Decided

# -- decide and evolve -------------------------------------------------------


def decide(command: Command, state: State, at: datetime) -> list[Event]:
    match command, state:
        case RequestDisclosure(), NotRequested():
            return _request(command)
        case RequestDisclosure(), _:
            raise WrongState("this disclosure was asked for before: ask for a new one", field="disclosure")
        case _, NotRequested():
            raise NotFound("nobody has asked for this disclosure", field="disclosure", accepted="a disclosure's id")
        case MakeDisclosure(), Waiting(request):
            return _make(command, request, at)
        case RefuseDisclosure(by, said), Waiting(request):
            message = checks.text("reason", said, at_least=3, at_most=300)
            reason = Reason("refused_by_person", message, "a second person decides")
            return [DisclosureRefused(request.what, request.recipient, by, (reason,))]
        case ReviewDisclosure(), Made():
            return [_review(command, state, at)]
        case ReviewDisclosure(), _:
            raise WrongState("there is nothing here to review, or it was reviewed before", field="disclosure")
        case _:
            raise WrongState("this disclosure was decided before", field="disclosure")


def _request(command: RequestDisclosure) -> list[Event]:
    grounds = command.grounds
    checks.code("purpose", grounds.purpose)
    recipient = checks.text("recipient", command.recipient, at_least=3, at_most=120)
    asked = DisclosureRequested(
        command.what,
        recipient,
        check_legal_basis(command.legal_basis),
        stated(grounds, command.quality, f"disclosure-{command.disclosure}"),
        command.by,
    )
    reasons = tuple(purpose_refusals(grounds.purpose, command.policy, adopted=False))
    if grounds.call is not None and (command.call is None or not command.call.known):
        rule = "a call is one that dispatch knows"
        reasons += (Reason("call_unknown", "dispatch knows no such call", rule, field="call"),)
    return [asked, DisclosureRefused(command.what, recipient, None, reasons)] if reasons else [asked]


def _make(command: MakeDisclosure, request: DisclosureRequested, at: datetime) -> list[Event]:
    if command.by == request.person:
        message = "who put the request on the record cannot decide on it: ask another person"
        return [DecisionRefused(command.by, (Reason("same_person", message, "approver is not requester"),))]
    # A purpose may have been prohibited since.
    if reasons := tuple(purpose_refusals(request.grounds.purpose, command.policy, adopted=False)):
        return [DisclosureRefused(request.what, request.recipient, None, reasons)]
    review_by = at + timedelta(days=command.policy.parameters.audit_review_days)
    return [DisclosureMade(request.what, request.recipient, command.export, command.by), ReviewAwaited(review_by)]


def _review(command: ReviewDisclosure, made: Made, at: datetime) -> Event:
    if command.by in (made.request.person, made.made_by):
        message = "you had a part in this disclosure: somebody else of oversight reviews it"
        return ReviewRefused(command.by, (Reason("own_disclosure", message, "nobody judges himself", "disclosure"),))
    note = checks.text("note", command.note, at_most=2000) if command.note.strip() else ""
    if not note and command.verdict is not AccessVerdict.PROPER:
        raise InvalidValue("say what is wrong or unclear", field="note", accepted="1 to 2000 printable characters")
    sealed = Personal(f"disclosure-{command.disclosure}", note) if note else None
    late = made.review_by is not None and at > made.review_by
    return DisclosureReviewed(command.verdict, sealed, late, command.by)


def evolve(state: State, happened: Event) -> State:
    match happened, state:
        case DisclosureRequested(), _:
            return Waiting(happened)
        case DisclosureMade(made_by=by), Waiting(request):
            return Made(request, by)
        case ReviewAwaited(review_by), Made(request, by):
            return Made(request, by, review_by)
        case DisclosureRefused(), Waiting(request):
            return Decided(request)
        case DisclosureReviewed(), Made(request):
            return Decided(request)
        case _:
            return state


DISCLOSURE: Aggregate[Command, Event, State] = Aggregate("disclosure", NotRequested(), decide, evolve)
