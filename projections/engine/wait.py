"""Waiting for read models: `after: position` of a query, and the ticks of a subscription.

One connection a process listens; it is never inside a transaction. A lost notification costs at most a second: the
catalogue is polled as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from types import TracebackType
from typing import Self

import psycopg
import structlog

from projections.engine.catalogue import CHANNEL

POLL_S = 1.0

log = structlog.get_logger(__name__)


class NotYetApplied(Exception):
    """The read model did not come as far as was asked in time."""

    def __init__(self, name: str, position: int, reached: int) -> None:
        super().__init__(f"{name} is at position {reached}, not yet at {position}: ask again, or without 'after'")
        self.name, self.position, self.reached = name, position, reached


class AppliedPositions:
    """The last applied position of every live read model, kept fresh. An async context manager, one a process."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._positions: dict[str, tuple[int, int]] = {}  # name -> (position, ticks)
        self._log_ends: dict[str, int] = {}
        self._moved: dict[str, asyncio.Event] = {}  # by name: a change of one wakes only those who wait for it
        self._listening = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._listen(), name="applied positions")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def position(self, name: str) -> int:
        """As last heard; 0 when nothing was heard yet."""
        return self._positions.get(name, (0, 0))[0]

    def state(self, name: str) -> tuple[int, int] | None:
        """What an answer out of this read model may be kept by: it changes with every change of the rows. None while
        nothing is heard from the database."""
        return self._positions.get(name) if self._listening else None

    async def wait_for(self, name: str, position: int, timeout: float = 5.0) -> int:  # noqa: ASYNC109
        """Return the applied position once it is at least `position`. Raises NotYetApplied after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                while self.position(name) < position:
                    await self._next_move(name)
        except TimeoutError:
            raise NotYetApplied(name, position, self.position(name)) from None
        return self.position(name)

    async def changes(self, name: str) -> AsyncIterator[int]:
        """The applied position now and after every change; a slow reader gets the last of several.

        The same position comes again when its rows changed without a new event (a retry of parked events).
        """
        seen: tuple[int, int] | None = None
        while True:
            now = self._positions.get(name)
            if now is not None and now != seen:
                seen = now
                yield now[0]
            else:
                await self._next_move(name)

    async def _next_move(self, name: str) -> None:
        await self._moved.setdefault(name, asyncio.Event()).wait()

    # -- listening -----------------------------------------------------------

    async def _listen(self) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._url, autocommit=True, connect_timeout=5, application_name="saferweho waits"
                ) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    while True:
                        await self._poll(connection)
                        self._listening = True
                        async for notice in connection.notifies(timeout=POLL_S):
                            name, _, position = notice.payload.rpartition(" ")
                            self._heard(name, int(position), ticked=True)
            except psycopg.Error as error:
                log.warning("applied_positions.database", error=repr(error))
                self._listening = False
                await asyncio.sleep(POLL_S)

    async def _poll(self, connection: psycopg.AsyncConnection) -> None:
        cursor = await connection.execute(
            "SELECT name, position, log_end FROM projections.catalogue WHERE state = 'live'"
        )
        for name, position, log_end in await cursor.fetchall():
            # Where the log went on without the read model, answers that say how far it is behind are others now.
            further = log_end > max(position, self._log_ends.get(name, 0))
            self._log_ends[name] = log_end
            self._heard(name, position, ticked=further)

    def _heard(self, name: str, position: int, *, ticked: bool) -> None:
        last, ticks = self._positions.get(name, (-1, 0))
        if ticked:
            position = max(position, last)  # one that waited while the catalogue was read says less than that
        elif position == last:
            return
        self._positions[name] = (position, ticks + 1)
        if (moved := self._moved.pop(name, None)) is not None:
            moved.set()
