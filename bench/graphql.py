"""A page of the audit trail, 20 nodes of 8 fields, from the real API over HTTP keep-alive, against a plain FastAPI GET
of the same rows out of the same database under the same server.

Uncached: every request asks for a page that nobody asked for before. Cached: the same page again while the read model
stands still. The API also verifies the token, looks up who is signed on and asks the policy; the floor does none of it.
"""

from __future__ import annotations

import itertools
import json
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any
from uuid import uuid4

from adapters.event_store import PostgresEventStore
from application.codec import TYPE_PREFIX, decode_envelope
from application.ports import Append, NewEvent
from bench.figures import figure
from bench.history import history
from bench.load import Load, get, load, post
from bench.product import Product, plain, product
from bench.stack import stack

UNCACHED_GOAL, CACHED_GOAL = 0.35, 1.0
PAGE = """query Trail($first: Int!, $after: String) { auditTrail(first: $first, after: $after) { edges { node {
  position id type stream time role outcome actor { name } } } } }"""


def run(events: int = 40_000, rounds: int = 3, seconds: float = 3.0, **_: Any) -> list[dict[str, Any]]:
    """`rounds` of `seconds` for each contender, in turns, over a log of `events`."""
    with stack() as running, product(running) as watch_center:
        _fill(watch_center, events)
        with plain(watch_center) as floor:
            return measure(watch_center, floor, events, rounds, seconds)


def measure(watch_center: Product, floor: str, events: int, rounds: int, seconds: float) -> list[dict[str, Any]]:
    headers = {"authorization": f"Bearer {watch_center.token('auditor')}"}
    places = itertools.count(events, -1)  # each request another page, so that none is kept from before

    def ours(_: int) -> Iterator[bytes]:
        return (_page(next(places) % events + 1000, headers) for _ in itertools.count())

    def same(_: int) -> Iterator[bytes]:
        return itertools.repeat(_page(events // 2, headers))

    def theirs(path: str) -> Any:
        return lambda _: (get(f"/{path}?before={next(places) % events + 1000}&first=20") for _ in itertools.count())

    def asked(requests: Any, base_url: str = watch_center.base_url) -> Load:
        return load(base_url, requests, lambda body: b'"errors"' not in body and len(body) > 2000, seconds=seconds)

    contenders: dict[str, Callable[[], Load]] = {
        "uncached": lambda: asked(ours),
        "floor": lambda: asked(theirs("events"), floor),
        "cached": lambda: asked(same),
        "models": lambda: asked(theirs("models"), floor),
    }
    results: dict[str, list[Load]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            results[name].append(contender())
    rate = {name: median(each.rate for each in made) for name, made in results.items()}
    p99 = {name: median(each.p99 for each in made) for name, made in results.items()}
    what = "GraphQL, 20 nodes × 8 fields"
    return [
        figure(f"{what}, uncached", rate["uncached"], "requests/s", rate["floor"], UNCACHED_GOAL),
        figure(f"{what}, read model unmoved", rate["cached"], "requests/s", rate["floor"], CACHED_GOAL),
        figure(f"{what}, uncached, against FastAPI with models", rate["uncached"], "requests/s", rate["models"]),
        figure(f"{what}, uncached, p99 of 8 connections", p99["uncached"], "ms", p99["floor"]),
    ]


def _page(before: int, headers: dict[str, str]) -> bytes:
    cursor = urlsafe_b64encode(f"p{before}".encode()).decode()
    return post(
        "/graphql", json.dumps({"query": PAGE, "variables": {"first": 20, "after": cursor}}).encode(), **headers
    )


def _fill(watch_center: Product, events: int) -> None:
    """Append a believable past and wait until the audit trail shows it."""
    versions: Counter[str] = Counter()
    with PostgresEventStore(watch_center.database_url) as store:
        past = history(events)
        while batch := list(itertools.islice(past, 500)):
            made = []
            for record in batch:
                versions[record.stream] += 1
                type_ = decode_envelope(record.content).type.removeprefix(TYPE_PREFIX)
                made.append(NewEvent(record.stream, versions[record.stream], type_, record.content))
            last = store.append(Append(uuid4(), bytes(32), made)).last_position
    watch_center.shown("audit_trail", last)
