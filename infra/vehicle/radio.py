"""The copter's side of the link: what it sends how often, and what it makes of what it hears."""

from collections.abc import Callable
from math import cos, radians, sin
from time import monotonic, time
from typing import Any

from pymavlink import mavutil
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from infra.vehicle.autopilot import Copter, Mode, Result
from infra.vehicle.fence import FenceUpload
from infra.vehicle.optics import LENS_HORIZONTAL_DEG, LENS_VERTICAL_DEG

_EPOCH_2015 = 1_420_070_400
_RELATIVE_FRAMES = (mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT, mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT_INT)
_IGNORES_POSITION = 0b111
_REMOTE_ID_COMPONENT = mavlink.MAV_COMP_ID_ODID_TXRX_1
_SENSORS = 0x0021FC2F
_PREARM_CHECK = mavlink.MAV_SYS_STATUS_PREARM_CHECK
_OF_THE_GIMBAL = (mavlink.MAVLINK_MSG_ID_MOUNT_STATUS, mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS)


class Radio:
    """Speaks for one copter on one connection (an address as pymavlink writes it)."""

    def __init__(
        self,
        connect: str,
        system: int,
        *,
        key: bytes | None = None,
        gimbal: bool = True,
        silent_orders: bool = False,
        remote_id: str | None = None,
    ) -> None:
        self.copter: Copter
        self._line = mavutil.mavlink_connection(connect, source_system=system, source_component=1)
        self._mav = self._line.mav
        self._system = system
        self._gimbal = gimbal
        self._silent_orders = silent_orders
        self._remote_id = remote_id
        self._silent = False
        self._started = time()
        self._ground_at: float | None = None
        self._intervals: dict[int, float] = {mavlink.MAVLINK_MSG_ID_HEARTBEAT: 1.0}
        self._due: dict[int, float] = {}
        self._fence_upload = FenceUpload()
        if remote_id:
            self._intervals[mavlink.MAVLINK_MSG_ID_OPEN_DRONE_ID_BASIC_ID] = 1.0
        if key:
            self._sign_with(key)

    def go_silent(self) -> None:
        """Lose the link, or find it again: nothing is sent or heard in between."""
        self._silent = not self._silent

    def say(self, severity: int, text: str) -> None:
        """Send a text."""
        self._send(mavlink.MAVLink_statustext_message(severity, text.encode()[:50]))

    # -- out -------------------------------------------------------------------------------------------

    def transmit(self) -> None:
        """Send what is due by the copter's own clock."""
        now = self.copter.time
        for number, interval in self._intervals.items():
            if now >= self._due.get(number, 0.0):
                self._due[number] = max(self._due.get(number, now) + interval, now)
                self.send_message(number)

    def send_message(self, number: int) -> bool:
        """Send one message of a number now; False when the copter has none such."""
        build = _BUILDERS.get(number)
        if build is None or (number in _OF_THE_GIMBAL and not self._gimbal):
            return False
        message = build(self)
        if message is not None:
            remote_id = number == mavlink.MAVLINK_MSG_ID_OPEN_DRONE_ID_BASIC_ID
            self._send(message, _REMOTE_ID_COMPONENT if remote_id else 1)
        return True

    def _send(self, message: Any, component: int = 1) -> None:
        if self._silent:
            return
        signing = self._mav.signing
        signing.timestamp = max(signing.timestamp, int((time() - _EPOCH_2015) * 1e5))
        self._mav.srcComponent = component
        self._mav.send(message)

    def _sign_with(self, key: bytes) -> None:
        stamp = int((time() - _EPOCH_2015) * 1e5)
        self._line.setup_signing(key, sign_outgoing=True, initial_timestamp=stamp, link_id=0)

    @property
    def _boot_ms(self) -> int:
        return int(self.copter.time * 1000)

    def _heartbeat(self) -> Any:
        copter = self.copter
        base = 64 | 16 | 1 | (8 if copter.mode == Mode.GUIDED else 0) | (128 if copter.armed else 0)
        if copter.time < 1:
            status = mavlink.MAV_STATE_BOOT
        elif copter.failsafe and not copter.landed:
            status = mavlink.MAV_STATE_CRITICAL
        else:
            status = mavlink.MAV_STATE_STANDBY if copter.landed else mavlink.MAV_STATE_ACTIVE
        return mavlink.MAVLink_heartbeat_message(
            mavlink.MAV_TYPE_QUADROTOR, mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA, base, copter.mode, status, 3
        )

    def _position(self) -> Any:
        copter, body = self.copter, self.copter.body
        if not copter.has_position:
            return mavlink.MAVLink_global_position_int_message(self._boot_ms, 0, 0, 0, 0, 0, 0, 0, 0xFFFF)
        latitude, longitude = copter.home.degrees_at(body.north, body.east)
        velocity = [round(v * 100) for v in (body.v_north, body.v_east, -body.v_up)]
        return mavlink.MAVLink_global_position_int_message(
            self._boot_ms,
            round(latitude * 1e7),
            round(longitude * 1e7),
            round((copter.home.altitude + body.up) * 1000),
            round(body.up * 1000),
            *velocity,
            round(body.heading * 100) % 36_000,
        )

    def _attitude(self) -> Any:
        body = self.copter.body
        angles = [radians(angle) for angle in (body.roll, body.pitch, (body.heading + 180) % 360 - 180)]
        return mavlink.MAVLink_attitude_message(self._boot_ms, *angles, 0, 0, 0)

    def _hud(self) -> Any:
        copter, body = self.copter, self.copter.body
        throttle = 0 if copter.landed else 40
        altitude = copter.home.altitude + body.up
        return mavlink.MAVLink_vfr_hud_message(
            body.airspeed, body.ground_speed, int(body.heading), throttle, altitude, body.v_up
        )

    def _sys_status(self) -> Any:
        copter = self.copter
        present = _SENSORS | _PREARM_CHECK
        healthy = _SENSORS | (_PREARM_CHECK if copter.checks_passed else 0)
        amperes = 0.5 if not copter.armed else 3 if copter.landed else 18
        battery = (round(copter.battery.volts * 1000), round(amperes * 100), int(copter.battery.percent))
        return mavlink.MAVLink_sys_status_message(present, present, healthy, 250, *battery, 0, 0, 0, 0, 0, 0)

    def _battery_status(self) -> Any:
        battery = self.copter.battery
        cells = [round(battery.volts / 6 * 1000)] * 6 + [0xFFFF] * 4
        return mavlink.MAVLink_battery_status_message(0, 1, 1, 2500, cells, 1800, -1, -1, int(battery.percent))

    def _gps(self) -> Any:
        copter, body = self.copter, self.copter.body
        fixed = copter.time > 0.5 * copter.parameters.ready_after
        latitude, longitude = copter.home.degrees_at(body.north, body.east)
        return mavlink.MAVLink_gps_raw_int_message(
            int(copter.time * 1e6),
            6 if fixed else 1,
            round(latitude * 1e7) if fixed else 0,
            round(longitude * 1e7) if fixed else 0,
            round((copter.home.altitude + body.up) * 1000),
            80,
            120,
            round(body.ground_speed * 100),
            0xFFFF,
            14 if fixed else 0,
        )

    def _ekf(self) -> Any:
        return mavlink.MAVLink_ekf_status_report_message(self.copter.ekf_flags, 0.03, 0.02, 0.01, 0.02, 0.0)

    def _system_time(self) -> Any:
        return mavlink.MAVLink_system_time_message(int((self._started + self.copter.time) * 1e6), self._boot_ms)

    def _landed(self) -> Any:
        copter = self.copter
        state = mavlink.MAV_LANDED_STATE_IN_AIR
        if copter.landed:
            state = mavlink.MAV_LANDED_STATE_ON_GROUND
        elif copter.body.up < 0.3:
            state = mavlink.MAV_LANDED_STATE_TAKEOFF
        elif copter.mode == Mode.LAND:
            state = mavlink.MAV_LANDED_STATE_LANDING
        return mavlink.MAVLink_extended_sys_state_message(0, state)

    def _home(self) -> Any:
        copter = self.copter
        if not copter.has_position:
            return None
        place = [round(angle * 1e7) for angle in (copter.home.latitude, copter.home.longitude)]
        altitude = round(copter.home.altitude * 1000)
        return mavlink.MAVLink_home_position_message(*place, altitude, 0, 0, 0, [1, 0, 0, 0], 0, 0, 0)

    def _terrain(self) -> Any:
        """The ground is flat, at the height of home, and known every 100 m."""
        copter, body = self.copter, self.copter.body
        if not copter.has_position:
            return None
        latitude, longitude = copter.home.degrees_at(body.north, body.east)
        return mavlink.MAVLink_terrain_report_message(
            round(latitude * 1e7), round(longitude * 1e7), 100, copter.home.altitude, body.up, 0, 448
        )

    def _fence(self) -> Any:
        copter = self.copter
        if not copter.has_fence:
            return None
        return mavlink.MAVLink_fence_status_message(
            int(copter.breached), copter.breaches, 3 if copter.breached else 0, int(copter.breach_time * 1000)
        )

    def _mount(self) -> Any:
        pitch, yaw = self.copter.gimbal_pitch, self.copter.gimbal_yaw
        return mavlink.MAVLink_mount_status_message(0, 0, round(pitch * 100), 0, round(yaw * 100))

    def _gimbal_attitude(self) -> Any:
        pitch, yaw = radians(self.copter.gimbal_pitch) / 2, radians(self.copter.gimbal_yaw) / 2
        q = [cos(pitch) * cos(yaw), -sin(pitch) * sin(yaw), sin(pitch) * cos(yaw), cos(pitch) * sin(yaw)]
        flags = (
            mavlink.GIMBAL_DEVICE_FLAGS_ROLL_LOCK
            | mavlink.GIMBAL_DEVICE_FLAGS_PITCH_LOCK
            | mavlink.GIMBAL_DEVICE_FLAGS_YAW_IN_VEHICLE_FRAME
        )
        return mavlink.MAVLink_gimbal_device_attitude_status_message(0, 0, self._boot_ms, flags, q, 0, 0, 0, 0)

    def _camera_view(self) -> Any:
        copter = self.copter
        latitude, longitude = copter.home.degrees_at(copter.body.north, copter.body.east)
        place = (round(latitude * 1e7), round(longitude * 1e7), round((copter.home.altitude + copter.body.up) * 1000))
        nowhere = (0x7FFFFFFF, 0x7FFFFFFF, 0x7FFFFFFF)
        return mavlink.MAVLink_camera_fov_status_message(
            self._boot_ms, *place, *nowhere, [1, 0, 0, 0], LENS_HORIZONTAL_DEG, LENS_VERTICAL_DEG
        )

    def _identity(self) -> Any:
        name = (self._remote_id or "").encode()[:20].ljust(20, b"\0")
        return mavlink.MAVLink_open_drone_id_basic_id_message(0, 0, [0] * 20, 1, 2, list(name))

    # -- in --------------------------------------------------------------------------------------------

    def listen(self) -> None:
        """Act on everything that has arrived."""
        while (message := self._line.recv_msg()) is not None:
            if not self._silent and message.get_type() != "BAD_DATA" and message.get_srcSystem() != self._system:
                self._act(message)
        timeout = self.copter.parameters.ground_timeout
        if timeout and self._ground_at is not None:
            self.copter.ground_heard(heard=monotonic() - self._ground_at < timeout)

    def _act(self, message: Any) -> None:
        kind = message.get_type()
        if kind == "HEARTBEAT" and message.type == mavlink.MAV_TYPE_GCS:
            self._ground_at = monotonic()
        elif getattr(message, "target_system", 0) not in (0, self._system):
            return
        elif kind == "COMMAND_LONG":
            parameters = [message.param1, message.param2, message.param3, message.param4]
            place = (message.param5, message.param6, message.param7)
            self._answer(message, self._command(message.command, parameters, place, mavlink.MAV_FRAME_GLOBAL))
        elif kind == "COMMAND_INT":
            parameters = [message.param1, message.param2, message.param3, message.param4]
            place = (message.x / 1e7, message.y / 1e7, message.z)
            self._answer(message, self._command(message.command, parameters, place, message.frame))
        elif kind == "SET_MODE":
            self.copter.set_mode(message.custom_mode)
        elif kind == "SET_POSITION_TARGET_GLOBAL_INT" and not message.type_mask & _IGNORES_POSITION:
            place = (message.lat_int / 1e7, message.lon_int / 1e7, message.alt)
            self._go_to(place, message.coordinate_frame, change_mode=False)
        elif kind in ("MISSION_COUNT", "MISSION_ITEM_INT") and message.mission_type == mavlink.MAV_MISSION_TYPE_FENCE:
            self._send(self._fence_upload.take(message, self.copter))
        elif kind == "SETUP_SIGNING":
            self._sign_with(bytes(message.secret_key))

    def _answer(self, message: Any, result: Result | None) -> None:
        orders = (mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH, mavlink.MAV_CMD_NAV_LAND, mavlink.MAV_CMD_DO_SET_MODE)
        if result is None or (self._silent_orders and message.command in orders):
            return
        to = (message.get_srcSystem(), message.get_srcComponent())
        self._send(mavlink.MAVLink_command_ack_message(message.command, result, 0, 0, *to))
        if message.command == mavlink.MAV_CMD_DO_SET_MODE:
            self._send(self._heartbeat())

    def _command(self, command: int, p: list[float], place: tuple[float, float, float], frame: int) -> Result | None:
        copter = self.copter
        match command:
            case mavlink.MAV_CMD_COMPONENT_ARM_DISARM:
                force = p[1] == 21196
                return copter.arm(force=force) if p[0] else copter.disarm(force=force)
            case mavlink.MAV_CMD_NAV_TAKEOFF:
                return copter.take_off(place[2])
            case mavlink.MAV_CMD_DO_SET_MODE:
                return copter.set_mode(int(p[1]))
            case mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH:
                return copter.set_mode(Mode.RTL)
            case mavlink.MAV_CMD_NAV_LAND:
                return copter.set_mode(Mode.LAND)
            case mavlink.MAV_CMD_NAV_LOITER_UNLIM:
                return copter.set_mode(Mode.LOITER)
            case mavlink.MAV_CMD_DO_REPOSITION:
                return self._go_to(place, frame, change_mode=bool(int(p[1]) & 1))
            case mavlink.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW:
                return self._point(p[0], p[1])
            case mavlink.MAV_CMD_DO_MOUNT_CONTROL:
                return self._point(p[0], p[2])
            case mavlink.MAV_CMD_DO_FENCE_ENABLE:
                return copter.enable_fence(on=bool(p[0]))
            case mavlink.MAV_CMD_SET_MESSAGE_INTERVAL:
                return self._set_interval(int(p[0]), p[1])
            case mavlink.MAV_CMD_REQUEST_MESSAGE:
                return Result.ACCEPTED if self.send_message(int(p[0])) else Result.FAILED
        return Result.UNSUPPORTED

    def _go_to(self, place: tuple[float, float, float], frame: int, *, change_mode: bool) -> Result:
        latitude, longitude, altitude = place
        height = altitude if frame in _RELATIVE_FRAMES else altitude - self.copter.home.altitude
        north, east = self.copter.home.metres_to(latitude, longitude)
        return self.copter.go_to(north, east, height, change_mode=change_mode)

    def _point(self, pitch: float, yaw: float) -> Result:
        if not self._gimbal:
            return Result.FAILED
        self.copter.gimbal_goal = (max(-90.0, min(30.0, pitch)), max(-170.0, min(170.0, yaw)))
        return Result.ACCEPTED

    def _set_interval(self, number: int, microseconds: float) -> Result:
        if number not in _BUILDERS:
            return Result.FAILED
        if microseconds < 0:
            self._intervals.pop(number, None)
        else:
            self._intervals[number] = microseconds / 1e6 or 1.0
            self._due[number] = self.copter.time
        return Result.ACCEPTED


_BUILDERS: dict[int, Callable[[Radio], Any]] = {
    mavlink.MAVLINK_MSG_ID_HEARTBEAT: Radio._heartbeat,
    mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT: Radio._position,
    mavlink.MAVLINK_MSG_ID_ATTITUDE: Radio._attitude,
    mavlink.MAVLINK_MSG_ID_VFR_HUD: Radio._hud,
    mavlink.MAVLINK_MSG_ID_SYS_STATUS: Radio._sys_status,
    mavlink.MAVLINK_MSG_ID_BATTERY_STATUS: Radio._battery_status,
    mavlink.MAVLINK_MSG_ID_GPS_RAW_INT: Radio._gps,
    mavlink.MAVLINK_MSG_ID_EKF_STATUS_REPORT: Radio._ekf,
    mavlink.MAVLINK_MSG_ID_SYSTEM_TIME: Radio._system_time,
    mavlink.MAVLINK_MSG_ID_EXTENDED_SYS_STATE: Radio._landed,
    mavlink.MAVLINK_MSG_ID_HOME_POSITION: Radio._home,
    mavlink.MAVLINK_MSG_ID_TERRAIN_REPORT: Radio._terrain,
    mavlink.MAVLINK_MSG_ID_FENCE_STATUS: Radio._fence,
    mavlink.MAVLINK_MSG_ID_MOUNT_STATUS: Radio._mount,
    mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS: Radio._gimbal_attitude,
    mavlink.MAVLINK_MSG_ID_CAMERA_FOV_STATUS: Radio._camera_view,
    mavlink.MAVLINK_MSG_ID_OPEN_DRONE_ID_BASIC_ID: Radio._identity,
}
