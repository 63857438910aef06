"""The key of one subject: a member of the public, or an incident in which texts speak of people.

What was recorded stays on the record; what it says of people is readable as long as this key exists. Destroying it
takes a ground, two persons, and a matter that is over: an open incident or complaint, a legal hold, and what oversight
has yet to review are in the way.

What is recorded of a subject after that is sealed under a key of its next generation, which is a subject of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain import checks
from domain.kernel import Aggregate, NotFound, PersonId, PolicyVersion, Reason, StreamId, SubjectId, WrongState, event

GENERATION = "~"  # in no call's, case's or stream's name
RULE = "personal data is destroyed by two persons, when its matter is over"


class DestructionGround(StrEnum):
    RETENTION_OVER = "retention_over"  # nothing requires that it is kept any longer
    PERSON_ASKED = "person_asked"  # whom it is about asked for it, and may
    COURT_ORDER = "court_order"
    RECORDED_IN_ERROR = "recorded_in_error"


def next_generation(subject: str) -> str:
    """`call-26-1` → `call-26-1~2` → `call-26-1~3`."""
    matter, _, number = subject.partition(GENERATION)
    return f"{matter}{GENERATION}{int(number or 1) + 1}"


def matter_of(subject: str) -> str:
    """What a subject of any generation is named for."""
    return subject.partition(GENERATION)[0]


# -- events ------------------------------------------------------------------


@event("subjectkey.subject_key_created")
class SubjectKeyCreated:
    """A key was made for what is personal to `subject`, at its first use."""

    subject: SubjectId  # no step of the incident itself, so not told as one of its stream


@event("subjectkey.destruction_requested")
class DestructionRequested:
    """A person asked that what is personal to a subject be destroyed. `reference`: of the order, request or section."""

    subject: StreamId
    ground: DestructionGround
    reference: str
    by: PersonId


@event("subjectkey.destruction_refused")
class DestructionRefused:
    """What is personal to a subject stays readable: a rule said no, or the second person did."""

    by: PersonId
    reasons: tuple[Reason, ...]


@event("subjectkey.approval_refused")
class ApprovalRefused:
    """Somebody could not approve a destruction; its request waits on."""

    by: PersonId
    reasons: tuple[Reason, ...]


@event("subjectkey.subject_key_destroyed")
class SubjectKeyDestroyed:
    """What is personal to a subject is unreadable everywhere; after `unrecoverable_after` no backup brings it back."""

    subject: StreamId
    ground: DestructionGround
    reference: str
    policy: PolicyVersion
    requested_by: PersonId
    approved_by: PersonId
    unrecoverable_after: datetime


Event = SubjectKeyCreated | DestructionRequested | DestructionRefused | ApprovalRefused | SubjectKeyDestroyed

# -- commands ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MakeKey:
    subject: StreamId


@dataclass(frozen=True, slots=True)
class RequestDestruction:
    """`in_the_way`: why the subject's matter is not over."""

    ground: DestructionGround
    reference: str
    by: PersonId
    in_the_way: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class ApproveDestruction:
    """`unrecoverable_after`: when the last backup of the key is gone."""

    by: PersonId
    policy: PolicyVersion
    unrecoverable_after: datetime
    in_the_way: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class DeclineDestruction:
    """`why`: goes on the record for good and names no member of the public."""

    by: PersonId
    why: str


Command = MakeKey | RequestDestruction | ApproveDestruction | DeclineDestruction

# -- state -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NoKey:
    """Nothing personal was ever recorded of this subject."""


@dataclass(frozen=True, slots=True)
class Kept:
    subject: StreamId


@dataclass(frozen=True, slots=True)
class Asked:
    """The destruction waits for a second person."""

    request: DestructionRequested


@dataclass(frozen=True, slots=True)
class Destroyed:
    subject: StreamId


State = NoKey | Kept | Asked | Destroyed

# -- decide and evolve -------------------------------------------------------


def decide(command: Command, state: State, at: datetime) -> list[Event]:
    match command, state:
        case MakeKey(subject), NoKey():
            return [SubjectKeyCreated(SubjectId(subject))]
        case MakeKey(), _:
            return []
        case _, NoKey():
            accepted = "a stream of which something personal is recorded, such as call-… or complaint-…"
            raise NotFound("nothing personal is recorded of this subject", field="subject", accepted=accepted)
        case _, Destroyed():
            raise WrongState("what was personal to this subject is destroyed already", field="subject")
        case RequestDestruction(ground, reference, by, in_the_way), Kept(subject):
            named = checks.text("reference", reference, at_least=3, at_most=120)
            if in_the_way:
                return [DestructionRefused(by, in_the_way)]
            return [DestructionRequested(subject, ground, named, by)]
        case RequestDestruction(), Asked():
            raise WrongState("a request for this waits for a second person", field="subject")
        case ApproveDestruction(), Asked(request):
            return [_approve(command, request)]
        case DeclineDestruction(by, why), Asked():
            said = checks.text("why", why, at_least=3, at_most=300)
            return [DestructionRefused(by, (Reason("declined", said, RULE),))]
        case _:
            raise WrongState("nobody has asked for this destruction", field="subject", accepted="a request that waits")


def _approve(command: ApproveDestruction, request: DestructionRequested) -> SubjectKeyDestroyed | ApprovalRefused:
    reasons = command.in_the_way
    if command.by == request.by:
        message = "a second person approves a destruction, never who asked for it"
        reasons = (Reason("own_request", message, RULE), *reasons)
    if reasons:
        return ApprovalRefused(command.by, reasons)
    return SubjectKeyDestroyed(
        request.subject,
        request.ground,
        request.reference,
        command.policy,
        request.by,
        command.by,
        checks.aware("unrecoverable_after", command.unrecoverable_after),
    )


def evolve(state: State, event: Event) -> State:
    match event, state:
        case SubjectKeyCreated(subject), NoKey():
            return Kept(StreamId(subject))
        case DestructionRequested(), Kept():
            return Asked(event)
        case DestructionRefused(), Asked(request):
            return Kept(request.subject)
        case SubjectKeyDestroyed(subject), _:
            return Destroyed(subject)
        case _:
            return state


SUBJECT_KEY: Aggregate[Command, Event, State] = Aggregate("subjectkey", NoKey(), decide, evolve)
