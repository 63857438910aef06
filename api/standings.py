"""Who a request is from, as the store knows them now, without asking the store each time.

What was read stays true until the log moves: the store announces every append, and an answer is kept only as long as
none came, and never longer than a second. While nothing is heard from the store, nothing is kept.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self, TypeVar

import psycopg
import structlog

from application.accounts import Accounts, Proof, SignOnUnavailable
from application.handling import Actor, Unavailable
from application.ports import StoreUnavailable

CHANNEL = "saferweho_events"
KEPT_S = 1.0
SILENT_S = 1.5  # how long a store is waited for that no announcement can come from
REMEMBERED = 4096
SHORTEST_IDLE = timedelta(minutes=1)  # no policy locks a console sooner
T = TypeVar("T")
log = structlog.get_logger()


def _key(proof: Proof, source_address: str) -> tuple[str, str, str]:
    return proof.person, proof.session, source_address  # two persons are never taken for each other


class Standings:
    """An async context manager, one a process."""

    def __init__(self, accounts: Accounts, store_url: str) -> None:
        self._accounts = accounts
        self._url = store_url
        self._known: OrderedDict[tuple[str, str, str], tuple[Actor, int, float]] = OrderedDict()
        self._active: OrderedDict[str, datetime] = OrderedDict()  # session -> when its person last asked for something
        self._heard = 0  # counts announcements
        self._listening = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._listen(), name="standings")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def actor(self, proof: Proof, source_address: str, *, active: bool = True) -> Actor:
        """`active`: the person does something at this moment. A console at which nobody did anything for as long as
        the use policy allows is locked first. Raises SignOnRefused, SignOnUnavailable."""
        await self._lock_if_idle(proof, source_address, active)
        key = _key(proof, source_address)
        known = self._known.get(key)
        if known and self._listening and known[1] == self._heard and time.monotonic() - known[2] < KEPT_S:
            return known[0]
        heard = self._heard
        actor = await self._ask(lambda: self._accounts.sign_on(proof, source_address))
        self._known[key] = (actor, heard, time.monotonic())
        self._known.move_to_end(key)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return actor

    async def _ask(self, what: Callable[[], T]) -> T:
        """Beside the event loop. Where the store has fallen silent nobody waits it out: the request may be an order to
        bring a drone home. Raises SignOnUnavailable."""
        try:
            return await asyncio.wait_for(asyncio.to_thread(what), None if self._listening else SILENT_S)
        except (TimeoutError, StoreUnavailable):
            raise SignOnUnavailable("nobody can be signed on: the event store does not answer") from None

    async def _lock_if_idle(self, proof: Proof, source_address: str, active: bool) -> None:
        # Kept in this process: after a restart the time without an act begins anew.
        now = self._accounts.handler.clock.now()
        last = self._active.get(proof.session)
        idle = now - last if last else timedelta()
        if idle >= SHORTEST_IDLE and idle >= await self._ask(self._accounts.idle_limit):
            actor = Actor(proof.person, proof.person, "", frozenset(), proof.session, source_address)
            told = await self._ask(lambda: self._accounts.lock(actor, "nobody was active"))
            if isinstance(told, Unavailable):
                raise SignOnUnavailable(told.message)
            self._known.pop(_key(proof, source_address), None)
            self._active.pop(proof.session, None)
            return
        if active:
            self._active[proof.session] = now
            self._active.move_to_end(proof.session)
            while len(self._active) > REMEMBERED:
                self._active.popitem(last=False)

    async def behind_the_lock(self, proof: Proof, source_address: str) -> Actor | None:
        """The person at a locked console. Raises SignOnUnavailable."""
        actor = Actor(proof.person, proof.person, "", frozenset(), proof.session, source_address)
        return await self._ask(lambda: self._accounts.behind_the_lock(actor))

    def last_known(self, proof: Proof, source_address: str) -> Actor | None:
        """The actor as last read, however long ago: for orders of safety while the store is away."""
        known = self._known.get(_key(proof, source_address))
        return known[0] if known else None

    async def _listen(self) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._url, autocommit=True, connect_timeout=5, application_name="saferweho standings"
                ) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    self._heard += 1
                    self._listening = True
                    async for _ in connection.notifies():
                        self._heard += 1
            except psycopg.Error as error:
                log.warning("standings.database", error=repr(error))
            finally:
                self._listening = False
            await asyncio.sleep(1)
