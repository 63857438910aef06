"""What leaves the gateway besides commands: samples, and the queues that keep slow readers apart from it."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import structlog

from adapters.mavlink.state import VehicleState

log = structlog.get_logger(__name__)

Sample = dict[str, float | str | bool | None]
"""A moment of a vehicle, ready for JSON; keys and units are those of `sample_of`."""

OBSERVATIONS_WARNED = 1_000
"""Each time so many items wait in a queue without a limit, an error is logged."""


def sample_of(state: VehicleState, received: int) -> Sample:
    """A moment for the telemetry log and the board: degrees, metres, metres a second, percent, volts, µs UTC."""
    return {
        "received_time": received,
        "device_time": state.device_time,
        "clock_difference": state.clock_difference,
        "linked": state.linked,
        "authentication": state.authentication.value,
        "armed": state.armed,
        "airborne": state.airborne,
        "mode": state.mode,
        "latitude": state.latitude,
        "longitude": state.longitude,
        "altitude_amsl": state.altitude_amsl,
        "altitude_above_home": state.altitude_above_home,
        "height_above_terrain": state.height_above_terrain,
        "terrain_source": state.terrain_source,
        "terrain_received_time": state.terrain_received,
        "velocity_north": state.velocity_north,
        "velocity_east": state.velocity_east,
        "velocity_down": state.velocity_down,
        "ground_speed": state.ground_speed,
        "heading": state.heading,
        "roll": state.roll,
        "pitch": state.pitch,
        "attitude_received_time": state.attitude_received,
        "battery_percent": state.battery_percent,
        "battery_volts": state.battery_volts,
        "gps_fix": state.gps_fix,
        "gimbal_pitch": state.gimbal_pitch,
        "gimbal_yaw": state.gimbal_yaw,
        "gimbal_roll": state.gimbal_roll,
        "gimbal_frame": state.gimbal_frame,
        "gimbal_received_time": state.gimbal_received,
        "camera_horizontal": state.camera_horizontal,
        "camera_vertical": state.camera_vertical,
        "camera_received_time": state.camera_received,
        "fence_breached": state.fence_breached,
    }


Item = TypeVar("Item")


class Outbox(Generic[Item]):
    """Hands items to a callback one after the other, in order; drops the oldest beyond `kept`."""

    def __init__(self, deliver: Callable[[str, Item], Awaitable[None]], kept: int | None) -> None:
        self._deliver = deliver
        self._items: deque[tuple[str, Item]] = deque(maxlen=kept)
        self._some = asyncio.Event()
        self.idle = asyncio.Event()
        self.idle.set()

    def put(self, name: str, item: Item) -> None:
        self._items.append((name, item))
        self.idle.clear()
        self._some.set()
        if self._items.maxlen is None and len(self._items) % OBSERVATIONS_WARNED == 0:
            log.error("observations are not taken", waiting=len(self._items))

    async def run(self) -> None:
        while True:
            await self._some.wait()
            while self._items:
                name, item = self._items.popleft()
                try:
                    await self._deliver(name, item)
                except Exception:
                    log.exception("callback failed", vehicle=name, item=item)
            self._some.clear()
            self.idle.set()
