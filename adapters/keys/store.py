"""The key store on PostgreSQL. Which process may do what is the database's to say: see LOGINS.

In production it is a server of its own: a copy of it holds keys that are destroyed later, so its backups and its WAL
are kept for a short time, and the log's for good.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection

from adapters.event_store.migrate import login_roles as give_logins
from adapters.event_store.migrate import migrate as bring_up_to_date
from adapters.event_store.migrate import migrations
from adapters.event_store.pool import SmallPool
from adapters.keys.encryption import KeyEncryption
from application.sealing import DESTROYED, Destroyed, KeysUnavailable, SubjectKey

MIGRATIONS = Path(__file__).parent / "migrations"

# login user -> the group roles it has here. The relay carries bytes and opens none: it has no login.
LOGINS: Mapping[str, tuple[str, ...]] = {
    "saferweho_api": ("saferweho_keys_maker",),
    "saferweho_gateway": ("saferweho_keys_maker",),
    "saferweho_scheduler": ("saferweho_keys_maker",),
    "saferweho_reactor": ("saferweho_keys_maker", "saferweho_keys_destroyer"),
    "saferweho_projector": ("saferweho_keys_reader",),
    "saferweho_recorder": ("saferweho_keys_sealer",),
    "saferweho_media": ("saferweho_keys_player",),
    "saferweho_exporter": ("saferweho_keys_exporter",),
    "saferweho_importer": ("saferweho_keys_maker", "saferweho_keys_sealer"),
}


def migrate(url: str) -> list[str]:
    """Bring the key store's schema up to date; returns the names of what was applied now. Raises MigrationRefused."""
    return bring_up_to_date(url, migrations(MIGRATIONS), schema="keys")


def login_roles(url: str, passwords: Mapping[str, str]) -> None:
    """The logins of the processes that use keys; of `passwords` those that LOGINS names."""
    give_logins(url, {login: passwords[login] for login in LOGINS if login in passwords}, LOGINS)


class PostgresKeyStore(SmallPool):
    """Implements `application.sealing.KeyStore`. A context manager, one a process; safe to use from many threads."""

    _table, _destroy = "keys.subject_keys", "keys.destroy"

    def __init__(self, url: str, encryption: KeyEncryption) -> None:
        super().__init__(url, "keys", _away, "-c synchronous_commit=on")
        self._encryption = encryption

    @contextmanager
    def connection(self) -> Iterator[Connection[Any]]:
        try:
            with super().connection() as connection:
                yield connection
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
            raise KeysUnavailable("there is no key store here: run 'saferweho migrate'") from error

    # -- keys ----------------------------------------------------------------

    def find(self, subjects: Collection[str]) -> Mapping[str, SubjectKey | Destroyed]:
        with self.connection() as connection:
            return self._found(connection, subjects)

    def make(self, subjects: Collection[str]) -> Mapping[str, SubjectKey | Destroyed]:
        with self.connection() as connection:
            found = self._found(connection, subjects)
            if missing := sorted(set(subjects) - found.keys()):
                # Of several that make the first key of a subject at once, one does, and all read the same.
                kek = self._encryption.current
                rows = [
                    (s, secrets.token_hex(8), kek, self._encryption.wrap(secrets.token_bytes(32), s)) for s in missing
                ]
                connection.execute(
                    f"INSERT INTO {self._table} (subject, id, kek, wrapped)"  # noqa: S608
                    " SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::bytea[]) ON CONFLICT DO NOTHING",
                    [list(column) for column in zip(*rows, strict=True)],
                )
                found |= self._found(connection, missing)
            return found

    def _found(self, connection: Connection[Any], subjects: Collection[str]) -> dict[str, SubjectKey | Destroyed]:
        rows = connection.execute(
            f"SELECT subject, id, kek, wrapped FROM {self._table} WHERE subject = ANY(%s)",  # noqa: S608
            (list(subjects),),
        ).fetchall()
        return {
            subject: SubjectKey(id_, self._encryption.unwrap(bytes(wrapped), kek, subject)) if wrapped else DESTROYED
            for subject, id_, kek, wrapped in rows
        }

    def destroy(self, subject: str) -> bool:
        with self.connection() as connection:
            (now,) = connection.execute(f"SELECT {self._destroy}(%s)", (subject,)).fetchone() or (False,)
        return bool(now)

    def secret_of(self, purpose: str) -> bytes:
        ask = "SELECT kek, wrapped FROM keys.secrets WHERE purpose = %s"
        with self.connection() as connection:
            if (row := connection.execute(ask, (purpose,)).fetchone()) is None:
                made = self._encryption.wrap(secrets.token_bytes(32), purpose)
                connection.execute(
                    "INSERT INTO keys.secrets (purpose, kek, wrapped) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                    (purpose, self._encryption.current, made),
                )
                row = connection.execute(ask, (purpose,)).fetchone()
        assert row is not None
        return self._encryption.unwrap(bytes(row[1]), row[0], purpose)

    # -- looking after it ----------------------------------------------------

    def sweep(self) -> bool:
        """Clear the files of the database of what was destroyed; False where nothing was left to clear."""
        with self.connection() as connection:
            (done,) = connection.execute("SELECT keys.sweep()").fetchone() or (False,)
        return bool(done)

    def standing(self) -> dict[str, str | None]:
        """subject -> id of its key, None where it was destroyed. As the destroyer or the owner."""
        with self.connection() as connection:
            rows = connection.execute(f"SELECT subject, id, destroyed_at FROM {self._table}").fetchall()  # noqa: S608
        return {subject: None if destroyed_at else id_ for subject, id_, destroyed_at in rows}

    def rewrap(self) -> int:
        """Wrap everything by the current key-encryption key, as the owner; returns how much was wrapped by another.
        Afterwards the older ones may be taken out of use."""
        changed, current = 0, self._encryption.current
        with self.connection() as connection, connection.transaction():
            for table, name in (
                ("subject_keys", "subject"),
                ("footage_keys", "subject"),
                ("export_keys", "subject"),
                ("secrets", "purpose"),
            ):
                rows = connection.execute(
                    f"SELECT {name}, kek, wrapped FROM keys.{table} WHERE kek <> %s FOR UPDATE",  # noqa: S608
                    (current,),
                ).fetchall()
                for of, kek, wrapped in rows:
                    again = self._encryption.wrap(self._encryption.unwrap(bytes(wrapped), kek, of), of)
                    connection.execute(
                        f"UPDATE keys.{table} SET kek = %s, wrapped = %s WHERE {name} = %s",  # noqa: S608
                        (current, again, of),
                    )
                changed += len(rows)
        return changed


class PostgresFootageKeys(PostgresKeyStore):
    """The same of footage: a subject is a piece of footage of one camera and at most an hour."""

    _table, _destroy = "keys.footage_keys", "keys.destroy_footage"


class PostgresExportKeys(PostgresKeyStore):
    """The same of the files made of footage: a subject is an export."""

    _table, _destroy = "keys.export_keys", "keys.destroy_export"


def _away() -> KeysUnavailable:
    return KeysUnavailable("the key store does not answer: nothing personal is written or read")
