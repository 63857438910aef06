"""A live view: purpose before the first frame, a heartbeat, an end that always comes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from domain import live_view
from domain.call import CallStanding
from domain.camera import FeedStanding
from domain.grounds import Grounds, stated
from domain.kernel import (
    CallNumber,
    CaseNumber,
    FeedId,
    InvalidValue,
    LiveViewId,
    NotFound,
    Personal,
    PersonId,
    PolicyVersion,
    Reason,
    StreamId,
    WrongState,
)
from domain.live_view import (
    COVERED,
    LIVE_VIEW,
    AccountForPictures,
    EndLiveView,
    EndReason,
    LivePicturesServed,
    LiveViewEnded,
    LiveViewGranted,
    LiveViewRefused,
    LiveViewRenewed,
    LiveViewRequested,
    RenewalRefused,
    RenewLiveView,
    RequestLiveView,
    ViewFacts,
    flight_feed,
    view_permit,
)
from domain.policy import (
    PROHIBITED,
    RECORD_ALL_KEEP_30_DAYS,
    RECORD_ON_APPROVAL_KEEP_2_YEARS,
    Basis,
    PolicyInForce,
    PurposeRule,
)
from domain.reason_quality import quality
from tests.domain.scenario import HOUR, MINUTE, NOW, SECOND, Scenario

given = Scenario(LIVE_VIEW)
LEE, OTHER, CALL = PersonId("lee"), PersonId("ana"), CallNumber("26-17")
FEED = FeedId(StreamId("camera-park"))
POLICY = PolicyInForce(PolicyVersion(1), RECORD_ALL_KEEP_30_DAYS, "c" * 64, NOW - HOUR)
OPEN_CALL = CallStanding(CALL, known=True, open=True)
facts = ViewFacts(FeedStanding(FEED, None), OPEN_CALL, POLICY)
grounds = Grounds("call_for_service", "man with a knife at the bus stop", CALL)
good = quality(grounds.reason, call_known=True)
request = RequestLiveView(LiveViewId("v1"), LEE, "s1", grounds, good, facts)
requested = LiveViewRequested(FEED, LEE, "s1", stated(grounds, good, "liveview-v1"), None)
UNTIL = NOW + 30 * MINUTE
granted = LiveViewGranted(FEED, LEE, NOW, UNTIL)
renew = RenewLiveView(LEE, "he is still there", good, facts)
left = AccountForPictures(NOW, NOW + MINUTE, 900, True)
served = LivePicturesServed(FEED, LEE, NOW, NOW + MINUTE, True, None, 900, 900)


def asking(**changed: object) -> RequestLiveView:
    return replace(request, grounds=replace(grounds, **changed))  # type: ignore[arg-type]


# -- asking ----------------------------------------------------------------------


@pytest.mark.rule("view.grounds_first")
def test_purpose_and_case_are_asked_before_the_first_frame() -> None:
    given().when(request).then(requested, granted)
    given().when(asking(purpose="")).then_raises(InvalidValue, "purpose")
    given().when(asking(reason="")).then_raises(InvalidValue, "reason")
    given().when(asking(call=None)).then_refused(LiveViewRefused, "call_or_case_missing")


@pytest.mark.rule("view.refusal_recorded")
def test_the_refusal_of_a_view_is_recorded_with_every_reason() -> None:
    fault = Reason("feed_offline", "no picture", "a view is of a picture that is there", field="feed")
    unknown = replace(facts, feed=FeedStanding(FEED, fault), call=CallStanding(CALL, False, False))
    asked = given().when(replace(request, facts=unknown))
    asked.then_types(LiveViewRequested, LiveViewRefused)
    asked.then_refused(LiveViewRefused, "feed_offline", "call_unknown")


@pytest.mark.parametrize("purpose", PROHIBITED)
@pytest.mark.parametrize("parameters", [RECORD_ALL_KEEP_30_DAYS, RECORD_ON_APPROVAL_KEEP_2_YEARS])
@pytest.mark.rule("policy.prohibited")
def test_prohibited_purposes_are_refused_for_everybody(purpose: str, parameters: object) -> None:
    policy = replace(POLICY, parameters=parameters)  # type: ignore[arg-type]
    command = replace(asking(purpose=purpose), facts=replace(facts, policy=policy))
    given().when(command).then_refused(LiveViewRefused, "purpose_prohibited")


@pytest.mark.rule("view.grounds_first")
def test_a_purpose_nobody_adopted_is_refused() -> None:
    fewer = replace(RECORD_ALL_KEEP_30_DAYS, purposes=RECORD_ALL_KEEP_30_DAYS.purposes[1:])
    command = replace(request, facts=replace(facts, policy=replace(POLICY, parameters=fewer)))
    given().when(command).then_refused(LiveViewRefused, "purpose_not_adopted")


@pytest.mark.rule("view.grounds_first")
def test_a_closed_call_is_no_ground_to_watch_live_but_its_case_is() -> None:
    closed = replace(facts, call=replace(OPEN_CALL, open=False))
    given().when(replace(request, facts=closed)).then_refused(LiveViewRefused, "call_closed")
    by_case = replace(asking(call=None, case=CaseNumber("926-01234")), facts=replace(facts, call=None))
    given().when(by_case).then_types(LiveViewRequested, LiveViewGranted)


def test_training_names_its_document() -> None:
    without = replace(asking(purpose="training", call=None), facts=replace(facts, call=None))
    given().when(without).then_refused(LiveViewRefused, "authorisation_missing")
    named = replace(asking(purpose="training", call=None, authorisation="Training plan 7"), facts=without.facts)
    asked, _ = given().when(named).then_types(LiveViewRequested, LiveViewGranted)
    assert isinstance(asked, LiveViewRequested) and asked.grounds.reason.subject == "liveview-v1"


@pytest.mark.rule("view.grounds_first")
def test_a_purpose_that_the_policy_alone_knows_is_one_to_look_for() -> None:
    own = PurposeRule("harbour_watch", "Harbour watch", Basis.CALL_OR_CASE)
    wider = replace(POLICY, parameters=replace(POLICY.parameters, purposes=(*POLICY.parameters.purposes, own)))
    given().when(replace(asking(purpose="harbour_watch"), facts=replace(facts, policy=wider))).then_types(
        LiveViewRequested, LiveViewGranted
    )
    given().when(asking(purpose="harbour_watch")).then_raises(InvalidValue, "purpose")


@pytest.mark.rule("view.reason_quality")
def test_a_vague_reason_is_kept_with_its_score_and_does_not_refuse_by_itself() -> None:
    vague = replace(asking(reason="investigation"), quality=quality("investigation"))
    asked, _ = given().when(vague).then_types(LiveViewRequested, LiveViewGranted)
    assert isinstance(asked, LiveViewRequested)
    assert asked.grounds.quality.vague and asked.grounds.quality.flaws


def test_the_reason_is_sealed_with_the_key_of_its_incident() -> None:
    assert requested.grounds.reason == Personal("call-26-17", grounds.reason)
    alone = replace(grounds, call=None)
    assert stated(alone, good, "liveview-v1").reason.subject == "liveview-v1"
    assert stated(replace(alone, case=CaseNumber("926")), good, "x").reason.subject == "case-926"


@pytest.mark.rule("view.field")
def test_a_view_of_what_was_shared_names_the_incident() -> None:
    given().when(replace(request, shared_by_call=CALL)).then(replace(requested, shared_by_call=CALL), granted)


@pytest.mark.rule("view.refusal_recorded")
def test_a_refusal_names_who_was_refused_which_feed() -> None:
    closed = replace(facts, call=replace(OPEN_CALL, open=False))
    *_, refused = given().when(replace(request, facts=closed)).events()
    assert isinstance(refused, LiveViewRefused) and (refused.feed, refused.person) == (FEED, LEE)
    (again,) = given(requested, granted).when(replace(renew, facts=closed)).events()
    assert isinstance(again, RenewalRefused) and (again.feed, again.person) == (FEED, LEE)


@pytest.mark.rule("view.refusal_recorded")
def test_who_was_refused_neither_looks_nor_goes_on() -> None:
    refused = given(requested, LiveViewRefused(FEED, LEE, ()))
    reason = view_permit(refused.state, LEE, "s1", NOW)
    assert reason is not None and reason.code == "view_not_granted"
    refused.when(renew).then_raises(WrongState, "view")


def test_a_view_is_asked_for_once() -> None:
    given(requested, granted).when(request).then_raises(WrongState, "view")


@pytest.mark.rule("view.picture_there")
def test_a_drone_shows_its_picture_in_the_air_alone() -> None:
    flight = FeedId(StreamId("flight-f1"))
    assert flight_feed(flight, known=True, flying=True) == FeedStanding(flight, None)
    for known, code in ((True, "feed_offline"), (False, "feed_unknown")):
        fault = flight_feed(flight, known=known, flying=False).fault
        assert fault is not None and fault.code == code


# -- going on --------------------------------------------------------------------


@pytest.mark.rule("view.bounded")
def test_length_is_bounded_and_renewal_asks_again() -> None:
    at = NOW + 29 * MINUTE
    text = Personal("call-26-17", "he is still there")
    renewed = LiveViewRenewed(FEED, LEE, text, good, at + 30 * MINUTE)
    given(requested, granted).when(renew, at).then(renewed)
    given(requested, granted, renewed).when(renew, UNTIL).then_types(LiveViewRenewed)
    given(requested, granted).when(replace(renew, reason=" "), at).then_raises(InvalidValue, "reason")


@pytest.mark.rule("view.bounded")
@pytest.mark.parametrize(
    "basis",
    [{"call": None, "case": CaseNumber("C-7")}, {"call": None, "authorisation": "drill 7", "purpose": "training"}],
)
def test_a_view_goes_on_for_the_case_or_the_document_it_was_asked_for(basis: dict[str, str]) -> None:
    alone = replace(facts, call=None)
    begun = given().and_when(replace(asking(**basis), facts=alone))
    begun.when(replace(renew, facts=alone), NOW + MINUTE).then_types(LiveViewRenewed)


@pytest.mark.rule("view.bounded")
def test_going_on_takes_a_reason_of_some_length() -> None:
    after = given(requested, granted)
    for said in ("yes", "y" * 500):
        after.when(replace(renew, reason=said)).then_types(LiveViewRenewed)
    for said in ("ye", "y" * 501):
        after.when(replace(renew, reason=said)).then_raises(InvalidValue, "reason")


@pytest.mark.rule("view.refusal_recorded")
def test_every_reason_against_going_on_is_given_at_once() -> None:
    fault = Reason("feed_offline", "no picture", "a view is of a picture that is there", field="feed")
    against = replace(facts, feed=FeedStanding(FEED, fault), call=replace(OPEN_CALL, open=False))
    given(requested, granted).when(replace(renew, by=OTHER, facts=against)).then_refused(
        RenewalRefused, "call_closed", "feed_offline", "not_your_view"
    )


@pytest.mark.rule("view.bounded")
def test_the_length_of_a_view_is_the_policys() -> None:
    short = replace(POLICY, parameters=replace(RECORD_ALL_KEEP_30_DAYS, live_view_minutes=5))
    given().when(replace(request, facts=replace(facts, policy=short))).then(
        requested, replace(granted, until=NOW + 5 * MINUTE)
    )


@pytest.mark.rule("view.bounded")
def test_a_late_renewal_does_not_revive_a_view() -> None:
    given(requested, granted).when(renew, UNTIL).then_raises(WrongState, "view")
    ended = LiveViewEnded(FEED, LEE, EndReason.CLOSED, NOW, 0.0)
    given(requested, granted, ended).when(renew).then_raises(WrongState)
    given().when(renew).then_raises(NotFound, "view")


@pytest.mark.rule("view.refusal_recorded")
def test_a_refused_renewal_is_recorded_and_the_view_ends_when_it_was_to_end() -> None:
    closed = replace(renew, facts=replace(facts, call=replace(OPEN_CALL, open=False)))
    after = given(requested, granted)
    after.when(closed, NOW + MINUTE).then_refused(RenewalRefused, "call_closed")
    refused = after.and_when(closed, NOW + MINUTE)
    assert view_permit(refused.state, LEE, "s1", UNTIL - SECOND) is None
    assert view_permit(refused.state, LEE, "s1", UNTIL) is not None


@pytest.mark.rule("view.grant_first")
def test_nobody_renews_the_view_of_another() -> None:
    given(requested, granted).when(replace(renew, by=OTHER)).then_refused(RenewalRefused, "not_your_view")


# -- the end ---------------------------------------------------------------------


@pytest.mark.rule("view.heartbeat")
def test_a_lost_heartbeat_ends_a_view() -> None:
    lost = EndLiveView(EndReason.LOST, NOW + 60 * SECOND)
    given(requested, granted).when(lost, NOW + 75 * SECOND).then(
        LiveViewEnded(FEED, LEE, EndReason.LOST, NOW + 70 * SECOND, 70.0)
    )


@pytest.mark.rule("view.measured")
def test_what_may_have_been_seen_counts_as_seen() -> None:
    never = EndLiveView(EndReason.LOST, NOW - SECOND)
    given(requested, granted).when(never, NOW + 4 * SECOND).then(
        LiveViewEnded(FEED, LEE, EndReason.LOST, NOW + 4 * SECOND, 4.0)
    )


@pytest.mark.parametrize("why", list(EndReason))
@pytest.mark.rule("view.measured")
def test_the_length_of_a_view_is_measured_and_never_longer_than_granted(why: EndReason) -> None:
    given(requested, granted).when(EndLiveView(why), NOW + 90 * SECOND).then(
        LiveViewEnded(FEED, LEE, why, NOW + 90 * SECOND, 90.0)
    )
    given(requested, granted).when(EndLiveView(why), UNTIL + HOUR).then(
        LiveViewEnded(FEED, LEE, EndReason.EXPIRED, UNTIL, 1800.0)
    )


@pytest.mark.rule("view.measured")
def test_a_view_that_is_closed_at_its_last_moment_has_run_its_time() -> None:
    given(requested, granted).when(EndLiveView(EndReason.CLOSED), UNTIL).then(
        LiveViewEnded(FEED, LEE, EndReason.EXPIRED, UNTIL, 1800.0)
    )


@pytest.mark.rule("view.measured")
def test_the_length_of_a_view_is_told_in_thousandths_of_a_second() -> None:
    at = NOW + timedelta(microseconds=1_234_567)
    (ended,) = given(requested, granted).when(EndLiveView(EndReason.CLOSED), at).events()
    assert isinstance(ended, LiveViewEnded) and ended.watched_s == 1.235


@pytest.mark.parametrize("why", list(EndReason))
@pytest.mark.rule("view.grant_first")
def test_who_asks_for_a_frame_of_a_view_that_has_ended_is_told_why_it_ended(why: EndReason) -> None:
    ended = given(requested, granted, LiveViewEnded(FEED, LEE, why, NOW, 0.0))
    reason = view_permit(ended.state, LEE, "s1", NOW)
    assert reason is not None and (reason.code, reason.message) == ("view_ended", f"this view has ended ({why})")


def test_a_view_ends_once() -> None:
    ended = given(requested, granted).and_when(EndLiveView(EndReason.CLOSED))
    ended.when(EndLiveView(EndReason.REVOKED)).then_nothing()
    given(requested, LiveViewRefused(FEED, LEE, ())).when(EndLiveView(EndReason.LOST)).then_nothing()
    given().when(EndLiveView(EndReason.CLOSED)).then_raises(NotFound, "view")


@pytest.mark.rule("view.grant_first")
def test_no_frame_without_a_grant() -> None:
    def code(*happened: object, by: PersonId = LEE, session: str = "s1") -> str | None:
        reason = view_permit(given(*happened).state, by, session, NOW)  # type: ignore[arg-type]
        return reason.code if reason else None

    assert code() == code(requested) == code(requested, LiveViewRefused(FEED, LEE, ())) == "view_not_granted"
    assert code(requested, granted) is None
    assert code(requested, granted, by=OTHER) == code(requested, granted, session="s2") == "not_your_view"
    assert code(requested, granted, LiveViewEnded(FEED, LEE, EndReason.REVOKED, NOW, 1.0)) == "view_ended"


def test_nobody_is_let_look_into_a_zone_that_forbids_viewing() -> None:
    feed = flight_feed(FeedId(StreamId("flight-1")), known=True, flying=True, covered=True)
    assert feed == FeedStanding(FeedId(StreamId("flight-1")), COVERED)
    given().when(replace(request, facts=replace(facts, feed=feed))).then_refused(LiveViewRefused, "in_privacy_zone")
    covered = replace(renew, facts=replace(facts, feed=feed))
    given(requested, granted).when(covered).then_refused(RenewalRefused, "in_privacy_zone")


def test_a_view_ended_by_a_privacy_zone_says_so() -> None:
    end = EndLiveView(EndReason.PRIVACY_ZONE)
    ended = LiveViewEnded(FEED, LEE, EndReason.PRIVACY_ZONE, NOW + SECOND, 1.0)
    given(requested, granted).when(end, at=NOW + SECOND).then(ended)


@pytest.mark.rule("view.grant_first")
def test_where_a_view_stands_follows_from_what_happened() -> None:
    refused = LiveViewRefused(FEED, LEE, ())
    ended = LiveViewEnded(FEED, LEE, EndReason.CLOSED, NOW, 1.0)
    assert given(requested).state == live_view.Requested(requested)
    assert given(requested, refused).state == live_view.Refused(requested)
    assert given(requested, granted).state == live_view.Open(requested, NOW, UNTIL)
    assert given(requested, granted, ended).state == live_view.Ended(requested, EndReason.CLOSED)


# -- what left ---------------------------------------------------------------------


@pytest.mark.rule("view.accounted")
def test_what_left_is_on_the_record_with_how_much_it_was_in_all() -> None:
    after = given(requested, granted)
    after.when(left, NOW + MINUTE).then(served)
    override = StreamId("override-o1")
    lifted = AccountForPictures(NOW + MINUTE, NOW + 2 * MINUTE, 50, False, override)
    more = LivePicturesServed(FEED, LEE, NOW + MINUTE, NOW + 2 * MINUTE, False, override, 50, 950)
    given(requested, granted, served).when(lifted, NOW + 2 * MINUTE).then(more)
    assert given(requested, granted, served, more).state == live_view.Open(requested, NOW, UNTIL, 950)


@pytest.mark.rule("view.accounted")
@pytest.mark.parametrize("why", list(EndReason))
def test_what_left_of_a_view_is_told_also_after_its_end(why: EndReason) -> None:
    ended = LiveViewEnded(FEED, LEE, why, NOW + MINUTE, 60.0)
    given(requested, granted, ended).when(left, NOW + HOUR).then(served)
    last = given(requested, granted, served, ended)
    last.when(left, NOW + HOUR).then(replace(served, total_bytes=1800))
    assert last.state == live_view.Ended(requested, why, 900)
    assert given(requested, granted, ended, served).state == live_view.Ended(requested, why, 900)


@pytest.mark.rule("view.accounted")
def test_what_was_counted_changes_nothing_of_how_long_somebody_may_watch() -> None:
    after = given(requested, granted, served)
    assert view_permit(after.state, LEE, "s1", UNTIL - SECOND) is None
    after.when(renew, NOW + MINUTE).then_types(LiveViewRenewed)
    after.when(EndLiveView(EndReason.CLOSED), NOW + MINUTE).then(
        LiveViewEnded(FEED, LEE, EndReason.CLOSED, NOW + MINUTE, 60.0)
    )


@pytest.mark.rule("view.accounted", "view.grant_first")
def test_nothing_can_have_left_of_a_view_that_nobody_was_granted() -> None:
    given().when(left).then_raises(NotFound, "view")
    given(requested).when(left).then_raises(WrongState, "view")
    given(requested, LiveViewRefused(FEED, LEE, ())).when(left).then_raises(WrongState, "view")


def test_what_left_was_something_and_ended_after_it_began() -> None:
    after = given(requested, granted)
    after.when(replace(left, size_bytes=1, until=NOW)).then_types(LivePicturesServed)
    after.when(replace(left, size_bytes=0)).then_raises(InvalidValue, "size_bytes")
    after.when(replace(left, until=NOW - SECOND)).then_raises(InvalidValue, "until")
