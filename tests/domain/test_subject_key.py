"""Personal data is destroyed by two persons, when its matter is over."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.kernel import InvalidValue, NotFound, PersonId, PolicyVersion, Reason, StreamId, SubjectId, WrongState
from domain.subject_key import (
    RULE,
    SUBJECT_KEY,
    ApprovalRefused,
    ApproveDestruction,
    Asked,
    DeclineDestruction,
    Destroyed,
    DestructionGround,
    DestructionRefused,
    DestructionRequested,
    Kept,
    MakeKey,
    RequestDestruction,
    SubjectKeyCreated,
    SubjectKeyDestroyed,
    matter_of,
    next_generation,
)
from tests.domain.scenario import DAY, NOW, Scenario

given = Scenario(SUBJECT_KEY)
CALL = StreamId("call-WH26-004217")
LEE, CAPTAIN = PersonId("d517"), PersonId("c001")
GONE_AFTER = NOW + 35 * DAY
OPEN = Reason("call_open", "the call is open", RULE, field="subject")
CREATED = SubjectKeyCreated(SubjectId(CALL))
request = RequestDestruction(DestructionGround.PERSON_ASKED, "request 2026-14", LEE)
REQUESTED = DestructionRequested(CALL, DestructionGround.PERSON_ASKED, "request 2026-14", LEE)
approve = ApproveDestruction(CAPTAIN, PolicyVersion(2), GONE_AFTER)
DESTROYED = SubjectKeyDestroyed(
    CALL, DestructionGround.PERSON_ASKED, "request 2026-14", PolicyVersion(2), LEE, CAPTAIN, GONE_AFTER
)


def test_a_subject_has_one_key_ever() -> None:
    given().when(MakeKey(CALL)).then(CREATED)
    given(CREATED).when(MakeKey(CALL)).then_nothing()
    given(CREATED, REQUESTED, DESTROYED).when(MakeKey(CALL)).then_nothing()


@pytest.mark.rule("record.key_destroyed")
def test_a_destruction_takes_a_ground_and_two_persons() -> None:
    given(CREATED).when(request).then(REQUESTED)
    given(CREATED, REQUESTED).when(approve).then(DESTROYED)
    given(CREATED, REQUESTED).when(replace(approve, by=LEE)).then_refused(ApprovalRefused, "own_request")
    given(CREATED).when(approve).then_raises(WrongState, "subject")


@pytest.mark.rule("record.key_destroyed")
def test_a_matter_that_is_not_over_is_in_the_way_at_both_times() -> None:
    given(CREATED).when(replace(request, in_the_way=(OPEN,))).then_refused(DestructionRefused, "call_open")
    waiting = given(CREATED, REQUESTED)
    waiting.when(replace(approve, in_the_way=(OPEN,))).then_refused(ApprovalRefused, "call_open")
    waiting.and_when(replace(approve, in_the_way=(OPEN,))).when(approve).then(DESTROYED)


@pytest.mark.rule("record.key_destroyed")
def test_the_second_person_may_decline() -> None:
    no = DeclineDestruction(CAPTAIN, "the appeal is pending")
    given(CREATED, REQUESTED).when(no).then_refused(DestructionRefused, "declined")
    given(CREATED, REQUESTED).and_when(no).when(approve).then_raises(WrongState, "subject")
    given(CREATED, REQUESTED).and_when(no).when(request).then(REQUESTED)
    given(CREATED, REQUESTED).when(replace(no, why="")).then_raises(InvalidValue, "why")


def test_what_is_asked_for_must_be_possible() -> None:
    given().when(request).then_raises(NotFound, "subject")
    given(CREATED, REQUESTED).when(request).then_raises(WrongState, "subject")
    given(CREATED).when(replace(request, reference=" ")).then_raises(InvalidValue, "reference")
    given(CREATED, REQUESTED, DESTROYED).when(request).then_raises(WrongState, "subject")
    given(CREATED, REQUESTED, DESTROYED).when(approve).then_raises(WrongState, "subject")


@pytest.mark.rule("record.key_destroyed")
def test_who_could_not_have_it_destroyed_is_on_the_record_with_every_reason() -> None:
    (no,) = given(CREATED).when(replace(request, in_the_way=(OPEN,))).events()
    assert no == DestructionRefused(LEE, (OPEN,))
    asked = given(CREATED, REQUESTED).when(replace(approve, by=LEE, in_the_way=(OPEN,)))
    own, open_ = asked.then_refused(ApprovalRefused, "own_request", "call_open")
    assert open_ == OPEN and own.rule == RULE
    (refused,) = asked.events()
    assert isinstance(refused, ApprovalRefused) and refused.by == LEE
    (declined,) = given(CREATED, REQUESTED).when(DeclineDestruction(CAPTAIN, "the appeal is pending")).events()
    assert declined == DestructionRefused(CAPTAIN, (Reason("declined", "the appeal is pending", RULE),))


def test_a_reference_and_a_refusal_have_a_length() -> None:
    no = DeclineDestruction(CAPTAIN, "")
    for length in (3, 120):
        given(CREATED).when(replace(request, reference="x" * length)).then_types(DestructionRequested)
    for length in (2, 121):
        given(CREATED).when(replace(request, reference="x" * length)).then_raises(InvalidValue, "reference")
    for length in (3, 300):
        given(CREATED, REQUESTED).when(replace(no, why="x" * length)).then_types(DestructionRefused)
    for length in (2, 301):
        given(CREATED, REQUESTED).when(replace(no, why="x" * length)).then_raises(InvalidValue, "why")
    naive = replace(approve, unrecoverable_after=GONE_AFTER.replace(tzinfo=None))
    given(CREATED, REQUESTED).when(naive).then_raises(InvalidValue, "unrecoverable_after")


def test_what_has_become_of_a_key_follows_from_what_happened() -> None:
    assert given(CREATED).state == Kept(CALL)
    assert given(CREATED, REQUESTED).state == Asked(REQUESTED)
    assert given(CREATED, REQUESTED, DestructionRefused(CAPTAIN, ())).state == Kept(CALL)
    assert given(CREATED, REQUESTED, ApprovalRefused(LEE, ())).state == Asked(REQUESTED)
    assert given(CREATED, REQUESTED, DESTROYED).state == Destroyed(CALL)
    given(CREATED).when(DeclineDestruction(CAPTAIN, "the appeal is pending")).then_raises(WrongState, "subject")


def test_the_next_key_of_a_matter_is_named_after_it_and_counted() -> None:
    first = next_generation("call-WH26-004217")
    second = next_generation(first)
    assert len({"call-WH26-004217", first, second}) == 3
    assert matter_of("call-WH26-004217") == matter_of(first) == matter_of(second) == "call-WH26-004217"
    assert second == first[:-1] + str(int(first[-1]) + 1)
