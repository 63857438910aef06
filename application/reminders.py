"""What was to be done by a time and was not: called out once, to be told to those who must know."""

from __future__ import annotations

from uuid import UUID

from application.codec import Recorded as RecordedEvent
from application.codec import recorded as recorded_event
from application.deadlines import Change, Due, NotDue, drawn_from, when_due
from application.handling import Accepted, Handler, Outcome
from application.notices import Notices
from application.standing import service
from domain.kernel import StreamId
from domain.notice import CallForAttention
from domain.privacy_override_events import (
    EmergencyOverrideInvoked,
    OverrideApproved,
    OverrideJustified,
    OverrideReviewed,
)

REVIEW, JUSTIFICATION = "override_review_overdue", "override_justification_overdue"
_DONE_BY: dict[str, type] = {REVIEW: OverrideReviewed, JUSTIFICATION: OverrideJustified}
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
