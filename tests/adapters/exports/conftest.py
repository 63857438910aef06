"""A vault on a real key store, a shelf for finished exports, and an agency's signer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters import keys
from adapters.event_store import migrate as migrate_log
from adapters.exports.keeping import Shelf
from adapters.exports.making import Maker
from adapters.exports.signing import AgencySigner
from adapters.keys import PostgresExportKeys, PostgresFootageKeys
from adapters.vault import LocalFiles, Vault
from tests.keys import ENCRYPTION

SECRET = bytes(range(32))


@pytest.fixture
def keys_url(database_url: str) -> str:
    """The owner's URL of a database with an empty log and key store."""
    migrate_log(database_url)
    keys.migrate(database_url)
    return database_url


@pytest.fixture
def vault(keys_url: str, tmp_path: Path) -> Iterator[Vault]:
    with PostgresFootageKeys(keys_url, ENCRYPTION) as store:
        yield Vault(LocalFiles(tmp_path / "vault"), store)


@pytest.fixture
def shelf(keys_url: str, tmp_path: Path) -> Iterator[Shelf]:
    with PostgresExportKeys(keys_url, ENCRYPTION) as store:
        yield Shelf(LocalFiles(tmp_path / "exports"), store)


@pytest.fixture(scope="session")
def signer() -> AgencySigner:
    return AgencySigner.self_made(SECRET)


@pytest.fixture
def maker(vault: Vault, shelf: Shelf, signer: AgencySigner) -> Maker:
    return Maker(vault, shelf, signer)
