from __future__ import annotations

import json
import threading
from hashlib import sha256

import psycopg
import pytest

from adapters.kafka import relay as relay_module
from adapters.kafka import topics
from adapters.kafka.clients import producer
from adapters.kafka.lease import Lease, ask_to_yield
from adapters.kafka.relay import Relay
from adapters.kafka.resume import FIRST_STEP, RESUME_KEY, LogTail, last_resume_point
from infra.stack.kafka import EmbeddedKafka
from infra.stack.processes import wait_until
from tests.adapters.kafka.log import Log, event, read_all, relay_once, relayed, running, until

pytestmark = pytest.mark.slow  # needs a broker


def test_the_log_is_the_store_byte_for_byte_in_order(log: Log) -> None:
    log.append(700)
    relay_once(log)
    log.assert_equals_store()
    first = min(log.records(), key=lambda record: int(dict(record.headers)["position"]))
    headers = dict(first.headers)
    assert [key for key, _ in first.headers] == ["position", "content-type", "traceparent"]
    assert headers["position"] == b"1"
    assert headers["content-type"] == b"application/cloudevents+json"
    assert headers["traceparent"].decode() == json.loads(first.value)["traceparent"]


def test_what_is_appended_while_it_runs_follows(log: Log) -> None:
    with running(relay := log.relay(batch=64)):
        for count in (1, 300, 1, 40):
            until(relayed(relay, log.append(count)))
        status = relay.status()
    assert (status.state, status.lag_events, status.lag_seconds, status.error) == ("leading", 0, 0.0, "")
    assert relay.status().state == "stopped"
    log.assert_equals_store()


def test_a_lost_notification_costs_a_poll_not_an_event(log: Log) -> None:
    with running(relay := log.relay()):
        until(lambda: relay.status().state == "leading")
        content = event("silent-1", 1).content
        with psycopg.connect(log.url) as admin:  # an append that notifies nobody
            admin.execute(
                "INSERT INTO events.stored_events VALUES ('silent-1', 1, 'test.happened.v1', %s, 1)", (content,)
            )
            admin.execute(
                "UPDATE events.head SET position = 1, rolling_hash = %s",
                (sha256(bytes(32) + sha256(content).digest()).digest(),),
            )
        until(relayed(relay, 1))
    log.assert_equals_store()


def test_lost_database_connections_are_made_again(log: Log) -> None:
    with running(relay := log.relay()):
        until(lambda: relay.status().state == "leading")
        with psycopg.connect(log.url, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name LIKE 'saferweho relay%' AND datname = current_database()"
            )
        until(relayed(relay, log.append(3)))
    log.assert_equals_store()


def test_the_resume_point_is_written_with_the_events(log: Log) -> None:
    log.append(120)
    relay_once(log)
    head = log.store.head()
    found = last_resume_point(log.bootstrap, log.prefix)
    assert found is not None
    assert (found.position, found.rolling_hash) == (head.position, head.rolling_hash.hex())
    assert found.event_hash == sha256(log.stored()[-1].content).hexdigest()
    tail = LogTail(log.bootstrap, log.prefix)
    assert tail.position() == head.position
    tail.close()


def test_the_resume_point_is_found_behind_any_number_of_aborted_ones(log: Log) -> None:
    last = log.append(10)
    relay_once(log)
    writer = producer(log.bootstrap, f"{log.prefix}.relay")
    writer.init_transactions()
    for _ in range(3):
        writer.begin_transaction()
        for _ in range(FIRST_STEP):
            writer.send(f"{log.prefix}.relay", key=RESUME_KEY, value=b'{"position":999}', partition=0)
        writer.flush()
        writer.abort_transaction()
    writer.close()
    assert len(read_all(log.bootstrap, f"{log.prefix}.relay", isolation="read_uncommitted")) > 3 * FIRST_STEP
    found = last_resume_point(log.bootstrap, log.prefix)
    assert found is not None
    assert found.position == last
    log.append(10)
    relay_once(log)
    log.assert_equals_store()


def test_two_relays_at_once_send_each_position_once(log: Log) -> None:
    with running(log.relay("first"), log.relay("second")) as relays:
        last = 0
        for _ in range(5):
            last = log.append(200)
        until(lambda: max(relay.status().position for relay in relays) >= last)
        until(lambda: sorted(relay.status().state for relay in relays) == ["leading", "standby"])
        until(lambda: relays[0].status().leader == relays[1].status().leader != "")
    log.assert_equals_store()


def test_the_second_takes_over_when_the_first_stops(log: Log) -> None:
    first, second = log.relay("first"), log.relay("second")
    with running(second):
        until(lambda: second.status().state == "leading")
        with running(first):
            until(lambda: first.status().state == "standby")
            with psycopg.connect(log.url, autocommit=True) as other:

                def has_stepped_aside() -> bool:
                    """For a second: on a busy machine the first may miss it, and is let ask again."""
                    ask_to_yield(other)
                    return bool(wait_until(lambda: first.status().state == "leading", 5))

                until(has_stepped_aside, what="the first leads when the second steps aside")
            until(relayed(first, log.append(100)))
        until(relayed(second, log.append(100)))
    log.assert_equals_store()


def test_a_lease_belongs_to_one_holder_until_it_expires(log: Log) -> None:
    with psycopg.connect(log.url, autocommit=True) as one, psycopg.connect(log.url, autocommit=True) as two:
        first, second = Lease(one, "first", 60), Lease(two, "second", 60)
        assert first.acquire()
        assert not second.acquire()
        assert second.leader() is not None
        assert first.renew()
        one.execute("UPDATE events.relay_lease SET expires = clock_timestamp() - interval '1 s'")
        assert second.acquire()
        assert second.epoch == first.epoch + 1
        assert not first.renew()
        first.release()  # not ours to give back
        assert second.renew()
        second.release()
        assert first.acquire()


def test_a_store_that_was_set_back_is_not_sent(log: Log, database_url: str, pg_admin_url: str) -> None:
    log.append(50)
    relay_once(log)
    before = len(log.records())
    with psycopg.connect(log.url, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("ALTER TABLE events.stored_events DISABLE TRIGGER ALL")
        admin.execute("ALTER TABLE events.head DISABLE TRIGGER ALL")
        admin.execute("DELETE FROM events.stored_events WHERE notification_id > 40")
        admin.execute("UPDATE events.head SET position = 40")
    with running(relay := log.relay()):
        until(lambda: "set back" in relay.status().error)
        assert relay.status().state == "failing"
    assert len(log.records()) == before


def test_another_history_is_not_sent(log: Log) -> None:
    log.append(50)
    relay_once(log)
    before = len(log.records())
    with psycopg.connect(log.url, autocommit=True) as admin:
        admin.execute("ALTER TABLE events.stored_events DISABLE TRIGGER ALL")
        admin.execute("UPDATE events.stored_events SET state = state || ' ' WHERE notification_id = 50")
    log.append(1)
    with running(relay := log.relay()):
        until(lambda: "not the one in Kafka" in relay.status().error)
    assert len(log.records()) == before


def test_an_event_changed_before_it_was_sent_is_not_sent(log: Log) -> None:
    log.append(50)
    with psycopg.connect(log.url, autocommit=True) as admin:
        admin.execute("ALTER TABLE events.stored_events DISABLE TRIGGER ALL")
        admin.execute("UPDATE events.stored_events SET state = state || ' ' WHERE notification_id = 20")
    with running(relay := log.relay()):
        until(lambda: "not the one in Kafka" in relay.status().error)
    assert log.records() == []


def test_a_hole_in_the_store_is_not_jumped_over(log: Log) -> None:
    log.append(50)
    with psycopg.connect(log.url, autocommit=True) as admin:
        admin.execute("ALTER TABLE events.stored_events DISABLE TRIGGER ALL")
        admin.execute("DELETE FROM events.stored_events WHERE notification_id = 20")
    with running(relay := log.relay()):
        until(lambda: "lacks position 20" in relay.status().error)
    assert log.records() == []


def test_wrong_topics_are_told_and_the_relay_goes_on_when_they_are_right(
    log: Log, kafka: EmbeddedKafka, topic_prefix: str
) -> None:
    last = log.append(5)
    other = Relay(log.url, log.bootstrap, topic_prefix=f"{topic_prefix}x", holder="other", lease_seconds=1)
    with running(other):
        until(lambda: "topics create" in other.status().error)
        topics.create(kafka.bootstrap, f"{topic_prefix}x")
        until(relayed(other, last))
        assert other.status().error == ""


def test_lag_is_known_while_no_broker_answers(log: Log) -> None:
    log.append(7)
    relay = Relay(log.url, "127.0.0.1:9", topic_prefix=log.prefix, holder="cut off", lease_seconds=1)
    stop = threading.Event()
    thread = threading.Thread(target=relay.run, args=(stop,))
    thread.start()
    try:
        until(lambda: relay.status().state == "failing" and relay.status().lag_events == 7)
        assert relay.status().lag_seconds > 0
        assert "127.0.0.1:9" in relay.status().error
        assert relay_module.LAG_EVENTS._value.get() == 7
    finally:
        stop.set()
        thread.join(30)


@pytest.mark.parametrize("role", ["saferweho_relay"])
def test_the_relay_needs_no_more_than_its_role(log: Log, role: str) -> None:
    last = log.append(5)
    url = f"{log.url}?options=-c%20role%3D{role}"
    with running(relay := Relay(url, log.bootstrap, topic_prefix=log.prefix, holder="least", lease_seconds=1)):
        until(relayed(relay, last))
    log.assert_equals_store()
