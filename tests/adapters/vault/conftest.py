"""A vault on a real key store, and footage to put into it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters import keys
from adapters.event_store import migrate as migrate_log
from adapters.keys import PostgresFootageKeys
from adapters.vault import LocalFiles, Vault
from tests.keys import ENCRYPTION


@pytest.fixture
def keys_url(database_url: str) -> str:
    """The owner's URL of a database with an empty log and key store."""
    migrate_log(database_url)
    keys.migrate(database_url)
    return database_url


@pytest.fixture
def footage_keys(keys_url: str) -> Iterator[PostgresFootageKeys]:
    with PostgresFootageKeys(keys_url, ENCRYPTION) as store:
        yield store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "vault"


@pytest.fixture
def vault(folder: Path, footage_keys: PostgresFootageKeys) -> Vault:
    return Vault(LocalFiles(folder), footage_keys)
