"""What was to be done by a time and was not: called out once, to be told to those who must know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from application.codec import Recorded as RecordedEvent
from application.codec import recorded as recorded_event
from application.deadlines import Change, Due, NotDue, drawn_from, when_due
from application.handling import Accepted, Handler, Outcome
from application.notices import Notices
from application.standing import service
from domain.camera import CameraMaintained, CameraRetired
from domain.complaint import ComplaintOpened, ComplaintResolved, FeedbackClosed, FeedbackReceived, looked_at_by
from domain.disclosure import DisclosureReviewed, ReviewAwaited
from domain.footage import LegalHoldPlaced, LegalHoldReleased, LegalHoldVerified
from domain.kernel import StreamId
from domain.notice import CallForAttention
from domain.person import OversightChangeAsked, OversightChangeConfirmed, OversightChangeDeclined
from domain.privacy_override_events import (
    EmergencyOverrideInvoked,
    OverrideApproved,
    OverrideJustified,
    OverrideReviewed,
)
from domain.review_events import (
    AccessReviewed,
    AuditSampleDrawn,
    AuditSeedCommitted,
    AuditSeedMissed,
    CorrectiveActionTaken,
    FindingRecorded,
)

REVIEW, JUSTIFICATION = "override_review_overdue", "override_justification_overdue"
DISCLOSURE_REVIEW = "disclosure_review_overdue"
SAMPLE, SAMPLE_REVIEW = "audit_sample_overdue", "sample_review_overdue"
FINDING = "finding_overdue"  # of a finding, whose number goes on behind the colon
FEEDBACK = "feedback_overdue"
ANSWER = "complaint_answer_overdue"
CHANGE = "oversight_change_overdue"
HOLD = "hold_verification_due"  # of a hold, whose name goes on behind the colon
MAINTENANCE = "camera_maintenance_overdue"

Events = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Reminder:
    """`done`: whether the events of the stream leave nothing to remind of."""

    says: str
    done: Callable[[Events, Due], bool]


def _happened(*types: type) -> Callable[[Events, Due], bool]:
    return lambda events, due: any(isinstance(event, types) for event in events)


def _all_reviewed(events: Events, due: Due) -> bool:
    sampled = {a.position for event in events if isinstance(event, AuditSampleDrawn) for a in event.sample}
    return sampled <= {event.position for event in events if isinstance(event, AccessReviewed)}


def _answered(events: Events, due: Due) -> bool:
    return any(isinstance(event, CorrectiveActionTaken) and event.finding == int(_detail(due)) for event in events)


def _verified(events: Events, due: Due) -> bool:
    """Also where the hold is over, or its day is another one now."""
    hold = _detail(due)
    of_hold = [e for e in events if isinstance(e, LegalHoldPlaced | LegalHoldVerified | LegalHoldReleased)]
    newest = [event for event in of_hold if event.hold == hold][-1]
    return isinstance(newest, LegalHoldReleased) or _start_of(newest.verify_again_on) != due.at


def _maintained(events: Events, due: Due) -> bool:
    """Also where the camera is taken down, or is to be looked after on another day now."""
    newest = [event for event in events if isinstance(event, CameraMaintained | CameraRetired)][-1]
    return isinstance(newest, CameraRetired) or _maintenance_due(newest) != due.at


def _maintenance_due(done: CameraMaintained) -> datetime | None:
    """When the day on which it was due is over."""
    return _start_of(done.next_due_on + timedelta(days=1)) if done.next_due_on else None


def _change_answered(events: Events, due: Due) -> bool:
    """Also where another change is asked for now."""
    steps = (OversightChangeAsked, OversightChangeDeclined, OversightChangeConfirmed)
    newest = [event for event in events if isinstance(event, steps)][-1]
    return not isinstance(newest, OversightChangeAsked) or newest.answer_by != due.at


REMINDERS = {
    REVIEW: Reminder("It was to be reviewed by an auditor.", _happened(OverrideReviewed)),
    JUSTIFICATION: Reminder(
        "It was to be justified by who invoked it.", _happened(OverrideJustified, OverrideReviewed)
    ),
    DISCLOSURE_REVIEW: Reminder("It was to be reviewed by an auditor.", _happened(DisclosureReviewed)),
    SAMPLE: Reminder("The nonce was to be revealed and the sample drawn.", _happened(AuditSampleDrawn)),
    SAMPLE_REVIEW: Reminder("Every access in it was to be reviewed.", _all_reviewed),
    FINDING: Reminder("Something was to be done about a finding.", _answered),
    FEEDBACK: Reminder("Somebody was to look at it.", _happened(FeedbackClosed, ComplaintOpened)),
    ANSWER: Reminder("It was to be answered.", _happened(ComplaintResolved)),
    CHANGE: Reminder("One of oversight was to answer; from now on the city may.", _change_answered),
    HOLD: Reminder("A legal hold on it is to be verified, or released.", _verified),
    MAINTENANCE: Reminder("It was to be looked after by then.", _maintained),
}


def _detail(due: Due) -> str:
    return due.kind.partition(":")[2]


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


@drawn_from(OverrideApproved, EmergencyOverrideInvoked, OverrideJustified, OverrideReviewed)
def _overrides(recorded: RecordedEvent) -> list[Change]:
    match event := recorded.event:
        case OverrideApproved():
            return [Due(REVIEW, recorded.stream, event.review_by)]
        case EmergencyOverrideInvoked():
            return [
                Due(REVIEW, recorded.stream, event.review_by),
                Due(JUSTIFICATION, recorded.stream, event.justify_by),
            ]
        case OverrideJustified():
            return [NotDue(JUSTIFICATION, recorded.stream)]
        case _:
            return [NotDue(REVIEW, recorded.stream), NotDue(JUSTIFICATION, recorded.stream)]


@drawn_from(AuditSeedCommitted, AuditSeedMissed, AuditSampleDrawn, FindingRecorded, CorrectiveActionTaken)
def _oversight(recorded: RecordedEvent) -> list[Change]:
    stream = recorded.stream
    match event := recorded.event:
        case AuditSeedCommitted():
            return [Due(SAMPLE, stream, event.reveal_by)]
        case AuditSeedMissed():
            return [Due(SAMPLE, stream, event.draw_by)]
        case AuditSampleDrawn():
            return [NotDue(SAMPLE, stream), Due(SAMPLE_REVIEW, stream, event.review_by)]
        case FindingRecorded():
            return [Due(f"{FINDING}:{event.number}", stream, event.action_by)]
        case _:
            return [NotDue(f"{FINDING}:{event.finding}", stream)]


@drawn_from(ReviewAwaited, DisclosureReviewed)
def _disclosures(recorded: RecordedEvent) -> list[Change]:
    if isinstance(recorded.event, ReviewAwaited):
        return [Due(DISCLOSURE_REVIEW, recorded.stream, recorded.event.review_by)]
    return [NotDue(DISCLOSURE_REVIEW, recorded.stream)]


@drawn_from(FeedbackReceived, FeedbackClosed, ComplaintOpened, ComplaintResolved)
def _complaints(recorded: RecordedEvent) -> list[Change]:
    stream = recorded.stream
    match event := recorded.event:
        case FeedbackReceived():
            return [Due(FEEDBACK, stream, looked_at_by(event))]
        case FeedbackClosed():
            return [NotDue(FEEDBACK, stream)]
        case ComplaintOpened():
            return [NotDue(FEEDBACK, stream), Due(ANSWER, stream, event.answer_by)]
        case _:
            return [NotDue(ANSWER, stream)]


@drawn_from(LegalHoldPlaced, LegalHoldVerified, LegalHoldReleased)
def _holds(recorded: RecordedEvent) -> list[Change]:
    event, kind = recorded.event, f"{HOLD}:{recorded.event.hold}"
    if isinstance(event, LegalHoldReleased):
        return [NotDue(kind, recorded.stream)]
    return [Due(kind, recorded.stream, _start_of(event.verify_again_on))]


@drawn_from(CameraMaintained, CameraRetired)
def _cameras(recorded: RecordedEvent) -> list[Change]:
    due = None if isinstance(recorded.event, CameraRetired) else _maintenance_due(recorded.event)
    return [Due(MAINTENANCE, recorded.stream, due)] if due else [NotDue(MAINTENANCE, recorded.stream)]


@drawn_from(OversightChangeAsked, OversightChangeDeclined, OversightChangeConfirmed)
def _changes_in_oversight(recorded: RecordedEvent) -> list[Change]:
    if isinstance(recorded.event, OversightChangeAsked):
        return [Due(CHANGE, recorded.stream, recorded.event.answer_by)]
    return [NotDue(CHANGE, recorded.stream)]


def _overdue(handler: Handler, due: Due, command_id: UUID) -> Outcome:
    """Asks the stream itself: the list of deadlines may not have heard yet."""
    what = due.kind.partition(":")[0]
    happened = [recorded_event(stored).event for stored in handler.store.read([due.stream])[due.stream]]
    if REMINDERS[what].done(happened, due):
        return Accepted(due.stream, due.stream.partition("-")[2])
    command = CallForAttention(what, StreamId(due.stream), due.at, REMINDERS[what].says)
    return Notices(handler).call_for_attention(service("service-scheduler"), command, command_id)


for kind in REMINDERS:
    when_due(kind)(_overdue)
