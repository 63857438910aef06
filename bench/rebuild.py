"""Rebuilding both read models out of Kafka beside the live ones: events a second.

The floor of a rebuild's second half is the rate of its first half: a linear rebuild keeps it. While it runs the board
is asked again and again; it must always answer with every flight.
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
from projections.engine.host import ProjectionHost
from projections.engine.projection import AnyProjection
from projections.live_board import queries
from projections.live_board.projection import LIVE_BOARD

GOAL = 0.8


def run(events: int = 120_000, **_: Any) -> list[dict[str, Any]]:
    with stack() as running:
        return measure(running.postgres_url, running.bootstrap, events)


def measure(postgres_url: str, bootstrap: str, events: int = 120_000) -> list[dict[str, Any]]:
    models: tuple[AnyProjection, ...] = (LIVE_BOARD, AUDIT_TRAIL)
    made = []
    with (
        log(bootstrap, list(history(events))) as prefix,
        database(postgres_url) as url,
        ProjectionHost(url, feed_factory(bootstrap, prefix), models),
    ):
        for model in models:
            _wait_for(url, model.name, events)
        for model in models:
            first, second = _halves(url, model)
            what = f"rebuild of {model.name}, {events:,} events, second half against first"
            made.append(figure(what, second, "events/s", first, GOAL))
    return made


def _halves(url: str, model: AnyProjection) -> tuple[float, float]:
    """Events a second of the first and of the second half of a rebuild, from when its first events are in."""
    flights = asyncio.run(_flights(url))
    seen: list[tuple[int, float]] = []
    for step in admin.rebuild(url, model, every=0.05):
        if step.done and (not seen or step.done > seen[-1][0]):
            seen.append((step.done, perf_counter()))
        if asyncio.run(_flights(url)) != flights:
            raise AssertionError("the board went dark during the rebuild")
    begin, end = seen[0], seen[-1]
    middle = next(point for point in seen if point[0] >= (begin[0] + end[0]) / 2)
    return _rate(begin, middle), _rate(middle, end)


def _rate(begin: tuple[int, float], end: tuple[int, float]) -> float:
    return (end[0] - begin[0]) / (end[1] - begin[1])


def _wait_for(url: str, name: str, position: int) -> None:
    began = perf_counter()
    while not any(b.state == "live" and b.position == position for b in admin.status(url, name)):
        if perf_counter() - began > 300:
            raise TimeoutError(f"{name} did not reach {position}")


async def _flights(url: str) -> int:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        return len((await queries.flights(connection, first=500)).flights)
