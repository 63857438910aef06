"""A store restored from an older backup, and one that is lost: the log opens it again, and nothing forks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from adapters.event_store import PostgresEventStore, migrate
from adapters.kafka import topics
from adapters.kafka.relay import Relay
from application import codec
from application.ports import Append, StoreUnavailable
from domain.kernel import PersonId
from domain.person import Suspended
from infra.stack.kafka import EmbeddedKafka
from infra.stack.processes import wait_until

ROOT = Path(__file__).resolve().parents[2]


def append(stream: str, version: int) -> Append:
    """One real event of that stream."""
    event = Suspended(PersonId("t.test"), "a test of the store")
    envelope = codec.Envelope(
        specversion="1.0",
        id=uuid4(),
        type=codec.type_uri(Suspended),
        source="urn:saferweho:test",
        subject=stream,
        time=datetime.now(UTC),
        datacontenttype="application/json",
        dataschema=codec.schema_uri(Suspended),
        streamversion=version,
        actorid="t.test",
        actororg="test",
        actorrole="test",
        nonce="test",
    )
    return Append(uuid4(), bytes(32), [codec.new_event(envelope, event)])


def saferweho(
    url: str, kafka: EmbeddedKafka, prefix: str, *arguments: str, **environ: str
) -> tuple[int, dict[str, object]]:
    env = {
        **os.environ,
        **environ,
        "SAFERWEHO_ENV": "development",
        "DATABASE_URL": url,
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap,
        "SAFERWEHO_TOPIC_PREFIX": prefix,
    }
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", *arguments, "--json"], cwd=ROOT, env=env, capture_output=True, text=True
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.slow
def test_a_lost_store_is_rebuilt_out_of_the_log_and_says_the_same(
    database_url: str, pg_admin_url: str, kafka: EmbeddedKafka
) -> None:
    prefix = f"restore{os.getpid()}"
    migrate(database_url)
    topics.create(kafka.bootstrap, prefix)
    with PostgresEventStore(database_url) as store:
        for number in range(50):
            store.append(append(f"person-{number % 7}", number // 7 + 1))
        head = store.head()
    relay, stop = Relay(database_url, kafka.bootstrap, topic_prefix=prefix, holder="test"), threading.Event()
    thread = threading.Thread(target=relay.run, args=(stop,))
    thread.start()
    try:
        assert wait_until(lambda: relay.status().position == head.position, 60)
    finally:
        stop.set()
        thread.join()

    other = database_url + "_restored"
    with psycopg.connect(pg_admin_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {other.rpartition('/')[2]}")
    try:
        migrate(other)
        code, report = saferweho(other, kafka, prefix, "restore", "--from-kafka")
        assert (code, report["restored"], report["added"]) == (0, True, 50)
        with PostgresEventStore(other) as restored:
            assert restored.head() == head
            restored.append(append("person-99", 1))  # appends are open again
    finally:
        with psycopg.connect(pg_admin_url, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {other.rpartition('/')[2]} WITH (FORCE)")


@pytest.mark.slow
def test_a_copied_store_takes_no_append_until_it_was_compared_with_the_log(
    database_url: str, pg_admin_url: str, kafka: EmbeddedKafka
) -> None:
    prefix = f"copied{os.getpid()}"
    migrate(database_url)
    topics.create(kafka.bootstrap, prefix)
    with PostgresEventStore(database_url) as store:
        store.append(append("person-1", 1))
    relay, stop = Relay(database_url, kafka.bootstrap, topic_prefix=prefix, holder="test"), threading.Event()
    thread = threading.Thread(target=relay.run, args=(stop,))
    thread.start()
    try:
        assert wait_until(lambda: relay.status().position == 1, 60)
    finally:
        stop.set()
        thread.join()
    name = database_url.rpartition("/")[2]
    with psycopg.connect(pg_admin_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}_copy TEMPLATE {name}")
    copy = database_url + "_copy"
    try:
        with PostgresEventStore(copy) as store, pytest.raises(StoreUnavailable, match="appends are closed"):
            store.append(append("person-1", 2))
        code, report = saferweho(copy, kafka, prefix, "reconcile", "--open")
        assert (code, report["agree"], report["appends"]) == (0, True, "opened")
        with PostgresEventStore(copy) as store:
            assert store.append(append("person-1", 2)).last_position == 2
    finally:
        with psycopg.connect(pg_admin_url, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {name}_copy WITH (FORCE)")
