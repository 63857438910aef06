"""Versioned migrations of the event store, and the users that the processes log in as.

Files are applied once, in the order of their names, each in a transaction of its own. What was applied is kept with its
SHA-256: a file that changed afterwards is refused, because nobody could say which of the two a database has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, cast

import psycopg
from psycopg import sql

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x5AFE_0E57  # any number, the same for every process that migrates

# login user -> the group roles it has; a login named like a group role is that role itself
LOGINS: Mapping[str, tuple[str, ...]] = {
    "saferweho_api": ("saferweho_writer", "saferweho_reader"),
    "saferweho_gateway": ("saferweho_writer", "saferweho_reader"),
    "saferweho_reactor": ("saferweho_writer", "saferweho_projector"),
    "saferweho_scheduler": ("saferweho_writer", "saferweho_reader"),
    "saferweho_recorder": ("saferweho_writer",),
    "saferweho_media": ("saferweho_writer",),
    "saferweho_exporter": ("saferweho_writer",),
    "saferweho_importer": ("saferweho_writer",),
    "saferweho_relay": (),
    "saferweho_projector": (),
    "saferweho_migration": ("saferweho_migrator",),
}


class MigrationRefused(Exception):
    """The database and the migration files do not agree."""


class Migration(NamedTuple):
    name: str
    text: str

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.text.encode()).digest()


def migrations(folder: Path = MIGRATIONS) -> list[Migration]:
    return [Migration(path.name, path.read_text("utf-8")) for path in sorted(folder.glob("*.sql"))]


def migrate(url: str, files: Sequence[Migration] | None = None, schema: str = "events") -> list[str]:
    """Bring `schema` of the database at `url` up to date; returns the names of what was applied now.

    The first time needs a superuser, or the database's owner with CREATEROLE; later a member of saferweho_migrator is
    enough. Several may call it at once: one works, the others wait. Raises MigrationRefused.
    """
    applied_now = []
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))  # given back when the connection closes
        applied = _applied(conn, schema)
        files = migrations() if files is None else files
        _refuse_a_changed_past(applied, files)
        for file in files:
            if file.name in applied:
                continue
            with conn.transaction():
                conn.execute(file.text.encode())
                conn.execute("RESET ROLE")
                conn.execute(
                    sql.SQL("INSERT INTO {} (name, sha256) VALUES (%s, %s)").format(_kept_in(schema)),
                    (file.name, file.sha256),
                )
            applied_now.append(file.name)
    return applied_now


def _kept_in(schema: str) -> sql.Identifier:
    return sql.Identifier(schema, "migrations")


def _applied(conn: psycopg.Connection, schema: str) -> dict[str, bytes]:
    if conn.execute("SELECT to_regclass(%s)", (f"{schema}.migrations",)).fetchone() == (None,):
        return {}
    rows = conn.execute(sql.SQL("SELECT name, sha256 FROM {}").format(_kept_in(schema))).fetchall()
    return dict(cast(list[tuple[str, bytes]], rows))


def _refuse_a_changed_past(applied: Mapping[str, bytes], files: Sequence[Migration]) -> None:
    for file in files:
        if applied.get(file.name, file.sha256) != file.sha256:
            raise MigrationRefused(
                f"migration {file.name} was changed after it was applied: restore the file and add a new one"
            )
    if unknown := sorted(applied.keys() - {file.name for file in files}):
        raise MigrationRefused(
            f"the database has migrations this program does not know ({', '.join(unknown)}): run a newer program"
        )
    if applied and (late := [f.name for f in files if f.name not in applied and f.name < max(applied)]):
        raise MigrationRefused(f"migration {late[0]} sorts before one that was applied: give it the next number")


def login_roles(url: str, passwords: Mapping[str, str], logins: Mapping[str, tuple[str, ...]] = LOGINS) -> None:
    """Create the login users named in `passwords`, or give existing ones that password and their roles.

    `url` belongs to a superuser, or to who migrated first. Raises KeyError for a user that `logins` does not know.
    """
    with psycopg.connect(url) as conn:
        conn.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        for login, password in passwords.items():
            groups = logins[login]
            name = sql.Identifier(login)
            if conn.execute("SELECT FROM pg_roles WHERE rolname = %s", (login,)).rowcount == 0:
                conn.execute(sql.SQL("CREATE ROLE {}").format(name))
            # The verifier is computed here, so that the password itself is in no statement and in no server log.
            verifier = conn.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256").decode()
            conn.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(name, sql.Literal(verifier)))
            for group in groups:
                conn.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(group), name))
