"""What every answer out of a read model says of itself: how far it had come, and what it lacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import psycopg

Reader: TypeAlias = psycopg.AsyncConnection[Any]

CHECKPOINT_COLUMNS = "position, revision, version, log_end, updated_at, fault, incomplete"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Read in the same snapshot as the rows. An answer depends on (`version`, `position`, `revision`) and the question.

    `incomplete`: streams of which an event could not be applied; what they say stops before it.
    `log_end`: the end of the log as the projector last saw it.
    """

    position: int
    revision: int
    version: int
    log_end: int
    applied_at: datetime
    fault: str | None
    incomplete: tuple[str, ...]

    @property
    def lag(self) -> int:
        """Events in the log that are not applied yet."""
        return max(0, self.log_end - self.position)


class NoReadModel(Exception):
    """The read model was never built here."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the read model {name} does not exist yet: start 'saferweho projector'")


async def checkpoint(connection: Reader, name: str) -> Checkpoint:
    """Of the live build. Raises NoReadModel."""
    try:
        cursor = await connection.execute(f"SELECT {CHECKPOINT_COLUMNS} FROM read.{name}_checkpoint")  # noqa: S608
    except psycopg.errors.UndefinedTable:
        raise NoReadModel(name) from None
    row = await cursor.fetchone()
    if row is None:
        raise NoReadModel(name)
    return checkpoint_of(row)


def checkpoint_of(row: tuple[Any, ...]) -> Checkpoint:
    """Out of CHECKPOINT_COLUMNS."""
    position, revision, version, log_end, applied_at, fault, incomplete = row
    return Checkpoint(position, revision, version, log_end, applied_at, fault, tuple(incomplete))


def checkpoint_json(name: str) -> str:
    """A select-list item that holds the checkpoint as JSON, for queries that answer with one document."""
    return f"""
    (SELECT json_build_object('position', position, 'revision', revision, 'version', version, 'log_end', log_end,
                              'applied_at', updated_at, 'fault', fault, 'incomplete', incomplete)
     FROM read.{name}_checkpoint) AS checkpoint
    """  # noqa: S608


async def document(connection: Reader, name: str, query: str, values: Mapping[str, Any]) -> str:
    """The one JSON document that the query answers with. Raises NoReadModel."""
    try:
        cursor = await connection.execute(query.encode(), values)
    except psycopg.errors.UndefinedTable:
        raise NoReadModel(name) from None
    row = await cursor.fetchone()
    assert row is not None
    return str(row[0])


async def open_items(
    connection: Reader, name: str, query: str, values: Mapping[str, Any] | None = None
) -> list[tuple[str, str]]:
    """Kind and stream of what a read model has that is open, all of it. Raises NoReadModel."""
    try:
        cursor = await connection.execute(query.encode(), values or {})
    except psycopg.errors.UndefinedTable:
        raise NoReadModel(name) from None
    return [(str(kind), str(stream)) for kind, stream in await cursor.fetchall()]


async def incomplete_streams(connection: Reader, name: str) -> tuple[str, ...]:
    return (await checkpoint(connection, name)).incomplete
