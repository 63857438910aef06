"""Set-wise writing of row changes.

A patch is what one batch changes of one row: column → value, later events winning. One statement a table and batch
writes all patches, whichever columns they touch; columns not named keep their values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import msgspec
from psycopg import sql

from projections.engine.projection import Connection, Cursor

Patch: TypeAlias = dict[str, Any]
Patches: TypeAlias = dict[str, Patch]  # key of the row -> patch


def patch(patches: Patches, key: str, **values: Any) -> None:
    patches.setdefault(key, {}).update(values)


def upsert(cursor: Cursor, table: str, key: str, patches: Mapping[str, Patch]) -> None:
    """Insert the rows that are new and change those that are there. `key` is the one column of the primary key."""
    if not patches:
        return
    body = msgspec.json.encode([{**patch, key: value} for value, patch in patches.items()]).decode()
    cursor.execute(_statement(cursor, table, key), (body,))


# A connection writes one build, whose tables don't change. What is put together here costs more than to execute it.
_known: WeakKeyDictionary[Connection, dict[str, bytes]] = WeakKeyDictionary()


def _statement(cursor: Cursor, table: str, key: str) -> bytes:
    known = _known.setdefault(cursor.connection, {})
    if table not in known:
        others = [column for column in _read_columns(cursor, table) if column != key]
        # jsonb_populate_record takes from the present row (or from one of nulls) what the patch doesn't name.
        statement = sql.SQL(
            "INSERT INTO {table} SELECT (jsonb_populate_record(present, patch)).*"
            " FROM jsonb_array_elements(%s::jsonb) AS patch"
            " LEFT JOIN {table} AS present ON present.{key} = patch->>{name}"
            " ON CONFLICT ({key}) DO UPDATE SET {set}"
        ).format(
            table=sql.Identifier(table),
            key=sql.Identifier(key),
            name=sql.Literal(key),
            set=sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(c)) for c in others),
        )
        known[table] = statement.as_bytes(cursor.connection)
    return known[table]


def _read_columns(cursor: Cursor, table: str) -> list[str]:
    rows = cursor.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
        " ORDER BY attnum",
        (table,),
    ).fetchall()
    return [name for (name,) in rows]
