"""What goes over the socket of poses: a JSON object a line, and the socket itself, in the installation's home.

Not over the telemetry topic: that one drops what the broker does not take, is seconds late where the broker is away,
and takes from whoever may write to it. A socket of mode 0600 takes from the gateway alone, and that nobody is at its
other end is known at once.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from application.poses import Pose
from application.zones import KnownZone
from domain.kernel import FlightId


class Zones(msgspec.Struct, frozen=True, tag=True):
    """Where the zones are, from now on; None: nobody knows."""

    zones: tuple[KnownZone, ...] | None


class Tick(msgspec.Struct, frozen=True, tag=True):
    """What was said of the zones holds at `at`. `aloft`: the drones in the air and their flights."""

    at: datetime
    aloft: Mapping[str, FlightId]


class Moment(msgspec.Struct, frozen=True, tag=True):
    drone: str
    flight: FlightId
    pose: Pose


Line = Zones | Tick | Moment
encode: Callable[[Line], bytes] = msgspec.json.Encoder().encode
decode: Callable[[bytes], Line] = msgspec.json.Decoder(Line).decode


def listening(path: Path) -> socket.socket:
    """A socket that listens there, for its owner alone. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)  # of a process that was killed
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        _with_short_name(path, made.bind)
    finally:
        os.umask(before)
    made.listen()
    return made


def connected(path: Path, within_s: float) -> socket.socket:
    """Raises OSError."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.settimeout(within_s)
        _with_short_name(path, made.connect)
    except BaseException:
        made.close()
        raise
    return made


def _with_short_name(path: Path, use: Callable[[str], None]) -> None:
    """A socket's name has room for 107 bytes (unix(7)), and a home may be deeper: it is named from its folder."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        use(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)
