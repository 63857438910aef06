"""How the copter moves: a point mass with limits, in metres north, east and up of its home."""

import random
from dataclasses import dataclass, field
from math import atan2, cos, degrees, exp, hypot, pi, radians, sin, sqrt

EARTH_RADIUS = 6_378_137.0
GRAVITY = 9.81


@dataclass(frozen=True, slots=True)
class Performance:
    """Limits of a small quadcopter; metres, seconds, degrees."""

    speed: float = 12.0
    acceleration: float = 3.0
    climb: float = 4.0
    descent: float = 2.5
    vertical_acceleration: float = 2.0
    touch_down: float = 0.6
    slow_below: float = 10.0
    """Height under which a landing goes at the touch-down speed."""
    turn_rate: float = 60.0
    endurance: float = 1_500.0
    """Seconds of hovering out of a full battery."""


@dataclass(slots=True)
class Wind:
    """A steady wind and gusts that come and go over some seconds (Ornstein-Uhlenbeck)."""

    north: float = 0.0
    east: float = 0.0
    gustiness: float = 0.0
    memory: float = 4.0
    _gust: list[float] = field(default_factory=lambda: [0.0, 0.0])
    _random: random.Random = field(default_factory=lambda: random.Random(1984))

    def blow(self, dt: float) -> tuple[float, float]:
        """The wind of this moment, metres a second towards north and east."""
        keep = exp(-dt / self.memory)
        spread = self.gustiness * sqrt(1 - keep * keep)
        self._gust = [gust * keep + self._random.gauss(0, spread) for gust in self._gust]
        return self.north + self._gust[0], self.east + self._gust[1]


def _towards(value: float, goal: float, step: float) -> float:
    return goal if abs(goal - value) <= step else value + (step if goal > value else -step)


@dataclass(slots=True)
class Body:
    """Where the copter is and how it moves."""

    performance: Performance = field(default_factory=Performance)
    wind: Wind = field(default_factory=Wind)
    north: float = 0.0
    east: float = 0.0
    up: float = 0.0
    v_north: float = 0.0
    v_east: float = 0.0
    v_up: float = 0.0
    heading: float = 0.0
    roll: float = 0.0
    pitch: float = 0.0
    airspeed: float = 0.0

    @property
    def ground_speed(self) -> float:
        """Metres a second."""
        return hypot(self.v_north, self.v_east)

    def fly(self, dt: float, goal: tuple[float, float] | None, v_up: float, speed: float | None = None) -> None:
        """One step towards a point (None: stop), at a climb rate."""
        limits = self.performance
        want_north = want_east = 0.0
        if goal is not None:
            away_north, away_east = goal[0] - self.north, goal[1] - self.east
            away = hypot(away_north, away_east)
            if away > 0.05:
                # As fast as it can still brake, and gently over the last metres.
                pace = min(speed or limits.speed, sqrt(limits.acceleration * away), away)
                want_north, want_east = pace * away_north / away, pace * away_east / away
                if away > 3.0:
                    self._turn(dt, degrees(atan2(away_east, away_north)))
        change_north, change_east = want_north - self.v_north, want_east - self.v_east
        change = hypot(change_north, change_east)
        most = limits.acceleration * dt
        share = 1.0 if change <= most else most / change
        a_north, a_east = change_north * share / dt, change_east * share / dt
        self.v_north += a_north * dt
        self.v_east += a_east * dt
        self.v_up = _towards(self.v_up, v_up, limits.vertical_acceleration * dt)
        wind_north, wind_east = self.wind.blow(dt)
        # The controller leaves a tenth of what the wind pushes.
        self.north += (self.v_north + 0.1 * wind_north) * dt
        self.east += (self.v_east + 0.1 * wind_east) * dt
        self.up = max(0.0, self.up + self.v_up * dt)
        self.airspeed = hypot(self.v_north - wind_north, self.v_east - wind_east)
        self._lean(dt, a_north + 0.12 * (self.v_north - wind_north), a_east + 0.12 * (self.v_east - wind_east))

    def rest(self) -> None:
        """Stand on the ground."""
        self.up = self.v_up = self.v_north = self.v_east = self.roll = self.pitch = self.airspeed = 0.0

    def _turn(self, dt: float, bearing: float) -> None:
        off = (bearing - self.heading + 180) % 360 - 180
        self.heading = (self.heading + _towards(0.0, off, self.performance.turn_rate * dt)) % 360

    def _lean(self, dt: float, a_north: float, a_east: float) -> None:
        yaw = radians(self.heading)
        forward, right = a_north * cos(yaw) + a_east * sin(yaw), a_east * cos(yaw) - a_north * sin(yaw)
        quick = 120.0 * dt
        self.pitch = _towards(self.pitch, degrees(atan2(-forward, GRAVITY)), quick)
        self.roll = _towards(self.roll, degrees(atan2(right, GRAVITY)), quick)


@dataclass(slots=True)
class Battery:
    """Six cells that empty while the motors run."""

    percent: float = 100.0
    endurance: float = 1_500.0
    charging: float = 0.0
    """Seconds from empty to full in the dock; 0: it is not charged there."""

    def charge(self, dt: float) -> None:
        """Stand in the dock for `dt` seconds."""
        if self.charging:
            self.percent = min(100.0, self.percent + 100.0 * dt / self.charging)

    def drain(self, dt: float, effort: float) -> None:
        """Use what flying for `dt` seconds takes; effort 1 is hovering."""
        self.percent = max(0.0, self.percent - 100.0 * dt * effort / self.endurance)

    @property
    def volts(self) -> float:
        """Volts of the pack."""
        return float(6 * (3.45 + 0.75 * (self.percent / 100) ** 0.8))


@dataclass(frozen=True, slots=True)
class Home:
    """The place of start: degrees WGS 84, metres AMSL."""

    latitude: float
    longitude: float
    altitude: float = 90.0

    def degrees_at(self, north: float, east: float) -> tuple[float, float]:
        """Latitude and longitude of a point beside home."""
        around = EARTH_RADIUS * cos(radians(self.latitude))
        return self.latitude + north / EARTH_RADIUS * 180 / pi, self.longitude + east / around * 180 / pi

    def metres_to(self, latitude: float, longitude: float) -> tuple[float, float]:
        """Metres north and east of home."""
        around = EARTH_RADIUS * cos(radians(self.latitude))
        return (latitude - self.latitude) * pi / 180 * EARTH_RADIUS, (longitude - self.longitude) * pi / 180 * around
