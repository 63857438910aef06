"""Looking, in GraphQL: live views, who watches now, everything that X saw, everyone who saw Y.

What a page asks of a live view answers out of the store, as it is at that moment; lists come out of the read model.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import strawberry

from api.graphql.audit import page_size
from api.graphql.commands import command
from api.graphql.context import Context, Services, Unreadable, context_of
from api.graphql.types import CommandResult, PageInfo, Person, Position, Reason
from application.handling import Accepted, Actor, Mistaken, Outcome, Refused
from domain import kernel
from domain.grounds import Grounds
from domain.kernel import CallNumber, CaseNumber, Mistake
from domain.reason_quality import ADVICE
from projections.access import queries as q
from projections.engine.reading import checkpoint

Id = strawberry.ID


# -- what is asked -----------------------------------------------------------------


@strawberry.input
class GroundsInput:
    """Why somebody wants to see something. Asked of everybody, before the first frame."""

    purpose: str = strawberry.field(description="a code of the use policy")
    reason: str = strawberry.field(description="what you expect to see, 3 to 500 characters")
    call_number: str | None = None
    case_number: str | None = None
    authorisation: str | None = strawberry.field(default=None, description="the document or review that allows it")

    def grounds(self) -> Grounds:
        return Grounds(
            self.purpose,
            self.reason,
            CallNumber(self.call_number) if self.call_number else None,
            CaseNumber(self.case_number) if self.case_number else None,
            self.authorisation,
        )


# -- what is told ------------------------------------------------------------------


@strawberry.type
class Advice:
    code: str
    message: str


@strawberry.type
class ReasonQuality:
    """How good a reason is, by stated rules. A vague one is not refused by itself; it is kept and counted."""

    score: int = strawberry.field(description="0 to 100")
    vague: bool
    advice: list[Advice]


@strawberry.type
class Pulse:
    """The answer to a heartbeat. `until`: when the picture ends unless the view is renewed."""

    open: bool
    until: datetime | None
    reason: Reason | None


@strawberry.type
class LivePicture:
    """Where a live view's picture is, and the ticket to it, which is good once and for half a minute; or why not."""

    url: str | None = strawberry.field(description='of a WebSocket, whose first message is {"token": …}')
    token: str | None
    expires_at: datetime | None
    until: datetime | None = strawberry.field(description="when the view ends, unless it is renewed")
    masked: bool = strawberry.field(description="false: an override lifts the mask, and its use is on the record")
    reason: Reason | None


@strawberry.type
class FeedWatchers:
    feed: Id
    watchers: int


@strawberry.type
class Look:
    """One request to see something, and what became of it."""

    stream: Id
    id: Id
    kind: str = strawberry.field(description="live_view | viewing | export | disclosure")
    person: Person
    role: str
    session_id: str
    feed: Id | None
    footage: Id | None
    what: Id | None = strawberry.field(description="what was disclosed: footage-…, flight-…, platesearch-…")
    footage_from: datetime | None
    footage_until: datetime | None
    purpose: str
    call_number: str | None
    case_number: str | None
    shared_by_call: str | None = strawberry.field(description="the incident the feed was shared with, if that is why")
    reason_score: int
    vague: bool
    state: str = strawberry.field(
        description="requested | open | refused | ended | approved | exported | delivered | made"
    )
    masked: bool | None
    requested_at: datetime
    position: Position
    granted_at: datetime | None
    until: datetime | None
    renewed_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None = strawberry.field(description="closed | lost | expired | revoked | privacy_zone")
    seconds: float | None = strawberry.field(description="how much was seen")
    bytes: float | None
    decided_by: Id | None
    recipient: str | None

    @strawberry.field(
        description="The reasons given, at the request and at each renewal; read from the record itself. Null: its key"
        " is destroyed."
    )
    async def stated(self, info: strawberry.Info) -> list[str | None]:
        return await stated(context_of(info), str(self.stream))


@strawberry.type
class LookEdge:
    cursor: str
    node: Look


@strawberry.type
class LookConnection:
    edges: list[LookEdge]
    page_info: PageInfo
    position: Position


@strawberry.type
class RefusedAttempt:
    """Somebody asked for what was refused. `target`: the stream it was aimed at."""

    position: Position
    at: datetime
    person: Person
    role: str
    action: str
    target: Id | None
    rule: str
    reasons: list[Reason]


@strawberry.type
class RefusedAttemptEdge:
    cursor: str
    node: RefusedAttempt


@strawberry.type
class RefusedAttemptConnection:
    edges: list[RefusedAttemptEdge]
    page_info: PageInfo
    position: Position


def _reason(reason: kernel.Reason) -> Reason:
    return Reason(
        code=reason.code, message=reason.message, rule=reason.rule, field=reason.field, accepted=reason.accepted
    )


def _look(row: q.Look, names: dict[str, str]) -> Look:
    return Look(
        stream=Id(row.stream),
        id=Id(row.stream.partition("-")[2]),
        kind=row.kind,
        person=Person(id=Id(row.person), name=names.get(row.person, row.person)),
        role=row.role,
        session_id=row.session,
        feed=Id(row.feed) if row.feed else None,
        footage=Id(row.footage) if row.footage else None,
        what=Id(row.what) if row.what else None,
        footage_from=row.footage_from,
        footage_until=row.footage_until,
        purpose=row.purpose,
        call_number=row.call_number,
        case_number=row.case_number,
        shared_by_call=row.shared_by_call,
        reason_score=row.score,
        vague=row.vague,
        state=row.state,
        masked=row.masked,
        requested_at=row.requested_at,
        position=Position(row.requested_position),
        granted_at=row.granted_at,
        until=row.until,
        renewed_at=row.renewed_at,
        ended_at=row.ended_at,
        end_reason=row.end_reason,
        seconds=row.seconds,
        bytes=row.bytes,
        decided_by=Id(row.decided_by) if row.decided_by else None,
        recipient=row.recipient,
    )


def _page_info(cursors: list[str], after: str | None, more: bool) -> PageInfo:
    return PageInfo(
        has_next_page=more,
        has_previous_page=after is not None,
        start_cursor=cursors[0] if cursors else None,
        end_cursor=cursors[-1] if cursors else None,
    )


def _before(after: str | None) -> int | None:
    if after is None:
        return None
    if not after.isdecimal() or not 1 <= len(after) <= 18:
        raise Unreadable("invalid_cursor", "'after' is no cursor of this list", field="after")
    return int(after)


async def stated(context: Context, stream: str) -> list[str | None]:
    """What somebody gave as reasons for an access."""
    return await asyncio.to_thread(context.services.oversight.stated, stream)


def whose(context: Context, person: str | None) -> str | None:
    """Whose record may be read: anybody's by oversight, one's own by everybody. Raises Unreadable."""
    actor = context.signed_on()
    if context.may("read_audit_trail"):
        return person
    if person not in (None, actor.person) or not context.may("read_own_record", f"person-{actor.person}"):
        only = "you may read the record of your own acts alone"
        raise Unreadable("not_permitted", only, field="personId", action="read_audit_trail")
    return actor.person


TICKET_LENGTH = timedelta(seconds=30)
NOT_YOURS = ("not_your_view",)
NO_MEDIA = kernel.Reason(
    "no_media",
    "pictures are not served here",
    "SAFERWEHO_MEDIA_KEY is set where 'saferweho media' runs",
)


def _ticket(services: Services, actor: Actor, view: str, override: str | None) -> LivePicture | kernel.Reason:
    """Raises Mistake and StoreUnavailable."""
    if services.picture_tokens is None:
        return NO_MEDIA
    permit = services.views.permit(actor, view)
    if isinstance(permit, kernel.Reason):
        if permit.code in NOT_YOURS:
            services.views.attempted(actor, view, permit)
        return permit
    if override is not None and (refused := _not_lifted(services.mask_states.lift(actor, view, override))) is not None:
        return refused
    token, expires_at = services.picture_tokens.issue(
        use="live",
        person=actor.person,
        session=actor.session,
        subject=view,
        feed=permit.feed,
        lifetime=TICKET_LENGTH,
        override=override,
    )
    address = f"ws{services.settings.media_url.removeprefix('http')}/live/{permit.feed}"
    masked, until = override is None, permit.until
    return LivePicture(url=address, token=token, expires_at=expires_at, until=until, masked=masked, reason=None)


def _not_lifted(told: Outcome) -> kernel.Reason | None:
    """Why an override lifts no mask of this view; None: it does, and that is on the record."""
    match told:
        case Accepted():
            return None
        case Refused():
            return told.reasons[0]
        case Mistaken():
            return kernel.Reason(told.code, told.message, "input", told.field, told.accepted)
        case _:
            return kernel.Reason("store_unavailable", told.message, "a use is on the record first")


# -- questions ---------------------------------------------------------------------


@strawberry.type
class LookingQueries:
    @strawberry.field(description="How good a reason is, before anything is asked for. Nothing is recorded.")
    async def reason_quality(self, info: strawberry.Info, grounds: GroundsInput) -> ReasonQuality:
        context = context_of(info)
        actor = context.signed_on()
        try:
            found = await asyncio.to_thread(context.services.reasons.feedback, actor, grounds.grounds())
        except Mistake as mistake:
            raise Unreadable(mistake.code, mistake.message, field=mistake.field) from None
        advice = [Advice(code=flaw, message=ADVICE[flaw]) for flaw in found.flaws]
        return ReasonQuality(score=found.score, vague=found.vague, advice=advice)

    @strawberry.field(description="How many live views of each feed are open, where there are any.")
    async def watchers(self, info: strawberry.Info, after_position: Position | None = None) -> list[FeedWatchers]:
        context = context_of(info)
        context.require("read_cameras")
        await context.applied("access", after_position)
        async with context.reading() as connection:
            return [FeedWatchers(feed=Id(row.feed), watchers=row.watchers) for row in await q.watched(connection)]

    @strawberry.field(description="Live views that are open: all for oversight, one's own for everybody else.")
    async def open_views(
        self, info: strawberry.Info, feed: Id | None = None, after_position: Position | None = None
    ) -> list[Look]:
        context = context_of(info)
        person = whose(context, None)
        await context.applied("access", after_position)
        async with context.reading() as connection:
            rows = await q.open_views(connection, feed=feed, person=person)
            names = await context.services.names.of(connection, {row.person for row in rows})
        await context.consulted(
            "open_views", context.services.applied.position("access"), {"feed": feed, "person": person}
        )
        return [_look(row, names) for row in rows]

    @strawberry.field(description="Everything that a person asked to see, newest first; one's own without `personId`.")
    async def access_record(
        self,
        info: strawberry.Info,
        person_id: Id | None = None,
        kind: str | None = None,
        first: int | None = None,
        after: str | None = None,
        after_position: Position | None = None,
    ) -> LookConnection:
        context = context_of(info)
        person = whose(context, person_id)
        return await _looks(context, "access_record", after_position, first, after, person=person, kind=kind)

    @strawberry.field(description="Everyone who asked to see a feed or footage, newest first. For oversight.")
    async def audience(
        self,
        info: strawberry.Info,
        subject: Id,
        first: int | None = None,
        after: str | None = None,
        after_position: Position | None = None,
    ) -> LookConnection:
        context = context_of(info)
        context.require("read_audit_trail")
        return await _looks(context, "audience", after_position, first, after, subject=subject)

    @strawberry.field(description="What was refused, to whom and why, newest first: all for oversight, else one's own.")
    async def refused_attempts(
        self,
        info: strawberry.Info,
        person_id: Id | None = None,
        subject: Id | None = None,
        first: int | None = None,
        after: str | None = None,
        after_position: Position | None = None,
    ) -> RefusedAttemptConnection:
        context = context_of(info)
        person = whose(context, person_id)
        await context.applied("access", after_position)
        size, _ = page_size(first, None)
        async with context.reading() as connection:
            at = await checkpoint(connection, "access")
            rows, more = await q.refusals(
                connection, first=size or 1, person=person, subject=subject, before=_before(after)
            )
            names = await context.services.names.of(connection, {row.person for row in rows})
        await context.consulted("refused_attempts", at.position, {"person": person, "subject": subject})
        edges = [
            RefusedAttemptEdge(
                cursor=str(row.position),
                node=RefusedAttempt(
                    position=Position(row.position),
                    at=row.at,
                    person=Person(id=Id(row.person), name=names.get(row.person, row.person)),
                    role=row.role,
                    action=row.action,
                    target=Id(row.target) if row.target else None,
                    rule=row.rule,
                    reasons=[_reason(reason) for reason in row.reasons],
                ),
            )
            for row in rows
        ]
        info_of_page = _page_info([edge.cursor for edge in edges], after, more)
        return RefusedAttemptConnection(edges=edges, page_info=info_of_page, position=Position(at.position))


async def _looks(
    context: Context,
    question: str,
    after_position: int | None,
    first: int | None,
    after: str | None,
    **wanted: str | None,
) -> LookConnection:
    await context.applied("access", after_position)
    size, _ = page_size(first, None)
    async with context.reading() as connection:
        at = await checkpoint(connection, "access")
        rows, more = await q.looks(connection, first=size or 1, before=_before(after), **wanted)
        names = await context.services.names.of(connection, {row.person for row in rows})
    await context.consulted(question, at.position, wanted)
    edges = [LookEdge(cursor=str(row.requested_position), node=_look(row, names)) for row in rows]
    return LookConnection(
        edges=edges, page_info=_page_info([e.cursor for e in edges], after, more), position=Position(at.position)
    )


# -- commands ----------------------------------------------------------------------


@strawberry.type
class LookingMutations:
    @strawberry.mutation(
        description="Ask to watch a feed: camera-… or flight-…. Granted until a time, or refused; on the record both."
        " The view's id is the answer's."
    )
    async def request_live_view(
        self, info: strawberry.Info, feed: Id, grounds: GroundsInput, command_id: Id | None = None
    ) -> CommandResult:
        views = context_of(info).services.views
        return await command(
            info, "request_live_view", command_id, lambda who, id_: views.request(who, feed, grounds.grounds(), id_)
        )

    @strawberry.mutation(description="Ask to go on watching, with a reason of its own.")
    async def renew_live_view(
        self, info: strawberry.Info, view: Id, reason: str, command_id: Id | None = None
    ) -> CommandResult:
        views = context_of(info).services.views
        return await command(info, "renew_live_view", command_id, lambda who, id_: views.renew(who, view, reason, id_))

    @strawberry.mutation(
        description="The console still shows the picture: say so every few seconds. After 10 s of silence a view has"
        " ended."
    )
    async def live_view_heartbeat(self, info: strawberry.Info, view: Id) -> Pulse:
        context = context_of(info)
        actor = context.signed_on()
        try:
            told = await asyncio.to_thread(context.services.views.pulse, actor, view)
        except Mistake as mistake:
            raise Unreadable(mistake.code, mistake.message, field=mistake.field) from None
        return Pulse(open=told.open, until=told.until, reason=_reason(told.reason) if told.reason else None)

    @strawberry.mutation(
        description="Where the picture of one's open live view is, with a ticket to it. Asked for anew for each"
        " connection. Masked, unless an override of one's own is named: its use is then on the record first."
    )
    async def live_picture(self, info: strawberry.Info, view: Id, override: Id | None = None) -> LivePicture:
        context = context_of(info)
        actor = context.signed_on()
        try:
            told = await asyncio.to_thread(_ticket, context.services, actor, str(view), override)
        except Mistake as mistake:
            raise Unreadable(mistake.code, mistake.message, field=mistake.field) from None
        if isinstance(told, kernel.Reason):
            return LivePicture(url=None, token=None, expires_at=None, until=None, masked=True, reason=_reason(told))
        return told

    @strawberry.mutation(description="Stop watching.")
    async def close_live_view(self, info: strawberry.Info, view: Id, command_id: Id | None = None) -> CommandResult:
        views = context_of(info).services.views
        return await command(info, "close_live_view", command_id, lambda who, id_: views.close(who, view, id_))

    @strawberry.mutation(description="Let who responds to an open call in the field see a feed, until the call closes.")
    async def share_feed(
        self, info: strawberry.Info, call_number: Id, feed: Id, reason: str, command_id: Id | None = None
    ) -> CommandResult:
        views = context_of(info).services.views
        return await command(
            info, "share_feed", command_id, lambda who, id_: views.share(who, call_number, feed, reason, id_)
        )

    @strawberry.mutation(description="Stop sharing a feed with a call.")
    async def stop_sharing_feed(
        self, info: strawberry.Info, call_number: Id, feed: Id, command_id: Id | None = None
    ) -> CommandResult:
        views = context_of(info).services.views
        return await command(
            info, "stop_sharing_feed", command_id, lambda who, id_: views.stop_sharing(who, call_number, feed, id_)
        )
