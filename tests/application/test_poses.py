"""What of a drone's pictures may be kept and shown, held against flights whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import hypot

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.masks import Angles, Lens, Mount
from application.poses import (
    FRESH,
    IN_A_ZONE,
    LINK_DELAY_S,
    NO_POSE,
    PICTURE_DELAY,
    ZONES_UNKNOWN,
    Pose,
    Track,
    view_at,
)
from application.zones import KnownZone, Lift, Velocity
from domain.flight_events import GroundHeight, HeightSource, ZoneRule
from domain.kernel import FlightId
from domain.privacy_zone import Shape
from tests.application.test_masks import place

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
SECOND, TENTH = timedelta(seconds=1), timedelta(milliseconds=100)
FLIGHT = FlightId("f1")
HALF_M = 30.0
CORNERS = ((-HALF_M, -HALF_M), (-HALF_M, HALF_M), (HALF_M, HALF_M), (HALF_M, -HALF_M), (-HALF_M, -HALF_M))
OUTLINE = tuple(place(north, east) for north, east in CORNERS)


class Clock:
    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at


def yard(rule: ZoneRule = ZoneRule.NO_RECORD, *lifts: Lift, ceiling: float = 60.0) -> KnownZone:
    return KnownZone("yard", Shape(OUTLINE, ceiling, rule), lifts)


def pose(
    at: datetime, north: float, east: float = 0.0, *, height: float | None = 40.0, velocity: Velocity = Velocity()
) -> Pose:
    return Pose(
        at,
        None,
        place(north, east),
        height=GroundHeight(height, HeightSource.UNKNOWN if height is None else HeightSource.TERRAIN_REPORT),
        velocity=velocity,
        airframe=Angles(10.0, 2.0, 1.0),
        airframe_at=at,
        gimbal=Angles(0.0, -45.0, 0.0),
        gimbal_at=at,
        lens=Lens(64.0, 39.0),
        lens_at=at,
    )


def hovering(north: float, clock: Clock, *zones: KnownZone, lasting: timedelta = 3 * SECOND, **more: float) -> Track:
    """Up to now."""
    track = Track(FLIGHT, clock)
    clock.at += lasting
    track.told(zones)
    for n in range(int(lasting / TENTH) + 1):
        track.seen(pose(clock.at - lasting + n * TENTH, north, **more))  # type: ignore[arg-type]
    return track


def test_a_picture_outside_every_zone_is_kept_and_one_inside_is_not() -> None:
    for north, expected in ((HALF_M + 20, None), (HALF_M - 1, IN_A_ZONE), (0.0, IN_A_ZONE)):
        clock = Clock()
        assert hovering(north, clock, yard()).may_keep(clock.at) == expected


def test_where_no_zone_is_in_force_nobody_asks_where_the_drone_is() -> None:
    clock = Clock()
    track = Track(FLIGHT, clock)
    track.told(())
    assert track.may_keep(NOON) is None
    assert track.may_show(NOON) is None


def test_while_nobody_says_where_the_zones_are_nothing_is_kept_or_shown() -> None:
    clock = Clock()
    track = hovering(HALF_M + 100, clock)
    assert track.may_keep(clock.at) is None
    clock.at += timedelta(seconds=2.1)
    track.seen(pose(clock.at, HALF_M + 100))
    assert track.may_keep(clock.at) == track.may_show(clock.at) == ZONES_UNKNOWN
    track.told(None)
    assert track.may_keep(clock.at) == ZONES_UNKNOWN
    assert Track().may_show(NOON) == ZONES_UNKNOWN


def test_without_a_pose_of_the_last_second_a_drone_is_inside() -> None:
    clock = Clock()
    track = hovering(HALF_M + 100, clock, yard())
    assert track.may_keep(clock.at) is None
    clock.at += FRESH + TENTH
    track.told((yard(),))
    assert track.may_keep(clock.at) == NO_POSE
    track.seen(pose(clock.at, HALF_M + 100))
    assert track.may_keep(clock.at) == NO_POSE, "nobody knows where it was in between"
    bare = Track(FLIGHT, clock)
    bare.told((yard(),))
    assert bare.may_keep(clock.at) == NO_POSE


def test_a_no_record_zone_may_be_looked_into_and_a_no_view_zone_may_not() -> None:
    for rule, shown, kept in (
        (ZoneRule.NO_RECORD, None, IN_A_ZONE),
        (ZoneRule.NO_VIEW, IN_A_ZONE, IN_A_ZONE),
        (ZoneRule.MASK, None, None),
    ):
        clock = Clock()
        track = hovering(0.0, clock, yard(rule))
        assert (track.may_show(clock.at), track.may_keep(clock.at)) == (shown, kept)


def test_an_override_lifts_a_zone_for_its_flight_and_as_long_as_it_is_in_effect() -> None:
    clock = Clock()
    since, until = NOON - SECOND, NOON + 10 * SECOND
    assert hovering(0.0, clock, yard(ZoneRule.NO_RECORD, Lift("o1", FLIGHT, since, until))).may_keep(clock.at) is None
    other = Clock()
    assert hovering(0.0, other, yard(ZoneRule.NO_RECORD, Lift("o1", "f2", since, until))).may_keep(other.at)
    for flown in (timedelta(seconds=0.5), timedelta(seconds=11.5)):
        clock = Clock()
        track = hovering(0.0, clock, yard(ZoneRule.NO_RECORD, Lift("o1", FLIGHT, NOON, until)), lasting=flown)
        assert track.may_keep(clock.at), "a picture that may have been taken before it, or after it"


def test_above_the_ceiling_a_drone_is_outside_where_its_height_above_ground_is_known() -> None:
    for height, expected in ((40.0, IN_A_ZONE), (65.0, IN_A_ZONE), (80.0, None), (None, IN_A_ZONE)):
        clock = Clock()
        assert hovering(0.0, clock, yard(), height=height).may_keep(clock.at) == expected  # type: ignore[arg-type]


def test_a_clock_that_is_set_back_keeps_nothing_until_its_poses_are_new() -> None:
    clock = Clock()
    track = hovering(HALF_M + 100, clock, yard())
    clock.at -= 3600 * SECOND
    track.told((yard(),))
    assert track.may_keep(clock.at) == NO_POSE
    for n in range(25):
        track.seen(pose(clock.at + n * TENTH, HALF_M + 100))
    clock.at += 24 * TENTH
    track.told((yard(),))
    assert track.may_keep(clock.at) is None


@settings(max_examples=150, deadline=None)
@given(
    speed=st.floats(0.5, 20.0),
    every=st.integers(80, 600),
    link_ms=st.integers(0, int(LINK_DELAY_S * 1000)),
    picture_ms=st.integers(0, int(PICTURE_DELAY.total_seconds() * 1000)),
    aside=st.floats(-40.0, 40.0),
    picture_at=st.integers(0, 12_000),
)
def test_no_picture_that_was_taken_inside_is_ever_kept(
    speed: float, every: int, link_ms: int, picture_ms: int, aside: float, picture_at: int
) -> None:
    """A drone flies past or through the yard; its poses and its pictures come late, by what is allowed at most."""

    def truth(at: datetime) -> float:
        return -70.0 + speed * (at - NOON).total_seconds()

    clock = Clock()
    track = Track(FLIGHT, clock)
    track.told((yard(),))
    came_in = NOON + picture_at * timedelta(milliseconds=1)
    at = NOON - 3 * SECOND
    while at <= came_in:
        track.seen(pose(at, truth(at - link_ms * timedelta(milliseconds=1)), aside, velocity=Velocity(north=speed)))
        at += every * timedelta(milliseconds=1)
    clock.at = came_in
    track.told((yard(),))
    north = truth(came_in - picture_ms * timedelta(milliseconds=1))
    if abs(north) < HALF_M and abs(aside) < HALF_M:
        assert track.may_keep(came_in) == IN_A_ZONE


@settings(max_examples=100, deadline=None)
@given(north=st.floats(-200, 200), east=st.floats(-200, 200))
def test_who_hovers_two_metres_outside_is_recorded(north: float, east: float) -> None:
    away = hypot(max(0.0, abs(north) - HALF_M), max(0.0, abs(east) - HALF_M))
    clock = Clock()
    track = Track(FLIGHT, clock)
    track.told((yard(),))
    for n in range(31):
        track.seen(pose(NOON + n * TENTH, north, east))
    clock.at = NOON + 30 * TENTH
    track.told((yard(),))
    if away > 2.0:
        assert track.may_keep(clock.at) is None


# -- views -------------------------------------------------------------------


def test_the_view_of_a_picture_is_that_of_the_pose_next_to_it() -> None:
    poses = [pose(NOON + n * TENTH, n * 1.0, velocity=Velocity(north=10.0)) for n in range(40)]
    found = view_at(poses, NOON + 20 * TENTH)
    assert found is not None
    view, errors = found
    assert abs(view.place.latitude - place(17.5, 0).latitude) < 1e-5, "it was taken a quarter of a second before"
    assert view.gimbal == Angles(0.0, -45.0, 0.0) and view.mount is Mount.HORIZON
    assert 12 < errors.position_m < 25, "ten metres, and as far as it flies in half a second"
    assert errors.attitude_deg < 7


def test_what_turns_is_believed_less() -> None:
    still = [pose(NOON + n * TENTH, 0.0) for n in range(40)]
    turning = [replace(each, airframe=Angles(n * 9.0 % 360, 0, 0)) for n, each in enumerate(still)]
    steady, turned = view_at(still, NOON + 20 * TENTH), view_at(turning, NOON + 20 * TENTH)
    assert steady and turned
    assert turned[1].attitude_deg > steady[1].attitude_deg + 30, "it turns by 90 degrees a second"


@pytest.mark.parametrize(
    "missing",
    [
        {"gimbal": None},
        {"airframe": None},
        {"lens": None},
        {"height": GroundHeight(None, HeightSource.UNKNOWN)},
        {"gimbal_at": NOON - 5 * SECOND},
        {"airframe_at": None},
        {"lens_at": NOON - 60 * SECOND},
    ],
)
def test_where_a_part_is_not_known_no_view_is(missing: dict[str, object]) -> None:
    whole = pose(NOON, 0.0)
    assert view_at([whole], NOON) is not None
    assert view_at([replace(whole, **missing)], NOON) is None  # type: ignore[arg-type]
    assert view_at([], NOON) is None
    assert view_at([whole], NOON + FRESH + TENTH) is None
