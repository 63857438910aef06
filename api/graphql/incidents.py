"""One incident in GraphQL: a single timeline over call, drone, cameras, plates, footage and people.

For oversight, and for those who answer for the incident. Which plate was searched for, who called and the events' bytes
are not in it: they are asked for where they are kept, each time on the record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import strawberry

from api.graphql.audit import cursor, page_size, position_of
from api.graphql.context import Unreadable, context_of
from api.graphql.types import PageInfo, Person, Place, Position, Reason
from application import codec
from application.audit_paper import what_happened
from application.sealing import Keyring, personal_values
from domain import checks, kernel
from domain.kernel import Mistake, Personal
from projections.audit_trail.incident import timeline
from projections.audit_trail.queries import AuditEvent

Id = strawberry.ID

KINDS = {  # what a stream is about, for whoever reads the timeline
    "call": "call",
    "flight": "drone",
    "drone": "drone",
    "liveview": "live_view",
    "camera": "camera",
    "footage": "footage",
    "import": "footage",
    "viewing": "footage",
    "export": "footage",
    "disclosure": "disclosure",
    "override": "override",
    "zone": "override",
    "platesearch": "plates",
    "complaint": "oversight",
    "review": "oversight",
    "subjectkey": "oversight",
}
CLOCKS = ("observed_at", "accessed_at", "received_at", "ordered_at", "arrived_at", "dispatched_at", "closed_at")


@strawberry.type
class IncidentEvent:
    """One event of an incident: who, what, when, where, why, by which rule."""

    position: Position
    stream: Id
    kind: str = strawberry.field(
        description="call | drone | live_view | camera | footage | disclosure | override | plates | people | oversight"
    )
    type: str = strawberry.field(description="for example flight.drone_launched")
    summary: str = strawberry.field(description="what happened, in one line for people")
    at: datetime = strawberry.field(description="when it was recorded, by our clock")
    happened_at: datetime | None = strawberry.field(
        description="when it happened, where the event says so: by our clock, or by dispatch's"
    )
    actor: Person
    organisation: str
    role: str
    place: Place | None = strawberry.field(description="where, if the event says so")
    source_address: str | None = strawberry.field(description="where it was asked from")
    feed: Id | None = strawberry.field(description="what was looked at or recorded: camera-… or flight-…")
    footage: Id | None
    purpose: str | None
    said: str | None = strawberry.field(description="the reason stated, while its key exists")
    outcome: str = strawberry.field(description="granted | refused | recorded (nobody had to be asked)")
    reasons: list[Reason] = strawberry.field(description="why, where it was refused")
    decided_by: str | None = strawberry.field(description="rule@hash of the policy set, or the domain's own rule")
    policy_version: int | None = strawberry.field(description="the use policy in force at that moment")


@strawberry.type
class IncidentEdge:
    cursor: str
    node: IncidentEvent


@strawberry.type
class IncidentTimeline:
    """Oldest first, complete up to `position`."""

    edges: list[IncidentEdge]
    page_info: PageInfo
    position: Position
    lag: int = strawberry.field(description="events in the log that it does not show yet")
    incomplete_streams: list[Id]


@strawberry.type
class IncidentQueries:
    @strawberry.field(
        description="Everything under a call or case, or both, in one order: what dispatch said, what flew, who looked"
        " live or at footage, plates searched, overrides, exports, disclosures, and every refusal. For oversight, and"
        " for those who answer for the incident."
    )
    async def incident(
        self,
        info: strawberry.Info,
        call_number: str | None = None,
        case_number: str | None = None,
        first: int | None = None,
        after: str | None = None,
        after_position: Position | None = None,
    ) -> IncidentTimeline:
        context = context_of(info)
        context.require("read_incident")
        calls, cases = _number(call_number, "callNumber"), _number(case_number, "caseNumber")
        if not calls and not cases:
            raise Unreadable("invalid_value", "name a call or a case", field="callNumber", accepted="a number")
        size, _ = page_size(first, None)
        await context.applied("audit_trail", after_position)
        async with context.reading() as connection:
            page = await timeline(
                connection, calls=calls, cases=cases, first=size or 1, after=position_of(after, "after") or 0
            )
            names = await context.services.names.of(connection, {event.person for event in page.events})
        asked = {"call": call_number, "case": case_number}
        await context.consulted("incident", page.checkpoint.position, asked, "read_incident")
        keys = context.services.handler.keys
        edges = await asyncio.to_thread(_edges, page.events, names, keys)  # it may ask the key store
        return IncidentTimeline(
            edges=edges,
            page_info=PageInfo(
                has_next_page=page.more,
                has_previous_page=after is not None,
                start_cursor=edges[0].cursor if edges else None,
                end_cursor=edges[-1].cursor if edges else None,
            ),
            position=Position(page.checkpoint.position),
            lag=page.checkpoint.lag,
            incomplete_streams=[Id(stream) for stream in page.checkpoint.incomplete],
        )


def _number(given: str | None, field: str) -> tuple[str, ...]:
    """Raises Unreadable."""
    if given is None:
        return ()
    try:
        return (checks.identifier(field, given),)
    except Mistake as mistake:
        raise Unreadable(mistake.code, mistake.message, field=field, accepted=mistake.accepted) from None


def _edges(rows: Sequence[AuditEvent], names: dict[str, str], keys: Keyring) -> list[IncidentEdge]:
    read = [codec.decode(row.content, row.position, keys) for row in rows]
    keys.warm({personal.subject for recorded in read for personal in personal_values(recorded.event)})
    return [
        IncidentEdge(cursor=cursor(row.position), node=_node(row, recorded, names))
        for row, recorded in zip(rows, read, strict=True)
    ]


def _node(row: AuditEvent, recorded: codec.Recorded, names: dict[str, str]) -> IncidentEvent:
    happened = recorded.event
    feed, footage = getattr(happened, "feed", None), getattr(happened, "footage", None)
    if row.stream.startswith("footage-"):
        footage = row.stream.removeprefix("footage-")
    return IncidentEvent(
        position=Position(row.position),
        stream=Id(row.stream),
        kind=KINDS.get(row.stream.partition("-")[0], "people"),
        type=row.type,
        summary=what_happened(f"{row.type}.v{row.type_version}"),
        at=row.recorded_at,
        happened_at=next((moment for name in CLOCKS if (moment := getattr(happened, name, None))), None),
        actor=Person(id=Id(row.person), name=names.get(row.person, row.person)),
        organisation=row.organisation,
        role=row.role,
        place=_place(happened),
        source_address=row.source_address or None,
        feed=Id(feed) if feed else Id(row.stream) if row.stream.startswith("flight-") else None,
        footage=Id(footage) if footage else None,
        purpose=row.purpose or None,
        said=_said(recorded),
        outcome=row.outcome,
        reasons=[_reason(reason) for reason in getattr(happened, "reasons", None) or ()],
        decided_by=row.rule or None,
        policy_version=row.policy_version or None,
    )


def _reason(reason: kernel.Reason) -> Reason:
    return Reason(
        code=reason.code, message=reason.message, rule=reason.rule, field=reason.field, accepted=reason.accepted
    )


def _place(happened: Any) -> Place | None:
    """Where the drone was, else where the call or the destination is."""
    for name in ("position", "place", "destination"):
        where = getattr(happened, name, None)
        if isinstance(where, kernel.Place | kernel.AirPosition):
            return Place(latitude=where.latitude, longitude=where.longitude)
    return None


def _said(recorded: codec.Recorded) -> str | None:
    """The reason in the words of whoever asked, of the grounds or of the act itself; None once its key is destroyed."""
    grounds = getattr(recorded.event, "grounds", None)
    reason = getattr(recorded.event if grounds is None else grounds, "reason", None)
    if isinstance(reason, Personal):
        return recorded.text(reason)
    return str(reason) if isinstance(reason, str) else None
