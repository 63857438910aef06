"""Feedback of the public and complaints: what waits, who answers, and the answers."""

from __future__ import annotations

import asyncio
from datetime import datetime

import strawberry

from api.graphql import types as t
from api.graphql.audit import page_size
from api.graphql.commands import chosen, command
from api.graphql.context import Context, Unreadable, context_of
from application.complaints import Feedback
from domain.complaint import Disposal, FeedbackChannel, Resolution, Topic
from domain.kernel import PersonId, StreamId
from projections.complaints import queries as q

Id = strawberry.ID


@strawberry.type
class ComplaintTexts:
    """In the words of those who said it; empty where the key was destroyed."""

    said: str | None
    name: str | None
    contact: str | None
    answer: str | None
    measure: str | None


@strawberry.type
class Complaint:
    """What somebody of the public told us, and what became of it."""

    id: Id
    phase: str = strawberry.field(description="received | closed (no complaint) | open | assigned | resolved")
    channel: str = strawberry.field(description="form | mail | desk")
    topic: str
    wants_answer: bool
    received_at: datetime
    look_by: datetime = strawberry.field(description="by when somebody says what it is, a complaint or not")
    disposal: str | None
    about: Id | None = strawberry.field(description="a stream: flight-…, camera-…")
    concerns: t.Person | None
    answer_by: datetime | None
    overdue: bool
    assigned_to: t.Person | None
    closed_at: datetime | None
    closed_by: t.Person | None
    resolution: str | None
    late: bool | None

    @strawberry.field(description="Read from the record itself. Whom the complaint is about does not read it here.")
    async def texts(self, info: strawberry.Info) -> ComplaintTexts | None:
        context = context_of(info)
        said = await asyncio.to_thread(context.services.complaints.said, str(self.id))
        if said is None or said.concerns == context.signed_on().person:
            return None
        return ComplaintTexts(
            said=said.said,
            name=said.name,
            contact=said.contact,
            answer=said.answer,
            measure=said.measure,
        )


@strawberry.type
class ComplaintPage:
    complaints: list[Complaint]
    has_next_page: bool
    end_cursor: str | None
    position: t.Position


@strawberry.type
class ComplaintFigures:
    """Of what was received in a period. `medianDays`: from arrival to answer, of those answered."""

    received: int
    complaints: int
    answered: int
    answered_late: int
    overdue: int
    not_looked_at: int = strawberry.field(description="feedback that nobody opened or closed in time")
    median_days: float | None
    position: t.Position


async def people(context: Context, ids: set[str | None]) -> dict[str, t.Person]:
    """By their id, with their names."""
    known = {id_ for id_ in ids if id_}
    async with context.reading() as connection:
        names = await context.services.names.of(connection, known)
    return {id_: t.Person(id=Id(id_), name=names.get(id_, id_)) for id_ in known}


async def _complaints(context: Context, found: tuple[q.Complaint, ...]) -> list[Complaint]:
    everyone = await people(context, {id_ for c in found for id_ in (c.concerns, c.assigned_to, c.closed_by)})
    now = context.services.handler.clock.now()
    return [
        Complaint(
            id=Id(c.complaint),
            phase=c.phase,
            channel=c.channel,
            topic=c.topic,
            wants_answer=c.wants_answer,
            received_at=c.received_at,
            look_by=c.look_by,
            disposal=c.disposal,
            about=Id(c.about) if c.about else None,
            concerns=everyone.get(c.concerns or ""),
            answer_by=c.answer_by,
            overdue=c.overdue(now),
            assigned_to=everyone.get(c.assigned_to or ""),
            closed_at=c.closed_at,
            closed_by=everyone.get(c.closed_by or ""),
            resolution=c.resolution,
            late=c.late,
        )
        for c in found
    ]


@strawberry.type
class ComplaintQueries:
    @strawberry.field(
        description="Feedback and complaints. `which`: new (nobody looked at it, most overdue first) | unanswered (most"
        " overdue first) | all (newest first). `mine`: assigned to the asker."
    )
    async def complaints(
        self,
        info: strawberry.Info,
        which: str = "all",
        mine: bool = False,
        first: int | None = None,
        after: str | None = None,
        after_position: t.Position | None = None,
    ) -> ComplaintPage:
        context = context_of(info)
        actor = context.require("read_complaints")
        if which not in set(q.Which):
            raise Unreadable("invalid_value", f"'which' is one of {', '.join(q.Which)}", field="which")
        await context.applied("complaints", after_position)
        size, _ = page_size(first, None)
        async with context.reading() as connection:
            page = await q.complaints(
                connection,
                q.Which(which),
                first=size or 1,
                after=after,
                assigned_to=actor.person if mine else None,
            )
        return ComplaintPage(
            complaints=await _complaints(context, page.complaints),
            has_next_page=page.has_next,
            end_cursor=page.complaints[-1].complaint if page.complaints else None,
            position=t.Position(page.checkpoint.position),
        )

    @strawberry.field(description="One piece of feedback or complaint by its id.")
    async def complaint(
        self, info: strawberry.Info, id: Id, after_position: t.Position | None = None
    ) -> Complaint | None:
        context = context_of(info)
        context.require("read_complaints")
        await context.applied("complaints", after_position)
        async with context.reading() as connection:
            _, found = await q.complaint(connection, str(id))
        return None if found is None else (await _complaints(context, (found,)))[0]

    @strawberry.field(description="How many complaints came in a period, and how long their answers took.")
    async def complaint_figures(
        self, info: strawberry.Info, since: datetime, until: datetime, after_position: t.Position | None = None
    ) -> ComplaintFigures:
        context = context_of(info)
        context.require("read_complaints")
        for field, moment in (("since", since), ("until", until)):
            if moment.tzinfo is None:
                raise Unreadable("invalid_value", f"'{field}' has no time zone: give its offset from UTC", field=field)
        await context.applied("complaints", after_position)
        async with context.reading() as connection:
            at, f = await q.figures(connection, since, until, context.services.handler.clock.now())
        return ComplaintFigures(
            received=f.received,
            complaints=f.complaints,
            answered=f.answered,
            answered_late=f.answered_late,
            overdue=f.overdue,
            not_looked_at=f.not_looked_at,
            median_days=f.median_days,
            position=t.Position(at.position),
        )


# -- commands ----------------------------------------------------------------


@strawberry.type
class ComplaintMutations:
    @strawberry.mutation(description="Take in feedback told at the desk, by telephone or by letter.")
    async def receive_feedback(
        self,
        info: strawberry.Info,
        topic: str,
        said: str,
        received_at: datetime,
        name: str = "",
        contact: str = "",
        wants_answer: bool = False,
        command_id: Id | None = None,
    ) -> t.CommandResult:
        complaints = context_of(info).services.complaints

        def feedback() -> Feedback:
            about = chosen(Topic, topic, "topic")
            return Feedback(FeedbackChannel.DESK, about, said, received_at, name, contact, wants_answer)

        return await command(
            info, "receive_feedback", command_id, lambda who, id_: complaints.receive(who, feedback(), id_)
        )

    @strawberry.mutation(
        description="Say what became of feedback that is no complaint: thanked | question_answered | unintelligible |"
        " unsolicited."
    )
    async def close_feedback(
        self, info: strawberry.Info, complaint: Id, disposal: str, command_id: Id | None = None
    ) -> t.CommandResult:
        complaints = context_of(info).services.complaints
        return await command(
            info,
            "close_feedback",
            command_id,
            lambda who, id_: complaints.close(who, str(complaint), chosen(Disposal, disposal, "disposal"), id_),
        )

    @strawberry.mutation(description="Feedback is a complaint. `about`: a stream; `concerns`: a person's id.")
    async def open_complaint(
        self,
        info: strawberry.Info,
        complaint: Id,
        topic: str,
        about: Id | None = None,
        concerns: Id | None = None,
        command_id: Id | None = None,
    ) -> t.CommandResult:
        complaints = context_of(info).services.complaints
        return await command(
            info,
            "open_complaint",
            command_id,
            lambda who, id_: complaints.open(
                who,
                str(complaint),
                chosen(Topic, topic, "topic"),
                StreamId(str(about)) if about else None,
                PersonId(str(concerns)) if concerns else None,
                id_,
            ),
        )

    @strawberry.mutation(description="Have somebody look into a complaint and answer it; never whom it is about.")
    async def assign_complaint(
        self, info: strawberry.Info, complaint: Id, person_id: Id, command_id: Id | None = None
    ) -> t.CommandResult:
        complaints = context_of(info).services.complaints
        return await command(
            info,
            "assign_complaint",
            command_id,
            lambda who, id_: complaints.assign(who, str(complaint), PersonId(str(person_id)), id_),
        )

    @strawberry.mutation(
        description="Answer a complaint assigned to you: sustained | not_sustained | exonerated | unfounded | withdrawn"
        " | referred. `measure`: what was done about it."
    )
    async def resolve_complaint(
        self,
        info: strawberry.Info,
        complaint: Id,
        resolution: str,
        answer: str,
        measure: str = "",
        command_id: Id | None = None,
    ) -> t.CommandResult:
        complaints = context_of(info).services.complaints
        return await command(
            info,
            "resolve_complaint",
            command_id,
            lambda who, id_: complaints.resolve(
                who, str(complaint), chosen(Resolution, resolution, "resolution"), answer, measure, id_
            ),
        )
