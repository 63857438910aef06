"""The relay against a raw transactional kafka-python producer that sends the same bytes in batches of the same size.

Both run in this process, in turns, on topics of their own with the same settings. The raw producer has the records in
memory; the relay reads them from PostgreSQL, checks them and keeps its resume point.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from statistics import median
from time import perf_counter, sleep
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from adapters.event_store.migrate import migrate
from adapters.kafka import topics
from adapters.kafka.clients import producer
from adapters.kafka.relay import Relay
from adapters.kafka.transactions import Outgoing, headers

GOAL = 0.8
BATCH = 2000


def run(events: int = 40_000, rounds: int = 3, size: int = 800, **_: Any) -> list[dict[str, Any]]:
    """`events` a round, of about `size` bytes."""
    from bench.stack import stack

    with stack() as running:
        return measure(running.postgres_url, running.bootstrap, events, rounds, size)


def measure(postgres_url: str, bootstrap: str, events: int, rounds: int, size: int) -> list[dict[str, Any]]:
    made = _events(events, size)
    raw, relayed, single, raw_single = [], [], [], []
    for _ in range(rounds):
        raw.append(_raw(bootstrap, made))
        with _store(postgres_url) as url:
            rate, latencies = _relay(url, bootstrap, made)
        relayed.append(rate)
        single += latencies
        raw_single += _raw_single(bootstrap, made[:100])
    value, floor = median(relayed), median(raw)
    wait, least = median(single) * 1000, median(raw_single) * 1000
    return [
        {
            "name": "relay",
            "value": round(value),
            "unit": "events/s",
            "floor": round(floor),
            "ratio": round(value / floor, 2),
            "goal": GOAL,
            "holds": value / floor >= GOAL,
        },
        {
            "name": "relay, one event: commit in PostgreSQL to commit in Kafka, p50",
            "value": round(wait, 2),
            "unit": "ms",
            "floor": round(least, 2),
            "ratio": round(wait / least, 2),
            "goal": None,
            "holds": None,
        },
    ]


def _events(count: int, size: int) -> list[Outgoing]:
    made = []
    for position in range(1, count + 1):
        stream = f"flight-{position % 500:032x}"
        content = {
            "id": secrets.token_hex(16),
            "subject": stream,
            "time": "2026-01-01T00:00:00.000000Z",
            "traceparent": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01",
            "data": "",
        }
        content["data"] = "x" * (size - len(json.dumps(content)))
        made.append(Outgoing(position, stream, json.dumps(content).encode()))
    return made


def _raw(bootstrap: str, events: list[Outgoing]) -> float:
    """Events a second; the headers are made beforehand, keys are hashed by the producer."""
    ready = [(stream.encode(), content, headers(position, content)) for position, stream, content in events]
    with _topics(bootstrap) as prefix:
        topic, writer = f"{prefix}.events", producer(bootstrap, f"{prefix}.relay")
        writer.init_transactions()
        writer.partitions_for(topic)
        began = perf_counter()
        for start in range(0, len(ready), BATCH):
            writer.begin_transaction()
            for key, content, header in ready[start : start + BATCH]:
                writer.send(topic, value=content, key=key, headers=header)
            writer.commit_transaction()
        took = perf_counter() - began
        writer.close()
    return len(events) / took


def _raw_single(bootstrap: str, events: list[Outgoing]) -> list[float]:
    with _topics(bootstrap) as prefix:
        writer = producer(bootstrap, f"{prefix}.relay")
        writer.init_transactions()
        took = []
        for position, stream, content in events:
            began = perf_counter()
            writer.begin_transaction()
            writer.send(f"{prefix}.events", value=content, key=stream.encode(), headers=headers(position, content))
            writer.commit_transaction()
            took.append(perf_counter() - began)
            sleep(0.01)  # as events come in: apart
        writer.close()
    return took[10:]


def _relay(url: str, bootstrap: str, events: list[Outgoing]) -> tuple[float, list[float]]:
    """(events a second, seconds from one event's commit to its being in Kafka)."""
    singles, many = events[:100], events[100:]
    with _topics(bootstrap) as prefix, psycopg.connect(url) as store:
        relay, stop = Relay(url, bootstrap, topic_prefix=prefix, holder="bench", batch=BATCH), threading.Event()
        thread = threading.Thread(target=relay.run, args=(stop,))
        thread.start()
        try:
            _wait(lambda: relay.status().state == "leading")
            latencies = []
            for event in singles:
                _append(store, [event])
                began = perf_counter()
                _wait(lambda: relay.status().position >= event.position)  # noqa: B023
                latencies.append(perf_counter() - began)
                sleep(0.01)
            _append(store, many)
            began = perf_counter()
            _wait(lambda: relay.status().position >= events[-1].position)
            rate = len(many) / (perf_counter() - began)
        finally:
            stop.set()
            thread.join()
    return rate, latencies[10:]


def _append(store: psycopg.Connection, events: list[Outgoing]) -> None:
    row = store.execute("SELECT position, rolling_hash FROM events.head FOR UPDATE").fetchone()
    assert row is not None
    rolling = row[1]
    with store.cursor().copy("COPY events.stored_events FROM STDIN") as copy:
        for position, stream, content in events:
            rolling = sha256(rolling + sha256(content).digest()).digest()
            copy.write_row((stream, position, "bench.happened.v1", content, position))
    store.execute("UPDATE events.head SET position = %s, rolling_hash = %s", (events[-1].position, rolling))
    store.execute("SELECT pg_notify('saferweho_events', %s)", (str(events[-1].position),))
    store.commit()


def _wait(condition: Callable[[], bool]) -> None:
    while not condition():
        sleep(0.0005)


@contextmanager
def _topics(bootstrap: str) -> Iterator[str]:
    prefix = f"bench{secrets.token_hex(4)}"
    topics.create(bootstrap, prefix)
    yield prefix


@contextmanager
def _store(postgres_url: str) -> Iterator[str]:
    name = f"bench_relay_{secrets.token_hex(4)}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        url = make_conninfo("", **{**conninfo_to_dict(postgres_url), "dbname": name})
        migrate(url)
        yield url
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
