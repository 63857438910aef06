"""A server that was away has closed every connection that lies in a pool: whoever asks next is answered at once."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from adapters.event_store.pool import SmallPool
from api.processes.api import reading
from application.ports import StoreUnavailable
from tests.adapters.event_store.appends import until

AT_ONCE = 4
KILL = """SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity
          WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE %s"""


def killed(url: str, name: str) -> int:
    with psycopg.connect(url, autocommit=True) as admin:
        row = admin.execute(KILL, (name,)).fetchone()
    return row[0] if row else 0


def connected(url: str, name: str) -> int:
    with psycopg.connect(url) as admin:
        return admin.execute("SELECT FROM pg_stat_activity WHERE application_name LIKE %s", (name,)).rowcount


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pool's pauses between connections found closed are longer than anyone waits: one would fail the test."""
    monkeypatch.setattr("psycopg_pool.base.AttemptWithBackoff.INITIAL_DELAY", 100.0)


@pytest.mark.usefixtures("no_pauses")
def test_with_every_connection_closed_the_next_question_is_answered(database_url: str) -> None:
    def asked(together: threading.Barrier) -> Any:
        with pool.connection() as connection:
            together.wait(30)  # so that each has a connection of its own
            return connection.execute("SELECT 1").fetchone()

    with (
        SmallPool(database_url, "tried", lambda: StoreUnavailable("away")) as pool,
        ThreadPoolExecutor(AT_ONCE) as threads,
    ):
        for people in (AT_ONCE, 1, AT_ONCE, 1):
            together = threading.Barrier(people)
            assert list(threads.map(asked, [together] * people)) == [(1,)] * people
            until(lambda: connected(database_url, "saferweho tried") == AT_ONCE, "the pool made its connections anew")
            assert killed(database_url, "saferweho tried") == AT_ONCE


@pytest.mark.usefixtures("no_pauses")
def test_so_is_the_next_query(database_url: str) -> None:
    async def asked() -> None:
        async with reading(database_url) as pool:
            await pool.wait(30)
            for people in (AT_ONCE, 1, AT_ONCE, 1):
                together = asyncio.Barrier(people)

                async def ask(together: asyncio.Barrier = together) -> None:
                    async with pool.connection() as connection:
                        await together.wait()
                        await connection.execute("SELECT 1")

                async with asyncio.timeout(30):
                    await asyncio.gather(*(ask() for _ in range(people)))
                assert await asyncio.to_thread(killed, database_url, "saferweho api") >= people

    asyncio.run(asked())
