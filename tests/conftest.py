"""One real PostgreSQL and one real Kafka broker for the whole test session, started when first asked for.

`make test` shares the tests out to three processes; each is a session of its own, with servers of its own.
"""

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from xdist.scheduler import LoadFileScheduling

from infra.stack.jars import default_cache
from infra.stack.kafka import EmbeddedKafka
from infra.stack.postgres import EmbeddedPostgres

# No example fails for having been slow: a machine that is busy is no finding.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# For thousands of mutants: a few examples, always the same, and no search for the smallest one that fails.
settings.register_profile(
    "mutants",
    settings.get_profile("house"),
    derandomize=True,
    max_examples=20,
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile("house")

# Tests of these share one running product; those of a file that starts its own need not wait for the others. Those of
# tests/api take longer than all else: the ones with pictures have a watch center of their own.
TOGETHER = ("tests/api/", "tests/e2e/pages/")
PICTURES = "tests/api/, pictures"
OF_PICTURES = (
    "tests/api/test_cameras.py",
    "tests/api/test_exports.py",
    "tests/api/test_footage_import.py",
    "tests/api/test_live.py",
    "tests/api/test_live_h265.py",
    "tests/api/test_live_limits.py",
    "tests/api/test_live_outlet.py",
    "tests/api/test_playback.py",
    "tests/api/test_retention.py",
    "tests/api/test_unmasked_exports.py",
    "tests/api/test_with_pictures_all_agrees.py",
)
APART = (
    "tests/api/test_broker_away.py",
    "tests/api/test_command_line.py",
    "tests/api/test_first_day.py",
    "tests/api/test_live_fails_closed.py",
    "tests/api/test_sign_in_elsewhere.py",
    "tests/api/test_store_away.py",
)
# What takes minutes is begun first, the longest before all: at the end nobody waits for one that began late.
LONGEST_FIRST = (
    "tests/api/",
    PICTURES,
    "tests/e2e/pages/",
    "tests/e2e/test_sortie.py",
    "tests/adapters/recorder/test_flights.py",
    "tests/e2e/test_scenario_day.py",
    "tests/infra/test_dev.py",
    "tests/infra/test_as_checked.py",
    "tests/application/test_everybody_machine.py",
    "tests/faults/test_relay_faults.py",
    "tests/projections/test_kills.py",
    "tests/adapters/recorder/test_process.py",
    "tests/adapters/recorder/test_recording.py",
    "tests/infra/test_stack.py",
    "tests/api/test_broker_away.py",
)


def unit(nodeid: str) -> str:
    """The file of a test, or the package that it shares a product with."""
    file = nodeid.partition("::")[0]
    if file in APART:
        return file
    if file in OF_PICTURES:
        return PICTURES
    return next((package for package in TOGETHER if file.startswith(package)), file)


class FilesAndPackages(LoadFileScheduling):
    """A file's tests stay together, and those of a package that shares one running product."""

    def _split_scope(self, nodeid: str) -> str:
        return unit(nodeid)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever needs a database or a broker is slow; what is slow for another reason says so itself."""
    begun = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: begun.get(unit(item.nodeid), len(begun)))
    for item in items:
        if isinstance(item, pytest.Function) and not {"postgres_server", "kafka"}.isdisjoint(item.fixturenames):
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FilesAndPackages:
    config.option.loadscopereorder = False  # the number of tests says little of the time they take
    return FilesAndPackages(config, log)


@pytest.fixture(scope="session")
def stack_home() -> Iterator[Path]:
    """A folder for the session's servers, with a path short enough for a Unix socket."""
    home = Path(tempfile.mkdtemp(prefix="saferweho-tests-"))
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server(stack_home: Path) -> Iterator[EmbeddedPostgres]:
    """The session's PostgreSQL. Tests that stop or kill a server start one of their own."""
    server = EmbeddedPostgres(stack_home / "postgres", fsync=False)
    server.start()
    yield server
    server.kill()  # nobody needs its data any more


@pytest.fixture(scope="session")
def pg_admin_url(postgres_server: EmbeddedPostgres) -> str:
    """URL of the superuser in the database `postgres`."""
    return postgres_server.url


@pytest.fixture
def database_url(pg_admin_url: str) -> Iterator[str]:
    """URL of the superuser in a fresh, empty database that is dropped after the test."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(pg_admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield url_of_database(pg_admin_url, name)
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def url_of_database(url: str, database: str) -> str:
    """The same server and user, another database."""
    parts = conninfo_to_dict(url)
    return f"postgresql://{parts['user']}:{parts['password']}@{parts['host']}:{parts['port']}/{database}"


@pytest.fixture(scope="session")
def kafka(stack_home: Path) -> Iterator[EmbeddedKafka]:
    """The session's broker. Tests keep apart by `topic_prefix`; those that stop a broker start one of their own."""
    broker = EmbeddedKafka(stack_home / "kafka", default_cache(), heap_mb=384)
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def topic_prefix() -> str:
    """Begins the name of every topic and transactional id of one test: `t1f0c….`"""
    return f"t{secrets.token_hex(6)}."
