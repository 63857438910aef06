"""What a vehicle was seen to do. Each observation is reported once, when it becomes true."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Target:
    """A point over ground that the vehicle was sent to, in degrees WGS 84."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The two clocks of an observation, and where the vehicle was.

    `device_time` is the autopilot's own UTC, None while it has none; `received_time` is ours.
    """

    device_time: datetime | None
    received_time: datetime
    latitude: float | None = None
    longitude: float | None = None
    altitude_amsl: float | None = None
    """Metres above mean sea level."""
    altitude_above_home: float | None = None
    """Metres above the place of arming."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Armed(Seen):
    """The motors were armed. Not `witnessed`: they already were when the vehicle was first heard."""

    witnessed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TookOff(Seen):
    """Armed and off the ground. Not `witnessed`: the flight began before the vehicle was first heard."""

    witnessed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivedAt(Seen):
    """Within the arrival radius of its target and slow."""

    target: Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed(Seen):
    """On the ground, or disarmed, after a flight."""

    disarmed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkLost(Seen):
    """No heartbeat for the time-out. `last_heartbeat` is our time of the last one."""

    last_heartbeat: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRestored(Seen):
    """A heartbeat after the link was lost, and how long the silence was in seconds."""

    silence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeChanged(Seen):
    """The autopilot changed its flight mode, told to or by itself."""

    previous: str | None
    mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FenceBreached(Seen):
    """Outside the autopilot's own fence. `breach` is MAVLink's FENCE_BREACH in words."""

    breach: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FenceCleared(Seen):
    """Inside the fence again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly(Seen):
    """Something the record must hold.

    `kind` is one of autopilot, crash, ekf, gps_lost, battery_low, battery_critical,
    disarmed_in_flight; `text` is for people (the autopilot's own words where it gave some).
    """

    kind: str
    text: str


Observation = (
    Armed
    | TookOff
    | ArrivedAt
    | Landed
    | LinkLost
    | LinkRestored
    | ModeChanged
    | FenceBreached
    | FenceCleared
    | Anomaly
)
