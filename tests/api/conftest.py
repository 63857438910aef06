import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from infra.stack.kafka import EmbeddedKafka
from tests.api.watch_center import WatchCenter, running
from tests.conftest import url_of_database


@pytest.fixture(scope="package")
def watch_center(
    pg_admin_url: str, kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WatchCenter]:
    """One installation for all tests of the API; each test brings people, drones and calls of its own."""
    name = f"api_{secrets.token_hex(6)}"
    with psycopg.connect(pg_admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    home: Path = tmp_path_factory.mktemp("watch-center")
    with running(url_of_database(pg_admin_url, name), kafka.bootstrap, f"t{secrets.token_hex(6)}", home) as center:
        yield center
