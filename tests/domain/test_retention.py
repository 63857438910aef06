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
    Destroyed,
    DestroyFootage,
    ExtensionRefused,
    ExtensionRequested,
    FootageDestroyed,
    FootageLost,
    FootageTagged,
    HeldCopyDestroyed,
    HeldRangeCopied,
    Kept,
    LegalHoldPlaced,
    LegalHoldReleased,
    LegalHoldVerified,
    NoteHeldCopy,
    PlaceLegalHold,
    ReleaseLegalHold,
    ReportLoss,
    RequestExtension,
    RestDestroyed,
    RetentionExtended,
    TagFootage,
    VerifyLegalHold,
    destroyed,
    destruction_due,
    footage_standing,
    stored,
)
from domain.kernel import InvalidValue, Mistake, NotFound, Personal, PersonId, PolicyVersion, WrongState
from domain.legal_basis import BasisKind, LegalBasis
from domain.policy import RECORD_ALL_KEEP_30_DAYS, RECORD_ON_APPROVAL_KEEP_2_YEARS, PolicyInForce, PolicyParameters
from domain.privacy_override_events import Range
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


# -- a hold's own copy -------------------------------------------------------

HOLD = replace(held, range=Range(WHOLE.since + 600 * SECOND, WHOLE.since + 900 * SECOND))
COPY = HeldRangeCopied("h1", f"held-h1~{KEY}", HOLD.range, 150, 75_000_000, "b" * 64, "key-of-the-copy")
SCHEDULED = WHOLE.until + 30 * DAY
GONE = SCHEDULED + 90 * DAY
destroy = DestroyFootage(POLICY, CAPTAIN, GONE)
note = NoteHeldCopy(COPY, POLICY, CAPTAIN, GONE)
REST = RestDestroyed(SCHEDULED, ("routine",), PolicyVersion(1), CAPTAIN, GONE, ("h1",))
COPY_GONE = HeldCopyDestroyed("h1", COPY.copy, PolicyVersion(1), CAPTAIN, GONE)
ALL_GONE = FootageDestroyed(SCHEDULED, ("routine",), PolicyVersion(1), CAPTAIN, GONE)
released = LegalHoldReleased("h1", sealed("it is over"), LEE)
release = ReleaseLegalHold(KEY, "h1", "it is over", LEE)


@pytest.mark.rule("retention.held_copy")
def test_once_what_is_held_is_copied_the_rest_goes_when_it_is_due() -> None:
    given(RECORDED, HOLD).when(destroy, SCHEDULED).then_raises(WrongState, "footage")
    given(RECORDED, HOLD).when(note).then(COPY)
    given(RECORDED, HOLD, COPY).when(note).then_nothing()
    given(RECORDED, HOLD, COPY).when(destroy, SCHEDULED - SECOND).then_raises(WrongState, "footage")
    given(RECORDED, HOLD, COPY).when(destroy, SCHEDULED).then(REST)
    state = given(RECORDED, HOLD, COPY).state
    assert isinstance(state, Kept) and destruction_due(state, POLICY.parameters) == SCHEDULED
    other = replace(HOLD, hold="h2")
    given(RECORDED, HOLD, COPY, other).when(destroy, SCHEDULED).then_raises(WrongState, "footage")


@pytest.mark.rule("retention.held_copy", "retention.destroyed")
def test_a_copy_is_due_when_its_hold_is_released_and_with_the_last_one_the_footage_is_gone() -> None:
    apart = given(RECORDED, HOLD, COPY, REST)
    apart.when(destroy, GONE).then_raises(WrongState, "footage")
    apart.when(release).then(released)
    given(RECORDED, HOLD, COPY, REST, released).when(destroy, GONE).then(COPY_GONE, ALL_GONE)
    assert given(RECORDED, HOLD, COPY, REST, released, COPY_GONE, ALL_GONE).state == Destroyed(RECORDED)
    second = replace(HOLD, hold="h2")
    copied = replace(COPY, hold="h2", copy=f"held-h2~{KEY}")
    both = (RECORDED, HOLD, COPY, second, copied, replace(REST, left=("h1", "h2")), released)
    given(*both).when(destroy, GONE).then(COPY_GONE)
    given(*both, COPY_GONE).when(destroy, GONE).then_raises(WrongState, "footage")


@pytest.mark.rule("retention.held_copy")
def test_a_copy_whose_hold_is_over_goes_with_the_rest_and_one_that_comes_too_late_at_once() -> None:
    given(RECORDED, HOLD, COPY, released).when(destroy, SCHEDULED).then(COPY_GONE, ALL_GONE)
    given(RECORDED, HOLD, released).when(note).then(COPY_GONE)
    given(RECORDED, HOLD, released, ALL_GONE).when(note).then(COPY_GONE)
    given().when(note).then_raises(NotFound, "footage")


@pytest.mark.rule("retention.held_copy", "view.picture_there")
def test_of_what_is_held_apart_only_what_is_left_can_be_asked_for() -> None:
    state = given(RECORDED, HOLD, COPY, REST).state
    standing = footage_standing(KEY, state)
    assert (standing.fault, standing.left, standing.range) == (None, (HOLD.range,), WHOLE)
    assert standing.stretch(None) == HOLD.range and standing.covers(HOLD.range)
    for wanted in (WHOLE, Range(WHOLE.since, HOLD.range.until), Range(HOLD.range.since, HOLD.range.since)):
        with pytest.raises(InvalidValue) as told:
            standing.stretch(wanted)
        assert told.value.field == "range"
    assert [part.footage for part in stored(KEY, state)] == [COPY.copy]
    assert [part.footage for part in stored(KEY, given(RECORDED, HOLD, COPY).state)] == [KEY]
    assert stored(KEY, given(RECORDED, ALL_GONE).state) == () == stored(KEY, given().state)


@pytest.mark.rule("retention.key", "retention.lost")
def test_what_was_lost_was_not_destroyed_but_for_what_had_been_before() -> None:
    """A file that was made of it before goes with its destruction, and not with its loss."""
    gone = FootageLost(RECORDED.feed, WHOLE, RECORDED.range.until, "disk failed")
    apart = (RECORDED, HOLD, COPY, REST)
    for story, parts in (
        ((RECORDED,), {WHOLE: False, HOLD.range: False}),
        ((RECORDED, HOLD, COPY), {WHOLE: False, HOLD.range: False}),
        ((RECORDED, ALL_GONE), {WHOLE: True, HOLD.range: True}),
        (apart, {WHOLE: True, HOLD.range: False}),
        ((RECORDED, gone), {WHOLE: False, HOLD.range: False}),
        ((*apart, gone), {WHOLE: True, HOLD.range: False}),
    ):
        assert {part: destroyed(given(*story).state, part) for part in parts} == parts, story


def test_what_is_held_apart_can_be_held_again_verified_and_lost_and_nothing_more() -> None:
    apart = given(RECORDED, HOLD, COPY, REST)
    place = PlaceLegalHold(KEY, "h2", HOLD.legal_basis, "another trial", date(2027, 1, 1), ANA, HOLD.range)
    apart.when(place).then_types(LegalHoldPlaced)
    apart.when(replace(place, range=WHOLE)).then_raises(InvalidValue, "range")
    apart.when(replace(place, hold="h1")).then_raises(WrongState, "hold")
    apart.when(replace(verify, verify_again_on=date(2027, 6, 1))).then_types(LegalHoldVerified)
    apart.when(ReportLoss(RECORDED.feed, HOLD.range, "disk failed")).then_types(FootageLost)
    apart.when(TagFootage(KEY, "evidence", LEE, POLICY)).then_raises(WrongState, "footage")
    apart.when(ask).then_raises(WrongState, "footage")
    given(RECORDED, HOLD, COPY, REST, replace(HOLD, hold="h2"), released).when(destroy, GONE).then_raises(WrongState)
