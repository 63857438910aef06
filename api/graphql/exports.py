"""Records leaving the audit trail as a file."""

from __future__ import annotations

import asyncio
from uuid import UUID

import strawberry

from api.graphql import types as t
from api.graphql.audit import AuditFilter, what_the_reader_may_see
from api.graphql.commands import chosen, command
from api.graphql.complaints import people
from api.graphql.context import Context, context_of
from application.audit_export import MOST_RECORDS, Asked, AuditExports
from application.handling import Actor, Outcome
from domain.review_events import ExportFormat
from projections.audit_trail import queries
from projections.audit_trail.queries import AuditFilter as Wanted

Id = strawberry.ID
PAGE = 1_000


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
    content: str


@strawberry.type
class ExportQueries:
    @strawberry.field(description="An export of the audit trail, with its file.")
    async def audit_export(self, info: strawberry.Info, id: Id) -> AuditExport | None:
        context = context_of(info)
        context.require("export_audit_trail")
        found = await asyncio.to_thread(AuditExports(context.services.handler).exported, str(id))
        if found is None:
            return None
        event, content = found
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
            content=content.decode(),
        )


@strawberry.type
class ExportMutations:
    @strawberry.mutation(
        description=f"Export records of the audit trail, at most {MOST_RECORDS}, as csv or jsonl. What is personal to"
        " members of the public is left out under `section`, for `reason`."
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
        exports = AuditExports(context.services.handler)
        records: list[tuple[int, bytes]] = []
        position, said = 0, tuple[str, ...]()
        if context.reader is not None and context.may("export_audit_trail"):  # else the refusal is all there is to do
            await context.applied("audit_trail", after_position)
            wanted = what_the_reader_may_see(context, filter)
            said = _said(wanted)
            records, position = await _records(context, wanted)

        def do(who: Actor, id_: UUID) -> Outcome:
            asked = Asked(chosen(ExportFormat, format, "format"), said, purpose, section, reason)
            return exports.export(who, asked, records, position, id_)

        return await command(info, "export_audit_trail", command_id, do)


async def _records(context: Context, wanted: Wanted) -> tuple[list[tuple[int, bytes]], int]:
    """The records, one more than may be exported where there are more; and the position the trail is complete up to."""
    found: list[tuple[int, bytes]] = []
    as_of: int | None = None
    async with context.reading() as connection:
        while True:
            before = None if as_of is None else as_of + 1  # what comes while we read is not of this export
            after = found[-1][0] if found else None
            page = await queries.page(connection, wanted, first=PAGE, after=after, before=before)
            as_of = page.checkpoint.position if as_of is None else as_of
            found += [(event.position, event.content) for event in page.events]
            if not page.has_next or len(page.events) < PAGE or len(found) > MOST_RECORDS:
                return found[: MOST_RECORDS + 1], as_of


def _said(wanted: Wanted) -> tuple[str, ...]:
    """The filter as it goes on the record."""
    named = ("person", "role", "organisation", "case_number", "subject", "type", "outcome", "session")
    said = [f"{name}={value}" for name in named if (value := getattr(wanted, name)) is not None]
    bounds = (("since", wanted.since), ("until", wanted.until))
    return (*said, *(f"{name}={moment.isoformat()}" for name, moment in bounds if moment is not None))
