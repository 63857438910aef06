"""Who has an account, who has not used it, whose training has run out, and who is at which console."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from psycopg.rows import dict_row

from projections.engine.reading import Checkpoint, Reader, checkpoint

DORMANT_AFTER = timedelta(days=90)
MOST = 1000


@dataclass(frozen=True, slots=True)
class Certificate:
    kind: str
    number: str
    expires_on: date


@dataclass(frozen=True, slots=True)
class Person:
    """`courses`: course → the day it expires. `last_signed_on_at`: None where they never have.
    `left_at`: suspended by the personnel system, whatever else they are suspended for."""

    person: str
    name: str
    organisation: str
    email: str
    enrolled_at: datetime
    roles: tuple[str, ...]
    courses: tuple[tuple[str, date], ...]
    certificates: tuple[Certificate, ...]
    medical_hold: bool
    suspended_at: datetime | None
    suspended_because: str | None
    left_at: datetime | None
    last_signed_on_at: datetime | None
    open_sessions: int


@dataclass(frozen=True, slots=True)
class Session:
    session: str
    person: str
    name: str | None
    signed_on_at: datetime
    ends_at: datetime
    method: str
    source_address: str
    locked: bool
    ended_at: datetime | None
    ended_because: str | None


@dataclass(frozen=True, slots=True)
class Handover:
    shift: str
    handed_at: datetime
    handed_by: str
    handed_to: str
    open_items: tuple[str, ...]
    as_of_position: int


_PEOPLE = """
SELECT a.*, s.last_signed_on_at, coalesce(s.open_sessions, 0) AS open_sessions
FROM read.people_accounts a LEFT JOIN LATERAL (
    SELECT max(signed_on_at) AS last_signed_on_at,
           count(*) FILTER (WHERE ended_at IS NULL AND ends_at > %(now)s) AS open_sessions
    FROM read.people_sessions s WHERE s.person = a.person AND s.refused_at IS NULL) AS s ON true
WHERE a.name IS NOT NULL
"""
_IN_USE = "a.suspended_at IS NULL AND a.left_at IS NULL"
_SERVICE = "a.roles ? 'service'"
# A course counts as expired where one that was completed once has run out, of an account that could still be used.
_EXPIRED = """EXISTS (SELECT FROM jsonb_each_text(a.courses) c WHERE c.value::date < %(today)s)"""


async def people(connection: Reader, now: datetime, person: str | None = None) -> tuple[Checkpoint, list[Person]]:
    """Every account, by name; or the one named."""
    return await _found(connection, "(%(person)s::text IS NULL OR a.person = %(person)s)", now, person=person)


async def dormant(
    connection: Reader, now: datetime, after: timedelta = DORMANT_AFTER
) -> tuple[Checkpoint, list[Person]]:
    """Accounts that could be used and have not been for that long. Services do not sign on and are left out."""
    where = f"NOT {_SERVICE} AND {_IN_USE} AND coalesce(s.last_signed_on_at, a.enrolled_at) < %(since)s::timestamptz"
    return await _found(connection, where, now, since=now - after)


async def expired_training(connection: Reader, now: datetime) -> tuple[Checkpoint, list[Person]]:
    return await _found(connection, f"{_IN_USE} AND {_EXPIRED}", now)


async def _found(connection: Reader, where: str, now: datetime, **more: Any) -> tuple[Checkpoint, list[Person]]:
    async with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        at = await checkpoint(connection, "people")
        values = {"now": now, "today": now.date(), **more}
        await cursor.execute(f"{_PEOPLE} AND {where} ORDER BY a.name, a.person LIMIT {MOST}".encode(), values)
        return at, [_person(row) for row in await cursor.fetchall()]


def _person(row: dict[str, Any]) -> Person:
    certificates = sorted(row["certificates"].items())
    return Person(
        row["person"],
        row["name"],
        row["organisation"],
        row["email"],
        row["enrolled_at"],
        tuple(sorted(role for role, since in row["roles"].items() if since)),
        tuple((course, date.fromisoformat(day)) for course, day in sorted(row["courses"].items())),
        tuple(Certificate(k, c["number"], date.fromisoformat(c["expires_on"])) for k, c in certificates),
        row["medical_hold"],
        row["suspended_at"] or row["left_at"],
        row["suspended_because"] or row["left_because"],
        row["left_at"],
        row["last_signed_on_at"],
        row["open_sessions"],
    )


async def sessions(connection: Reader, person: str | None, only_open: bool, now: datetime, limit: int) -> list[Session]:
    """Newest first."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "SELECT s.session, s.person, a.name, s.signed_on_at, s.ends_at, s.method, s.source_address, s.locked,"
            " s.ended_at, s.ended_because FROM read.people_sessions s LEFT JOIN read.people_accounts a USING (person)"
            " WHERE s.signed_on_at IS NOT NULL AND (%(person)s::text IS NULL OR s.person = %(person)s)"
            " AND (NOT %(open)s OR (s.ended_at IS NULL AND s.ends_at > %(now)s))"
            " ORDER BY s.signed_on_at DESC, s.session LIMIT %(limit)s",
            {"person": person, "open": only_open, "now": now, "limit": limit},
        )
        return [Session(**row) for row in await cursor.fetchall()]


async def handovers(connection: Reader, limit: int) -> list[Handover]:
    """Newest first."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "SELECT * FROM read.people_handovers ORDER BY handed_at DESC, shift LIMIT %s",
            (limit,),
        )
        return [Handover(**{**row, "open_items": tuple(row["open_items"])}) for row in await cursor.fetchall()]
