"""An autopilot that nobody here wrote: MAVSDK's C++ servers answer, this file only moves the point.

Run as a process: `python mavsdk_autopilot.py PORT` speaks to UDP port PORT of this machine. It has
PX4's modes, takes off and lands when MAVSDK says so, and flies straight lines.
"""

import asyncio
import json
import math
import sys
from typing import Any

from mavsdk.asyncio.mavsdk import Configuration, Mavsdk
from mavsdk.asyncio.plugins.action_server import ActionServerAsync
from mavsdk.asyncio.plugins.mavlink_direct_server import MavlinkDirectServerAsync
from mavsdk.asyncio.plugins.telemetry_server import TelemetryServerAsync
from mavsdk.component_type import ComponentType
from mavsdk.plugins.action_server import AllowableFlightModes, FlightMode
from mavsdk.plugins.mavlink_direct_server import MavlinkMessage
from mavsdk.plugins.telemetry_server import (
    Battery,
    FixType,
    GpsInfo,
    Heading,
    LandedState,
    Position,
    RawGps,
    VelocityNed,
    VtolState,
)

HOME = (34.0845, -118.3834, 90.0)
DO_REPOSITION = 192
STEP, SPEED, CLIMB = 0.1, 60.0, 20.0
METRES = 111_320.0


class Autopilot:
    """A point that goes where the last order sends it."""

    def __init__(self, actions: ActionServerAsync, telemetry: TelemetryServerAsync, direct: MavlinkDirectServerAsync):
        self.actions, self.telemetry, self.direct = actions, telemetry, direct
        self.north = self.east = self.up = 0.0
        self.goal = (0.0, 0.0, 0.0)
        self.armed = self.returning = False

    async def arming(self) -> None:
        async for _, order in self.actions.subscribe_arm_disarm():
            self.armed = order.arm

    async def taking_off(self) -> None:
        async for _, take_off in self.actions.subscribe_takeoff():
            if take_off:
                self.goal = (self.north, self.east, 20.0)

    async def landing(self) -> None:
        async for _, land in self.actions.subscribe_land():
            if land:
                self.goal = (self.north, self.east, 0.0)

    async def changing_mode(self) -> None:
        async for _, mode in self.actions.subscribe_flight_mode_change():
            self.returning = mode == FlightMode.RETURN_TO_LAUNCH
            if self.returning:
                self.goal = (0.0, 0.0, max(self.up, 15.0))
            elif mode == FlightMode.HOLD:
                self.goal = (self.north, self.east, self.up)
            elif mode == FlightMode.LAND:
                self.goal = (self.north, self.east, 0.0)

    async def repositioning(self) -> None:
        async for message in self.direct.subscribe_command(DO_REPOSITION):
            fields: dict[str, Any] = json.loads(message.fields_json)
            north = (fields["x"] / 1e7 - HOME[0]) * METRES
            east = (fields["y"] / 1e7 - HOME[1]) * METRES * math.cos(math.radians(HOME[0]))
            self.goal = (north, east, fields["z"] - HOME[2])
            answer = {"command": DO_REPOSITION, "result": 0, "progress": 0, "result_param2": 0}
            answer |= {"target_system": message.system_id, "target_component": message.component_id}
            sender = (message.system_id, message.component_id)
            await self.direct.send_message(MavlinkMessage("COMMAND_ACK", 1, 1, *sender, json.dumps(answer)))

    async def moving(self) -> None:
        beat = 0
        while True:
            velocity = self._move() if self.armed else (0.0, 0.0, 0.0)
            if self.armed and self.up <= 0 and self.goal[2] <= 0 and beat > 20:
                self.armed = False
                await self.actions.set_armed_state(False)
            await self._publish(velocity, slow=beat % 5 == 0)
            beat = beat + 1 if self.up or not self.armed else 0
            await asyncio.sleep(STEP)

    def _move(self) -> tuple[float, float, float]:
        before = (self.north, self.east, self.up)
        away = (self.goal[0] - self.north, self.goal[1] - self.east)
        far = math.hypot(*away)
        if self.returning and far < 1:
            self.goal = (0.0, 0.0, 0.0)
        share = 1.0 if far <= SPEED * STEP else SPEED * STEP / far
        self.north, self.east = self.north + away[0] * share, self.east + away[1] * share
        self.up += max(-CLIMB * STEP, min(CLIMB * STEP, self.goal[2] - self.up))
        now = (self.north, self.east, self.up)
        north, east, up = ((b - a) / STEP for a, b in zip(before, now, strict=True))
        return north, east, -up

    async def _publish(self, velocity: tuple[float, float, float], *, slow: bool) -> None:
        latitude = HOME[0] + self.north / METRES
        longitude = HOME[1] + self.east / METRES / math.cos(math.radians(HOME[0]))
        position = Position(latitude, longitude, HOME[2] + self.up, self.up)
        await self.telemetry.publish_position(position, VelocityNed(*velocity), Heading(0.0))
        if slow:
            state = LandedState.IN_AIR if self.up > 0.5 else LandedState.ON_GROUND
            gps = RawGps(latitude_deg=latitude, longitude_deg=longitude, absolute_altitude_m=HOME[2] + self.up)
            await self.telemetry.publish_extended_sys_state(VtolState.UNDEFINED, state)
            await self.telemetry.publish_home(Position(*HOME, 0.0))
            await self.telemetry.publish_raw_gps(gps, GpsInfo(12, FixType.FIX_3D))
            await self.telemetry.publish_battery(Battery(24.0, 88.0))


async def main(port: int) -> None:
    async with Mavsdk(Configuration.create_with_component_type(ComponentType.AUTOPILOT)) as mavsdk:
        await mavsdk.add_any_connection(f"udpout://127.0.0.1:{port}")
        server = await mavsdk.server_component_by_type(ComponentType.AUTOPILOT)
        autopilot = Autopilot(ActionServerAsync(server), TelemetryServerAsync(server), MavlinkDirectServerAsync(server))
        actions = autopilot.actions
        await actions.set_allow_takeoff(True)
        await actions.set_armable(True, True)
        await actions.set_disarmable(True, True)
        await actions.set_allowable_flight_modes(AllowableFlightModes(*[True] * 7))
        async with asyncio.TaskGroup() as tasks:
            for work in ("arming", "taking_off", "landing", "changing_mode", "repositioning", "moving"):
                tasks.create_task(getattr(autopilot, work)())


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
