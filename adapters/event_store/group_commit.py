"""The one writer of a process: takes what has queued, commits it in one transaction, tells each caller its own outcome.

Invariants:
- A batch is one statement, `events.append_batch`, so its transaction never waits for this process: one that is stopped
  or killed holds no lock. (The same steps sent one by one in pipeline mode also cost a quarter of the throughput.)
- After an unclear commit the same batch is sent again: the commands that are on the record are answered from it.
- A caller hears within the commit timeout, whatever the database or the network does.
- A command that makes the statement fail fails alone: the batch is split until it is found.
"""

from __future__ import annotations

import collections
import itertools
import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import NamedTuple

import psycopg
from prometheus_client import Counter, Gauge, Histogram
from psycopg.types.numeric import Int8BinaryDumper
from psycopg.types.string import StrBinaryDumper

from adapters.event_store.batch import STATEMENT, Item, Outcome, Row, item, outcomes, parameters
from adapters.event_store.connection import BoundedConnection, explain
from adapters.event_store.reopening import closed_because
from application.failpoints import failpoint
from application.ports import Append, Appended, StoreError, StoreUnavailable

log = logging.getLogger(__name__)

_CLOSED = "SW001"  # SQLSTATE of events.lock_head
_OF_ONE_COMMAND = ("22", "23", "54")  # SQLSTATE classes: data, constraint, program limit
COMMIT_TIMEOUT_S = 4.0  # of the five seconds in which a person is told; the rest is for the way there on a busy machine
_WATCH_S = 0.2  # how often expired callers are looked for
_RETRY_S = 0.1  # between two attempts to reach the database
_BATCH_BYTES = 16 * 1024 * 1024

# Planning afresh for the arrays of each batch would cost more than the batch; and a plan that is kept must be right for
# a large log, also when it was made on an empty one.
_SESSION = (
    "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off; "
    "SET enable_mergejoin = off; SET jit = off"
)

_commands = Counter("saferweho_store_commands_total", "Commands answered by the group commit", ["outcome"])
_events = Counter("saferweho_store_events_total", "Events committed")
_batch_commands = Histogram(
    "saferweho_store_batch_commands", "Commands in a batch", buckets=[1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
)
_batch_seconds = Histogram("saferweho_store_batch_seconds", "Time from sending a batch to its commit")
_position = Gauge("saferweho_store_position_events", "The last position this process has committed")


class Waiting(NamedTuple):
    item: Item
    future: Future[Appended]
    deadline: float  # on the monotonic clock


class GroupCommit:
    """Connects when the first command comes. `commit_timeout` in seconds."""

    def __init__(self, url: str, *, max_batch: int = 512, commit_timeout: float = COMMIT_TIMEOUT_S) -> None:
        self._url = url
        self._max_batch = max_batch
        self._timeout = commit_timeout
        self._patience = max(commit_timeout - 2 * _WATCH_S, commit_timeout / 2)
        self._submissions = itertools.count(secrets.randbits(62))
        self._queue: deque[Waiting] = deque()
        self._in_flight: Sequence[Waiting] = ()
        self._arrived = threading.Condition()
        self._closing = threading.Event()
        self._connection: BoundedConnection | None = None
        self._trouble = ""
        self._writer = threading.Thread(target=self._write, name="group-commit", daemon=True)
        self._watch = threading.Thread(target=self._expire, name="group-commit-watch", daemon=True)
        self._writer.start()
        self._watch.start()

    def submit(self, append: Append) -> Future[Appended]:
        """The future fails with a StoreError. Raises ValueError when the append contradicts itself."""
        future: Future[Appended] = Future()
        waiting = Waiting(item(append, next(self._submissions)), future, time.monotonic() + self._patience)
        with self._arrived:
            if self._closing.is_set():
                raise StoreUnavailable("this process is stopping and takes no more appends")
            self._queue.append(waiting)
            if len(self._queue) == 1:
                self._arrived.notify()
        return future

    def close(self) -> None:
        """Commit what has queued, for at most the commit timeout, then stop."""
        with self._arrived:
            self._closing.set()
            self._arrived.notify()
        self._writer.join()
        self._watch.join()

    # -- the writer ----------------------------------------------------------------
    def _write(self) -> None:
        while self._take_batch():
            self._commit(self._in_flight)
        self._disconnect()

    def _take_batch(self) -> bool:
        """Wait for commands and move them to `_in_flight`; False when there will be no more."""
        with self._arrived:
            self._in_flight = ()
            while not self._queue:
                if self._closing.is_set():
                    return False
                self._arrived.wait()
            batch: list[Waiting] = []
            ids = set()
            size = 0
            while self._queue and len(batch) < self._max_batch and (not batch or size < _BATCH_BYTES):
                if (command_id := self._queue[0].item.append.command_id) in ids:
                    break  # a repetition: the next batch answers it from the record, like any other
                waiting = self._queue.popleft()
                ids.add(command_id)
                size += waiting.item.size
                batch.append(waiting)
            self._in_flight = batch
            return True

    def _commit(self, batch: Sequence[Waiting]) -> None:
        """Commit and answer everyone in the batch, or find them all expired."""
        while batch := [waiting for waiting in batch if not waiting.future.done()]:
            try:
                results = self._send([waiting.item for waiting in batch])
            except psycopg.Error as error:
                self._trouble = str(error).strip()
                if self._connection is None or self._connection.closed:
                    # Perhaps committed, perhaps not: the next round finds out by the command ids.
                    self._disconnect()
                    time.sleep(_RETRY_S)
                    continue
                if (error.sqlstate or "").startswith(_OF_ONE_COMMAND) and len(batch) > 1:
                    middle = len(batch) // 2
                    self._commit(batch[:middle])
                    self._commit(batch[middle:])
                    return
                results = [_refusal(error)] * len(batch)
            except Exception as error:  # whatever it is, it may not end the writer: others wait for it
                log.exception("a batch of %d commands failed", len(batch))
                self._disconnect()
                results = [StoreUnavailable(f"the append failed: {error!r}")] * len(batch)
            for waiting, result in zip(batch, results, strict=True):
                _settle(waiting, result)
            for kind, answered in collections.Counter(type(result).__name__ for result in results).items():
                _commands.labels(kind).inc(answered)

    def _send(self, items: Sequence[Item]) -> Sequence[Outcome]:
        connection = self._connection or self._connect()
        arguments = parameters(items)
        failpoint("store.before_commit")
        with _batch_seconds.time():
            rows = connection.execute(STATEMENT, arguments, prepare=True, binary=True).fetchall()
        failpoint("store.after_commit")
        self._trouble = ""
        results = outcomes(items, [Row(*row) for row in rows])
        written = [result for result in results if isinstance(result, Appended) and not result.replayed]
        _batch_commands.observe(len(items))
        if written:
            _events.inc(sum(r.last_position - r.first_position + 1 for r in written))
            _position.set(written[-1].last_position)
        return results

    def _connect(self) -> BoundedConnection:
        connection = BoundedConnection.connect(
            self._url, autocommit=True, connect_timeout=2, application_name="saferweho-store"
        )
        connection.limit = self._patience
        connection.adapters.register_dumper(int, Int8BinaryDumper)  # one type of array, one prepared statement
        connection.adapters.register_dumper(str, StrBinaryDumper)
        try:
            # The server gives up before we do, so that the outcome is clear.
            connection.execute(f"{_SESSION}; SET statement_timeout = {int(self._patience * 900)}", prepare=False)
            # A server may be set to confirm commits that a crash can still lose. Not these.
            if connection.execute("SHOW synchronous_commit").fetchone() == ("off",):
                connection.execute("SET synchronous_commit = on")
        except psycopg.Error:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
        self._connection = None

    # -- the watch -----------------------------------------------------------------
    def _expire(self) -> None:
        while self._writer.is_alive():
            self._writer.join(_WATCH_S)
            now = time.monotonic()
            with self._arrived:
                late = [
                    waiting
                    for waiting in (*self._in_flight, *self._queue)
                    if waiting.deadline < now and not waiting.future.done()
                ]
            for waiting in late:
                reason = f" ({self._trouble})" if self._trouble else ""
                _settle(
                    waiting,
                    StoreUnavailable(
                        f"PostgreSQL did not confirm the append within {self._timeout:g} s{reason}. "
                        "Is it running? Repeat the command with the same id."
                    ),
                )
            if late:
                _commands.labels("Expired").inc(len(late))


def _settle(waiting: Waiting, result: Outcome) -> None:
    with suppress(InvalidStateError):  # the watch and the writer may both come to answer
        if isinstance(result, StoreError):
            waiting.future.set_exception(result)
        else:
            waiting.future.set_result(result)


def _refusal(error: psycopg.Error) -> StoreError:
    if error.sqlstate == _CLOSED:
        return closed_because(error.diag.message_primary or "")
    if (error.sqlstate or "").startswith(_OF_ONE_COMMAND):
        return StoreError(f"the event store refused the append: {error.diag.message_primary}")
    return StoreUnavailable(f"the event store can't append now: {explain(error)}")
