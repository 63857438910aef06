"""Where privacy zones lie in a drone's picture: their prisms, projected through a pinhole, with room for every error.

Frames are those of aeronautics: the ground's is north, east, down; a body's is forward, right, down; angles are yaw,
pitch, roll in this order about the axes that turn with it (ISO 1151-2; MAVLink's ATTITUDE). A camera looks forward, its
picture's right is its right and the picture's bottom its down side. With the half angles of view a and b, the point
(x, y, z) of the camera's frame is seen at

    u = 1/2 + y / (2 x tan a),   v = 1/2 + z / (2 x tan b)        (Hartley and Zisserman, Multiple View Geometry, §6.1)

in parts of the picture from its top left corner. The earth is flat here: over 2 km the ground falls off by 0.3 m.

How the errors are covered, so that no true point of a zone is seen outside its outline:

- Position and height: the zone grows by them, sideways, upwards and downwards, before it is projected.
- Attitude, as an angle e about any axis: what is within the picture's corner angle t is believed within t + e, where
  the plane of the picture stretches angles by at most 1 / cos²(t + e); the outline grows by e / cos²(t + e).
- Angle of view, as a part f of its tangent, and distortion d of the lens, as a part of the picture: f / 2 + d more.

A zone is drawn as the convex hull of its prism, which hides more than a zone with a notch would need and never less.
What cannot be computed hides everything: an angle or a place that is not known, a camera inside a zone, a corner angle
with its error of 85 degrees or more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import atan, cos, hypot, isfinite, pi, radians, sin, tan

from application.zones import METRES_PER_DEGREE, distance_m
from domain.camera import WHOLE_PICTURE, Outline
from domain.kernel import Place
from domain.privacy_zone import Shape

EVERYTHING: tuple[Outline, ...] = (WHOLE_PICTURE,)
WIDEST = radians(85)
Vector = tuple[float, float, float]
Matrix = tuple[Vector, Vector, Vector]
Point = tuple[float, float]


class Mount(StrEnum):
    """Against what a gimbal's angles are measured (MAVLink's GIMBAL_DEVICE_FLAGS)."""

    BODY = "body"  # all three against the airframe
    HORIZON = "horizon"  # pitch and roll against the horizon, yaw against the drone's heading
    EARTH = "earth"  # pitch and roll against the horizon, yaw against true north


@dataclass(frozen=True, slots=True)
class Angles:
    """Degrees: yaw clockwise seen from above, pitch up, roll to the right."""

    yaw: float
    pitch: float
    roll: float


@dataclass(frozen=True, slots=True)
class Lens:
    """The whole angles of view, degrees."""

    horizontal_deg: float
    vertical_deg: float


@dataclass(frozen=True, slots=True)
class View:
    """From where and whither a camera looks. `above_ground_m`: above the ground at the zones."""

    place: Place
    above_ground_m: float
    airframe: Angles
    gimbal: Angles
    mount: Mount
    lens: Lens


@dataclass(frozen=True, slots=True)
class Errors:
    """By how much a view may be wrong, each as a bound and not as a deviation.

    The defaults: three times the 3 m of a GNSS receiver without corrections (EPH); a barometer's drift over a sortie,
    and the ground's own slope; a compass in town; lenses of drones, corrected by their maker. What is older than the
    frame adds speed times age, and turning rate times age.
    """

    position_m: float = 10.0
    height_m: float = 10.0
    attitude_deg: float = 5.0
    lens_part: float = 0.03
    distortion_part: float = 0.02

    def aged(self, seconds: float, speed_mps: float, turning_dps: float) -> Errors:
        return Errors(
            self.position_m + seconds * speed_mps,
            self.height_m + seconds * speed_mps,
            self.attitude_deg + seconds * turning_dps,
            self.lens_part,
            self.distortion_part,
        )


def drone_mask(view: View | None, zones: Iterable[Shape], errors: Errors | None = None) -> tuple[Outline, ...]:
    """What is to be hidden of the picture, as convex outlines within it; nothing where no zone can be in it. `view`:
    None where it is not known."""
    try:
        if view is None:
            return EVERYTHING
        within = errors or Errors()
        found: list[Outline] = []
        for zone in zones:
            outline = _outline(view, zone, within)
            if outline is None:
                return EVERYTHING
            found += [outline] if outline else []
        return tuple(found)
    except (ValueError, ZeroDivisionError, OverflowError):
        return EVERYTHING


def camera_axes(view: View) -> Matrix:
    """The camera's forward, right and down side as directions north, east and down."""
    match view.mount:
        case Mount.BODY:
            return _after(_axes(view.airframe), _axes(view.gimbal))
        case Mount.HORIZON:
            gimbal = view.gimbal
            return _axes(Angles(view.airframe.yaw + gimbal.yaw, gimbal.pitch, gimbal.roll))
        case Mount.EARTH:
            return _axes(view.gimbal)


def _outline(view: View, zone: Shape, errors: Errors) -> Outline | None:
    """None: everything; empty: the zone is not in the picture."""
    numbers = (view.above_ground_m, errors.position_m, errors.height_m, errors.attitude_deg, view.place.latitude)
    angles = (view.airframe, view.gimbal)
    if not all(map(isfinite, (*numbers, *(a for each in angles for a in (each.yaw, each.pitch, each.roll))))):
        return None
    across, up = tan(radians(view.lens.horizontal_deg) / 2), tan(radians(view.lens.vertical_deg) / 2)
    if not (0 < view.lens.horizontal_deg < 180 and 0 < view.lens.vertical_deg < 180):
        return None
    turned = radians(errors.attitude_deg)
    corner = atan(hypot(across, up) * (1 + errors.lens_part)) + turned
    if corner >= WIDEST:
        return None
    grown_m, taller_m = errors.position_m, errors.height_m
    if distance_m(zone.outline, view.place) <= grown_m + 1 and view.above_ground_m <= zone.ceiling_agl_m + taller_m + 1:
        return None
    ground = _grown(_ground(view.place, zone.outline), grown_m)
    top, bottom = view.above_ground_m - zone.ceiling_agl_m - taller_m, view.above_ground_m + taller_m
    axes = camera_axes(view)
    seen = [_dot3(axes, (north, east, down)) for north, east in ground for down in (top, bottom)]
    # Nothing of the grown zone is nearer than a metre, and what is in the picture lies within the corner angle.
    in_front = _before(seen, near=cos(corner) / 2)
    if not in_front:
        return ()
    stretched = turned / cos(corner) ** 2
    more_u = stretched / (2 * across) + errors.lens_part / 2 + errors.distortion_part
    more_v = stretched / (2 * up) + errors.lens_part / 2 + errors.distortion_part
    points = [(0.5 + y / (2 * x * across), 0.5 + z / (2 * x * up)) for x, y, z in in_front]
    corners = [(u + a * more_u, v + b * more_v) for u, v in points for a in (-1, 1) for b in (-1, 1)]
    return tuple(_within_the_picture(_hull(corners)))


def _ground(origin: Place, outline: Sequence[Place]) -> list[Point]:
    """Metres north and east."""
    east_per_degree = METRES_PER_DEGREE * cos(radians(origin.latitude))
    return [
        ((p.latitude - origin.latitude) * METRES_PER_DEGREE, (p.longitude - origin.longitude) * east_per_degree)
        for p in outline
    ]


def _grown(points: Iterable[Point], by: float) -> list[Point]:
    """The hull of octagons around circles about the corners: no point within `by` of the hull is outside."""
    reach = by / cos(pi / 8)
    ring = [(reach * cos(n * pi / 4), reach * sin(n * pi / 4)) for n in range(8)]
    return _hull([(x + a, y + b) for x, y in _hull(points) for a, b in ring])


def _before(points: Sequence[Vector], near: float) -> list[Vector]:
    """What spans the part of a convex body that lies further forward than `near`."""
    ahead, behind = [p for p in points if p[0] >= near], [p for p in points if p[0] < near]
    cut = [
        tuple(a + (b - a) * (near - p[0]) / (q[0] - p[0]) for a, b in zip(p, q, strict=True))
        for p in behind
        for q in ahead
    ]
    return ahead + [(near, y, z) for _, y, z in cut]


# -- plane and space -----------------------------------------------------------


def _axes(angles: Angles) -> Matrix:
    """A body's forward, right and down side in the frame that its angles are measured against."""
    (sy, cy), (sp, cp), (sr, cr) = ((sin(radians(a)), cos(radians(a))) for a in (angles.yaw, angles.pitch, angles.roll))
    return (
        (cp * cy, cp * sy, -sp),
        (sr * sp * cy - cr * sy, sr * sp * sy + cr * cy, sr * cp),
        (cr * sp * cy + sr * sy, cr * sp * sy - sr * cy, cr * cp),
    )


def _after(outer: Matrix, inner: Matrix) -> Matrix:
    """The inner body's axes, which are told in the outer body's, in the outer one's frame."""
    rows = [tuple(sum(row[k] * outer[k][n] for k in range(3)) for n in range(3)) for row in inner]
    (a, b, c) = ((x, y, z) for x, y, z in rows)
    return a, b, c


def _dot3(axes: Matrix, p: Vector) -> Vector:
    x, y, z = (sum(a * b for a, b in zip(axis, p, strict=True)) for axis in axes)
    return x, y, z


def _hull(points: Iterable[Point]) -> list[Point]:
    """The convex hull, anticlockwise (Andrew's monotone chain)."""
    left = sorted(set(points))
    if len(left) < 3:
        return left

    def half(ordered: Iterable[Point]) -> list[Point]:
        chain: list[Point] = []
        for p in ordered:
            while len(chain) > 1 and _turn(chain[-2], chain[-1], p) <= 0:
                chain.pop()
            chain.append(p)
        return chain[:-1]

    return half(left) + half(reversed(left))


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _within_the_picture(outline: list[Point]) -> list[Point]:
    """A convex outline's part between 0 and 1 (Sutherland and Hodgman); empty where there is none."""
    for axis, limit, sign in ((0, 0.0, 1), (0, 1.0, -1), (1, 0.0, 1), (1, 1.0, -1)):
        kept: list[Point] = []
        for p, q in pairwise([*outline, *outline[:1]]):
            inside_p, inside_q = sign * (p[axis] - limit) >= 0, sign * (q[axis] - limit) >= 0
            if inside_p:
                kept.append(p)
            if inside_p != inside_q:
                along = (limit - p[axis]) / (q[axis] - p[axis])
                other = p[1 - axis] + along * (q[1 - axis] - p[1 - axis])
                kept.append((limit, other) if axis == 0 else (other, limit))
        outline = kept
    return [(min(max(u, 0.0), 1.0), min(max(v, 0.0), 1.0)) for u, v in outline] if len(outline) > 2 else []
