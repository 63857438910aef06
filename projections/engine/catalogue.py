"""The catalogue of builds: which version of a read model is live, which is being built, how far each has come.

Invariants: at most one build of a name is live and one is building; a checkpoint, the rows it speaks of and the fence
change in one transaction; readers meet a read model only through the views of the schema `read`, which change from one
build to the next in one transaction.
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from projections.engine.feed import FeedState
from projections.engine.projection import AnyProjection, Connection, Cursor, Fenced, Retired

CHANNEL = "saferweho_projections"
ZERO_HASH = bytes(32)
_SCHEMA = Path(__file__).with_name("catalogue.sql")


@dataclass(frozen=True, slots=True)
class Build:
    """One build of a read model (or a reaction's checkpoint) as the catalogue has it."""

    key: str
    name: str
    version: int
    build: int
    state: str  # building | live | retired
    tables_sha256: str
    generation: int
    holder: str | None
    position: int
    offsets: dict[str, int]
    log_id: str
    rolling_hash: bytes
    log_end: int
    revision: int
    parked_streams: int
    fault: str | None
    fault_position: int | None

    @property
    def feed_state(self) -> FeedState:
        return FeedState(self.position, {int(p): offset for p, offset in self.offsets.items()}, self.log_id)

    @property
    def lag(self) -> int:
        """Events in the log that are not yet applied, as last seen."""
        return max(0, self.log_end - self.position)


_COLUMNS = sql.SQL(", ").join(map(sql.Identifier, Build.__dataclass_fields__))


class TablesChanged(Exception):
    """The tables of a projection are not those that its version was built with."""

    def __init__(self, projection: AnyProjection) -> None:
        super().__init__(
            f"the tables of {projection.name} differ from those its version {projection.version} was built with: "
            f"raise its version, and the engine builds the new one beside the live one"
        )


def holder() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def connect(url: str) -> Connection:
    """A connection for writing read models, in autocommit.

    Commits are not waited for on disk: rows and checkpoint are one transaction, so after a crash of the server both
    go back together and the log gives the rest again.
    """
    connection = psycopg.connect(url, autocommit=True, connect_timeout=5, application_name="saferweho projector")
    connection.execute("SET synchronous_commit = off")
    member = "SELECT 1 FROM pg_roles WHERE rolname = 'saferweho_projector' AND pg_has_role(oid, 'MEMBER')"
    if connection.execute(member).fetchone():
        connection.execute("SET ROLE saferweho_projector")  # so that all of it has one owner, whoever logs in
    return connection


def install(url: str) -> None:
    """Create the engine's tables and grants where they are missing. Needs the right to create schemas."""
    create(url, "projections.catalogue", _SCHEMA.read_text("utf-8"))


def create(url: str, table: str, text: str) -> None:
    """Run an idempotent SQL text once: the table's comment says by its hash that this very text was run."""
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    with psycopg.connect(url) as connection:
        for _ in range(2):  # again under the lock
            # Out of the rows: what a name stood for before the lock was waited for may be cached (to_regclass).
            found = connection.execute(
                "SELECT 1 FROM pg_description d JOIN pg_class c ON c.oid = d.objoid"
                " JOIN pg_namespace n ON n.oid = c.relnamespace AND d.classoid = 'pg_class'::regclass"
                " WHERE d.objsubid = 0 AND n.nspname || '.' || c.relname = %s AND d.description = %s",
                (table, sha256),
            ).fetchone()
            if found:
                return
            connection.execute("SELECT pg_advisory_xact_lock(hashtext('saferweho projections'))")
        connection.execute(text.encode())
        connection.execute(
            sql.SQL("COMMENT ON TABLE {} IS {}").format(sql.Identifier(*table.split(".")), sql.Literal(sha256))
        )


def builds(connection: Connection, name: str | None = None) -> list[Build]:
    """Every build that is not retired; of one read model when `name` is given."""
    with connection.cursor(row_factory=class_row(Build)) as cursor:
        return cursor.execute(
            sql.SQL(
                "SELECT {} FROM projections.catalogue"
                " WHERE state <> 'retired' AND (%(name)s::text IS NULL OR name = %(name)s)"
                " ORDER BY name, state, version"
            ).format(_COLUMNS),
            {"name": name},
        ).fetchall()


def find(connection: Connection, key: str) -> Build | None:
    with connection.cursor(row_factory=class_row(Build)) as cursor:
        return cursor.execute(
            sql.SQL("SELECT {} FROM projections.catalogue WHERE key = %s").format(_COLUMNS), (key,)
        ).fetchone()


# -- making builds -----------------------------------------------------------


def tables_sha256(projection: AnyProjection) -> str:
    declared = repr(projection.personal) if projection.personal else ""
    return hashlib.sha256(f"{projection.tables}{declared}".encode()).hexdigest()


def declaration(projection: AnyProjection) -> Jsonb:
    """What is personal in its tables, kept with a build, so that also code of another version can empty it."""
    return Jsonb([[each.table, each.subject, list(each.columns)] for each in projection.personal])


@contextmanager
def _changing(connection: Connection, name: str) -> Iterator[None]:
    """One process at a time decides what builds of `name` there are."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('saferweho projections'), hashtext(%s))", (name,))
        yield


def ensure(connection: Connection, projection: AnyProjection) -> list[Build]:
    """The builds that this code is to run: the live one of its version, and one being built of its version.

    The first build of a read model is live at once; a newer version is built beside the live one; nothing is to be run
    where the live one is newer than this code. Raises TablesChanged.
    """
    with _changing(connection, projection.name):
        present = builds(connection, projection.name)
        live = next((b for b in present if b.state == "live"), None)
        building = next((b for b in present if b.state == "building"), None)
        if live is None:
            return [_create(connection, projection, "live")]
        if live.version > projection.version:
            return []
        if building is not None and building.version < projection.version:
            _retire(connection, building.key)
            building = None
        if building is None and live.version < projection.version:
            building = _create(connection, projection, "building")
        wanted = [b for b in (live, building) if b is not None and b.version == projection.version]
    for build in wanted:
        if build.tables_sha256 != tables_sha256(projection):
            raise TablesChanged(projection)
    return wanted


def request_rebuild(connection: Connection, projection: AnyProjection) -> Build:
    """A fresh build beside the live one, for whichever process runs this projection to fill. One that is already
    being built is given up."""
    with _changing(connection, projection.name):
        for build in builds(connection, projection.name):
            if build.state == "building":
                _retire(connection, build.key)
        return _create(connection, projection, "building")


def _create(connection: Connection, projection: AnyProjection, state: str) -> Build:
    name, version = projection.name, projection.version
    (number,) = connection.execute(
        "SELECT coalesce(max(build), 0) + 1 FROM projections.catalogue WHERE name = %s AND version = %s",
        (name, version),
    ).fetchone() or (1,)
    key = f"{name}_v{version}_{number}"
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(key)))
    connection.execute(sql.SQL("SET LOCAL search_path TO {}").format(sql.Identifier(key)))
    connection.execute(projection.tables.encode())
    connection.execute("SET LOCAL search_path TO DEFAULT")
    connection.execute(
        "INSERT INTO projections.catalogue (key, name, version, build, state, tables_sha256, personal)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (key, name, version, number, state, tables_sha256(projection), declaration(projection)),
    )
    if state == "live":
        _show(connection, name, key)
    created = find(connection, key)
    assert created is not None
    return created


def _retire(connection: Connection, key: str) -> None:
    connection.execute("UPDATE projections.catalogue SET state = 'retired', retired_at = now() WHERE key = %s", (key,))


def _tables(connection: Connection, key: str) -> list[str]:
    rows = connection.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relkind IN ('r', 'p', 'v') ORDER BY c.relname",
        (key,),
    ).fetchall()
    return [table for (table,) in rows]


def _show(connection: Connection, name: str, key: str, instead_of: str | None = None) -> None:
    """Point the views of `read` at a build. The view of the checkpoint is locked first, and readers read it first."""

    def view(table: str) -> sql.Identifier:
        return sql.Identifier("read", f"{name}_{table}")

    if instead_of is not None:
        for table in ("checkpoint", *_tables(connection, instead_of)):
            connection.execute(sql.SQL("DROP VIEW IF EXISTS {}").format(view(table)))
    connection.execute(
        sql.SQL(
            "CREATE VIEW {} AS SELECT position, revision, version, key, rolling_hash, log_end, fault, updated_at,"
            " ARRAY(SELECT DISTINCT stream FROM projections.parked p WHERE p.key = c.key ORDER BY stream) AS incomplete"
            " FROM projections.catalogue c WHERE c.key = {}"
        ).format(view("checkpoint"), sql.Literal(key))
    )
    views = [view("checkpoint")]
    for table in _tables(connection, key):
        views.append(view(table))
        connection.execute(
            sql.SQL("CREATE VIEW {} AS SELECT * FROM {}").format(view(table), sql.Identifier(key, table))
        )
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'saferweho_reader'").fetchone():
        connection.execute(sql.SQL("GRANT SELECT ON {} TO saferweho_reader").format(sql.SQL(", ").join(views)))


def switch(connection: Connection, build: Build) -> bool:
    """Make a build the live one, if it has come as far as the present one: one transaction, nobody sees neither.

    Returns False, with nothing changed, where the live one is ahead or a reader is in the way. Raises Fenced.
    """
    try:
        with _changing(connection, build.name):
            connection.execute("SET LOCAL lock_timeout = '500ms'")
            rows = connection.execute(
                "SELECT key, state, position, generation FROM projections.catalogue"
                " WHERE name = %s AND state <> 'retired' ORDER BY state DESC FOR UPDATE",
                (build.name,),
            ).fetchall()
            mine = next((row for row in rows if row[0] == build.key), None)
            if mine is None:
                raise Retired(f"{build.key} was retired")
            if mine[3] != build.generation:
                raise Fenced(f"{build.key} was claimed by another process")
            live = next((row for row in rows if row[1] == "live"), None)
            if live is not None:
                if live[2] > mine[2]:
                    return False
                _retire(connection, live[0])
            connection.execute("UPDATE projections.catalogue SET state = 'live' WHERE key = %s", (build.key,))
            _show(connection, build.name, build.key, instead_of=live[0] if live else None)
            notify(connection, build.name, mine[2])
        return True
    except psycopg.errors.LockNotAvailable:
        return False


def drop_retired(connection: Connection, older_than: timedelta = timedelta(minutes=10)) -> list[str]:
    """Drop the schemas of builds that were retired long enough ago for every reader to be done. Returns their names."""
    dropped = []
    for (key,) in connection.execute(
        "SELECT key FROM projections.catalogue WHERE state = 'retired' AND retired_at <= now() - %s", (older_than,)
    ).fetchall():
        with connection.transaction():
            connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(key)))
            connection.execute("DELETE FROM projections.catalogue WHERE key = %s", (key,))
        dropped.append(key)
    return dropped


# -- fence and checkpoint ----------------------------------------------------


def claim(connection: Connection, key: str) -> Build:
    """Become the only writer of a build. Raises Fenced where it is gone or retired."""
    with connection.cursor(row_factory=class_row(Build)) as cursor:
        build = cursor.execute(
            sql.SQL(
                "UPDATE projections.catalogue SET generation = generation + 1, holder = %s"
                " WHERE key = %s AND state <> 'retired' RETURNING {}"
            ).format(_COLUMNS),
            (holder(), key),
        ).fetchone()
    if build is None:
        raise Retired(f"{key} was retired")
    return build


def still_mine(connection: Connection, claimed: Build) -> Build:
    """The build as it is now. Raises Fenced (Retired) where another process claimed it (it was replaced)."""
    build = find(connection, claimed.key)
    if build is None or build.state == "retired":
        raise Retired(f"{claimed.key} was retired")
    if build.generation != claimed.generation:
        raise Fenced(f"{claimed.key} was claimed by {build.holder}")
    return build


def lock(cursor: Cursor, key: str, generation: int) -> tuple[int, str]:
    """First statement of a transaction that writes: hold the fence. Returns (revision, state). Raises Fenced."""
    row = cursor.execute(
        "SELECT revision, state, generation, holder FROM projections.catalogue WHERE key = %s FOR UPDATE", (key,)
    ).fetchone()
    if row is None or row[1] == "retired":
        raise Retired(f"{key} was retired")
    if row[2] != generation:
        raise Fenced(f"{key} was claimed by {row[3]}")
    return row[0], row[1]


_ADVANCE = """
WITH advanced AS (
    UPDATE projections.catalogue
    SET position = %s, offsets = %s, log_id = %s, rolling_hash = %s, log_end = greatest(log_end, %s),
        parked_streams = %s, fault = %s, fault_position = %s, updated_at = now()
    WHERE key = %s
    RETURNING name, state, position
)
SELECT pg_notify('saferweho_projections', name || ' ' || position) FROM advanced WHERE state = 'live'
"""

_GO_PAST = """
WITH advanced AS (
    UPDATE projections.catalogue
    SET position = %s, offsets = %s, log_id = %s, rolling_hash = %s, log_end = greatest(log_end, %s),
        fault = NULL, fault_position = NULL, updated_at = now()
    WHERE key = %s AND generation = %s AND revision = %s AND state <> 'retired'
    RETURNING name, state, position
)
SELECT state, CASE state WHEN 'live' THEN pg_notify('saferweho_projections', name || ' ' || position) END FROM advanced
"""


def advance(
    cursor: Cursor,
    key: str,
    state: FeedState,
    rolling_hash: bytes,
    *,
    log_end: int,
    parked_streams: int = 0,
    fault: str | None = None,
    fault_position: int | None = None,
) -> None:
    """Last statement of that transaction: the checkpoint, and the wake-up of whoever waits for it."""
    offsets = Jsonb({str(p): offset for p, offset in state.offsets.items()})
    cursor.execute(
        _ADVANCE,
        (state.position, offsets, state.log_id, rolling_hash, log_end, parked_streams, fault, fault_position, key),
    )


def go_past(
    connection: Connection,
    key: str,
    generation: int,
    revision: int,
    state: FeedState,
    rolling_hash: bytes,
    log_end: int,
) -> str | None:
    """`lock` and `advance` in one statement, a transaction of its own, where there are no rows to write between them.
    Returns the build's state; None, and nothing done, where the fence or the revision is another."""
    offsets = Jsonb({str(p): offset for p, offset in state.offsets.items()})
    row = connection.execute(
        _GO_PAST, (state.position, offsets, state.log_id, rolling_hash, log_end, key, generation, revision)
    ).fetchone()
    return None if row is None else str(row[0])


def notify(connection: Connection, name: str, position: int) -> None:
    connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, f"{name} {position}"))


def set_fault(
    connection: Connection, key: str, generation: int, fault: str | None, position: int | None = None
) -> None:
    connection.execute(
        "UPDATE projections.catalogue SET fault = %s, fault_position = %s, updated_at = now()"
        " WHERE key = %s AND generation = %s",
        (fault, position, key, generation),
    )


def seen_end(connection: Connection, key: str, generation: int, log_end: int) -> None:
    connection.execute(
        "UPDATE projections.catalogue SET log_end = %s WHERE key = %s AND generation = %s AND log_end < %s",
        (log_end, key, generation, log_end),
    )


def roll(rolling_hash: bytes, contents: Sequence[bytes]) -> bytes:
    """The rolling hash after these events (see `application.ports.Head`)."""
    sha256 = hashlib.sha256
    for content in contents:
        rolling_hash = sha256(rolling_hash + sha256(content).digest()).digest()
    return rolling_hash
