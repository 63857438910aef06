"""Migrations are applied once, in order, and never change afterwards; every process has its own user."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from adapters.event_store import LOGINS, MigrationRefused, PostgresEventStore, login_roles, migrate
from adapters.event_store.migrate import Migration, migrations
from infra.stack.postgres import EmbeddedPostgres
from tests.adapters.event_store.appends import PASSWORD, append, as_user

NEXT = Migration("9999_next.sql", "CREATE TABLE events.later (id int)")


def test_each_file_is_applied_once_in_order(database_url: str) -> None:
    names = [file.name for file in migrations()]
    assert names == sorted(names)
    assert migrate(database_url) == names
    assert migrate(database_url) == []
    assert migrate(database_url, [*migrations(), NEXT]) == [NEXT.name]


def test_processes_that_start_together_migrate_once(database_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(migrate, [database_url] * 4))
    assert sorted(map(len, applied)) == [0, 0, 0, len(migrations())]


def test_databases_of_one_server_may_be_migrated_at_once(pg_admin_url: str) -> None:
    # Roles belong to the server, so these do meet.
    names = [f"test_together_{n}" for n in range(3)]
    with psycopg.connect(pg_admin_url, autocommit=True) as admin:
        for name in names:
            admin.execute(f"CREATE DATABASE {name}")
        try:
            with ThreadPoolExecutor(3) as pool:
                for applied in pool.map(lambda n: migrate(make_conninfo(pg_admin_url, dbname=n)), names):
                    assert len(applied) == len(migrations())
        finally:
            for name in names:
                admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_changed_past_is_refused_and_nothing_is_done(store_url: str) -> None:
    first, *rest = migrations()
    with pytest.raises(MigrationRefused, match=f"{first.name} was changed after it was applied"):
        migrate(store_url, [first._replace(text=first.text + "-- harmless?"), *rest, NEXT])
    with psycopg.connect(store_url) as conn:
        assert conn.execute("SELECT to_regclass('events.later')").fetchone() == (None,)


def test_a_number_before_an_applied_one_is_refused(store_url: str) -> None:
    with pytest.raises(MigrationRefused, match=r"0000_late\.sql sorts before"):
        migrate(store_url, [Migration("0000_late.sql", "SELECT 1"), *migrations()])


def test_an_older_program_refuses_a_newer_database(store_url: str) -> None:
    migrate(store_url, [*migrations(), NEXT])
    with pytest.raises(MigrationRefused, match=r"9999_next\.sql"):
        migrate(store_url)


def test_a_migration_that_fails_leaves_nothing_and_may_be_mended(store_url: str) -> None:
    broken = Migration(NEXT.name, "CREATE TABLE events.later (id int); SELECT 1/0")
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(store_url, [*migrations(), broken])
    assert migrate(store_url, [*migrations(), NEXT]) == [NEXT.name]


def test_every_process_can_log_in_and_a_password_can_be_changed(store_url: str) -> None:
    login_roles(store_url, dict.fromkeys(LOGINS, "the first"))
    login_roles(store_url, dict.fromkeys(LOGINS, PASSWORD))
    for login in LOGINS:
        with psycopg.connect(as_user(store_url, login)) as conn:
            assert conn.execute("SELECT position FROM events.head").fetchone() == (0,)
            assert conn.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (False,)
    with pytest.raises(KeyError):
        login_roles(store_url, {"saferweho_visitor": "x"})


def test_the_migration_login_can_go_on_without_a_superuser(store_url: str) -> None:
    login_roles(store_url, {"saferweho_migration": PASSWORD})
    url = as_user(store_url, "saferweho_migration")
    assert migrate(url, [*migrations(), NEXT]) == [NEXT.name]


def test_the_database_owner_needs_no_superuser_to_begin(own_server: EmbeddedPostgres) -> None:
    """As on a hosted PostgreSQL: a user who may create roles, and owns the database."""
    with psycopg.connect(own_server.url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE hosted LOGIN CREATEROLE PASSWORD '{PASSWORD}'")
        admin.execute("CREATE DATABASE hosted OWNER hosted")
    owner_url = make_conninfo(as_user(own_server.url, "hosted"), dbname="hosted")
    assert migrate(owner_url) == [file.name for file in migrations()]
    login_roles(owner_url, dict.fromkeys(LOGINS, PASSWORD))
    with PostgresEventStore(as_user(owner_url, "saferweho_api")) as store:
        assert store.append(append(("call-1", 1))).last_position == 1
    assert migrate(as_user(owner_url, "saferweho_migration"), [*migrations(), NEXT]) == [NEXT.name]
