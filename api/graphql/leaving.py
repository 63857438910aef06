"""Footage in GraphQL: searched, looked at, and what leaves the watch center: exports and disclosures.

Reserving and accounting for what is looked at is the media plane's; here is asking, deciding and ending.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import strawberry

from api.graphql.commands import chosen, command
from api.graphql.context import Services, Unreadable, context_of
from api.graphql.limits import DEFAULT_PAGE, PAGE_LIMIT
from api.graphql.looking import NO_MEDIA, GroundsInput, _reason
from api.graphql.overrides import LegalBasisInput, legal_basis_of
from api.graphql.types import CommandResult, Position, Reason
from application.handling import Actor
from application.ports import StoreUnavailable
from domain import checks, kernel
from domain.flight_events import RecordCategory
from domain.kernel import Mistake
from domain.privacy_override_events import Range
from projections.access import queries as q
from projections.retention import queries as retention

Id = strawberry.ID
LONGEST_SEARCH = timedelta(days=31)
TICKET_LENGTH = timedelta(minutes=5)


@strawberry.input
class RangeInput:
    """A stretch of footage by the recorder's clock: from `since`, included, to `until`, not included."""

    since: datetime
    until: datetime

    def range(self) -> Range:
        """Raises InvalidValue."""
        return Range(checks.aware("range.since", self.since), checks.aware("range.until", self.until))


@strawberry.type
class Stretch:
    """By the recorder's clock: from `since`, included, to `until`, not included."""

    since: datetime
    until: datetime


@strawberry.type
class Recording:
    """At most an hour of a feed."""

    id: Id
    feed: Id
    since: datetime
    until: datetime
    state: str = strawberry.field(description="kept | held (what legal holds keep is left of it) | destroyed | lost")
    left: list[Stretch] = strawberry.field(description="of what is held: the stretches that there still are, in order")


@strawberry.type
class FootagePicture:
    """Where the footage of one's open viewing is played, and the ticket that it is asked for with; or why not."""

    url: str | None = strawberry.field(description="of an HLS playlist; each request has `Authorization: Bearer TOKEN`")
    token: str | None = strawberry.field(description="good until `expiresAt`, or until another one is used")
    expires_at: datetime | None
    until: datetime | None = strawberry.field(description="when the viewing ends")
    masked: bool = strawberry.field(
        description="false: an override lifts the masks, and each use of it is on the record"
    )
    reason: Reason | None


def _ticket(services: Services, actor: Actor, viewing: str, override: str | None) -> FootagePicture:
    """Raises Mistake and StoreUnavailable."""
    told = services.viewings.showing(actor, viewing, override)
    if services.picture_tokens is None:
        told = NO_MEDIA
    if isinstance(told, kernel.Reason):
        if told.code == "not_your_viewing":
            services.viewings.attempted(actor, viewing, told)
        return FootagePicture(url=None, token=None, expires_at=None, until=None, masked=True, reason=_reason(told))
    assert services.picture_tokens is not None
    token, expires_at = services.picture_tokens.issue(
        use="playback",
        person=actor.person,
        session=actor.session,
        subject=viewing,
        feed=told.feed,
        override=override,
        lifetime=min(TICKET_LENGTH, told.until - services.handler.clock.now()),
    )
    url = f"{services.settings.media_url}/hls/{viewing}/index.m3u8"
    masked, until = override is None, told.until
    return FootagePicture(url=url, token=token, expires_at=expires_at, until=until, masked=masked, reason=None)


@strawberry.type
class LeavingQueries:
    @strawberry.field(description="Footage of a feed that touches at most 31 days, oldest first; also what is gone.")
    async def footage(
        self,
        info: strawberry.Info,
        feed: Id,
        since: datetime,
        until: datetime,
        first: int = DEFAULT_PAGE,
        after_position: Position | None = None,
    ) -> list[Recording]:
        context = context_of(info)
        if not context.may("request_viewing", review_access=True):  # oversight searches for what it reviews
            context.require("request_viewing")
        if since.tzinfo is None or until.tzinfo is None or not timedelta(0) < until - since <= LONGEST_SEARCH:
            raise Unreadable("invalid_value", "search at most 31 days, with time zones", field="until")
        if not 1 <= first <= PAGE_LIMIT:
            raise Unreadable("invalid_page", f"'first' must be 1 to {PAGE_LIMIT}", field="first")
        await context.applied("access", after_position)
        await context.applied("retention", after_position)
        async with context.reading() as connection:
            rows = await q.recordings(connection, feed=feed, since=since, until=until, limit=first)
            held = [_key(row) for row in rows if row.state == "held"]
            parts = await retention.copied(connection, held) if held else []
        return [
            Recording(
                id=Id(_key(row)),
                feed=Id(row.feed),
                since=row.since,
                until=row.until,
                state=row.state,
                left=[Stretch(since=part.since, until=part.until) for part in parts if part.footage == _key(row)],
            )
            for row in rows
        ]


def _key(row: q.Recording) -> str:
    return row.footage.removeprefix("footage-")


@strawberry.type
class LeavingMutations:
    # -- looking at footage ----------------------------------------------------

    @strawberry.mutation(
        description="Ask to see footage, or a stretch of it. Granted until a time, or refused; on the record both."
    )
    async def request_viewing(
        self,
        info: strawberry.Info,
        footage: Id,
        grounds: GroundsInput,
        range: RangeInput | None = None,
        command_id: Id | None = None,
    ) -> CommandResult:
        viewings = context_of(info).services.viewings
        return await command(
            info,
            "request_viewing",
            command_id,
            lambda who, id_: viewings.request(who, footage, grounds.grounds(), range.range() if range else None, id_),
        )

    @strawberry.mutation(
        description="Where the footage of one's open viewing is played, with a ticket to it; masked, unless `override`"
        " is one's own, in effect and for this footage. Asked for anew before the ticket expires."
    )
    async def footage_picture(self, info: strawberry.Info, viewing: Id, override: Id | None = None) -> FootagePicture:
        context = context_of(info)
        actor = context.signed_on()
        try:
            return await asyncio.to_thread(
                _ticket, context.services, actor, str(viewing), str(override) if override else None
            )
        except Mistake as mistake:
            raise Unreadable(mistake.code, mistake.message, field=mistake.field) from None
        except StoreUnavailable as away:
            raise Unreadable("store_unavailable", str(away)) from None

    @strawberry.mutation(description="Stop looking at footage.")
    async def close_viewing(self, info: strawberry.Info, viewing: Id, command_id: Id | None = None) -> CommandResult:
        viewings = context_of(info).services.viewings
        return await command(info, "close_viewing", command_id, lambda who, id_: viewings.close(who, viewing, id_))

    # -- exports ---------------------------------------------------------------

    @strawberry.mutation(
        description="Ask for footage as a file for an office or agency, on a legal basis. Masked, unless an override is"
        " named. A second person approves it."
    )
    async def request_export(
        self,
        info: strawberry.Info,
        footage: Id,
        grounds: GroundsInput,
        recipient: str,
        legal_basis: LegalBasisInput,
        range: RangeInput | None = None,
        override: Id | None = None,
        command_id: Id | None = None,
    ) -> CommandResult:
        exports = context_of(info).services.exports
        return await command(
            info,
            "request_export",
            command_id,
            lambda who, id_: exports.request(
                who,
                footage,
                grounds.grounds(),
                recipient,
                legal_basis_of(legal_basis),
                range.range() if range else None,
                override,
                id_,
            ),
        )

    @strawberry.mutation(
        description="Approve an export that somebody else asked for, and decide, for a reason, what it is to the public"
        " records act: investigatory_file, investigation or factual_inquiry. The file is then made; see `exports`."
        " Needs a step-up."
    )
    async def approve_export(
        self, info: strawberry.Info, export: Id, category: str, reason: str, command_id: Id | None = None
    ) -> CommandResult:
        exports = context_of(info).services.exports
        return await command(
            info,
            "approve_export",
            command_id,
            lambda who, id_: exports.approve(who, export, chosen(RecordCategory, category, "category"), reason, id_),
        )

    @strawberry.mutation(description="Refuse an export.")
    async def refuse_export(
        self, info: strawberry.Info, export: Id, reason: str, command_id: Id | None = None
    ) -> CommandResult:
        exports = context_of(info).services.exports
        return await command(
            info, "refuse_export", command_id, lambda who, id_: exports.refuse(who, export, reason, id_)
        )

    @strawberry.mutation(description="The file was handed over; say how.")
    async def deliver_export(
        self, info: strawberry.Info, export: Id, method: str, command_id: Id | None = None
    ) -> CommandResult:
        exports = context_of(info).services.exports
        return await command(
            info, "deliver_export", command_id, lambda who, id_: exports.deliver(who, export, method, id_)
        )

    # -- disclosures -----------------------------------------------------------

    @strawberry.mutation(
        description="Put another agency's request on the record: what it asks for, on which legal basis, and why."
    )
    async def request_disclosure(
        self,
        info: strawberry.Info,
        what: Id,
        recipient: str,
        legal_basis: LegalBasisInput,
        grounds: GroundsInput,
        command_id: Id | None = None,
    ) -> CommandResult:
        disclosures = context_of(info).services.disclosures
        return await command(
            info,
            "request_disclosure",
            command_id,
            lambda who, id_: disclosures.request(
                who, what, recipient, legal_basis_of(legal_basis), grounds.grounds(), id_
            ),
        )

    @strawberry.mutation(
        description="Give the agency what it asked for, with the export it is given if there is one. For another person"
        " than who put the request on the record. Needs a step-up."
    )
    async def make_disclosure(
        self, info: strawberry.Info, disclosure: Id, export: Id | None = None, command_id: Id | None = None
    ) -> CommandResult:
        disclosures = context_of(info).services.disclosures
        return await command(
            info, "make_disclosure", command_id, lambda who, id_: disclosures.make(who, disclosure, export, id_)
        )

    @strawberry.mutation(description="Refuse what another agency asked for.")
    async def refuse_disclosure(
        self, info: strawberry.Info, disclosure: Id, reason: str, command_id: Id | None = None
    ) -> CommandResult:
        disclosures = context_of(info).services.disclosures
        return await command(
            info, "refuse_disclosure", command_id, lambda who, id_: disclosures.refuse(who, disclosure, reason, id_)
        )
