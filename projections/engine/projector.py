"""One build of a read model, kept up to date: rows, checkpoint and fence in one PostgreSQL transaction a batch.

Invariant: a build's rows are exactly what its checkpoint's position says, less the streams it lists as parked; so a
process may die anywhere and the next one goes on from the checkpoint, and a second one at the same time is refused.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
import structlog
from psycopg import sql

from application.codec import UnreadableEvent, decode_envelope
from application.failpoints import failpoint
from application.sealing import Keyring
from projections.engine import catalogue, metrics, parking, shredding, tracing
from projections.engine.catalogue import Build
from projections.engine.feed import Feed, FeedBatch, FeedFactory, FeedRecord, FeedState, LogReplaced, MissingPosition
from projections.engine.parking import Careful, ParkedRecord
from projections.engine.projection import AnyProjection, Connection, Cursor, Failure, Fenced, is_transient
from projections.engine.selection import selection_of

IDLE_S = 0.25  # how soon a stop is heeded
LOOK_S = 1.0
BACK_OFF_S = (0.05, 2.0)
# Who had no use for what came last gathers for so long what comes next. Most models have no use for most events, and a
# statement for each would take from the commands the time that it gives nobody.
GATHER_S, FEW = 0.025, 50

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Status:
    """How a projector is doing. `lag` in events; `lag_seconds`: the age of the last event applied while others wait;
    `fault` says what keeps it from going on, and what to do."""

    name: str
    key: str
    state: str
    position: int
    log_end: int
    parked_streams: int
    fault: str | None
    lag_seconds: float = 0.0

    @property
    def lag(self) -> int:
        return max(0, self.log_end - self.position)


class _Stopped(Exception):
    """A poison event, a replaced log: nothing is applied until somebody acts."""

    def __init__(self, reason: str, position: int | None = None) -> None:
        super().__init__(reason)
        self.reason, self.position = reason, position


class Projector:
    """Runs one build. Not thread-safe: `run` in one thread; `status` may be asked from any.

    `keys`: for a read model that keeps something personal. `on_parked` is told of records put aside, before the commit
    that keeps them (so perhaps twice).
    """

    def __init__(
        self,
        url: str,
        feeds: FeedFactory,
        projection: AnyProjection,
        key: str,
        *,
        batch: int = 5000,
        on_parked: Callable[[str, Sequence[ParkedRecord]], None] | None = None,
        keys: Keyring | None = None,
    ) -> None:
        self._url, self._feeds, self._projection, self._key = url, feeds, projection, key
        self._batch, self._on_parked = batch, on_parked
        self._selection = selection_of(projection, keys)
        self._build: Build | None = None
        self._state = FeedState()
        self._rolling_hash = catalogue.ZERO_HASH
        self._revision = -1
        self._parked: frozenset[str] = frozenset()
        self._live = False
        self._log_end = 0
        self._fault: str | None = None
        self._trouble = ""
        self._applied_until: datetime | None = None
        self._next_look = self._gather_until = 0.0

    # -- for others ----------------------------------------------------------

    @property
    def key(self) -> str:
        return self._key

    def status(self) -> Status:
        state = "live" if self._live else "building"
        return Status(
            self._projection.name,
            self._key,
            state,
            self._state.position,
            self._log_end,
            len(self._parked),
            self._fault or self._trouble or None,
            self._lag_seconds(),
        )

    def run(self, stop: threading.Event) -> None:
        """Apply what the feed gives until `stop`; make the build live when it has caught up.

        Survives an absent database or broker. Raises Fenced when another process took over or the build was retired.
        """
        pause = BACK_OFF_S[0]
        while not stop.is_set():
            try:
                with catalogue.connect(self._url) as connection:
                    self._resume(connection)
                    pause = BACK_OFF_S[0]
                    self._consume(connection, stop)
            except Fenced:
                raise
            except Exception as error:
                # PostgreSQL or the broker is away, or the code is wrong: it stays visible and is tried again.
                where = "PostgreSQL" if isinstance(error, psycopg.Error) else "the feed or the projection"
                self._fault = f"{where} failed ({type(error).__name__}); trying again"
                metrics.RETRIES.labels(self._projection.name).inc()
                self._publish()
                log.warning("projector.retry", projection=self._key, error=repr(error), after_s=pause)
                stop.wait(pause)
                pause = min(pause * 2, BACK_OFF_S[1])

    # -- resuming ------------------------------------------------------------

    def _resume(self, connection: Connection) -> None:
        if self._build is None:
            self._build = catalogue.claim(connection, self._key)
        build = catalogue.still_mine(connection, self._build)
        connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(self._key)))
        self._state, self._rolling_hash = build.feed_state, build.rolling_hash
        self._live, self._log_end = build.state == "live", build.log_end
        self._revision = -1  # what is parked is read with the first batch
        self._parked = parking.parked_streams(connection, self._key)
        self._fault = None
        self._publish()

    # -- consuming -----------------------------------------------------------

    def _consume(self, connection: Connection, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                feed = self._feeds(self._state)
                try:
                    while not stop.is_set():
                        self._step(connection, feed)
                finally:
                    feed.close()
            except MissingPosition as missing:
                # It heals by itself once the record is resent.
                self._tell(connection, str(missing), missing.position)
                stop.wait(LOOK_S)
            except LogReplaced as replaced:
                reason = f"{replaced}; run 'saferweho projections rebuild {self._projection.name}'"
                self._wait_for_retry(connection, _Stopped(reason), stop)
            except _Stopped as stopped:
                self._wait_for_retry(connection, stopped, stop)

    def _step(self, connection: Connection, feed: Feed) -> None:
        if self._gather_until and (left := self._gather_until - time.monotonic()) > 0:
            time.sleep(left)
        self._gather_until = 0.0
        batch = feed.poll(IDLE_S, self._batch)
        if batch is not None and batch.records:
            started = time.perf_counter()
            self._log_end = max(self._log_end, batch.after.position)
            if self._applied_until is None:  # since this start nothing was applied: not earlier than what comes first
                self._applied_until = _time_of(batch.records[0])
            self._publish()  # a batch that is held up is seen while it is
            self._apply(connection, batch)
            self._applied_until = _time_of(batch.records[-1]) or self._applied_until
            metrics.BATCH_SECONDS.labels(self._projection.name).observe(time.perf_counter() - started)
            metrics.EVENTS.labels(self._projection.name).inc(len(batch.records))
        if time.monotonic() >= self._next_look:
            self._look(connection, feed)
        self._publish()

    def _look(self, connection: Connection, feed: Feed) -> None:
        """Once a second: where the log ends, whether the build is still ours and whether it has caught up."""
        self._next_look = time.monotonic() + LOOK_S
        end = feed.end_position()
        self._trouble = feed.trouble()
        assert self._build is not None
        build = catalogue.still_mine(connection, self._build)
        if end > build.log_end:
            catalogue.seen_end(connection, self._key, build.generation, end)
        self._log_end = max(end, self._state.position)
        if build.fault is not None or self._fault is not None:
            self._tell(connection, None)
        if not self._live and self._state.position >= end:
            self._go_live(connection)

    def _go_live(self, connection: Connection) -> None:
        assert self._build is not None
        if catalogue.switch(connection, self._build):
            self._live = True
            log.info("projector.live", projection=self._key, position=self._state.position)

    # -- applying ------------------------------------------------------------

    def _apply(self, connection: Connection, batch: FeedBatch) -> None:
        records = [r for r in batch.records if r.position > self._state.position]
        rolling_hash = catalogue.roll(self._rolling_hash, [r.content for r in records])
        began = time.time_ns()
        if self._gone_past(connection, batch, records, rolling_hash):
            return
        try:
            with connection.transaction(), connection.cursor() as cursor:
                self._enter(connection, cursor)
                if self._parked and not self._parked.isdisjoint(r.stream for r in records):
                    raise _NeedsCare
                shredding.apply(cursor, self._projection, self._selection, records)
                self._leave(cursor, batch.after, rolling_hash)
                failpoint("projector.before_commit")
        except Fenced:
            raise
        except Exception as error:
            if is_transient(error):
                raise
            self._apply_with_care(connection, batch, records)
            return
        failpoint("projector.after_commit")
        tracing.applied(self._projection.name, records, began)
        self._state, self._rolling_hash = batch.after, rolling_hash
        self._fault = None

    def _gone_past(
        self, connection: Connection, batch: FeedBatch, records: Sequence[FeedRecord], rolling_hash: bytes
    ) -> bool:
        """Whether nothing of the batch is for this read model, and the checkpoint has gone past it: most read models
        have no use for most events, and one statement is a fifth of the round trips."""
        if self._parked or self._revision < 0 or self._selection.wants_any(records):
            return False
        assert self._build is not None
        failpoint("projector.before_commit")
        state = catalogue.go_past(
            connection,
            self._key,
            self._build.generation,
            self._revision,
            batch.after,
            rolling_hash,
            self._log_end,
        )
        if state is None:  # somebody retried what was parked, or took over: the long way finds out
            return False
        failpoint("projector.after_commit")
        self._live = state == "live"
        self._state, self._rolling_hash, self._fault = batch.after, rolling_hash, None
        if len(records) < FEW:  # of many it is behind
            self._gather_until = time.monotonic() + GATHER_S
        return True

    def _apply_with_care(self, connection: Connection, batch: FeedBatch, records: Sequence[FeedRecord]) -> None:
        with connection.transaction(), connection.cursor() as cursor:
            self._enter(connection, cursor)
            careful = Careful(cursor, self._projection, self._selection, self._parked)
            careful.apply(records)
            stopped, after, done = careful.stopped, batch.after, records
            if stopped is not None:
                # Offsets of before: they are early, never late, and the position drops what comes twice.
                after = FeedState(stopped.position - 1, self._state.offsets, self._state.log_id)
                done = [r for r in records if r.position < stopped.position]
            rolling_hash = catalogue.roll(self._rolling_hash, [r.content for r in done])
            parked = [p for p in careful.parked if p.position <= after.position]
            if parked:
                parking.keep(cursor, self._key, parked)
                self._announce(parked)
            streams = self._parked | {p.stream for p in parked}
            fault = _explain(stopped) if stopped is not None else None
            self._leave(cursor, after, rolling_hash, fault, stopped.position if stopped else None, len(streams))
            failpoint("projector.before_commit")
        self._state, self._rolling_hash, self._parked = after, rolling_hash, streams
        if stopped is not None:
            assert fault is not None
            raise _Stopped(fault, stopped.position)
        self._fault = None

    def _enter(self, connection: Connection, cursor: Cursor) -> None:
        """Hold the fence; read anew what is parked if somebody has retried."""
        assert self._build is not None
        revision, state = catalogue.lock(cursor, self._key, self._build.generation)
        self._live = state == "live"
        if revision != self._revision:
            self._parked, self._revision = parking.parked_streams(connection, self._key), revision

    def _leave(
        self,
        cursor: Cursor,
        after: FeedState,
        rolling_hash: bytes,
        fault: str | None = None,
        fault_position: int | None = None,
        parked_streams: int | None = None,
    ) -> None:
        catalogue.advance(
            cursor,
            self._key,
            after,
            rolling_hash,
            log_end=self._log_end,
            parked_streams=len(self._parked) if parked_streams is None else parked_streams,
            fault=fault,
            fault_position=fault_position,
        )

    def _announce(self, parked: Sequence[ParkedRecord]) -> None:
        log.error("projector.parked", projection=self._key, events=len(parked), first=parked[0].position)
        if self._on_parked is None:
            return
        try:
            self._on_parked(self._projection.name, parked)
        except Exception as error:  # the database keeps them; the topic is a copy
            log.error("projector.parked_topic_failed", projection=self._key, error=str(error))

    # -- stopped -------------------------------------------------------------

    def _wait_for_retry(self, connection: Connection, stopped: _Stopped, stop: threading.Event) -> None:
        """Stay down, and say so, until a retry is asked for; other projections go on."""
        self._tell(connection, stopped.reason, stopped.position)
        log.error("projector.stopped", projection=self._key, reason=stopped.reason)
        before = catalogue.find(connection, self._key)
        while not stop.wait(LOOK_S):
            assert self._build is not None
            build = catalogue.still_mine(connection, self._build)
            if before is None or build.revision != before.revision:
                self._tell(connection, None)
                return

    def _tell(self, connection: Connection, fault: str | None, position: int | None = None) -> None:
        assert self._build is not None
        self._fault = fault
        catalogue.set_fault(connection, self._key, self._build.generation, fault, position)
        self._publish()

    def _publish(self) -> None:
        name = self._projection.name
        if not self._live:
            return
        metrics.POSITION.labels(name).set(self._state.position)
        metrics.LAG_EVENTS.labels(name).set(max(0, self._log_end - self._state.position))
        metrics.LAG_SECONDS.labels(name).set_function(self._lag_seconds)  # it grows while nothing comes by here
        metrics.PARKED.labels(name).set(len(self._parked))
        metrics.STOPPED.labels(name).set(bool(self._fault or self._trouble))

    def _lag_seconds(self) -> float:
        if self._applied_until is None or self._log_end <= self._state.position:
            return 0.0
        return max(0.0, (datetime.now(UTC) - self._applied_until).total_seconds())


class _NeedsCare(Exception):
    """Some of the batch belongs to a parked stream."""


def _time_of(record: FeedRecord) -> datetime | None:
    with suppress(UnreadableEvent):
        return decode_envelope(record.content).time
    return None


def _explain(failure: Failure) -> str:
    what = failure.type or "an event that cannot be read"
    return (
        f"stopped at position {failure.position} ({what} of {failure.stream}): {failure.error}. "
        f"Nothing after it is shown. Mend the code or the log, then run 'saferweho projections retry'."
    )
