"""Who read the record, what left it as a file, and what in it did not agree: for oversight, each the latest first."""

from __future__ import annotations

from datetime import datetime

import strawberry

from api.graphql import types as t
from api.graphql.audit import cursor, page_size, position_of
from api.graphql.complaints import people
from api.graphql.context import Context, context_of
from api.graphql.looking import whose
from projections.oversight import queries as q

Id = strawberry.ID


@strawberry.type
class Consultation:
    """Somebody read the record: the first answer of a quarter of an hour in which the same was asked."""

    position: t.Position = strawberry.field(description="of the event that says so")
    at: datetime
    person: t.Person
    role: str
    session_id: str | None
    question: str
    filter: list[str]
    up_to_position: t.Position = strawberry.field(description="what the answer could show of the log")
    decided_by: str


@strawberry.type
class ConsultationEdge:
    cursor: str
    node: Consultation


@strawberry.type
class ConsultationConnection:
    edges: list[ConsultationEdge]
    page_info: t.PageInfo
    position: t.Position


@strawberry.type
class ExportSummary:
    """A file that left the audit trail; `auditExport` tells of it in full."""

    id: Id
    at: datetime
    person: t.Person
    format: str
    purpose: str
    as_of_position: t.Position
    records: int
    size_bytes: int
    file_sha256: str


@strawberry.type
class ExportEdge:
    cursor: str
    node: ExportSummary


@strawberry.type
class ExportConnection:
    edges: list[ExportEdge]
    page_info: t.PageInfo
    position: t.Position


@strawberry.type
class Discrepancy:
    """Two things that should agree and do not."""

    id: Id
    at: datetime
    found_by: t.Person
    kind: str = strawberry.field(description="count | clock | missing | unrecorded")
    about: Id | None
    detail: str


@strawberry.type
class DiscrepancyEdge:
    cursor: str
    node: Discrepancy


@strawberry.type
class DiscrepancyConnection:
    edges: list[DiscrepancyEdge]
    page_info: t.PageInfo
    position: t.Position


def _page_info(positions: list[int], after: str | None, more: bool) -> t.PageInfo:
    return t.PageInfo(
        has_next_page=more,
        has_previous_page=after is not None,
        start_cursor=cursor(positions[0]) if positions else None,
        end_cursor=cursor(positions[-1]) if positions else None,
    )


async def _asked(context: Context, first: int | None, after_position: int | None) -> int:
    """How many, once the read model has come so far. Raises Unreadable."""
    await context.applied("oversight", after_position)
    return page_size(first, None)[0] or 1


@strawberry.type
class ReadingQueries:
    @strawberry.field(description="Who read the record, when, and what: all for oversight, one's own for everybody.")
    async def consultations(
        self,
        info: strawberry.Info,
        person_id: Id | None = None,
        first: int | None = None,
        after: str | None = None,
        after_position: t.Position | None = None,
    ) -> ConsultationConnection:
        context = context_of(info)
        person = whose(context, person_id)
        size = await _asked(context, first, after_position)
        async with context.reading() as connection:
            before = position_of(after, "after")
            found = await q.consultations(connection, first=size + 1, person=person, before=before)
        at = found.checkpoint.position
        await context.consulted("consultations", at, {"person": person})
        rows = found.consultations[:size]
        everyone = await people(context, {row.person for row in rows})
        edges = [
            ConsultationEdge(
                cursor=cursor(row.position),
                node=Consultation(
                    position=t.Position(row.position),
                    at=row.consulted_at,
                    person=everyone[row.person],
                    role=row.role,
                    session_id=row.session or None,
                    question=row.question,
                    filter=list(row.filter),
                    up_to_position=t.Position(row.up_to_position),
                    decided_by=row.rule,
                ),
            )
            for row in rows
        ]
        page_info = _page_info([row.position for row in rows], after, len(found.consultations) > size)
        return ConsultationConnection(edges=edges, page_info=page_info, position=t.Position(at))

    @strawberry.field(description="What left the audit trail as a file.")
    async def audit_exports(
        self,
        info: strawberry.Info,
        first: int | None = None,
        after: str | None = None,
        after_position: t.Position | None = None,
    ) -> ExportConnection:
        context = context_of(info)
        context.require("export_audit_trail")
        size = await _asked(context, first, after_position)
        async with context.reading() as connection:
            found = await q.exports(connection, first=size + 1, before=position_of(after, "after"))
        at = found.checkpoint.position
        await context.consulted("audit_exports", at, {}, "export_audit_trail")
        rows = found.exports[:size]
        everyone = await people(context, {row.person for row in rows})
        edges = [
            ExportEdge(
                cursor=cursor(row.position),
                node=ExportSummary(
                    id=Id(row.export),
                    at=row.exported_at,
                    person=everyone[row.person],
                    format=row.format,
                    purpose=row.purpose,
                    as_of_position=t.Position(row.as_of_position),
                    records=row.records,
                    size_bytes=row.size_bytes,
                    file_sha256=row.file_sha256,
                ),
            )
            for row in rows
        ]
        page_info = _page_info([row.position for row in rows], after, len(found.exports) > size)
        return ExportConnection(edges=edges, page_info=page_info, position=t.Position(at))

    @strawberry.field(description="What should agree and does not.")
    async def discrepancies(
        self,
        info: strawberry.Info,
        first: int | None = None,
        after: str | None = None,
        after_position: t.Position | None = None,
    ) -> DiscrepancyConnection:
        context = context_of(info)
        context.require("read_oversight")
        size = await _asked(context, first, after_position)
        async with context.reading() as connection:
            found = await q.discrepancies(connection, first=size + 1, before=position_of(after, "after"))
        rows = found.discrepancies[:size]
        everyone = await people(context, {row.found_by for row in rows})
        edges = [
            DiscrepancyEdge(
                cursor=cursor(row.position),
                node=Discrepancy(
                    id=Id(row.discrepancy),
                    at=row.found_at,
                    found_by=everyone[row.found_by],
                    kind=row.kind,
                    about=Id(row.about) if row.about else None,
                    detail=row.detail,
                ),
            )
            for row in rows
        ]
        page_info = _page_info([row.position for row in rows], after, len(found.discrepancies) > size)
        return DiscrepancyConnection(edges=edges, page_info=page_info, position=t.Position(found.checkpoint.position))
