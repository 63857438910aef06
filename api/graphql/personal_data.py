"""Of whom something personal is recorded, and its destruction: asked for by one person, approved by another."""

from __future__ import annotations

from datetime import datetime

import strawberry

from api.graphql import types as t
from api.graphql.audit import page_size
from api.graphql.commands import chosen, command
from api.graphql.context import Unreadable, context_of
from domain.subject_key import DestructionGround
from projections.personal_data import queries as q

Id = strawberry.ID


@strawberry.type
class PersonalSubject:
    """Somebody of the public, or an incident in which texts speak of people, by a name that tells nothing of them."""

    id: Id
    state: str = strawberry.field(description="kept | asked (a destruction waits for a second person) | destroyed")
    since: datetime = strawberry.field(description="first recorded")
    ground: str | None = strawberry.field(description="retention_over | person_asked | court_order | recorded_in_error")
    reference: str | None
    requested_by: t.Person | None
    requested_at: datetime | None
    refused_by: t.Person | None
    refused_at: datetime | None
    reasons: list[t.Reason]
    approved_by: t.Person | None
    destroyed_at: datetime | None
    destroyed_under_policy: int | None
    unrecoverable_after: datetime | None = strawberry.field(description="then no backup can bring it back")


@strawberry.type
class PersonalSubjects:
    subjects: list[PersonalSubject]
    has_next_page: bool
    end_cursor: str | None
    position: t.Position


def _subject(row: q.Subject, names: dict[str, str]) -> PersonalSubject:
    def person(id_: str | None) -> t.Person | None:
        return t.Person(id=Id(id_), name=names.get(id_, id_)) if id_ else None

    return PersonalSubject(
        id=Id(row.subject),
        state=row.state,
        since=row.created_at,
        ground=row.ground,
        reference=row.reference,
        requested_by=person(row.requested_by),
        requested_at=row.requested_at,
        refused_by=person(row.refused_by),
        refused_at=row.refused_at,
        reasons=[
            t.Reason(code=r.code, message=r.message, rule=r.rule, field=r.field, accepted=r.accepted)
            for r in row.reasons or ()
        ],
        approved_by=person(row.approved_by),
        destroyed_at=row.destroyed_at,
        destroyed_under_policy=row.policy,
        unrecoverable_after=row.unrecoverable_after,
    )


@strawberry.type
class PersonalDataQueries:
    @strawberry.field(
        description="Of whom something personal is recorded. `which`: asked (its destruction waits) | destroyed | kept,"
        " longest so first. `id`: that one alone."
    )
    async def personal_subjects(
        self,
        info: strawberry.Info,
        which: str = "asked",
        id: Id | None = None,
        first: int | None = None,
        after: str | None = None,
        after_position: t.Position | None = None,
    ) -> PersonalSubjects:
        context = context_of(info)
        context.require("read_personal_subjects")
        if which not in set(q.Which):
            raise Unreadable("invalid_value", f"'which' is one of {', '.join(q.Which)}", field="which")
        await context.applied("personal_data", after_position)
        size, _ = page_size(first, None)
        async with context.reading() as connection:
            page = await q.subjects(connection, q.Which(which), first=size or 1, after=after, one=id)
            everyone = {p for row in page.subjects for p in (row.requested_by, row.refused_by, row.approved_by) if p}
            names = await context.services.names.of(connection, everyone)
        return PersonalSubjects(
            subjects=[_subject(row, names) for row in page.subjects],
            has_next_page=page.has_next,
            end_cursor=page.subjects[-1].subject if page.subjects else None,
            position=t.Position(page.checkpoint.position),
        )


@strawberry.type
class PersonalDataMutations:
    @strawberry.mutation(
        description="Ask that what is personal to a subject (call-…, complaint-…, plate-…) be made unreadable."
        " `ground`: retention_over | person_asked | court_order | recorded_in_error; `reference`: of the order, request"
        " or section, never a person's name."
    )
    async def request_destruction_of_personal_data(
        self, info: strawberry.Info, subject: Id, ground: str, reference: str, command_id: Id | None = None
    ) -> t.CommandResult:
        personal = context_of(info).services.personal_data
        return await command(
            info,
            "request_key_destruction",
            command_id,
            lambda who, id_: personal.request_destruction(
                who, str(subject), chosen(DestructionGround, ground, "ground"), reference, id_
            ),
        )

    @strawberry.mutation(
        description="Approve such a destruction that somebody else asked for, or refuse it with a reason. Needs a"
        " step-up. What is approved cannot be taken back."
    )
    async def answer_destruction_of_personal_data(
        self, info: strawberry.Info, subject: Id, refusal: str | None = None, command_id: Id | None = None
    ) -> t.CommandResult:
        personal = context_of(info).services.personal_data
        return await command(
            info,
            "answer_key_destruction",
            command_id,
            lambda who, id_: personal.answer_destruction(who, str(subject), refusal, id_),
        )
