"""What was to be done by a time and was not is called out, once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest

from application import codec, deadlines
from application.deadlines import Due
from application.notices import RULES
from application.ports import Append
from application.reminders import REMINDERS
from application.scheduler import Scheduler
from domain.notice import AttentionNeeded
from domain.sampling import Access
from tests.application.small_center import NOON, SmallCenter, small_center
from tests.golden.make import event_of
from tests.projections.log import envelope

DAY = timedelta(days=1)
INVOKED = event_of("override.emergency_override_invoked.v2")
JUSTIFIED = event_of("override.override_justified.v1")
REVIEWED = event_of("override.override_reviewed.v1")
DRAWN = event_of("review.audit_sample_drawn.v1")
SAMPLED = replace(DRAWN, sample=tuple(Access(n, DRAWN.sample[0].stream, DRAWN.sample[0].person) for n in (3, 7)))
HELD = replace(event_of("footage.legal_hold_placed.v1"), hold="h1", verify_again_on=date(2026, 6, 20))
VERIFIED = replace(event_of("footage.legal_hold_verified.v1"), hold="h1", verify_again_on=date(2027, 6, 20))
RELEASED = replace(event_of("footage.legal_hold_released.v1"), hold="h1")
CLEANED = replace(event_of("camera.camera_maintained.v1"), next_due_on=date(2026, 6, 20))
RECEIVED = event_of("complaint.feedback_received.v1")
FOUND = [replace(event_of("review.finding_recorded.v1"), number=n) for n in (1, 2)]
MENDED = [replace(event_of("review.corrective_action_taken.v1"), finding=n) for n in (1, 2)]


def looked_at(position: int) -> Any:
    return replace(event_of("review.access_reviewed.v1"), position=position)


# What is called out, of which stream, what leaves it undone, and what does it.
CASES: list[tuple[list[str], str, list[Any], list[Any]]] = [
    (["override_justification_overdue", "override_review_overdue"], "override-o1", [INVOKED], [JUSTIFIED, REVIEWED]),
    (["override_review_overdue"], "override-o1", [INVOKED, JUSTIFIED], [REVIEWED]),
    (["audit_sample_overdue"], "review-week-2026-W23", [event_of("review.audit_seed_committed.v1")], [DRAWN]),
    (
        ["disclosure_review_overdue"],
        "disclosure-d1",
        [event_of(f"disclosure.{name}.v1") for name in ("disclosure_requested", "disclosure_made", "review_awaited")],
        [event_of("disclosure.disclosure_reviewed.v1")],
    ),
    (["sample_review_overdue"], "review-week-2026-W23", [SAMPLED, looked_at(3)], [looked_at(7)]),
    (["finding_overdue"], "review-r1", [*FOUND, MENDED[0]], [MENDED[1]]),
    (
        ["complaint_answer_overdue"],
        "complaint-c1",
        [event_of("complaint.complaint_opened.v1")],
        [event_of("complaint.complaint_resolved.v1")],
    ),
    (["feedback_overdue"], "complaint-c1", [RECEIVED], [event_of("complaint.feedback_closed.v1")]),
    (["feedback_overdue"], "complaint-c1", [RECEIVED], [event_of("complaint.complaint_opened.v1")]),
    (
        ["oversight_change_overdue"],
        "person-aud",
        [event_of("person.enrolled.v1"), event_of("person.oversight_change_asked.v1")],
        [event_of("person.oversight_change_declined.v1")],
    ),
    (
        ["audit_sample_overdue"],
        "review-week-2026-W23",
        [event_of("review.audit_seed_missed.v1")],
        [event_of("review.audit_sample_drawn.v1")],
    ),
    (["hold_verification_due"], "footage-f1", [HELD], [VERIFIED]),
    (["hold_verification_due"], "footage-f1", [HELD], [RELEASED]),
    (["camera_maintenance_overdue"], "camera-c1", [CLEANED], [event_of("camera.camera_maintained.v1")]),
    (["camera_maintenance_overdue"], "camera-c1", [CLEANED], [replace(CLEANED, next_due_on=None)]),
    (["camera_maintenance_overdue"], "camera-c1", [CLEANED], [event_of("camera.camera_retired.v1")]),
]
NAMES = [f"{' and '.join(what)} of {stream}" for what, stream, _, _ in CASES]


@pytest.fixture
def center(database_url: str) -> Iterator[SmallCenter]:
    with small_center(database_url) as center:
        yield center


def happened(center: SmallCenter, stream: str, events: list[Any], before: int = 0) -> None:
    new = [
        codec.new_event(envelope(event, stream, n, center.clock.now()), event, center.handler.keys)
        for n, event in enumerate(events, before + 1)
    ]
    center.handler.store.append(Append(uuid4(), bytes(32), new))


def left(center: SmallCenter, stream: str) -> list[Due]:
    """The reminders that the events of a stream leave, as the read model keeps them."""
    found: dict[str, Due] = {}
    for recorded in center.events(stream):
        for change in deadlines.changes(recorded):
            found.pop(change.kind, None)
            if isinstance(change, Due) and change.kind.partition(":")[0] in REMINDERS:
                found[change.kind] = change
    return sorted(found.values(), key=lambda due: due.at)


def called(center: SmallCenter, listed: list[Due]) -> list[str]:
    center.clock.step(60 * DAY)
    for _ in range(2):  # the second has just started
        Scheduler(center.handler, lambda at: [due for due in listed if due.at <= at]).look()
    return sorted(r.event.what for r in center.all_events() if isinstance(r.event, AttentionNeeded))


@pytest.mark.rule("override.reviewed", "oversight.due", "public.looked_at", "record.deadlines")
@pytest.mark.parametrize(("what", "stream", "undone", "done"), CASES, ids=NAMES)
def test_what_was_not_done_in_time_is_called_out_once(
    center: SmallCenter, what: list[str], stream: str, undone: list[Any], done: list[Any]
) -> None:
    happened(center, stream, undone)
    assert called(center, left(center, stream)) == what


@pytest.mark.parametrize(("what", "stream", "undone", "done"), CASES, ids=NAMES)
def test_what_was_done_is_not_called_out_even_where_the_list_has_not_heard_of_it(
    center: SmallCenter, what: list[str], stream: str, undone: list[Any], done: list[Any]
) -> None:
    happened(center, stream, undone)
    stale = left(center, stream)
    happened(center, stream, done, before=len(undone))
    assert called(center, [due for due in stale if due.at < NOON + 60 * DAY]) == []


def test_somebody_is_told_of_everything_that_is_called_out() -> None:
    assert set(REMINDERS) <= {rule.code for rule in RULES}
