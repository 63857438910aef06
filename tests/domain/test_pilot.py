"""The pilot programme: started, paused, resumed, extended, concluded; costs by heading; evaluations."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from domain.kernel import InvalidValue, Mistake, NotFound, PersonId, WrongState
from domain.pilot import (
    MOST_CENTS,
    MOST_COSTS,
    PILOT,
    Concluded,
    ConcludePilot,
    CostHeading,
    CostRecorded,
    EvaluationPublished,
    ExtendPilot,
    NotStarted,
    Paused,
    PausePilot,
    PilotConcluded,
    PilotExtended,
    PilotPaused,
    PilotResumed,
    PilotStarted,
    PublishEvaluation,
    RecordCost,
    ResumePilot,
    Running,
    Spent,
    StartPilot,
)
from tests.domain.scenario import NOW, Scenario

given = Scenario(PILOT)
ANA = PersonId("ana")
WHY = "the council asked for it in session"
FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)
start = StartPilot("Safer WeHo", "Council action 24-0819", FIRST, LAST, ANA)
started = PilotStarted("Safer WeHo", "Council action 24-0819", FIRST, LAST, ANA)
paused, resumed, concluded = PilotPaused(WHY, ANA), PilotResumed(WHY, ANA), PilotConcluded(WHY, ANA)
extend = ExtendPilot("Council action 26-1102", date(2027, 6, 30), WHY, ANA)
extended = PilotExtended("Council action 26-1102", date(2027, 6, 30), WHY, ANA)
record = RecordCost(
    "c1", CostHeading.MAINTENANCE, "drone", 125_050, date(2026, 5, 2), "General Fund", "propellers", ANA
)
recorded = CostRecorded(
    "c1", CostHeading.MAINTENANCE, "drone", 125_050, date(2026, 5, 2), "General Fund", "propellers", None, ANA
)
evaluate = PublishEvaluation("First half year", "ab" * 32, 4217, ANA)


@pytest.mark.rule("pilot.course")
def test_a_pilot_is_started_with_the_decision_it_rests_on_and_its_days() -> None:
    given().when(start).then(started)
    given().when(replace(start, ends_on=FIRST)).then_raises(InvalidValue, "ends_on")
    given().when(replace(start, authority=" ")).then_raises(InvalidValue, "authority")
    given(started).when(start).then_raises(WrongState, "pilot")


@pytest.mark.rule("pilot.course")
def test_a_pilot_is_paused_and_resumed_with_a_reason() -> None:
    given(started).when(PausePilot(WHY, ANA)).then(paused)
    given(started, paused).when(ResumePilot(WHY, ANA)).then(resumed)
    given(started, paused).when(PausePilot(WHY, ANA)).then_raises(WrongState, "pilot")
    given(started).when(ResumePilot(WHY, ANA)).then_raises(WrongState, "pilot")
    given(started).when(PausePilot("so", ANA)).then_raises(InvalidValue, "reason")


@pytest.mark.parametrize("before", [(started,), (started, paused)])
@pytest.mark.rule("pilot.course")
def test_a_pilot_is_extended_to_a_later_day_alone(before: tuple[PilotStarted, ...]) -> None:
    given(*before).when(extend).then(extended)
    given(*before).when(replace(extend, ends_on=LAST)).then_raises(InvalidValue, "ends_on")
    given(*before, extended).when(extend).then_raises(InvalidValue, "ends_on")


def test_an_extension_does_not_end_a_pause() -> None:
    given(started, paused, extended).when(ResumePilot(WHY, ANA)).then(resumed)


@pytest.mark.parametrize("before", [(started,), (started, paused)])
@pytest.mark.rule("pilot.course")
def test_a_pilot_is_concluded_once(before: tuple[PilotStarted, ...]) -> None:
    given(*before).when(ConcludePilot(WHY, ANA)).then(concluded)
    for command in (ConcludePilot(WHY, ANA), PausePilot(WHY, ANA), ResumePilot(WHY, ANA), extend, start):
        given(*before, concluded).when(command).then_raises(WrongState, "pilot")


@pytest.mark.parametrize("heading", CostHeading)
@pytest.mark.rule("pilot.costs")
def test_costs_are_kept_by_the_headings_of_ab_481(heading: CostHeading) -> None:
    given(started).when(replace(record, heading=heading)).then(replace(recorded, heading=heading))


@pytest.mark.rule("pilot.costs")
def test_the_headings_are_those_of_the_law() -> None:
    law = "acquisition personnel training transportation maintenance storage upgrade other"
    assert [str(heading) for heading in CostHeading] == law.split()


def test_costs_and_evaluations_come_also_after_the_end() -> None:
    published = EvaluationPublished("First half year", "ab" * 32, 4217, ANA)
    for before in ((started,), (started, paused), (started, concluded)):
        given(*before).when(record).then(recorded)
        given(*before).when(evaluate).then(published)


def test_a_cost_is_money_that_was_spent() -> None:
    for cents in (0, -1, MOST_CENTS + 1):
        given(started).when(replace(record, amount_cents=cents)).then_raises(InvalidValue, "amount_cents")
    given(started).when(replace(record, spent_on=date(2026, 6, 2))).then_raises(InvalidValue, "spent_on")
    given(started).when(replace(record, spent_on=NOW.date())).then_types(CostRecorded)
    given(started).when(replace(record, fund_source="")).then_raises(InvalidValue, "fund_source")
    given(started).when(replace(record, equipment="A drone")).then_raises(InvalidValue, "equipment")
    given(started).when(replace(record, description="")).then_raises(InvalidValue, "description")
    given(started).when(replace(record, cost="-")).then_raises(InvalidValue, "cost")
    given(started, recorded).when(record).then_raises(WrongState, "cost")


@pytest.mark.rule("pilot.costs")
def test_a_correction_is_a_record_of_its_own_and_takes_back_no_more_than_was_recorded() -> None:
    correction = replace(record, cost="c2", corrects="c1", amount_cents=-25_050)
    corrected = replace(recorded, cost="c2", corrects="c1", amount_cents=-25_050)
    given(started, recorded).when(correction).then(corrected)
    again = replace(correction, cost="c3", amount_cents=-100_000)
    given(started, recorded, corrected).when(again).then_types(CostRecorded)
    for cents in (-100_001, 0):
        asked = replace(again, amount_cents=cents)
        given(started, recorded, corrected).when(asked).then_raises(InvalidValue, "amount_cents")
    given(started, recorded).when(replace(correction, corrects="c9")).then_raises(NotFound, "corrects")
    elsewhere = replace(correction, heading=CostHeading.STORAGE)
    given(started, recorded).when(elsewhere).then_raises(InvalidValue, "heading")
    given(started, recorded).when(replace(correction, equipment="camera")).then_raises(InvalidValue, "heading")


def test_an_evaluation_names_its_document_and_the_position_its_figures_rest_on() -> None:
    given(started).when(replace(evaluate, document_sha256="ab")).then_raises(InvalidValue, "document_sha256")
    given(started).when(replace(evaluate, as_of_position=0)).then_raises(InvalidValue, "as_of_position")


def test_nothing_is_said_of_a_pilot_that_was_never_started() -> None:
    for command in (PausePilot(WHY, ANA), extend, ConcludePilot(WHY, ANA), record, evaluate):
        given().when(command).then_raises(NotFound, "pilot")
    assert PILOT.fold([recorded]) == NotStarted()


COMMANDS = st.sampled_from(
    [
        start,
        PausePilot(WHY, ANA),
        ResumePilot(WHY, ANA),
        extend,
        ConcludePilot(WHY, ANA),
        evaluate,
        record,
        *(
            replace(record, cost=cost, corrects=of, amount_cents=cents)
            for cost, of, cents in (("c2", None, 500), ("c3", "c1", -125_050), ("c4", "c2", -300), ("c5", "c2", -300))
        ),
    ]
)


@drawn(st.lists(COMMANDS, max_size=25))
def test_whatever_is_asked_no_cost_falls_below_zero_and_a_concluded_pilot_stays_so(asked: list[object]) -> None:
    state, concluded_once = PILOT.initial, False
    for command in asked:
        try:
            events = PILOT.decide(command, state, NOW)  # type: ignore[arg-type]
        except Mistake:
            continue
        for happened in events:
            state = PILOT.evolve(state, happened)
        concluded_once |= isinstance(command, ConcludePilot)
        assert isinstance(state, Concluded) == concluded_once
        running = state if not hasattr(state, "running") else state.running
        assert all(spent.cents >= 0 for spent in getattr(running, "costs", {}).values())


# -- limits, and what is kept ----------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "field", "shortest", "longest"),
    [
        (PausePilot(WHY, ANA), "reason", 10, 500),
        (extend, "reason", 10, 500),
        (extend, "authority", 3, 200),
        (ConcludePilot(WHY, ANA), "reason", 10, 500),
        (record, "fund_source", 2, 120),
        (record, "description", 3, 500),
        (evaluate, "title", 3, 200),
    ],
)
def test_what_is_said_of_a_pilot_has_a_length(command: Any, field: str, shortest: int, longest: int) -> None:
    for length in (shortest, longest):
        assert given(started).when(replace(command, **{field: "x" * length})).events()
    for length in (shortest - 1, longest + 1):
        given(started).when(replace(command, **{field: "x" * length})).then_raises(InvalidValue, field)


def test_a_pilot_has_a_title_and_lasts_a_day_at_least() -> None:
    for length in (3, 120):
        given().when(replace(start, title="x" * length)).then(replace(started, title="x" * length))
    for length in (2, 121):
        given().when(replace(start, title="x" * length)).then_raises(InvalidValue, "title")
    given().when(replace(start, ends_on=date(2026, 1, 2))).then(replace(started, ends_on=date(2026, 1, 2)))
    given(started, paused).when(ResumePilot("so", ANA)).then_raises(InvalidValue, "reason")
    given(started).when(replace(extend, authority="")).then_raises(InvalidValue, "authority")


@pytest.mark.rule("pilot.course")
def test_an_extension_says_after_which_day() -> None:
    later = replace(extend, ends_on=date(2027, 1, 1))
    given(started).when(later).then(replace(extended, ends_on=date(2027, 1, 1)))
    mistake = given(started).when(replace(extend, ends_on=LAST)).then_raises(InvalidValue, "ends_on")
    assert mistake.accepted == "a day after 2026-12-31"
    mistake = given(started, extended).when(extend).then_raises(InvalidValue, "ends_on")
    assert mistake.accepted == "a day after 2027-06-30"


@pytest.mark.rule("pilot.costs")
def test_a_cost_lies_between_a_cent_and_a_hundred_million_dollars() -> None:
    for cents in (1, MOST_CENTS):
        given(started).when(replace(record, amount_cents=cents)).then(replace(recorded, amount_cents=cents))
    given(started, recorded).when(replace(record, cost="c2", corrects="c1", amount_cents=MOST_CENTS + 1)).then_raises(
        InvalidValue, "amount_cents"
    )
    future = given(started).when(replace(record, spent_on=date(2026, 6, 2))).then_raises(InvalidValue, "spent_on")
    assert future.accepted == "2026-06-01 or before"


@pytest.mark.rule("pilot.costs")
def test_a_correction_says_what_it_may_take_back_and_where() -> None:
    correction = replace(record, cost="c2", corrects="c1", amount_cents=-125_051)
    much = given(started, recorded).when(correction).then_raises(InvalidValue, "amount_cents")
    assert much.accepted == "-125050 cents and up, not zero"
    given(started, recorded).when(replace(correction, amount_cents=-125_050)).then_types(CostRecorded)
    given(started, recorded).when(replace(correction, amount_cents=1)).then_types(CostRecorded)
    elsewhere = replace(correction, heading=CostHeading.STORAGE)
    wrong = given(started, recorded).when(elsewhere).then_raises(InvalidValue, "heading")
    assert (wrong.accepted or "").startswith("maintenance of drone;")
    corrected = replace(recorded, cost="c2", corrects="c1", amount_cents=-50)
    of_correction = replace(correction, cost="c3", corrects="c2")
    given(started, recorded, corrected).when(of_correction).then_raises(NotFound, "corrects")
    given(started, recorded, corrected).when(replace(correction, cost="c2")).then_raises(WrongState, "cost")


def test_a_programme_holds_so_many_costs() -> None:
    full = Running(FIRST, LAST, records=frozenset(f"c{n}" for n in range(2, MOST_COSTS + 2)))
    with pytest.raises(WrongState) as refused:
        PILOT.decide(record, full, NOW)
    assert (refused.value.field, refused.value.accepted) == ("cost", "at most 20000")
    almost = replace(full, records=full.records - {"c2"})
    assert PILOT.decide(record, almost, NOW) == [recorded]


def test_an_evaluation_rests_on_the_first_position_at_least() -> None:
    given(started).when(replace(evaluate, as_of_position=1)).then_types(EvaluationPublished)
    published = EvaluationPublished("First half year", "ab" * 32, 4217, ANA)
    for before in ((started,), (started, paused), (started, concluded)):
        assert given(*before, published).state == given(*before).state


@pytest.mark.rule("pilot.course")
def test_where_a_pilot_stands_follows_from_what_happened() -> None:
    running = Running(FIRST, LAST)
    assert given(started).state == running
    assert given(started, paused).state == Paused(running)
    assert given(started, paused, resumed).state == running
    assert given(started, extended).state == Running(FIRST, extended.ends_on)
    assert given(started, concluded).state == given(started, paused, concluded).state == Concluded(running)
    spent = Running(FIRST, LAST, {"c1": Spent(CostHeading.MAINTENANCE, "drone", 125_050)}, frozenset({"c1"}))
    assert given(started, recorded).state == spent
    assert given(started, paused, recorded).state == Paused(spent)
    assert given(started, concluded, recorded).state == Concluded(spent)
