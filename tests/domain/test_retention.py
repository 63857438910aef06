"""Keeping footage longer: holds that are looked at again, extensions that two people make, under either policy."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from domain.footage import (
    FOOTAGE,
    AnswerExtension,
    DestroyFootage,
    ExtensionRefused,
    ExtensionRequested,
    FootageDestroyed,
    FootageLost,
    FootageTagged,
    Kept,
    LegalHoldPlaced,
    LegalHoldReleased,
    LegalHoldVerified,
    ReleaseLegalHold,
    RequestExtension,
    RetentionExtended,
    VerifyLegalHold,
    destruction_due,
)
from domain.kernel import InvalidValue, Mistake, NotFound, Personal, PersonId, PolicyVersion, WrongState
from domain.legal_basis import BasisKind, LegalBasis
from domain.policy import RECORD_ALL_KEEP_30_DAYS, RECORD_ON_APPROVAL_KEEP_2_YEARS, PolicyInForce, PolicyParameters
from tests.domain import video
from tests.domain.scenario import DAY, NOW, SECOND, Scenario
from tests.domain.video import ANA, LEE, RECORDED, WHOLE

given = Scenario(FOOTAGE)
KEY = video.FOOTAGE
CAPTAIN = PersonId("captain")


def sealed(text: str) -> Personal[str]:
    return Personal(f"footage-{KEY}", text)


held = LegalHoldPlaced("h1", WHOLE, LegalBasis(BasisKind.SUBPOENA, "7", "DA"), sealed("trial"), date(2026, 12, 1), LEE)
verify = VerifyLegalHold(KEY, "h1", "the trial goes on", date(2027, 6, 1), ANA)
verified = LegalHoldVerified("h1", sealed("the trial goes on"), date(2027, 6, 1), ANA)
LATER = WHOLE.until + 400 * DAY
POLICY = PolicyInForce(PolicyVersion(1), RECORD_ALL_KEEP_30_DAYS, "0" * 64, NOW)
ask = RequestExtension(KEY, LATER, "the appeal is not decided", LEE, POLICY)
asked = ExtensionRequested(LATER, sealed("the appeal is not decided"), LEE)


@pytest.mark.rule("retention.hold")
def test_a_legal_hold_is_verified_again() -> None:
    given(RECORDED, held).when(verify).then(verified)
    given(RECORDED).when(verify).then_raises(NotFound, "hold")
    given(RECORDED, held).when(replace(verify, verify_again_on=NOW.date())).then_raises(InvalidValue, "verify_again_on")
    state = given(RECORDED, held, verified).state
    assert isinstance(state, Kept) and state.holds["h1"].verify_again_on == date(2027, 6, 1)


@pytest.mark.rule("retention.extended")
def test_a_retention_is_extended_by_the_approval_of_another_person() -> None:
    given(RECORDED).when(ask).then(asked)
    extended = RetentionExtended(LATER, sealed("the appeal is not decided"), LEE, CAPTAIN)
    given(RECORDED, asked).when(AnswerExtension(CAPTAIN, POLICY)).then(extended)
    given(RECORDED, asked).when(AnswerExtension(LEE, POLICY)).then_raises(WrongState, "approved_by")
    given(RECORDED).when(AnswerExtension(CAPTAIN, POLICY)).then_raises(WrongState, "footage")
    given(RECORDED, asked, extended).when(AnswerExtension(CAPTAIN, POLICY)).then_raises(WrongState, "footage")


@pytest.mark.rule("retention.extended")
def test_an_extension_is_refused_with_a_reason() -> None:
    no = AnswerExtension(CAPTAIN, POLICY, "the appeal was decided")
    given(RECORDED, asked).when(no).then_refused(ExtensionRefused, "declined")
    given(RECORDED, asked).and_when(no).when(no).then_raises(WrongState, "footage")


@pytest.mark.rule("retention.extended")
def test_what_is_said_of_an_extension_has_a_length_and_its_day_a_zone() -> None:
    for said in ("yes", "y" * 500):
        given(RECORDED, asked).when(AnswerExtension(CAPTAIN, POLICY, said)).then_types(ExtensionRefused)
    for said in ("ye", "y" * 501):
        given(RECORDED, asked).when(AnswerExtension(CAPTAIN, POLICY, said)).then_raises(InvalidValue, "reason")
    naive = LATER.replace(tzinfo=None)
    given(RECORDED).when(replace(ask, keep_until=naive)).then_raises(InvalidValue, "keep_until")


@pytest.mark.rule("retention.extended")
def test_an_extension_that_is_shorter_than_the_schedule_is_refused_and_told_what_would_be_one() -> None:
    scheduled = WHOLE.until + 30 * DAY
    told = given(RECORDED).when(replace(ask, keep_until=scheduled)).then_raises(InvalidValue, "keep_until")
    assert told.accepted == f"after {scheduled:%Y-%m-%d %H:%M:%S} UTC"
    given(RECORDED).when(replace(ask, keep_until=scheduled + SECOND)).then_types(ExtensionRequested)
    early = replace(asked, keep_until=scheduled)
    given(RECORDED, early).when(AnswerExtension(CAPTAIN, POLICY)).then_raises(InvalidValue, "keep_until")
    given(RECORDED, held).when(replace(ask, keep_until=scheduled)).then_raises(InvalidValue, "keep_until")
    nameless = replace(POLICY, parameters=replace(POLICY.parameters, retention=()))
    given(RECORDED).when(replace(ask, policy=nameless)).then_raises(InvalidValue, "keep_until")


@pytest.mark.rule("retention.lost", "retention.hold")
def test_a_hold_on_footage_that_was_lost_can_be_closed() -> None:
    lost = FootageLost(RECORDED.feed, WHOLE, NOW, "the disk failed")
    release = ReleaseLegalHold(KEY, "h1", "it was lost, and the court was told", ANA)
    released = LegalHoldReleased("h1", sealed("it was lost, and the court was told"), ANA)
    given(RECORDED, held, lost).when(release).then(released)
    given(RECORDED, held, lost, released).when(release).then_raises(NotFound, "hold")
    given(RECORDED, lost).when(release).then_raises(NotFound, "hold")
    given(RECORDED, held, lost).when(verify).then_raises(WrongState, "footage")


@pytest.mark.parametrize("until", [NOW, NOW - DAY])
def test_an_extension_extends(until: datetime) -> None:
    given(RECORDED).when(replace(ask, keep_until=until)).then_raises(InvalidValue, "keep_until")
    extended = RetentionExtended(LATER, sealed("x"), LEE, CAPTAIN)
    given(RECORDED, extended).when(replace(ask, keep_until=LATER)).then_raises(InvalidValue, "keep_until")


@pytest.mark.parametrize(
    ("parameters", "days"), [(RECORD_ALL_KEEP_30_DAYS, 30), (RECORD_ON_APPROVAL_KEEP_2_YEARS, 730)]
)
@pytest.mark.rule("retention.longest", "policy.regimes")
def test_both_policies_keep_what_they_say(parameters: PolicyParameters, days: int) -> None:
    policy = PolicyInForce(PolicyVersion(2), parameters, "0" * 64, NOW)
    due = WHOLE.until + timedelta(days=days)
    destroy = DestroyFootage(policy, CAPTAIN, due + 35 * DAY)
    given(RECORDED).when(destroy, due - SECOND).then_raises(WrongState, "footage")
    destroyed = FootageDestroyed(due, ("routine",), PolicyVersion(2), CAPTAIN, due + 35 * DAY)
    given(RECORDED).when(destroy, due).then(destroyed)


POLICY = PolicyInForce(PolicyVersion(1), RECORD_ALL_KEEP_30_DAYS, "0" * 64, NOW)
happenings = st.lists(
    st.one_of(
        st.sampled_from(["evidence", "investigation", "training"]).map(lambda c: FootageTagged(c, None, LEE)),
        st.sampled_from("abc").map(lambda name: replace(held, hold=name)),
        st.sampled_from("abc").map(lambda name: LegalHoldReleased(name, sealed("over"), LEE)),
        st.integers(1, 1500).map(lambda d: RetentionExtended(NOW + d * DAY, sealed("x"), LEE, CAPTAIN)),
    ),
    max_size=8,
)


@for_all(happenings, st.integers(0, 1600))
@settings(max_examples=150, deadline=None)
@pytest.mark.rule("retention.hold")
def test_nothing_is_destroyed_under_hold_or_before_its_longest_category(happened: list[object], day: int) -> None:
    state = FOOTAGE.fold([RECORDED, *happened])  # type: ignore[list-item]
    at = WHOLE.until + timedelta(days=day)
    assert isinstance(state, Kept)
    names = [e.hold for e in happened if isinstance(e, LegalHoldPlaced)]
    open_holds = {n for n in names if _last_of(happened, n) is LegalHoldPlaced}
    days = {rule.category: rule.days for rule in RECORD_ALL_KEEP_30_DAYS.retention}
    longest = max(days[c] for c in {"routine", *(e.category for e in happened if isinstance(e, FootageTagged))})
    extensions = [e.keep_until for e in happened if isinstance(e, RetentionExtended)]
    due = max([WHOLE.until + timedelta(days=longest), *extensions[-1:]])
    try:
        events = FOOTAGE.decide(DestroyFootage(POLICY, CAPTAIN, at + DAY), state, at)
    except Mistake:
        assert open_holds or at < due
    else:
        assert not open_holds and at >= due
        assert isinstance(events[0], FootageDestroyed) and events[0].due_since == due
    assert (destruction_due(state, RECORD_ALL_KEEP_30_DAYS) is None) == bool(open_holds)


def _last_of(happened: list[object], name: str) -> type | None:
    of = [type(e) for e in happened if isinstance(e, LegalHoldPlaced | LegalHoldReleased) and e.hold == name]
    return of[-1] if of else None


def test_a_hold_is_released_before_anything_is_destroyed() -> None:
    due = WHOLE.until + 30 * DAY
    destroy = DestroyFootage(POLICY, CAPTAIN, due + DAY)
    given(RECORDED, held).when(destroy, due).then_raises(WrongState, "footage")
    released = given(RECORDED, held).and_when(ReleaseLegalHold(KEY, "h1", "the trial is over", ANA), due)
    released.when(destroy, due).then_types(FootageDestroyed)
