"""A flight's telemetry as a track of its own beside the picture: never burnt into it, sealed with it.

Each pose is an event message in front of the segment's pictures (`emsg`, ISO/IEC 23009-1 §5.10.3.3; ISO/IEC 23000-19
§7.4.5 lets a fragmented MP4 have them). Players pass over what they do not know, so the segment plays as it is; key,
hash, retention and hold of the pictures are those of the telemetry, too.
"""

from __future__ import annotations

import bisect
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

from application.masks import Errors, View
from application.poses import PICTURE_DELAY, Pose, view_at

SCHEME = b"urn:org:weho:safer:pose:v1"
_EVENT = struct.Struct(">IIQII")  # version and flags, timescale, time, duration, id
ROOM = PICTURE_DELAY  # a picture may be of any pose of so long before it
_VERSION_1, _MS, _NO_LENGTH = 1 << 24, 1000, 0xFFFFFFFF
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Pose).decode


@dataclass(frozen=True, slots=True)
class Telemetry:
    """In order of time."""

    poses: tuple[Pose, ...] = ()

    def view(self, at: datetime) -> tuple[View, Errors] | None:
        """Where the camera looked at a picture of that time, and how wrong that may be; None: not known."""
        return view_at(self.poses, at)


def overlay(poses: Sequence[Pose]) -> list[dict[str, Any]]:
    """What a player may show beside the picture. Degrees, metres, metres a second; null where not known or told."""
    return [
        {
            "at": pose.at.isoformat(),
            "deviceTime": pose.device_time.isoformat() if pose.device_time else None,
            "latitude": pose.place.latitude,
            "longitude": pose.place.longitude,
            "altitudeAmslM": pose.altitude_amsl_m,
            "heightAglM": pose.height.metres,
            "speedMps": round(pose.speed, 2),
            "headingDeg": pose.airframe.yaw if pose.airframe else None,
            "cameraPitchDeg": pose.gimbal.pitch if pose.gimbal else None,
            "cameraYawDeg": pose.gimbal.yaw if pose.gimbal else None,
        }
        for pose in poses
    ]


def beside_masked(poses: Iterable[Pose], black: Sequence[datetime], *, views: bool) -> tuple[Pose, ...]:
    """What may be told beside masked pictures (ADR 26). `black`: when those were taken that are black all over, in
    order; `views`: no part of any other is masked, so that it may be told whither the camera looked, too."""
    told = [pose for pose in poses if not _near(pose.at, black)]
    return tuple(told if views else map(_place_alone, told))


def _near(at: datetime, black: Sequence[datetime]) -> bool:
    first = bisect.bisect_left(black, at - ROOM)
    return first < len(black) and black[first] <= at + ROOM


def _place_alone(pose: Pose) -> Pose:
    return replace(pose, airframe=None, airframe_at=None, gimbal=None, gimbal_at=None, lens=None, lens_at=None)


def with_telemetry(segment: bytes, since: datetime, poses: Sequence[Pose]) -> bytes:
    """A fragmented MP4 whose first picture is of `since`, with poses. Raises ValueError for what is none."""
    place = next((start for kind, start, _ in _boxes(segment) if kind == b"moof"), None)
    if place is None:
        raise ValueError("it has no fragment that poses could be of")
    return b"".join((segment[:place], *(_message(n, since, pose) for n, pose in enumerate(poses)), segment[place:]))


def telemetry_in(segment: bytes) -> Telemetry:
    """The poses of a segment; none where it is a fixed camera's. What is damaged is none, too: then nothing is known of
    where the camera looked, and all is covered."""
    poses = []
    for kind, start, end in _boxes(segment):
        if kind == b"moof":
            break
        if kind == b"emsg":
            scheme, _, rest = segment[start + 8 + _EVENT.size : end].partition(b"\0")
            if scheme == SCHEME:
                try:
                    poses.append(_decode(rest.partition(b"\0")[2]))
                except msgspec.MsgspecError:
                    return Telemetry()
    return Telemetry(tuple(sorted(poses, key=lambda pose: pose.at)))


def _message(number: int, since: datetime, pose: Pose) -> bytes:
    time = max(0, round((pose.at - since).total_seconds() * _MS))
    event = _EVENT.pack(_VERSION_1, _MS, time, _NO_LENGTH, number)
    body = event + SCHEME + b"\0" + b"1" + b"\0" + _encode(pose)
    return (8 + len(body)).to_bytes(4) + b"emsg" + body


def _boxes(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The boxes at the top (ISO/IEC 14496-12 §4.2), with where they start and end."""
    at = 0
    while at + 8 <= len(content):
        size, kind = int.from_bytes(content[at : at + 4]), content[at + 4 : at + 8]
        if size == 1 and at + 16 <= len(content):
            size = int.from_bytes(content[at + 8 : at + 16])
        elif size == 0:
            size = len(content) - at
        if size < 8 or at + size > len(content):
            return
        yield kind, at, at + size
        at += size
