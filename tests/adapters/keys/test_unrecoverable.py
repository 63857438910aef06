"""When a destroyed key is gone for good: searched for in the files of a real PostgreSQL, its WAL and its backups."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString
from urllib.parse import urlsplit

import psycopg
import pytest

from adapters.keys import PostgresFootageKeys, PostgresKeyStore
from adapters.keys import migrate as migrate_keys
from adapters.vault import KeyDestroyed, LocalFiles, Vault
from application import codec
from application.sealing import DESTROYED, Keyring, SubjectKey
from infra.stack.postgres import EmbeddedPostgres, _program
from infra.stack.processes import wait_until
from tests.adapters.vault.filming import SOUTH, closed
from tests.golden.make import envelope_of, event_of
from tests.keys import ENCRYPTION

pytestmark = pytest.mark.slow

CALL, OTHER = "call-26-1", "call-26-2"
NAME = "call.call_received.v1"


@pytest.fixture
def server(stack_home: Path) -> Iterator[EmbeddedPostgres]:
    """A server of the key store's own, set up as the page on destroying personal data says."""
    with EmbeddedPostgres(stack_home / f"keys-{secrets.token_hex(4)}") as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET wal_recycle = off")
            connection.execute("ALTER SYSTEM SET min_wal_size = '32MB'")
            connection.execute("SELECT pg_reload_conf()")
        yield server


def files_with(sought: bytes, folder: Path) -> list[str]:
    """Files below a folder, relative to it, in which these bytes stand."""
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        try:
            if sought in path.read_bytes():
                found.append(str(path.relative_to(folder)))
        except FileNotFoundError:  # the server unlinks some meanwhile
            continue
    return found


def base_backup(server: EmbeddedPostgres, into: Path) -> Path:
    """A backup as operators make it, with the WAL it needs."""
    address = urlsplit(server.url)
    where = ["-h", "127.0.0.1", "-p", str(address.port), "-U", "postgres", "-D", str(into)]
    subprocess.run(
        [_program("pg_basebackup"), *where, "-X", "stream", "-c", "fast"],
        env={**os.environ, "PGPASSWORD": address.password or ""},
        check=True,
        capture_output=True,
    )
    return into


def wrapped_key(server: EmbeddedPostgres, subject: str, table: LiteralString = "subject_keys") -> bytes:
    with psycopg.connect(server.url) as connection:
        (wrapped,) = connection.execute(
            f"SELECT wrapped FROM keys.{table} WHERE subject = %s", (subject,)
        ).fetchone() or (b"",)
    return bytes(wrapped)


def let_the_log_go_on(server: EmbeddedPostgres) -> None:
    """What days of work do: the WAL moves on past checkpoints."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        for _ in range(3):
            connection.execute("SELECT pg_switch_wal()")
            connection.execute("CHECKPOINT")


def test_after_the_last_backup_a_destroyed_key_is_nowhere_and_before_it_is(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    migrate_keys(server.url)
    cluster = server.data / "cluster"
    with PostgresKeyStore(server.url, ENCRYPTION) as store:
        keyring = Keyring(store)
        content = codec.encode(envelope_of(NAME), event_of(NAME), keyring)
        subject = codec.decode(content).event.caller.subject
        made = store.make([subject, CALL, OTHER])
        wrapped, kept = wrapped_key(server, CALL), wrapped_key(server, OTHER)
        let_the_log_go_on(server)
        assert files_with(wrapped, cluster), "the search finds what is there"

        before = base_backup(server, tmp_path / "before")
        assert files_with(wrapped, before), "a backup taken before holds the key until it is thrown away"

        assert store.destroy(CALL)
        assert files_with(wrapped, cluster), "the row's old version and the WAL outlive the destruction"
        assert store.sweep()
        let_the_log_go_on(server)
        assert wait_until(lambda: not files_with(wrapped, cluster), 60), files_with(wrapped, cluster)
        assert files_with(kept, cluster), "others' keys stay"

        after = base_backup(server, tmp_path / "after")
        assert files_with(kept, after) and not files_with(wrapped, after)

        assert store.find([CALL])[CALL] is DESTROYED
        # Neither unwrapped keys nor what they seal were ever in the key store.
        for key in made.values():
            assert isinstance(key, SubjectKey)
            for folder in (cluster, before, after):
                assert not files_with(key.secret, folder)
        said = str(event_of(NAME).caller.value).encode()
        assert not files_with(said, cluster) and said not in content


@pytest.mark.rule("retention.key")
def test_footage_whose_key_is_destroyed_opens_from_no_copy_of_vault_or_key_store(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    migrate_keys(server.url)
    cluster, folder = server.data / "cluster", tmp_path / "vault"
    with PostgresFootageKeys(server.url, ENCRYPTION) as store:
        vault = Vault(LocalFiles(folder), store)
        gone, other = closed(vault, 2), closed(vault, 2, SOUTH)
        secret = store.find([gone.name.footage])[gone.name.footage]
        assert isinstance(secret, SubjectKey)
        wrapped = wrapped_key(server, gone.name.footage, "footage_keys")
        copy = shutil.copytree(folder, tmp_path / "copy")
        let_the_log_go_on(server)
        before = base_backup(server, tmp_path / "before")
        assert files_with(wrapped, cluster) and files_with(wrapped, before)

        assert store.destroy(gone.name.footage) and store.sweep()
        let_the_log_go_on(server)
        assert wait_until(lambda: not files_with(wrapped, cluster), 60), files_with(wrapped, cluster)
        after = base_backup(server, tmp_path / "after")
        assert not files_with(wrapped, after)
        for place in (folder, copy, cluster, before, after):
            assert not files_with(secret.secret, place), "in clear it was on no disk"
        for kept in (folder, copy):
            fresh = Vault(LocalFiles(kept), store)
            with pytest.raises(KeyDestroyed):
                fresh.read(gone.name, gone.manifest.entries[0])
            assert fresh.read(other.name, other.manifest.entries[0])


def test_the_files_are_swept_once_and_again_when_open_transactions_are_over(server: EmbeddedPostgres) -> None:
    migrate_keys(server.url)
    with PostgresKeyStore(server.url, ENCRYPTION) as store:
        assert not store.sweep()
        store.make([CALL])
        store.destroy(CALL)
        assert store.sweep() and not store.sweep()
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute("ALTER TABLE keys.subject_keys DISABLE TRIGGER guard")
            connection.execute("UPDATE keys.subject_keys SET destroyed_at = destroyed_at - interval '11 minutes'")
            connection.execute("ALTER TABLE keys.subject_keys ENABLE ALWAYS TRIGGER guard")
            connection.execute("UPDATE keys.sweep SET swept_at = swept_at - interval '10 minutes 30 seconds'")
        assert store.sweep() and not store.sweep()
