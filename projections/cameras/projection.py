"""The inventory of cameras. An event changes rows of its own stream alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import get_args

from application.codec import Recorded, to_builtins
from domain import camera as c
from domain.kernel import EVENT_NAMES
from projections.engine.projection import Cursor, Park, Projection
from projections.engine.rows import Patches, patch, upsert


@dataclass(slots=True)
class Changes:
    cameras: Patches = field(default_factory=dict)
    happened: Patches = field(default_factory=dict)


def changes(batch: Sequence[Recorded]) -> Changes:
    into = Changes()
    for recorded in batch:
        key = recorded.stream.partition("-")[2]
        _camera(into.cameras, key, recorded)
        said, person = _said(recorded.event)
        patch(
            into.happened,
            f"{key}/{recorded.envelope.streamversion}",
            camera=key,
            position=recorded.position,
            at=recorded.envelope.time,
            what=EVENT_NAMES[type(recorded.event)].split(".")[1],
            said=said,
            person=person,
        )
    return into


def _camera(rows: Patches, key: str, recorded: Recorded) -> None:
    at = recorded.envelope.time
    match event := recorded.event:
        case c.CameraInstalled():
            patch(rows, key, name=event.name, mask=[], online=False, installed_at=at)
        case c.CameraMoved():
            patch(rows, key, moved_at=at, field_of_view=None)
        case c.CameraRenamed():
            patch(rows, key, name=event.name)
        case c.FieldOfViewDrawn():
            patch(rows, key, field_of_view=to_builtins(event.outline))
        case c.StreamSourceNamed():
            patch(rows, key, secret=event.secret, device=event.device)
        case c.CameraMaintained():
            patch(rows, key, maintained_on=event.done_on.isoformat(), maintenance_due_on=_day(event.next_due_on))
        case c.CameraOnline():
            patch(rows, key, online=True, since=event.observed_at, detail=None)
        case c.CameraOffline():
            patch(rows, key, online=False, since=event.observed_at, detail=event.detail)
        case c.CameraMaskChanged():
            patch(rows, key, mask=to_builtins(event.outlines), masked_at=at)
        case c.CameraRetired():
            patch(rows, key, online=False, retired_at=at)
    if isinstance(event, c.CameraInstalled | c.CameraMoved):
        place = event.place
        patch(rows, key, latitude=place.latitude, longitude=place.longitude)
        patch(rows, key, height_m=event.height_m, bearing_deg=event.bearing_deg)


def _day(day: object) -> str | None:
    return None if day is None else str(day)


def _said(event: c.Event) -> tuple[str, str | None]:
    """Why or what, in words, and the person who did it."""
    match event:
        case c.CameraInstalled(name=said, installed_by=by):
            return said, by
        case c.CameraMoved(reason=said, moved_by=by) | c.CameraRenamed(reason=said, renamed_by=by):
            return said, by
        case c.FieldOfViewDrawn(reason=said, drawn_by=by) | c.CameraMaskChanged(reason=said, changed_by=by):
            return said, by
        case c.StreamSourceNamed(device=said, named_by=by) | c.CameraMaintained(work=said, performed_by=by):
            return said, by
        case c.CameraRetired(reason=said, retired_by=by):
            return said, by
        case c.CameraOffline(detail=said):
            return said, None
        case c.CameraOnline():
            return "", None


def write(cursor: Cursor, changes: Changes) -> None:
    upsert(cursor, "cameras", "camera", changes.cameras)
    upsert(cursor, "happened", "id", changes.happened)


CAMERAS: Projection[Changes] = Projection(
    name="cameras",
    version=1,
    tables=files(__package__).joinpath("tables.sql").read_text("utf-8"),
    handles=frozenset(get_args(c.Event)),
    changes=changes,
    write=write,
    on_error=lambda failure: Park(),
)
