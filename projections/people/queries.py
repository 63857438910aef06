"""Who has an account, who has not used it, whose training has run out, and who is at which console."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from psycopg.rows import dict_row

from projections.engine.reading import Checkpoint, Reader, checkpoint

DORMANT_AFTER = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Certificate:
    kind: str
    number: str
    expires_on: date


@dataclass(frozen=True, slots=True)
class Asked:
    """A change of the access of a person of oversight that waits for its second person."""

    change: str
    reason: str
    by: str
    at: datetime
    answer_by: datetime


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
    asked: Asked | None


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
    open_count: int
    as_of_position: int


@dataclass(frozen=True, slots=True)
class HandedOver:
    """Something that was open. `number`: from 1 in each handover."""

    number: int
    kind: str
    stream: str


@dataclass(frozen=True, slots=True)
class People:
    """A page of accounts, by name."""

    checkpoint: Checkpoint
    people: tuple[Person, ...]
    has_next: bool


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
# A course that was completed once and has run out, or that the policy asks for and that was never completed; the latter
# of those who have a role, for without one there is nothing that the course is needed for.
_HAS_ROLE = "EXISTS (SELECT FROM jsonb_each(a.roles) r WHERE r.value <> 'null')"
_EXPIRED = f"""(EXISTS (SELECT FROM jsonb_each_text(a.courses) c WHERE c.value::date < %(today)s)
                OR ({_HAS_ROLE} AND NOT a.courses ?& %(required)s::text[]))"""


async def people(
    connection: Reader, now: datetime, person: str | None = None, *, first: int | None = None, after: str | None = None
) -> People:
    """Accounts, by name; or the one named. `first`: None: all; `after`: the last person of the page before. Raises
    NoReadModel."""
    where = "(%(person)s::text IS NULL OR a.person = %(person)s)"
    return await _found(connection, where, now, first, after, person=person)


async def dormant(
    connection: Reader, now: datetime, unused_for: timedelta = DORMANT_AFTER, *, first: int, after: str | None = None
) -> People:
    """Accounts that could be used and have not been for that long. Services do not sign on and are left out."""
    where = f"NOT {_SERVICE} AND {_IN_USE} AND coalesce(s.last_signed_on_at, a.enrolled_at) < %(since)s::timestamptz"
    return await _found(connection, where, now, first, after, since=now - unused_for)


async def expired_training(
    connection: Reader, now: datetime, required: Collection[str], *, first: int, after: str | None = None
) -> People:
    """Accounts in use with a course that has run out, or, with a role, without one of those `required`."""
    where = f"NOT {_SERVICE} AND {_IN_USE} AND {_EXPIRED}"
    return await _found(connection, where, now, first, after, required=sorted(required))


async def _found(
    connection: Reader, where: str, now: datetime, first: int | None, after: str | None, **more: Any
) -> People:
    page = """(%(after)s::text IS NULL OR (a.name, a.person) >
               (SELECT name, person FROM read.people_accounts WHERE person = %(after)s))"""
    async with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        at = await checkpoint(connection, "people")
        values = {
            "now": now,
            "today": now.date(),
            "after": after,
            "limit": first + 1 if first is not None else None,
            **more,
        }
        query = f"{_PEOPLE} AND {where} AND {page} ORDER BY a.name, a.person LIMIT %(limit)s"
        await cursor.execute(query.encode(), values)
        rows = [_person(row) for row in await cursor.fetchall()]
        return People(at, tuple(rows[:first]), first is not None and len(rows) > first)


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
        msgspec.convert(row["asked"], Asked) if row["asked"] else None,
    )


async def sessions(
    connection: Reader,
    person: str | None,
    only_open: bool,
    now: datetime,
    *,
    first: int,
    after: str | None = None,
) -> tuple[list[Session], bool]:
    """Newest first, and whether there are more. `after`: the last session of the page before."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "SELECT s.session, s.person, a.name, s.signed_on_at, s.ends_at, s.method, s.source_address, s.locked,"
            " s.ended_at, s.ended_because FROM read.people_sessions s LEFT JOIN read.people_accounts a USING (person)"
            " WHERE s.signed_on_at IS NOT NULL AND (%(person)s::text IS NULL OR s.person = %(person)s)"
            " AND (NOT %(open)s OR (s.ended_at IS NULL AND s.ends_at > %(now)s))"
            " AND (%(after)s::text IS NULL OR (s.signed_on_at, s.session) <"
            " (SELECT signed_on_at, session FROM read.people_sessions WHERE session = %(after)s))"
            " ORDER BY s.signed_on_at DESC, s.session DESC LIMIT %(limit)s",
            {"person": person, "open": only_open, "now": now, "after": after, "limit": first + 1},
        )
        rows = [Session(**row) for row in await cursor.fetchall()]
        return rows[:first], len(rows) > first


async def handovers(connection: Reader, *, first: int, after: str | None = None) -> tuple[list[Handover], bool]:
    """Newest first, and whether there are more. `after`: the last shift of the page before."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "SELECT * FROM read.people_handovers WHERE (%(after)s::text IS NULL OR (handed_at, shift) <"
            " (SELECT handed_at, shift FROM read.people_handovers WHERE shift = %(after)s))"
            " ORDER BY handed_at DESC, shift DESC LIMIT %(limit)s",
            {"after": after, "limit": first + 1},
        )
        rows = [Handover(**row) for row in await cursor.fetchall()]
        return rows[:first], len(rows) > first


async def handed_over(connection: Reader, shift: str, *, first: int, after: int = 0) -> tuple[list[HandedOver], bool]:
    """What was open at a handover, and whether there is more. `after`: the last number of the page before."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "SELECT number, kind, stream FROM read.people_handed_over"
            " WHERE shift = %(shift)s AND number > %(after)s ORDER BY number LIMIT %(limit)s",
            {"shift": shift, "after": after, "limit": first + 1},
        )
        rows = [HandedOver(**row) for row in await cursor.fetchall()]
        return rows[:first], len(rows) > first
