"""The floor of the GraphQL benchmarks: what a plain FastAPI application does with the same rows, in the same server.

No sign-on, no rules, no record: one statement a request, on the pool, event loop and HTTP parser that the API has.
Run by the benchmarks as a process of its own: DATABASE_URL and PORT in the environment.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import orjson
import uvicorn
from fastapi import FastAPI, Response
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel

from api.graphql.context import READ_SLOTS

_PAGE = b"""
    SELECT e.position, e.event_id, e.type, e.stream, e.recorded_at, e.role, e.outcome, coalesce(p.name, e.person)
    FROM read.audit_trail_events e LEFT JOIN read.live_board_people p ON p.person = e.person
    WHERE e.position < %s ORDER BY e.position DESC LIMIT %s"""
_NOTE = b"INSERT INTO plain (drone, battery) VALUES (%s, %s) RETURNING id"
_TABLE = b"""
    CREATE TABLE IF NOT EXISTS plain
        (id bigserial PRIMARY KEY, drone text, battery float8, at timestamptz DEFAULT now())"""


class Event(BaseModel):
    position: int
    id: str
    type: str
    stream: str
    time: datetime
    role: str
    outcome: str
    actor: str


class Ready(BaseModel):
    drone: str
    battery: float


def app(url: str) -> FastAPI:
    pool: AsyncConnectionPool[AsyncConnection[Any]] = AsyncConnectionPool(
        url, min_size=2, max_size=READ_SLOTS, open=False, kwargs={"autocommit": True}
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with pool:
            async with pool.connection() as connection:
                await connection.execute(_TABLE)
            yield

    made = FastAPI(lifespan=lifespan)

    async def rows(before: int, first: int) -> list[tuple[Any, ...]]:
        async with pool.connection() as connection, connection.cursor(binary=True) as cursor:
            await cursor.execute(_PAGE, (before, first))
            return await cursor.fetchall()

    @made.get("/events")
    async def events(before: int, first: int = 20) -> Response:
        """The leanest that FastAPI does: rows to bytes without a model."""
        names = Event.model_fields
        found = [dict(zip(names, row, strict=True)) for row in await rows(before, first)]
        return Response(orjson.dumps(found), media_type="application/json")

    @made.get("/models")
    async def models(before: int, first: int = 20) -> list[Event]:
        """As FastAPI's own documentation has it: a list of models."""
        names = Event.model_fields
        found = await rows(before, first)
        return [Event(**dict(zip(names, (row[0], str(row[1]), *row[2:]), strict=True))) for row in found]

    @made.post("/ready")
    async def ready(asked: Ready) -> Response:
        async with pool.connection() as connection:
            cursor = await connection.execute(_NOTE, (asked.drone, asked.battery))
            row = await cursor.fetchone()
        return Response(orjson.dumps({"id": row[0] if row else None}), media_type="application/json")

    return made


if __name__ == "__main__":
    uvicorn.run(
        app(os.environ["DATABASE_URL"]),
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        log_config=None,
        access_log=False,
        server_header=False,
    )
