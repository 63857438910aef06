"""Case numbers that dispatch never told: which were named as grounds, and what oversight found of them."""

from __future__ import annotations

from datetime import datetime

import strawberry

from api.graphql import types as t
from api.graphql.audit import page_info, page_length
from api.graphql.commands import chosen, command
from api.graphql.context import Unreadable, context_of
from domain.case import CaseVerdict
from projections.cases import queries as q

Id = strawberry.ID


@strawberry.type
class UnverifiedCase:
    """A case number that somebody gave as grounds, that dispatch never told, and that waits to be looked up.
    `incident(caseNumber:)` shows what was asked for under it."""

    case_number: str
    uses: int = strawberry.field(description="requests that named it since it was last looked up")
    people: int = strawberry.field(description="how many persons asked")
    first_used_at: datetime
    last_used_at: datetime
    verdict: str | None = strawberry.field(description="not_found: it was looked up before, and named again since")


@strawberry.type
class UnverifiedCaseEdge:
    cursor: str
    node: UnverifiedCase


@strawberry.type
class UnverifiedCaseConnection:
    edges: list[UnverifiedCaseEdge]
    page_info: t.PageInfo
    position: t.Position


@strawberry.type
class CaseQueries:
    @strawberry.field(
        description="Case numbers given as grounds that dispatch never told, the longest waiting first. For oversight."
    )
    async def unverified_cases(
        self,
        info: strawberry.Info,
        first: int | None = None,
        after: str | None = None,
        after_position: t.Position | None = None,
    ) -> UnverifiedCaseConnection:
        context = context_of(info)
        context.require("read_audit_trail")
        await context.applied("cases", after_position)
        if after is not None and not after.isdecimal():
            raise Unreadable("invalid_page", "'after' is a cursor of the page before", field="after")
        async with context.reading() as connection:
            page, more = await q.unverified(connection, first=page_length(first), after=int(after or 0))
        await context.consulted("unverified_cases", page.checkpoint.position, {})
        edges = [
            UnverifiedCaseEdge(
                cursor=str(row.position),
                node=UnverifiedCase(
                    case_number=row.case_number,
                    uses=row.uses,
                    people=row.people,
                    first_used_at=row.first_used_at,
                    last_used_at=row.last_used_at,
                    verdict=row.verdict,
                ),
            )
            for row in page.rows
        ]
        return UnverifiedCaseConnection(
            edges=edges,
            page_info=page_info([edge.cursor for edge in edges], after, more),
            position=t.Position(page.checkpoint.position),
        )


@strawberry.type
class CaseMutations:
    @strawberry.mutation(
        description="Record what was found of a case number that dispatch never told: found | not_found. For oversight."
    )
    async def examine_case(
        self, info: strawberry.Info, case_number: str, verdict: str, findings: str, command_id: Id | None = None
    ) -> t.CommandResult:
        cases = context_of(info).services.cases
        return await command(
            info,
            "examine_case",
            command_id,
            lambda who, id_: cases.examine(who, case_number, chosen(CaseVerdict, verdict, "verdict"), findings, id_),
        )
