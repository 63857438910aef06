"""`telemetry.json`: where the drone was, and whither its camera looked, while it took the pictures of an export.

Each pose is as it was sealed beside the pictures. Invariants: there are poses only of what is in the clips; a masked
export has none of a second around a picture that is black all over, as it is where the drone may be inside a zone; and
where a part of any picture is masked, no pose says whither the camera looked. With that and the place, the edge of the
black is a line on the map, and where the privacy zones are is for those who work the watch alone (ADR 26).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from adapters.exports.clips import Clip
from adapters.poses.telemetry import beside_masked
from adapters.vault import layout
from application.poses import Pose
from domain.flight import FLIGHT

FORMAT = "saferweho-telemetry-v1"


class NoTelemetry(Exception):
    """A file that is none. Says what is wrong with it."""


class Telemetry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`telemetry.json`. `views`: the poses say whither the camera looked, too. Times are UTC, by the watch center's
    clock; `device_time` by the drone's. Degrees (WGS 84; yaw clockwise from north, pitch up, roll to the right),
    metres, metres a second; null: not known, or not told."""

    format: str
    export: str
    footage: str
    feed: str
    views: bool
    poses: tuple[Pose, ...]

    def encoded(self) -> bytes:
        """A pose a line."""
        head = msgspec.json.encode(msgspec.structs.replace(self, poses=()))
        return head.removesuffix(b"]}") + b"\n" + b",\n".join(map(msgspec.json.encode, self.poses)) + b"\n]}\n"


def is_of_a_drone(feed: str) -> bool:
    return layout.original(feed).startswith(f"{FLIGHT.name}-")


def telemetry(export: str, footage: str, feed: str, clips: Sequence[Clip], *, masked: bool) -> Telemetry:
    """What may be told beside the clips. `masked`: they are, unless an override lifted it."""
    poses = {pose.at: pose for clip in clips for part in clip.parts for pose in part.poses}
    told, views = tuple(poses[at] for at in sorted(poses)), True
    if masked:
        views = not any(clip.hides for clip in clips)
        dark = [range_ for clip in clips for range_ in clip.not_decoded]
        seen = (pose for pose in told if not any(range_.since <= pose.at < range_.until for range_ in dark))
        told = beside_masked(seen, sorted(at for clip in clips for at in clip.covered), views=views)
    return Telemetry(FORMAT, export, footage, feed, views, told)


def says_views(poses: Iterable[Pose]) -> bool:
    return any(pose.airframe or pose.gimbal or pose.lens for pose in poses)


def telemetry_of(content: bytes) -> Telemetry:
    """Raises NoTelemetry."""
    try:
        found = msgspec.json.decode(content, type=Telemetry)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise NoTelemetry(str(error)) from None
    if found.format != FORMAT:
        raise NoTelemetry(f"it is of the format {found.format!r}, not {FORMAT}")
    if any(pose.at.tzinfo is None for pose in found.poses):
        raise NoTelemetry("a time in it has no time zone")
    return found
