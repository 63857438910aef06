"""'Who saw this footage': the page of one subject in an audit trail of 1 million rows, or 10 million (`--large`).

The same question is asked while the table grows; the floor is its p99 in the table at a hundredth of the size. Half of
the questions are about footage that a few events speak of, half about a drone that very many do.

Up to a million rows are written by the read model itself; what is beyond are copies of them at later positions, about
footage of their own, which takes minutes instead of an hour.
"""

from __future__ import annotations

import asyncio
import random
from itertools import islice
from time import perf_counter
from typing import Any

import psycopg
from psycopg import sql

from application.codec import decode
from bench.figures import figure
from bench.ground import database
from bench.history import DRONES, footage, history, pieces
from bench.stack import stack
from projections.audit_trail import queries
from projections.audit_trail.projection import AUDIT_TRAIL
from projections.audit_trail.queries import AuditEvent, AuditFilter
from projections.engine import catalogue

GOAL_MS = 50
BATCH = 5000
WRITTEN = 1_000_000
QUESTIONS, ASKED_BEFORE = 2000, 200
NEEDS_KAFKA = False


def run(large: bool = False, **_: Any) -> list[dict[str, Any]]:
    with stack() as running:
        return measure(running.postgres_url, 10_000_000 if large else 1_000_000)


def measure(postgres_url: str, rows: int = 1_000_000) -> list[dict[str, Any]]:
    sizes = [rows // 100, rows // 10, rows]
    with database(postgres_url) as url, catalogue.connect(url) as connection:
        key = catalogue.ensure(connection, AUDIT_TRAIL)[0].key
        events = history(rows)
        results, written = [], 0
        for size in sizes:
            _grow(connection, key, events, min(size, WRITTEN) - min(written, WRITTEN))
            for copy in range(max(written // WRITTEN, 1), size // WRITTEN):
                _copy(connection, copy, size // WRITTEN)
            written = size
            connection.execute("VACUUM ANALYZE")
            results.append(asyncio.run(_ask(url, size)))
    return [
        figure(
            f"audit query 'who saw this footage', {size:,} rows, p99 (p50 {asked[50]:.1f} ms)",
            asked[99],
            "ms",
            results[0][99],
            GOAL_MS,
            at_most=True,
            absolute=True,
        )
        for size, asked in zip(sizes, results, strict=True)
    ]


def _grow(connection: psycopg.Connection, key: str, events: Any, count: int) -> None:
    path = sql.SQL("SET search_path TO {}").format(sql.Identifier(key))
    connection.execute(path)
    while count > 0:
        batch = [decode(r.content, r.position) for r in islice(events, min(BATCH, count))]
        with connection.transaction(), connection.cursor() as cursor:
            AUDIT_TRAIL.apply(cursor, batch)
            cursor.execute("UPDATE projections.catalogue SET position = %s WHERE key = %s", (batch[-1].position, key))
        count -= len(batch)


def _copy(connection: psycopg.Connection, copy: int, of: int) -> None:
    """The first million again, its footage renamed so that as few events as before speak of each piece."""
    shift = copy * WRITTEN
    others = sql.SQL(", ").join(map(sql.Identifier, AuditEvent._fields[2:]))
    with connection.transaction():
        connection.execute(
            sql.SQL(
                "INSERT INTO events (position, event_id, {others}) SELECT position + %s, gen_random_uuid(), {others}"
                " FROM events WHERE position <= %s"
            ).format(others=others),
            (shift, WRITTEN),
        )
        connection.execute(
            "INSERT INTO subjects SELECT CASE WHEN subject LIKE 'footage-%%' THEN 'footage-' ||"
            " lpad(to_hex(('x' || substr(subject, 9))::bit(32)::int * %s + %s), 8, '0') ELSE subject END, position + %s"
            " FROM subjects WHERE position <= %s",
            (of, copy, shift, WRITTEN),
        )
        connection.execute("UPDATE projections.catalogue SET position = %s", (shift + WRITTEN,))


async def _ask(url: str, rows: int) -> dict[int, float]:
    """Milliseconds by percentile. Each question with its checkpoint, as the API asks it."""
    dice = random.Random(7)
    took = []
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        for number in range(QUESTIONS + ASKED_BEFORE):
            rare = number % 2 == 0
            subject = footage(dice.randrange(pieces(rows))) if rare else f"drone-d{dice.randrange(DRONES)}"
            began = perf_counter()
            await queries.page(connection, AuditFilter(subject=subject), last=50)
            took.append((perf_counter() - began) * 1000)
    took = sorted(took[ASKED_BEFORE:])
    return {50: took[len(took) // 2], 99: took[len(took) * 99 // 100]}
