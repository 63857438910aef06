"""What a resolver has at hand: the process's services, and who is asking."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import strawberry
from graphql import GraphQLError
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from strawberry.fastapi import BaseContext

from adapters.exports.keeping import Shelf
from adapters.exports.progress import PostgresProgress
from adapters.identity.picture_tokens import PictureTokens
from api.graphql.names import Names
from api.settings import Settings
from api.standings import Standings
from application.accounts import Accounts
from application.audit_export import AuditExports
from application.calls import Calls
from application.cameras import Cameras
from application.cases import Cases
from application.complaints import Complaints
from application.exports import Disclosures, Exports
from application.fleet import Fleet
from application.flights import Flights
from application.gateway import DroneGateway
from application.handling import Accepted, Actor, Handler, Unavailable
from application.mask_states import MaskStates
from application.overrides import Overrides
from application.oversight import Oversight
from application.people import Shifts
from application.personal_data import PersonalData
from application.pilots import Pilots
from application.plates import Plates
from application.policies import Policies
from application.readings import Reading, Readings
from application.retention import Retention
from application.viewings import Viewings
from application.views import Reasons, Views
from application.zones import Zones
from projections.engine.wait import AppliedPositions, NotYetApplied

READ_SLOTS = 16  # reads under way at once; more wait their turn rather than crowd the database


@dataclass
class Services:
    """Everything the API's resolvers use, wired once by `api/processes/api.py`."""

    settings: Settings
    handler: Handler
    accounts: Accounts
    calls: Calls
    cases: Cases
    fleet: Fleet
    flights: Flights
    overrides: Overrides
    zones: Zones
    retention: Retention
    personal_data: PersonalData
    policies: Policies
    pilots: Pilots
    complaints: Complaints
    oversight: Oversight
    readings: Readings
    audit_exports: AuditExports
    views: Views
    cameras: Cameras
    viewings: Viewings
    exports: Exports
    export_shelf: Shelf
    export_progress: PostgresProgress
    disclosures: Disclosures
    plates: Plates
    reasons: Reasons
    shifts: Shifts
    gateway: DroneGateway
    reads: AsyncConnectionPool[AsyncConnection[Any]]
    applied: AppliedPositions
    standings: Standings
    mask_states: MaskStates
    picture_tokens: PictureTokens | None = None
    telemetry: asyncio.Event = field(default_factory=asyncio.Event)
    names: Names = field(init=False)

    def __post_init__(self) -> None:
        self.names = Names(self.applied)


class Unreadable(GraphQLError):
    """A typed 'no' to a question: `extensions.code` is stable for scripts."""

    def __init__(self, code: str, message: str, **extensions: Any) -> None:
        super().__init__(message, extensions={"code": code, **extensions})


@dataclass
class Context(BaseContext):
    """One request's, or one WebSocket's. `reader`: who is signed on, or None; `claimed`: who the token says is asking,
    also while the store is away and cannot say more."""

    services: Services
    reader: Actor | None
    claimed: Actor | None = None
    refusal: str = ""  # why there is no reader
    store_away: bool = False
    locked: bool = False  # there is no reader only because their console is locked
    by_cookie: bool = False
    renew: Callable[[], Awaitable[Actor | None]] | None = None
    read: list[Reading] | None = None  # what was read of the record, for whoever keeps the answer
    _one_reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        super().__init__()

    def signed_on(self) -> Actor:
        if self.reader is not None:
            return self.reader
        if self.store_away:
            raise Unreadable("store_unavailable", "nobody can be signed on: the event store does not answer")
        raise Unreadable("not_signed_on", self.refusal or "sign on first: send a bearer token, or sign in on the page")

    def whoever(self) -> Actor:
        """For orders of safety: also the person at a locked console, and while the store is away the one the token
        names. Raises Unreadable."""
        if self.reader is None and (self.store_away or self.locked) and self.claimed is not None:
            return self.claimed
        return self.signed_on()

    async def still_signed_on(self) -> None:
        """Ask again who is signed on, for what lasts longer than a request. Raises Unreadable."""
        if self.renew is None:
            return
        self.reader = await self.renew()
        self.signed_on()

    def may(self, action: str, resource: str = "", **context: bool | int | str) -> bool:
        return self.reader is not None and self.services.handler.would_allow(self.reader, action, resource, context)

    def require(self, action: str) -> Actor:
        """The reader, who may do this. Raises Unreadable."""
        actor = self.signed_on()
        if not self.may(action):
            raise Unreadable("not_permitted", f"your roles do not permit '{action}'", action=action)
        return actor

    async def consulted(
        self, question: str, up_to: int, wanted: Mapping[str, object], action: str = "", resource: str = ""
    ) -> None:
        """The record is read: say so on the record before the answer leaves. Without `action` it is read as the audit
        trail is, everybody's by who may and one's own by everybody. Raises Unreadable; then nothing is to be shown."""
        actor = self.signed_on()
        if not action:
            action = "read_audit_trail"
            if not self.may(action):
                action, resource = "read_own_record", f"person-{actor.person}"
        reading = Reading(question, as_recorded(wanted), up_to, action, resource)
        await self.record(reading)
        if self.read is not None:
            self.read.append(reading)

    async def record(self, reading: Reading) -> None:
        """Raises Unreadable."""
        actor, readings = self.signed_on(), self.services.readings
        async with self._one_reading:
            if readings.is_recorded(actor, reading):
                return
            told = await asyncio.to_thread(readings.record, actor, reading)
        match told:
            case Accepted():
                return
            case Unavailable():
                raise Unreadable(told.code, "reading the record is on the record first, and that could not be done now")
            case _:
                raise Unreadable("not_permitted", "you may not read this any more", action=reading.action)

    async def applied(self, model: str, position: int | None, seconds: float = 5.0) -> None:
        """Wait, at most so many seconds, until the read model has applied `position`. Raises Unreadable."""
        if position is None:
            return
        try:
            await self.services.applied.wait_for(model, position, seconds)
        except NotYetApplied as late:
            raise Unreadable("not_yet_applied", str(late), position=late.reached) from None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection[Any]]:
        async with self.services.reads.connection() as connection:
            yield connection


def as_recorded(wanted: Mapping[str, object]) -> tuple[str, ...]:
    """What was asked for as it goes on the record: `name=value` of all that is given."""

    def said(value: object) -> str:
        return value.isoformat() if isinstance(value, datetime) else str(value)

    return tuple(f"{name}={said(value)}" for name, value in wanted.items() if value is not None)


def context_of(info: strawberry.Info) -> Context:
    context: Context = info.context
    return context
