"""The policy's versions, and what differs between two of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import class_row

from projections.engine.reading import Reader


@dataclass(frozen=True, slots=True)
class Version:
    """`parameters` as JSON has them. Not adopted: a draft that binds nobody."""

    version: int
    amends: int | None
    summary: str
    parameters: dict[str, Any]
    parameters_sha256: str
    cedar_set_sha256: str
    drafted_by: str
    drafted_at: datetime
    adopted_by: str | None
    adopted_at: datetime | None
    in_force_from: datetime | None
    retirement_proposed_by: str | None
    retired_at: datetime | None
    retired_because: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """One parameter. `before` and `after` as JSON; None: not there. Lists with codes are told entry by entry."""

    parameter: str
    before: str | None
    after: str | None


async def versions(connection: Reader) -> list[Version]:
    """Newest first."""
    columns = ", ".join(Version.__dataclass_fields__)
    async with connection.cursor(row_factory=class_row(Version)) as cursor:
        await cursor.execute(f"SELECT {columns} FROM read.policies_versions ORDER BY version DESC".encode())  # noqa: S608
        return await cursor.fetchall()


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """What a reader of two versions would underline, by parameter."""
    old, new = dict(_flat(before)), dict(_flat(after))
    return [
        Difference(name, _json(old.get(name)), _json(new.get(name)))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def _flat(parameters: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in parameters.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for entry in value:
                yield f"{name}.{entry.get('code') or entry.get('category')}", entry
        else:
            yield name, value


def _json(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
