"""Records leaving the audit trail as a file."""

from __future__ import annotations

import asyncio
from uuid import UUID

import strawberry

from api.graphql import types as t
from api.graphql.audit import AuditFilter, said, what_the_reader_may_see
from api.graphql.commands import chosen, command
from api.graphql.complaints import people
from api.graphql.context import Context, as_recorded, context_of
from application.audit_export import MOST_ON_PAPER, MOST_RECORDS, Asked, Extract
from application.handling import Actor, Outcome
from application.ports import Head
from domain.review_events import ExportFormat
from projections.audit_trail import queries
from projections.audit_trail.queries import AuditFilter as Wanted

Id = strawberry.ID
PAGE = 1_000
NOTHING = Extract((), 0, "00" * 32)
CATCH_UP_S = 30.0  # an export is as of the end of the log: the audit trail may have to come there first


@strawberry.type
class AuditRedaction:
    """What was left out of an export: which element of which event, how often, under which section, why, by whom."""

    element: str
    times: int
    section: str
    reason: str
    redacted_by: t.Person


@strawberry.type
class AuditExport:
    """Records that left the audit trail. The SHA-256 of the file is on the record."""

    id: Id
    format: str
    filter: list[str]
    purpose: str
    first_position: t.Position
    as_of_position: t.Position
    records: int
    file_sha256: str
    size_bytes: int
    redactions: list[AuditRedaction]
    exported_by: t.Person
    media_type: str
    download: str = strawberry.field(description="where the file is, on this server; each download is on the record")
    content: str | None = strawberry.field(description="of a file that is text; null for pdf")


@strawberry.type
class ExportQueries:
    @strawberry.field(description="An export of the audit trail, with its file.")
    async def audit_export(self, info: strawberry.Info, id: Id) -> AuditExport | None:
        context = context_of(info)
        context.require("export_audit_trail")
        found = await asyncio.to_thread(context.services.audit_exports.exported, str(id))
        if found is None:
            return None
        event, file = found
        await context.consulted("audit_export", event.as_of_position, {"export": id}, "export_audit_trail")
        everyone = await people(context, {event.exported_by, *(r.redacted_by for r in event.redactions)})
        return AuditExport(
            id=id,
            format=event.format,
            filter=list(event.filter),
            purpose=event.purpose,
            first_position=t.Position(event.first_position),
            as_of_position=t.Position(event.as_of_position),
            records=event.records,
            file_sha256=event.file_sha256,
            size_bytes=event.size_bytes,
            redactions=[
                AuditRedaction(
                    element=r.element,
                    times=r.times,
                    section=r.section,
                    reason=r.reason,
                    redacted_by=everyone[r.redacted_by],
                )
                for r in event.redactions
            ],
            exported_by=everyone[event.exported_by],
            media_type=file.media_type,
            download=f"/audit-exports/{id}",
            content=None if event.format is ExportFormat.PDF else file.content.decode(),
        )


@strawberry.type
class ExportMutations:
    @strawberry.mutation(
        description=f"Export records of the audit trail as csv or jsonl, at most {MOST_RECORDS}, or as pdf, at most"
        f" {MOST_ON_PAPER}; as of the end of the log at this moment. What is personal to members of the public is left"
        " out under `section`, for `reason`."
    )
    async def export_audit_trail(
        self,
        info: strawberry.Info,
        format: str,
        purpose: str,
        section: str,
        reason: str,
        filter: AuditFilter | None = None,
        after_position: t.Position | None = None,
        command_id: Id | None = None,
    ) -> t.CommandResult:
        context = context_of(info)
        services = context.services
        extract, filtered = NOTHING, tuple[str, ...]()
        if context.reader is not None and context.may("export_audit_trail"):  # else the refusal is all there is to do
            wanted = what_the_reader_may_see(context, filter)
            filtered = as_recorded(said(wanted))
            head = await asyncio.to_thread(services.handler.store.head)
            await context.applied("audit_trail", max(head.position, after_position or 0), CATCH_UP_S)
            extract = await _extract(context, wanted, head)

        def do(who: Actor, id_: UUID) -> Outcome:
            asked = Asked(chosen(ExportFormat, format, "format"), filtered, purpose, section, reason)
            return services.audit_exports.export(who, asked, extract, id_)

        return await command(info, "export_audit_trail", command_id, do)


async def _extract(context: Context, wanted: Wanted, head: Head) -> Extract:
    """What matches up to the end of the log, one more than may be exported where there is more."""
    found: list[tuple[int, bytes]] = []
    people: set[str] = set()
    async with context.reading() as connection:
        more = True
        while more and len(found) <= MOST_RECORDS:
            after = found[-1][0] if found else None
            page = await queries.page(connection, wanted, first=PAGE, after=after, before=head.position + 1)
            found += [(event.position, event.content) for event in page.events]
            people |= {event.person for event in page.events}
            more = page.has_next
        names = await context.services.names.of(connection, people)
    return Extract(found, head.position, head.rolling_hash.hex(), {person: names[person] for person in people})
