"""The relay: everything the store holds goes to Kafka, in the order of positions, once.

Invariant: events and the resume point that covers them are committed in one Kafka transaction by the only producer
that is not fenced. So a crash at any instant leaves the log at a batch's edge, and the successor goes on from there.
Two relays may run: a lease decides who leads, the fence makes sure of it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from threading import Event
from time import monotonic
from typing import Literal

import msgspec
import psycopg
from prometheus_client import Counter, Gauge, Histogram

from adapters.kafka.clients import TRANSPORT_ERRORS
from adapters.kafka.lease import YIELD_CHANNEL, Lease
from adapters.kafka.resume import ResumePoint, ResumePointUnreadable, holds_events, last_resume_point
from adapters.kafka.topics import DEFAULT_PREFIX, TopicsNotReady, require
from adapters.kafka.transactions import LogWriter, Outgoing
from application.ports import Head

EVENTS_CHANNEL = "saferweho_events"
START = ResumePoint(0, bytes(32).hex(), "")
POLL_S = 1.0  # at most this late when a NOTIFY is lost
STAND_BY_S = 0.25  # between looks at somebody else's lease, which may be given back early
STEP_ASIDE_S = 4 * STAND_BY_S  # enough for whoever asked to take the lease
BACK_OFF_S = (0.05, 2.0)  # first, longest

LAG_EVENTS = Gauge("saferweho_relay_lag_events", "Events in the store that are not yet in Kafka")
LAG_SECONDS = Gauge("saferweho_relay_lag_seconds", "Age of the oldest event that is not yet in Kafka")
SENT = Counter("saferweho_relay_sent_events", "Events committed to Kafka by this process")
BATCHES = Counter("saferweho_relay_sent_batches", "Transactions committed to Kafka by this process")
TRANSACTION = Histogram("saferweho_relay_transaction_seconds", "From begin to commit of one transaction")
FAILURES = Counter("saferweho_relay_failures", "Terms of leadership that ended with an error", ["error"])
LEADING = Gauge("saferweho_relay_leading_state", "1 while this process holds the lease and writes, else 0")

log = logging.getLogger(__name__)


class LogDisagrees(Exception):
    """Kafka's log and the store are not the same history. Nothing is sent until a person has looked."""


@dataclass(frozen=True, slots=True)
class RelayStatus:
    """What `/health` shows. `position` is the last one known to be in Kafka, `head` the store's."""

    state: Literal["starting", "standby", "leading", "failing", "stopped"] = "starting"
    position: int = 0
    head: int = 0
    lag_seconds: float = 0.0
    epoch: int = 0
    leader: str = ""
    error: str = ""

    @property
    def lag_events(self) -> int:
        return max(0, self.head - self.position)


_TERM_ENDS: tuple[type[Exception], ...] = (
    psycopg.Error,
    LogDisagrees,
    TopicsNotReady,
    ResumePointUnreadable,
    *TRANSPORT_ERRORS,
)


class Relay:
    """Runs in one thread. `holder` must be unique among running processes; `batch` is the most events a transaction
    holds; `lease_seconds` is how long a dead leader is waited for."""

    def __init__(
        self,
        database_url: str,
        bootstrap: str,
        *,
        topic_prefix: str = DEFAULT_PREFIX,
        holder: str,
        lease_seconds: float = 10,
        batch: int = 2000,
        broker_seconds: float = 10,
    ) -> None:
        self._database_url, self._bootstrap, self._prefix = database_url, bootstrap, topic_prefix
        self._holder, self._lease_seconds, self._batch = holder, lease_seconds, batch
        self._broker_seconds = broker_seconds
        self._status = RelayStatus()

    def status(self) -> RelayStatus:
        """May be called from any thread."""
        return self._status

    def run(self, stop: Event) -> None:
        """Relay until `stop` is set, coming back by itself from whatever fails."""
        pause = BACK_OFF_S[0]
        while not stop.is_set():
            before = self._status.position
            try:
                self._serve(stop)
            except _TERM_ENDS as error:
                FAILURES.labels(type(error).__name__).inc()
                told = f"{type(error).__name__}: {error}"
                level = logging.DEBUG if told == self._status.error else logging.WARNING
                log.log(level, "nothing can be relayed: %s", told)
                self._set(state="failing", error=told, leader="")
                self._observe_lag()
                pause = BACK_OFF_S[0] if self._status.position > before else min(pause * 2, BACK_OFF_S[1])
                stop.wait(pause)
        self._set(state="stopped", leader="")

    # -- leading -----------------------------------------------------------------
    def _serve(self, stop: Event) -> None:
        """Lead or stand by, over one pair of connections, until something fails or `stop` is set."""
        with self._connect("relay") as store, self._connect("relay listener") as listener:
            listener.execute(f"LISTEN {EVENTS_CHANNEL}")
            listener.execute(f"LISTEN {YIELD_CHANNEL}")
            lease = Lease(store, self._holder, self._lease_seconds)
            while self._stand_by(lease, stop):
                try:
                    self._lead(_Term(store, listener, lease), stop)
                finally:
                    LEADING.set(0)
                    if not store.closed:
                        lease.release()

    def _stand_by(self, lease: Lease, stop: Event) -> bool:
        """Wait for the lease; True when it is ours, False when told to stop."""
        while not stop.is_set():
            if lease.acquire():
                return True
            holder, left = lease.leader() or ("", 0.0)
            self._set(state="standby", leader=holder, error="")
            stop.wait(min(max(left, 0.02), STAND_BY_S))
        return False

    def _lead(self, term: _Term, stop: Event) -> None:
        term.is_asked_to_yield()  # whoever asked before this term has had the chance
        require(self._bootstrap, self._prefix)
        writer = LogWriter(self._bootstrap, self._prefix, seconds=self._broker_seconds)
        try:
            # From here on no predecessor can write. We may have slept since we took the lease, though.
            if not term.lease.renew():
                return
            at = self._resume(term)
            LEADING.set(1)
            self._set(state="leading", leader=self._holder, epoch=term.lease.epoch, position=at.position, error="")
            log.info("leading from position %d, epoch %d", at.position, term.lease.epoch)
            renew_at = monotonic() + self._lease_seconds / 3
            while not stop.is_set():
                wanted = True
                if monotonic() >= renew_at:
                    if not term.lease.renew():
                        log.info("the lease was taken over")
                        return
                    renew_at = monotonic() + self._lease_seconds / 3
                    wanted = not term.is_asked_to_yield()
                at, more = self._forward(term, writer, at)
                if not more:
                    wanted = term.wait(at.position, min(POLL_S, self._lease_seconds / 4)) and wanted
                if not wanted:
                    log.info("asked to step aside")
                    term.lease.release()
                    stop.wait(STEP_ASIDE_S)
                    return
        finally:
            writer.close()

    def _resume(self, term: _Term) -> ResumePoint:
        """The last committed resume point, checked against the store's event of that position."""
        at = last_resume_point(self._bootstrap, self._prefix)
        if at is None:
            if holds_events(self._bootstrap, self._prefix):
                raise LogDisagrees(
                    f"{self._prefix}.events holds events, but {self._prefix}.relay does not say how far they go: was "
                    "that topic deleted? Run 'saferweho reconcile --resend', which checks the log and writes it anew."
                )
            at = START
        head = term.head()
        if head.position < at.position:
            raise LogDisagrees(
                f"Kafka holds positions up to {at.position}, the store only up to {head.position}: the store was set "
                "back. Run 'saferweho reconcile', then 'saferweho restore --from-kafka'."
            )
        if at.position and sha256(term.events(at.position - 1, at.position, 1)[0].content).hexdigest() != at.event_hash:
            raise _disagree(at.position)
        return at

    def _forward(self, term: _Term, writer: LogWriter, at: ResumePoint) -> tuple[ResumePoint, bool]:
        """Send the next batch. Returns the new resume point and whether more is waiting already."""
        head = term.head()
        if head.position < at.position:
            raise LogDisagrees(f"the store went back from position {at.position} to {head.position}")
        if head.position == at.position:
            if head.rolling_hash.hex() != at.rolling_hash:
                raise _disagree(at.position)
            self._sent(at, head, 0.0)
            return at, False
        events = term.events(at.position, head.position, self._batch)
        oldest = _age_seconds(events)
        self._sent(at, head, oldest)
        after = _roll(at, events)
        after = msgspec.structs.replace(after, holder=self._holder, epoch=term.lease.epoch)
        if after.position == head.position and after.rolling_hash != head.rolling_hash.hex():
            raise _disagree(after.position)
        with TRANSACTION.time():
            writer.write(events, after)
        BATCHES.inc()
        SENT.inc(len(events))
        more = after.position < head.position
        self._sent(after, head, oldest if more else 0.0)
        return after, more

    # -- what others see ---------------------------------------------------------
    def _sent(self, at: ResumePoint, head: Head, oldest: float) -> None:
        self._set(position=at.position, head=head.position, lag_seconds=oldest)

    def _set(self, **changes: object) -> None:
        self._status = replace(self._status, **changes)  # type: ignore[arg-type]
        LAG_EVENTS.set(self._status.lag_events)
        LAG_SECONDS.set(self._status.lag_seconds)

    def _observe_lag(self) -> None:
        """Keep the lag true while nothing can be sent."""
        try:
            with self._connect("relay") as store:
                head = _head(store)
                waiting = _events(store, self._status.position, head.position, 1)
                self._set(head=head.position, lag_seconds=_age_seconds(waiting))
        except psycopg.Error:
            return

    def _connect(self, what: str) -> psycopg.Connection:
        return psycopg.connect(
            self._database_url,
            autocommit=True,
            connect_timeout=5,
            application_name=f"saferweho {what}",
            # A server that vanished without a word is noticed in about ten seconds, not in the system's two hours.
            keepalives_idle=4,
            keepalives_interval=2,
            keepalives_count=3,
            tcp_user_timeout=10_000,
        )


@dataclass(slots=True)
class _Term:
    """One term of leadership: the connections it reads by, and its lease. The listener is never in a transaction."""

    store: psycopg.Connection
    listener: psycopg.Connection
    lease: Lease

    def head(self) -> Head:
        return _head(self.store)

    def events(self, after: int, last: int, limit: int) -> Sequence[Outgoing]:
        return _events(self.store, after, last, limit)

    def is_asked_to_yield(self) -> bool:
        """Whether somebody asked since the last look; forgets it."""
        return YIELD_CHANNEL in {notify.channel for notify in self.listener.notifies(timeout=0)}

    def wait(self, sent: int, seconds: float) -> bool:
        """Until a position above `sent` is announced or the time is over; False when asked to step aside."""
        deadline = monotonic() + seconds
        while (left := deadline - monotonic()) > 0:
            for notify in self.listener.notifies(timeout=left, stop_after=1):
                if notify.channel == YIELD_CHANNEL:
                    return False
                if not notify.payload.isdigit() or int(notify.payload) > sent:
                    return True
        return True


def _head(store: psycopg.Connection) -> Head:
    row = store.execute("SELECT position, rolling_hash FROM events.head", binary=True).fetchone()
    if row is None:
        raise LogDisagrees("events.head is empty: run 'saferweho migrate'")
    return Head(row[0], row[1])


def _events(store: psycopg.Connection, after: int, last: int, limit: int) -> Sequence[Outgoing]:
    """Positions after+1 … without a gap. Raises LogDisagrees where the store lacks one."""
    rows = store.execute(
        "SELECT notification_id, originator_id, state FROM events.stored_events"
        " WHERE notification_id > %s AND notification_id <= %s ORDER BY notification_id LIMIT %s",
        (after, last, limit),
        binary=True,
    ).fetchall()
    expected = min(limit, last - after)
    if (rows and (rows[0][0] != after + 1 or rows[-1][0] - rows[0][0] != len(rows) - 1)) or len(rows) != expected:
        present = {row[0] for row in rows}
        missing = next(p for p in range(after + 1, after + expected + 2) if p not in present)
        raise LogDisagrees(f"the store lacks position {missing} although its head is {last}: run 'saferweho reconcile'")
    return [Outgoing._make(row) for row in rows]


def _roll(at: ResumePoint, events: Sequence[Outgoing]) -> ResumePoint:
    """h(n) = SHA-256(h(n-1) ‖ SHA-256(event n)), see `ports.Head`."""
    rolling, digest = bytes.fromhex(at.rolling_hash), b""
    for event in events:
        digest = sha256(event.content).digest()
        rolling = sha256(rolling + digest).digest()
    return ResumePoint(events[-1].position, rolling.hex(), digest.hex())


def _disagree(position: int) -> LogDisagrees:
    return LogDisagrees(
        f"the store's history up to position {position} is not the one in Kafka. Nothing is sent. "
        "Run 'saferweho reconcile' to see where they part."
    )


class _Dated(msgspec.Struct):
    time: datetime


_dated = msgspec.json.Decoder(_Dated).decode


def _age_seconds(events: Sequence[Outgoing]) -> float:
    try:
        return max(0.0, (datetime.now(UTC) - _dated(events[0].content).time).total_seconds()) if events else 0.0
    except (msgspec.DecodeError, TypeError):
        return 0.0
