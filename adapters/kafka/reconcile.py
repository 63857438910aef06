"""Is the log whole, and the same history as the store's? And what mends it when a record is really missing.

Invariant: checking changes nothing, and mending only ever adds, to the log, records that the store has and the log
lacks below its end; what stands above the end is the relay's to send.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from time import monotonic, sleep
from typing import Any, NamedTuple

import msgspec
import psycopg

from adapters.kafka.clients import TopicPartition, consumer, partition_of
from adapters.kafka.feed import KafkaFeed
from adapters.kafka.lease import Lease, ask_to_yield
from adapters.kafka.resume import ResumePoint, last_resume_point
from adapters.kafka.topics import DEFAULT_PREFIX, EVENT_PARTITIONS, name
from adapters.kafka.transactions import LogWriter, Outgoing
from application.codec import CONTENT_TYPE
from application.ports import Head
from projections.engine.feed import FeedRecord, FeedState

FAULTS_KEPT = 100
RESEND_BATCH = 1000
Progress = Callable[[int, int], None]  # (done, total)


class Span(NamedTuple):
    """Positions first … last, both included."""

    first: int
    last: int

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}…{self.last}"


@dataclass(slots=True)
class LogReport:
    """What the log holds, as of its committed end when the reading began.

    `rolling_hash` is that of position `last`, None while positions are missing. `repeated` counts records whose
    position was there before with the same bytes: harmless, every reader drops them. `faults` are the first hundred
    records that no relay of ours could have written.
    """

    records: int = 0
    last: int = 0
    rolling_hash: bytes | None = None
    missing: list[Span] = field(default_factory=list)
    repeated: int = 0
    faults: list[str] = field(default_factory=list)
    fault_count: int = 0
    resume: int = 0  # the relay's resume point when the reading began
    store: Head | None = None
    differing: list[int] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whole, and where a store was asked, the same bytes at every position the log has."""
        return not (self.missing or self.fault_count or self.differing or self.ahead)

    @property
    def ahead(self) -> int:
        """Positions that the log has and the store lacks: the store was set back."""
        return max(0, self.last - self.store.position) if self.store else 0

    @property
    def behind(self) -> int:
        """Positions of the store that the relay has still to send: no fault."""
        return max(0, self.store.position - self.last) if self.store else 0

    def fault(self, text: str) -> None:
        self.fault_count += 1
        if len(self.faults) < FAULTS_KEPT:
            self.faults.append(text)

    def lines(self) -> list[str]:
        """The report in sentences."""
        found = [f"{self.records} records, positions up to {self.last}, resume point {self.resume}"]
        if self.rolling_hash is not None:
            found.append(f"rolling hash {self.rolling_hash.hex()}")
        found += [f"position {span} is missing: run 'saferweho reconcile --resend'" for span in self.missing]
        if self.repeated:
            found.append(f"{self.repeated} records are there twice (harmless)")
        found += self.faults
        if self.fault_count > len(self.faults):
            found.append(f"… and {self.fault_count - len(self.faults)} more faults")
        found += [f"position {position} differs from the store's event" for position in self.differing[:FAULTS_KEPT]]
        if self.ahead:
            found.append(f"the log is {self.ahead} positions ahead of the store: run 'saferweho restore --from-kafka'")
        if self.behind:
            found.append(f"{self.behind} positions of the store are still to be relayed")
        return found


class _Event(msgspec.Struct):
    subject: str


_event = msgspec.json.Decoder(_Event).decode


class _Digests:
    """SHA-256 of the event at each position: 33 bytes an event, so that nothing has to be put in order first."""

    def __init__(self) -> None:
        self._there = bytearray(1)
        self._digests = bytearray(32)

    def put(self, position: int, digest: bytes) -> bytes | None:
        """Keep it. Returns what was there before, and leaves that."""
        if (short := position + 1 - len(self._there)) > 0:
            grow = max(short, len(self._there) // 2)
            self._there.extend(bytes(grow))
            self._digests.extend(bytes(32 * grow))
        if self._there[position]:
            return self.at(position)
        self._there[position] = 1
        self._digests[32 * position : 32 * position + 32] = digest
        return None

    def at(self, position: int) -> bytes | None:
        there = position < len(self._there) and self._there[position]
        return bytes(self._digests[32 * position : 32 * position + 32]) if there else None

    def missing(self, last: int) -> list[Span]:
        spans, at = [], self._there.find(0, 1, last + 1)
        while at != -1:
            end = self._there.find(1, at, last + 1)
            spans.append(Span(at, (end if end != -1 else last + 1) - 1))
            at = self._there.find(0, end, last + 1) if end != -1 else -1
        return spans

    def rolling_hash(self, last: int) -> bytes:
        rolling, view = bytes(32), memoryview(self._digests)
        for start in range(32, 32 * (last + 1), 32):
            rolling = sha256(rolling + view[start : start + 32]).digest()
        return rolling


# -- checking ------------------------------------------------------------------


def reconcile(
    bootstrap: str,
    prefix: str = DEFAULT_PREFIX,
    database_url: str | None = None,
    progress: Progress = lambda done, total: None,
) -> LogReport:
    """Read the whole log, and the store beside it when a URL is given. Raises KafkaError, psycopg.Error."""
    report, digests = LogReport(resume=_resume(bootstrap, prefix)), _Digests()
    for partition, record, total in _committed(bootstrap, prefix):
        report.records += 1
        if report.records % 10_000 == 0:
            progress(report.records, total)
        position = _check(report, partition, record)
        if position:
            digest = sha256(record.value).digest()
            before = digests.put(position, digest)
            if before == digest:
                report.repeated += 1
            elif before is not None:
                report.fault(f"{_where(record)}: position {position} is there twice with different bytes")
            report.last = max(report.last, position)
    report.last = max(report.last, report.resume)  # what the resume point covers and nobody read is missing
    if report.last > (after := _resume(bootstrap, prefix)):
        report.fault(f"positions {Span(after + 1, report.last)} are in the log but above the resume point {after}")
    report.missing = digests.missing(report.last)
    if not report.missing:
        report.rolling_hash = digests.rolling_hash(report.last)
    if database_url is not None:
        _compare(report, digests, database_url)
    return report


def _resume(bootstrap: str, prefix: str) -> int:
    found = last_resume_point(bootstrap, prefix)
    return found.position if found else 0


def _check(report: LogReport, partition: int, record: Any) -> int:
    """The record's position, or 0 when it has none that could be read."""
    found = dict(record.headers)
    try:
        position = int(found["position"])
        if position < 1:
            raise ValueError
    except (KeyError, ValueError):
        report.fault(f"{_where(record)}: no position in its header")
        return 0
    if found.get("content-type") != CONTENT_TYPE.encode():
        report.fault(f"{_where(record)}: content-type is {found.get('content-type')!r}")
    try:
        stream = _event(record.value).subject
    except (msgspec.DecodeError, TypeError) as error:
        report.fault(f"{_where(record)}: position {position} is no event: {error}")
        return position
    if record.key != stream.encode():
        report.fault(f"{_where(record)}: position {position} of stream {stream} has another key, {record.key!r}")
    elif partition != partition_of(stream, EVENT_PARTITIONS):
        report.fault(f"{_where(record)}: position {position} of stream {stream} is in the wrong partition")
    return position


def _where(record: Any) -> str:
    return f"partition {record.partition} offset {record.offset}"


def _committed(bootstrap: str, prefix: str) -> Iterator[tuple[int, Any, int]]:
    """(partition, record, about how many there are) up to the committed end of now, in no particular order."""
    topic = name(prefix, "events")
    reader = consumer(bootstrap)
    try:
        partitions = [TopicPartition(topic, number) for number in range(EVENT_PARTITIONS)]
        reader.assign(partitions)
        ends = reader.end_offsets(partitions)
        for partition, begin in reader.beginning_offsets(partitions).items():
            reader.seek(partition, begin)
        total = sum(ends.values())
        unread = {partition for partition in partitions if ends[partition] > 0}
        while unread:
            for partition, records in reader.poll(timeout_ms=500).items():
                for record in records:
                    if record.offset < ends[partition]:
                        yield partition.partition, record, total
            for partition in list(unread):
                if reader.position(partition) >= ends[partition]:
                    unread.discard(partition)
                    reader.pause(partition)
    finally:
        reader.close()


def _compare(report: LogReport, digests: _Digests, database_url: str) -> None:
    with psycopg.connect(database_url) as store:
        store.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        row = store.execute("SELECT position, rolling_hash FROM events.head").fetchone()
        if row is None:
            raise psycopg.DataError("events.head is empty")
        report.store = Head(*row)
        with store.cursor("events", binary=True) as cursor:
            cursor.itersize = 5000
            cursor.execute(
                "SELECT notification_id, sha256(state) FROM events.stored_events"
                " WHERE notification_id <= %s ORDER BY notification_id",
                (report.last,),
            )
            report.differing = [position for position, digest in cursor if digests.at(position) not in (None, digest)]


# -- the whole log in order ------------------------------------------------------


def iter_events(bootstrap: str, prefix: str = DEFAULT_PREFIX) -> Iterator[FeedRecord]:
    """Every event that is committed now, in order, to rebuild a store from. Raises KafkaError, MissingPosition."""
    feed = KafkaFeed(bootstrap, FeedState(), topic_prefix=prefix)
    try:
        ends = feed.committed_ends()
        while not feed.has_passed(ends):
            if batch := feed.poll(1.0):
                yield from batch.records
    finally:
        feed.close()


# -- mending ---------------------------------------------------------------------


class LeaseNotFree(Exception):
    """A relay leads and did not step aside in time."""


def resend(
    database_url: str,
    bootstrap: str,
    positions: Iterable[int],
    *,
    prefix: str = DEFAULT_PREFIX,
    holder: str = "reconcile",
    lease_seconds: float = 10,
    timeout: float = 30,
) -> int:
    """Write these events once more out of the store, and return how many. A running relay is asked to step aside.

    Positions above the resume point are refused (ValueError): the relay will send them. Raises LeaseNotFree,
    KafkaError, psycopg.Error.
    """
    wanted = sorted(set(positions))
    if not wanted:
        return 0
    with _instead_of_the_relay(database_url, bootstrap, prefix, holder, lease_seconds, timeout) as (lease, writer):
        end = _resume(bootstrap, prefix)
        if wanted[0] < 1 or wanted[-1] > end:
            raise ValueError(f"positions to send again must be 1 to {end}, where the relay has got to")
        for start in range(0, len(wanted), RESEND_BATCH):
            if not lease.renew():
                raise LeaseNotFree("the lease ran out while sending; check with 'saferweho reconcile'")
            writer.write(_stored(lease.connection, wanted[start : start + RESEND_BATCH]), None)
    return len(wanted)


def renew_resume_point(
    database_url: str,
    bootstrap: str,
    *,
    prefix: str = DEFAULT_PREFIX,
    holder: str = "reconcile",
    lease_seconds: float = 10,
    timeout: float = 30,
) -> int:
    """Write the lost resume point of a log anew and return its position: only where the log holds positions 1 to n,
    the same bytes as the store (else ValueError). Where there is one, it is left and its position returned."""
    with _instead_of_the_relay(database_url, bootstrap, prefix, holder, lease_seconds, timeout) as (lease, writer):
        if there := _resume(bootstrap, prefix):
            return there
        report = reconcile(bootstrap, prefix, database_url)
        if report.missing or report.differing or report.ahead or report.rolling_hash is None:
            raise ValueError("the log is not the store's history: " + "; ".join(report.lines()))
        if report.last and lease.renew():
            (event,) = _stored(lease.connection, [report.last])
            hashes = report.rolling_hash.hex(), sha256(event.content).hexdigest()
            writer.write([], ResumePoint(report.last, *hashes, holder, lease.epoch))
        return report.last


@contextmanager
def _instead_of_the_relay(
    database_url: str, bootstrap: str, prefix: str, holder: str, lease_seconds: float, timeout: float
) -> Iterator[tuple[Lease, LogWriter]]:
    with psycopg.connect(database_url, autocommit=True) as store:
        lease = Lease(store, holder, lease_seconds)
        _take(lease, timeout)
        try:
            writer = LogWriter(bootstrap, prefix)
            try:
                yield lease, writer
            finally:
                writer.close()
        finally:
            lease.release()


def _take(lease: Lease, timeout: float) -> None:
    deadline, asked = monotonic() + timeout, 0.0
    while not lease.acquire():
        if monotonic() > deadline:
            holder = (lease.leader() or ("", 0.0))[0]
            raise LeaseNotFree(f"the relay {holder} did not step aside in {timeout:.0f} s: stop it and try again")
        if monotonic() - asked > 1:
            ask_to_yield(lease.connection)
            asked = monotonic()
        sleep(0.05)


def _stored(store: psycopg.Connection, positions: Sequence[int]) -> list[Outgoing]:
    rows = store.execute(
        "SELECT notification_id, originator_id, state FROM events.stored_events"
        " WHERE notification_id = ANY(%s) ORDER BY notification_id",
        (list(positions),),
        binary=True,
    ).fetchall()
    if len(rows) != len(positions):
        lacking = sorted(set(positions) - {row[0] for row in rows})
        raise ValueError(f"the store has no event at position {lacking[0]}")
    return [Outgoing._make(row) for row in rows]
