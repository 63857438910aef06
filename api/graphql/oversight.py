"""Oversight: the weekly sample, reviews, findings and what was done about them."""

from __future__ import annotations

import asyncio
from datetime import datetime

import strawberry

from api.graphql import types as t
from api.graphql.audit import page_size
from api.graphql.commands import chosen, command
from api.graphql.complaints import people
from api.graphql.context import Context, context_of
from api.graphql.exports import ExportMutations, ExportQueries
from api.graphql.looking import stated
from api.graphql.readings import ReadingQueries
from domain.kernel import PersonId, StreamId
from domain.review import RecordFinding
from domain.review_events import AccessVerdict, FindingKind
from projections.oversight import queries as q

Id = strawberry.ID


@strawberry.type
class OversightDue:
    """What has yet to be done. `number`: the position of the access, or the number of the finding."""

    kind: str = strawberry.field(
        description="commit_seed | reveal_nonce | review_access | act_on_finding | review_override | justify_override |"
        " review_disclosure | answer_oversight_change | seed_missed | look_at_feedback"
    )
    stream: Id = strawberry.field(description="of what is to be done something about: review-…, override-…, …")
    review: Id | None = strawberry.field(description="the sample or finding's own, where it is of one")
    number: t.Position | None
    about: Id | None
    person: t.Person | None
    due_at: datetime
    overdue: bool


@strawberry.type
class OversightQueue:
    due: list[OversightDue]
    waiting: int = strawberry.field(description="how many there are, shown or not")
    overdue: int
    position: t.Position


@strawberry.type
class SampledAccess:
    """An access that was drawn; `position` in the log names its event."""

    position: t.Position
    stream: Id
    person: t.Person
    review_by: datetime
    overdue: bool
    verdict: str | None = strawberry.field(description="proper | unclear | improper")
    reviewed_at: datetime | None
    reviewed_by: t.Person | None
    late: bool | None
    note: str | None

    @strawberry.field(description="The reasons that were given for it, read from the record itself.")
    async def stated(self, info: strawberry.Info) -> list[str | None]:
        context = context_of(info)
        return await stated(context, str(self.stream)) if context.may("read_audit_trail") else []


@strawberry.type
class OversightFinding:
    """Something that was wrong, and what was done about it."""

    id: Id
    review: Id
    number: int
    kind: str
    about: Id
    position: t.Position | None
    person: t.Person | None
    recorded_at: datetime
    recorded_by: t.Person
    action_by: datetime
    overdue: bool
    taken_at: datetime | None
    taken_by: t.Person | None
    late: bool | None
    shortcoming: str | None
    measure: str | None


@strawberry.type
class AuditSample:
    """A week's sample, with all that it takes to draw it again: the nonce whose hash was committed to before the week
    ended, the log's root at its end, and the population. Empty until it is drawn."""

    id: Id
    week: str
    nonce_sha256: str | None = strawberry.field(description="null, as the next two: nobody committed to a nonce")
    committed_at: datetime | None
    committed_by: t.Person | None
    missed_at: datetime | None = strawberry.field(
        description="when it was noted that nobody had; the seed is then the root's alone, as `drawingMethod` says"
    )
    week_ends_at: datetime
    reveal_by: datetime
    nonce: str | None
    drawn_at: datetime | None
    drawn_by: t.Person | None
    drawn_late: bool | None
    log_position: t.Position | None
    root_sha256: str | None
    drawing_method: str | None
    population_size: int | None
    population_sha256: str | None
    sample_size: int | None
    reviewed: int

    @strawberry.field(description="What was drawn, in the order of drawing.")
    async def accesses(self, info: strawberry.Info) -> list[SampledAccess]:
        context = context_of(info)
        async with context.reading() as connection:
            found = (await q.accesses(connection, str(self.id))).accesses
        everyone = await people(context, {id_ for a in found for id_ in (a.person, a.reviewed_by)})
        texts = await asyncio.to_thread(context.services.oversight.said, str(self.id)) if found else {}
        now = context.services.handler.clock.now()
        return [
            SampledAccess(
                position=t.Position(a.position),
                stream=Id(a.stream),
                person=everyone[a.person],
                review_by=a.review_by,
                overdue=a.verdict is None and now > a.review_by,
                verdict=a.verdict,
                reviewed_at=a.reviewed_at,
                reviewed_by=everyone.get(a.reviewed_by or ""),
                late=a.late,
                note=texts.get(f"access:{a.position}"),
            )
            for a in found
        ]

    @strawberry.field(description="What the review of this sample found.")
    async def findings(self, info: strawberry.Info) -> list[OversightFinding]:
        context = context_of(info)
        async with context.reading() as connection:
            found = (await q.findings(connection, first=100, review=str(self.id))).findings
        return await _findings(context, found)


@strawberry.type
class AuditSamples:
    samples: list[AuditSample]
    position: t.Position


@strawberry.type
class OversightFindings:
    findings: list[OversightFinding]
    position: t.Position


async def _findings(context: Context, found: tuple[q.Finding, ...]) -> list[OversightFinding]:
    everyone = await people(context, {id_ for f in found for id_ in (f.person, f.recorded_by, f.taken_by)})
    now = context.services.handler.clock.now()

    def read() -> dict[str, dict[str, str | None]]:
        said = context.services.oversight.said
        return {key: said(key) for key in {f.review for f in found}}

    texts = await asyncio.to_thread(read)
    return [
        OversightFinding(
            id=Id(f.finding),
            review=Id(f.review),
            number=f.number,
            kind=f.kind,
            about=Id(f.about),
            position=None if f.position is None else t.Position(f.position),
            person=everyone.get(f.person or ""),
            recorded_at=f.recorded_at,
            recorded_by=everyone[f.recorded_by],
            action_by=f.action_by,
            overdue=f.taken_at is None and now > f.action_by,
            taken_at=f.taken_at,
            taken_by=everyone.get(f.taken_by or ""),
            late=f.late,
            shortcoming=texts[f.review].get(f"finding:{f.number}"),
            measure=texts[f.review].get(f"measure:{f.number}"),
        )
        for f in found
    ]


@strawberry.type
class OversightQueries(ExportQueries, ReadingQueries):
    @strawberry.field(description="What oversight and the agency have yet to do, the most overdue first.")
    async def oversight_queue(
        self, info: strawberry.Info, first: int | None = None, after_position: t.Position | None = None
    ) -> OversightQueue:
        context = context_of(info)
        context.require("read_oversight")
        await context.applied("oversight", after_position)
        size, _ = page_size(first, None)
        now = context.services.handler.clock.now()
        async with context.reading() as connection:
            found = await q.queue(connection, now, first=size or 1)
        everyone = await people(context, {due.person for due in found.queue})
        return OversightQueue(
            due=[
                OversightDue(
                    kind=due.kind,
                    stream=Id(due.stream),
                    review=Id(due.review) if due.review else None,
                    number=None if due.number is None else t.Position(due.number),
                    about=Id(due.about) if due.about else None,
                    person=everyone.get(due.person or ""),
                    due_at=due.due_at,
                    overdue=now > due.due_at,
                )
                for due in found.queue
            ],
            waiting=found.waiting,
            overdue=found.overdue,
            position=t.Position(found.checkpoint.position),
        )

    @strawberry.field(description="The weekly samples, the latest first; with `week`, such as 2026-W23, that one.")
    async def audit_samples(
        self,
        info: strawberry.Info,
        week: str | None = None,
        first: int | None = None,
        after_position: t.Position | None = None,
    ) -> AuditSamples:
        context = context_of(info)
        context.require("read_oversight")
        await context.applied("oversight", after_position)
        size, _ = page_size(first, None)
        async with context.reading() as connection:
            found = await q.samples(connection, first=size or 1, week=week)
        everyone = await people(context, {id_ for s in found.samples for id_ in (s.committed_by, s.drawn_by)})
        return AuditSamples(
            samples=[
                AuditSample(
                    id=Id(s.review),
                    week=s.week,
                    nonce_sha256=s.nonce_sha256,
                    committed_at=s.committed_at,
                    committed_by=everyone.get(s.committed_by or ""),
                    missed_at=s.missed_at,
                    week_ends_at=s.week_ends_at,
                    reveal_by=s.reveal_by,
                    nonce=s.nonce,
                    drawn_at=s.drawn_at,
                    drawn_by=everyone.get(s.drawn_by or ""),
                    drawn_late=s.drawn_late,
                    log_position=None if s.position is None else t.Position(s.position),
                    root_sha256=s.root_sha256,
                    drawing_method=s.drawing_method,
                    population_size=s.population_size,
                    population_sha256=s.population_sha256,
                    sample_size=s.sample_size,
                    reviewed=s.reviewed,
                )
                for s in found.samples
            ],
            position=t.Position(found.checkpoint.position),
        )

    @strawberry.field(description="Findings, the latest first. `open`: those about which nothing was done yet.")
    async def findings(
        self,
        info: strawberry.Info,
        open: bool = False,
        first: int | None = None,
        after_position: t.Position | None = None,
    ) -> OversightFindings:
        context = context_of(info)
        context.require("read_oversight")
        await context.applied("oversight", after_position)
        size, _ = page_size(first, None)
        async with context.reading() as connection:
            found = await q.findings(connection, first=size or 1, open=open)
        findings = await _findings(context, found.findings)
        return OversightFindings(findings=findings, position=t.Position(found.checkpoint.position))


# -- commands ----------------------------------------------------------------


@strawberry.input
class OversightFindingInput:
    """`review` and `position`: of a sampled access; or `about`, a stream, and `personId`, whose act it is about."""

    kind: str = strawberry.field(
        description="no_authority | prohibited_purpose | vague_reason | no_such_case | procedure | record | other"
    )
    shortcoming: str
    review: Id | None = None
    position: t.Position | None = None
    about: Id | None = None
    person_id: Id | None = None


@strawberry.type
class OversightMutations(ExportMutations):
    @strawberry.mutation(
        description="Bind oversight to a nonce for the sample of a week, such as 2026-W23, that is not over: the"
        " SHA-256 of 32 random bytes, both hexadecimal. Keep the nonce to yourselves until the week is over (UTC)."
    )
    async def commit_audit_seed(
        self, info: strawberry.Info, week: str, nonce_sha256: str, command_id: Id | None = None
    ) -> t.CommandResult:
        oversight = context_of(info).services.oversight
        return await command(
            info,
            "commit_audit_seed",
            command_id,
            lambda who, id_: oversight.commit_seed(who, week, nonce_sha256, id_),
        )

    @strawberry.mutation(description="Reveal the nonce of a week that is over, and draw its sample.")
    async def draw_audit_sample(
        self, info: strawberry.Info, week: str, nonce: str, command_id: Id | None = None
    ) -> t.CommandResult:
        oversight = context_of(info).services.oversight
        return await command(
            info, "draw_audit_sample", command_id, lambda who, id_: oversight.draw_sample(who, week, nonce, id_)
        )

    @strawberry.mutation(description="Record the review of a sampled access: proper | unclear | improper.")
    async def review_access(
        self,
        info: strawberry.Info,
        review: Id,
        position: t.Position,
        verdict: str,
        note: str = "",
        command_id: Id | None = None,
    ) -> t.CommandResult:
        oversight = context_of(info).services.oversight
        return await command(
            info,
            "review_access",
            command_id,
            lambda who, id_: oversight.review_access(
                who, str(review), int(position), chosen(AccessVerdict, verdict, "verdict"), note, id_
            ),
        )

    @strawberry.mutation(description="Record the review of a disclosure that was made: proper | unclear | improper.")
    async def review_disclosure(
        self, info: strawberry.Info, disclosure: Id, verdict: str, note: str = "", command_id: Id | None = None
    ) -> t.CommandResult:
        disclosures = context_of(info).services.disclosures
        return await command(
            info,
            "review_disclosure",
            command_id,
            lambda who, id_: disclosures.review(
                who, str(disclosure), chosen(AccessVerdict, verdict, "verdict"), note, id_
            ),
        )

    @strawberry.mutation(description="Record that something is wrong.")
    async def record_finding(
        self, info: strawberry.Info, input: OversightFindingInput, command_id: Id | None = None
    ) -> t.CommandResult:
        oversight = context_of(info).services.oversight

        def finding(by: str) -> RecordFinding:
            return RecordFinding(
                str(input.review or ""),
                chosen(FindingKind, input.kind, "input.kind"),
                input.shortcoming,
                PersonId(by),
                StreamId(str(input.about)) if input.about else None,
                None if input.position is None else int(input.position),
                PersonId(str(input.person_id)) if input.person_id else None,
            )

        return await command(
            info,
            "record_finding",
            command_id,
            lambda who, id_: oversight.record_finding(who, finding(who.person), id_),
        )

    @strawberry.mutation(description="Say what was done about a finding.")
    async def take_corrective_action(
        self, info: strawberry.Info, review: Id, finding: int, measure: str, command_id: Id | None = None
    ) -> t.CommandResult:
        oversight = context_of(info).services.oversight
        return await command(
            info,
            "take_corrective_action",
            command_id,
            lambda who, id_: oversight.take_corrective_action(who, str(review), finding, measure, id_),
        )
