"""The audit trail in GraphQL: who, what, when, where, why, with what outcome, by which rule.

Whoever may read everything reads everything; everybody else reads the record of their own acts. Cursors are positions.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from enum import Enum
from typing import Any

import msgspec
import strawberry

from api.graphql.context import Context, Unreadable, context_of
from api.graphql.limits import DEFAULT_PAGE, PAGE_LIMIT
from api.graphql.types import PageInfo, Person, Position, Reason
from application import codec
from application.audit_paper import what_happened
from application.sealing import Keyring, personal_fields
from projections.audit_trail import queries
from projections.audit_trail.queries import AuditFilter as Wanted

COUNT_LIMIT = 10_000
READ_ALL = "read_audit_trail"


@strawberry.enum
class AuditOrder(Enum):
    POSITION_ASC = "asc"
    POSITION_DESC = "desc"


@strawberry.input
class AuditFilter:
    """All that are given must hold."""

    person_id: strawberry.ID | None = strawberry.field(default=None, description="who acted")
    role: str | None = None
    organisation: str | None = None
    case_number: str | None = strawberry.field(default=None, description="case or CAD number")
    subject: strawberry.ID | None = strawberry.field(
        default=None, description="a stream that the event is of or speaks of: flight-…, person-…, footage-…"
    )
    type: str | None = strawberry.field(default=None, description="for example flight.drone_launched")
    outcome: str | None = strawberry.field(default=None, description="granted | refused | recorded")
    session_id: str | None = None
    since: datetime | None = strawberry.field(default=None, description="included")
    until: datetime | None = strawberry.field(default=None, description="not included")


@strawberry.type
class PersonalText:
    """A text of an event about members of the public."""

    field: str = strawberry.field(description="where it stands in the event: grounds.reason")
    subject: strawberry.ID = strawberry.field(description="whose key seals it")
    text: str | None = strawberry.field(description="none: the key is destroyed")


def _opened(content: bytes, keys: Keyring) -> list[PersonalText]:
    return [
        PersonalText(field=path, subject=strawberry.ID(personal.subject), text=keys.text(personal))
        for path, personal in personal_fields(codec.decode(content).event)
    ]


@strawberry.type
class AuditEvent:
    """One event of the record."""

    position: Position
    id: strawberry.ID
    type: str = strawberry.field(description="flight.drone_launched")
    type_version: int
    stream: strawberry.ID
    stream_version: int
    time: datetime
    actor: Person
    organisation: str
    role: str
    session_id: str | None
    source_address: str | None
    purpose: str | None
    case_number: str | None
    policy_version: int | None
    outcome: str = strawberry.field(description="granted | refused | recorded (nobody had to be asked)")
    decided_by: str | None = strawberry.field(description="rule@hash of the policy set, or default-deny")
    correlation_id: str
    causation_id: str | None
    bytes: strawberry.Private[bytes]

    @strawberry.field(description="why, where the outcome is a refusal")
    def reasons(self) -> list[Reason]:
        data = _Data.decode(self.bytes).data
        return [Reason(**reason) for reason in data.get("reasons") or ()]

    @strawberry.field(description="the event's bytes as stored: CloudEvents JSON, what is personal in it sealed")
    def content(self) -> str:
        return self.bytes.decode()

    @strawberry.field(
        description="what it says of members of the public, opened: for oversight, and for who wrote it. Everybody else"
        " gets none."
    )
    async def personal(self, info: strawberry.Info) -> list[PersonalText]:
        context = context_of(info)
        if not context.may("read_audit_trail") and self.actor.id != context.signed_on().person:
            return []
        return await asyncio.to_thread(_opened, self.bytes, context.services.handler.keys)

    @strawberry.field(description="one line for people")
    def summary(self) -> str:
        return what_happened(f"{self.type}.v{self.type_version}")


class _DataOnly(msgspec.Struct):
    data: dict[str, Any]


_Data = msgspec.json.Decoder(_DataOnly)


@strawberry.type
class AuditEdge:
    cursor: str
    node: AuditEvent


@strawberry.type
class AuditConnection:
    edges: list[AuditEdge]
    page_info: PageInfo
    position: Position = strawberry.field(description="the audit trail is complete up to here")
    lag: int = strawberry.field(description="events in the log that the audit trail does not show yet")
    incomplete_streams: list[strawberry.ID]
    wanted: strawberry.Private[Wanted]

    @strawberry.field(description=f"how many match; null above {COUNT_LIMIT}, where counting would take long")
    async def total_count(self, info: strawberry.Info) -> int | None:
        async with context_of(info).reading() as connection:
            found = await queries.count(connection, self.wanted, at_most=COUNT_LIMIT + 1)
        return found if found <= COUNT_LIMIT else None


def cursor(position: int) -> str:
    return base64.urlsafe_b64encode(f"p{position}".encode()).decode()


def position_of(text: str | None, argument: str) -> int | None:
    if text is None:
        return None
    try:
        decoded = base64.urlsafe_b64decode(text.encode()).decode()
        if decoded[:1] != "p":
            raise ValueError
        return int(decoded[1:])
    except (ValueError, binascii.Error, UnicodeDecodeError):
        raise Unreadable(
            "invalid_cursor", f"'{argument}' is no cursor of this list: pass one that it gave", field=argument
        ) from None


def page_size(first: int | None, last: int | None) -> tuple[int | None, int | None]:
    """Relay's rule that one of the two is given; without any, a first page of the usual length."""
    if first is not None and last is not None:
        raise Unreadable("invalid_page", "give 'first' or 'last', not both", field="first")
    for name, value in (("first", first), ("last", last)):
        if value is not None and not 1 <= value <= PAGE_LIMIT:
            raise Unreadable("invalid_page", f"'{name}' must be 1 to {PAGE_LIMIT}", field=name)
    return (DEFAULT_PAGE, None) if first is None and last is None else (first, last)


def page_length(first: int | None) -> int:
    """Of a page that goes forward alone. Raises Unreadable."""
    return page_size(first, None)[0] or DEFAULT_PAGE


def page_info(cursors: Sequence[str], after: str | None, more: bool) -> PageInfo:
    """Of a page that goes forward alone. `more`: there is a next one."""
    return PageInfo(
        has_next_page=more,
        has_previous_page=after is not None,
        start_cursor=cursors[0] if cursors else None,
        end_cursor=cursors[-1] if cursors else None,
    )


def what_the_reader_may_see(context: Context, wanted: AuditFilter | None) -> Wanted:
    """The filter, narrowed to the reader's own acts where they may not read everything. Raises Unreadable."""
    actor = context.signed_on()
    wanted = wanted or AuditFilter()
    person = wanted.person_id
    if not context.may("read_audit_trail"):
        if not context.may("read_own_record", f"person-{actor.person}"):
            raise Unreadable("not_permitted", "your roles do not permit reading the audit trail", action=READ_ALL)
        if person is not None and person != actor.person:
            only = "you may read the record of your own acts alone"
            raise Unreadable("not_permitted", only, field="personId", action=READ_ALL)
        person = strawberry.ID(actor.person)
    for field, moment in (("since", wanted.since), ("until", wanted.until)):
        if moment is not None and moment.tzinfo is None:
            raise Unreadable("invalid_value", f"'{field}' has no time zone: give its offset from UTC", field=field)
    return Wanted(
        person=person,
        role=wanted.role,
        organisation=wanted.organisation,
        case_number=wanted.case_number,
        subject=wanted.subject,
        type=wanted.type,
        outcome=wanted.outcome,
        session=wanted.session_id,
        since=wanted.since,
        until=wanted.until,
    )


def said(wanted: Wanted) -> dict[str, object]:
    """The filter as it goes on the record."""
    return {f.name: value for f in fields(wanted) if (value := getattr(wanted, f.name)) is not None}


def _node(event: queries.AuditEvent, names: dict[str, str]) -> AuditEvent:
    return AuditEvent(
        position=Position(event.position),
        id=strawberry.ID(str(event.event_id)),
        type=event.type,
        type_version=event.type_version,
        stream=strawberry.ID(event.stream),
        stream_version=event.stream_version,
        time=event.recorded_at,
        actor=Person(id=strawberry.ID(event.person), name=names.get(event.person, event.person)),
        organisation=event.organisation,
        role=event.role,
        session_id=event.session or None,
        source_address=event.source_address or None,
        purpose=event.purpose or None,
        case_number=event.case_number or event.call_number,
        policy_version=event.policy_version or None,
        outcome=event.outcome,
        decided_by=event.rule or None,
        correlation_id=event.correlation_id,
        causation_id=event.causation_id or None,
        bytes=event.content,
    )


async def trail(
    info: strawberry.Info,
    wanted: Wanted,
    order: AuditOrder,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
    *,
    on_the_board: bool = False,
) -> AuditConnection:
    """A page; in descending order 'after' means older. `on_the_board`: it shows what the board does, which is no
    reading of the audit trail. Raises Unreadable."""
    first, last = page_size(first, last)
    after_position, before_position = position_of(after, "after"), position_of(before, "before")
    descending = order is AuditOrder.POSITION_DESC
    if descending:
        first, last, after_position, before_position = last, first, before_position, after_position
    context = context_of(info)
    async with context.reading() as connection:
        page = await queries.page(
            connection, wanted, first=first, after=after_position, last=last, before=before_position
        )
        names = await context.services.names.of(connection, {event.person for event in page.events})
    if not on_the_board:
        await context.consulted("audit_trail", page.checkpoint.position, said(wanted))
    events = page.events[::-1] if descending else page.events
    edges = [AuditEdge(cursor=cursor(event.position), node=_node(event, names)) for event in events]
    has_next, has_previous = (page.has_previous, page.has_next) if descending else (page.has_next, page.has_previous)
    return AuditConnection(
        edges=edges,
        page_info=PageInfo(
            has_next_page=has_next,
            has_previous_page=has_previous,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
        position=Position(page.checkpoint.position),
        lag=page.checkpoint.lag,
        incomplete_streams=[strawberry.ID(stream) for stream in page.checkpoint.incomplete],
        wanted=wanted,
    )


async def flight_events(info: strawberry.Info, flight: str, first: int | None, after: str | None) -> AuditConnection:
    """A flight's own events; for those who may not read the whole trail, what the board shows anyway."""
    context = context_of(info)
    on_the_board = not context.may("read_audit_trail")
    if on_the_board:
        context.require("read_board")
    wanted = Wanted(subject=f"flight-{flight}")
    asked = (AuditOrder.POSITION_ASC, first, after, None, None)
    return await trail(info, wanted, *asked, on_the_board=on_the_board)


async def event_at(info: strawberry.Info, position: int) -> AuditEvent | None:
    context = context_of(info)
    wanted = what_the_reader_may_see(context, None)
    async with context.reading() as connection:
        at, event = await queries.event_at(connection, position)
        if event is None or (wanted.person is not None and event.person != wanted.person):
            return None
        names = await context.services.names.of(connection, {event.person})
    await context.consulted("audit_event", at.position, {"position": position})
    return _node(event, names)
