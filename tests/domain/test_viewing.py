"""A viewing: reserved before a byte leaves, accounted for after, and what was not accounted for counts as seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from domain import viewing
from domain.grounds import OVERSIGHT_REVIEW, stated
from domain.kernel import InvalidValue, Mistake, NotFound, PersonId, Reason, StreamId, ViewingId, WrongState
from domain.live_view import EndReason
from domain.policy import PROHIBITED, PurposeRule
from domain.privacy_override_events import Range
from domain.viewing import (
    AHEAD,
    VIEWING,
    AccountForSegments,
    Command,
    EndViewing,
    Event,
    RequestViewing,
    ReserveSegments,
    SegmentsReserved,
    SegmentsServed,
    ViewingEnded,
    ViewingFacts,
    ViewingGranted,
    ViewingRefused,
    ViewingRequested,
    seen,
    viewing_permit,
)
from tests.domain.scenario import MINUTE, NOW, SECOND, Scenario
from tests.domain.video import ANA, CLOSED_CALL, FEED, FOOTAGE, GOOD, GROUNDS, LEE, POLICY, STANDING, WHOLE, part

given = Scenario(VIEWING)
facts = ViewingFacts(STANDING, CLOSED_CALL, POLICY)
request = RequestViewing(ViewingId("v1"), LEE, "s1", GROUNDS, GOOD, facts)
requested = ViewingRequested(FOOTAGE, FEED, WHOLE, LEE, "s1", stated(GROUNDS, GOOD, "viewing-v1"))
UNTIL = NOW + 30 * MINUTE
granted = ViewingGranted(FOOTAGE, LEE, NOW, UNTIL)
reserve = ReserveSegments(LEE, "s1", part(0, 20))
reserved = SegmentsReserved(FOOTAGE, LEE, 1, part(0, 20), True, None)
opened = given(requested, granted)


def asking(**changed: object) -> RequestViewing:
    return replace(request, grounds=replace(GROUNDS, **changed))  # type: ignore[arg-type]


@pytest.mark.rule("view.grounds_first")
def test_purpose_and_case_are_asked_before_footage_is_seen_too() -> None:
    given().when(request).then(requested, granted)
    given().when(asking(reason="")).then_raises(InvalidValue, "reason")
    given().when(asking(call=None)).then_refused(ViewingRefused, "call_or_case_missing")


@pytest.mark.parametrize("purpose", PROHIBITED)
@pytest.mark.rule("policy.prohibited")
def test_prohibited_purposes_are_refused_for_footage_too(purpose: str) -> None:
    given().when(asking(purpose=purpose)).then_refused(ViewingRefused, "purpose_prohibited")


@pytest.mark.rule("view.refusal_recorded")
def test_the_refusal_of_a_viewing_is_recorded_with_every_reason() -> None:
    gone = Reason("footage_destroyed", "gone", "only what is kept can be seen", field="footage")
    unknown = replace(facts, footage=replace(STANDING, fault=gone), call=None)
    given().when(replace(request, facts=unknown)).then_refused(ViewingRefused, "footage_destroyed", "call_unknown")


def test_only_a_stretch_of_the_footage_can_be_asked_for() -> None:
    given().when(replace(request, range=part(3590, 3601))).then_raises(InvalidValue, "range")
    given().when(replace(request, range=part(5, 5))).then_raises(InvalidValue, "range")
    given().when(replace(request, range=part(5, 9))).then(replace(requested, range=part(5, 9)), granted)


@pytest.mark.rule("view.grounds_first")
def test_a_purpose_that_the_policy_alone_knows_is_one_to_look_at_footage_for() -> None:
    own = PurposeRule("harbour_watch", "Harbour watch")
    wider = replace(POLICY, parameters=replace(POLICY.parameters, purposes=(*POLICY.parameters.purposes, own)))
    asked = asking(purpose="harbour_watch")
    given().when(replace(asked, facts=replace(facts, policy=wider))).then_types(ViewingRequested, ViewingGranted)
    given().when(asked).then_raises(InvalidValue, "purpose")


def test_what_nobody_recorded_is_refused_with_the_moment_as_its_range() -> None:
    unknown = replace(STANDING, feed=None, range=None, fault=Reason("footage_unknown", "none", "only what is kept"))
    asked, refused = given().when(replace(request, facts=replace(facts, footage=unknown))).events()
    assert isinstance(asked, ViewingRequested) and asked.range == Range(NOW, NOW)
    assert isinstance(refused, ViewingRefused) and (refused.footage, refused.person) == (FOOTAGE, LEE)


@pytest.mark.rule("view.grant_first")
def test_what_was_refused_or_has_ended_is_seen_by_nobody() -> None:
    refused = given(requested, ViewingRefused(FOOTAGE, LEE, ()))
    refused.when(EndViewing(EndReason.CLOSED)).then_nothing()
    assert seen(refused.state) == ()
    opened.and_when(EndViewing(EndReason.CLOSED)).when(reserve).then_raises(WrongState)


@pytest.mark.rule("view.grant_first")
def test_footage_goes_to_whom_it_was_granted_in_that_session_and_that_time() -> None:
    def why(state: viewing.State, by: PersonId = LEE, session: str = "s1", at: datetime = NOW) -> str | None:
        reason = viewing_permit(state, by, session, at)
        return reason.code if reason else None

    assert why(opened.state) is None and why(opened.state, at=UNTIL - SECOND) is None
    assert why(opened.state, at=UNTIL) == "viewing_expired"
    assert why(opened.state, by=ANA) == why(opened.state, session="s2") == "not_your_viewing"
    assert why(opened.and_when(EndViewing(EndReason.CLOSED)).state) == "viewing_ended"
    refused = given(requested, ViewingRefused(FOOTAGE, LEE, ()))
    assert why(refused.state) == why(given(requested).state) == why(given().state) == "viewing_not_granted"


@pytest.mark.rule("view.auditor")
def test_an_auditor_looks_for_a_review_that_is_named_and_nobody_else_does() -> None:
    review = asking(purpose=OVERSIGHT_REVIEW, call=None, authorisation="review-2026-22")
    own = replace(facts, call=None, oversight=True)
    asked, _ = given().when(replace(review, facts=own)).then_types(ViewingRequested, ViewingGranted)
    assert isinstance(asked, ViewingRequested) and asked.grounds.reason.subject == "viewing-v1"
    given().when(replace(review, facts=replace(own, oversight=False))).then_refused(
        ViewingRefused, "purpose_not_adopted"
    )
    unnamed = replace(asking(purpose=OVERSIGHT_REVIEW, call=None), facts=own)
    given().when(unnamed).then_refused(ViewingRefused, "authorisation_missing")


@pytest.mark.rule("view.reserved_first")
def test_no_byte_leaves_before_the_event_that_reserves_it() -> None:
    opened.when(reserve).then(reserved)
    given().when(reserve).then_raises(NotFound)
    given(requested).when(reserve).then_raises(WrongState)
    given(requested, ViewingRefused(FOOTAGE, LEE, ())).when(reserve).then_raises(WrongState)
    opened.when(replace(reserve, by=ANA)).then_raises(WrongState)
    opened.when(replace(reserve, session="s2")).then_raises(WrongState)


@pytest.mark.rule("view.reserved_first")
def test_at_most_thirty_seconds_are_reserved_ahead() -> None:
    opened.when(replace(reserve, range=part(0, 30))).then_types(SegmentsReserved)
    opened.when(replace(reserve, range=part(0, 30.5))).then_raises(InvalidValue, "range")
    given(requested, granted, reserved).when(replace(reserve, range=part(20, 31))).then_raises(InvalidValue, "range")
    served = SegmentsServed(FOOTAGE, LEE, 1, (part(0, 20),), True, 1000)
    given(requested, granted, reserved, served).when(replace(reserve, range=part(20, 50))).then_types(SegmentsReserved)


@pytest.mark.rule("view.reserved_first")
def test_nothing_is_no_stretch_to_reserve() -> None:
    opened.when(replace(reserve, range=part(5, 5))).then_raises(InvalidValue, "range")


@pytest.mark.rule("view.reserved_first")
def test_each_reservation_has_a_number_of_its_own() -> None:
    story = opened
    for number, start in enumerate((0, 20, 40), 1):
        (made,) = story.when(replace(reserve, range=part(start, start + 20))).events()
        assert isinstance(made, SegmentsReserved) and made.number == number
        accounted = AccountForSegments(number, (part(start, start + 20),), 100)
        story = story.and_when(replace(reserve, range=part(start, start + 20))).and_when(accounted)


@pytest.mark.rule("view.reserved_first")
def test_only_what_was_granted_is_reserved_and_only_in_time() -> None:
    short = replace(requested, range=part(0, 10))
    given(short, granted).when(reserve).then_raises(InvalidValue, "range")
    opened.when(reserve, UNTIL).then_raises(WrongState)


@pytest.mark.rule("view.masked")
def test_footage_is_masked_unless_an_override_is_named() -> None:
    override = StreamId("override-7")
    opened.when(replace(reserve, override=override)).then(replace(reserved, masked=False, override=override))
    unmasked = given(requested, granted, replace(reserved, masked=False, override=override))
    unmasked.when(AccountForSegments(1, (part(0, 4),), 10)).then(
        SegmentsServed(FOOTAGE, LEE, 1, (part(0, 4),), False, 10)
    )


def test_what_really_left_is_told() -> None:
    account = AccountForSegments(1, (part(0, 4), part(6, 20)), 5_000_000)
    after = given(requested, granted, reserved)
    after.when(account).then(SegmentsServed(FOOTAGE, LEE, 1, account.ranges, True, 5_000_000))
    after.when(replace(account, ranges=(part(0, 21),))).then_raises(InvalidValue, "ranges")
    after.when(replace(account, number=2)).then_raises(WrongState, "number")
    assert seen(after.and_when(AccountForSegments(1, (), 0)).state) == ()


@pytest.mark.rule("view.unclosed_counts")
def test_a_reservation_that_was_never_closed_counts_as_served() -> None:
    after = given(requested, granted, reserved)
    assert seen(after.state) == (part(0, 20),)
    after.when(EndViewing(EndReason.CLOSED), NOW + MINUTE).then(
        ViewingEnded(FOOTAGE, LEE, EndReason.CLOSED, NOW + MINUTE, 20.0, 0, 1)
    )
    assert seen(after.and_when(EndViewing(EndReason.CLOSED)).state) == (part(0, 20),)


def test_all_that_left_is_summed_up_at_the_end() -> None:
    story = opened
    for number, start in enumerate((0, 20), 1):
        story = story.and_when(replace(reserve, range=part(start, start + 20)))
        story = story.and_when(AccountForSegments(number, (part(start, start + 7.1234),), 100))
    assert seen(story.state) == (part(0, 7.1234), part(20, 27.1234))
    story.when(EndViewing(EndReason.CLOSED), UNTIL).then(
        ViewingEnded(FOOTAGE, LEE, EndReason.EXPIRED, UNTIL, 14.247, 200, 0)
    )


def test_a_viewing_ends_once_and_in_its_time() -> None:
    opened.when(EndViewing(EndReason.REVOKED), UNTIL + MINUTE).then(
        ViewingEnded(FOOTAGE, LEE, EndReason.EXPIRED, UNTIL, 0.0, 0, 0)
    )
    opened.and_when(EndViewing(EndReason.CLOSED)).when(EndViewing(EndReason.CLOSED)).then_nothing()


# -- in any order ------------------------------------------------------------------

SPANS = st.tuples(st.integers(0, 100), st.integers(1, 40)).map(lambda s: part(s[0], s[0] + s[1]))
COMMANDS: st.SearchStrategy[Command] = st.one_of(
    SPANS.map(lambda span: replace(reserve, range=span)),
    st.builds(lambda n, span: AccountForSegments(n, (span,), 1), st.integers(1, 6), SPANS),
    st.builds(lambda n: AccountForSegments(n, (), 0), st.integers(1, 6)),
    st.just(EndViewing(EndReason.CLOSED)),
)


@for_any(st.lists(st.tuples(st.integers(1, 90), COMMANDS), max_size=30))
@pytest.mark.rule("view.reserved_first")
def test_whatever_is_served_was_reserved_first_and_never_over_thirty_seconds_ahead(
    steps: list[tuple[int, Command]],
) -> None:
    happened: list[Event] = [requested, granted]
    at, waiting, counted = NOW, {}, timedelta(0)
    for after_s, command in steps:
        at += after_s * SECOND
        try:
            events = VIEWING.decide(command, VIEWING.fold(happened), at)
        except Mistake:
            continue
        for event in events:
            if isinstance(event, SegmentsReserved):
                assert at < UNTIL
                waiting[event.number] = event.range
            if isinstance(event, SegmentsServed):
                room = waiting.pop(event.number)
                assert all(room.covers(served) for served in event.ranges)
                counted += sum((served.until - served.since for served in event.ranges), timedelta(0))
            if isinstance(event, ViewingEnded):
                unclosed = sum((room.until - room.since for room in waiting.values()), timedelta(0))
                assert event.seen_s == (counted + unclosed).total_seconds()
                waiting = {}
        happened += events
        assert sum((room.until - room.since for room in waiting.values()), timedelta(0)) <= AHEAD


@pytest.mark.rule("view.grant_first")
def test_where_a_viewing_stands_follows_from_what_happened() -> None:
    assert given(requested).state == viewing.Requested(requested)
    assert given(requested, ViewingRefused(FOOTAGE, LEE, ())).state == viewing.Refused(requested)
    assert opened.state == viewing.Open(requested, UNTIL)
    looked = opened.and_when(reserve)
    assert looked.and_when(EndViewing(EndReason.CLOSED)).state == viewing.Ended(requested, (part(0, 20),))


def test_what_is_told_late_of_a_viewing_that_was_refused_changes_nothing() -> None:
    refused = given(requested, ViewingRefused(FOOTAGE, LEE, ()))
    assert given(*refused.happened, reserved).state == refused.state
