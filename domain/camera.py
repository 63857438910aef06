"""A fixed camera: where it hangs, what it sees, what its mask hides, whether it works, and who looked after it.

Whoever may look at it is no matter of the camera's; that it could not be looked at is, so every outage is on record.
A camera that was moved sees something else: what it saw is no longer known, and where it had a mask everything is
hidden until the mask is drawn anew.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime
from math import ceil, cos, radians, sin
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
WHOLE_PICTURE: Outline = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
FEWEST_CORNERS, MOST_POINTS = 3, 64  # of a field of view
METRES_PER_DEGREE = 111_320.0  # of latitude, on a sphere of 6,378 km; good to 0.3 % over a city
_SECRET = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")

# -- events ------------------------------------------------------------------
# `bearing_deg`: where it looks, clockwise from true north; `height_m`: above the ground; `outline`: the ground that it
# sees, WGS 84, the last point is the first one again; `device`: maker, model, serial and firmware, as the camera itself
# tells; empty where it was not asked.


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


@event("camera.camera_renamed")
class CameraRenamed:
    """A camera got another name; its id stays."""

    name: str
    reason: str
    renamed_by: PersonId


@event("camera.field_of_view_drawn")
class FieldOfViewDrawn:
    """Which ground a camera sees was drawn: as surveyed, or as its lens lets expect."""

    outline: tuple[Place, ...]
    reason: str
    drawn_by: PersonId


@event("camera.stream_source_named")
class StreamSourceNamed:
    """It was said under which name a camera's address and password are kept, elsewhere than in the record."""

    secret: str
    device: str
    named_by: PersonId


@event("camera.camera_maintained")
class CameraMaintained:
    """Work was done on a camera."""

    work: str
    done_on: date
    next_due_on: date | None
    performed_by: PersonId


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


Event = (
    CameraInstalled
    | CameraMoved
    | CameraRenamed
    | FieldOfViewDrawn
    | StreamSourceNamed
    | CameraMaintained
    | CameraOnline
    | CameraOffline
    | CameraMaskChanged
    | CameraRetired
)

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
class RenameCamera:
    camera: CameraId
    name: str
    reason: str
    by: PersonId


@dataclass(frozen=True, slots=True)
class DrawFieldOfView:
    camera: CameraId
    outline: tuple[Place, ...]
    reason: str
    by: PersonId


@dataclass(frozen=True, slots=True)
class NameStreamSource:
    """`secret`: a name, never an address or a password: those are in no event and in no log."""

    camera: CameraId
    secret: str
    device: str
    by: PersonId


@dataclass(frozen=True, slots=True)
class NoteMaintenance:
    camera: CameraId
    work: str
    done_on: date
    next_due_on: date | None
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


Command = (
    InstallCamera
    | MoveCamera
    | RenameCamera
    | DrawFieldOfView
    | NameStreamSource
    | NoteMaintenance
    | NoteOnline
    | NoteOffline
    | ChangeMask
    | RetireCamera
)

# -- state -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NotInstalled:
    """Nobody has put up such a camera."""


@dataclass(frozen=True, slots=True)
class Installed:
    """Up; offline until its first picture came in. `field_of_view`: None where it is not known."""

    name: str
    place: Place
    height_m: float
    bearing_deg: float
    field_of_view: tuple[Place, ...] | None = None
    secret: str | None = None
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
            name = _name(command.name)
            height_m, bearing_deg = _aim(command)
            return [CameraInstalled(name, command.place, height_m, bearing_deg, command.by)]
        case InstallCamera(), _:
            raise WrongState("a camera was put up under this id before: take another id", field="camera")
        case _, NotInstalled():
            raise NotFound("there is no such camera", field="camera", accepted="an installed camera's id")
        case _, Retired():
            raise WrongState("this camera was taken down", field="camera")
        case MoveCamera(), Installed(outlines=outlines):
            height_m, bearing_deg = _aim(command)
            moved = CameraMoved(command.place, height_m, bearing_deg, _reason(command.reason), command.by)
            if not outlines:
                return [moved]
            return [moved, CameraMaskChanged((WHOLE_PICTURE,), MASK_AFTER_MOVE, command.by)]
        case RenameCamera(), Installed(name=before):
            name = _name(command.name)
            if name == before:
                raise InvalidValue("the camera has this name already", field="name", accepted="another name")
            return [CameraRenamed(name, _reason(command.reason), command.by)]
        case DrawFieldOfView(), Installed(field_of_view=seen_before):
            checks.closed("outline", command.outline, FEWEST_CORNERS, MOST_POINTS)
            if command.outline == seen_before:
                raise InvalidValue("the field of view is just so already", field="outline", accepted="another outline")
            return [FieldOfViewDrawn(command.outline, _reason(command.reason), command.by)]
        case NameStreamSource(), _:
            if not _SECRET.fullmatch(command.secret):
                accepted = "1 to 64 of a-z, 0-9, '.', '_' and '-': a name, never an address or a password"
                raise InvalidValue("secret is no name of a secret", field="secret", accepted=accepted)
            return [StreamSourceNamed(command.secret, checks.cleaned(command.device), command.by)]
        case NoteMaintenance(work=work, done_on=done_on, next_due_on=due), _:
            # The station's day may be one behind UTC's, never ahead of it.
            if done_on > at.date():
                raise InvalidValue("done_on is to come", field="done_on", accepted="today or a day before")
            if due is not None and due <= done_on:
                raise InvalidValue("next_due_on is not after done_on", field="next_due_on", accepted="a later day")
            return [CameraMaintained(checks.text("work", work, at_least=3, at_most=500), done_on, due, command.by)]
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


MASK_AFTER_MOVE = "the camera was moved: everything is hidden until its mask is drawn anew"


def _name(said: str) -> str:
    return checks.text("name", said, at_most=120)


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


def sector(place: Place, bearing_deg: float, angle_deg: float, range_m: float) -> tuple[Place, ...]:
    """The ground that a camera of this horizontal angle of view (1 to 360 degrees) may see as far as `range_m`
    (5 to 500 metres), with nothing in the way: a sector on the tangent plane, closed, to a centimetre. An arc is cut
    into steps of at most 15 degrees, whose corners lie on it. Raises InvalidValue."""
    checks.within("view_angle_deg", angle_deg, 1, 360, "degrees")
    checks.within("view_range_m", range_m, 5, 500, "m")
    steps = ceil(angle_deg / 15)
    first, turn = bearing_deg - angle_deg / 2, angle_deg / steps
    all_round = angle_deg == 360
    arc = [radians(first + turn * n) for n in range(steps if all_round else steps + 1)]
    east_per_degree = METRES_PER_DEGREE * cos(radians(place.latitude))

    def point(north_m: float, east_m: float) -> Place:
        latitude, longitude = place.latitude + north_m / METRES_PER_DEGREE, place.longitude + east_m / east_per_degree
        return Place(round(latitude, 7), round(longitude, 7))

    corners = [point(range_m * cos(towards), range_m * sin(towards)) for towards in arc]
    outline = corners if all_round else [point(0, 0), *corners]
    return (*outline, outline[0])


def evolve(state: State, happened: Event) -> State:
    match happened, state:
        case CameraInstalled(name, place, height_m, bearing_deg), _:
            return Installed(name, place, height_m, bearing_deg)
        case CameraRetired(), _:
            return Retired()
        case CameraMoved(place, height_m, bearing_deg), Installed():
            return replace(state, place=place, height_m=height_m, bearing_deg=bearing_deg, field_of_view=None)
        case CameraRenamed(name), Installed():
            return replace(state, name=name)
        case FieldOfViewDrawn(outline), Installed():
            return replace(state, field_of_view=outline)
        case StreamSourceNamed(secret), Installed():
            return replace(state, secret=secret)
        case CameraOnline(), Installed():
            return replace(state, online=True)
        case CameraOffline(), Installed():
            return replace(state, online=False)
        case CameraMaskChanged(outlines), Installed():
            return replace(state, outlines=outlines)
        case _:
            return state


CAMERA: Aggregate[Command, Event, State] = Aggregate("camera", NotInstalled(), decide, evolve)
