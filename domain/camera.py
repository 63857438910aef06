"""A fixed camera: where it hangs, what its mask hides, and whether it is seen to work.

Whoever may look at it is no matter of the camera's; that it could not be looked at is, so every outage is on record.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from domain import checks
from domain.kernel import (
    Aggregate,
    CameraId,
    FeedId,
    InvalidValue,
    NotFound,
    PersonId,
    Place,
    Reason,
    WrongState,
    event,
)

Outline = tuple[tuple[float, float], ...]  # corners in parts of the picture: 0, 0 is top left, 1, 1 bottom right

# -- events ------------------------------------------------------------------
# `bearing_deg`: where it looks, clockwise from true north; `height_m`: above the ground.


@event("camera.camera_installed")
class CameraInstalled:
    """A camera was put up."""

    name: str
    place: Place
    height_m: float
    bearing_deg: float
    installed_by: PersonId


@event("camera.camera_moved")
class CameraMoved:
    """A camera was put elsewhere, or made to look elsewhere."""

    place: Place
    height_m: float
    bearing_deg: float
    reason: str
    moved_by: PersonId


@event("camera.camera_online")
class CameraOnline:
    """A camera's picture came in."""

    observed_at: datetime


@event("camera.camera_offline")
class CameraOffline:
    """A camera's picture stopped coming in."""

    observed_at: datetime
    detail: str


@event("camera.camera_mask_changed")
class CameraMaskChanged:
    """What a camera must never show was drawn anew."""

    outlines: tuple[Outline, ...]
    reason: str
    changed_by: PersonId


@event("camera.camera_retired")
class CameraRetired:
    """A camera was taken down."""

    reason: str
    retired_by: PersonId


Event = CameraInstalled | CameraMoved | CameraOnline | CameraOffline | CameraMaskChanged | CameraRetired

# -- commands ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InstallCamera:
    camera: CameraId
    name: str
    place: Place
    height_m: float
    bearing_deg: float
    by: PersonId


@dataclass(frozen=True, slots=True)
class MoveCamera:
    camera: CameraId
    place: Place
    height_m: float
    bearing_deg: float
    reason: str
    by: PersonId


@dataclass(frozen=True, slots=True)
class NoteOnline:
    """The recorder receives pictures. Said again, it changes nothing."""

    camera: CameraId
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class NoteOffline:
    camera: CameraId
    observed_at: datetime
    detail: str


@dataclass(frozen=True, slots=True)
class ChangeMask:
    """The whole mask as it shall be; none: nothing is hidden any more."""

    camera: CameraId
    outlines: tuple[Outline, ...]
    reason: str
    by: PersonId


@dataclass(frozen=True, slots=True)
class RetireCamera:
    camera: CameraId
    reason: str
    by: PersonId


Command = InstallCamera | MoveCamera | NoteOnline | NoteOffline | ChangeMask | RetireCamera

# -- state -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NotInstalled:
    """Nobody has put up such a camera."""


@dataclass(frozen=True, slots=True)
class Installed:
    """Up; offline until its first picture came in."""

    online: bool = False
    outlines: tuple[Outline, ...] = ()


@dataclass(frozen=True, slots=True)
class Retired:
    """Taken down for good."""


State = NotInstalled | Installed | Retired


@dataclass(frozen=True, slots=True)
class FeedStanding:
    """What other decisions may know of a feed, of a camera or of a drone in flight. `fault`: why there is no picture
    to be had, None where there is one."""

    feed: FeedId
    fault: Reason | None


def feed_standing(feed: FeedId, state: State) -> FeedStanding:
    rule = "a view is of a picture that is there"
    match state:
        case NotInstalled():
            return FeedStanding(feed, Reason("feed_unknown", "there is no such camera", rule, field="feed"))
        case Retired():
            return FeedStanding(feed, Reason("feed_retired", "this camera was taken down", rule, field="feed"))
        case Installed(online=False):
            message = "this camera sends no picture now"
            return FeedStanding(feed, Reason("feed_offline", message, rule, field="feed"))
        case Installed():
            return FeedStanding(feed, None)
        case _:
            assert_never(state)


# -- decide and evolve -------------------------------------------------------


def decide(command: Command, state: State, at: datetime) -> list[Event]:
    match command, state:
        case InstallCamera(), NotInstalled():
            checks.identifier("camera", command.camera)
            name = checks.text("name", command.name, at_most=120)
            height_m, bearing_deg = _aim(command)
            return [CameraInstalled(name, command.place, height_m, bearing_deg, command.by)]
        case InstallCamera(), _:
            raise WrongState("a camera was put up under this id before: take another id", field="camera")
        case _, NotInstalled():
            raise NotFound("there is no such camera", field="camera", accepted="an installed camera's id")
        case _, Retired():
            raise WrongState("this camera was taken down", field="camera")
        case MoveCamera(), _:
            height_m, bearing_deg = _aim(command)
            return [CameraMoved(command.place, height_m, bearing_deg, _reason(command.reason), command.by)]
        case NoteOnline(observed_at=seen), Installed(online=online):
            return [] if online else [CameraOnline(checks.aware("observed_at", seen))]
        case NoteOffline(observed_at=seen, detail=detail), Installed(online=online):
            return [CameraOffline(checks.aware("observed_at", seen), checks.cleaned(detail))] if online else []
        case ChangeMask(), _:
            _check_outlines(command.outlines)
            return [CameraMaskChanged(command.outlines, _reason(command.reason), command.by)]
        case RetireCamera(), _:
            return [CameraRetired(_reason(command.reason), command.by)]
        case _:
            raise AssertionError(command)


def _aim(command: InstallCamera | MoveCamera) -> tuple[float, float]:
    return (
        checks.within("height_m", command.height_m, 0, 100, "m above the ground"),
        checks.within("bearing_deg", command.bearing_deg, 0, 360, "degrees clockwise from true north"),
    )


def _reason(said: str) -> str:
    return checks.text("reason", said, at_least=3, at_most=500)


def _check_outlines(outlines: tuple[Outline, ...]) -> None:
    accepted = "at most 32 outlines of 3 to 64 corners, each from 0, 0 (top left) to 1, 1 (bottom right)"
    corners = [corner for outline in outlines for corner in outline]
    if (
        len(outlines) > 32
        or any(not 3 <= len(outline) <= 64 for outline in outlines)
        or any(not (0 <= x <= 1 and 0 <= y <= 1) for x, y in corners)
    ):
        raise InvalidValue("this is no mask", field="outlines", accepted=accepted)


def evolve(state: State, happened: Event) -> State:
    match happened, state:
        case CameraInstalled(), _:
            return Installed()
        case CameraRetired(), _:
            return Retired()
        case CameraOnline(), Installed():
            return replace(state, online=True)
        case CameraOffline(), Installed():
            return replace(state, online=False)
        case CameraMaskChanged(outlines), Installed():
            return replace(state, outlines=outlines)
        case _:
            return state


CAMERA: Aggregate[Command, Event, State] = Aggregate("camera", NotInstalled(), decide, evolve)
