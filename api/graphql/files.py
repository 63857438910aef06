"""Files of footage in GraphQL: what was asked for, for whom and on which basis, and what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import strawberry

from api.graphql.audit import page_size
from api.graphql.context import Context, Unreadable, context_of
from api.graphql.overrides import Basis
from api.graphql.types import PageInfo, Person, Position, Reason
from application.ports import StoreUnavailable
from projections.access import queries as q
from projections.engine.reading import checkpoint

Id = strawberry.ID
PATH = "/exports"


class Which(StrEnum):
    MINE = "mine"
    WAITING = "waiting"
    ALL = "all"


@strawberry.type
class FootageExport:
    """Footage that was asked for as a file, and what became of it."""

    stream: Id
    id: Id
    footage: Id
    feed: Id | None
    since: datetime
    until: datetime
    recipient: str
    masked: bool
    override: Id | None
    purpose: str
    call_number: str | None
    case_number: str | None
    legal_basis: Basis | None
    requested_by: Person
    requested_at: datetime
    position: Position
    state: str = strawberry.field(
        description="waiting | refused (by a person or a rule, or because no file could be made: see `reasons`) |"
        " approved (the file is being made) | made | delivered"
    )
    progress: float | None = strawberry.field(description="0 to 1 while the file is being made")
    decided_by: Person | None
    decided_at: datetime | None
    category: str | None = strawberry.field(
        description="what it is to the public records act: investigatory_file | investigation | factual_inquiry"
    )
    category_reason: str | None
    categorised_by: Person | None
    reasons: list[Reason]
    file_sha256: str | None
    size_bytes: float | None
    made_at: datetime | None
    download: str | None = strawberry.field(
        description="where the file is, on this server, as long as it is kept; each download is on the record"
    )
    downloaded_at: datetime | None = strawberry.field(description="the last time")
    downloaded_by: Person | None
    delivered_at: datetime | None
    delivered_by: Person | None
    delivery_method: str | None


@strawberry.type
class FootageExportEdge:
    cursor: str
    node: FootageExport


@strawberry.type
class FootageExportConnection:
    edges: list[FootageExportEdge]
    page_info: PageInfo
    position: Position


_STATES = {"requested": "waiting", "exported": "made"}


@strawberry.type
class FileQueries:
    @strawberry.field(
        description="Files of footage that were asked for, newest first. `which`: mine (asked for by oneself) | waiting"
        " (for an answer) | all; the last two for who decides on them, and for oversight."
    )
    async def exports(
        self,
        info: strawberry.Info,
        which: str = Which.MINE,
        first: int | None = None,
        after: str | None = None,
        after_position: Position | None = None,
    ) -> FootageExportConnection:
        context = context_of(info)
        if which not in set(Which):
            raise Unreadable("invalid_value", f"'which' is one of {', '.join(Which)}", field="which")
        person = _whose(context, Which(which))
        await context.applied("access", after_position)
        size, _ = page_size(first, None)
        async with context.reading() as connection:
            at = await checkpoint(connection, "access")
            state = "requested" if which == Which.WAITING else None
            rows, more = await q.exports(connection, first=size or 1, person=person, state=state, before=_before(after))
            names = await context.services.names.of(connection, {id_ for row in rows for id_ in _people(row)})
        progress = await _progress(context, rows)
        days = timedelta(days=context.services.settings.export_days)
        now = context.services.handler.clock.now()
        nodes = [_export(row, names, progress, now - days) for row in rows]
        edges = [FootageExportEdge(cursor=str(node.position), node=node) for node in nodes]
        return FootageExportConnection(
            edges=edges,
            page_info=PageInfo(
                has_next_page=more,
                has_previous_page=after is not None,
                start_cursor=edges[0].cursor if edges else None,
                end_cursor=edges[-1].cursor if edges else None,
            ),
            position=Position(at.position),
        )


def _whose(context: Context, which: Which) -> str | None:
    """None: everybody's. Raises Unreadable."""
    if which is not Which.MINE:
        context.require("read_exports")
        return None
    actor = context.signed_on()
    if not context.may("read_own_record", f"person-{actor.person}"):
        raise Unreadable("not_permitted", "your roles do not permit reading exports", action="read_exports")
    return actor.person


def _before(after: str | None) -> int | None:
    if after is None:
        return None
    if not after.isdecimal() or not 1 <= len(after) <= 18:
        raise Unreadable("invalid_cursor", "'after' is no cursor of this list", field="after")
    return int(after)


def _people(row: q.Export) -> list[str]:
    everyone = (row.person, row.decided_by, row.categorised_by, row.downloaded_by, row.delivered_by)
    return [person for person in everyone if person]


async def _progress(context: Context, rows: Sequence[q.Export]) -> Mapping[str, float]:
    """Of those that are being made. Who cannot be told how far it is waits without."""
    approved = [row.stream.partition("-")[2] for row in rows if row.state == "approved"]
    if not approved:
        return {}
    try:
        return await asyncio.to_thread(context.services.export_progress.of, approved)
    except StoreUnavailable:
        return {}


def _export(row: q.Export, names: dict[str, str], progress: Mapping[str, float], oldest: datetime) -> FootageExport:
    key = row.stream.partition("-")[2]

    def person(id_: str | None) -> Person | None:
        return Person(id=Id(id_), name=names.get(id_, id_)) if id_ else None

    requested_by = person(row.person)
    assert requested_by is not None
    kept = row.kept and row.made_at is not None and row.made_at > oldest
    basis = Basis(kind=row.basis_kind, number=row.basis_number, issuer=row.basis_issuer) if row.basis_kind else None
    return FootageExport(
        stream=Id(row.stream),
        id=Id(key),
        footage=Id(row.footage.partition("-")[2]),
        feed=Id(row.feed) if row.feed else None,
        since=row.footage_from,
        until=row.footage_until,
        recipient=row.recipient,
        masked=row.masked,
        override=Id(row.override.partition("-")[2]) if row.override else None,
        purpose=row.purpose,
        call_number=row.call_number,
        case_number=row.case_number,
        legal_basis=basis,
        requested_by=requested_by,
        requested_at=row.requested_at,
        position=Position(row.requested_position),
        state=_STATES.get(row.state, row.state),
        progress=progress.get(key) if row.state == "approved" else None,
        decided_by=person(row.decided_by),
        decided_at=row.decided_at,
        category=row.category,
        category_reason=row.category_reason,
        categorised_by=person(row.categorised_by),
        reasons=[
            Reason(code=r.code, message=r.message, rule=r.rule, field=r.field, accepted=r.accepted)
            for r in row.reasons or ()
        ],
        file_sha256=row.file_sha256,
        size_bytes=row.bytes,
        made_at=row.made_at,
        download=f"{PATH}/{key}" if kept else None,
        downloaded_at=row.downloaded_at,
        downloaded_by=person(row.downloaded_by),
        delivered_at=row.delivered_at,
        delivered_by=person(row.delivered_by),
        delivery_method=row.method,
    )
