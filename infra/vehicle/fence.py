"""The copter's side of a fence upload: it asks for the items one by one and keeps the areas."""

from collections.abc import Callable
from math import hypot
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from infra.vehicle.autopilot import Copter

Point = tuple[float, float]


def circle(centre: Point, radius: float) -> Callable[[float, float], bool]:
    """Whether a point is in a circle; metres."""
    return lambda north, east: hypot(north - centre[0], east - centre[1]) <= radius


def polygon(corners: list[Point]) -> Callable[[float, float], bool]:
    """Whether a point is in a polygon: a ray to the east crosses its sides an odd number of times."""

    def inside(north: float, east: float) -> bool:
        odd = False
        for (n1, e1), (n2, e2) in zip(corners, [*corners[1:], corners[0]], strict=True):
            if (n1 > north) != (n2 > north) and east < e1 + (north - n1) / (n2 - n1) * (e2 - e1):
                odd = not odd
        return odd

    return inside


class FenceUpload:
    """Collects the items of one upload and answers each message."""

    def __init__(self) -> None:
        self._expected = 0
        self._items: list[Any] = []

    def take(self, message: Any, copter: Copter) -> Any:
        """The answer to MISSION_COUNT or MISSION_ITEM_INT; after the last item the copter has the fence."""
        sender = (message.get_srcSystem(), message.get_srcComponent())
        fence = mavlink.MAV_MISSION_TYPE_FENCE
        if message.get_type() == "MISSION_COUNT":
            self._expected, self._items = message.count, []
        elif message.seq == len(self._items):
            self._items.append(message)
        if len(self._items) < self._expected:
            return mavlink.MAVLink_mission_request_int_message(*sender, len(self._items), fence)
        copter.areas = self._areas(copter)
        return mavlink.MAVLink_mission_ack_message(*sender, mavlink.MAV_MISSION_ACCEPTED, fence)

    def _areas(self, copter: Copter) -> list[Callable[[float, float], bool]]:
        areas: list[Callable[[float, float], bool]] = []
        corners: list[Point] = []
        for item in self._items:
            point = copter.home.metres_to(item.x / 1e7, item.y / 1e7)
            if item.command == mavlink.MAV_CMD_NAV_FENCE_CIRCLE_INCLUSION:
                areas.append(circle(point, item.param1))
            else:
                corners.append(point)
                if len(corners) == item.param1:
                    areas.append(polygon(corners))
                    corners = []
        return areas
