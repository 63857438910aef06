"""Appends by 32 callers at once: ours against the library's own recorder and against raw autocommit psycopg.

All three in this process, in turns, in one database with fsync on, one event of about `size` bytes a call, each caller
on a stream of its own and waiting for each answer. The raw floor is one INSERT a transaction on 32 connections into a
table of the same columns and indexes: it gives no commit order, no version check and no command ids.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

import psycopg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from adapters.event_store import PostgresEventStore, migrate
from application.ports import Append, NewEvent
from bench.figures import figure, quantile

GOAL_LIBRARY, GOAL_RAW = 6.0, 1.0
TYPE = "bench.thing_happened.v1"

Call = Callable[[str, int], object]  # append one event to a stream, as its nth


class Round(NamedTuple):
    rate: float  # events a second
    p50: float  # milliseconds
    p99: float


def run(callers: int = 32, rounds: int = 5, seconds: float = 2.0, size: int = 800, **_: Any) -> list[dict[str, Any]]:
    """`rounds` of `seconds` for each contender."""
    from bench.stack import stack

    with stack() as running:
        return measure(running.postgres_url, callers, rounds, seconds, size)


def measure(postgres_url: str, callers: int, rounds: int, seconds: float, size: int) -> list[dict[str, Any]]:
    content = secrets.token_hex(size // 2).encode()
    with (
        _database(postgres_url) as url,
        PostgresEventStore(url) as store,
        _library(url, callers) as recorder,
        _raw(url, callers) as connections,
    ):
        lend = itertools.cycle(connections)

        def ours(stream: str, version: int) -> object:
            return store.append(_command(stream, version, content))

        def library(stream: str, version: int) -> object:
            return recorder.insert_events([StoredEvent(stream, version, TYPE, content)])

        def raw_call() -> Call:
            connection = next(lend)

            def raw(stream: str, version: int) -> object:
                return connection.execute(_INSERT, (stream, version, TYPE, content), prepare=True).fetchone()

            return raw

        contenders: dict[str, Callable[[], Round]] = {
            "ours": lambda: _threads(callers, seconds, lambda: ours),
            "library": lambda: _threads(callers, seconds, lambda: library),
            "raw": lambda: _threads(callers, seconds, raw_call),
            "ours, coroutines": lambda: asyncio.run(_coroutines(store, callers, seconds, content)),
            "ours, four times the callers": lambda: _threads(4 * callers, seconds, lambda: ours),
            "ours, alone": lambda: _threads(1, seconds / 2, lambda: ours),
            "raw, alone": lambda: _threads(1, seconds / 2, raw_call),
        }
        results: dict[str, list[Round]] = {name: [] for name in contenders}
        for _ in range(rounds):
            for name, contender in contenders.items():
                results[name].append(contender())
    mid = {name: Round(*(median(column) for column in zip(*made, strict=True))) for name, made in results.items()}
    ours_, library_, raw_ = mid["ours"], mid["library"], mid["raw"]
    name = f"append, {callers} callers"
    return [
        figure(f"{name}, against the library's recorder", ours_.rate, "events/s", library_.rate, GOAL_LIBRARY),
        figure(f"{name}, p99 against the library's p50", ours_.p99, "ms", library_.p50, 1.0, at_most=True),
        figure(f"{name}, against raw autocommit psycopg", ours_.rate, "events/s", raw_.rate, GOAL_RAW),
        figure(f"{name} as coroutines, against raw", mid["ours, coroutines"].rate, "events/s", raw_.rate),
        figure(f"append, {4 * callers} callers", mid["ours, four times the callers"].rate, "events/s", raw_.rate),
        figure("append, one caller, p50 against raw", mid["ours, alone"].p50, "ms", mid["raw, alone"].p50),
    ]


# -- the load ------------------------------------------------------------------


def _threads(callers: int, seconds: float, make: Callable[[], Call]) -> Round:
    """Each caller appends to a stream of its own until the time is over."""
    together = threading.Barrier(callers + 1)
    took: list[list[float]] = []

    def caller(call: Call) -> None:
        stream, version, mine = f"flight-{uuid.uuid4()}", 0, []
        together.wait()
        until = perf_counter() + seconds
        while (begun := perf_counter()) < until:
            version += 1
            call(stream, version)
            mine.append(perf_counter() - begun)
        took.append(mine)

    calls = [make() for _ in range(callers)]
    with ThreadPoolExecutor(callers) as pool:
        running = [pool.submit(caller, call) for call in calls]
        together.wait()
        begun = perf_counter()
        for each in running:
            each.result()
    return _round([each for mine in took for each in mine], perf_counter() - begun)


async def _coroutines(store: PostgresEventStore, callers: int, seconds: float, content: bytes) -> Round:
    took: list[float] = []

    async def caller() -> None:
        stream, version = f"flight-{uuid.uuid4()}", 0
        until = perf_counter() + seconds
        while (begun := perf_counter()) < until:
            version += 1
            await asyncio.wrap_future(store.submit(_command(stream, version, content)))
            took.append(perf_counter() - begun)

    begun = perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return _round(took, perf_counter() - begun)


def _command(stream: str, version: int, content: bytes) -> Append:
    return Append(uuid.uuid4(), bytes(32), [NewEvent(stream, version, TYPE, content)])


def _round(took: list[float], seconds: float) -> Round:
    took.sort()
    return Round(len(took) / seconds, 1000 * quantile(took, 0.5), 1000 * quantile(took, 0.99))


# -- the contenders ------------------------------------------------------------

_INSERT = (
    "INSERT INTO raw (originator_id, originator_version, topic, state) "
    "VALUES (%s, %s, %s, %s) RETURNING notification_id"
)


@contextmanager
def _database(postgres_url: str) -> Iterator[str]:
    name = f"bench_append_{secrets.token_hex(4)}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        if admin.execute("SHOW fsync").fetchone() != ("on",):
            raise RuntimeError("fsync is off on this server: the figures would mean nothing")
        admin.execute(f"CREATE DATABASE {name}")
        try:
            url = make_conninfo(postgres_url, dbname=name)
            migrate(url)
            yield url
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def _library(url: str, callers: int) -> Iterator[PostgresApplicationRecorder]:
    """The library's recorder as it comes, with a connection for each caller."""
    at = conninfo_to_dict(url)
    with PostgresDatastore(
        str(at["dbname"]),
        str(at["host"]),
        str(at["port"]),
        str(at["user"]),
        str(at["password"]),
        pool_size=callers,
        originator_id_type="text",
    ) as datastore:
        recorder = PostgresApplicationRecorder(datastore)
        recorder.create_table()
        yield recorder


@contextmanager
def _raw(url: str, callers: int) -> Iterator[list[psycopg.Connection]]:
    connections = [psycopg.connect(url, autocommit=True) for _ in range(callers)]
    connections[0].execute(
        "CREATE TABLE raw (originator_id text, originator_version bigint, topic text, state bytea, "
        "notification_id bigserial UNIQUE, PRIMARY KEY (originator_id, originator_version))"
    )
    try:
        yield connections
    finally:
        for connection in connections:
            connection.close()
