"""Privacy zones: drawn with an outline, a height and a rule; changed and retired with a reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.flight_events import ZoneRule
from domain.kernel import InvalidValue, NotFound, PersonId, Place, WrongState
from domain.privacy_zone import (
    ZONE,
    Drawn,
    DrawZone,
    PrivacyZoneDrawn,
    PrivacyZoneRedrawn,
    PrivacyZoneRetired,
    RedrawZone,
    Retired,
    RetireZone,
    Shape,
)
from tests.domain.scenario import Scenario

given = Scenario(ZONE)
QUAN, CAPTAIN = PersonId("quan"), PersonId("captain")
A, B, C = Place(34.0918, -118.3516), Place(34.0918, -118.3507), Place(34.0912, -118.3507)
POOL = Shape((A, B, C, A), 60.0, ZoneRule.NO_RECORD)
WHY = "people swim here and may expect not to be watched"
draw = DrawZone("Plummer Park pool", POOL, WHY, QUAN)
drawn = PrivacyZoneDrawn("Plummer Park pool", POOL.outline, 60.0, ZoneRule.NO_RECORD, WHY, QUAN)
milder = replace(POOL, rule=ZoneRule.MASK)
redrawn = PrivacyZoneRedrawn(POOL.outline, 60.0, ZoneRule.MASK, "the pool is roofed over now", CAPTAIN)
retired = PrivacyZoneRetired("the pool was torn down", CAPTAIN)


@pytest.mark.rule("zone.shape")
def test_a_privacy_zone_is_a_polygon_with_altitude_and_a_rule() -> None:
    given().when(draw).then(drawn)


@pytest.mark.parametrize("outline", [(), (A, B, A), (A, B, C), (A, B, A, A), (A, B, C, A) * 51])
@pytest.mark.rule("zone.shape")
def test_an_outline_is_closed_and_encloses_something(outline: tuple[Place, ...]) -> None:
    given().when(replace(draw, shape=replace(POOL, outline=outline))).then_raises(InvalidValue, "outline")


@pytest.mark.parametrize("ceiling", [9.9, 500.1, float("nan")])
def test_a_zone_has_a_height(ceiling: float) -> None:
    given().when(replace(draw, shape=replace(POOL, ceiling_agl_m=ceiling))).then_raises(InvalidValue, "ceiling_agl_m")


def test_a_zone_is_drawn_once_under_its_id() -> None:
    given(drawn).when(draw).then_raises(WrongState, "zone")
    given(drawn, retired).when(draw).then_raises(WrongState, "zone")


@pytest.mark.rule("zone.change")
def test_a_zone_is_redrawn_with_a_reason() -> None:
    given(drawn).when(RedrawZone(milder, redrawn.reason, CAPTAIN)).then(redrawn)
    given(drawn).when(RedrawZone(milder, "because", CAPTAIN)).then_raises(InvalidValue, "reason")
    given(drawn).when(RedrawZone(POOL, redrawn.reason, CAPTAIN)).then_raises(InvalidValue, "outline")
    given(drawn, redrawn).when(RedrawZone(milder, redrawn.reason, CAPTAIN)).then_raises(InvalidValue, "outline")


@pytest.mark.rule("zone.change")
def test_a_zone_is_retired_with_a_reason() -> None:
    given(drawn).when(RetireZone(retired.reason, CAPTAIN)).then(retired)
    given(drawn).when(RetireZone("", CAPTAIN)).then_raises(InvalidValue, "reason")


@pytest.mark.parametrize("command", [RedrawZone(milder, WHY, CAPTAIN), RetireZone(WHY, CAPTAIN)])
def test_what_is_not_in_force_is_not_changed(command: RedrawZone | RetireZone) -> None:
    given().when(command).then_raises(NotFound, "zone")
    given(drawn, retired).when(command).then_raises(WrongState, "zone")


def test_a_zone_may_be_as_small_and_as_large_as_its_limits() -> None:
    corners = tuple(Place(34.09 + n / 10_000, -118.35 - (n % 2) / 10_000) for n in range(200))
    many = (*corners[:199], corners[0])
    for outline in ((A, B, C, A), many):
        given().when(replace(draw, shape=replace(POOL, outline=outline))).then(replace(drawn, outline=outline))
    too_many = (*corners, corners[0])
    mistake = given().when(replace(draw, shape=replace(POOL, outline=too_many))).then_raises(InvalidValue, "outline")
    assert mistake.accepted == "at least 3 corners, at most 200 points, the last one the first again"
    for ceiling in (10.0, 500.0):
        shape = replace(POOL, ceiling_agl_m=ceiling)
        given().when(replace(draw, shape=shape)).then(replace(drawn, ceiling_agl_m=ceiling))


def test_a_zone_has_a_name_and_its_reason_a_length() -> None:
    for length in (3, 120):
        given().when(replace(draw, name="x" * length)).then(replace(drawn, name="x" * length))
    for length in (2, 121):
        given().when(replace(draw, name="x" * length)).then_raises(InvalidValue, "name")
    for length in (10, 500):
        given().when(replace(draw, reason="x" * length)).then(replace(drawn, reason="x" * length))
    for length in (9, 501):
        given().when(replace(draw, reason="x" * length)).then_raises(InvalidValue, "reason")


@pytest.mark.rule("zone.change")
def test_a_zone_is_redrawn_to_a_proper_outline_or_another_height() -> None:
    open_ = replace(POOL, outline=(A, B, C))
    given(drawn).when(RedrawZone(open_, redrawn.reason, CAPTAIN)).then_raises(InvalidValue, "outline")
    higher = replace(POOL, ceiling_agl_m=61.0)
    asked = given(drawn).when(RedrawZone(higher, redrawn.reason, CAPTAIN))
    asked.then(replace(redrawn, ceiling_agl_m=61.0, rule=ZoneRule.NO_RECORD))


def test_what_a_zone_is_follows_from_what_happened_to_it() -> None:
    assert given(drawn).state == Drawn("Plummer Park pool", POOL)
    assert given(drawn, redrawn).state == Drawn("Plummer Park pool", milder)
    assert given(drawn, redrawn, retired).state == Retired("Plummer Park pool")


def test_what_happens_to_a_zone_that_is_not_in_force_changes_nothing() -> None:
    assert given(redrawn).state == given().state
    assert given(drawn, retired, redrawn).state == given(drawn, retired).state
