"""Where a drone and its camera were at each picture, and what of the picture may be kept and shown because of it.

A picture tells when it came in, and a pose when it came in; neither when it was true. So a picture is held against all
poses that it can belong to, and each pose reaches as far as the drone can have flown meanwhile:

- A picture was taken PICTURE_DELAY before it came in, at most: exposure, coder, radio and network.
- A position was true LINK_DELAY before it came in, at most; between two of them the drone flew on. In s seconds it gets
  no further than (v + a s) s, v being its speed and a ACCELERATION.

Invariant: in doubt a drone is inside, its picture is neither kept nor shown, and its view is not known. There is doubt
where nobody says where the zones are, and, while one is in force, where no pose of the last second is there.
"""

from __future__ import annotations

import bisect
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import hypot
from operator import attrgetter

from application.masks import Angles, Errors, Lens, Mount, View
from application.zones import KnownZone, Velocity, above_m, distance_m
from domain.flight_events import HEIGHT_UNKNOWN, GroundHeight, ZoneRule
from domain.kernel import FlightId, Place

FRESH = timedelta(seconds=1)  # older, and nobody knows where the drone is
TOLD_WITHIN = timedelta(seconds=2)  # the gateway says twice a second that what it said of the zones still holds
LENS_GOOD_FOR = timedelta(seconds=10)  # it is told once a second, and changes by a zoom alone
PICTURE_DELAY = timedelta(seconds=1)
USUAL_DELAY = timedelta(milliseconds=250)
LINK_DELAY_S = 0.3
ACCELERATION = 6.0  # metres a second, a second: a copter that leans by 31 degrees; ArduCopter's limit is 30
NEARBY_M = 200.0  # further than any drone gets between two poses that are still fresh
KEPT = timedelta(seconds=15)
STANDS = Velocity()
STILL_DPS = 2.0  # what a gimbal that stands still may turn

NOT_KEPT = frozenset({ZoneRule.NO_RECORD, ZoneRule.NO_VIEW})
NOT_SHOWN = frozenset({ZoneRule.NO_VIEW})
IN_A_ZONE = "in a privacy zone"
ZONES_UNKNOWN = "nobody can say where the privacy zones are"
NO_POSE = "nobody can say where the drone was"


@dataclass(frozen=True, slots=True)
class Pose:
    """A moment of a drone and its camera; `at`: when its position came in, by our clock, and so the other times.

    Degrees WGS 84, metres, metres a second. None: not known. `device_time`: by the autopilot's clock.
    """

    at: datetime
    device_time: datetime | None
    place: Place
    altitude_amsl_m: float | None = None
    above_home_m: float | None = None
    height: GroundHeight = HEIGHT_UNKNOWN
    velocity: Velocity = STANDS
    airframe: Angles | None = None
    airframe_at: datetime | None = None
    gimbal: Angles | None = None
    gimbal_at: datetime | None = None
    mount: Mount = Mount.HORIZON
    lens: Lens | None = None
    lens_at: datetime | None = None

    @property
    def speed(self) -> float:
        return hypot(self.velocity.north, self.velocity.east)

    def view(self) -> View | None:
        """What the camera looks at, where all of it is known and as fresh as the position."""
        if self.airframe is None or self.gimbal is None or self.lens is None or self.height.metres is None:
            return None
        for told, good_for in ((self.airframe_at, FRESH), (self.gimbal_at, FRESH), (self.lens_at, LENS_GOOD_FOR)):
            if told is None or abs(self.at - told) > good_for:
                return None
        return View(self.place, self.height.metres, self.airframe, self.gimbal, self.mount, self.lens)


def view_at(poses: Sequence[Pose], at: datetime) -> tuple[View, Errors] | None:
    """The view of a picture that came in at a time, out of poses in order of time, and how wrong it may be; None: not
    known."""
    taken = at - USUAL_DELAY
    after = bisect.bisect_left(poses, taken, key=attrgetter("at"))
    near = sorted(poses[max(0, after - 1) : after + 1], key=lambda pose: abs(pose.at - taken))
    if not near or abs(near[0].at - at) > FRESH:
        return None
    pose = near[0]
    view = pose.view()
    if view is None:
        return None
    # Half of what is between the shortest and the usual delay of a picture, and the pose's own.
    seconds = abs(pose.at - taken).total_seconds() + USUAL_DELAY.total_seconds() / 2 + LINK_DELAY_S
    around = [each for each in poses[max(0, after - 3) : after + 2] if abs(each.at - pose.at) <= FRESH]
    return view, Errors().aged(seconds, pose.speed + ACCELERATION * seconds, _turning(around))


def _turning(poses: Sequence[Pose]) -> float:
    """Degrees a second, the fastest that the camera was seen to turn between two poses."""
    fastest = STILL_DPS
    for before, after in pairwise(poses):
        seconds = (after.at - before.at).total_seconds()
        if seconds > 0 and before.gimbal and after.gimbal and before.airframe and after.airframe:
            turned = [_between(before.gimbal.pitch, after.gimbal.pitch), _between(before.gimbal.yaw, after.gimbal.yaw)]
            turned += [_between(before.airframe.yaw, after.airframe.yaw)]
            fastest = max(fastest, hypot(*turned) / seconds)
    return fastest


def _between(one: float, other: float) -> float:
    return abs((other - one + 180) % 360 - 180)


@dataclass(frozen=True, slots=True)
class _Near:
    """A zone that a pose is near to. `above`: metres above its ceiling."""

    zone: KnownZone
    distance: float
    above: float


@dataclass(slots=True)
class _Moment:
    pose: Pose
    near: list[_Near]


class Track:
    """The last seconds of one flight. Safe to use from many threads. `flight` None: nobody's, of which nothing is
    ever known."""

    def __init__(
        self, flight: FlightId | None = None, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._flight, self._clock = flight, clock
        self._lock = threading.Lock()
        self._moments: list[_Moment] = []
        self._zones: tuple[KnownZone, ...] | None = None
        self._told_at: datetime | None = None

    # -- what is told --------------------------------------------------------

    def told(self, zones: tuple[KnownZone, ...] | None) -> None:
        """Where the zones are, just now; None: nobody knows. To be said again within TOLD_WITHIN."""
        with self._lock:
            if zones != self._zones:
                self._zones = zones
                for moment in self._moments:
                    moment.near = self._near(moment.pose)
            self._told_at = self._clock()

    def seen(self, pose: Pose) -> None:
        with self._lock:
            if self._moments and pose.at <= self._moments[-1].pose.at:
                # The clock went back: what is held is of no time that can be compared.
                self._moments.clear()
            self._moments.append(_Moment(pose, self._near(pose)))
            while pose.at - self._moments[0].pose.at > KEPT:
                del self._moments[0]

    def _near(self, pose: Pose) -> list[_Near]:
        found = []
        for zone in self._zones or ():
            distance = distance_m(zone.shape.outline, pose.place)
            if distance <= NEARBY_M:
                found.append(_Near(zone, distance, above_m(zone.shape, pose.height)))
        return found

    # -- what may be ---------------------------------------------------------

    def may_keep(self, at: datetime) -> str | None:
        """Why a picture that came in at a time is not recorded; None: it may be, as far as privacy zones go."""
        return self._why_not(at, NOT_KEPT)

    def may_show(self, at: datetime) -> str | None:
        """Why nobody may see a picture that came in at a time; None: it may be seen, masked as it must be."""
        return self._why_not(at, NOT_SHOWN)

    def view(self, at: datetime) -> tuple[View, Errors] | None:
        """Where the camera looked at a picture that came in at a time, and how wrong that may be; None: not known."""
        with self._lock:
            return view_at([moment.pose for moment in self._moments], at)

    def since(self, at: datetime) -> tuple[Pose, ...]:
        """The poses from a time on, as far back as they are held."""
        with self._lock:
            return tuple(moment.pose for moment in self._moments if moment.pose.at >= at)

    def _why_not(self, at: datetime, rules: Collection[ZoneRule]) -> str | None:
        with self._lock:
            zones, told_at = self._zones, self._told_at
            if self._flight is None or zones is None or told_at is None:
                return ZONES_UNKNOWN
            if not abs(self._clock() - told_at) <= TOLD_WITHIN:
                return ZONES_UNKNOWN
            in_force = {zone.zone for zone in zones if zone.shape.rule in rules and not self._lifted(zone, at)}
            if not in_force:
                return None
            return self._inside(at, in_force)

    def _lifted(self, zone: KnownZone, at: datetime) -> bool:
        """Over all the time in which the picture may have been taken."""
        return all(zone.at(then, self._flight).override is not None for then in (at - PICTURE_DELAY, at))

    def _inside(self, at: datetime, in_force: Collection[str]) -> str | None:
        moments = [moment for moment in self._moments if moment.pose.at <= at + FRESH]
        first = bisect.bisect_right(moments, at - PICTURE_DELAY, key=lambda moment: moment.pose.at)
        of_it = moments[max(0, first - 1) :]
        if not of_it or at - of_it[-1].pose.at > FRESH or of_it[0].pose.at - (at - PICTURE_DELAY) > FRESH:
            return NO_POSE
        for moment, following in zip(of_it, [*of_it[1:], None], strict=True):
            until = following.pose.at if following else max(at, moment.pose.at)
            if until - moment.pose.at > FRESH:
                return NO_POSE
            seconds = (until - moment.pose.at).total_seconds() + LINK_DELAY_S
            pose = moment.pose
            reach = (pose.speed + ACCELERATION * seconds) * seconds
            rise = (abs(pose.velocity.up) + ACCELERATION * seconds) * seconds
            for near in moment.near:
                if near.zone.zone in in_force and near.distance <= reach and near.above <= rise:
                    return IN_A_ZONE
        return None
