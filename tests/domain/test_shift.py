"""Shift handover: the watch goes to somebody who may take it, with what is open."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from domain.kernel import InvalidValue, Personal, PersonId, StreamId, WrongState
from domain.person import Organisation, PersonStanding, Role
from domain.shift import (
    MOST_IN_AN_EVENT,
    SHIFT,
    WATCH,
    HandedOver,
    HandoverRefused,
    HandOverShift,
    MoreWasOpen,
    OpenItem,
    OpenKind,
    ShiftHandedOver,
)
from tests.domain.scenario import Scenario

given = Scenario(SHIFT)
LEE, ONO = PersonId("lee"), PersonId("ono")
ono = PersonStanding(
    ONO, True, "R. Ono", Organisation.LASD_WEST_HOLLYWOOD, frozenset({Role.WATCH_SUPERVISOR}), trained=True
)
OPEN = (
    OpenItem(OpenKind.CALL, StreamId("call-WH26-4217")),
    OpenItem(OpenKind.OVERRIDE_ACTIVE, StreamId("override-o1")),
)
hand_over = HandOverShift("s1", LEE, ono, OPEN, 4217, "the search in Plummer Park goes on")


@pytest.mark.rule("people.handover")
def test_a_shift_is_handed_over_with_what_is_open() -> None:
    given().when(hand_over).then(
        ShiftHandedOver(LEE, ONO, OPEN, 2, 4217, Personal("shift-s1", "the search in Plummer Park goes on"))
    )
    given().when(replace(hand_over, note=" ")).then(ShiftHandedOver(LEE, ONO, OPEN, 2, 4217, None))


def test_a_shift_is_handed_over_once() -> None:
    given().and_when(hand_over).when(hand_over).then_raises(WrongState, "shift")


def test_nobody_takes_over_from_himself() -> None:
    given().when(replace(hand_over, to=replace(ono, person=LEE))).then_raises(InvalidValue, "handed_to")


@pytest.mark.rule("people.handover")
def test_the_watch_takes_over_from_the_watch() -> None:
    auditor = replace(ono, roles=frozenset({Role.AUDITOR}))
    given().when(replace(hand_over, to=auditor)).then_refused(HandoverRefused, "not_of_the_watch")


def test_who_has_no_access_takes_no_shift() -> None:
    unfit = replace(ono, suspended=True, trained=False)
    given().when(replace(hand_over, to=unfit)).then_refused(HandoverRefused, "suspended", "training_expired")


@pytest.mark.rule("record.refusals")
def test_a_refused_handover_says_who_asked_and_who_could_not_take_it() -> None:
    auditor = replace(ono, roles=frozenset({Role.AUDITOR}), suspended=True)
    asked = given().when(replace(hand_over, to=auditor))
    (refused,) = asked.events()
    assert isinstance(refused, HandoverRefused) and (refused.requested_by, refused.handed_to) == (LEE, ONO)
    suspended, watch = asked.then_refused(HandoverRefused, "suspended", "not_of_the_watch")
    assert suspended.code == "suspended"
    assert (watch.field, watch.accepted) == (
        "handed_to",
        "remote_pilot, station_commander, watch_operator, watch_supervisor",
    )
    given(refused).when(hand_over).then_types(ShiftHandedOver)


@pytest.mark.parametrize("role", WATCH)
def test_anybody_of_the_watch_takes_over(role: Role) -> None:
    given().when(replace(hand_over, to=replace(ono, roles=frozenset({role, Role.AUDITOR})))).then_types(ShiftHandedOver)


def test_a_handover_has_a_note_of_some_length() -> None:
    given().when(replace(hand_over, note="x" * 2000)).then_types(ShiftHandedOver)
    given().when(replace(hand_over, note="x" * 2001)).then_raises(InvalidValue, "note")


@pytest.mark.rule("people.handover")
@pytest.mark.parametrize("beyond", [0, 1, MOST_IN_AN_EVENT + 1])
def test_however_much_is_open_all_of_it_is_handed_over(beyond: int) -> None:
    long = "x" * 120  # as long as the streams of footage are
    many = tuple(
        OpenItem(OpenKind.DRONE_OUT_OF_SERVICE, StreamId(f"drone-{long}{n}")) for n in range(MOST_IN_AN_EVENT + beyond)
    )
    first, *rest = given().when(replace(hand_over, open_items=many)).events()
    assert isinstance(first, ShiftHandedOver) and first.open_count == len(many)
    told = first.open_items
    for more in rest:
        assert isinstance(more, MoreWasOpen) and more.number == len(told) + 1
        told += more.open_items
    assert told == many
    for event in (first, *rest):
        assert len(msgspec.json.encode(replace(event, note=None) if event is first else event)) < 31 * 1024  # type: ignore[call-arg]


def test_a_shift_that_was_handed_over_is_somebody_elses() -> None:
    assert given().and_when(hand_over).state == HandedOver(ONO)
