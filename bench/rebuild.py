"""Rebuilding both read models out of Kafka beside the live ones: events a second, at a quarter of the log and at all.

The floor of the whole is the rate at a quarter: a linear rebuild keeps it. While it runs the board is asked again and
again; it must always answer with every flight.
"""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Any

import psycopg

from adapters.kafka.feed import feed_factory
from bench.figures import figure
from bench.ground import database, log
from bench.history import history
from bench.stack import stack
from projections.audit_trail.projection import AUDIT_TRAIL
from projections.engine import admin
from projections.engine.feed import FeedRecord
from projections.engine.host import ProjectionHost
from projections.engine.projection import AnyProjection
from projections.live_board import queries
from projections.live_board.projection import LIVE_BOARD

GOAL = 0.8


def run(events: int = 40_000, **_: Any) -> list[dict[str, Any]]:
    with stack() as running:
        return measure(running.postgres_url, running.bootstrap, events)


def measure(postgres_url: str, bootstrap: str, events: int = 40_000) -> list[dict[str, Any]]:
    records = list(history(events))
    quarter = _rebuild(postgres_url, bootstrap, records[: events // 4])
    whole = _rebuild(postgres_url, bootstrap, records)
    return [
        figure(
            f"rebuild of {name}, {events:,} events, against a quarter of them",
            whole[name],
            "events/s",
            quarter[name],
            GOAL,
        )
        for name in whole
    ]


def _rebuild(postgres_url: str, bootstrap: str, records: list[FeedRecord]) -> dict[str, float]:
    rates = {}
    models: tuple[AnyProjection, ...] = (LIVE_BOARD, AUDIT_TRAIL)
    with (
        log(bootstrap, records) as prefix,
        database(postgres_url) as url,
        ProjectionHost(url, feed_factory(bootstrap, prefix), models),
    ):
        for model in models:
            _wait_for(url, model.name, len(records))
        flights = asyncio.run(_flights(url))
        for model in models:
            began = perf_counter()
            for _ in admin.rebuild(url, model, every=0.2):
                if asyncio.run(_flights(url)) != flights:
                    raise AssertionError("the board went dark during the rebuild")
            rates[model.name] = len(records) / (perf_counter() - began)
    return rates


def _wait_for(url: str, name: str, position: int) -> None:
    began = perf_counter()
    while not any(b.state == "live" and b.position == position for b in admin.status(url, name)):
        if perf_counter() - began > 300:
            raise TimeoutError(f"{name} did not reach {position}")


async def _flights(url: str) -> int:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        return len((await queries.flights(connection, first=500)).flights)
