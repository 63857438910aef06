"""A fence handed to the autopilot, which then keeps the vehicle inside without us.

Source: mavlink.io, "Mission Protocol" with mission type FENCE: the vehicle asks for one item after the other and
acknowledges the whole.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.mavlink.dialect import Fields, mavlink
from adapters.mavlink.vehicle import AUTOPILOT_COMPONENT

ANSWERS = {
    mavlink.MAVLINK_MSG_ID_MISSION_REQUEST_INT,
    mavlink.MAVLINK_MSG_ID_MISSION_REQUEST,
    mavlink.MAVLINK_MSG_ID_MISSION_ACK,
}
"""What a vehicle says during an upload."""

_FENCE: int = mavlink.MAV_MISSION_TYPE_FENCE
_TIMEOUT, _RETRIES = 1.5, 5


@dataclass(frozen=True, slots=True)
class Circle:
    """Stay within: degrees WGS 84, radius in metres."""

    latitude: float
    longitude: float
    radius: float


@dataclass(frozen=True, slots=True)
class Polygon:
    """Stay within: at least three corners as (latitude, longitude) in degrees WGS 84."""

    corners: tuple[tuple[float, float], ...]


Area = Circle | Polygon
Item = tuple[int, float, float, float]
"""A command, its first parameter, latitude, longitude."""


def items_of(areas: Sequence[Area]) -> list[Item]:
    """The mission items of a fence. Raises ValueError for an area that encloses nothing."""
    items: list[Item] = []
    for area in areas:
        if isinstance(area, Circle):
            if area.radius <= 0:
                raise ValueError(f"A fence of radius {area.radius} m encloses nothing.")
            circle = mavlink.MAV_CMD_NAV_FENCE_CIRCLE_INCLUSION
            items.append((circle, area.radius, area.latitude, area.longitude))
        else:
            if len(area.corners) < 3:
                raise ValueError(f"A fence of {len(area.corners)} corners encloses nothing; it needs three.")
            vertex = mavlink.MAV_CMD_NAV_FENCE_POLYGON_VERTEX_INCLUSION
            items += [(vertex, len(area.corners), *corner) for corner in area.corners]
    return items


class FenceUpload:
    """One upload to one vehicle; feed it what the vehicle answers."""

    def __init__(self, system: int, areas: Sequence[Area], send: Callable[[Any], bool]) -> None:
        self._system = system
        self._items = items_of(areas)
        self._send = send
        self._answers: asyncio.Queue[tuple[int, Fields]] = asyncio.Queue()

    def answered(self, number: int, fields: Fields) -> None:
        """Take in a mission message of this vehicle."""
        if fields["mission_type"] == _FENCE:
            self._answers.put_nowait((number, fields))

    async def run(self) -> int | None:
        """Hand the fence over: the MAV_MISSION_RESULT, or None when the vehicle fell silent."""
        message, silences = self._count(), 0
        while silences <= _RETRIES:
            self._send(message)
            try:
                number, fields = await asyncio.wait_for(self._answers.get(), _TIMEOUT)
            except TimeoutError:
                silences += 1
                continue
            if number == mavlink.MAVLINK_MSG_ID_MISSION_ACK:
                return int(fields["type"])
            if not 0 <= fields["seq"] < len(self._items):
                return int(mavlink.MAV_MISSION_INVALID_SEQUENCE)
            message, silences = self._item(fields["seq"]), 0
        return None

    def _count(self) -> Any:
        return mavlink.MAVLink_mission_count_message(self._system, AUTOPILOT_COMPONENT, len(self._items), _FENCE)

    def _item(self, sequence: int) -> Any:
        command, first, latitude, longitude = self._items[sequence]
        frame, x, y = mavlink.MAV_FRAME_GLOBAL, round(latitude * 1e7), round(longitude * 1e7)
        return mavlink.MAVLink_mission_item_int_message(
            self._system, AUTOPILOT_COMPONENT, sequence, frame, command, 0, 1, first, 0, 0, 0, x, y, 0, _FENCE
        )
