import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from adapters.event_store import PostgresEventStore, login_roles, migrate
from infra.stack.postgres import EmbeddedPostgres
from tests.adapters.event_store.appends import PASSWORD, as_user


@pytest.fixture
def store_url(database_url: str) -> str:
    """The owner's URL of a fresh, migrated database."""
    migrate(database_url)
    return database_url


@pytest.fixture
def writer_url(store_url: str) -> str:
    """What the API's process logs in with."""
    login_roles(store_url, {"saferweho_api": PASSWORD})
    return as_user(store_url, "saferweho_api")


@pytest.fixture
def store(writer_url: str) -> Iterator[PostgresEventStore]:
    # How soon a caller hears that nothing was confirmed is shown in test_faults.py; elsewhere a busy machine may pause.
    with PostgresEventStore(writer_url, commit_timeout=60) as store:
        yield store


@pytest.fixture(scope="module")
def own_server(stack_home: Path) -> Iterator[EmbeddedPostgres]:
    """A server to be stopped, killed and promoted, without anyone else's roles."""
    with EmbeddedPostgres(stack_home / f"own-{secrets.token_hex(4)}", fsync=False) as server:
        yield server


@pytest.fixture
def own_url(own_server: EmbeddedPostgres) -> str:
    """The owner's URL of a fresh, migrated database on that server."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(own_server.url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    url = make_conninfo(own_server.url, dbname=name)
    migrate(url)
    return url
