"""What the tests of the log share: a store with events in it, relays in threads, and a plain reader of the topic."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

from adapters.event_store.migrate import migrate
from adapters.event_store.store import PostgresEventStore
from adapters.kafka import topics
from adapters.kafka.clients import TopicPartition, consumer
from adapters.kafka.relay import Relay, RelayStatus
from application.codec import Envelope, encode
from application.ports import Append, NewEvent, StoredEvent

DEADLINE_S = 60.0


def until(condition: Callable[[], object], seconds: float = DEADLINE_S, *, what: str = "") -> None:
    """Wait for a condition; fail when it has not come true in time."""
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, f"not in {seconds} s: {what or condition}"
        sleep(0.01)


def event(stream: str, version: int, size: int = 300) -> NewEvent:
    """A real envelope around data that means nothing."""
    envelope = Envelope(
        specversion="1.0",
        id=uuid4(),
        type="org.weho.safer.test.happened.v1",
        source="urn:saferweho:test",
        subject=stream,
        time=datetime.now(UTC),
        datacontenttype="application/json",
        dataschema="urn:saferweho:schema:test.happened.v1",
        streamversion=version,
        actorid="person-1",
        actororg="weho",
        actorrole="tester",
        nonce=secrets.token_hex(16),
        traceparent=f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01",
    )
    return NewEvent(stream, version, "test.happened.v1", encode(envelope, {"filler": "x" * size}))


@dataclass(slots=True)
class Log:
    """A migrated database, its topics, and the store between them."""

    url: str
    bootstrap: str
    prefix: str
    store: PostgresEventStore
    streams: int = 23
    _versions: dict[str, int] = field(default_factory=dict)
    _submitting: threading.Lock = field(default_factory=threading.Lock)  # versions reach the store in their order

    def append(self, count: int, *, per_append: int = 50, size: int = 300) -> int:
        """Append `count` events over some streams and return the last position."""
        futures = []
        for start in range(0, count, per_append):
            with self._submitting:
                events = [self._next(size) for _ in range(min(per_append, count - start))]
                futures.append(self.store.submit(Append(uuid4(), sha256(b"").digest(), events)))
        return max((future.result(DEADLINE_S).last_position for future in futures), default=0)

    def stored(self) -> list[StoredEvent]:
        found: list[StoredEvent] = []
        while more := self.store.notifications(len(found), 5000):
            found += more
        return found

    def _next(self, size: int) -> NewEvent:
        stream = (
            f"test-{len(self._versions) if len(self._versions) < self.streams else secrets.randbelow(self.streams)}"
        )
        self._versions[stream] = self._versions.get(stream, 0) + 1
        return event(stream, self._versions[stream], size)

    def relay(self, holder: str = "only", **settings: Any) -> Relay:
        """Its lease outlasts the pauses of a busy machine; who wants it to run out says how long it is."""
        return Relay(self.url, self.bootstrap, holder=holder, **({"topic_prefix": self.prefix} | settings))

    def records(self) -> list[Any]:
        """Every committed record of the topic, by partition and offset, read by a consumer of this test's own."""
        return sorted(read_all(self.bootstrap, f"{self.prefix}.events"), key=lambda r: (r.partition, r.offset))

    def assert_equals_store(self) -> None:
        """Each event of the store is in the log once, in order within its partition, byte for byte."""
        records, stored = self.records(), self.stored()
        by_position = {int(dict(record.headers)["position"]): record for record in records}
        assert sorted(int(dict(record.headers)["position"]) for record in records) == [e.position for e in stored]
        assert all(by_position[e.position].value == e.content for e in stored)
        assert all(by_position[e.position].key == e.stream.encode() for e in stored)
        for number in range(topics.EVENT_PARTITIONS):
            positions = [int(dict(r.headers)["position"]) for r in records if r.partition == number]
            assert positions == sorted(positions)


@contextmanager
def open_log(url: str, bootstrap: str, prefix: str) -> Iterator[Log]:
    migrate(url)
    topics.create(bootstrap, prefix)
    # An append that failed would leave its streams' versions behind: here each waits for as long as the tests do.
    with PostgresEventStore(url, commit_timeout=DEADLINE_S) as store:
        yield Log(url, bootstrap, prefix, store)


@contextmanager
def running(*relays: Relay) -> Iterator[Sequence[Relay]]:
    """The relays, each in a thread, stopped at the end."""
    stop = threading.Event()
    threads = [threading.Thread(target=relay.run, args=(stop,)) for relay in relays]
    for thread in threads:
        thread.start()
    try:
        yield relays
    finally:
        stop.set()
        for thread in threads:
            thread.join(DEADLINE_S)
            assert not thread.is_alive()


def relayed(relay: Relay, position: int) -> Callable[[], bool]:
    return lambda: relay.status().position >= position


def relay_once(log: Log) -> RelayStatus:
    """Bring the log up to date with the store, then stop."""
    last = log.store.head().position
    with running(relay := log.relay()):
        until(relayed(relay, last), what=f"position {last} is in Kafka")
        return relay.status()


def read_all(bootstrap: str, topic: str, *, isolation: str = "read_committed") -> list[Any]:
    reader = consumer(bootstrap, isolation_level=isolation)
    try:
        partitions = [TopicPartition(topic, number) for number in sorted(reader.partitions_for_topic(topic))]
        reader.assign(partitions)
        ends = reader.end_offsets(partitions)
        for partition in partitions:
            reader.seek(partition, 0)
        found: list[Any] = []
        deadline = monotonic() + DEADLINE_S
        while any(reader.position(partition) < ends[partition] for partition in partitions):
            assert monotonic() < deadline, f"{topic} could not be read to its end"
            for records in reader.poll(timeout_ms=200).values():
                found += records
        return found
    finally:
        reader.close()
