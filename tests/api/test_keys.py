"""`saferweho keys`: a key store that was restored, a new key-encryption key, and settings that are missing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from adapters.keys import FileKeyEncryption, PostgresKeyStore
from adapters.keys.encryption import new_key
from api.cli import main
from api.processes import wiring
from api.settings import Settings, SettingsError
from application.sealing import DESTROYED, SubjectKey
from domain.kernel import SubjectId
from domain.subject_key import SubjectKeyCreated
from tests.projections.log import Log
from tests.projections.test_shredding import destroyed, hit


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "key-encryption-keys"
    new_key(file)
    return file


def typed(log: Log, file: Path, *words: str) -> Result:
    environment = {
        "SAFERWEHO_ENV": "development",
        "DATABASE_URL": log.url,
        "SAFERWEHO_KEY_ENCRYPTION_KEYS": str(file),
    }
    return CliRunner().invoke(main, ["keys", *words], env=environment)


@pytest.fixture
def log(database_url: str) -> Iterator[Log]:
    log = Log(database_url)
    yield log
    log.close()


def created(subject: str) -> tuple[str, SubjectKeyCreated]:
    return f"subjectkey-{subject}", SubjectKeyCreated(SubjectId(subject))


@pytest.mark.rule("record.key_destroyed")
def test_a_restored_key_store_is_told_from_the_record_and_mended(log: Log, file: Path) -> None:
    log.append(*[created(s) for s in ("plate-a", "plate-b", "plate-c")], hit(1, "plate-a"), hit(2, "plate-b"))
    log.append(destroyed(log, "plate-a"))  # and the reactor has destroyed it; then an older key store was restored
    told = typed(log, file, "check", "--json")
    assert told.exit_code == 1
    assert json.loads(told.stdout) == {
        "subjects": 3,
        "destroyed": 1,
        "back_again": ["plate-a"],
        "missing": ["plate-c"],
    }
    typed(log, file, "check", "--mend")
    standing = log.keys.store.find(["plate-a", "plate-b"])
    assert standing["plate-a"] is DESTROYED and isinstance(standing["plate-b"], SubjectKey)
    again = json.loads(typed(log, file, "check", "--json").stdout)
    assert (again["back_again"], again["missing"]) == ([], ["plate-c"])


def test_all_keys_are_wrapped_anew_by_a_new_key_encryption_key(log: Log, file: Path) -> None:
    with PostgresKeyStore(log.url, FileKeyEncryption.read(file)) as store:
        made = store.make(["plate-a", "plate-b"])
    assert typed(log, file, "new-encryption-key", str(file)).exit_code == 0
    assert len(file.read_text().splitlines()) == 2 and os.stat(file).st_mode & 0o777 == 0o600
    told = typed(log, file, "rewrap", "--json")
    assert json.loads(told.stdout) == {"rewrapped": 2}
    file.write_text(file.read_text().splitlines()[0] + "\n")
    with PostgresKeyStore(log.url, FileKeyEncryption.read(file)) as store:
        assert store.find(["plate-a", "plate-b"]) == made


def test_production_names_its_key_store_and_its_key_encryption_keys(tmp_path: Path) -> None:
    production = {
        "SAFERWEHO_ENV": "production",
        "SAFERWEHO_HOME": str(tmp_path),
        "DATABASE_URL": "postgresql://saferweho_api:hidden@db.example/saferweho",
    }
    settings = Settings.model_validate(production)
    with pytest.raises(SettingsError, match="SAFERWEHO_KEYS_DATABASE_URL"):
        _ = settings.keys_url
    with pytest.raises(SettingsError, match="SAFERWEHO_KEY_ENCRYPTION_KEYS"):
        wiring.key_encryption(settings)
    assert not list(tmp_path.iterdir()), "production makes no key of its own"
