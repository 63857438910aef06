"""What a read model is to the engine: tables, the events it handles, a pure function from events to row changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

import psycopg
from psycopg.rows import TupleRow

from application.codec import Recorded
from application.ports import StoreUnavailable

Cursor: TypeAlias = psycopg.Cursor[TupleRow]
Connection: TypeAlias = psycopg.Connection[TupleRow]
Changes = TypeVar("Changes")


@dataclass(frozen=True, slots=True)
class Failure:
    """One event that could not be read or applied, found by halving its batch. `error` never holds event data."""

    position: int
    stream: str
    type: str  # empty when not even the envelope could be read
    error: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Apply nothing more: a gap would be a lie. What came before the event is kept."""


@dataclass(frozen=True, slots=True)
class Park:
    """Put the event and every later event of its stream aside, go on with the others; stop above `limit` streams."""

    limit: int = 1000


@dataclass(frozen=True, slots=True)
class PersonalColumns:
    """Columns of one table that hold something personal; `subject`: the column with the subject whose key it takes.

    The engine empties them when that key is destroyed. Both kinds of column may be null.
    """

    table: str
    subject: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Projection(Generic[Changes]):
    """A read model.

    `tables` is SQL run once in the schema of a build, which is also the search path of `write`: names stay unqualified.
    A change of `tables`, or of what `changes` makes of an event, needs a new `version`; the engine then builds that
    beside the live one. `changes` is pure. A projection that parks writes only rows that belong to the event's own
    stream, otherwise a parked stream would leave others incomplete too. Only one that declares where it keeps what is
    `personal` can open a personal value; nothing personal may be anywhere else.
    """

    name: str
    version: int
    tables: str
    handles: frozenset[type] | None  # None: every event
    changes: Callable[[Sequence[Recorded]], Changes]
    write: Callable[[Cursor, Changes], None]
    on_error: Callable[[Failure], Stop | Park]
    personal: tuple[PersonalColumns, ...] = ()

    def apply(self, cursor: Cursor, events: Sequence[Recorded]) -> None:
        if events:
            self.write(cursor, self.changes(events))


AnyProjection: TypeAlias = Projection[Any]


class Fenced(Exception):
    """Another process has claimed this build, or it was retired: this one must not write any more."""


class Retired(Fenced):
    """A newer build has taken its place, as it should be."""


def is_transient(error: BaseException) -> bool:
    """Whether the fault is the database's or the network's, so that the same batch may succeed later.

    By class of SQLSTATE (PostgreSQL manual, appendix A): 08 connection, 25 a transaction the server ended,
    40 rollback, 53 resources, 55 object state, 57 operator, 58 system; without one the connection itself failed.
    """
    if isinstance(error, StoreUnavailable):  # the key store's
        return True
    if isinstance(error, psycopg.Error):
        return (error.sqlstate is None and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)) or (
            error.sqlstate is not None and error.sqlstate[:2] in {"08", "25", "40", "53", "55", "57", "58"}
        )
    return False
