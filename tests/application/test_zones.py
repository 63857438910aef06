"""A drone among privacy zones: near, in, out again; and what an outline must be."""

from __future__ import annotations

import json
from dataclasses import replace
from math import cos, radians
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Point, Polygon
from shapely.geometry import shape as geometry

from adapters.geometry import CountyGeometry
from adapters.geometry.outlines import county
from application.zones import (
    GONE_M,
    GROUND_ERROR_M,
    LEFT_M,
    METRES_PER_DEGREE,
    NEAR_M,
    UNKNOWN_ZONES,
    Noticed,
    Velocity,
    Zone,
    ZoneWatch,
    distance_m,
)
from domain.flight_commands import RecordZoneApproach, RecordZoneEntry, RecordZoneExit
from domain.flight_events import HEIGHT_UNKNOWN, GroundHeight, HeightSource, Observation, ZoneRule
from domain.kernel import AirPosition, Place
from domain.privacy_zone import Shape
from tests.domain.scenario import NOW

CITY = Path(__file__).parents[2] / "ui" / "public" / "map" / "west_hollywood_boundary_osm.geojson"
CENTRE = Place(34.0915, -118.3512)
HALF_M, CEILING_M = 40.0, 60.0
TOP_M = CEILING_M + GROUND_ERROR_M


def place(north_m: float, east_m: float) -> Place:
    east = east_m / (METRES_PER_DEGREE * cos(radians(CENTRE.latitude)))
    return Place(CENTRE.latitude + north_m / METRES_PER_DEGREE, CENTRE.longitude + east)


def square(half_m: float = HALF_M) -> tuple[Place, ...]:
    corners = [place(n * half_m, e * half_m) for n, e in ((-1, -1), (-1, 1), (1, 1), (1, -1))]
    return (*corners, corners[0])


POOL = Zone("pool", Shape(square(), CEILING_M, ZoneRule.NO_RECORD))


def seen(north_m: float, east_m: float = 0.0, above_take_off_m: float = 300.0) -> Observation:
    """A place whose height above take-off is far above every zone: it must not matter."""
    where = place(north_m, east_m)
    return Observation(AirPosition(where.latitude, where.longitude, 380.0, above_take_off_m), None, NOW)


def ground(metres: float = 40.0) -> GroundHeight:
    return GroundHeight(metres, HeightSource.TERRAIN_REPORT)


def kinds(noticed: list[Noticed]) -> list[type]:
    return [type(command) for command in noticed]


def flown(watch: ZoneWatch, *norths: float, agl_m: float = 40.0, zone: Zone = POOL) -> list[type]:
    """Along the meridian through the zone's centre, a second between two places."""
    told: list[type] = []
    for before, north in zip((norths[0], *norths), norths, strict=False):
        told += kinds(watch.step([zone], seen(north), ground(agl_m), Velocity(north=north - before)))
    return told


APPROACH, ENTRY, EXIT = RecordZoneApproach, RecordZoneEntry, RecordZoneExit


@pytest.mark.rule("zone.told")
def test_a_zone_redrawn_around_a_drone_is_entered_anew() -> None:
    watch, stricter = ZoneWatch(), replace(POOL, shape=replace(POOL.shape, rule=ZoneRule.NO_VIEW))
    watch.step([POOL], seen(0), ground(), Velocity())
    (entry,) = watch.step([stricter], seen(0), ground(), Velocity())
    assert isinstance(entry, RecordZoneEntry) and entry.rule is ZoneRule.NO_VIEW
    assert not watch.step([stricter], seen(0), ground(), Velocity())


def test_a_drone_approaches_enters_and_leaves_a_zone_once_each() -> None:
    assert flown(ZoneWatch(), *range(-300, 301, 10)) == [APPROACH, ENTRY, EXIT]


def test_an_approach_is_told_before_by_velocity() -> None:
    watch = ZoneWatch()
    assert watch.step([POOL], seen(-140), ground(), Velocity(north=5.0)) == []
    (approach,) = watch.step([POOL], seen(-140), ground(), Velocity(north=12.0))
    assert isinstance(approach, RecordZoneApproach) and approach.distance_m == pytest.approx(100, abs=1)


@pytest.mark.parametrize("velocity", [Velocity(north=-15.0), Velocity(east=15.0), Velocity(north=15.0, up=15.0)])
def test_who_flies_past_away_or_over_does_not_approach(velocity: Velocity) -> None:
    assert ZoneWatch().step([POOL], seen(-140), ground(), velocity) == []


def test_a_corner_that_is_crossed_between_two_looks_is_foreseen() -> None:
    east_m = -HALF_M + 3
    (approach,) = ZoneWatch().step([POOL], seen(-HALF_M - 90, east_m), ground(), Velocity(north=20.0))
    assert isinstance(approach, RecordZoneApproach)


def test_hovering_near_is_an_approach_told_once() -> None:
    watch = ZoneWatch()
    assert flown(watch, *[-HALF_M - NEAR_M + 1] * 20) == [APPROACH]
    assert flown(watch, -HALF_M - GONE_M + 1, -HALF_M - NEAR_M + 1) == []
    assert flown(watch, -HALF_M - GONE_M - 1, -HALF_M - NEAR_M + 1) == [APPROACH]


def test_a_position_that_jitters_at_the_edge_enters_once() -> None:
    edge = [-HALF_M + (1 if n % 2 else -LEFT_M + 1) for n in range(50)]
    assert flown(ZoneWatch(), *edge) == [APPROACH, ENTRY]


def test_above_its_ceiling_a_zone_is_neither_entered_nor_kept() -> None:
    watch = ZoneWatch()
    assert flown(watch, 0.0, agl_m=TOP_M + NEAR_M + 1) == []
    (entry,) = watch.step([POOL], seen(0), ground(TOP_M), Velocity())
    assert isinstance(entry, RecordZoneEntry) and entry.height == ground(TOP_M)
    assert watch.step([POOL], seen(0), ground(TOP_M + LEFT_M - 1), Velocity()) == []
    (left,) = watch.step([POOL], seen(0), ground(TOP_M + LEFT_M), Velocity())
    assert isinstance(left, RecordZoneExit) and left.height == ground(TOP_M + LEFT_M)


@pytest.mark.rule("zone.told")
def test_a_drone_whose_height_above_ground_is_unknown_is_inside_at_every_height() -> None:
    watch = ZoneWatch()
    (entry,) = watch.step([POOL], seen(0, above_take_off_m=300), HEIGHT_UNKNOWN, Velocity())
    assert isinstance(entry, RecordZoneEntry) and entry.height == HEIGHT_UNKNOWN
    assert watch.step([POOL], seen(0, above_take_off_m=5_000), HEIGHT_UNKNOWN, Velocity()) == []
    assert kinds(watch.step([POOL], seen(0), ground(TOP_M + LEFT_M), Velocity())) == [EXIT]  # now it is told
    assert kinds(watch.step([POOL], seen(0), HEIGHT_UNKNOWN, Velocity())) == [ENTRY]
    (approach,) = ZoneWatch().step([POOL], seen(-HALF_M - NEAR_M + 1), HEIGHT_UNKNOWN, Velocity())
    assert isinstance(approach, RecordZoneApproach) and approach.height == HEIGHT_UNKNOWN


@pytest.mark.rule("zone.told")
def test_over_a_hill_the_height_above_take_off_lets_nobody_fly_over_a_zone() -> None:
    """200 m above the dock, 50 m above the ground: inside."""
    (entry,) = ZoneWatch().step([POOL], seen(0, above_take_off_m=200), ground(50), Velocity())
    assert isinstance(entry, RecordZoneEntry)


def test_within_the_error_of_a_ground_model_a_drone_is_inside() -> None:
    (entry,) = ZoneWatch().step([POOL], seen(0), ground(CEILING_M + GROUND_ERROR_M), Velocity())
    assert isinstance(entry, RecordZoneEntry)
    assert kinds(ZoneWatch().step([POOL], seen(0), ground(CEILING_M + GROUND_ERROR_M + 1), Velocity())) == [APPROACH]


@pytest.mark.rule("zone.recording")
def test_while_nobody_knows_where_the_zones_are_every_place_is_one_that_nobody_may_look_at() -> None:
    watch = ZoneWatch()
    assert kinds(watch.step([POOL], seen(0), ground(), Velocity())) == [ENTRY]
    (entry,) = watch.nowhere_known(seen(0))
    assert isinstance(entry, RecordZoneEntry)
    assert (entry.zone, entry.rule, entry.override) == (UNKNOWN_ZONES, ZoneRule.NO_VIEW, None)
    assert watch.nowhere_known(seen(500)) == [] and "pool" in watch.inside, "what is known of old is not left"
    (left,) = watch.step([POOL], seen(0), ground(), Velocity())
    assert isinstance(left, RecordZoneExit) and left.zone == UNKNOWN_ZONES


def test_a_descent_into_a_zone_is_foreseen() -> None:
    above = TOP_M + NEAR_M + 10
    assert ZoneWatch().step([POOL], seen(0), ground(above), Velocity()) == []
    (approach,) = ZoneWatch().step([POOL], seen(0), ground(above), Velocity(up=-5.0))
    assert isinstance(approach, RecordZoneApproach)


def test_an_override_that_ends_inside_is_an_entry_without_one() -> None:
    watch, lifted = ZoneWatch(), Zone("pool", POOL.shape, "o1")
    assert flown(watch, -HALF_M + 1, zone=lifted) == [ENTRY]
    assert watch.inside == {"pool": "o1"}
    assert flown(watch, 0.0, zone=lifted) == []
    (entry,) = watch.step([POOL], seen(0), ground(), Velocity())
    assert isinstance(entry, RecordZoneEntry) and entry.override is None


def test_a_zone_that_is_retired_while_the_drone_is_in_it_is_left() -> None:
    watch = ZoneWatch()
    watch.step([POOL], seen(0), ground(), Velocity())
    assert kinds(watch.step([], seen(0), ground(), Velocity())) == [EXIT]
    assert kinds(watch.step([], seen(0), ground(), Velocity())) == []


steps = st.lists(st.tuples(st.floats(-200, 200), st.floats(-200, 200), st.floats(0, 120)), max_size=30)


@given(steps, st.floats(-20, 20), st.floats(-20, 20))
@settings(max_examples=60, deadline=None)
def test_however_it_flies_it_is_inside_when_it_is_and_entries_and_exits_alternate(
    track: list[tuple[float, float, float]], north: float, east: float
) -> None:
    watch, within = ZoneWatch(), False
    for north_m, east_m, agl_m in track:
        for command in watch.step([POOL], seen(north_m, east_m), ground(agl_m), Velocity(north, east)):
            if isinstance(command, RecordZoneEntry):
                assert not within
                within = True
            elif isinstance(command, RecordZoneExit):
                assert within
                within = False
        inner, beyond = HALF_M - 0.5, HALF_M + LEFT_M + 0.5
        if max(abs(north_m), abs(east_m)) < inner and agl_m <= TOP_M:
            assert within
        if max(abs(north_m), abs(east_m)) > beyond or agl_m > TOP_M + LEFT_M:
            assert not within


@given(st.lists(st.tuples(st.floats(-300, 300), st.floats(-300, 300)), min_size=3, max_size=9), st.floats(-400, 400))
@settings(max_examples=100, deadline=None)
def test_distance_and_inside_agree_with_another_implementation(corners: list[tuple[float, float]], east: float) -> None:
    polygon = Polygon([(e, n) for n, e in corners])
    if not polygon.is_valid or polygon.area < 1:
        return
    outline = [place(n, e) for n, e in (*corners, corners[0])]
    theirs, point = polygon.exterior.distance(Point(east, 25.0)), Point(east, 25.0)
    ours = distance_m(outline, place(25.0, east))
    assert abs(ours) == pytest.approx(theirs, abs=0.3)
    assert (ours < 0) == polygon.contains(point) or theirs < 0.3


# -- outlines ----------------------------------------------------------------


def test_a_proper_outline_has_no_fault() -> None:
    assert CountyGeometry().fault(square()) is None


@pytest.mark.parametrize(
    ("outline", "says"),
    [
        ((place(0, 0), place(40, 40), place(0, 40), place(40, 0), place(0, 0)), "self-intersection"),
        ((place(0, 0), place(40, 0), place(80, 0), place(0, 0)), "too few|not valid|self-intersection|invalid"),
        (tuple(Place(p.latitude + 10, p.longitude) for p in square()), "not in the county"),
        (square(0.5), "smaller"),
        (square(3000), "larger"),
    ],
)
@pytest.mark.rule("zone.shape")
def test_an_outline_is_simple_of_some_size_and_within_the_county(outline: tuple[Place, ...], says: str) -> None:
    fault = CountyGeometry().fault(outline)
    assert fault is not None
    assert any(part in fault for part in says.split("|")), fault


def around(latitude: float, longitude: float) -> list[Place]:
    half = 0.0003
    corners = [(-half, -half), (-half, half), (half, half), (half, -half), (-half, -half)]
    return [Place(latitude + north, longitude + east) for north, east in corners]


@pytest.mark.parametrize(
    ("name", "latitude", "longitude"),
    [
        ("City Hall", 34.0905, -118.3707),
        ("the Sheriff's Station", 34.0845, -118.3834),
        ("Avalon, on Santa Catalina", 33.3428, -118.3270),
        ("Lancaster, in the north", 34.6868, -118.1542),
    ],
)
@pytest.mark.rule("zone.shape")
def test_what_lies_in_the_county_is_accepted(name: str, latitude: float, longitude: float) -> None:
    assert CountyGeometry().fault(around(latitude, longitude)) is None, name


@pytest.mark.parametrize(
    ("name", "latitude", "longitude"),
    [
        ("Thousand Oaks, Ventura County", 34.1706, -118.8376),
        ("Anaheim, Orange County", 33.8366, -117.9143),
        ("Ontario, San Bernardino County", 34.0633, -117.6509),
        ("Rosamond, Kern County", 34.8642, -118.1634),
        ("the sea off Malibu", 33.9500, -118.7500),
    ],
)
@pytest.mark.rule("zone.shape")
def test_what_lies_within_the_box_around_the_county_and_not_in_it_is_refused(
    name: str, latitude: float, longitude: float
) -> None:
    assert CountyGeometry().fault(around(latitude, longitude)) == "it is not in the county", name


@pytest.mark.rule("zone.shape")
def test_the_whole_city_lies_in_the_county_and_an_outline_across_the_county_line_does_not() -> None:
    city = json.loads(CITY.read_text())["features"][0]["geometry"]
    assert county().contains(geometry(city))
    line = county().geoms[-1].exterior.interpolate(0.5, normalized=True)  # type: ignore[attr-defined]
    assert CountyGeometry().fault(around(line.y, line.x)) == "it is not in the county"


def test_a_latitude_and_longitude_that_were_changed_over_are_noticed() -> None:
    swapped = [Place(p.longitude / 2, p.latitude) for p in square()]
    assert CountyGeometry().fault(swapped) == "it is not in the county"
