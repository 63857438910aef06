"""The inventory of cameras, in GraphQL: where each hangs, what it sees, whether it works, and how it came so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta

import strawberry

from api.graphql import types as t
from api.graphql.audit import page_size
from api.graphql.commands import command
from api.graphql.context import Unreadable, context_of
from domain import camera as c
from domain.kernel import CameraId, PersonId, Place
from projections.access import queries as access
from projections.cameras import queries as q

Id = strawberry.ID
OUTAGES_OF = timedelta(days=30)


# -- what is asked -----------------------------------------------------------


@strawberry.input
class CornerInput:
    """A point of a picture: 0, 0 is top left, 1, 1 bottom right."""

    x: float
    y: float


# -- what is told ------------------------------------------------------------


@strawberry.type
class Corner:
    """A point of a picture: 0, 0 is top left, 1, 1 bottom right."""

    x: float
    y: float


@strawberry.type
class CameraEvent:
    """Something that happened to a camera. `person`: null where the recorder noted it."""

    position: t.Position
    at: datetime
    what: str = strawberry.field(description="the event's name, such as camera_moved or camera_offline")
    said: str = strawberry.field(description="the reason, the work done, or what the recorder saw")
    person: t.Person | None


@strawberry.type
class CameraEventEdge:
    cursor: str
    node: CameraEvent


@strawberry.type
class CameraEventConnection:
    edges: list[CameraEventEdge]
    page_info: t.PageInfo
    position: t.Position


@strawberry.type
class Camera:
    """A fixed camera. `feed`: what to name when asking for its picture; `watchers`: live views open now."""

    id: Id
    feed: Id
    name: str
    place: t.Place
    height_m: float = strawberry.field(description="above the ground")
    bearing_deg: float = strawberry.field(description="where it looks, clockwise from true north")
    field_of_view: list[t.Place] | None = strawberry.field(
        description="the ground it sees; the last point is the first one again. Null: not known since it was put up or"
        " moved"
    )
    mask: list[list[Corner]] = strawberry.field(description="what its picture never shows, as outlines")
    masked_at: datetime | None
    online: bool
    health: str = strawberry.field(description="online | offline | never_seen | retired")
    since: datetime | None = strawberry.field(description="when it went on or off; null: no picture ever came in")
    outage: str | None = strawberry.field(description="what the recorder saw, while there is an outage")
    outages_in_30_days: int
    maintained_on: date | None
    maintenance_due_on: date | None
    maintenance_overdue: bool
    secret: str | None = strawberry.field(
        description="the name under which its address and password are kept elsewhere; for who keeps cameras"
    )
    device: str | None = strawberry.field(description="maker, model, serial and firmware; for who keeps cameras")
    installed_at: datetime
    moved_at: datetime | None
    retired: bool
    retired_at: datetime | None
    watchers: int

    @strawberry.field(description="What happened to it, newest first.")
    async def history(
        self, info: strawberry.Info, first: int | None = None, after: str | None = None
    ) -> CameraEventConnection:
        context = context_of(info)
        if after is not None and (not after.isdecimal() or len(after) > 18):
            raise Unreadable("invalid_cursor", "'after' is no cursor of this list", field="after")
        size, _ = page_size(first, None)
        async with context.reading() as connection:
            page = await q.history(connection, str(self.id), first=size or 1, before=int(after) if after else None)
            names = await context.services.names.of(connection, {row.person for row in page.happened if row.person})
        edges = [
            CameraEventEdge(
                cursor=str(row.position),
                node=CameraEvent(
                    position=t.Position(row.position),
                    at=row.at,
                    what=row.what,
                    said=row.said,
                    person=t.Person(id=Id(row.person), name=names.get(row.person, row.person)) if row.person else None,
                ),
            )
            for row in page.happened
        ]
        info_of_page = _page_info([edge.cursor for edge in edges], page.has_next, after)
        position = t.Position(page.checkpoint.position)
        return CameraEventConnection(edges=edges, page_info=info_of_page, position=position)


@strawberry.type
class CameraEdge:
    cursor: str
    node: Camera


@strawberry.type
class CameraConnection:
    edges: list[CameraEdge]
    page_info: t.PageInfo
    position: t.Position


def _page_info(cursors: list[str], has_next: bool, after: str | None) -> t.PageInfo:
    return t.PageInfo(
        has_next_page=has_next,
        has_previous_page=after is not None,
        start_cursor=cursors[0] if cursors else None,
        end_cursor=cursors[-1] if cursors else None,
    )


def _health(row: q.Camera) -> str:
    if row.retired_at is not None:
        return "retired"
    if row.online:
        return "online"
    return "never_seen" if row.since is None else "offline"


def _camera(row: q.Camera, watchers: Mapping[str, int], today: date, *, keeps: bool) -> Camera:
    seen = row.field_of_view
    return Camera(
        id=Id(row.camera),
        feed=Id(f"camera-{row.camera}"),
        name=row.name,
        place=t.Place(latitude=row.latitude, longitude=row.longitude),
        height_m=row.height_m,
        bearing_deg=row.bearing_deg,
        field_of_view=None if seen is None else [t.Place(latitude=p.latitude, longitude=p.longitude) for p in seen],
        mask=[[Corner(x=x, y=y) for x, y in outline] for outline in row.mask],
        masked_at=row.masked_at,
        online=row.online,
        health=_health(row),
        since=row.since,
        outage=row.detail,
        outages_in_30_days=row.outages,
        maintained_on=row.maintained_on,
        maintenance_due_on=row.maintenance_due_on,
        maintenance_overdue=row.retired_at is None and (row.maintenance_due_on or today) < today,
        secret=row.secret if keeps else None,
        device=row.device if keeps else None,
        installed_at=row.installed_at,
        moved_at=row.moved_at,
        retired=row.retired_at is not None,
        retired_at=row.retired_at,
        watchers=watchers.get(f"camera-{row.camera}", 0),
    )


@strawberry.type
class CameraQueries:
    @strawberry.field(
        description="The cameras that are up, by name, with how many watch each now; with `retired` those that were"
        " taken down too; with `id` that one alone."
    )
    async def cameras(
        self,
        info: strawberry.Info,
        id: Id | None = None,
        retired: bool = False,
        first: int | None = None,
        after: str | None = None,
        after_position: t.Position | None = None,
    ) -> CameraConnection:
        context = context_of(info)
        context.require("read_cameras")
        for model in ("cameras", "access"):  # who watches is of the record of access
            await context.applied(model, after_position)
        now = context.services.handler.clock.now()
        size, _ = page_size(first, None)
        async with context.reading() as connection:
            page = await q.cameras(
                connection, now - OUTAGES_OF, first=size or 1, after=after, retired=retired or id is not None, one=id
            )
            watchers = {row.feed: row.watchers for row in await access.watched(connection)}
        keeps = context.may("keep_camera")
        edges = [
            CameraEdge(cursor=row.camera, node=_camera(row, watchers, now.date(), keeps=keeps)) for row in page.cameras
        ]
        return CameraConnection(
            edges=edges,
            page_info=_page_info([edge.cursor for edge in edges], page.has_next, after),
            position=t.Position(page.checkpoint.position),
        )


# -- commands ----------------------------------------------------------------


@strawberry.type
class CameraMutations:
    @strawberry.mutation(
        description="Put a camera up. It is offline until its first picture comes in. Its name is public: the corner it"
        " stands at."
    )
    async def install_camera(
        self,
        info: strawberry.Info,
        camera: Id,
        name: str,
        place: t.PlaceInput,
        height_m: float,
        bearing_deg: float,
        command_id: Id | None = None,
    ) -> t.CommandResult:
        return await _keep(
            info,
            "install_camera",
            command_id,
            lambda by: c.InstallCamera(CameraId(camera), name, _place(place), height_m, bearing_deg, by),
        )

    @strawberry.mutation(
        description="Put a camera elsewhere, or make it look elsewhere. Its field of view is then to be drawn anew, and"
        " where it has a mask everything is hidden until that is drawn anew too."
    )
    async def move_camera(
        self,
        info: strawberry.Info,
        camera: Id,
        place: t.PlaceInput,
        height_m: float,
        bearing_deg: float,
        reason: str,
        command_id: Id | None = None,
    ) -> t.CommandResult:
        return await _keep(
            info,
            "move_camera",
            command_id,
            lambda by: c.MoveCamera(CameraId(camera), _place(place), height_m, bearing_deg, reason, by),
        )

    @strawberry.mutation(description="Give a camera another name. Names are public.")
    async def rename_camera(
        self, info: strawberry.Info, camera: Id, name: str, reason: str, command_id: Id | None = None
    ) -> t.CommandResult:
        return await _keep(
            info, "rename_camera", command_id, lambda by: c.RenameCamera(CameraId(camera), name, reason, by)
        )

    @strawberry.mutation(
        description="Draw which ground a camera sees: a valid polygon before the camera, closed, no corner further than"
        " 500 m."
    )
    async def draw_field_of_view(
        self,
        info: strawberry.Info,
        camera: Id,
        outline: list[t.PlaceInput],
        reason: str,
        command_id: Id | None = None,
    ) -> t.CommandResult:
        return await _keep(
            info,
            "draw_field_of_view",
            command_id,
            lambda by: c.DrawFieldOfView(CameraId(camera), tuple(map(_place, outline)), reason, by),
        )

    @strawberry.mutation(
        description="Say under which name the recorder finds a camera's address and password. Never the address or the"
        " password: they are in no event and no log."
    )
    async def name_stream_source(
        self, info: strawberry.Info, camera: Id, secret: str, device: str = "", command_id: Id | None = None
    ) -> t.CommandResult:
        return await _keep(
            info,
            "name_stream_source",
            command_id,
            lambda by: c.NameStreamSource(CameraId(camera), secret, device, by),
        )

    @strawberry.mutation(description="Record work that was done on a camera, and when it is due again.")
    async def record_camera_maintenance(
        self,
        info: strawberry.Info,
        camera: Id,
        work: str,
        done_on: date,
        next_due_on: date | None = None,
        command_id: Id | None = None,
    ) -> t.CommandResult:
        return await _keep(
            info,
            "record_camera_maintenance",
            command_id,
            lambda by: c.NoteMaintenance(CameraId(camera), work, done_on, next_due_on, by),
        )

    @strawberry.mutation(description="Draw anew what a camera must never show: the whole mask, as outlines of corners.")
    async def mask_camera(
        self,
        info: strawberry.Info,
        camera: Id,
        outlines: list[list[CornerInput]],
        reason: str,
        command_id: Id | None = None,
    ) -> t.CommandResult:
        drawn = tuple(tuple((corner.x, corner.y) for corner in outline) for outline in outlines)
        return await _keep(
            info, "mask_camera", command_id, lambda by: c.ChangeMask(CameraId(camera), drawn, reason, by)
        )

    @strawberry.mutation(description="Take a camera down.")
    async def retire_camera(
        self, info: strawberry.Info, camera: Id, reason: str, command_id: Id | None = None
    ) -> t.CommandResult:
        return await _keep(info, "retire_camera", command_id, lambda by: c.RetireCamera(CameraId(camera), reason, by))


def _place(place: t.PlaceInput) -> Place:
    return Place(place.latitude, place.longitude)


async def _keep(
    info: strawberry.Info, name: str, command_id: Id | None, make: Callable[[PersonId], c.Command]
) -> t.CommandResult:
    cameras = context_of(info).services.cameras
    return await command(info, name, command_id, lambda who, id_: cameras.change(who, make(PersonId(who.person)), id_))
