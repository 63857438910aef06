"""Runs one reaction on the feed: commands first, then the checkpoint.

The fence is held (the checkpoint's row locked) while commands are issued, so a second process waits and then finds
itself fenced instead of issuing the same. After a crash the same commands are issued again under the same ids.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psycopg
import structlog

from application.codec import UnreadableEvent
from application.failpoints import failpoint
from application.reactions import IssuedCommand, Reaction
from projections.engine import catalogue, metrics
from projections.engine.catalogue import Build
from projections.engine.feed import FeedBatch, FeedFactory, FeedState, LogReplaced, MissingPosition
from projections.engine.projection import Connection, Cursor, Fenced
from projections.engine.projector import BACK_OFF_S, IDLE_S, LOOK_S, Status
from projections.engine.selection import Selection

log = structlog.get_logger(__name__)


class TryAgain(Exception):
    """Raised by `issue` when the command could not be handed over: the batch is done again later."""


@dataclass(slots=True)
class StoredMemory:
    """`Memory` in the reactor's database, changed in the transaction of the checkpoint."""

    cursor: Cursor
    reaction: str

    def add(self, key: str, value: str) -> None:
        self.cursor.execute(
            "INSERT INTO projections.reaction_memory VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (self.reaction, key, value),
        )

    def discard(self, key: str, value: str) -> None:
        self.cursor.execute(
            "DELETE FROM projections.reaction_memory WHERE (reaction, key, value) = (%s, %s, %s)",
            (self.reaction, key, value),
        )

    def values(self, key: str) -> Sequence[str]:
        rows = self.cursor.execute(
            "SELECT value FROM projections.reaction_memory WHERE reaction = %s AND key = %s ORDER BY value",
            (self.reaction, key),
        ).fetchall()
        return [value for (value,) in rows]


class Reactor:
    """`issue` hands a command to the application and returns when it is on the record (or was there before).

    It raises TryAgain, or application.ports.StoreUnavailable, when it should be asked again. A command that the domain
    refuses is the application's to record; it counts as issued. `run` raises Fenced when another process took over.
    An event that cannot be read stops the reaction: to skip a suspension in silence would be worse.
    """

    def __init__(
        self,
        url: str,
        feeds: FeedFactory,
        reaction: Reaction,
        issue: Callable[[IssuedCommand], None],
        *,
        batch: int = 500,
    ) -> None:
        self._url, self._feeds, self._reaction, self._issue, self._batch = url, feeds, reaction, issue, batch
        self._key = f"reaction:{reaction.name}"
        self._selection = Selection(reaction.handles)
        self._build: Build | None = None
        self._state = FeedState()
        self._rolling_hash = catalogue.ZERO_HASH
        self._log_end = 0
        self._fault: str | None = None

    def status(self) -> Status:
        return Status(self._reaction.name, self._key, "live", self._state.position, self._log_end, 0, self._fault)

    def run(self, stop: threading.Event) -> None:
        pause = BACK_OFF_S[0]
        catalogue_ready = False
        while not stop.is_set():
            try:
                if not catalogue_ready:
                    catalogue.install(self._url)
                    catalogue_ready = True
                with catalogue.connect(self._url) as connection:
                    self._resume(connection)
                    before = self._state.position
                    try:
                        self._consume(connection, stop)
                    finally:
                        if self._state.position > before:
                            pause = BACK_OFF_S[0]  # what failed then is not what failed before
            except Fenced:
                raise
            except Exception as error:
                where = "PostgreSQL" if isinstance(error, psycopg.Error) else "the reaction or its feed"
                self._fault = f"{where} failed ({type(error).__name__}: {error}); trying again"
                self._publish()
                metrics.RETRIES.labels(self._reaction.name).inc()
                log.warning("reactor.retry", reaction=self._reaction.name, error=repr(error), after_s=pause)
                stop.wait(pause)
                pause = min(pause * 2, BACK_OFF_S[1])

    def _resume(self, connection: Connection) -> None:
        connection.execute(
            "INSERT INTO projections.catalogue (key, name, version, build, state, tables_sha256)"
            " VALUES (%s, %s, 1, 1, 'live', '') ON CONFLICT (key) DO NOTHING",
            (self._key, self._key),
        )
        if self._build is None:
            self._build = catalogue.claim(connection, self._key)
        build = catalogue.still_mine(connection, self._build)
        self._state, self._rolling_hash, self._log_end = build.feed_state, build.rolling_hash, build.log_end

    def _consume(self, connection: Connection, stop: threading.Event) -> None:
        assert self._build is not None
        feed = self._feeds(self._state)
        next_look = 0.0
        try:
            while not stop.is_set():
                batch = feed.poll(IDLE_S, self._batch)
                if batch is not None and batch.records:
                    self._log_end = max(self._log_end, batch.after.position)
                    self._react(connection, batch)
                if time.monotonic() >= next_look:
                    next_look = time.monotonic() + LOOK_S
                    self._log_end = max(feed.end_position(), self._state.position)
                    catalogue.seen_end(connection, self._key, self._build.generation, self._log_end)
                self._fault = feed.trouble() or None
                self._publish()
        except (UnreadableEvent, MissingPosition, LogReplaced) as fault:
            catalogue.set_fault(connection, self._key, self._build.generation, str(fault))
            raise
        finally:
            feed.close()

    def _react(self, connection: Connection, batch: FeedBatch) -> None:
        assert self._build is not None
        records = [r for r in batch.records if r.position > self._state.position]
        rolling_hash = catalogue.roll(self._rolling_hash, [r.content for r in records])
        with connection.transaction(), connection.cursor() as cursor:
            catalogue.lock(cursor, self._key, self._build.generation)
            memory = StoredMemory(cursor, self._reaction.name)
            for recorded in self._selection.decoded(records):
                for command in self._reaction.react(recorded, memory):
                    self._issue(command)
                    metrics.COMMANDS.labels(self._reaction.name).inc()
                    failpoint("reactor.after_issue")
            catalogue.advance(cursor, self._key, batch.after, rolling_hash, log_end=self._log_end)
            failpoint("reactor.before_commit")
        self._state, self._rolling_hash = batch.after, rolling_hash
        metrics.EVENTS.labels(self._reaction.name).inc(len(records))

    def _publish(self) -> None:
        name = self._reaction.name
        metrics.POSITION.labels(name).set(self._state.position)
        metrics.LAG_EVENTS.labels(name).set(max(0, self._log_end - self._state.position))
        metrics.STOPPED.labels(name).set(self._fault is not None)
