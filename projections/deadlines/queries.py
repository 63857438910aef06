"""What the scheduler asks: which deadlines have come, oldest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql

from application.deadlines import Due


def due_until(connection: psycopg.Connection[Any], at: datetime) -> list[Due]:
    """Every deadline up to `at`, oldest first."""
    rows = connection.execute(
        "SELECT stream, kind, due_at FROM read.deadlines_open WHERE due_at <= %s ORDER BY due_at, id", (at,)
    ).fetchall()
    return [Due(kind, stream, due_at.astimezone(UTC)) for stream, kind, due_at in rows]


def checkpoint(connection: psycopg.Connection[Any]) -> tuple[int, int, str | None]:
    """(position, events of the log not applied yet, fault)."""
    row = connection.execute(
        "SELECT position, greatest(log_end - position, 0), fault FROM read.deadlines_checkpoint"
    ).fetchone()
    return (0, 0, "the read model deadlines does not exist yet") if row is None else (row[0], row[1], row[2])


def least_position(connection: psycopg.Connection[Any], models: Sequence[str]) -> int:
    """How far the slowest of these read models has come. Raises psycopg.Error where one does not exist."""
    views = [sql.SQL("SELECT position FROM read.{}").format(sql.Identifier(f"{model}_checkpoint")) for model in models]
    row = connection.execute(sql.SQL("SELECT min(position) FROM ({}) p").format(sql.SQL(" UNION ALL ").join(views)))
    return int((row.fetchone() or (0,))[0] or 0)
