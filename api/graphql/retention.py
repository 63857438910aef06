"""How long footage is kept: holds, extensions, what is due, what was destroyed under which policy, what was lost."""

from __future__ import annotations

import asyncio
from datetime import date, datetime

import strawberry

from api.graphql import types as t
from api.graphql.audit import page_size
from api.graphql.commands import command
from api.graphql.context import Context, Unreadable, context_of
from api.graphql.leaving import RangeInput
from api.graphql.overrides import Basis, LegalBasisInput, legal_basis_of
from application.retention import Change
from domain import footage as f
from domain.kernel import FootageId, PersonId
from domain.policy import policy_in_force
from projections.retention import queries as q

Id = strawberry.ID

# -- what is told ------------------------------------------------------------


@strawberry.type
class RetainedFootage:
    """Footage by how long it is kept: what it is under, when it is due, and what became of it."""

    id: Id
    state: str = strawberry.field(description="kept | held (what legal holds keep is left of it) | destroyed | lost")
    feed: Id
    since: datetime
    until: datetime
    imported_as: Id | None = strawberry.field(description="the file, where somebody else recorded it")
    received_at: datetime | None = strawberry.field(description="of what was imported: its days count from then")
    categories: list[str]
    holds: int = strawberry.field(description="legal holds on it now")
    due_at: datetime | None = strawberry.field(
        description="when it is to be destroyed by the policy in force, but for what holds keep in copies; none while"
        " a hold on it has no copy, or where the policy gives one of its categories no length. Of what is held: since"
        " when a copy whose hold was released is due"
    )
    keep_until: datetime | None = strawberry.field(description="an extension")
    asked_until: datetime | None = strawberry.field(description="an extension that waits for the station commander")
    asked_by: t.Person | None
    due_since: datetime | None = strawberry.field(description="of destroyed footage")
    destroyed_at: datetime | None
    destroyed_under_policy: int | None
    destruction_approved_by: t.Person | None
    unrecoverable_after: datetime | None = strawberry.field(description="then no backup can bring it back")
    lost_at: datetime | None


@strawberry.type
class RetainedFootageEdge:
    cursor: str
    node: RetainedFootage


@strawberry.type
class RetainedFootageConnection:
    edges: list[RetainedFootageEdge]
    page_info: t.PageInfo
    position: t.Position


@strawberry.type
class LegalHold:
    id: Id
    name: str
    footage: Id
    feed: Id
    since: datetime
    until: datetime
    legal_basis: Basis
    verify_again_on: date
    to_verify: bool = strawberry.field(description="the day has come")
    placed_by: t.Person
    placed_at: datetime
    verified_at: datetime | None
    released_at: datetime | None
    copied_at: datetime | None = strawberry.field(
        description="what it keeps was sealed once more, so that the rest can go; none where all of it is held"
    )
    copy_since: datetime | None
    copy_until: datetime | None
    copy_destroyed_at: datetime | None
    copy_unrecoverable_after: datetime | None


@strawberry.type
class LegalHoldEdge:
    cursor: str
    node: LegalHold


@strawberry.type
class LegalHoldConnection:
    edges: list[LegalHoldEdge]
    page_info: t.PageInfo
    position: t.Position


@strawberry.type
class ImportedFile:
    """A file that somebody else recorded: what it is, whose, how it came here. Who handed it over is in the event."""

    id: Id
    sha256: str = strawberry.field(description="of the file as it was handed over, hexadecimal")
    size_bytes: float
    found: str = strawberry.field(description="what it is by its content")
    sound: str = strawberry.field(description="none | dropped | kept")
    agency: str
    device: str | None
    case_number: str
    received_at: datetime
    received_by: t.Person
    received_how: str = strawberry.field(description="fetched | medium | sent")
    since: datetime = strawberry.field(description="when it was taken, as who handed it over said")
    until: datetime
    footage: list[Id]
    imported_at: datetime


@strawberry.type
class ImportedFileEdge:
    cursor: str
    node: ImportedFile


@strawberry.type
class ImportedFileConnection:
    edges: list[ImportedFileEdge]
    page_info: t.PageInfo
    position: t.Position


def _page_info(cursors: list[str], has_next: bool, after: str | None) -> t.PageInfo:
    return t.PageInfo(
        has_next_page=has_next,
        has_previous_page=after is not None,
        start_cursor=cursors[0] if cursors else None,
        end_cursor=cursors[-1] if cursors else None,
    )


async def _days(context: Context) -> dict[str, int]:
    """The length of each category by the policy in force now; none where none is in force."""
    services = context.services
    book = await asyncio.to_thread(services.policies.book)
    current = policy_in_force(book, services.handler.clock.now())
    return {rule.category: rule.days for rule in current.parameters.retention} if current else {}


def _footage(row: q.Footage, names: dict[str, str]) -> RetainedFootage:
    def person(id_: str | None) -> t.Person | None:
        return t.Person(id=Id(id_), name=names.get(id_, id_)) if id_ else None

    return RetainedFootage(
        id=Id(row.footage),
        state=row.state,
        feed=Id(row.feed),
        since=row.range_since,
        until=row.range_until,
        imported_as=Id(row.imported_as) if row.imported_as else None,
        received_at=row.received_at,
        categories=list(row.categories),
        holds=row.holds,
        due_at=row.due_at,
        keep_until=row.keep_until,
        asked_until=row.asked_until,
        asked_by=person(row.asked_by),
        due_since=row.due_since,
        destroyed_at=row.destroyed_at,
        destroyed_under_policy=row.destroyed_policy,
        destruction_approved_by=person(row.destroyed_by),
        unrecoverable_after=row.unrecoverable_after,
        lost_at=row.lost_at,
    )


@strawberry.type
class RetentionQueries:
    @strawberry.field(
        description="Footage by its retention. `which`: due (to be destroyed, longest due first) | kept (next due"
        " first) | asked (an extension waits) | held (what holds keep is left, due first) | destroyed (newest first) |"
        " lost (newest first)."
    )
    async def retained_footage(
        self,
        info: strawberry.Info,
        which: str = "due",
        id: Id | None = None,
        first: int | None = None,
        after: str | None = None,
        after_position: t.Position | None = None,
    ) -> RetainedFootageConnection:
        context = context_of(info)
        context.require("read_retention")
        if which not in set(q.Which):
            raise Unreadable("invalid_value", f"'which' is one of {', '.join(q.Which)}", field="which")
        await context.applied("retention", after_position)
        days, now = await _days(context), context.services.handler.clock.now()
        size, _ = page_size(first, None)
        async with context.reading() as connection:
            page = await q.footage(connection, q.Which(which), days, now, first=size or 1, after=after, one=id)
            everyone = {id_ for row in page.footage for id_ in (row.asked_by, row.destroyed_by) if id_}
            names = await context.services.names.of(connection, everyone)
        edges = [RetainedFootageEdge(cursor=row.footage, node=_footage(row, names)) for row in page.footage]
        return RetainedFootageConnection(
            edges=edges,
            page_info=_page_info([edge.cursor for edge in edges], page.has_next, after),
            position=t.Position(page.checkpoint.position),
        )

    @strawberry.field(
        description="Legal holds, the next to be verified first; with `toVerify` those whose day has come alone, with"
        " `released` those of the past too."
    )
    async def legal_holds(
        self,
        info: strawberry.Info,
        to_verify: bool = False,
        released: bool = False,
        first: int | None = None,
        after: str | None = None,
        after_position: t.Position | None = None,
    ) -> LegalHoldConnection:
        context = context_of(info)
        context.require("read_retention")
        await context.applied("retention", after_position)
        size, _ = page_size(first, None)
        today = context.services.handler.clock.now().date()
        async with context.reading() as connection:
            page = await q.holds(
                connection, first=size or 1, after=after, verify_by=today if to_verify else None, released=released
            )
            names = await context.services.names.of(connection, {hold.placed_by for hold in page.holds})
        edges = [
            LegalHoldEdge(
                cursor=hold.id,
                node=LegalHold(
                    id=Id(hold.id),
                    name=hold.hold,
                    footage=Id(hold.footage),
                    feed=Id(hold.feed),
                    since=hold.range_since,
                    until=hold.range_until,
                    legal_basis=Basis(kind=hold.basis_kind, number=hold.basis_number, issuer=hold.basis_issuer),
                    verify_again_on=hold.verify_again_on,
                    to_verify=hold.released_at is None and hold.verify_again_on <= today,
                    placed_by=t.Person(id=Id(hold.placed_by), name=names.get(hold.placed_by, hold.placed_by)),
                    placed_at=hold.placed_at,
                    verified_at=hold.verified_at,
                    released_at=hold.released_at,
                    copied_at=hold.copied_at,
                    copy_since=hold.copy_since,
                    copy_until=hold.copy_until,
                    copy_destroyed_at=hold.copy_destroyed_at,
                    copy_unrecoverable_after=hold.copy_unrecoverable_after,
                ),
            )
            for hold in page.holds
        ]
        return LegalHoldConnection(
            edges=edges,
            page_info=_page_info([edge.cursor for edge in edges], page.has_next, after),
            position=t.Position(page.checkpoint.position),
        )

    @strawberry.field(description="Files that others recorded and that were taken in, the newest first.")
    async def imported_files(
        self,
        info: strawberry.Info,
        sha256: str | None = None,
        first: int | None = None,
        after: str | None = None,
        after_position: t.Position | None = None,
    ) -> ImportedFileConnection:
        context = context_of(info)
        context.require("read_retention")
        if after is not None and not (after.isascii() and after.isdigit()):
            raise Unreadable("invalid_value", "'after' is the cursor of an edge", field="after")
        await context.applied("retention", after_position)
        size, _ = page_size(first, None)
        async with context.reading() as connection:
            page = await q.imports(connection, first=size or 1, before=int(after) if after else None, sha256=sha256)
            names = await context.services.names.of(connection, {row.received_by for row in page.imports})
        edges = [ImportedFileEdge(cursor=str(row.position), node=_imported(row, names)) for row in page.imports]
        return ImportedFileConnection(
            edges=edges,
            page_info=_page_info([edge.cursor for edge in edges], page.has_next, after),
            position=t.Position(page.checkpoint.position),
        )


def _imported(row: q.Import, names: dict[str, str]) -> ImportedFile:
    return ImportedFile(
        id=Id(row.imported),
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        found=row.found,
        sound=row.sound,
        agency=row.agency,
        device=row.device,
        case_number=row.case_number,
        received_at=row.received_at,
        received_by=t.Person(id=Id(row.received_by), name=names.get(row.received_by, row.received_by)),
        received_how=row.received_how,
        since=row.range_since,
        until=row.range_until,
        footage=[Id(each) for each in row.footage],
        imported_at=row.imported_at,
    )


# -- commands ----------------------------------------------------------------


async def _change(info: strawberry.Info, name: str, command_id: Id | None, change: Change) -> t.CommandResult:
    retention = context_of(info).services.retention
    return await command(info, name, command_id, lambda who, id_: retention.change(who, change, id_))


def _me(info: strawberry.Info) -> PersonId:
    actor = context_of(info).reader
    return PersonId(actor.person if actor else "")


@strawberry.type
class RetentionMutations:
    @strawberry.mutation(description="Put footage into a further category; of several the longest is kept.")
    async def tag_footage(
        self,
        info: strawberry.Info,
        footage: Id,
        category: str,
        note: str | None = None,
        command_id: Id | None = None,
    ) -> t.CommandResult:
        retention = context_of(info).services.retention
        return await command(
            info,
            "tag_footage",
            command_id,
            lambda who, id_: retention.tag(who, str(footage), category, note, id_),
        )

    @strawberry.mutation(description="Keep footage, or a stretch of it, whatever the schedule says.")
    async def place_legal_hold(
        self,
        info: strawberry.Info,
        footage: Id,
        hold: Id,
        legal_basis: LegalBasisInput,
        reason: str,
        verify_again_on: date,
        range: RangeInput | None = None,
        command_id: Id | None = None,
    ) -> t.CommandResult:
        retention = context_of(info).services.retention
        return await command(
            info,
            "place_legal_hold",
            command_id,
            lambda who, id_: retention.change(
                who,
                f.PlaceLegalHold(
                    FootageId(str(footage)),
                    str(hold),
                    legal_basis_of(legal_basis),
                    reason,
                    verify_again_on,
                    PersonId(who.person),
                    range.range() if range else None,
                ),
                id_,
            ),
        )

    @strawberry.mutation(description="Say that a legal hold is still needed, and when to look again.")
    async def verify_legal_hold(
        self,
        info: strawberry.Info,
        footage: Id,
        hold: Id,
        reason: str,
        verify_again_on: date,
        command_id: Id | None = None,
    ) -> t.CommandResult:
        change = f.VerifyLegalHold(FootageId(str(footage)), str(hold), reason, verify_again_on, _me(info))
        return await _change(info, "verify_legal_hold", command_id, change)

    @strawberry.mutation(description="End a legal hold; the schedule rules again. Needs a step-up.")
    async def release_legal_hold(
        self, info: strawberry.Info, footage: Id, hold: Id, reason: str, command_id: Id | None = None
    ) -> t.CommandResult:
        change = f.ReleaseLegalHold(FootageId(str(footage)), str(hold), reason, _me(info))
        return await _change(info, "release_legal_hold", command_id, change)

    @strawberry.mutation(description="Ask the station commander to keep footage longer.")
    async def request_retention_extension(
        self, info: strawberry.Info, footage: Id, keep_until: datetime, reason: str, command_id: Id | None = None
    ) -> t.CommandResult:
        retention = context_of(info).services.retention
        return await command(
            info,
            "request_retention_extension",
            command_id,
            lambda who, id_: retention.request_extension(who, str(footage), keep_until, reason, id_),
        )

    @strawberry.mutation(description="Approve a longer retention, or refuse it with a reason. Needs a step-up.")
    async def answer_retention_extension(
        self, info: strawberry.Info, footage: Id, refusal: str | None = None, command_id: Id | None = None
    ) -> t.CommandResult:
        retention = context_of(info).services.retention
        return await command(
            info,
            "answer_retention_extension",
            command_id,
            lambda who, id_: retention.answer_extension(who, str(footage), refusal, id_),
        )

    @strawberry.mutation(description="Destroy footage that is due and not held: its key. Needs a step-up.")
    async def destroy_footage(
        self, info: strawberry.Info, footage: Id, command_id: Id | None = None
    ) -> t.CommandResult:
        retention = context_of(info).services.retention
        return await command(
            info, "destroy_footage", command_id, lambda who, id_: retention.destroy(who, str(footage), id_)
        )
