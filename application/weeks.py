"""The weeks of oversight: each has a sample, whether or not oversight committed to a nonce for it.

A week that nobody did anything about leaves no event from which a deadline could be drawn. So these are drawn from the
calendar, from the founding on.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from application import codec
from application.codec import Recorded as RecordedEvent
from application.deadlines import Change, Due, NotDue, drawn_from, when_due
from application.handling import Accepted, Handler, Outcome
from application.notices import Notices
from application.oversight import Oversight
from application.standing import service
from domain import review
from domain.founding import FOUNDING, FOUNDING_KEY, FoundingConfirmed
from domain.kernel import StreamId
from domain.notice import CallForAttention
from domain.review import REVIEW
from domain.review_events import AuditSampleDrawn, AuditSeedMissed
from domain.sampling import week_end, week_of

SOON, OVER, FALLBACK = "audit_seed_due", "audit_week", "audit_fallback"
WARNING = timedelta(days=1)  # before the week ends
WEEK = timedelta(days=7)
SCHEDULER = "service-scheduler"


class Weeks:
    """The deadlines that the calendar sets. Asks the store, once, when the watch center was founded."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._since: datetime | None = None

    def due_until(self, at: datetime) -> list[Due]:
        """Of every week since the founding, up to a time, oldest first. Raises StoreUnavailable."""
        if (since := self._founded()) is None:
            return []
        found = []
        ends_at = week_end(week_of(since))
        while ends_at - WARNING <= at:
            stream = REVIEW.stream(f"week-{week_of(ends_at - WARNING)}")
            found += [Due(SOON, stream, ends_at - WARNING), Due(OVER, stream, ends_at)]
            ends_at += WEEK
        return [due for due in found if since <= due.at <= at]

    def _founded(self) -> datetime | None:
        if self._since is None:
            stream = FOUNDING.stream(FOUNDING_KEY)
            for stored in self._handler.store.read([stream])[stream]:
                recorded = codec.recorded(stored)
                if isinstance(recorded.event, FoundingConfirmed):
                    self._since = recorded.envelope.time
        return self._since


def _week(due: Due) -> str:
    return due.stream.removeprefix(REVIEW.stream("week-"))


@when_due(SOON)
def _warn(handler: Handler, due: Due, command_id: UUID) -> Outcome:
    """Says a day before the week ends that nobody has committed to a nonce yet."""
    key = due.stream.partition("-")[2]
    state = handler.states.load([(REVIEW, key)])[due.stream][1]
    if not isinstance(state, review.Untouched) or handler.clock.now() >= week_end(_week(due)):
        return Accepted(due.stream, key)
    said = "Oversight is to commit to a nonce before the week ends; else its sample is drawn from the log's root alone."
    command = CallForAttention(SOON, StreamId(due.stream), due.at, said)
    return Notices(handler).call_for_attention(service(SCHEDULER), command, command_id)


@when_due(OVER)
def _over(handler: Handler, due: Due, command_id: UUID) -> Outcome:
    return Oversight(handler).note_missed_seed(service(SCHEDULER), _week(due), command_id)


@drawn_from(AuditSeedMissed, AuditSampleDrawn)
def _fallback(recorded: RecordedEvent) -> list[Change]:
    if isinstance(recorded.event, AuditSeedMissed):
        return [Due(FALLBACK, recorded.stream, recorded.envelope.time)]
    return [NotDue(FALLBACK, recorded.stream)]


@when_due(FALLBACK)
def _draw(handler: Handler, due: Due, command_id: UUID) -> Outcome:
    return Oversight(handler).draw_fallback(service(SCHEDULER), _week(due), command_id)
