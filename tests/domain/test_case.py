"""Case numbers: told by dispatch, or looked up by oversight."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.case import (
    CASE,
    CaseExamined,
    CaseOpened,
    CaseStanding,
    CaseVerdict,
    ExamineCase,
    OpenCase,
    Told,
    case_standing,
)
from domain.kernel import CallNumber, CaseNumber, InvalidValue, Personal, PersonId, WrongState
from tests.domain.scenario import NOW, Scenario

given = Scenario(CASE)
NUMBER, AUDREY = CaseNumber("926-04417-0417-011"), PersonId("audrey")
FINDINGS = "detective Ruiz has the file, burglary desk"
opened = CaseOpened(CallNumber("26-1"), 3, NOW)
tell = OpenCase(CallNumber("26-1"), 3, NOW)
look_up = ExamineCase(NUMBER, CaseVerdict.FOUND, FINDINGS, AUDREY)
found = CaseExamined(CaseVerdict.FOUND, Personal(f"case-{NUMBER}", FINDINGS), AUDREY)
not_found = replace(found, verdict=CaseVerdict.NOT_FOUND)


@pytest.mark.rule("view.case_verified")
def test_a_case_is_verified_by_dispatch_or_by_oversight_that_found_it() -> None:
    for events, verified in (([], False), ([opened], True), ([found], True), ([not_found], False)):
        state = CASE.fold(events)  # type: ignore[arg-type]
        assert case_standing(NUMBER, state) == CaseStanding(NUMBER, verified)


def test_dispatch_tells_of_a_case_once_for_each_call() -> None:
    given().when(tell).then(opened)
    given(opened).when(replace(tell, update_number=4)).then_nothing()
    other = given(opened).and_when(replace(tell, call=CallNumber("26-2")))
    assert other.state == Told(frozenset({CallNumber("26-1"), CallNumber("26-2")}))
    given(not_found).when(tell).then(opened)


@pytest.mark.rule("view.case_verified")
def test_what_dispatch_never_told_is_looked_up_and_may_turn_up_later() -> None:
    given().when(look_up).then(found)
    given(not_found).when(look_up).then(found)
    given(found).when(look_up).then_raises(WrongState, "case")
    given(opened).when(look_up).then_raises(WrongState, "case")
    given().when(replace(look_up, findings="?")).then_raises(InvalidValue, "findings")


def test_what_is_told_or_found_of_a_case_is_told_by_its_field_where_it_is_wrong() -> None:
    given().when(replace(tell, cad_time=NOW.replace(tzinfo=None))).then_raises(InvalidValue, "cad_time")
    for length in (10, 500):
        assert given().when(replace(look_up, findings="x" * length)).events()
    for length in (9, 501):
        given().when(replace(look_up, findings="x" * length)).then_raises(InvalidValue, "findings")


def test_what_oversight_found_of_a_case_that_dispatch_told_of_changes_nothing() -> None:
    assert given(opened, found).state == given(opened).state
