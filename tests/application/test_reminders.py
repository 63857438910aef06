"""What was to be done by a time and was not is called out, once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from application import codec, deadlines
from application.deadlines import Due
from application.ports import Append
from application.scheduler import Scheduler
from domain.notice import AttentionNeeded
from domain.privacy_override_events import EmergencyOverrideInvoked, OverrideJustified, OverrideReviewed
from tests.application.small_center import SmallCenter, small_center
from tests.golden.make import event_of
from tests.projections.log import envelope

DAY = timedelta(days=1)


@pytest.fixture
def center(database_url: str) -> Iterator[SmallCenter]:
    with small_center(database_url) as center:
        yield center


def happened(center: SmallCenter, *types: type) -> list[Due]:
    """These events of one override, and the deadlines they leave."""
    names = {EmergencyOverrideInvoked: "emergency_override_invoked", OverrideJustified: "override_justified"}
    names[OverrideReviewed] = "override_reviewed"
    events = [event_of(f"override.{names[type_]}.v1") for type_ in types]
    new = [
        codec.new_event(envelope(event, "override-o1", n, center.clock.now()), event, center.handler.keys)
        for n, event in enumerate(events, 1)
    ]
    center.handler.store.append(Append(uuid4(), bytes(32), new))
    left: dict[str, Due] = {}
    for recorded in center.events("override-o1"):
        for change in deadlines.changes(recorded):
            left.pop(change.kind, None)
            if isinstance(change, Due) and change.kind.endswith("_overdue"):
                left[change.kind] = change
    return list(left.values())


def called(center: SmallCenter, listed: list[Due]) -> list[str]:
    center.clock.step(30 * DAY)
    for _ in range(2):  # the second has just started
        Scheduler(center.handler, lambda at: [due for due in listed if due.at <= at]).look()
    return [r.event.what for r in center.all_events() if isinstance(r.event, AttentionNeeded)]


@pytest.mark.rule("override.reviewed")
def test_a_break_glass_that_nobody_justified_or_reviewed_is_called_out_once(center: SmallCenter) -> None:
    listed = happened(center, EmergencyOverrideInvoked)
    assert called(center, listed) == ["override_review_overdue", "override_justification_overdue"]


def test_what_was_done_is_not_called_out(center: SmallCenter) -> None:
    assert happened(center, EmergencyOverrideInvoked, OverrideJustified, OverrideReviewed) == []


def test_a_list_that_has_not_heard_yet_calls_nothing_out(center: SmallCenter) -> None:
    both = happened(center, EmergencyOverrideInvoked, OverrideJustified, OverrideReviewed)
    assert both == []
    invoked = center.events("override-o1")[0]
    stale = [change for change in deadlines.changes(invoked) if isinstance(change, Due)]
    assert called(center, [due for due in stale if due.kind.endswith("_overdue")]) == []


# -- oversight's own ---------------------------------------------------------


def listed_of(center: SmallCenter, stream: str, *events: object) -> list[Due]:
    """The deadlines that these events leave."""
    new = [
        codec.new_event(envelope(event, stream, n, center.clock.now()), event, center.handler.keys)
        for n, event in enumerate(events, 1)
    ]
    center.handler.store.append(Append(uuid4(), bytes(32), new))
    left: dict[str, Due] = {}
    for recorded in center.events(stream):
        for change in deadlines.changes(recorded):
            left.pop(change.kind, None)
            if isinstance(change, Due):
                left[change.kind] = change
    return list(left.values())


ASKED, MADE, AWAITED, LOOKED_INTO = (
    event_of(f"disclosure.{name}.v1")
    for name in ("disclosure_requested", "disclosure_made", "review_awaited", "disclosure_reviewed")
)
DRAWN, REVIEWED, FOUND, ACTED = (
    event_of(f"review.{name}.v1")
    for name in ("audit_sample_drawn", "access_reviewed", "finding_recorded", "corrective_action_taken")
)


@pytest.mark.rule("oversight.due")
def test_a_disclosure_that_nobody_reviewed_is_called_out_once(center: SmallCenter) -> None:
    assert called(center, listed_of(center, "disclosure-d1", ASKED, MADE, AWAITED)) == ["disclosure_review_overdue"]


def test_a_disclosure_that_was_reviewed_is_not_called_out(center: SmallCenter) -> None:
    late = listed_of(center, "disclosure-d1", ASKED, MADE, AWAITED)
    assert listed_of(center, "disclosure-d2", ASKED, MADE, AWAITED, LOOKED_INTO) == []
    heard_late = [replace(due, stream="disclosure-d2") for due in late]
    assert called(center, heard_late) == []


@pytest.mark.rule("oversight.due")
def test_a_sample_whose_reviews_are_not_done_in_time_is_called_out_once(center: SmallCenter) -> None:
    assert called(center, listed_of(center, "review-week-1", DRAWN)) == ["sample_review_overdue"]


def test_a_sample_that_was_reviewed_is_not_called_out(center: SmallCenter) -> None:
    reviews = [replace(REVIEWED, position=access.position) for access in DRAWN.sample]
    assert called(center, listed_of(center, "review-week-1", DRAWN, *reviews)) == []


@pytest.mark.rule("oversight.due")
def test_a_finding_about_which_nothing_is_done_in_time_is_called_out_once(center: SmallCenter) -> None:
    found = [replace(FOUND, number=n) for n in (1, 2)]
    acted = replace(ACTED, finding=1)
    assert called(center, listed_of(center, "review-f1", *found, acted)) == ["finding_overdue"]
