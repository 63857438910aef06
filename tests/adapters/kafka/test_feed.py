from __future__ import annotations

import random
from time import monotonic
from typing import Any

import pytest

from adapters.kafka.clients import admin, partition_of, producer
from adapters.kafka.feed import ForeignRecord, KafkaFeed, feed_factory
from adapters.kafka.reconcile import iter_events, resend
from adapters.kafka.resume import ResumePoint
from adapters.kafka.topics import EVENT_PARTITIONS, create
from adapters.kafka.transactions import LogWriter, Outgoing, headers
from application.ports import StoredEvent
from projections.engine.feed import FeedBatch, FeedRecord, FeedState, LogReplaced, MissingPosition
from tests.adapters.kafka.log import DEADLINE_S, Log, relay_once, relayed, running, until

pytestmark = pytest.mark.slow  # needs a broker


def feed(log: Log, start: FeedState | None = None, **settings: Any) -> KafkaFeed:
    return KafkaFeed(log.bootstrap, start or FeedState(), topic_prefix=log.prefix, **settings)


def read_to(source: KafkaFeed, position: int, limit: int = 5000) -> list[FeedRecord]:
    found: list[FeedRecord] = []
    deadline = monotonic() + DEADLINE_S
    while not found or found[-1].position < position:
        assert monotonic() < deadline, f"read to {found[-1].position if found else 'nothing'}, not to {position}"
        if batch := source.poll(0.5, limit):
            assert len(batch.records) <= limit
            found += batch.records
    return found


def as_read(stored: list[StoredEvent]) -> list[FeedRecord]:
    return [FeedRecord(event.position, event.stream, event.content) for event in stored]


def write(log: Log, *positions: int) -> None:
    """Send just these positions of the store, as a relay would that forgets some."""
    stored = log.stored()
    events = [Outgoing(p, stored[p - 1].stream, stored[p - 1].content) for p in positions]
    writer = LogWriter(log.bootstrap, log.prefix)
    writer.write(events, ResumePoint(max(positions), "", ""))
    writer.close()


def test_all_partitions_come_as_one_order(log: Log) -> None:
    log.append(1500)
    relay_once(log)
    source = feed_factory(log.bootstrap, log.prefix)(FeedState())
    assert isinstance(source, KafkaFeed)
    assert read_to(source, 1500) == as_read(log.stored())
    assert source.end_position() == 1500
    assert source.poll(0.1) is None
    source.close()


@pytest.mark.parametrize("seed", range(2))
def test_a_restart_from_any_state_gives_exactly_what_follows(log: Log, seed: int) -> None:
    chance = random.Random(seed)
    log.append(400)
    relay_once(log)
    state, found = FeedState(), list[FeedRecord]()
    while len(found) < 400:
        source = feed(log, state)
        batches: list[FeedBatch] = []
        while len(batches) < chance.randint(1, 3):
            if batch := source.poll(1.0, chance.randint(20, 150)):
                batches.append(batch)
            elif len(found) + sum(len(b.records) for b in batches) == 400:
                break
        source.close()
        kept = batches[: chance.randint(0, len(batches))]  # what was not applied before the crash comes again
        found += [record for batch in kept for record in batch.records]
        state = kept[-1].after if kept else state
    assert found == as_read(log.stored())


def test_records_come_as_they_are_committed(log: Log) -> None:
    source = feed(log)
    with running(relay := log.relay()):
        until(lambda: relay.status().state == "leading")
        for position in range(1, 20):
            log.append(1)
            assert [record.position for record in read_to(source, position)] == [position]
    source.close()


def test_repetitions_are_dropped(log: Log) -> None:
    log.append(30)
    write(log, *range(1, 21))
    write(log, *range(5, 31))
    source = feed(log)
    assert read_to(source, 30) == as_read(log.stored())
    source.close()
    assert len(log.records()) == 46


def test_a_missing_record_is_waited_for_then_reported_then_mended(log: Log) -> None:
    log.append(60)
    write(log, *(p for p in range(1, 61) if p not in (20, 21, 40)))
    source = feed(log, patience=0.5)
    assert [record.position for record in read_to(source, 19)] == list(range(1, 20))
    began = monotonic()
    with pytest.raises(MissingPosition, match="position 20 is missing in the log although 60 is there"):
        read_to(source, 20)
    assert monotonic() - began >= 0.5
    source.close()

    assert resend(log.url, log.bootstrap, [20, 21], prefix=log.prefix) == 2
    source = feed(log, patience=0.5)
    assert read_to(source, 39) == as_read(log.stored())[:39]
    resend(log.url, log.bootstrap, [40], prefix=log.prefix)
    assert read_to(source, 60) == as_read(log.stored())[39:]
    source.close()
    assert list(iter_events(log.bootstrap, log.prefix)) == as_read(log.stored())


def test_a_mended_record_is_found_beyond_what_may_be_buffered(log: Log) -> None:
    log.streams = 1  # one partition holds it all: the gap, what is behind it, and the record sent again at its end
    log.append(800, size=2000)
    write(log, *(p for p in range(1, 801) if p != 10))
    source = feed(log, patience=0.2, buffer_bytes=20_000)
    assert [record.position for record in read_to(source, 9)] == list(range(1, 10))
    resend(log.url, log.bootstrap, [10], prefix=log.prefix)
    assert read_to(source, 800) == as_read(log.stored())[9:]
    source.close()


def test_partitions_far_ahead_wait_without_losing_anything(log: Log) -> None:
    log.append(3000, size=1500)
    relay_once(log)
    source = feed(log, buffer_bytes=30_000)
    assert read_to(source, 3000, limit=100) == as_read(log.stored())
    assert sum(source._merge.buffered(n) for n in range(EVENT_PARTITIONS)) == 0
    source.close()


def test_an_open_transaction_is_waited_for_and_is_no_gap(log: Log) -> None:
    log.append(40)
    stored = log.stored()
    partition = partition_of(stored[9].stream, EVENT_PARTITIONS)
    slow = producer(log.bootstrap, f"{log.prefix}.slow")
    slow.init_transactions()
    slow.begin_transaction()
    slow.send(
        f"{log.prefix}.events",
        key=stored[9].stream.encode(),
        value=stored[9].content,
        headers=headers(10, stored[9].content),
        partition=partition,
    ).get(30)
    write(log, *(p for p in range(1, 41) if p != 10))
    source = feed(log, patience=0.2)
    until_seen = monotonic() + 2
    found: list[FeedRecord] = []
    while monotonic() < until_seen:  # ten times its patience
        if batch := source.poll(0.2):
            found += batch.records
    assert [record.position for record in found] == list(range(1, len(found) + 1))
    assert len(found) < 10
    slow.commit_transaction()
    slow.close()
    assert found + read_to(source, 40) == as_read(stored)
    source.close()


def test_a_log_that_was_made_anew_is_refused(log: Log) -> None:
    log.append(50)
    relay_once(log)
    source = feed(log)
    batch = source.poll(30.0)
    assert batch is not None
    source.close()
    client = admin(log.bootstrap)
    client.delete_topics([f"{log.prefix}.events"])
    until(lambda: f"{log.prefix}.events" not in client.list_topics())
    client.close()
    create(log.bootstrap, log.prefix)
    with pytest.raises(LogReplaced, match="rebuild"):
        read_to(feed(log, batch.after), 51)  # at once, or when the broker has answered


def test_a_log_that_lost_its_end_is_refused(log: Log) -> None:
    log.append(50)
    relay_once(log)
    source = feed(log)
    batch = source.poll(30.0)
    assert batch is not None
    source.close()
    beyond = {partition: offset + 1000 for partition, offset in batch.after.offsets.items()}
    source = feed(log, FeedState(batch.after.position, beyond, batch.after.log_id))
    with pytest.raises(LogReplaced, match="no longer holds"):
        read_to(source, 51)
    source.close()


def test_a_record_that_the_relay_did_not_write_stops_the_feed(log: Log) -> None:
    writer = producer(log.bootstrap, f"{log.prefix}.foreign")
    writer.init_transactions()
    writer.begin_transaction()
    writer.send(f"{log.prefix}.events", key=b"x", value=b"y")
    writer.commit_transaction()
    writer.close()
    source = feed(log)
    for _ in range(2):  # it does not read over it when asked again
        with pytest.raises(ForeignRecord, match="the relay did not write it"):
            read_to(source, 1)
    source.close()


def test_no_broker_means_none_and_no_error() -> None:
    source = KafkaFeed("127.0.0.1:9", FeedState(7), topic_prefix="nowhere")
    assert source.poll(0.1) is None
    assert source.end_position() == 7
    source.close()


def test_the_lag_of_a_fresh_reader_is_known(log: Log) -> None:
    log.append(90)
    relay_once(log)
    source = feed(log)
    until(lambda: source.end_position() == 90)
    with running(relay := log.relay()):
        until(relayed(relay, log.append(10)))
    until(lambda: source.end_position() == 100)
    source.close()
