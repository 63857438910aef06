"""Append-only twice: by what the processes' roles may do, and by a trigger that stops the owner as well."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from adapters.event_store import PostgresEventStore, login_roles
from tests.adapters.event_store.appends import PASSWORD, append, as_user, document

TABLES = ("stored_events", "commands", "documents")


@pytest.fixture(autouse=True)
def _one_event(store: PostgresEventStore) -> None:
    store.append(append(("call-1", 1), documents=[document("a manifest")]))


@pytest.fixture
def writer(writer_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(writer_url, autocommit=True) as conn:
        yield conn


def changes(table: str) -> list[str]:
    column = {"stored_events": "topic", "commands": "answer", "documents": "media_type"}[table]
    return [
        f"UPDATE events.{table} SET {column} = 'x'",
        f"UPDATE events.{table} SET {column} = 'x' WHERE false",
        f"DELETE FROM events.{table}",
        f"TRUNCATE events.{table}",
    ]


@pytest.mark.parametrize("table", TABLES)
def test_the_writer_may_insert_and_read_and_nothing_else(writer: psycopg.Connection, table: str) -> None:
    for statement in (*changes(table), f"DROP TABLE events.{table}", f"ALTER TABLE events.{table} DISABLE TRIGGER ALL"):
        with pytest.raises(InsufficientPrivilege):
            writer.execute(statement)
    rows = writer.execute(
        "SELECT privilege_type FROM information_schema.table_privileges "
        "WHERE grantee = 'saferweho_writer' AND table_schema = 'events' AND table_name = %s ORDER BY 1",
        (table,),
    ).fetchall()
    assert rows == [("INSERT",), ("SELECT",)]


@pytest.mark.parametrize("table", TABLES)
def test_the_trigger_stops_the_owner_and_the_superuser(store_url: str, table: str) -> None:
    for role in ("saferweho_migrator", "postgres"):
        with psycopg.connect(store_url, autocommit=True) as conn:
            conn.execute(f"SET ROLE {role}")
            conn.execute(f"GRANT ALL ON events.{table} TO saferweho_migrator")
            for statement in changes(table):
                with pytest.raises(InsufficientPrivilege, match="what was recorded stays"):
                    conn.execute(statement)


def test_the_trigger_works_where_a_superuser_switched_ordinary_ones_off(store_url: str) -> None:
    with psycopg.connect(store_url, autocommit=True) as conn:
        conn.execute("SET session_replication_role = replica")
        with pytest.raises(InsufficientPrivilege, match="what was recorded stays"):
            conn.execute("DELETE FROM events.stored_events")


def test_the_head_never_goes_back_nor_away(writer: psycopg.Connection, store_url: str) -> None:
    with pytest.raises(InsufficientPrivilege, match="may not go back"):
        writer.execute("UPDATE events.head SET position = 0")
    with pytest.raises(InsufficientPrivilege, match="only saferweho_migrator"):
        writer.execute("UPDATE events.head SET identity = 'elsewhere'")
    with psycopg.connect(store_url, autocommit=True) as owner:
        for statement in ("DELETE FROM events.head", "TRUNCATE events.head"):
            with pytest.raises(InsufficientPrivilege):
                owner.execute(statement)


def test_the_writer_reaches_neither_the_lease_nor_the_migrations(writer: psycopg.Connection) -> None:
    for table in ("relay_lease", "migrations"):
        with pytest.raises(InsufficientPrivilege):
            writer.execute(f"SELECT FROM events.{table}")


def test_the_relay_reads_the_log_and_changes_its_lease_alone(store_url: str) -> None:
    login_roles(store_url, {"saferweho_relay": PASSWORD})
    with psycopg.connect(as_user(store_url, "saferweho_relay"), autocommit=True) as relay:
        assert relay.execute("SELECT count(*) FROM events.stored_events").fetchone() == (1,)
        assert relay.execute("SELECT position FROM events.head").fetchone() == (1,)
        assert relay.execute("UPDATE events.relay_lease SET holder = 'me', epoch = epoch + 1").rowcount == 1
        for statement in (
            "INSERT INTO events.stored_events VALUES ('x', 1, 't', '', 9)",
            "UPDATE events.head SET position = 9",
            "DELETE FROM events.relay_lease",
            "SELECT FROM events.commands",
        ):
            with pytest.raises(InsufficientPrivilege):
                relay.execute(statement)


def test_the_projector_makes_schemas_and_does_not_see_the_log(store_url: str) -> None:
    login_roles(store_url, {"saferweho_projector": PASSWORD})
    with psycopg.connect(as_user(store_url, "saferweho_projector"), autocommit=True) as projector:
        projector.execute("CREATE SCHEMA board_v1")
        projector.execute("CREATE TABLE board_v1.calls (id text)")
        assert projector.execute("SELECT position FROM events.head").fetchone() == (1,)
        with pytest.raises(InsufficientPrivilege):
            projector.execute("SELECT FROM events.stored_events")
