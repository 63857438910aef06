"""Calls: what dispatch tells, in any order and any number of times."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from domain.call import (
    CALL,
    CallClosed,
    CallConfirmed,
    CallCorrected,
    CallReceived,
    CallReclassified,
    CallReopened,
    CallStanding,
    FeedSharedWithIncident,
    FeedSharingEnded,
    Known,
    ObservationKind,
    ObservationReported,
    ReportObservation,
    ShareFeed,
    StopSharingFeed,
    UnitArrived,
    UnitCancelled,
    UnitDispatched,
    UnitTimes,
    UpdateCall,
    call_standing,
)
from domain.kernel import (
    CallNumber,
    CaseNumber,
    FeedId,
    InvalidValue,
    NotFound,
    Personal,
    PersonId,
    Place,
    StreamId,
    WrongState,
)
from tests.domain.scenario import MINUTE, NOW, SECOND, Scenario

given = Scenario(CALL)
NUMBER = CallNumber("WH26-004217")
SCENE = Place(34.0907, -118.3694)
first = UpdateCall(NUMBER, 1, NOW, "459 burglary", 1, SCENE, NOW - MINUTE, narrative="two at the rear door")
narrative = Personal(f"call-{NUMBER}", "two at the rear door")
received = CallReceived("459 burglary", 1, SCENE, None, None, narrative, NOW - MINUTE, 1, NOW, None)


def update(number: int, **changed: object) -> UpdateCall:
    return replace(first, update_number=number, **changed)  # type: ignore[arg-type]


def stamp(number: int) -> tuple[int, datetime, None]:
    return number, NOW, None


def test_dispatch_receives_a_call() -> None:
    given().when(first).then(received)


@pytest.mark.rule("record.public_sealed")
def test_what_is_said_of_the_public_is_sealed_under_the_call() -> None:
    told = update(1, caller="Ana Pérez", address="8300 Santa Monica Blvd")
    (event,) = given().when(told).events()
    assert isinstance(event, CallReceived)
    assert event.caller == Personal("call-WH26-004217", "Ana Pérez")
    assert "Pérez" not in repr(event)


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.rule("record.dispatch")
def test_a_repeated_or_late_update_changes_nothing(number: int) -> None:
    later = given(received).and_when(update(3, priority=0))
    later.when(update(number, call_type="other", units=(UnitTimes("9-1A", NOW),))).then_nothing()


def test_an_update_that_says_nothing_new_makes_older_ones_late_all_the_same() -> None:
    confirmed = CallConfirmed(5, NOW, None)
    given(received).when(update(5)).then(confirmed)
    given(received, confirmed).when(update(3, priority=3)).then_nothing()


def test_a_call_is_reclassified() -> None:
    given(received).when(update(2, call_type="211 robbery")).then(CallReclassified("211 robbery", 1, 2, NOW, None))


@pytest.mark.rule("record.dispatch")
def test_a_correction_is_a_new_event() -> None:
    elsewhere = Place(34.0891, -118.3702)
    given(received).when(update(2, place=elsewhere, received_at=NOW - 2 * MINUTE)).then(
        CallCorrected(elsewhere, None, None, narrative, NOW - 2 * MINUTE, 2, NOW, None)
    )


def test_units_come_and_go() -> None:
    unit = UnitTimes("9-1A", dispatched_at=NOW)
    story = given(received)
    story.when(update(2, units=(unit,))).then(UnitDispatched("9-1A", NOW, 2, NOW, None))
    story = story.and_when(update(2, units=(unit,)))
    unit = replace(unit, arrived_at=NOW + MINUTE)
    story.when(update(3, units=(unit,))).then(UnitArrived("9-1A", NOW + MINUTE, 3, NOW, None))
    unit = replace(unit, arrived_at=None, cancelled_at=NOW + MINUTE)
    story.when(update(3, units=(unit,))).then(UnitCancelled("9-1A", NOW + MINUTE, 3, NOW, None))


def test_an_update_makes_good_what_a_lost_one_held() -> None:
    unit = UnitTimes("9-1A", NOW, NOW + MINUTE)
    asked = given(received).when(update(9, priority=0, units=(unit,), disposition="report taken"))
    asked.then_types(CallReclassified, UnitDispatched, UnitArrived, CallClosed)


def test_a_unit_sent_again_is_dispatched_again() -> None:
    story = given(received).and_when(update(2, units=(UnitTimes("9-1A", NOW, None, NOW + SECOND),)))
    again = UnitTimes("9-1A", NOW + MINUTE)
    story.when(update(3, units=(again,))).then(UnitDispatched("9-1A", NOW + MINUTE, 3, NOW, None))
    story = story.and_when(update(3, units=(again,)))
    assert story.state.units["9-1A"] == again  # type: ignore[union-attr]


@pytest.mark.rule("record.dispatch")
def test_a_time_corrected_late_is_a_new_event() -> None:
    story = given(received).and_when(update(2, units=(UnitTimes("9-1A", NOW, NOW + MINUTE),)))
    corrected = UnitTimes("9-1A", NOW, NOW + 2 * MINUTE)
    story.when(update(3, units=(corrected,))).then(UnitArrived("9-1A", NOW + 2 * MINUTE, 3, NOW, None))


def test_a_call_is_closed_and_may_be_opened_again() -> None:
    closing = update(2, disposition="report taken", closed_at=NOW + MINUTE)
    closed = CallClosed("report taken", NOW + MINUTE, 2, NOW, None)
    given(received).when(closing).then(closed)
    given(received, closed).when(replace(closing, update_number=3)).then(CallConfirmed(3, NOW, None))
    given(received, closed).when(update(3)).then(CallReopened(3, NOW, None))


@pytest.mark.rule("flight.clocks")
def test_a_clock_that_differs_by_more_than_a_second_is_flagged() -> None:
    def difference(seconds: float) -> float | None:
        (event,) = given().when(update(1, cad_time=NOW + seconds * SECOND)).events()
        assert isinstance(event, CallReceived)
        return event.clock_difference_s

    assert [difference(seconds) for seconds in (3, -1.5, 1)] == [3.0, -1.5, None]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"call": CallNumber("no number!")}, "call"),
        ({"case": CaseNumber("no number!")}, "case"),
        ({"call_type": ""}, "call_type"),
        ({"priority": 10}, "priority"),
        ({"update_number": 0}, "update_number"),
        ({"cad_time": NOW.replace(tzinfo=None)}, "cad_time"),
        ({"received_at": NOW.replace(tzinfo=None)}, "received_at"),
        ({"narrative": "x" * 5001}, "narrative"),
        ({"disposition": "x" * 61}, "disposition"),
        ({"disposition": "done", "closed_at": NOW.replace(tzinfo=None)}, "closed_at"),
        ({"units": (UnitTimes("9 1A"),)}, "units.unit"),
        ({"units": (UnitTimes("9-1A", NOW.replace(tzinfo=None)),)}, "units"),
        ({"units": tuple(UnitTimes(f"u{n}") for n in range(101))}, "units"),
    ],
)
def test_an_update_that_makes_no_sense_is_told_which_field(changed: dict[str, object], field: str) -> None:
    mistake = given().when(replace(first, **changed)).then_raises(InvalidValue, field)  # type: ignore[arg-type]
    assert mistake.accepted


def test_a_launch_may_ask_how_a_call_stands() -> None:
    assert not call_standing(NUMBER, given().state).known
    assert call_standing(NUMBER, given(received).state).open
    closed = CallClosed("report taken", NOW, 2, NOW, None)
    assert not call_standing(NUMBER, given(received, closed).state).open


updates = st.builds(
    update,
    st.integers(1, 8),
    call_type=st.sampled_from(["a call", "another"]),
    priority=st.integers(0, 3),
    units=st.lists(
        st.builds(
            UnitTimes,
            st.sampled_from(["1", "2"]),
            st.none() | st.sampled_from([NOW, NOW + SECOND]),
            st.none() | st.sampled_from([NOW, NOW + SECOND]),
            st.none() | st.sampled_from([NOW, NOW + SECOND]),
        ),
        max_size=2,
        unique_by=lambda unit: unit.unit,
    ).map(tuple),
    disposition=st.none() | st.just("done"),
)


@for_any(st.lists(updates, max_size=12))
def test_whatever_the_order_of_arrival_a_call_stands_as_the_newest_update_says(arriving: list[UpdateCall]) -> None:
    story = given()
    newest: UpdateCall | None = None
    for told in arriving:
        late = newest is not None and told.update_number <= newest.update_number
        assert (story.when(told).events() == []) is late
        story = story.and_when(told)
        story.when(told).then_nothing()
        newest = newest if late else told
    if newest is not None:
        state = story.state
        assert isinstance(state, Known)
        assert (state.call_type, state.priority) == (newest.call_type, newest.priority)
        assert call_standing(NUMBER, state).open is (newest.disposition is None)


# -- feeds shared with the incident ----------------------------------------------

PARK, SERGEANT = FeedId(StreamId("camera-park")), PersonId("t.okafor")
share = ShareFeed(NUMBER, PARK, "engine 7 needs to see the roof", SERGEANT)
shared = FeedSharedWithIncident(PARK, SERGEANT, Personal(f"call-{NUMBER}", "engine 7 needs to see the roof"))
closed = CallClosed("report taken", NOW, *stamp(2))


@pytest.mark.rule("view.field")
def test_a_feed_is_shared_with_an_open_incident() -> None:
    given(received).when(share).then(shared)
    given(received, shared).when(share).then_nothing()
    assert call_standing(NUMBER, given(received, shared).state).shared == {PARK}
    given().when(share).then_raises(NotFound, "call")
    given(received).when(replace(share, reason="")).then_raises(InvalidValue, "reason")


def test_nothing_is_shared_with_a_closed_call() -> None:
    given(received, closed).when(share).then_raises(WrongState, "call")


@pytest.mark.rule("view.field")
def test_a_closed_call_ends_its_shares_for_good() -> None:
    after = given(received, shared, closed, CallReopened(*stamp(3)))
    assert call_standing(NUMBER, given(received, shared, closed).state).shared == frozenset()
    assert call_standing(NUMBER, after.state).shared == frozenset()


def test_sharing_is_stopped_once_and_changes_nothing_else_of_the_call() -> None:
    stop = StopSharingFeed(NUMBER, PARK, SERGEANT)
    given(received, shared).when(stop).then(FeedSharingEnded(PARK, SERGEANT))
    given(received).when(stop).then_nothing()
    state = given(received, shared, FeedSharingEnded(PARK, SERGEANT)).state
    assert isinstance(state, Known) and (state.update_number, state.shared) == (1, frozenset())


# -- on the street ---------------------------------------------------------------

AMBASSADOR = PersonId("ambassador")
saw = ReportObservation(
    NUMBER, "o1", ObservationKind.HAZARD, "glass all over the pavement", NOW - MINUTE, AMBASSADOR, SCENE
)
told = ObservationReported(
    "o1",
    ObservationKind.HAZARD,
    Personal(f"call-{NUMBER}", "glass all over the pavement"),
    SCENE,
    NOW - MINUTE,
    AMBASSADOR,
)


def test_what_an_ambassador_saw_of_a_call_is_on_its_record_sealed_under_the_call() -> None:
    given(received).when(saw).then(told)
    state = given(received, told).state
    assert isinstance(state, Known) and state.observations == (told,)


def test_an_observation_is_of_an_open_call_that_dispatch_knows() -> None:
    given().when(saw).then_raises(NotFound, "call")
    closed = CallClosed("report taken", NOW, *stamp(2))
    given(received, closed).when(saw).then_raises(WrongState, "call")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"said": "?"}, "said"),
        ({"said": "x" * 1001}, "said"),
        ({"observed_at": NOW + MINUTE}, "observed_at"),
        ({"observed_at": NOW.replace(tzinfo=None)}, "observed_at"),
    ],
)
def test_an_observation_says_something_and_is_of_the_past(changed: dict[str, object], field: str) -> None:
    given(received).when(replace(saw, **changed)).then_raises(InvalidValue, field)  # type: ignore[arg-type]


def test_a_call_bears_no_more_observations_than_anybody_reads() -> None:
    full = given(received, *(replace(told, observation=f"o{n}") for n in range(200)))
    full.when(saw).then_raises(WrongState, "call")


# -- limits, and what is kept ----------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "longest"),
    [("call_type", 60), ("address", 300), ("caller", 200), ("narrative", 5000), ("disposition", 60)],
)
def test_what_dispatch_says_has_a_length(field: str, longest: int) -> None:
    assert given().when(replace(first, **{field: "x" * longest})).events()  # type: ignore[arg-type]
    given().when(replace(first, **{field: "x" * (longest + 1)})).then_raises(InvalidValue, field)  # type: ignore[arg-type]


def test_a_priority_and_the_units_of_a_call_have_their_limits() -> None:
    for priority in (0, 9):
        given().when(update(1, priority=priority)).then(replace(received, priority=priority))
    for priority in (-1, 10):
        given().when(update(1, priority=priority)).then_raises(InvalidValue, "priority")
    hundred = tuple(UnitTimes(f"u{n}") for n in range(100))
    given().when(update(1, units=hundred)).then(received)
    for moment in ("dispatched_at", "arrived_at", "cancelled_at"):
        naive = UnitTimes("9-1A", **{moment: NOW.replace(tzinfo=None)})
        given().when(update(1, units=(naive,))).then_raises(InvalidValue, "units")


def test_a_call_that_opens_with_units_and_closes_at_once_is_told_whole() -> None:
    unit = UnitTimes("9-1A", NOW, NOW + SECOND, NOW + MINUTE)
    given().when(update(1, units=(unit,), disposition="report taken")).then(
        received,
        UnitDispatched("9-1A", NOW, *stamp(1)),
        UnitArrived("9-1A", NOW + SECOND, *stamp(1)),
        UnitCancelled("9-1A", NOW + MINUTE, *stamp(1)),
        CallClosed("report taken", NOW, *stamp(1)),
    )


def test_each_thing_said_of_a_call_may_be_corrected() -> None:
    sealed = {
        name: Personal(f"call-{NUMBER}", said)
        for name, said in (("address", "8300 Santa Monica Blvd"), ("caller", "Ana Pérez"), ("narrative", "gone east"))
    }
    same = CallCorrected(SCENE, None, None, narrative, NOW - MINUTE, *stamp(2))
    for name, said in sealed.items():
        asked = given(received).when(update(2, **{name: said.value}))
        asked.then(replace(same, **{name: said}))  # type: ignore[arg-type]
    given(received).when(update(2, narrative=None)).then(replace(same, narrative=None))
    given(received).when(update(2, priority=2)).then(CallReclassified("459 burglary", 2, *stamp(2)))
    corrected = CallCorrected(SCENE, sealed["address"], sealed["caller"], sealed["narrative"], NOW, *stamp(2))
    state = given(received, corrected).state
    assert state == Known(
        "459 burglary", 1, SCENE, sealed["address"], sealed["caller"], sealed["narrative"], NOW, update_number=2
    )


def test_a_call_closed_otherwise_or_at_another_time_is_closed_anew() -> None:
    closing = update(3, disposition="report taken", closed_at=NOW + MINUTE)
    given(received, closed).when(closing).then(CallClosed("report taken", NOW + MINUTE, *stamp(3)))
    given(received, closed).when(replace(closing, disposition="no report", closed_at=NOW)).then(
        CallClosed("no report", NOW, *stamp(3))
    )
    given(received, closed).when(replace(closing, closed_at=None)).then(CallConfirmed(*stamp(3)))


def test_a_launch_is_told_what_a_call_is_and_where() -> None:
    standing = CallStanding(NUMBER, True, True, "459 burglary", SCENE, frozenset({PARK}))
    assert call_standing(NUMBER, given(received, shared).state) == standing
    assert call_standing(NUMBER, given().state) == CallStanding(NUMBER, known=False, open=False)


def test_what_a_unit_did_is_kept_with_the_unit() -> None:
    units = (UnitTimes("1", NOW, NOW + SECOND), UnitTimes("2", None, NOW), UnitTimes("3", None, None, NOW))
    state = given(received).and_when(update(2, units=units)).state
    assert isinstance(state, Known)
    assert dict(state.units) == {unit.unit: unit for unit in units}


@pytest.mark.rule("view.field")
def test_a_reason_to_share_and_an_observation_have_a_length() -> None:
    for length in (3, 500):
        assert given(received).when(replace(share, reason="x" * length)).events()
    for length in (2, 501):
        given(received).when(replace(share, reason="x" * length)).then_raises(InvalidValue, "reason")
    for length in (3, 1000):
        assert given(received).when(replace(saw, said="x" * length)).events()
    for length in (2, 1001):
        given(received).when(replace(saw, said="x" * length)).then_raises(InvalidValue, "said")
    given(received).when(replace(saw, observed_at=NOW + SECOND)).then(replace(told, observed_at=NOW + SECOND))
    given(received).when(replace(saw, place=None)).then(replace(told, place=None))
    almost = given(received, *(replace(told, observation=f"o{n}") for n in range(199)))
    almost.when(saw).then(told)


def test_what_happened_before_a_call_was_received_is_not_of_it() -> None:
    assert given(told).state == given().state
    assert given(closed).state == given().state


def test_an_update_that_tells_again_what_is_known_of_a_unit_tells_nothing() -> None:
    unit = UnitTimes("9-1A", NOW, NOW + SECOND, NOW + MINUTE)
    story = given(received).and_when(update(2, units=(unit,)))
    story.when(update(3, units=(unit,))).then(CallConfirmed(*stamp(3)))
    forgotten = replace(unit, arrived_at=None, cancelled_at=None)
    story.when(update(3, units=(forgotten,))).then(CallConfirmed(*stamp(3)))
    assert isinstance(story.state, Known) and dict(story.state.units) == {"9-1A": unit}


def test_what_was_said_when_a_call_was_received_or_corrected_is_what_is_known() -> None:
    told = {"address": "8300 Santa Monica Blvd", "caller": "Ana Pérez"}
    given().and_when(update(1, **told)).when(update(2, **told)).then(CallConfirmed(*stamp(2)))
    elsewhere = Place(34.0891, -118.3702)
    moved = given(received).and_when(update(2, place=elsewhere))
    assert call_standing(NUMBER, moved.state).place == elsewhere
