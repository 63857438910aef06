"""The camera under the copter: how wide it sees, and how it is told where it looks."""

import json
import socket
from dataclasses import asdict, dataclass
from math import atan, degrees, radians, tan

LENS_HORIZONTAL_DEG = 64.0
LENS_VERTICAL_DEG = degrees(2 * atan(tan(radians(LENS_HORIZONTAL_DEG) / 2) * 9 / 16))
EVERY_S = 0.04


@dataclass(frozen=True, slots=True)
class Look:
    """Metres north and east of home and above it, degrees. `heading`: with the gimbal's own yaw in it."""

    north: float
    east: float
    up: float
    heading: float
    pitch: float


class Wire:
    """From the copter to its camera: a datagram of JSON each time. Nobody has to be at the other end."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._to = (host, int(port))
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._due = 0.0

    def send(self, look: Look, now: float) -> None:
        if now >= self._due:
            self._due = now + EVERY_S
            self._socket.sendto(json.dumps(asdict(look)).encode(), self._to)
