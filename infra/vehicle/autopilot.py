"""What the copter does when it is told to: modes, arming, navigation, failsafes, as ArduCopter does them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from math import hypot

from infra.vehicle.physics import Battery, Body, Home


class Mode(IntEnum):
    """ArduCopter's numbers."""

    STABILIZE = 0
    ALT_HOLD = 2
    GUIDED = 4
    LOITER = 5
    RTL = 6
    LAND = 9
    BRAKE = 17


class Result(IntEnum):
    """MAV_RESULT."""

    ACCEPTED = 0
    TEMPORARILY_REJECTED = 1
    DENIED = 2
    UNSUPPORTED = 3
    FAILED = 4


NEEDS_POSITION = {Mode.GUIDED, Mode.LOITER, Mode.RTL, Mode.BRAKE}
ARMABLE = {Mode.STABILIZE, Mode.ALT_HOLD, Mode.GUIDED, Mode.LOITER}
CRITICAL, WARNING, NOTICE, INFO = 2, 4, 5, 6


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a user would set; metres, seconds, percent."""

    ready_after: float = 6.0
    """Seconds from power-up to a position."""
    rtl_altitude: float = 30.0
    rtl_loiter: float = 2.0
    disarm_delay: float = 10.0
    fence_radius: float = 0.0
    """0: no fence."""
    fence_ceiling: float = 120.0
    battery_low: float = 20.0
    battery_critical: float = 10.0
    ground_timeout: float = 5.0
    """Seconds of our clock without a ground station until it comes home; 0: never."""


@dataclass(slots=True)
class Copter:
    """The autopilot. `say` takes its texts with their MAV_SEVERITY. Advance it with `step`."""

    home: Home
    say: Callable[[int, str], None]
    parameters: Parameters = field(default_factory=Parameters)
    body: Body = field(default_factory=Body)
    battery: Battery = field(default_factory=Battery)
    mode: Mode = Mode.STABILIZE
    armed: bool = False
    landed: bool = True
    time: float = 0.0
    """Seconds since power-up, simulated."""
    gimbal_pitch: float = 0.0
    gimbal_yaw: float = 0.0
    gimbal_goal: tuple[float, float] = (0.0, 0.0)
    gimbal_turns: bool = True
    breached: bool = False
    breaches: int = 0
    breach_time: float = 0.0
    fence_enabled: bool = True
    areas: list[Callable[[float, float], bool]] = field(default_factory=list)
    """Uploaded areas to stay in: each says whether a point in metres of home is inside."""
    failsafe: bool = False
    _goal: tuple[float, float] | None = None
    _height: float = 0.0
    _settled: float = 0.0
    _phase: str = ""
    _low: int = 0
    _heard: bool = True

    # -- what it knows -------------------------------------------------------------------------------

    @property
    def has_position(self) -> bool:
        """Whether the estimator gives a position."""
        return self.time >= self.parameters.ready_after

    @property
    def checks_passed(self) -> bool:
        """The pre-arm bit: healthy a little before there is a position, as on the real thing."""
        return self.time >= 0.7 * self.parameters.ready_after and self.battery.percent > self.parameters.battery_low

    @property
    def ekf_flags(self) -> int:
        """EKF_STATUS_FLAGS."""
        if self.time < 0.3 * self.parameters.ready_after:
            return 0x400
        return 0x33F if self.has_position else 0xA7

    # -- what it is told -----------------------------------------------------------------------------

    def set_mode(self, number: int) -> Result:
        """Change the mode as ordered."""
        if number not in set(Mode):
            return Result.DENIED
        mode = Mode(number)
        if mode == self.mode:
            return Result.ACCEPTED
        if mode in NEEDS_POSITION and not self.has_position:
            self.say(WARNING, f"Mode change to {mode.name} failed: requires position")
            return Result.FAILED
        self._enter(mode)
        return Result.ACCEPTED

    def arm(self, *, force: bool = False) -> Result:
        """Start the motors."""
        if self.armed:
            return Result.ACCEPTED
        if not force:
            reason = None
            if self.mode not in ARMABLE:
                reason = f"{self.mode.name} mode not armable"
            elif not self.has_position:
                reason = "Need Position Estimate"
            elif not self.checks_passed:
                reason = f"Battery 1 below minimum arming capacity ({self.battery.percent:.0f}%)"
            if reason:
                self.say(CRITICAL, f"Arm: {reason}")
                return Result.FAILED
        self.armed, self._settled, self._phase = True, 0.0, ""
        self.say(INFO, "Arming motors")
        return Result.ACCEPTED

    def disarm(self, *, force: bool = False) -> Result:
        """Stop the motors, on the ground unless forced."""
        if self.armed and not self.landed and not force:
            return Result.FAILED
        if self.armed:
            self.armed = self.failsafe = False
            self.say(INFO, "Disarming motors")
        return Result.ACCEPTED

    def take_off(self, height: float) -> Result:
        """Climb to a height above home."""
        if self.mode != Mode.GUIDED or not self.armed or not self.landed or height <= 0:
            return Result.FAILED
        self._goal, self._height, self._phase = (self.body.north, self.body.east), height, "takeoff"
        self.landed = False
        return Result.ACCEPTED

    def go_to(self, north: float, east: float, height: float, *, change_mode: bool) -> Result:
        """Fly to a point in metres of home."""
        if self.mode != Mode.GUIDED and not change_mode:
            return Result.DENIED
        if not self.has_position or self._outside(north, east, height):
            return Result.FAILED
        if self.mode != Mode.GUIDED:
            self._enter(Mode.GUIDED)
        if self.landed:
            return Result.FAILED
        self._goal, self._height, self._phase = (north, east), height, "goto"
        return Result.ACCEPTED

    def enable_fence(self, *, on: bool) -> Result:
        """Switch the fence."""
        self.fence_enabled = on
        return Result.ACCEPTED

    def ground_heard(self, *, heard: bool) -> None:
        """Whether a ground station spoke lately; loss of it brings the copter home."""
        if not heard and self._heard and self.armed and self.mode in (Mode.GUIDED, Mode.BRAKE):
            self.say(WARNING, "GCS Failsafe")
            self._fail_safe(Mode.RTL)
        self._heard = heard

    # -- what happens --------------------------------------------------------------------------------

    def step(self, dt: float) -> None:
        """Let `dt` seconds pass."""
        self.time += dt
        for axis, goal in zip(("gimbal_pitch", "gimbal_yaw"), self.gimbal_goal, strict=True):
            now, most = getattr(self, axis), 40.0 * dt * self.gimbal_turns
            setattr(self, axis, now + max(-most, min(most, goal - now)))
        if not self.armed:
            if self.body.up > 0:  # motors off in the air
                self.body.fly(dt, None, -12.0)
            if self.body.up <= 0:
                self.body.rest()
                self.landed = True
                self.battery.charge(dt)
            return
        self.battery.drain(dt, 0.15 if self.landed else 1.0 + 0.004 * self.body.airspeed**2)
        if self.landed:
            self._stand(dt)
        else:
            self._navigate(dt)
            self._watch()

    def _enter(self, mode: Mode) -> None:
        self.mode, self._phase, self._settled = mode, "", 0.0
        here = (self.body.north, self.body.east)
        self._height = self.body.up
        if mode == Mode.RTL:
            self._phase = "climb"
            self._height = max(self.body.up, self.parameters.rtl_altitude)
            if hypot(*here) < 5:  # over home already: no climb in a cone around it
                self._height = max(self.body.up, 2.0)
        # Stop first; the point to hold is the one where it has come to rest.
        self._goal = None

    def _stand(self, dt: float) -> None:
        self.body.rest()
        self._settled += dt
        delay = 1.0 if self.mode in (Mode.RTL, Mode.LAND) else self.parameters.disarm_delay
        if self._settled >= delay:
            self.disarm()

    def _navigate(self, dt: float) -> None:
        limits, body = self.body.performance, self.body
        if self._goal is None and body.ground_speed < 0.3:
            self._goal = (body.north, body.east)
        if self.mode == Mode.LAND or self._phase == "land":
            slow = body.up < limits.slow_below
            body.fly(dt, self._goal, -(limits.touch_down if slow else limits.descent))
            if body.up <= 0:
                self.say(INFO, f"SIM Hit ground at {abs(body.v_up):.2f} m/s")
                self.landed, self._settled = True, 0.0
                body.rest()
            return
        if self.mode == Mode.RTL:
            self._come_home(dt)
        off = self._height - body.up
        body.fly(dt, self._goal, max(-limits.descent, min(limits.climb, off)))

    def _come_home(self, dt: float) -> None:
        body = self.body
        if self._phase == "climb" and body.up >= self._height - 0.5:
            self._phase, self._goal = "return", (0.0, 0.0)
        elif self._phase == "return" and hypot(body.north, body.east) < 1.5 and body.ground_speed < 1.0:
            self._settled += dt
            if self._settled >= self.parameters.rtl_loiter:
                self._phase = "land"

    # -- failsafes -----------------------------------------------------------------------------------

    @property
    def has_fence(self) -> bool:
        """Whether there is a fence, switched on or not."""
        return bool(self.parameters.fence_radius or self.areas)

    def _outside(self, north: float, east: float, height: float) -> bool:
        limits = self.parameters
        if not self.has_fence or not self.fence_enabled:
            return False
        circle = bool(limits.fence_radius) and hypot(north, east) > limits.fence_radius
        return circle or height > limits.fence_ceiling or not all(area(north, east) for area in self.areas)

    def _watch(self) -> None:
        body, limits = self.body, self.parameters
        outside = self._outside(body.north, body.east, body.up)
        if outside and not self.breached:
            self.breaches, self.breach_time = self.breaches + 1, self.time
            self.say(CRITICAL, "Fence Breached")
            self._fail_safe(Mode.RTL)
        self.breached = outside
        if self.battery.percent <= limits.battery_critical and self._low < 2:
            self._low = 2
            self.say(WARNING, f"Battery 1 is critical {self.battery.volts:.2f}V")
            self._fail_safe(Mode.LAND)
        elif self.battery.percent <= limits.battery_low and self._low < 1:
            self._low = 1
            self.say(WARNING, f"Battery 1 is low {self.battery.volts:.2f}V")
            self._fail_safe(Mode.RTL)

    def _fail_safe(self, mode: Mode) -> None:
        self.failsafe = True
        if self.mode not in (Mode.LAND, mode):
            self._enter(mode)
