"""What may be asked of the record of access: who looks now, everything that X saw, everyone who saw Y, who was refused.

Pages go from the newest to the oldest by position; `before` is the position of the last row of the page before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, TypeVar

import msgspec
import psycopg

from application.ports import StoreUnavailable
from domain.kernel import Reason, StreamId
from projections.engine.reading import NoReadModel, Reader, open_items

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Look:
    """One request to see something and what became of it. Times are UTC; `seconds` and `bytes` of what was seen."""

    stream: str
    kind: str
    person: str
    session: str
    feed: str | None
    footage: str | None
    what: str | None
    footage_from: datetime | None
    footage_until: datetime | None
    purpose: str
    call_number: str | None
    case_number: str | None
    score: int
    vague: bool
    shared_by_call: str | None
    role: str
    state: str
    masked: bool | None
    requested_at: datetime
    requested_position: int
    granted_at: datetime | None
    until: datetime | None
    renewed_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    seconds: float | None
    bytes: int | None
    decided_by: str | None
    recipient: str | None


@dataclass(frozen=True, slots=True)
class Refusal:
    id: str
    position: int
    at: datetime
    stream: str
    person: str
    role: str
    action: str
    target: str
    rule: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Recording:
    """At most an hour of a feed, by the recorder's clock. `state`: kept, held, destroyed or lost."""

    footage: str
    feed: str
    since: datetime
    until: datetime
    size_bytes: int | None
    state: str


@dataclass(frozen=True, slots=True)
class Export:
    """A file of footage, from the request on. `state`: requested, refused, approved, exported or delivered; `kept`: its
    footage is neither destroyed nor lost."""

    stream: str
    person: str
    footage: str
    feed: str | None
    footage_from: datetime
    footage_until: datetime
    purpose: str
    call_number: str | None
    case_number: str | None
    recipient: str
    masked: bool
    override: str | None
    basis_kind: str | None
    basis_number: str | None
    basis_issuer: str | None
    state: str
    requested_at: datetime
    requested_position: int
    decided_by: str | None
    decided_at: datetime | None
    category: str | None
    category_reason: str | None
    categorised_by: str | None
    reasons: tuple[Reason, ...] | None
    file_sha256: str | None
    bytes: int | None
    made_at: datetime | None
    downloaded_at: datetime | None
    downloaded_by: str | None
    delivered_at: datetime | None
    delivered_by: str | None
    method: str | None
    kept: bool


@dataclass(frozen=True, slots=True)
class Watched:
    """How many live views of a feed are open."""

    feed: str
    watchers: int


async def open_views(connection: Reader, *, feed: str | None = None, person: str | None = None) -> Sequence[Look]:
    """Live views that are open, oldest first."""
    where = "kind = 'live_view' AND state = 'open' AND (%(feed)s::text IS NULL OR feed = %(feed)s)"
    where += " AND (%(person)s::text IS NULL OR person = %(person)s)"
    query = f"SELECT {_columns(Look)} FROM read.access_looks WHERE {where} ORDER BY requested_position LIMIT 500"  # noqa: S608
    return await _rows(connection, Look, query, {"feed": feed, "person": person})


async def watched(connection: Reader) -> Sequence[Watched]:
    query = """
        SELECT feed, count(*) AS watchers FROM read.access_looks WHERE kind = 'live_view' AND state = 'open'
        GROUP BY feed ORDER BY feed"""
    return await _rows(connection, Watched, query, {})


async def recordings(
    connection: Reader, *, feed: str, since: datetime, until: datetime, limit: int
) -> Sequence[Recording]:
    """Footage of a feed that touches a stretch of time, oldest first; also what was destroyed or lost."""
    query = """
        SELECT * FROM read.access_recordings
        WHERE feed = %(feed)s AND since < %(until)s AND since > %(since)s - interval '1 hour' AND until > %(since)s
        ORDER BY since, footage LIMIT %(limit)s"""
    wanted = {"feed": feed, "since": since, "until": until, "limit": limit}
    return await _rows(connection, Recording, query, wanted)


async def one_look(connection: Reader, stream: str) -> Look | None:
    query = f"SELECT {_columns(Look)} FROM read.access_looks WHERE stream = %(stream)s"  # noqa: S608
    return next(iter(await _rows(connection, Look, query, {"stream": stream})), None)


async def looks(
    connection: Reader,
    *,
    first: int,
    person: str | None = None,
    subject: str | None = None,
    kind: str | None = None,
    before: int | None = None,
) -> tuple[Sequence[Look], bool]:
    """Requests of a person, or at a feed or footage (`subject`, its stream), newest first; and whether there are
    more."""
    values = {"person": person, "subject": subject, "kind": kind, "before": before}
    column = "footage" if subject and subject.startswith("footage-") else "feed"
    clauses = [f"{column} = %(subject)s"] if subject else []
    clauses += [f"{name} = %({name})s" for name, value in (("person", person), ("kind", kind)) if value]
    clauses += ["requested_position < %(before)s"] if before else []
    return await _page(connection, Look, "looks", "requested_position", clauses, first, values)


async def exports(
    connection: Reader, *, first: int, person: str | None = None, state: str | None = None, before: int | None = None
) -> tuple[Sequence[Export], bool]:
    """Files that were asked for, newest first; and whether there are more."""
    query = """
        SELECT look.stream, look.person, look.footage, coalesce(recording.feed, look.feed) AS feed, look.footage_from,
            look.footage_until, look.purpose, look.call_number, look.case_number, look.recipient, look.masked,
            export.override, export.basis_kind, export.basis_number, export.basis_issuer, look.state,
            look.requested_at, look.requested_position, look.decided_by, export.decided_at, export.category,
            export.category_reason, export.categorised_by, export.reasons, export.file_sha256, look.bytes,
            export.made_at, export.downloaded_at, export.downloaded_by, export.delivered_at, export.delivered_by,
            export.method, coalesce(recording.state IN ('kept', 'held'), false) AS kept
        FROM read.access_looks AS look JOIN read.access_exports AS export ON export.stream = look.stream
        LEFT JOIN read.access_recordings AS recording ON recording.footage = look.footage
        WHERE look.kind = 'export' AND (%(person)s::text IS NULL OR look.person = %(person)s)
            AND (%(state)s::text IS NULL OR look.state = %(state)s)
            AND (%(before)s::bigint IS NULL OR look.requested_position < %(before)s)
        ORDER BY look.requested_position DESC LIMIT %(limit)s"""
    wanted = {"person": person, "state": state, "before": before, "limit": first + 1}
    rows = await _rows(connection, Export, query, wanted)
    return rows[:first], len(rows) > first


async def refusals(
    connection: Reader, *, first: int, person: str | None = None, subject: str | None = None, before: int | None = None
) -> tuple[Sequence[Refusal], bool]:
    """Refused attempts, newest first; and whether there are more."""
    clauses = ["target = %(subject)s"] if subject else []
    clauses += ["person = %(person)s"] if person else []
    clauses += ["position < %(before)s"] if before else []
    values = {"person": person, "subject": subject, "before": before}
    return await _page(connection, Refusal, "refusals", "position", clauses, first, values)


async def _page(
    connection: Reader, type_: type[T], table: str, order: str, clauses: list[str], first: int, values: dict[str, Any]
) -> tuple[Sequence[T], bool]:
    where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
    query = f"SELECT {_columns(type_)} FROM read.access_{table} {where} ORDER BY {order} DESC LIMIT {first + 1:d}"  # noqa: S608
    rows = await _rows(connection, type_, query, values)
    return rows[:first], len(rows) > first


def _columns(type_: type[Any]) -> str:
    return ", ".join(field.name for field in fields(type_))


async def _rows(connection: Reader, type_: type[T], query: str, values: dict[str, Any]) -> list[T]:
    try:
        cursor = await connection.execute(f"SELECT row_to_json(x)::text FROM ({query}) x".encode(), values)  # noqa: S608
    except psycopg.errors.UndefinedTable:
        raise NoReadModel("access") from None
    return [msgspec.json.decode(row, type=type_) for (row,) in await cursor.fetchall()]


class EarlierLooks:
    """Implements `application.views.EarlierRequests`: where a person stated reasons before, newest first.

    It serves advice on a reason alone, so a read model that lags, or is away, gives less advice and stops nobody.
    """

    def __init__(self, connection: Callable[[], AbstractContextManager[psycopg.Connection[Any]]]) -> None:
        self._connection = connection

    def of(self, person: str, limit: int) -> Sequence[StreamId]:
        query = "SELECT stream FROM read.access_looks WHERE person = %s ORDER BY requested_position DESC LIMIT %s"
        try:
            with self._connection() as connection:
                return [StreamId(stream) for (stream,) in connection.execute(query, (person, limit))]
        except (psycopg.Error, StoreUnavailable):
            return []


async def still_open(connection: Reader) -> list[tuple[str, str]]:
    """Live views and viewings that are open: all of them. Raises NoReadModel."""
    query = """SELECT kind, stream FROM read.access_looks
               WHERE state = 'open' AND kind IN ('live_view', 'viewing') ORDER BY kind, requested_position"""
    return await open_items(connection, "access", query)
