"""One vehicle: its state as folded out of its messages, and what was observed on the way.

Pure: no clock and no I/O. Every fold is given our time twice: `at`, monotonic seconds, for
time-outs, and `received`, microseconds UTC, for the record.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import asin, atan2, cos, degrees, hypot, isfinite, nan, radians, sqrt
from typing import Any

from adapters.mavlink.dialect import Fields, enum_name, mavlink
from adapters.mavlink.modes import ARDUPILOT, mode_name
from adapters.mavlink.observations import (
    Anomaly,
    Armed,
    ArrivedAt,
    FenceBreached,
    FenceCleared,
    Landed,
    LinkLost,
    LinkRestored,
    ModeChanged,
    Observation,
    Target,
    TookOff,
)
from adapters.mavlink.state import EKF_READY, Limits, VehicleState

PREARM_CHECK: int = mavlink.MAV_SYS_STATUS_PREARM_CHECK
AUTOPILOT_COMPONENT: int = mavlink.MAV_COMP_ID_AUTOPILOT1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ON_GROUND: int = mavlink.MAV_LANDED_STATE_ON_GROUND
_YAW_FRAMES: int = mavlink.GIMBAL_DEVICE_FLAGS_YAW_IN_VEHICLE_FRAME | mavlink.GIMBAL_DEVICE_FLAGS_YAW_IN_EARTH_FRAME
_ALOFT = (mavlink.MAV_LANDED_STATE_IN_AIR, mavlink.MAV_LANDED_STATE_TAKEOFF, mavlink.MAV_LANDED_STATE_LANDING)


@dataclass(slots=True)
class _Chunks:
    number: int = 0
    severity: int = 0
    parts: dict[int, str] = field(default_factory=dict)


class Vehicle:
    """Folds the messages of one system into `state`; the calls return what was observed."""

    def __init__(self, limits: Limits | None = None, state: VehicleState | None = None) -> None:
        self.limits = limits or Limits()
        self.state = state or VehicleState()
        self.texts: list[tuple[float, int, str]] = []
        """The last twenty texts of the autopilot: (our monotonic time, severity, text)."""
        self._seen: list[Observation] = []
        self._at = 0.0
        self._received = 0
        self._heartbeat_at: float | None = None
        self._high = self._clears = 0
        self._grounded_at: float | None = None
        self._flown = self._witnessed = False
        self._fix_was_good = self._ekf_was_ready = False
        self._ekf_bad = self._fix_bad = 0
        self._battery_reported: list[str] = []
        self._chunks = _Chunks()
        self._reported: dict[str, float] = {}

    def fold(self, number: int, fields: Fields, component: int, at: float, received: int) -> list[Observation]:
        """Take in one message of this system."""
        self._start(at, received)
        self._check_link()
        if component == AUTOPILOT_COMPONENT or number in FROM_ANY_COMPONENT:
            FOLDS[number](self, fields)
        return self._take()

    def tick(self, at: float, received: int) -> list[Observation]:
        """Let time pass without a message."""
        self._start(at, received)
        self._check_link()
        return self._take()

    def aim(self, target: Target | None) -> None:
        """Watch for the arrival at a point; the arrival at an earlier one is no longer of interest."""
        self.state.target = target

    # -- time --------------------------------------------------------------------------------------

    def _start(self, at: float, received: int) -> None:
        self._at, self._received = at, received

    def _take(self) -> list[Observation]:
        seen, self._seen = self._seen, []
        return seen

    def _check_link(self) -> None:
        beat, state = self._heartbeat_at, self.state
        if state.linked and beat is not None and self._at - beat > self.limits.link_timeout:
            state.linked = False
            self._see(LinkLost, last_heartbeat=_utc(state.last_heartbeat or 0))

    def _see(self, observation: Callable[..., Observation], /, **fields: Any) -> None:
        state = self.state
        self._seen.append(
            observation(
                device_time=_utc(state.device_time) if state.device_time is not None else None,
                received_time=_utc(self._received),
                latitude=state.latitude,
                longitude=state.longitude,
                altitude_amsl=state.altitude_amsl,
                altitude_above_home=state.altitude_above_home,
                **fields,
            )
        )

    def _device_clock(self, boot_ms: int) -> None:
        if self.state.boot_time is not None:
            self.state.device_time = self.state.boot_time + boot_ms * 1000

    # -- messages ----------------------------------------------------------------------------------

    def _heartbeat(self, fields: Fields) -> None:
        if fields["autopilot"] == mavlink.MAV_AUTOPILOT_INVALID:
            return
        state = self.state
        if not state.linked:
            state.linked = True
            if self._heartbeat_at is not None:
                self._see(LinkRestored, silence=self._at - self._heartbeat_at)
        self._heartbeat_at, state.last_heartbeat = self._at, self._received
        state.heartbeats += 1
        state.autopilot, state.kind = fields["autopilot"], fields["type"]
        state.system_status = fields["system_status"]
        mode = mode_name(state.autopilot, fields["custom_mode"])
        if mode != state.mode:
            previous, state.mode = state.mode, mode
            self._see(ModeChanged, previous=previous, mode=mode)
        armed = bool(fields["base_mode"] & mavlink.MAV_MODE_FLAG_SAFETY_ARMED)
        if armed != state.armed:
            state.armed = armed
            self._armed_or_disarmed()
        # ArduCopter tells 'on the ground' from 'flying' in the heartbeat's status.
        if state.autopilot == ARDUPILOT and state.landed_state is None and self._flown:
            self._standing(state.system_status == mavlink.MAV_STATE_STANDBY)

    def _armed_or_disarmed(self) -> None:
        state = self.state
        if state.armed:
            self._high = 0
            self._witnessed = state.heartbeats > 1
            self._see(Armed, witnessed=self._witnessed)
        elif self._flown:
            height = state.altitude_above_home
            if state.landed_state in _ALOFT and height is not None and height > 5 and state.velocity_down > 2:
                self._see(Anomaly, kind="disarmed_in_flight", text=f"Motors stopped at {height:.0f} m and falling.")
            self._landed(disarmed=True)

    def _position(self, fields: Fields) -> None:
        state = self.state
        self._device_clock(fields["time_boot_ms"])
        if fields["lat"] == 0 and fields["lon"] == 0:  # ArduPilot's way to say that it does not know
            return
        state.latitude, state.longitude = fields["lat"] / 1e7, fields["lon"] / 1e7
        state.altitude_amsl, state.altitude_above_home = fields["alt"] / 1e3, fields["relative_alt"] / 1e3
        state.velocity_north, state.velocity_east = fields["vx"] / 100, fields["vy"] / 100
        state.velocity_down = fields["vz"] / 100
        if fields["hdg"] != 0xFFFF:
            state.heading = fields["hdg"] / 100
        self._high = self._high + 1 if state.altitude_above_home >= self.limits.airborne_height else 0
        if self._high >= 2:
            self._took_off()
        self._check_arrival()

    def _took_off(self) -> None:
        if self.state.armed and not self._flown:
            self._flown = self.state.airborne = True
            self._grounded_at = None
            self._see(TookOff, witnessed=self._witnessed)

    def _standing(self, on_ground: bool) -> None:
        """A reading of 'on the ground'; when it lasts, it ends a flight (a bounce does not)."""
        if not on_ground:
            self._grounded_at = None
        elif self._grounded_at is None:
            self._grounded_at = self._at
        elif self._at - self._grounded_at >= self.limits.standing:
            self._landed(disarmed=False)

    def _landed(self, *, disarmed: bool) -> None:
        if self._flown:
            self._flown = self.state.airborne = False
            self._high = 0
            self.state.target = None
            self._see(Landed, disarmed=disarmed)

    def _check_arrival(self) -> None:
        state, target = self.state, self.state.target
        if target is None or not state.airborne or state.latitude is None or state.longitude is None:
            return
        away = distance(state.latitude, state.longitude, target.latitude, target.longitude)
        if away <= self.limits.arrival_radius and state.ground_speed < self.limits.arrival_speed:
            state.target = None
            self._see(ArrivedAt, target=target)

    def _landed_state(self, fields: Fields) -> None:
        self.state.landed_state = fields["landed_state"]
        if self.state.landed_state == mavlink.MAV_LANDED_STATE_IN_AIR:
            self._took_off()
        self._standing(self.state.landed_state == _ON_GROUND)

    def _sys_status(self, fields: Fields) -> None:
        state = self.state
        if fields["onboard_control_sensors_present"] & PREARM_CHECK:
            enabled = fields["onboard_control_sensors_enabled"] & PREARM_CHECK
            healthy = fields["onboard_control_sensors_health"] & PREARM_CHECK
            state.prearm_ok = bool(healthy) or not enabled
            if state.prearm_ok:
                state.prearm_text = None
        if fields["voltage_battery"] != 0xFFFF:
            state.battery_volts = fields["voltage_battery"] / 1000
        self._battery_level(fields["battery_remaining"])

    def _battery(self, fields: Fields) -> None:
        if fields["id"] == 0:
            cells = [cell for cell in fields["voltages"] if cell != 0xFFFF]
            if cells:
                self.state.battery_volts = sum(cells) / 1000
            self._battery_level(fields["battery_remaining"])

    def _battery_level(self, percent: int) -> None:
        if percent < 0:
            return
        self.state.battery_percent = float(percent)
        levels = {"battery_low": self.limits.battery_low, "battery_critical": self.limits.battery_critical}
        for kind, level in levels.items():
            if percent <= level and kind not in self._battery_reported:
                self._battery_reported.append(kind)
                self._see(Anomaly, kind=kind, text=f"Battery at {percent} %.")
            elif percent >= level + 5 and kind in self._battery_reported:
                self._battery_reported.remove(kind)

    def _ekf(self, fields: Fields) -> None:
        flags = self.state.ekf_flags = fields["flags"]
        ready = flags & EKF_READY == EKF_READY
        self._ekf_bad = 0 if ready else self._ekf_bad + 1
        if ready:
            self._ekf_was_ready = True
        elif self._ekf_was_ready and self._ekf_bad >= 2 and self.state.armed:
            self._ekf_was_ready = False
            self._see(Anomaly, kind="ekf", text=f"Position estimate lost (EKF flags 0x{flags:X}).")

    def _estimator(self, fields: Fields) -> None:
        # PX4's flags are ArduPilot's up to the predicted positions.
        self._ekf(fields)

    def _gps(self, fields: Fields) -> None:
        state = self.state
        state.gps_fix, state.satellites = fields["fix_type"], fields["satellites_visible"]
        good = state.gps_fix >= mavlink.GPS_FIX_TYPE_3D_FIX
        self._fix_bad = 0 if good else self._fix_bad + 1
        if good:
            self._fix_was_good = True
        elif self._fix_was_good and self._fix_bad >= 2 and state.armed:
            self._fix_was_good = False
            self._see(Anomaly, kind="gps_lost", text="The GPS lost its 3D fix.")

    def _attitude(self, fields: Fields) -> None:
        self._device_clock(fields["time_boot_ms"])
        self.state.roll, self.state.pitch = degrees(fields["roll"]), degrees(fields["pitch"])
        self.state.attitude_received = self._received

    def _system_time(self, fields: Fields) -> None:
        if fields["time_unix_usec"]:
            self.state.boot_time = fields["time_unix_usec"] - fields["time_boot_ms"] * 1000
            self.state.device_time = fields["time_unix_usec"]
            self.state.clock_difference = (fields["time_unix_usec"] - self._received) / 1e6

    def _home(self, fields: Fields) -> None:
        self.state.home = (fields["latitude"] / 1e7, fields["longitude"] / 1e7, fields["altitude"] / 1e3)

    def _terrain(self, fields: Fields) -> None:
        # A spacing of 0: the autopilot has no terrain data of this place (MAVLink TERRAIN_REPORT, 136).
        self._above_ground("TERRAIN_REPORT", fields["current_height"] if fields["spacing"] else None)

    def _altitude(self, fields: Fields) -> None:
        # Below -1000: unknown (MAVLink ALTITUDE, 141). PX4 says NaN.
        height = fields["altitude_terrain"]
        self._above_ground("ALTITUDE", height if height >= -1000 else None)

    def _above_ground(self, source: str, height: float | None) -> None:
        state = self.state
        if height is not None and isfinite(height):
            state.height_above_terrain, state.terrain_source, state.terrain_received = height, source, self._received
        elif state.terrain_source == source:
            state.height_above_terrain = state.terrain_source = state.terrain_received = None

    def _fence(self, fields: Fields) -> None:
        if fields["breach_status"]:
            self._clears = 0
            if not self.state.fence_breached:
                self.state.fence_breached = True
                self._see(FenceBreached, breach=enum_name("FENCE_BREACH", fields["breach_type"]))
        else:
            self._clears += 1
            # Two readings: on the line itself a fence breaches and clears many times a second.
            if self.state.fence_breached and self._clears >= 2:
                self.state.fence_breached = False
                self._see(FenceCleared)

    def _mount(self, fields: Fields) -> None:
        # Its angles are against whatever the mount's mode says, which it does not (MAVLink MOUNT_STATUS, 158).
        if self.state.gimbal_received is None:
            self.state.gimbal_pitch = fields["pointing_a"] / 100
            self.state.gimbal_yaw = fields["pointing_c"] / 100

    def _mount_orientation(self, fields: Fields) -> None:
        # Roll and pitch in the global frame, yaw against the vehicle (MAVLink MOUNT_ORIENTATION, 265).
        self._gimbal_at(fields["yaw"], fields["pitch"], fields["roll"], "horizon")

    def _gimbal(self, fields: Fields) -> None:
        yaw, pitch, roll = angles_of(fields["q"])
        flags = fields["flags"]
        earth = flags & mavlink.GIMBAL_DEVICE_FLAGS_YAW_IN_EARTH_FRAME
        if not flags & _YAW_FRAMES:  # of a gimbal that knows neither flag, the lock says it
            earth = flags & mavlink.GIMBAL_DEVICE_FLAGS_YAW_LOCK
        self._gimbal_at(yaw, pitch, roll, "earth" if earth else "horizon")

    def _gimbal_at(self, yaw: float, pitch: float, roll: float, frame: str) -> None:
        state = self.state
        if all(map(isfinite, (yaw, pitch, roll))):
            state.gimbal_yaw, state.gimbal_pitch, state.gimbal_roll = round(yaw, 2), round(pitch, 2), round(roll, 2)
            state.gimbal_frame, state.gimbal_received = frame, self._received

    def _camera_view(self, fields: Fields) -> None:
        across, upright = fields["hfov"], fields["vfov"]
        if all(map(isfinite, (across, upright))) and across > 0 and upright > 0:
            self.state.camera_horizontal, self.state.camera_vertical = across, upright
            self.state.camera_received = self._received

    def _remote_id(self, fields: Fields) -> None:
        if fields["id_type"]:
            text = bytes(fields["uas_id"]).split(b"\0")[0].decode("ascii", "replace")
            self.state.remote_id = text or self.state.remote_id

    def _statustext(self, fields: Fields) -> None:
        if not fields["id"]:
            self._text(fields["severity"], fields["text"])
            return
        if fields["id"] != self._chunks.number:
            self._chunks = _Chunks(fields["id"], fields["severity"])
        parts = self._chunks.parts
        parts[fields["chunk_seq"]] = fields["text"]
        if len(fields["text"]) < 50 and sorted(parts) == list(range(len(parts))):
            self._text(self._chunks.severity, "".join(parts[part] for part in sorted(parts)))
            self._chunks = _Chunks()

    def _text(self, severity: int, text: str) -> None:
        self.texts = [*self.texts[-19:], (self._at, severity, text)]
        if text.startswith(("PreArm:", "Arm:")):
            self.state.prearm_text = text
        elif severity <= mavlink.MAV_SEVERITY_ERROR:
            self._reported = {old: at for old, at in self._reported.items() if self._at - at < 60}
            recent = self._reported.get(text)
            repeated = recent is not None and self._at - recent < self.limits.repeat_text_after
            if not repeated and len(self._reported) < self.limits.texts_per_minute:
                self._reported[text] = self._at
                self._see(Anomaly, kind="crash" if text.startswith("Crash") else "autopilot", text=text)


def distance(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Metres over ground between two near points (equirectangular: 0.1 % off at city scale)."""
    north = radians(other_latitude - latitude) * 6_371_000
    east = radians(other_longitude - longitude) * cos(radians(latitude)) * 6_371_000
    return hypot(north, east)


def angles_of(q: Sequence[float]) -> tuple[float, float, float]:
    """Yaw, pitch and roll of a rotation, degrees, in this order about axes that turn with it; not numbers where `q`
    is none. Straight up or down only the difference of yaw and roll is told: it is given as yaw."""
    w, x, y, z = q
    length = sqrt(w * w + x * x + y * y + z * z)
    if not isfinite(length) or length < 0.5:
        return nan, nan, nan
    w, x, y, z = w / length, x / length, y / length, z / length
    sine = max(-1.0, min(1.0, 2 * (w * y - z * x)))
    if abs(sine) > 0.99999:
        return degrees(-2 * atan2(x, w)) if sine > 0 else degrees(2 * atan2(x, w)), degrees(asin(sine)), 0.0
    yaw = atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    roll = atan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y))
    return degrees(yaw), degrees(asin(sine)), degrees(roll)


def _utc(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


FOLDS: dict[int, Callable[[Vehicle, Fields], None]] = {
    mavlink.MAVLINK_MSG_ID_HEARTBEAT: Vehicle._heartbeat,
    mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT: Vehicle._position,
    mavlink.MAVLINK_MSG_ID_EXTENDED_SYS_STATE: Vehicle._landed_state,
    mavlink.MAVLINK_MSG_ID_SYS_STATUS: Vehicle._sys_status,
    mavlink.MAVLINK_MSG_ID_BATTERY_STATUS: Vehicle._battery,
    mavlink.MAVLINK_MSG_ID_EKF_STATUS_REPORT: Vehicle._ekf,
    mavlink.MAVLINK_MSG_ID_ESTIMATOR_STATUS: Vehicle._estimator,
    mavlink.MAVLINK_MSG_ID_GPS_RAW_INT: Vehicle._gps,
    mavlink.MAVLINK_MSG_ID_ATTITUDE: Vehicle._attitude,
    mavlink.MAVLINK_MSG_ID_SYSTEM_TIME: Vehicle._system_time,
    mavlink.MAVLINK_MSG_ID_HOME_POSITION: Vehicle._home,
    mavlink.MAVLINK_MSG_ID_TERRAIN_REPORT: Vehicle._terrain,
    mavlink.MAVLINK_MSG_ID_ALTITUDE: Vehicle._altitude,
    mavlink.MAVLINK_MSG_ID_FENCE_STATUS: Vehicle._fence,
    mavlink.MAVLINK_MSG_ID_MOUNT_STATUS: Vehicle._mount,
    mavlink.MAVLINK_MSG_ID_MOUNT_ORIENTATION: Vehicle._mount_orientation,
    mavlink.MAVLINK_MSG_ID_CAMERA_FOV_STATUS: Vehicle._camera_view,
    mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS: Vehicle._gimbal,
    mavlink.MAVLINK_MSG_ID_OPEN_DRONE_ID_BASIC_ID: Vehicle._remote_id,
    mavlink.MAVLINK_MSG_ID_STATUSTEXT: Vehicle._statustext,
}
"""The messages that change a vehicle's state; all others pass by undecoded."""

FROM_ANY_COMPONENT = {
    mavlink.MAVLINK_MSG_ID_MOUNT_STATUS,
    mavlink.MAVLINK_MSG_ID_MOUNT_ORIENTATION,
    mavlink.MAVLINK_MSG_ID_CAMERA_FOV_STATUS,
    mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS,
    mavlink.MAVLINK_MSG_ID_OPEN_DRONE_ID_BASIC_ID,
}
"""What a gimbal, a camera or a Remote ID module may say; everything else only the autopilot."""
