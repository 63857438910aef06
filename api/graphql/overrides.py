"""Privacy overrides: asked for, approved, broken open in an emergency, justified, reviewed; and who waits for what."""

from __future__ import annotations

import asyncio
from datetime import datetime

import strawberry

from api.graphql import types as t
from api.graphql.audit import page_size
from api.graphql.commands import chosen, command
from api.graphql.context import Context, Unreadable, context_of
from application.overrides import Said
from domain.kernel import CallNumber, CaseNumber, FlightId, StreamId
from domain.legal_basis import BasisKind, LegalBasis
from domain.privacy_override import OverridePlan
from domain.privacy_override_events import Range, Verdict
from projections.overrides import queries as q

Id = strawberry.ID

# -- what is told ------------------------------------------------------------


@strawberry.type(name="LegalBasis")
class Basis:
    kind: str = strawberry.field(description="warrant | subpoena | court_order | consent | exigency")
    number: str | None
    issuer: str | None


@strawberry.type
class OverrideTexts:
    """What people wrote. None: not written yet, or its key is destroyed."""

    why: str | None = strawberry.field(description="the reason of a request, the threat of a break-glass")
    justification: str | None
    findings: str | None


@strawberry.type
class PrivacyOverride:
    """One override, from the request (or the break-glass) to its review."""

    id: Id
    state: str = strawberry.field(description="waiting | refused | unanswered | active | expired")
    emergency: bool = strawberry.field(description="opened by one person alone (break-glass)")
    target: Id = strawberry.field(description="the stream of what is protected")
    flight: Id | None = strawberry.field(description="the one that a zone is lifted for")
    since: datetime
    until: datetime
    purpose: str
    call_number: str | None
    case_number: str | None
    legal_basis: Basis | None = strawberry.field(description="of a break-glass, once it is justified")
    minutes: int | None
    requested_by: t.Person
    requested_at: datetime
    awaits_until: datetime | None
    decided_by: t.Person | None
    decided_at: datetime | None
    reasons: list[t.Reason]
    expires_at: datetime | None
    uses: int
    last_used_at: datetime | None
    justify_by: datetime | None
    justified_at: datetime | None
    justification_overdue: bool
    review_by: datetime | None
    reviewed_by: t.Person | None
    reviewed_at: datetime | None
    review_overdue: bool
    verdict: str | None = strawberry.field(description="in_order | not_in_order | abuse")

    @strawberry.field(description="Read from the record itself, where the key still exists.")
    async def texts(self, info: strawberry.Info) -> OverrideTexts | None:
        said = await asyncio.to_thread(context_of(info).services.overrides.said, str(self.id))
        return None if said is None else _texts(said)


@strawberry.type
class PrivacyOverrideEdge:
    cursor: str
    node: PrivacyOverride


@strawberry.type
class PrivacyOverrideConnection:
    edges: list[PrivacyOverrideEdge]
    page_info: t.PageInfo
    position: t.Position


def _texts(said: Said) -> OverrideTexts:
    return OverrideTexts(why=said.why, justification=said.justification, findings=said.findings)


def _override(row: q.Override, names: dict[str, str], now: datetime) -> PrivacyOverride:
    def person(id_: str | None) -> t.Person | None:
        return t.Person(id=Id(id_), name=names.get(id_, id_)) if id_ else None

    state = row.phase if row.phase != "granted" else "active" if row.active(now) else "expired"
    if row.phase == "waiting" and row.awaits_until is not None and now >= row.awaits_until:
        state = "unanswered"  # its end is due and not on the record yet
    return PrivacyOverride(
        id=Id(row.override),
        state=state,
        emergency=row.emergency,
        target=Id(row.target),
        flight=Id(row.flight) if row.flight else None,
        since=row.range_since,
        until=row.range_until,
        purpose=row.purpose,
        call_number=row.call_number,
        case_number=row.case_number,
        legal_basis=Basis(kind=row.basis_kind, number=row.basis_number, issuer=row.basis_issuer)
        if row.basis_kind
        else None,
        minutes=row.minutes,
        requested_by=t.Person(id=Id(row.requested_by), name=names.get(row.requested_by, row.requested_by)),
        requested_at=row.requested_at,
        awaits_until=row.awaits_until,
        decided_by=person(row.decided_by),
        decided_at=row.decided_at,
        reasons=[
            t.Reason(code=r.code, message=r.message, rule=r.rule, field=r.field, accepted=r.accepted)
            for r in row.reasons or ()
        ],
        expires_at=row.expires_at,
        uses=row.uses,
        last_used_at=row.last_used_at,
        justify_by=row.justify_by,
        justified_at=row.justified_at,
        justification_overdue=row.justification_overdue(now),
        review_by=row.review_by,
        reviewed_by=person(row.reviewed_by),
        reviewed_at=row.reviewed_at,
        review_overdue=row.review_overdue(now),
        verdict=row.verdict,
    )


async def _overrides(context: Context, found: tuple[q.Override, ...]) -> list[PrivacyOverride]:
    everyone = {id_ for o in found for id_ in (o.requested_by, o.decided_by, o.reviewed_by) if id_}
    async with context.reading() as connection:
        names = await context.services.names.of(connection, everyone)
    now = context.services.handler.clock.now()
    return [_override(row, names, now) for row in found]


def _whose(context: Context) -> str | None:
    """None: everybody's. Raises Unreadable."""
    actor = context.signed_on()
    if context.may("read_overrides"):
        return None
    if not context.may("read_own_record", f"person-{actor.person}"):
        raise Unreadable("not_permitted", "your roles do not permit reading overrides", action="read_overrides")
    return actor.person


@strawberry.type
class OverrideQueries:
    @strawberry.field(
        description="Overrides; one's own alone, unless the role permits all. `which`: queue (waiting for an answer,"
        " oldest first) | active | reviews (ended and not reviewed, most overdue first) | unjustified (break-glass that"
        " nobody has justified, most overdue first) | all (newest first)."
    )
    async def overrides(
        self,
        info: strawberry.Info,
        which: str = "all",
        target: Id | None = None,
        first: int | None = None,
        after: str | None = None,
        after_position: t.Position | None = None,
    ) -> PrivacyOverrideConnection:
        context = context_of(info)
        person = _whose(context)
        if which not in set(q.Which):
            raise Unreadable("invalid_value", f"'which' is one of {', '.join(q.Which)}", field="which")
        await context.applied("overrides", after_position)
        size, _ = page_size(first, None)
        async with context.reading() as connection:
            now = context.services.handler.clock.now()
            page = await q.overrides(
                connection, q.Which(which), now, first=size or 1, after=after, person=person, target=target
            )
        nodes = await _overrides(context, page.overrides)
        return PrivacyOverrideConnection(
            edges=[PrivacyOverrideEdge(cursor=str(node.id), node=node) for node in nodes],
            page_info=t.PageInfo(
                has_next_page=page.has_next,
                has_previous_page=after is not None,
                start_cursor=str(nodes[0].id) if nodes else None,
                end_cursor=str(nodes[-1].id) if nodes else None,
            ),
            position=t.Position(page.checkpoint.position),
        )

    @strawberry.field(description="One override by its id; one's own alone, unless the role permits all.")
    async def override(
        self, info: strawberry.Info, id: Id, after_position: t.Position | None = None
    ) -> PrivacyOverride | None:
        context = context_of(info)
        person = _whose(context)
        await context.applied("overrides", after_position)
        async with context.reading() as connection:
            _, found = await q.override(connection, str(id))
        if found is None or (person is not None and found.requested_by != person):
            return None
        return (await _overrides(context, (found,)))[0]


# -- commands ----------------------------------------------------------------


@strawberry.input
class LegalBasisInput:
    kind: str = strawberry.field(description="warrant | subpoena | court_order | consent | exigency")
    number: str | None = None
    issuer: str | None = None


@strawberry.input
class OverrideTargetInput:
    """What an override is to lift the protection of, for what."""

    target: Id = strawberry.field(description="the stream: footage-…, zone-…, camera-… or flight-…")
    since: datetime
    until: datetime
    purpose: str
    minutes: int = strawberry.field(default=30, description="how long it is to be in effect, at most 60")
    call_number: str | None = None
    case_number: str | None = None
    flight: Id | None = strawberry.field(default=None, description="with a zone: the one it is to be lifted for")


def _plan(asked: OverrideTargetInput) -> OverridePlan:
    return OverridePlan(
        key="",
        target=StreamId(str(asked.target)),
        range=Range(asked.since, asked.until),
        purpose=asked.purpose,
        minutes=asked.minutes,
        call=CallNumber(asked.call_number) if asked.call_number else None,
        case=CaseNumber(asked.case_number) if asked.case_number else None,
        flight=FlightId(str(asked.flight)) if asked.flight else None,
    )


def legal_basis_of(asked: LegalBasisInput) -> LegalBasis:
    return LegalBasis(chosen(BasisKind, asked.kind, "legalBasis.kind"), asked.number, asked.issuer)


@strawberry.type
class OverrideMutations:
    @strawberry.mutation(description="Ask for an override. A second person approves it, and it is in effect then.")
    async def request_override(
        self,
        info: strawberry.Info,
        input: OverrideTargetInput,
        legal_basis: LegalBasisInput,
        reason: str,
        command_id: Id | None = None,
    ) -> t.CommandResult:
        overrides = context_of(info).services.overrides
        return await command(
            info,
            "request_override",
            command_id,
            lambda who, id_: overrides.request(who, _plan(input), legal_basis_of(legal_basis), reason, id_),
        )

    @strawberry.mutation(description="Approve an override that somebody else asked for. Needs a step-up.")
    async def approve_override(
        self, info: strawberry.Info, override: Id, command_id: Id | None = None
    ) -> t.CommandResult:
        overrides = context_of(info).services.overrides
        return await command(
            info, "approve_override", command_id, lambda who, id_: overrides.approve(who, override, id_)
        )

    @strawberry.mutation(description="Refuse an override that somebody asked for.")
    async def refuse_override(
        self, info: strawberry.Info, override: Id, reason: str, command_id: Id | None = None
    ) -> t.CommandResult:
        overrides = context_of(info).services.overrides
        return await command(
            info, "refuse_override", command_id, lambda who, id_: overrides.refuse(who, override, reason, id_)
        )

    @strawberry.mutation(
        description="Break-glass, where a life is at risk: recorded, and in effect from that moment. Justify it within"
        " 24 hours; it is always reviewed."
    )
    async def invoke_emergency_override(
        self, info: strawberry.Info, input: OverrideTargetInput, threat: str, command_id: Id | None = None
    ) -> t.CommandResult:
        overrides = context_of(info).services.overrides
        return await command(
            info,
            "invoke_emergency_override",
            command_id,
            lambda who, id_: overrides.invoke_emergency(who, _plan(input), threat, id_),
        )

    @strawberry.mutation(description="Say why you broke the glass.")
    async def justify_override(
        self,
        info: strawberry.Info,
        override: Id,
        justification: str,
        legal_basis: LegalBasisInput,
        command_id: Id | None = None,
    ) -> t.CommandResult:
        overrides = context_of(info).services.overrides
        return await command(
            info,
            "justify_override",
            command_id,
            lambda who, id_: overrides.justify(who, override, justification, legal_basis_of(legal_basis), id_),
        )

    @strawberry.mutation(description="Record the review of an override that has ended.")
    async def review_override(
        self, info: strawberry.Info, override: Id, verdict: str, findings: str, command_id: Id | None = None
    ) -> t.CommandResult:
        overrides = context_of(info).services.overrides
        return await command(
            info,
            "review_override",
            command_id,
            lambda who, id_: overrides.review(who, override, chosen(Verdict, verdict, "verdict"), findings, id_),
        )
