"""Footage: recorded, tagged, held, kept longer, destroyed when due, or lost, and never in silence."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from domain.footage import (
    FOOTAGE,
    DestroyFootage,
    FootageDestroyed,
    FootageLost,
    FootageRecorded,
    FootageTagged,
    Kept,
    LegalHoldPlaced,
    LegalHoldReleased,
    Lost,
    PlaceLegalHold,
    RecordFootage,
    ReleaseLegalHold,
    ReportLoss,
    RequestExtension,
    RetentionExtended,
    TagFootage,
    VerifyLegalHold,
    destruction_due,
    footage_standing,
)
from domain.kernel import InvalidValue, NotFound, Personal, WrongState
from domain.legal_basis import BasisKind, LegalBasis
from domain.policy import RetentionRule
from domain.privacy_override_events import Range
from tests.domain import video
from tests.domain.scenario import DAY, HOUR, NOW, SECOND, Scenario
from tests.domain.video import ANA, FEED, LEE, POLICY, RECORDED, WHOLE, part

given = Scenario(FOOTAGE)
KEY = video.FOOTAGE
record = RecordFootage(FEED, WHOLE, 1800, 900_000_000, "a" * 64, "park.2026-06-01T19")
WARRANT = LegalBasis(BasisKind.WARRANT, "26-SW-118", "Superior Court, Los Angeles")
hold = PlaceLegalHold(KEY, "h1", WARRANT, "homicide case 926-1", date(2026, 12, 1), LEE)
SEALED = Personal(f"footage-{KEY}", "homicide case 926-1")
held = LegalHoldPlaced("h1", WHOLE, WARRANT, SEALED, date(2026, 12, 1), LEE)
GONE_AFTER = NOW + 60 * DAY
DUE = WHOLE.until + 30 * DAY
destroy = DestroyFootage(POLICY, ANA, GONE_AFTER)


@pytest.mark.rule("retention.footage")
def test_footage_covers_one_feed_and_at_most_an_hour() -> None:
    given().when(record).then(RECORDED)
    with_the_last_segment = Range(WHOLE.since, WHOLE.since + timedelta(hours=1, seconds=10))
    given().when(replace(record, range=with_the_last_segment)).then(replace(RECORDED, range=with_the_last_segment))
    too_long = Range(WHOLE.since, with_the_last_segment.until + SECOND)
    given().when(replace(record, range=too_long)).then_raises(InvalidValue, "range")
    given().when(replace(record, range=Range(NOW, NOW))).then_raises(InvalidValue, "range")
    given().when(replace(record, manifest_root_sha256="x")).then_raises(InvalidValue, "manifest_root_sha256")
    given(RECORDED).when(record).then_raises(WrongState)


@pytest.mark.rule("retention.lost")
def test_footage_that_should_exist_and_does_not_is_lost_never_silence() -> None:
    loss = ReportLoss(FEED, WHOLE, "disk\x00 failed")
    lost = FootageLost(FEED, WHOLE, NOW, "disk  failed")
    naive = Range(WHOLE.since, WHOLE.until.replace(tzinfo=None))
    given().when(replace(loss, range=naive)).then_raises(InvalidValue, "range.until")
    given().when(loss).then(lost)
    given(RECORDED).when(loss).then(lost)
    given(lost).when(loss).then_nothing()
    assert given(lost).state == given(RECORDED, lost).state == Lost(FEED, WHOLE)
    fault = footage_standing(KEY, given(lost).state).fault
    assert fault is not None and fault.code == "footage_lost"


@pytest.mark.rule("retention.longest")
def test_the_longest_category_wins() -> None:
    tag = TagFootage(KEY, "evidence", LEE, POLICY, "shows the suspect")
    tagged = FootageTagged("evidence", Personal(f"footage-{KEY}", "shows the suspect"), LEE)
    given(RECORDED).when(tag).then(tagged)
    given(RECORDED, tagged).when(tag).then_nothing()
    given(RECORDED).when(replace(tag, category="interesting")).then_raises(InvalidValue, "category")
    given(RECORDED, tagged).when(destroy, DUE).then_raises(WrongState)
    given(RECORDED, tagged).when(destroy, WHOLE.until + 730 * DAY).then_types(FootageDestroyed)


@pytest.mark.rule("retention.longest", "retention.due")
def test_a_category_that_the_policy_does_not_name_is_never_due() -> None:
    without = tuple(rule for rule in POLICY.parameters.retention if rule.category != "evidence")
    amended = replace(POLICY, parameters=replace(POLICY.parameters, retention=without))
    story = given(RECORDED, FootageTagged("evidence", None, LEE))
    assert isinstance(story.state, Kept) and destruction_due(story.state, amended.parameters) is None
    story.when(replace(destroy, policy=amended), WHOLE.until + 10_000 * DAY).then_raises(WrongState, "footage")
    given(RECORDED).when(replace(destroy, policy=amended), DUE).then_types(FootageDestroyed)


@pytest.mark.rule("retention.due", "retention.destroyed")
def test_nothing_is_destroyed_before_it_is_due() -> None:
    given(RECORDED).when(destroy, DUE - SECOND).then_raises(WrongState)
    given(RECORDED).when(destroy, DUE).then(FootageDestroyed(DUE, ("routine",), POLICY.version, ANA, GONE_AFTER))


@pytest.mark.rule("retention.hold")
def test_a_legal_hold_beats_all() -> None:
    given(RECORDED).when(hold).then(held)
    given(RECORDED, held).when(destroy, DUE + HOUR).then_raises(WrongState)
    release = ReleaseLegalHold(KEY, "h1", "case closed", LEE)
    released = LegalHoldReleased("h1", Personal(f"footage-{KEY}", "case closed"), LEE)
    given(RECORDED, held).when(release).then(released)
    given(RECORDED, held, released).when(destroy, DUE).then_types(FootageDestroyed)
    given(RECORDED).when(release).then_raises(NotFound, "hold")


@pytest.mark.rule("retention.hold")
def test_of_several_holds_each_must_be_released() -> None:
    other = replace(held, hold="h2")
    released = LegalHoldReleased("h1", SEALED, LEE)
    given(RECORDED, held, other, released).when(destroy, DUE).then_raises(WrongState)


@pytest.mark.parametrize(
    ("changed", "error", "field"),
    [
        ({"range": part(-1, 20)}, InvalidValue, "range"),
        ({"range": part(20, 20)}, InvalidValue, "range"),
        ({"range": Range(WHOLE.since.replace(tzinfo=None), WHOLE.until)}, InvalidValue, "range.since"),
        ({"range": Range(WHOLE.since, WHOLE.until.replace(tzinfo=None))}, InvalidValue, "range.until"),
        ({"verify_again_on": date(2026, 6, 1)}, InvalidValue, "verify_again_on"),
        ({"legal_basis": LegalBasis(BasisKind.WARRANT)}, InvalidValue, "legal_basis.number"),
        ({"reason": ""}, InvalidValue, "reason"),
    ],
)
@pytest.mark.rule("retention.hold")
def test_a_hold_names_its_basis_its_reason_and_when_it_is_verified_again(
    changed: dict[str, object], error: type, field: str
) -> None:
    given(RECORDED).when(replace(hold, **changed)).then_raises(error, field)  # type: ignore[arg-type]


def test_a_hold_may_be_of_a_part() -> None:
    given(RECORDED).when(replace(hold, range=part(60, 90))).then(replace(held, range=part(60, 90)))
    given(RECORDED, held).when(hold).then_raises(WrongState, "hold")


def test_footage_is_destroyed_no_sooner_than_its_extension_says() -> None:
    later = NOW + 90 * DAY
    extended = RetentionExtended(later, Personal(f"footage-{KEY}", "complaint 26-4 is open"), LEE, ANA)
    given(RECORDED, extended).when(destroy, later - SECOND).then_raises(WrongState, "footage")
    given(RECORDED, extended).when(destroy, later).then_types(FootageDestroyed)


@pytest.mark.rule("retention.footage")
def test_the_least_footage_there_is_has_a_segment_a_byte_and_names_that_are_names() -> None:
    given().when(replace(record, segments=1, size_bytes=1)).then_types(FootageRecorded)
    for changed, field in (
        ({"segments": 0}, "segments"),
        ({"size_bytes": 0}, "segments"),
        ({"key": ""}, "key"),
        ({"category": "?"}, "category"),
        ({"range": Range(WHOLE.since.replace(tzinfo=None), WHOLE.until)}, "range.since"),
        ({"range": Range(WHOLE.since, WHOLE.until.replace(tzinfo=None))}, "range.until"),
    ):
        given().when(replace(record, **changed)).then_raises(InvalidValue, field)  # type: ignore[arg-type]


@pytest.mark.rule("retention.hold")
def test_what_is_said_of_a_hold_has_a_length_and_a_hold_has_a_name() -> None:
    for said in ("yes", "y" * 500):
        given(RECORDED).when(replace(hold, reason=said)).then_types(LegalHoldPlaced)
    for said in ("ye", "y" * 501):
        given(RECORDED).when(replace(hold, reason=said)).then_raises(InvalidValue, "reason")
    given(RECORDED).when(replace(hold, hold="")).then_raises(InvalidValue, "hold")


@pytest.mark.rule("view.picture_there")
def test_others_are_told_what_footage_is_and_why_it_cannot_be_seen() -> None:
    gone = FootageDestroyed(DUE, ("routine",), POLICY.version, ANA, GONE_AFTER)
    lost = FootageLost(FEED, WHOLE, NOW, "disk failed")
    for happened, feed, range_, code in (
        ((), None, None, "footage_unknown"),
        ((RECORDED,), FEED, WHOLE, None),
        ((RECORDED, gone), FEED, WHOLE, "footage_destroyed"),
        ((RECORDED, lost), FEED, WHOLE, "footage_lost"),
    ):
        told = footage_standing(KEY, given(*happened).state)
        assert (told.footage, told.feed, told.range) == (KEY, feed, range_)
        assert (told.fault.code if told.fault else None) == code


@pytest.mark.rule("view.picture_there")
def test_what_is_gone_is_gone() -> None:
    gone = FootageDestroyed(DUE, ("routine",), POLICY.version, ANA, GONE_AFTER)
    given(RECORDED, gone).when(hold).then_raises(WrongState, "footage")
    given(RECORDED, gone).when(ReportLoss(FEED, WHOLE, "")).then_raises(WrongState)
    given().when(hold).then_raises(NotFound, "footage")
    faults = [footage_standing(KEY, given(*happened).state).fault for happened in ((), (RECORDED,), (RECORDED, gone))]
    assert [fault and fault.code for fault in faults] == ["footage_unknown", None, "footage_destroyed"]


# -- which field is wrong, and what needs no words ---------------------------------------


@pytest.mark.rule("retention.hold")
def test_what_is_said_of_footage_is_told_by_its_field_where_it_is_too_short() -> None:
    extend = RequestExtension(KEY, NOW + 100 * DAY, "xx", LEE, POLICY)
    verify = VerifyLegalHold(KEY, "h1", "xx", date(2027, 6, 1), ANA)
    tag = TagFootage(KEY, "evidence", LEE, POLICY, "xx")
    for command, field in (
        (tag, "note"),
        (ReleaseLegalHold(KEY, "h1", "xx", LEE), "reason"),
        (verify, "reason"),
        (extend, "reason"),
        (replace(hold, hold="h2", reason="xx"), "reason"),
    ):
        given(RECORDED, held).when(command).then_raises(InvalidValue, field)
    given(RECORDED).when(replace(tag, note=None)).then(FootageTagged("evidence", None, LEE))
    naive = replace(destroy, unrecoverable_after=GONE_AFTER.replace(tzinfo=None))
    given(RECORDED).when(naive, DUE).then_raises(InvalidValue, "unrecoverable_after")
    since = Range(WHOLE.since.replace(tzinfo=None), WHOLE.until)
    for command in (replace(record, range=since), ReportLoss(FEED, since, "disk failed")):
        given().when(command).then_raises(InvalidValue, "range.since")


@pytest.mark.rule("retention.due")
def test_footage_of_every_category_of_the_policy_is_due_by_the_longest() -> None:
    parameters = replace(POLICY.parameters, retention=(RetentionRule("routine", 30), RetentionRule("evidence", 730)))
    story = given(RECORDED, FootageTagged("evidence", None, LEE))
    assert isinstance(story.state, Kept)
    assert destruction_due(story.state, parameters) == WHOLE.until + 730 * DAY


def test_what_happens_to_footage_that_nobody_recorded_or_that_is_gone_changes_nothing() -> None:
    gone = FootageDestroyed(DUE, ("routine",), POLICY.version, ANA, GONE_AFTER)
    for happened in ((), (RECORDED, gone)):
        assert given(*happened, held).state == given(*happened).state
