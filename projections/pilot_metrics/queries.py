"""What may be asked of the pilot's figures, each as of a position. The rows up to a position never change, so the same
question has the same answer for ever."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg.rows import class_row, dict_row

from projections.engine import reading
from projections.engine.reading import Checkpoint, NoReadModel, Reader
from projections.pilot_metrics.cells import suppressed
from projections.pilot_metrics.definitions import By, Definition, Kind
from projections.pilot_metrics.relations import COMMON, GROUPS, RELATIONS

NAME = "pilot_metrics"
LIVE = f"read.{NAME}_"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which cases. `since` is included, `until` is not; the rest narrows where the definition can be broken down by
    it."""

    since: datetime | None = None
    until: datetime | None = None
    call_type: str | None = None
    purpose: str | None = None
    unit: str | None = None


EVERYTHING = Wanted()


class NotBrokenDown(Exception):
    """The definition has no such dimension."""

    def __init__(self, definition: Definition, by: By) -> None:
        self.accepted = ", ".join(definition.by)
        super().__init__(f"'{definition.code}' cannot be broken down by '{by}': by {self.accepted}")


@dataclass(frozen=True, slots=True)
class Figure:
    """`key`: of the group, None where the cases have none, or where nothing is broken down. `n`: cases. `value`: the
    share, count, total or rate; `median` and `p90` of a duration. `clocks_apart`: cases in which a clock differed from
    ours by over a second. A suppressed figure holds nothing but its key."""

    key: str | None
    n: int | None
    numerator: float | None
    denominator: float | None
    value: float | None
    median: float | None
    p90: float | None
    clocks_apart: int | None
    suppressed: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """One case behind a figure: its stream, and the position of the record that it was counted by."""

    stream: str
    position: int
    counted_at: datetime | None
    key: str | None
    in_numerator: bool
    value: float | None


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """flown = published + withheld, once nothing awaits its decision."""

    flown: int
    published: int
    withheld: tuple[tuple[str, int], ...]  # by reason code
    undecided: tuple[str, ...]  # streams of flights that landed, neither published nor withheld
    in_the_air: int

    @property
    def balanced(self) -> bool:
        return self.flown == self.published + sum(n for _, n in self.withheld)


@dataclass(frozen=True, slots=True)
class Programme:
    pilot: str
    title: str
    authority: str
    starts_on: date
    ends_on: date
    phase: str
    evaluations: int


async def checkpoint(connection: Reader) -> Checkpoint:
    """Of the live build. Raises NoReadModel."""
    return await reading.checkpoint(connection, NAME)


async def figures(
    connection: Reader,
    definition: Definition,
    as_of: int,
    by: By | None = None,
    wanted: Wanted = EVERYTHING,
    *,
    smallest_cell: int = 0,
    tables: str = LIVE,
) -> list[Figure]:
    """One figure, or one of each group in the order of their keys. Raises NotBrokenDown, NoReadModel."""
    query, values = _of(definition, as_of, by, wanted, tables)
    group, order = ("key", "GROUP BY key ORDER BY key NULLS LAST") if by is not None else ("NULL AS key", "")
    query = f"""{query}
    SELECT {group}, count(*)::int AS n, (count(*) FILTER (WHERE holds))::int AS held,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY value) AS median,
           percentile_cont(0.9) WITHIN GROUP (ORDER BY value) AS p90,
           sum(value ORDER BY value)::double precision AS total, sum(per ORDER BY per)::double precision AS per,
           (count(*) FILTER (WHERE clocks_apart))::int AS clocks_apart
    FROM cases {order}"""  # noqa: S608
    found = [_figure(definition.kind, row) for row in await _rows(connection, query, values)]
    if by is not By.CELL:
        return found
    hidden = suppressed({figure.key or "": figure.n or 0 for figure in found}, smallest_cell)
    nothing = (None,) * 7
    return [Figure(x.key, *nothing, suppressed=True) if (x.key or "") in hidden else x for x in found]


def _figure(kind: Kind, row: dict[str, Any]) -> Figure:
    n, total, per = row["n"], row["total"] or 0.0, row["per"] or 0.0
    numerator: float | None = None
    denominator: float | None = None
    value: float | None
    match kind:
        case Kind.SHARE:
            numerator, denominator = row["held"], n
            value = numerator / denominator if denominator else None
        case Kind.RATE:
            numerator, denominator = total, per
            value = numerator / denominator if denominator else None
        case Kind.COUNT:
            value = n
        case Kind.TOTAL | Kind.DURATION:
            value = total
    timed = kind is Kind.DURATION
    median, p90 = (row["median"], row["p90"]) if timed else (None, None)
    return Figure(row["key"], n, numerator, denominator, value, median, p90, row["clocks_apart"])


async def cases(
    connection: Reader,
    definition: Definition,
    as_of: int,
    by: By | None = None,
    wanted: Wanted = EVERYTHING,
    *,
    first: int,
    after: int = 0,
    tables: str = LIVE,
) -> list[Case]:
    """What a figure was made of, in the order of the log; `after`: the position of the last one of the page before."""
    query, values = _of(definition, as_of, by, wanted, tables)
    query = f"""{query}
    SELECT stream, position, counted_at, key, holds AS in_numerator, value::double precision AS value
    FROM cases WHERE position > %(after)s ORDER BY position LIMIT %(first)s"""  # noqa: S608
    rows = await _rows(connection, query, {**values, "after": after, "first": first})
    return [Case(**row) for row in rows]


async def reconciliation(connection: Reader, as_of: int, *, tables: str = LIVE) -> Reconciliation:
    """Of all flights up to a position. Raises NoReadModel."""
    query = f"""WITH {COMMON}
    SELECT stream, publication, coalesce(withheld_code, '') AS code, landed_at IS NOT NULL AS landed
    FROM flown ORDER BY launched_position"""  # noqa: S608
    rows = await _rows(connection, query.format(t=tables), {"as_of": as_of})
    withheld: dict[str, int] = {}
    for row in rows:
        if row["publication"] == "withheld":
            withheld[row["code"]] = withheld.get(row["code"], 0) + 1
    open_ = [row for row in rows if row["publication"] is None]
    return Reconciliation(
        flown=len(rows),
        published=sum(row["publication"] == "published" for row in rows),
        withheld=tuple(sorted(withheld.items())),
        undecided=tuple(row["stream"] for row in open_ if row["landed"]),
        in_the_air=sum(not row["landed"] for row in open_),
    )


async def programmes(connection: Reader, as_of: int, *, tables: str = LIVE) -> list[Programme]:
    query = f"""
    SELECT DISTINCT ON (pilot) pilot, title, authority, starts_on, ends_on, phase,
           coalesce(evaluations, 0) AS evaluations
    FROM {tables}pilots WHERE position <= %(as_of)s ORDER BY pilot, position DESC"""  # noqa: S608
    async with connection.cursor(row_factory=class_row(Programme)) as cursor:
        await _run(cursor, query, {"as_of": as_of})
        return await cursor.fetchall()


async def as_of_time(connection: Reader, as_of: int, *, tables: str = LIVE) -> datetime | None:
    """When the newest record counted was recorded; None where there is none."""
    query = f"WITH {COMMON} SELECT as_of_time FROM as_of"  # noqa: S608
    rows = await _rows(connection, query.format(t=tables), {"as_of": as_of})
    at: datetime | None = rows[0]["as_of_time"]
    return at


def _of(definition: Definition, as_of: int, by: By | None, wanted: Wanted, tables: str) -> tuple[str, dict[str, Any]]:
    """The cases of a definition, as a query to go on from. Values are parameters; the rest comes from here alone."""
    if by is not None and by not in definition.by:
        raise NotBrokenDown(definition, by)
    conditions = [f"({definition.keep})"]
    values: dict[str, Any] = {"as_of": as_of, "since": wanted.since, "until": wanted.until}
    if wanted.since is not None:
        conditions.append("counted_at >= %(since)s")
    if wanted.until is not None:
        conditions.append("counted_at < %(until)s")
    for narrow in (By.CALL_TYPE, By.PURPOSE, By.UNIT):
        if (value := getattr(wanted, narrow)) is not None:
            if narrow not in definition.by:
                raise NotBrokenDown(definition, narrow)
            conditions.append(f"{narrow} = %({narrow})s")
            values[narrow] = value
    query = f"""WITH {COMMON}, relation AS ({RELATIONS[definition.over]}),
    cases AS (SELECT stream, position, counted_at, clocks_apart, {GROUPS[by] if by else "NULL::text"} AS key,
                     coalesce({definition.holds}, false) AS holds,
                     ({definition.value})::double precision AS value, ({definition.per})::double precision AS per
              FROM relation WHERE {" AND ".join(conditions)})"""  # noqa: S608
    return query.format(t=tables), values


async def _rows(connection: Reader, query: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await _run(cursor, query, values)
        return await cursor.fetchall()


async def _run(cursor: psycopg.AsyncCursor[Any], query: str, values: dict[str, Any]) -> None:
    try:
        await cursor.execute(query.encode(), values)
    except psycopg.errors.UndefinedTable:
        raise NoReadModel(NAME) from None
