from collections.abc import Iterator

import pytest

from adapters.event_store import PostgresEventStore, login_roles, migrate
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
    with PostgresEventStore(writer_url) as store:
        yield store
