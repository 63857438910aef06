"""What may be asked of the inventory. Each answer is one statement, so one snapshot, and says its checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec

from domain.camera import Outline
from domain.kernel import Place
from projections.engine.reading import Checkpoint, Reader, checkpoint_json, document


@dataclass(frozen=True, slots=True)
class Camera:
    """`since`: when it went on or off; None: no picture ever came in. `outages`: of the last 30 days. `mask`: outlines
    in parts of the picture."""

    camera: str
    name: str
    latitude: float
    longitude: float
    height_m: float
    bearing_deg: float
    field_of_view: tuple[Place, ...] | None
    mask: tuple[Outline, ...]
    masked_at: datetime | None
    secret: str | None
    device: str | None
    online: bool
    since: datetime | None
    detail: str | None
    maintained_on: date | None
    maintenance_due_on: date | None
    installed_at: datetime
    moved_at: datetime | None
    retired_at: datetime | None
    outages: int


@dataclass(frozen=True, slots=True)
class Page:
    checkpoint: Checkpoint
    cameras: tuple[Camera, ...]
    has_next: bool = False


@dataclass(frozen=True, slots=True)
class Happened:
    """`person`: None where the recorder noted it."""

    position: int
    at: datetime
    what: str
    said: str
    person: str | None


@dataclass(frozen=True, slots=True)
class History:
    checkpoint: Checkpoint
    happened: tuple[Happened, ...]
    has_next: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """What the public is shown of a camera."""

    name: str
    latitude: float
    longitude: float
    installed_at: datetime


@dataclass(frozen=True, slots=True)
class Public:
    """`retired`: how many were taken down."""

    checkpoint: Checkpoint
    cameras: tuple[Shown, ...]
    retired: int


_CHECKPOINT = checkpoint_json("cameras")
_PAGE = f"""
SELECT row_to_json(page)::text FROM (SELECT {_CHECKPOINT},
    (SELECT coalesce(json_agg(y), '[]') FROM (
        SELECT c.*, (SELECT count(*) FROM read.cameras_happened h
                     WHERE h.camera = c.camera AND h.what = 'camera_offline' AND h.at > %(outages_since)s) AS outages
        FROM read.cameras_cameras c
        WHERE (%(retired)s OR c.retired_at IS NULL) AND (%(one)s::text IS NULL OR c.camera = %(one)s)
          AND (%(after)s::text IS NULL OR (c.name, c.camera) >
               (SELECT name, camera FROM read.cameras_cameras WHERE camera = %(after)s))
        ORDER BY c.name, c.camera LIMIT %(limit)s) y) AS cameras
) page
"""  # noqa: S608
_HISTORY = f"""
SELECT row_to_json(page)::text FROM (SELECT {_CHECKPOINT},
    (SELECT coalesce(json_agg(y), '[]') FROM (
        SELECT position, at, what, said, person FROM read.cameras_happened
        WHERE camera = %(camera)s AND (%(before)s::bigint IS NULL OR position < %(before)s)
        ORDER BY position DESC LIMIT %(limit)s) y) AS happened
) page
"""  # noqa: S608
_PUBLIC = f"""
SELECT row_to_json(page)::text FROM (SELECT {_CHECKPOINT},
    (SELECT coalesce(json_agg(y), '[]') FROM (
        SELECT name, latitude, longitude, installed_at FROM read.cameras_cameras
        WHERE retired_at IS NULL ORDER BY name, camera) y) AS cameras,
    (SELECT count(*) FROM read.cameras_cameras WHERE retired_at IS NOT NULL) AS retired
) page
"""  # noqa: S608
_NAMES = """
SELECT coalesce(json_object_agg('camera-' || camera, name), '{}')::text FROM read.cameras_cameras
WHERE 'camera-' || camera = ANY(%(feeds)s)
"""
_pages = msgspec.json.Decoder(Page)
_histories = msgspec.json.Decoder(History)
_public = msgspec.json.Decoder(Public)
_names = msgspec.json.Decoder(dict[str, str])


async def cameras(
    connection: Reader,
    outages_since: datetime,
    *,
    first: int,
    after: str | None = None,
    retired: bool = False,
    one: str | None = None,
) -> Page:
    """By name; with `retired` those that were taken down too. `after`: the last one of the page before; `one`: that
    camera alone. Raises NoReadModel."""
    values = {"outages_since": outages_since, "retired": retired, "one": one, "after": after, "limit": first + 1}
    page = _pages.decode(await _ask(connection, _PAGE, values))
    return Page(page.checkpoint, page.cameras[:first], len(page.cameras) > first)


async def history(connection: Reader, camera: str, *, first: int, before: int | None = None) -> History:
    """What happened to a camera, newest first. `before`: the last position of the page before. Raises NoReadModel."""
    values = {"camera": camera, "before": before, "limit": first + 1}
    page = _histories.decode(await _ask(connection, _HISTORY, values))
    return History(page.checkpoint, page.happened[:first], len(page.happened) > first)


async def public(connection: Reader) -> Public:
    """Those that are up, by name. Raises NoReadModel."""
    return _public.decode(await _ask(connection, _PUBLIC, {}))


async def names(connection: Reader, feeds: list[str]) -> dict[str, str]:
    """Feed → name of the camera, of those that are cameras'. Raises NoReadModel."""
    return _names.decode(await _ask(connection, _NAMES, {"feeds": feeds}))


async def _ask(connection: Reader, query: str, values: Mapping[str, Any]) -> str:
    return await document(connection, "cameras", query, values)
