"""Looking at read models from outside: their rows, their checkpoint, and waiting for a position."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import psycopg
from psycopg.rows import dict_row

from infra.stack.processes import wait_until
from projections.engine import admin
from projections.engine.catalogue import Build
from projections.engine.host import ProjectionHost

T = TypeVar("T")
Row = dict[str, Any]


def live(url: str, name: str) -> Build | None:
    return next((b for b in admin.status(url, name) if b.state == "live"), None)


def applied(url: str, name: str) -> int:
    build = live(url, name)
    return build.position if build else 0


def wait_applied(host: ProjectionHost, url: str, position: int, *names: str, seconds: float = 120) -> None:
    reached = wait_until(lambda: all(applied(url, name) >= position for name in names), seconds)
    assert reached, host.statuses()


def rows(url: str, table: str, schema: str = "read") -> list[Row]:
    """All rows of a table or view, ordered by their first column."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return connection.execute(f'SELECT * FROM "{schema}"."{table}" ORDER BY 1, 2'.encode()).fetchall()


def tables(url: str, schema: str, *names: str) -> dict[str, list[Row]]:
    return {name: rows(url, name, schema) for name in names}


def ask(url: str, question: Callable[..., Awaitable[T]], *args: Any, **kwargs: Any) -> T:
    """The answer of one of a read model's queries."""

    async def asked() -> T:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            return await question(connection, *args, **kwargs)

    return asyncio.run(asked())
