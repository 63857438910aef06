"""Zones in a drone's picture: held against rays that are cast from every kind of camera, true and as it is believed."""

from __future__ import annotations

import math
from dataclasses import replace
from math import cos, radians, sin

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely import Point, Polygon

from application.masks import EVERYTHING, Angles, Errors, Lens, Mount, View, camera_axes, drone_mask
from application.zones import METRES_PER_DEGREE
from domain.camera import Outline
from domain.flight_events import ZoneRule
from domain.kernel import Place
from domain.privacy_zone import Shape

CENTRE = Place(34.0915, -118.3512)
EAST = METRES_PER_DEGREE * cos(radians(CENTRE.latitude))
EXACT = Errors(0, 0, 0, 0, 0)
Vector = NDArray[np.float64]


def place(north: float, east: float) -> Place:
    return Place(CENTRE.latitude + north / METRES_PER_DEGREE, CENTRE.longitude + east / EAST)


def zone(corners: list[tuple[float, float]], ceiling: float) -> Shape:
    points = tuple(place(north, east) for north, east in corners)
    return Shape((*points, points[0]), ceiling, ZoneRule.MASK)


# -- an independent camera: quaternions and rays ---------------------------------


def turned(q: Vector, v: Vector) -> Vector:
    w, u = q[0], q[1:]
    return 2 * u.dot(v) * u + (w * w - u.dot(u)) * v + 2 * w * np.cross(u, v)


def product(p: Vector, q: Vector) -> Vector:
    w = p[0] * q[0] - p[1:].dot(q[1:])
    return np.array([w, *(p[0] * q[1:] + q[0] * p[1:] + np.cross(p[1:], q[1:]))])


def about(axis: int, degrees: float) -> Vector:
    q = np.array([cos(radians(degrees) / 2), 0.0, 0.0, 0.0])
    q[1 + axis] = sin(radians(degrees) / 2)
    return q


def quaternion(angles: Angles) -> Vector:
    """North, east, down to forward, right, down: yaw about down, then pitch about right, then roll about forward."""
    return product(product(about(2, angles.yaw), about(1, angles.pitch)), about(0, angles.roll))


def attitude(view: View) -> Vector:
    match view.mount:
        case Mount.BODY:
            return product(quaternion(view.airframe), quaternion(view.gimbal))
        case Mount.HORIZON:
            return product(about(2, view.airframe.yaw), quaternion(view.gimbal))
        case Mount.EARTH:
            return quaternion(view.gimbal)


def ray(view: View, u: float, v: float, misaligned: Vector | None = None) -> Vector:
    """Whither the picture's point looks: north, east, down."""
    right = (2 * u - 1) * math.tan(radians(view.lens.horizontal_deg) / 2)
    down = (2 * v - 1) * math.tan(radians(view.lens.vertical_deg) / 2)
    q = attitude(view) if misaligned is None else product(misaligned, attitude(view))
    return turned(q, np.array([1.0, right, down]))


def hits(view: View, direction: Vector, shape: Shape) -> bool:
    """Whether a ray from the camera meets the zone, between the ground and its ceiling."""
    ground = Polygon(
        [
            ((p.longitude - CENTRE.longitude) * EAST, (p.latitude - CENTRE.latitude) * METRES_PER_DEGREE)
            for p in shape.outline
        ]
    )
    east, north = (
        (view.place.longitude - CENTRE.longitude) * EAST,
        (view.place.latitude - CENTRE.latitude) * METRES_PER_DEGREE,
    )
    unit = direction / np.linalg.norm(direction)
    for far in np.linspace(0.5, 900, 1800):
        height = view.above_ground_m - unit[2] * far
        if 0 <= height <= shape.ceiling_agl_m and ground.contains(Point(east + unit[1] * far, north + unit[0] * far)):
            return True
    return False


def covered(outlines: tuple[Outline, ...], u: float, v: float) -> bool:
    return any(Polygon(outline).buffer(1e-5).contains(Point(u, v)) for outline in outlines)


NADIR = View(place(0, 0), 100, Angles(0, 0, 0), Angles(0, -90, 0), Mount.EARTH, Lens(70, 50))
AROUND = zone([(-20, -20), (-20, 20), (20, 20), (20, -20)], 15)


# -- views and zones ---------------------------------------------------------------

ANGLES = st.builds(Angles, st.floats(-180, 360), st.floats(-89, 30), st.floats(-30, 30))
VIEWS = st.builds(
    View,
    st.builds(place, st.floats(-150, 150), st.floats(-150, 150)),
    st.floats(30, 120),
    ANGLES,
    ANGLES,
    st.sampled_from(list(Mount)),
    st.builds(Lens, st.floats(20, 84), st.floats(15, 60)),
)
ZONES = st.builds(
    lambda middle, radii, ceiling: zone(
        [
            (middle[0] + r * cos(n * math.tau / len(radii)), middle[1] + r * sin(n * math.tau / len(radii)))
            for n, r in enumerate(radii)
        ],
        ceiling,
    ),
    st.tuples(st.floats(-100, 100), st.floats(-100, 100)),
    st.lists(st.floats(10, 60), min_size=3, max_size=9),
    st.floats(10, 100),
)
PARTS = st.floats(0.001, 0.999)


def looking_at(view: View, shape: Shape, part: tuple[float, float, float]) -> View:
    """The view turned so that something of the zone is likely in the picture."""
    east = (view.place.longitude - CENTRE.longitude) * EAST
    north = (view.place.latitude - CENTRE.latitude) * METRES_PER_DEGREE
    corner = shape.outline[int(part[0] * (len(shape.outline) - 1))]
    to_north = (corner.latitude - CENTRE.latitude) * METRES_PER_DEGREE - north
    to_east = (corner.longitude - CENTRE.longitude) * EAST - east
    yaw = math.degrees(math.atan2(to_east, to_north)) + (part[1] - 0.5) * view.lens.horizontal_deg
    pitch = -math.degrees(math.atan2(view.above_ground_m, math.hypot(to_north, to_east) + 1))
    gimbal = Angles(yaw, max(-89.0, pitch + (part[2] - 0.5) * view.lens.vertical_deg), view.gimbal.roll)
    return replace(view, gimbal=gimbal, mount=Mount.EARTH)


def corners_seen(view: View, shape: Shape, misaligned: Vector | None = None) -> list[tuple[float, float]]:
    """Where the zone's corners are seen, on the ground, at the ceiling and between, of those in the picture."""
    q = attitude(view) if misaligned is None else product(misaligned, attitude(view))
    back = q * np.array([1, -1, -1, -1])
    found = []
    for corner in shape.outline[:-1]:
        north = (corner.latitude - view.place.latitude) * METRES_PER_DEGREE
        east = (corner.longitude - view.place.longitude) * METRES_PER_DEGREE * cos(radians(view.place.latitude))
        for height in (0.0, shape.ceiling_agl_m / 3, shape.ceiling_agl_m):
            x, y, z = turned(back, np.array([north, east, view.above_ground_m - height]))
            if x > 0:
                u = 0.5 + y / x / 2 / math.tan(radians(view.lens.horizontal_deg) / 2)
                v = 0.5 + z / x / 2 / math.tan(radians(view.lens.vertical_deg) / 2)
                if 0 <= u <= 1 and 0 <= v <= 1:
                    found.append((u, v))
    return found


@pytest.mark.rule("mask.drone")
@given(VIEWS, ZONES, st.tuples(PARTS, PARTS, PARTS))
@settings(max_examples=150, deadline=None)
def test_whatever_corner_of_a_zone_is_in_the_picture_is_covered(
    view: View, shape: Shape, part: tuple[float, float, float]
) -> None:
    for chosen in (view, looking_at(view, shape, part)):
        outlines = drone_mask(chosen, [shape], EXACT)
        for u, v in corners_seen(chosen, shape):
            assert covered(outlines, u, v)


@pytest.mark.rule("mask.drone")
@given(VIEWS, ZONES, st.tuples(PARTS, PARTS, PARTS), st.tuples(PARTS, PARTS))
@settings(max_examples=30, deadline=None)
def test_whatever_ray_meets_a_zone_its_pixel_is_covered(
    view: View, shape: Shape, part: tuple[float, float, float], pixel: tuple[float, float]
) -> None:
    chosen = looking_at(view, shape, part)
    if hits(chosen, ray(chosen, *pixel), shape):
        assert covered(drone_mask(chosen, [shape], EXACT), *pixel)


WRONG = st.sampled_from([-1.0, 1.0]) | st.floats(-1, 1)  # as a part of the bound


@pytest.mark.rule("mask.drone")
@given(VIEWS, ZONES, st.tuples(PARTS, PARTS, PARTS), st.tuples(*[WRONG] * 9), st.floats(0, math.tau))
@settings(max_examples=400, deadline=None)
def test_also_where_the_camera_is_not_quite_where_and_what_it_is_believed_to_be(
    view: View, shape: Shape, part: tuple[float, float, float], wrong: tuple[float, ...], bearing: float
) -> None:
    believed = looking_at(view, shape, part)
    assert_covered(believed, shape, Errors(), wrong, bearing)


def assert_covered(believed: View, shape: Shape, errors: Errors, wrong: tuple[float, ...], bearing: float) -> None:
    outlines = drone_mask(believed, [shape], errors)
    away, whole = wrong[0] * errors.position_m, believed.lens
    wide, high = (
        2 * math.degrees(math.atan(math.tan(radians(angle) / 2) * (1 + wrong[2] * errors.lens_part)))
        for angle in (whole.horizontal_deg, whole.vertical_deg)
    )
    latitude, longitude = believed.place.latitude, believed.place.longitude
    true = replace(
        believed,
        place=Place(latitude + away * cos(bearing) / METRES_PER_DEGREE, longitude + away * sin(bearing) / EAST),
        above_ground_m=believed.above_ground_m + wrong[1] * errors.height_m,
        lens=Lens(wide, high),
    )
    axis = np.array(wrong[4:7]) + np.array([0.0, 0.0, 1e-6])
    half = radians(errors.attitude_deg * wrong[3]) / 2
    misaligned = np.array([cos(half), *(sin(half) * axis / np.linalg.norm(axis))])
    for u, v in corners_seen(true, shape, misaligned):
        shifted = (u + wrong[7] * errors.distortion_part, v + wrong[8] * errors.distortion_part)
        if min(shifted) >= 0 and max(shifted) <= 1:
            assert covered(outlines, *shifted)


NONE_WRONG = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0)


@pytest.mark.rule("mask.drone")
@pytest.mark.parametrize(
    ("wrong", "errors"),
    [
        ({0: 1.0}, Errors(10, 0, 0, 0, 0)),
        ({1: 1.0}, Errors(0, 10, 0, 0, 0)),
        ({1: -1.0}, Errors(0, 10, 0, 0, 0)),
        ({3: 1.0, 6: 1.0}, Errors(0, 0, 5, 0, 0)),
        ({3: 1.0, 5: 1.0, 6: 0.0}, Errors(0, 0, 5, 0, 0)),
        ({3: 1.0, 4: 1.0, 6: 0.0}, Errors(0, 0, 5, 0, 0)),
        ({2: -1.0}, Errors(0, 0, 0, 0.03, 0)),
        ({7: 1.0, 8: -1.0}, Errors(0, 0, 0, 0, 0.02)),
    ],
)
def test_each_error_alone_is_covered_to_its_very_bound_and_would_not_be_without(
    wrong: dict[int, float], errors: Errors
) -> None:
    part = tuple(wrong.get(n, value) for n, value in enumerate(NONE_WRONG))
    oblique = replace(NADIR, above_ground_m=60, gimbal=Angles(0, -40, 0), place=place(-70, 0))
    for view in (NADIR, oblique):
        for bearing in np.linspace(0, math.tau, 9):
            assert_covered(view, AROUND, errors, part, bearing)
    # Believed to be exact, the same camera would show some corner.
    exact = drone_mask(oblique, [AROUND], EXACT) + drone_mask(NADIR, [AROUND], EXACT)
    grown = drone_mask(oblique, [AROUND], errors) + drone_mask(NADIR, [AROUND], errors)
    assert sum(Polygon(o).area for o in grown) > sum(Polygon(o).area for o in exact)


@given(VIEWS, st.floats(15, 60), st.floats(10, 60), st.tuples(PARTS, PARTS, PARTS), PARTS, PARTS)
@settings(max_examples=80, deadline=None)
def test_a_camera_that_is_exactly_known_hides_no_more_than_the_zone(
    view: View, half: float, ceiling: float, part: tuple[float, float, float], u: float, v: float
) -> None:
    square = zone([(-half, -half), (-half, half), (half, half), (half, -half)], ceiling)
    chosen = looking_at(view, square, part)
    outlines = drone_mask(chosen, [square], EXACT)
    assume(outlines not in ((), EVERYTHING))
    larger = zone(
        [(-half - 3, -half - 3), (-half - 3, half + 3), (half + 3, half + 3), (half + 3, -half - 3)], ceiling + 3
    )
    low = replace(chosen, above_ground_m=chosen.above_ground_m + 3)
    taller = replace(larger, ceiling_agl_m=ceiling + 6)
    if covered(outlines, u, v):
        assert hits(low, ray(low, u, v), taller)


@given(VIEWS)
def test_the_axes_are_those_of_the_quaternion(view: View) -> None:
    q = attitude(view)
    for axis, unit in zip(camera_axes(view), np.eye(3), strict=True):
        assert np.allclose(axis, turned(q, unit), atol=1e-9)


def test_looking_straight_down_a_zone_lies_where_it_is() -> None:
    (outline,) = drone_mask(NADIR, [AROUND], EXACT)
    wide, high = 20 / 85 / math.tan(radians(35)) / 2, 20 / 85 / math.tan(radians(25)) / 2
    assert min(u for u, _ in outline) == pytest.approx(0.5 - wide)
    assert max(v for _, v in outline) == pytest.approx(0.5 + high)
    assert drone_mask(NADIR, [zone([(300, 300), (300, 340), (340, 340)], 15)], EXACT) == ()
    assert drone_mask(NADIR, [], EXACT) == ()


@pytest.mark.rule("mask.fails_closed")
@pytest.mark.parametrize(
    "view",
    [
        None,
        replace(NADIR, above_ground_m=math.nan),
        replace(NADIR, gimbal=Angles(math.nan, 0, 0)),
        replace(NADIR, airframe=Angles(0, math.inf, 0)),
        replace(NADIR, lens=Lens(0, 50)),
        replace(NADIR, lens=Lens(170, 50)),
        replace(NADIR, lens=Lens(math.nan, 50)),
        replace(NADIR, above_ground_m=12),
        replace(NADIR, above_ground_m=-5),
    ],
)
def test_what_cannot_be_computed_hides_everything(view: View | None) -> None:
    assert drone_mask(view, [AROUND]) == EVERYTHING


@pytest.mark.rule("mask.drone")
def test_a_zone_that_runs_under_the_camera_and_behind_it_is_covered_to_the_picture_s_edge() -> None:
    street = zone([(-500, -20), (500, -20), (500, 20), (-500, 20)], 10)
    for pitch in (-20.0, -45.0, -70.0):
        view = replace(NADIR, above_ground_m=50, gimbal=Angles(0, pitch, 0))
        outlines = drone_mask(view, [street], EXACT)
        for north in range(-40, 400, 10):
            piece = zone([(north, -19), (north, 19), (north + 1, 0)], 9)
            assert all(covered(outlines, u, v) for u, v in corners_seen(view, piece))


def test_an_older_position_hides_more() -> None:
    def area(errors: Errors) -> float:
        return sum(Polygon(outline).area for outline in drone_mask(NADIR, [AROUND], errors))

    assert area(EXACT) < area(Errors()) < area(Errors().aged(0.5, 12, 8)) <= 1
