from __future__ import annotations

from hashlib import sha256

import psycopg
import pytest

from adapters.kafka import topics
from adapters.kafka.clients import admin, partition_of, producer
from adapters.kafka.lease import Lease
from adapters.kafka.reconcile import LeaseNotFree, Span, iter_events, reconcile, renew_resume_point, resend
from adapters.kafka.resume import ResumePoint
from adapters.kafka.topics import EVENT_PARTITIONS
from adapters.kafka.transactions import LogWriter, Outgoing, headers
from projections.engine.feed import FeedRecord
from tests.adapters.kafka.log import Log, relay_once, relayed, running, until

pytestmark = pytest.mark.slow  # needs a broker


def send(log: Log, key: str, content: bytes, position: int, partition: int | None = None) -> None:
    """A record by somebody else than the relay."""
    writer = producer(log.bootstrap, f"{log.prefix}.foreign")
    writer.init_transactions()
    writer.begin_transaction()
    number = partition_of(key, EVENT_PARTITIONS) if partition is None else partition
    writer.send(
        f"{log.prefix}.events", key=key.encode(), value=content, headers=headers(position, content), partition=number
    )
    writer.commit_transaction()
    writer.close()


def test_a_whole_log_agrees_with_the_store(log: Log) -> None:
    log.append(600)
    relay_once(log)
    head = log.store.head()
    report = reconcile(log.bootstrap, log.prefix, log.url)
    assert report.good, report.lines()
    assert (report.records, report.last, report.resume, report.repeated) == (600, 600, 600, 0)
    assert report.rolling_hash == head.rolling_hash
    assert report.store == head
    assert (report.ahead, report.behind) == (0, 0)


def test_an_empty_log_is_whole(log: Log) -> None:
    report = reconcile(log.bootstrap, log.prefix, log.url)
    assert report.good
    assert report.rolling_hash == bytes(32)


def test_what_the_relay_has_still_to_send_is_no_fault(log: Log) -> None:
    log.append(10)
    relay_once(log)
    log.append(5)
    report = reconcile(log.bootstrap, log.prefix, log.url)
    assert report.good
    assert report.behind == 5


def test_missing_positions_are_found_and_sent_again_while_a_relay_runs(log: Log) -> None:
    log.append(100)
    stored = log.stored()
    lost = {7, 8, 9, 50, 99, 100}
    writer = LogWriter(log.bootstrap, log.prefix)
    kept = [Outgoing(e.position, e.stream, e.content) for e in stored if e.position not in lost]
    head = log.store.head()
    writer.write(kept, ResumePoint(100, head.rolling_hash.hex(), sha256(stored[-1].content).hexdigest()))
    writer.close()
    with running(relay := log.relay()):
        until(relayed(relay, 100))
        report = reconcile(log.bootstrap, log.prefix, log.url)
        assert not report.good
        assert report.missing == [Span(7, 9), Span(50, 50), Span(99, 100)]
        assert report.rolling_hash is None
        assert "position 7…9 is missing: run 'saferweho reconcile --resend'" in report.lines()
        positions = [p for span in report.missing for p in range(span.first, span.last + 1)]
        assert resend(log.url, log.bootstrap, positions, prefix=log.prefix) == 6
        until(relayed(relay, log.append(10)))  # the relay that stepped aside leads again
    report = reconcile(log.bootstrap, log.prefix, log.url)
    assert report.good, report.lines()
    assert report.rolling_hash == log.store.head().rolling_hash
    assert list(iter_events(log.bootstrap, log.prefix)) == [
        FeedRecord(e.position, e.stream, e.content) for e in log.stored()
    ]


def test_a_lost_resume_point_is_noticed_and_written_anew(log: Log) -> None:
    log.append(40)
    relay_once(log)
    client = admin(log.bootstrap)
    client.delete_topics([f"{log.prefix}.relay"])
    until(lambda: f"{log.prefix}.relay" not in client.list_topics())
    client.close()
    topics.create(log.bootstrap, log.prefix)
    log.append(10)
    with running(relay := log.relay()):
        until(lambda: "does not say how far they go" in relay.status().error)
        assert len(log.records()) == 40
        assert renew_resume_point(log.url, log.bootstrap, prefix=log.prefix) == 40
        until(relayed(relay, 50))
    assert renew_resume_point(log.url, log.bootstrap, prefix=log.prefix) == 50
    log.assert_equals_store()


def test_only_what_the_relay_has_passed_can_be_sent_again(log: Log) -> None:
    log.append(20)
    relay_once(log)
    log.append(5)
    with pytest.raises(ValueError, match="must be 1 to 20"):
        resend(log.url, log.bootstrap, [21], prefix=log.prefix)
    assert resend(log.url, log.bootstrap, [], prefix=log.prefix) == 0


def test_nothing_is_sent_out_of_the_lease(log: Log) -> None:
    log.append(20)
    relay_once(log)
    with psycopg.connect(log.url, autocommit=True) as other:
        assert Lease(other, "somebody", 60).acquire()
        with pytest.raises(LeaseNotFree, match="somebody did not step aside"):
            resend(log.url, log.bootstrap, [3], prefix=log.prefix, timeout=0.3)
    assert len(log.records()) == 20


def test_repetitions_are_harmless_and_counted(log: Log) -> None:
    log.append(20)
    relay_once(log)
    resend(log.url, log.bootstrap, [3, 4], prefix=log.prefix)
    report = reconcile(log.bootstrap, log.prefix, log.url)
    assert report.good
    assert (report.records, report.repeated) == (22, 2)


def test_records_that_no_relay_wrote_are_named(log: Log) -> None:
    log.append(20)
    relay_once(log)
    stored = log.stored()
    good = stored[4]
    send(log, "test-other", good.content, 5)
    send(log, good.stream, good.content + b" ", 5)
    send(log, good.stream, good.content, 5, (partition_of(good.stream, EVENT_PARTITIONS) + 1) % EVENT_PARTITIONS)
    send(log, good.stream, b"not json", 6)
    send(log, good.stream, good.content, 0)
    send(log, good.stream, good.content, 21)
    report = reconcile(log.bootstrap, log.prefix, log.url)
    assert not report.good
    told = "\n".join(report.lines())
    for sentence in (
        "has another key, b'test-other'",
        "position 5 is there twice with different bytes",
        "is in the wrong partition",
        "position 6 is no event",
        "no position in its header",
        "positions 21 are in the log but above the resume point 20",
        "1 positions ahead of the store",
    ):
        assert sentence in told


def test_a_log_that_differs_from_the_store_is_told_position_by_position(log: Log) -> None:
    log.append(20)
    relay_once(log)
    with psycopg.connect(log.url, autocommit=True) as admin:
        admin.execute("ALTER TABLE events.stored_events DISABLE TRIGGER ALL")
        admin.execute("UPDATE events.stored_events SET state = state || ' ' WHERE notification_id IN (3, 17)")
    report = reconcile(log.bootstrap, log.prefix, log.url)
    assert not report.good
    assert report.differing == [3, 17]
    assert "position 3 differs from the store's event" in report.lines()
