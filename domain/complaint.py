"""What the public tells us: feedback, and the complaint it may become, from its arrival to its answer.

Who a complaint is about neither looks into it nor answers it. Every complaint has a day by which it is answered; what
came later says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain import checks
from domain.kernel import Aggregate, InvalidValue, NotFound, Personal, PersonId, Reason, StreamId, WrongState, event
from domain.person import PersonStanding, Role

ANSWERERS = frozenset({Role.CITY_ANALYST, Role.WATCH_SUPERVISOR, Role.STATION_COMMANDER, Role.AUDITOR})
INDEPENDENT = "whom a complaint is about does not answer it"
LONGEST = 5000
LOOKED_AT_WITHIN = timedelta(days=7)  # of its arrival; the days of the policy are for the answer


class FeedbackChannel(StrEnum):
    FORM = "form"  # on the public page
    MAIL = "mail"
    DESK = "desk"  # told in person, by telephone or by letter


class Topic(StrEnum):
    """What feedback is about; AB 481 asks for complaints by type of equipment."""

    DRONE = "drone"
    CAMERA = "camera"
    PLATE_READER = "plate_reader"
    WATCH_CENTER = "watch_center"
    CONDUCT = "conduct"  # of a person
    OTHER = "other"


class Resolution(StrEnum):
    SUSTAINED = "sustained"
    NOT_SUSTAINED = "not_sustained"  # it cannot be told either way
    EXONERATED = "exonerated"  # it happened, and was right
    UNFOUNDED = "unfounded"
    WITHDRAWN = "withdrawn"
    REFERRED = "referred"  # it is somebody else's to answer


class Disposal(StrEnum):
    """What became of feedback that is no complaint."""

    THANKED = "thanked"
    QUESTION_ANSWERED = "question_answered"
    UNINTELLIGIBLE = "unintelligible"
    UNSOLICITED = "unsolicited"  # advertising and the like


# -- events ------------------------------------------------------------------


@event("complaint.feedback_received")
class FeedbackReceived:
    """Somebody of the public told us something. `received_at`: when it reached us, by the clock of that channel."""

    channel: FeedbackChannel
    topic: Topic
    said: Personal[str]
    name: Personal[str] | None
    contact: Personal[str] | None
    wants_answer: bool
    received_at: datetime


@event("complaint.feedback_closed")
class FeedbackClosed:
    """Feedback turned out to be no complaint, and was dealt with."""

    disposal: Disposal
    closed_by: PersonId


@event("complaint.complaint_opened")
class ComplaintOpened:
    """Feedback is a complaint; `about`: what it concerns, `concerns`: whose conduct, as far as is known."""

    topic: Topic
    about: StreamId | None
    concerns: PersonId | None
    answer_by: datetime
    opened_by: PersonId


@event("complaint.complaint_assigned")
class ComplaintAssigned:
    """Somebody is to look into a complaint and answer it."""

    assigned_to: PersonId
    assigned_by: PersonId


@event("complaint.complaint_resolved")
class ComplaintResolved:
    """A complaint was answered. `answer`: what the complainant was told, `measure`: what was done about it."""

    resolution: Resolution
    answer: Personal[str]
    measure: Personal[str] | None
    late: bool
    resolved_by: PersonId


@event("complaint.step_refused")
class StepRefused:
    """Somebody tried to assign or answer a complaint against the rules."""

    step: str
    requested_by: PersonId
    reasons: tuple[Reason, ...]


Event = FeedbackReceived | FeedbackClosed | ComplaintOpened | ComplaintAssigned | ComplaintResolved | StepRefused

# -- commands ----------------------------------------------------------------
# `complaint`: the key of the stream, under which everything about the complainant is sealed.


@dataclass(frozen=True, slots=True)
class ReceiveFeedback:
    """`name`, `contact`: as given, blank for none; anonymous feedback counts too."""

    complaint: str
    channel: FeedbackChannel
    topic: Topic
    said: str
    received_at: datetime
    name: str = ""
    contact: str = ""
    wants_answer: bool = False


@dataclass(frozen=True, slots=True)
class CloseFeedback:
    disposal: Disposal
    by: PersonId


@dataclass(frozen=True, slots=True)
class OpenComplaint:
    """`answer_within`: of the feedback's arrival."""

    topic: Topic
    answer_within: timedelta
    by: PersonId
    about: StreamId | None = None
    concerns: PersonId | None = None


@dataclass(frozen=True, slots=True)
class AssignComplaint:
    to: PersonStanding
    by: PersonId


@dataclass(frozen=True, slots=True)
class ResolveComplaint:
    complaint: str
    resolution: Resolution
    answer: str
    by: PersonId
    measure: str = ""


Command = ReceiveFeedback | CloseFeedback | OpenComplaint | AssignComplaint | ResolveComplaint

# -- state -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NotReceived:
    """Nobody told us anything."""


@dataclass(frozen=True, slots=True)
class Received:
    feedback: FeedbackReceived


@dataclass(frozen=True, slots=True)
class Open:
    feedback: FeedbackReceived
    opened: ComplaintOpened
    assigned_to: PersonId | None = None


@dataclass(frozen=True, slots=True)
class Closed:
    """Answered, or no complaint."""

    feedback: FeedbackReceived
    opened: ComplaintOpened | None = None
    resolved: ComplaintResolved | None = None


State = NotReceived | Received | Open | Closed

# -- decide and evolve -------------------------------------------------------


def decide(command: Command, state: State, at: datetime) -> list[Event]:
    match command, state:
        case ReceiveFeedback(), NotReceived():
            return [_received(command)]
        case ReceiveFeedback(), _:
            raise WrongState("this feedback was received before", field="complaint")
        case _, NotReceived():
            raise NotFound("there is no such feedback", field="complaint")
        case CloseFeedback(disposal, by), Received():
            return [FeedbackClosed(disposal, by)]
        case OpenComplaint(), Received(feedback):
            answer_by = feedback.received_at + command.answer_within
            return [ComplaintOpened(command.topic, command.about, command.concerns, answer_by, command.by)]
        case CloseFeedback() | OpenComplaint(), _:
            raise WrongState("this feedback was looked at before", field="complaint")
        case AssignComplaint(), Open():
            return _assigned(command, state)
        case ResolveComplaint(), Open():
            return _resolved(command, state, at)
        case AssignComplaint() | ResolveComplaint(), Received():
            raise WrongState("this feedback is no complaint yet: open it first", field="complaint")
        case _:
            raise WrongState("this is closed", field="complaint")


def _personal(complaint: str, field: str, value: str, at_most: int) -> Personal[str] | None:
    if not value.strip():
        return None
    return Personal(f"complaint-{complaint}", checks.text(field, value, at_most=at_most))


def _received(command: ReceiveFeedback) -> FeedbackReceived:
    said = Personal(f"complaint-{command.complaint}", checks.text("said", command.said, at_most=LONGEST))
    contact = _personal(command.complaint, "contact", command.contact, 200)
    if command.wants_answer and contact is None:
        accepted = "an address, a telephone number, or no answer"
        raise InvalidValue("without a contact nobody can be answered", field="contact", accepted=accepted)
    name = _personal(command.complaint, "name", command.name, 200)
    received_at = checks.aware("received_at", command.received_at)
    return FeedbackReceived(command.channel, command.topic, said, name, contact, command.wants_answer, received_at)


def _assigned(command: AssignComplaint, state: Open) -> list[Event]:
    to = command.to
    reasons = list(to.access_refusals())
    if not to.roles & ANSWERERS:
        accepted = ", ".join(sorted(ANSWERERS))
        said = "this person does not answer complaints"
        reasons.append(Reason("does_not_answer", said, "complaints have answerers", "assigned_to", accepted))
    if to.person == state.opened.concerns:
        said = "the complaint is about this person"
        reasons.append(Reason("concerned", said, INDEPENDENT, "assigned_to", "somebody else"))
    if reasons:
        return [StepRefused("assign", command.by, tuple(reasons))]
    if state.assigned_to == to.person:
        return []
    return [ComplaintAssigned(to.person, command.by)]


def _resolved(command: ResolveComplaint, state: Open, at: datetime) -> list[Event]:
    reasons = []
    if command.by == state.opened.concerns:
        said = "the complaint is about you: somebody else answers it"
        reasons.append(Reason("concerned", said, INDEPENDENT, None, "somebody else"))
    if command.by != state.assigned_to:
        said = "this complaint is not assigned to you"
        reasons.append(Reason("not_assigned", said, "who is assigned a complaint answers it", None, "an assignment"))
    if reasons:
        return [StepRefused("resolve", command.by, tuple(reasons))]
    said = checks.text("answer", command.answer, at_least=10, at_most=LONGEST)
    answer = Personal(f"complaint-{command.complaint}", said)
    measure = _personal(command.complaint, "measure", command.measure, LONGEST)
    return [ComplaintResolved(command.resolution, answer, measure, at > state.opened.answer_by, command.by)]


def evolve(state: State, happened: Event) -> State:
    match happened, state:
        case FeedbackReceived(), _:
            return Received(happened)
        case ComplaintOpened(), Received(feedback):
            return Open(feedback, happened)
        case ComplaintAssigned(assigned_to), Open(feedback, opened):
            return Open(feedback, opened, assigned_to)
        case FeedbackClosed(), Received(feedback):
            return Closed(feedback)
        case ComplaintResolved(), Open(feedback, opened):
            return Closed(feedback, opened, happened)
        case _:
            return state


def looked_at_by(feedback: FeedbackReceived) -> datetime:
    """By when somebody says what the feedback is, whatever it turns out to be."""
    return feedback.received_at + LOOKED_AT_WITHIN


COMPLAINT: Aggregate[Command, Event, State] = Aggregate("complaint", NotReceived(), decide, evolve)
