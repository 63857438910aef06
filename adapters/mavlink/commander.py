"""Commands to one vehicle, by the MAVLink command protocol.

Two kinds, kept apart. What starts or extends a flight (arm, take off, go to) waits its turn, is
acknowledged or repeated a bounded number of times, and is dropped the moment a safety order comes.
The safety four (return, land, hold, abort) wait for nothing but the wire: they go out in the call
itself, and are sent again until a heartbeat shows a mode that obeys, because some autopilots never
acknowledge them. Source: mavlink.io, "Command Protocol".
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from math import nan
from typing import Any

from adapters.mavlink.dialect import Fields, enum_name, mavlink
from adapters.mavlink.fence import Area, FenceUpload
from adapters.mavlink.modes import ARDUPILOT, Intent, choice
from adapters.mavlink.observations import Target
from adapters.mavlink.outcomes import Accepted, Denied, Outcome, Timing, Unknown
from adapters.mavlink.vehicle import AUTOPILOT_COMPONENT, Vehicle

GROUND_SYSTEM, GROUND_COMPONENT = 255, 190
"""Who we are on every link: a ground station (MAV_COMP_ID_MISSIONPLANNER)."""

HIGHEST = 1_000
"""Metres; a typing error above this is refused here. The lawful ceiling is the flight's authority's to check."""

_ACCEPTED: int = mavlink.MAV_RESULT_ACCEPTED
_IN_PROGRESS: int = mavlink.MAV_RESULT_IN_PROGRESS
_SUPERSEDED, _HEARTBEAT = -1, -2
_FLIGHT_COMMANDS = {
    mavlink.MAV_CMD_DO_SET_MODE,
    mavlink.MAV_CMD_COMPONENT_ARM_DISARM,
    mavlink.MAV_CMD_NAV_TAKEOFF,
    mavlink.MAV_CMD_DO_REPOSITION,
}
"""What a safety order takes back while it is still unanswered."""
_RELATIVE: int = mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT_INT
_AMSL: int = mavlink.MAV_FRAME_GLOBAL_INT
_POSITION_ONLY = 0b110111111000
"""Type mask of SET_POSITION_TARGET_GLOBAL_INT: use the position, ignore the rest."""


class Commander:
    """Sends commands to one vehicle. `send` puts a message on the wire at once and returns whether it could."""

    def __init__(
        self,
        system: int,
        vehicle: Vehicle,
        send: Callable[[Any], bool],
        check: Callable[[], None] = lambda: None,
        timing: Timing | None = None,
    ) -> None:
        self._system = system
        self._vehicle = vehicle
        self._send = send
        self._check = check
        self._timing = timing or Timing()
        self._turn = asyncio.Lock()
        self._lines: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._acks: dict[int, asyncio.Queue[int]] = {}
        self._fencing = asyncio.Lock()
        self._upload: FenceUpload | None = None
        self._orders = 0
        self._order: str | None = None
        self._last_order = ""
        self._order_results: list[int] = []
        self._news = asyncio.Event()

    # -- what the gateway tells ----------------------------------------------------------------------

    def acknowledged(self, fields: Fields) -> None:
        """Take in a COMMAND_ACK of this vehicle."""
        if fields["target_system"] not in (0, GROUND_SYSTEM):
            return
        command, result = fields["command"], fields["result"]
        if command in self._acks:
            self._acks[command].put_nowait(result)
        elif self._order:
            self._order_results.append(result)

    def mission_answered(self, number: int, fields: Fields) -> None:
        """Take in a message of the mission protocol."""
        if self._upload is not None and fields["target_system"] == GROUND_SYSTEM:
            self._upload.answered(number, fields)

    def heard(self) -> None:
        """A heartbeat was folded: whoever waits for a mode looks again."""
        self._news.set()
        for queue in self._acks.values():
            queue.put_nowait(_HEARTBEAT)

    # -- what starts or extends a flight -------------------------------------------------------------

    async def arm(self) -> Outcome:
        """Arm the motors, on ArduPilot in GUIDED. Raises LinkRefused."""
        state, order = self._vehicle.state, self._orders
        async with self._turn:
            if state.autopilot == ARDUPILOT and state.mode != "GUIDED":
                guided = await self._set_mode(Intent.GUIDED, order)
                if not isinstance(guided, Accepted):
                    return guided
            command = mavlink.MAV_CMD_COMPONENT_ARM_DISARM
            return await self._request(command, self._long(command, 1), order, lambda: state.armed)

    async def disarm(self) -> Outcome:
        """Stop the motors; an autopilot that flies refuses. Raises LinkRefused."""
        command, order = mavlink.MAV_CMD_COMPONENT_ARM_DISARM, self._orders
        async with self._turn:
            return await self._request(command, self._long(command, 0), order, lambda: not self._vehicle.state.armed)

    async def takeoff(self, height: float) -> Outcome:
        """Climb to a height in metres above the place of arming. Raises LinkRefused, ValueError."""
        if not 0 < height < HIGHEST:
            raise ValueError(f"Take-off height {height} m is not between 0 and {HIGHEST} m.")
        command, order = mavlink.MAV_CMD_NAV_TAKEOFF, self._orders
        if self._vehicle.state.autopilot == ARDUPILOT:
            message = self._long(command, 0, 0, 0, 0, 0, 0, height)
        else:
            message = self._long(command, nan, 0, 0, nan, nan, nan, self._amsl(height))
        async with self._turn:
            return await self._request(command, message, order)

    async def goto(self, latitude: float, longitude: float, height: float) -> Outcome:
        """Fly to a point (degrees WGS 84) at a height in metres above the place of arming.

        The vehicle's arrival is observed once. An autopilot without DO_REPOSITION gets a position target,
        which nobody acknowledges: the answer is then Unknown. Raises LinkRefused, ValueError.
        """
        if not (-90 <= latitude <= 90 and -180 <= longitude <= 180 and 0 < height < HIGHEST):
            raise ValueError(f"Nobody can fly to latitude {latitude}, longitude {longitude}, height {height} m.")
        state, command, order = self._vehicle.state, mavlink.MAV_CMD_DO_REPOSITION, self._orders
        relative = state.autopilot == ARDUPILOT
        frame, altitude = (_RELATIVE, height) if relative else (_AMSL, self._amsl(height))
        x, y = round(latitude * 1e7), round(longitude * 1e7)

        def reposition(_attempt: int) -> Any:
            change_mode = mavlink.MAV_DO_REPOSITION_FLAGS_CHANGE_MODE
            return mavlink.MAVLink_command_int_message(
                self._system, AUTOPILOT_COMPONENT, frame, command, 0, 0, -1, change_mode, 0, nan, x, y, altitude
            )

        async with self._turn:
            outcome = await self._request(command, reposition, order)
            if isinstance(outcome, Denied) and outcome.result == mavlink.MAV_RESULT_UNSUPPORTED:
                if not self._send(
                    mavlink.MAVLink_set_position_target_global_int_message(
                        0, self._system, AUTOPILOT_COMPONENT, frame, _POSITION_ONLY, x, y, altitude, *[0.0] * 8
                    )
                ):
                    return outcome
                outcome = Unknown(state.mode)
            if not isinstance(outcome, Denied):
                self._vehicle.aim(Target(latitude, longitude))
            return outcome

    async def point_gimbal(self, pitch: float, yaw: float = 0.0) -> Outcome:
        """Turn the camera: pitch -90 is straight down, 0 level; yaw relative to the nose; degrees.

        A vehicle without a gimbal answers Denied: the flight goes on. Raises LinkRefused.
        """
        command = mavlink.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW
        outcome = await self._request(command, self._long(command, pitch, yaw, nan, nan, 0, 0, 0))
        if isinstance(outcome, Denied):
            command = mavlink.MAV_CMD_DO_MOUNT_CONTROL
            targeting = mavlink.MAV_MOUNT_MODE_MAVLINK_TARGETING
            outcome = await self._request(command, self._long(command, pitch, 0, yaw, 0, 0, 0, targeting))
        return outcome

    async def set_message_interval(self, number: int, hertz: float) -> Outcome:
        """Ask for a message so many times a second. Raises LinkRefused."""
        command = mavlink.MAV_CMD_SET_MESSAGE_INTERVAL
        return await self._request(command, self._long(command, number, 1e6 / hertz))

    async def enable_fence(self, *, on: bool) -> Outcome:
        """Switch the fence that the autopilot holds. Raises LinkRefused."""
        command = mavlink.MAV_CMD_DO_FENCE_ENABLE
        return await self._request(command, self._long(command, on))

    async def upload_fence(self, areas: Sequence[Area]) -> Outcome:
        """Replace the fence that the autopilot holds; `enable_fence` switches it on. Raises LinkRefused, ValueError.

        The numbers of a Denied are MAV_MISSION_RESULT's.
        """
        self._check()
        upload = FenceUpload(self._system, areas, self._send)
        async with self._fencing:
            self._upload = upload
            try:
                result = await upload.run()
            finally:
                self._upload = None
        if result is None:
            return Unknown(self._vehicle.state.mode)
        if result == mavlink.MAV_MISSION_ACCEPTED:
            return Accepted(self._vehicle.state.mode)
        return Denied(result, enum_name("MAV_MISSION_RESULT", result))

    # -- safety: always, at once -----------------------------------------------------------------------

    async def return_to_launch(self) -> Outcome:
        """Fly home and land there."""
        command = mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH
        return await self._order_until("return", Intent.RETURN, [self._long(command)])

    async def land(self) -> Outcome:
        """Land where it is."""
        command = mavlink.MAV_CMD_NAV_LAND
        return await self._order_until("land", Intent.LAND, [self._long(command, 0, 0, 0, nan)])

    async def hold(self) -> Outcome:
        """Stop and stay where it is."""
        # To ArduCopter this is LOITER, which sinks without a stick: only for an autopilot not known yet.
        unknown = self._vehicle.state.autopilot is None
        return await self._order_until(
            "hold", Intent.HOLD, [self._long(mavlink.MAV_CMD_NAV_LOITER_UNLIM)] if unknown else []
        )

    async def abort(self) -> Outcome:
        """End the flight now: land where it is, or disarm when it has not left the ground.

        Never a motor stop in the air: over a city a falling drone is worse than a landing one.
        """
        land = mavlink.MAV_CMD_NAV_LAND
        messages = [self._long(land, 0, 0, 0, nan)]
        if not self._vehicle.state.airborne:
            # Not forced: an autopilot that flies after all refuses, and lands.
            messages.append(self._long(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 0))
        return await self._order_until("abort", Intent.LAND, messages)

    # -- the protocol --------------------------------------------------------------------------------

    def _long(self, command: int, *parameters: float) -> Callable[[int], Any]:
        filled = (*parameters, *[0.0] * (7 - len(parameters)))
        return lambda attempt: mavlink.MAVLink_command_long_message(
            self._system, AUTOPILOT_COMPONENT, command, attempt, *filled
        )

    def _mode_message(self, intent: Intent) -> Callable[[int], Any]:
        mode = choice(self._vehicle.state.autopilot, intent)
        custom = mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED
        return self._long(mavlink.MAV_CMD_DO_SET_MODE, custom, mode.main, mode.sub)

    async def _set_mode(self, intent: Intent, order: int) -> Outcome:
        state = self._vehicle.state
        agreeing = choice(state.autopilot, intent).agreeing
        return await self._request(
            mavlink.MAV_CMD_DO_SET_MODE, self._mode_message(intent), order, lambda: state.mode in agreeing
        )

    def _amsl(self, height: float) -> float:
        """Metres AMSL. From the position rather than HOME_POSITION, whose altitude some autopilots leave out."""
        state = self._vehicle.state
        if state.altitude_amsl is not None and state.altitude_above_home is not None:
            return state.altitude_amsl - state.altitude_above_home + height
        return (state.home[2] if state.home else 0.0) + height

    async def _request(
        self,
        command: int,
        build: Callable[[int], Any],
        order: int | None = None,
        agrees: Callable[[], bool] = lambda: False,
    ) -> Outcome:
        """Send until acknowledged; one command of a kind at a time.

        `order` is the count of safety orders when a flight command was asked for: a later order supersedes it.
        Commands that neither start nor extend a flight have none.
        """
        self._check()
        if order is not None and not self._vehicle.state.linked:
            return Denied(None, "The vehicle is not heard.")
        async with self._lines[command]:
            began = asyncio.get_running_loop().time()
            queue = self._acks[command] = asyncio.Queue()
            try:
                for attempt in range(1 + self._timing.retries):
                    if order is not None and (self._order or self._orders != order):
                        return self._superseded()
                    self._send(build(attempt))
                    answer = await self._answer(queue, agrees)
                    if answer == _SUPERSEDED:
                        return self._superseded()
                    if answer == _ACCEPTED:
                        return Accepted(self._vehicle.state.mode)
                    if answer is not None:
                        return Denied(answer, await self._reason(answer, began))
                return Unknown(self._vehicle.state.mode)
            finally:
                del self._acks[command]

    async def _answer(self, queue: asyncio.Queue[int], agrees: Callable[[], bool]) -> int | None:
        """The final result of the command whose answers come through the queue; None when none came in time.

        A heartbeat that shows what was asked for is an answer too.
        """
        patience = self._timing.ack_timeout
        while True:
            try:
                async with asyncio.timeout(patience):
                    while (answer := await queue.get()) == _HEARTBEAT:
                        if agrees():
                            return _ACCEPTED
            except TimeoutError:
                return None
            if answer != _IN_PROGRESS:
                return answer
            patience = self._timing.progress_timeout

    def _superseded(self) -> Denied:
        return Denied(None, f"Superseded by the order to {self._last_order}.")

    async def _reason(self, result: int, since: float) -> str:
        """The refusal in words, with what the autopilot said about it; its text may follow the answer."""
        name = enum_name("MAV_RESULT", result)
        await asyncio.sleep(0.1)
        texts = [text for at, _, text in self._vehicle.texts if at >= since]
        return f"{name}: {' '.join(texts)}" if texts else name

    async def _order_until(self, name: str, intent: Intent, messages: Sequence[Callable[[int], Any]]) -> Outcome:
        """Send a safety order until a heartbeat that came after it shows that the vehicle obeys."""
        state, loop = self._vehicle.state, asyncio.get_running_loop()
        self._orders += 1
        mine = self._orders
        self._order = self._last_order = name
        self._order_results = []
        self._news.set()  # an earlier order ends
        for command, queue in self._acks.items():
            if command in _FLIGHT_COMMANDS:
                queue.put_nowait(_SUPERSEDED)
        self._vehicle.aim(None)
        heartbeats, attempt, began = state.heartbeats, 0, loop.time()
        deadline = began + self._timing.safety_deadline
        try:
            while True:
                if self._orders != mine:
                    return self._superseded()
                # A mode number that means home to one autopilot may mean onward to another.
                known = [self._mode_message(intent)] if state.autopilot is not None else []
                for build in (*known, *messages):
                    self._send(build(min(attempt, 255)))
                attempt += 1
                resend = min(loop.time() + self._timing.safety_period, deadline)
                while (left := resend - loop.time()) > 0:
                    self._news.clear()
                    try:
                        await asyncio.wait_for(self._news.wait(), left)
                    except TimeoutError:
                        break
                    if self._orders != mine:
                        break
                    obeys = state.mode in choice(state.autopilot, intent).agreeing or not state.armed
                    if state.heartbeats > heartbeats and obeys:
                        return Accepted(state.mode)
                if loop.time() >= deadline:
                    refusals = [result for result in self._order_results if result not in (_ACCEPTED, _IN_PROGRESS)]
                    if refusals and refusals == self._order_results:
                        return Denied(refusals[-1], await self._reason(refusals[-1], began))
                    return Unknown(state.mode)
        finally:
            if self._orders == mine:
                self._order = None
