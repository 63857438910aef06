"""What a process keeps beside the events: a few connections on which nobody waits longer than five seconds."""

from __future__ import annotations

import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from psycopg import AsyncConnection, Connection, InterfaceError, OperationalError
from psycopg_pool import ConnectionPool

from adapters.event_store.connection import BoundedConnection
from application.ports import StoreUnavailable


class SmallPool:
    """A context manager, one a process and store; safe to use from many threads. Its connections commit each statement.

    `away`: what is raised, by the server's own error, where it does not answer.
    """

    def __init__(self, url: str, name: str, away: Callable[[], StoreUnavailable], options: str = "") -> None:
        self._away = away
        self._pool = ConnectionPool(
            url,
            connection_class=BoundedConnection,
            min_size=0,
            max_size=4,
            timeout=4.0,
            open=False,
            check=self._still_open,
            kwargs={"autocommit": True, "application_name": f"saferweho {name}", "options": options},
            name=name,
        )

    def _still_open(self, connection: Connection[Any]) -> None:
        """A server that was away has closed all that lie here: found one by one, with the pool's growing pauses between
        them, they would cost whoever asks next up to its whole patience."""
        if closed_by_server(connection):
            connection.close()
            self._pool.drain()
            raise OperationalError("the server has closed the connection")

    def __enter__(self) -> Self:
        self._pool.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.close()

    @contextmanager
    def connection(self) -> Iterator[Connection[Any]]:
        """Raises what `away` says."""
        try:
            with self._pool.connection() as connection:
                yield connection
        except (OperationalError, InterfaceError) as error:  # a pool that times out is an OperationalError
            raise self._away() from error


def closed_by_server(idle: Connection[Any] | AsyncConnection[Any]) -> bool:
    """Costs no round trip: nothing was asked, so the one thing that can wait to be read is the server's goodbye."""
    waiting = select.poll()
    waiting.register(idle.fileno(), select.POLLIN)
    return bool(waiting.poll(0))
