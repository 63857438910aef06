"""What the public tells us: feedback, and the complaint it may become."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from domain.complaint import (
    ANSWERERS,
    COMPLAINT,
    LOOKED_AT_WITHIN,
    AssignComplaint,
    Closed,
    CloseFeedback,
    ComplaintAssigned,
    ComplaintOpened,
    ComplaintResolved,
    Disposal,
    FeedbackChannel,
    FeedbackClosed,
    FeedbackReceived,
    Open,
    OpenComplaint,
    Received,
    ReceiveFeedback,
    Resolution,
    ResolveComplaint,
    StepRefused,
    Topic,
    looked_at_by,
)
from domain.kernel import InvalidValue, NotFound, Personal, PersonId, StreamId, WrongState
from domain.person import PersonStanding, Role
from tests.domain.scenario import DAY, MINUTE, NOW, SECOND, Scenario

given = Scenario(COMPLAINT)
ANALYST, CAPTAIN, LEE = PersonId("quan"), PersonId("captain"), PersonId("lee")
SUBJECT = "complaint-c1"
SAID = "A drone hung over our yard for ten minutes."
receive = ReceiveFeedback("c1", FeedbackChannel.FORM, Topic.DRONE, SAID, NOW, "Ana Pérez", "ana@mail.example", True)
received = FeedbackReceived(
    FeedbackChannel.FORM,
    Topic.DRONE,
    Personal(SUBJECT, SAID),
    Personal(SUBJECT, "Ana Pérez"),
    Personal(SUBJECT, "ana@mail.example"),
    True,
    NOW,
)
open_ = OpenComplaint(Topic.DRONE, 30 * DAY, ANALYST, StreamId("flight-7"), LEE)
opened = ComplaintOpened(Topic.DRONE, StreamId("flight-7"), LEE, NOW + 30 * DAY, ANALYST)
captain = PersonStanding(CAPTAIN, True, roles=frozenset({Role.STATION_COMMANDER}), trained=True)
assign = AssignComplaint(captain, ANALYST)
assigned = ComplaintAssigned(CAPTAIN, ANALYST)
ANSWER = "The drone followed a call two houses away."
resolve = ResolveComplaint("c1", Resolution.EXONERATED, ANSWER, CAPTAIN)
resolved = ComplaintResolved(Resolution.EXONERATED, Personal(SUBJECT, ANSWER), None, False, CAPTAIN)


@pytest.mark.rule("public.feedback")
def test_the_public_files_feedback_whose_words_are_sealed_under_it() -> None:
    given().when(receive).then(received)
    given(received).when(receive).then_raises(WrongState, "complaint")


@pytest.mark.rule("public.feedback")
@pytest.mark.rule("public.looked_at")
def test_feedback_has_a_day_by_which_somebody_says_what_it_is() -> None:
    assert looked_at_by(received) == NOW + LOOKED_AT_WITHIN == NOW + 7 * DAY


def test_feedback_may_be_anonymous() -> None:
    anonymous = replace(receive, name="", contact=" ", wants_answer=False)
    given().when(anonymous).then(replace(received, name=None, contact=None, wants_answer=False))


def test_who_wants_an_answer_says_where_to() -> None:
    given().when(replace(receive, contact="")).then_raises(InvalidValue, "contact")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("said", " "),
        ("said", "x" * 5001),
        ("name", "x" * 201),
        ("contact", "a\x00b"),
        ("received_at", datetime(2026, 6, 1)),  # noqa: DTZ001
    ],
)
def test_feedback_is_text_of_a_bounded_length_at_a_stated_time(field: str, value: object) -> None:
    given().when(replace(receive, **{field: value})).then_raises(InvalidValue, field)  # type: ignore[arg-type]


def test_feedback_that_is_no_complaint_is_closed_with_what_became_of_it() -> None:
    close = CloseFeedback(Disposal.THANKED, ANALYST)
    closed = FeedbackClosed(Disposal.THANKED, ANALYST)
    given(received).when(close).then(closed)
    given(received, closed).when(close).then_raises(WrongState)
    given(received, closed).when(open_).then_raises(WrongState)
    given(received, opened).when(close).then_raises(WrongState)


@pytest.mark.rule("public.complaint")
def test_a_complaint_is_to_be_answered_within_a_time_of_its_arrival() -> None:
    given(received).when(open_, NOW + 5 * DAY).then(opened)
    given(received, opened).when(open_).then_raises(WrongState)


def test_nothing_becomes_of_what_nobody_said() -> None:
    for command in (open_, assign, resolve, CloseFeedback(Disposal.THANKED, ANALYST)):
        given().when(command).then_raises(NotFound, "complaint")


def test_a_complaint_is_assigned_and_may_be_passed_on() -> None:
    given(received, opened).when(assign).then(assigned)
    given(received, opened, assigned).when(assign).then_nothing()
    other = replace(captain, person=PersonId("cruz"))
    given(received, opened, assigned).when(replace(assign, to=other)).then(ComplaintAssigned(other.person, ANALYST))
    given(received).when(assign).then_raises(WrongState)


@pytest.mark.rule("public.complaint")
def test_whom_a_complaint_is_about_neither_looks_into_it_nor_answers_it() -> None:
    concerned = replace(captain, person=LEE)
    given(received, opened).when(replace(assign, to=concerned)).then_refused(StepRefused, "concerned")
    own = given(received, opened, ComplaintAssigned(LEE, ANALYST)).when(replace(resolve, by=LEE))
    own.then_refused(StepRefused, "concerned")


@pytest.mark.parametrize("role", Role)
@pytest.mark.rule("public.complaint")
def test_a_complaint_is_assigned_to_who_answers_complaints(role: Role) -> None:
    asked = given(received, opened).when(replace(assign, to=replace(captain, roles=frozenset({role}))))
    if role in ANSWERERS:
        asked.then(assigned)
    else:
        asked.then_refused(StepRefused, "does_not_answer")


def test_a_complaint_is_not_assigned_to_who_has_no_access() -> None:
    gone = replace(captain, suspended=True)
    given(received, opened).when(replace(assign, to=gone)).then_refused(StepRefused, "suspended")


@pytest.mark.rule("public.complaint")
def test_who_is_assigned_a_complaint_answers_it() -> None:
    given(received, opened, assigned).when(resolve).then(resolved)
    given(received, opened, assigned).when(replace(resolve, by=ANALYST)).then_refused(StepRefused, "not_assigned")
    given(received, opened).when(resolve).then_refused(StepRefused, "not_assigned")
    both = given(received, opened, assigned).when(replace(resolve, by=LEE))
    both.then_refused(StepRefused, "concerned", "not_assigned")
    given(received).when(resolve).then_raises(WrongState)
    given(received, opened, assigned, resolved).when(resolve).then_raises(WrongState)
    given(received, opened, assigned, resolved).when(assign).then_raises(WrongState)


def test_an_answer_says_something_and_may_name_what_was_done() -> None:
    given(received, opened, assigned).when(replace(resolve, answer="no")).then_raises(InvalidValue, "answer")
    measured = replace(resolve, measure="the camera's mask was made larger")
    expected = replace(resolved, measure=Personal(SUBJECT, "the camera's mask was made larger"))
    given(received, opened, assigned).when(measured).then(expected)


@pytest.mark.rule("public.complaint")
def test_an_answer_that_came_late_says_so() -> None:
    in_time, late = opened.answer_by, opened.answer_by + SECOND
    given(received, opened, assigned).when(resolve, in_time).then(resolved)
    given(received, opened, assigned).when(resolve, late).then(replace(resolved, late=True))


def test_a_refused_step_changes_nothing() -> None:
    story = given(received, opened, assigned)
    assert given(*story.happened, StepRefused("resolve", LEE, ())).state == story.state
    assert story.when(resolve, NOW + MINUTE).events() == [resolved]


# -- who was refused, and the limits -------------------------------------------------


@pytest.mark.rule("record.refusals")
def test_a_refused_step_says_which_it_was_whose_and_what_would_do() -> None:
    nobody = replace(captain, person=LEE, roles=frozenset({Role.AMBASSADOR}))
    asked = given(received, opened).when(replace(assign, to=nobody))
    (refused,) = asked.events()
    assert isinstance(refused, StepRefused) and (refused.step, refused.requested_by) == ("assign", ANALYST)
    role, concerned = asked.then_refused(StepRefused, "does_not_answer", "concerned")
    assert (role.field, role.accepted) == ("assigned_to", "auditor, city_analyst, station_commander, watch_supervisor")
    assert (concerned.field, concerned.accepted) == ("assigned_to", "somebody else")
    answered = given(received, opened, assigned).when(replace(resolve, by=LEE))
    (no,) = answered.events()
    assert isinstance(no, StepRefused) and (no.step, no.requested_by) == ("resolve", LEE)
    assert [(why.code, why.accepted) for why in no.reasons] == [
        ("concerned", "somebody else"),
        ("not_assigned", "an assignment"),
    ]


def test_what_is_said_of_a_complaint_has_a_length() -> None:
    for length in (1, 5000):
        assert given().when(replace(receive, said="x" * length)).events()
    for field in ("name", "contact"):
        assert given().when(replace(receive, **{field: "x" * 200})).events()  # type: ignore[arg-type]
        given().when(replace(receive, **{field: "x" * 201})).then_raises(InvalidValue, field)  # type: ignore[arg-type]
    story = given(received, opened, assigned)
    for length in (10, 5000):
        assert story.when(replace(resolve, answer="x" * length)).events()
    for length in (9, 5001):
        story.when(replace(resolve, answer="x" * length)).then_raises(InvalidValue, "answer")
    assert story.when(replace(resolve, measure="x" * 5000)).events()
    story.when(replace(resolve, measure="x" * 5001)).then_raises(InvalidValue, "measure")


@pytest.mark.rule("public.complaint")
def test_where_a_complaint_stands_follows_from_what_happened() -> None:
    closed = FeedbackClosed(Disposal.THANKED, ANALYST)
    assert given(received).state == Received(received)
    assert given(received, closed).state == Closed(received)
    assert given(received, opened).state == Open(received, opened)
    assert given(received, opened, assigned).state == Open(received, opened, CAPTAIN)
    assert given(received, opened, assigned, resolved).state == Closed(received, opened, resolved)
    given(received, closed).when(assign).then_raises(WrongState, "complaint")


def test_a_complaint_about_nobody_in_particular_is_anybodys_of_that_right_to_answer() -> None:
    nobody = replace(opened, about=None, concerns=None)
    given(received).when(replace(open_, about=None, concerns=None)).then(nobody)
    given(received, nobody).when(assign).then(assigned)
    given(received, nobody, assigned).when(resolve).then(resolved)
