"""What was to be done by a time and was not: called out once, to be told to those who must know."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from application.codec import Recorded as RecordedEvent
from application.codec import recorded as recorded_event
from application.deadlines import Change, Due, NotDue, drawn_from, when_due
from application.handling import Accepted, Handler, Outcome
from application.notices import Notices
from application.standing import service
from domain.disclosure import DISCLOSURE, DisclosureReviewed, Made, ReviewAwaited
from domain.kernel import Aggregate, StreamId
from domain.notice import CallForAttention
from domain.privacy_override_events import (
    EmergencyOverrideInvoked,
    OverrideApproved,
    OverrideJustified,
    OverrideReviewed,
)
from domain.review import REVIEW as REVIEW_OF_SAMPLE
from domain.review import UnderReview
from domain.review_events import AuditSampleDrawn, CorrectiveActionTaken, FindingRecorded

REVIEW, JUSTIFICATION = "override_review_overdue", "override_justification_overdue"
_DONE_BY: dict[str, type] = {REVIEW: OverrideReviewed, JUSTIFICATION: OverrideJustified}
DISCLOSURE_REVIEW, SAMPLE_REVIEW, FINDING = (
    "disclosure_review_overdue",
    "sample_review_overdue",
    "finding_overdue",
)
_SAYS = {REVIEW: "It was to be reviewed by an auditor.", JUSTIFICATION: "It was to be justified by who invoked it."}


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


def _overdue(handler: Handler, due: Due, command_id: UUID) -> Outcome:
    """Asks the stream itself: the list of deadlines may not have heard yet."""
    happened = {type(recorded_event(stored).event) for stored in handler.store.read([due.stream])[due.stream]}
    if happened & {_DONE_BY[due.kind], OverrideReviewed}:
        return Accepted(due.stream, due.stream.partition("-")[2])
    command = CallForAttention(due.kind, StreamId(due.stream), due.at, _SAYS[due.kind])
    return Notices(handler).call_for_attention(service("service-scheduler"), command, command_id)


when_due(REVIEW)(_overdue)
when_due(JUSTIFICATION)(_overdue)


@drawn_from(ReviewAwaited, DisclosureReviewed, AuditSampleDrawn, FindingRecorded, CorrectiveActionTaken)
def _oversight(recorded: RecordedEvent) -> list[Change]:
    match event := recorded.event:
        case ReviewAwaited():
            return [Due(DISCLOSURE_REVIEW, recorded.stream, event.review_by)]
        case DisclosureReviewed():
            return [NotDue(DISCLOSURE_REVIEW, recorded.stream)]
        case AuditSampleDrawn():
            return [Due(SAMPLE_REVIEW, recorded.stream, event.review_by)]
        case FindingRecorded():
            return [Due(f"{FINDING}:{event.number}", recorded.stream, event.action_by)]
        case _:
            return [NotDue(f"{FINDING}:{event.finding}", recorded.stream)]


@when_due(DISCLOSURE_REVIEW)
def _disclosure_overdue(handler: Handler, due: Due, command_id: UUID) -> Outcome:
    awaited = isinstance(_state(handler, DISCLOSURE, due), Made)
    return _call(handler, due, command_id, "It was to be reviewed by an auditor." if awaited else "")


@when_due(SAMPLE_REVIEW)
def _sample_overdue(handler: Handler, due: Due, command_id: UUID) -> Outcome:
    state = _state(handler, REVIEW_OF_SAMPLE, due)
    left = len(state.sample) - len(state.reviewed) if isinstance(state, UnderReview) else 0
    return _call(handler, due, command_id, f"{left} of its accesses were to be reviewed." if left else "")


@when_due(FINDING)
def _finding_overdue(handler: Handler, due: Due, command_id: UUID) -> Outcome:
    state, number = _state(handler, REVIEW_OF_SAMPLE, due), int(due.kind.partition(":")[2])
    finding = state.findings.get(number) if isinstance(state, UnderReview) else None
    open_ = finding is not None and not finding.answered
    return _call(handler, due, command_id, f"Nothing was done yet about finding {number}." if open_ else "")


def _state(handler: Handler, aggregate: Aggregate[Any, Any, Any], due: Due) -> Any:
    """Of the stream itself: the list of deadlines may not have heard yet."""
    return handler.states.load([(aggregate, due.stream.partition("-")[2])])[due.stream][1]


def _call(handler: Handler, due: Due, command_id: UUID, says: str) -> Outcome:
    """`says`: what was not done; blank: it was."""
    if not says:
        return Accepted(due.stream, due.stream.partition("-")[2])
    command = CallForAttention(due.kind.partition(":")[0], StreamId(due.stream), due.at, says)
    return Notices(handler).call_for_attention(service("service-scheduler"), command, command_id)
