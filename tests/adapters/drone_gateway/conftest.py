import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from adapters.event_store import PostgresEventStore
from adapters.event_store.reopening import reopen
from tests.adapters.drone_gateway.ground import Ground, ground
from tests.adapters.mavlink.conftest import launch
from tests.api.watch_center import installed
from tests.conftest import url_of_database

__all__ = ["launch"]


@pytest.fixture(scope="session")
def founded(pg_admin_url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Settings of an installation that has its people and its drone; each test flies on a copy of its database."""
    name = f"founded_{secrets.token_hex(4)}"
    with psycopg.connect(pg_admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return installed(url_of_database(pg_admin_url, name), tmp_path_factory.mktemp("founded")).environ


@pytest.fixture
def environ(founded: dict[str, str], pg_admin_url: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    name, template = f"flown_{secrets.token_hex(6)}", founded["DATABASE_URL"].rpartition("/")[2]
    with psycopg.connect(pg_admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        url = url_of_database(pg_admin_url, name)
        with PostgresEventStore(url) as store:
            reopen(url, store.head())  # a copy is a restore: appends stay closed until somebody opens them
        yield {
            **founded,
            "DATABASE_URL": url,
            "SAFERWEHO_HOME": str(tmp_path),
            # The copy holds the keys that were wrapped at the founding.
            "SAFERWEHO_KEY_ENCRYPTION_KEYS": str(Path(founded["SAFERWEHO_HOME"]) / "key-encryption-keys"),
            "SAFERWEHO_TOPIC_PREFIX": f"t{secrets.token_hex(6)}",
        }
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def station(environ: dict[str, str]) -> Iterator[Ground]:
    """The record of one test, with its people."""
    with ground(environ) as made:
        yield made
