"""What is known of a vehicle now, and the thresholds that turn it into observations."""

from dataclasses import dataclass
from enum import Enum
from math import hypot

from adapters.mavlink.modes import ARDUPILOT
from adapters.mavlink.observations import Target

EKF_READY = 0x33F
"""Attitude, velocity, absolute and predicted position: what ArduCopter needs to arm in GUIDED."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Thresholds of the observations."""

    link_timeout: float = 3.0
    """Seconds without a heartbeat."""
    arrival_radius: float = 15.0
    """Metres over ground."""
    arrival_speed: float = 2.0
    """Metres a second."""
    airborne_height: float = 2.0
    """Metres above the place of arming, in two positions running."""
    standing: float = 1.5
    """Seconds on the ground that end a flight before the motors stop."""
    battery_low: float = 25.0
    battery_critical: float = 15.0
    """Percent; a level is reported again only after it was 5 percent higher."""
    repeat_text_after: float = 10.0
    """Seconds in which the same text of the autopilot is not reported again."""
    texts_per_minute: int = 20
    """Above this, further texts of that minute are not reported (they are in the log)."""


class Authentication(Enum):
    """What the link proves about who is speaking."""

    AUTHENTICATED = "authenticated"
    UNAUTHENTICATED = "unauthenticated"
    REFUSED = "refused"


@dataclass(slots=True)
class VehicleState:
    """What is known now. None: not heard yet. Angles in degrees, speeds in metres a second."""

    authentication: Authentication = Authentication.UNAUTHENTICATED
    linked: bool = False
    heartbeats: int = 0
    last_heartbeat: int | None = None
    """Microseconds UTC, ours."""
    autopilot: int | None = None
    """MAV_AUTOPILOT."""
    kind: int | None = None
    """MAV_TYPE."""
    armed: bool = False
    mode: str | None = None
    system_status: int = 0
    latitude: float | None = None
    longitude: float | None = None
    altitude_amsl: float | None = None
    altitude_above_home: float | None = None
    height_above_terrain: float | None = None
    """Metres above the ground, by the autopilot's own word; None: it does not know, or has not said."""
    terrain_source: str | None = None
    """The MAVLink message that said so: TERRAIN_REPORT or ALTITUDE."""
    terrain_received: int | None = None
    """Microseconds UTC, ours, of that message."""
    velocity_north: float = 0.0
    velocity_east: float = 0.0
    velocity_down: float = 0.0
    heading: float | None = None
    roll: float | None = None
    pitch: float | None = None
    attitude_received: int | None = None
    """Microseconds UTC, ours, of roll and pitch."""
    battery_percent: float | None = None
    battery_volts: float | None = None
    gps_fix: int | None = None
    satellites: int | None = None
    ekf_flags: int | None = None
    prearm_ok: bool | None = None
    prearm_text: str | None = None
    landed_state: int | None = None
    airborne: bool = False
    fence_breached: bool = False
    gimbal_pitch: float | None = None
    """Against the horizon."""
    gimbal_yaw: float | None = None
    gimbal_roll: float | None = None
    """Against the horizon; None: the message that is heard does not say against what it measures."""
    gimbal_frame: str | None = None
    """Against what its yaw is measured: `horizon`, the vehicle's heading, or `earth`, true north."""
    gimbal_received: int | None = None
    """Microseconds UTC, ours."""
    camera_horizontal: float | None = None
    camera_vertical: float | None = None
    """The camera's whole angles of view, which a zoom changes."""
    camera_received: int | None = None
    """Microseconds UTC, ours."""
    home: tuple[float, float, float] | None = None
    """Degrees, degrees, metres AMSL."""
    boot_time: int | None = None
    """Microseconds UTC at which the autopilot, by its own clock, started."""
    device_time: int | None = None
    """Microseconds UTC by the autopilot's clock, of its last timed message."""
    clock_difference: float | None = None
    """Seconds that the autopilot's clock is ahead of ours."""
    remote_id: str | None = None
    target: Target | None = None

    @property
    def ground_speed(self) -> float:
        """Metres a second over ground."""
        return hypot(self.velocity_north, self.velocity_east)

    @property
    def ready_to_arm(self) -> bool:
        """Linked, position known, and both the autopilot's checks and its EKF agree.

        The pre-arm bit alone may be healthy before there is a position. An autopilot that reports no EKF is
        taken at its position's word.
        """
        if not self.linked or self.latitude is None or self.prearm_ok is False:
            return False
        if self.ekf_flags is None:
            return self.autopilot != ARDUPILOT
        return self.ekf_flags & EKF_READY == EKF_READY
