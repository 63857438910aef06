"""The key store on a real PostgreSQL: who may do what, what survives, what does not come back."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from adapters import keys
from adapters.event_store import login_roles
from adapters.event_store import migrate as migrate_log
from adapters.keys import (
    FileKeyEncryption,
    KeyEncryptionFault,
    PostgresExportKeys,
    PostgresFootageKeys,
    PostgresKeyStore,
)
from adapters.keys.encryption import new_key
from application.sealing import DESTROYED, KeysUnavailable, SubjectKey
from tests.adapters.event_store.appends import PASSWORD, as_user
from tests.keys import ENCRYPTION

CALL = "call-26-1"


@pytest.fixture
def keys_url(database_url: str) -> str:
    """The owner's URL of a database with a key store beside a log."""
    migrate_log(database_url)
    assert keys.migrate(database_url) == sorted(file.name for file in keys.MIGRATIONS.glob("*.sql"))
    assert keys.migrate(database_url) == []
    login_roles(database_url, dict.fromkeys(("saferweho_relay", "saferweho_migration"), PASSWORD))
    keys.login_roles(database_url, dict.fromkeys(keys.LOGINS, PASSWORD))
    return database_url


@pytest.fixture
def store(keys_url: str) -> Iterator[PostgresKeyStore]:
    with PostgresKeyStore(as_user(keys_url, "saferweho_reactor"), ENCRYPTION) as store:
        yield store


def test_a_key_is_made_once_and_found_again(store: PostgresKeyStore) -> None:
    assert store.find([CALL]) == {}
    made = store.make([CALL, "call-26-2"])
    key = made[CALL]
    assert isinstance(key, SubjectKey) and len(key.secret) == 32 and key != made["call-26-2"]
    assert store.make([CALL]) == {CALL: key} == store.find([CALL, "call-26-3"])
    assert repr(key.secret) not in repr(key)


def test_of_many_that_need_the_first_key_at_once_all_get_the_same(store: PostgresKeyStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: store.make([CALL])[CALL], range(24)))
    assert len({key.id for key in made if isinstance(key, SubjectKey)}) == 1


def test_a_destroyed_key_does_not_come_back(store: PostgresKeyStore, keys_url: str) -> None:
    store.make([CALL])
    assert store.destroy(CALL) and not store.destroy(CALL)
    assert store.find([CALL]) == store.make([CALL]) == {CALL: DESTROYED}
    assert store.destroy("call-never"), "also a subject that never had one gets none"
    assert store.make(["call-never"]) == {"call-never": DESTROYED}
    with psycopg.connect(keys_url) as owner, pytest.raises(InsufficientPrivilege, match="refused"):
        owner.execute("UPDATE keys.subject_keys SET wrapped = 'x', kek = 'test', destroyed_at = NULL")
    with psycopg.connect(keys_url) as owner, pytest.raises(InsufficientPrivilege, match="refused"):
        owner.execute("DELETE FROM keys.subject_keys")


def test_the_database_alone_opens_nothing(store: PostgresKeyStore, keys_url: str) -> None:
    (key,) = store.make([CALL]).values()
    assert isinstance(key, SubjectKey)
    with psycopg.connect(keys_url) as owner:
        (wrapped,) = owner.execute("SELECT wrapped FROM keys.subject_keys").fetchone() or (b"",)
        assert key.secret not in bytes(wrapped)
        owner.execute(
            "INSERT INTO keys.subject_keys (subject, id, kek, wrapped) VALUES ('b', '1', 'test', %s)", (wrapped,)
        )
        owner.execute(
            "INSERT INTO keys.subject_keys (subject, id, kek, wrapped) VALUES ('c', '1', 'old', %s)", (wrapped,)
        )
    with pytest.raises(KeyEncryptionFault, match="moved from another"):
        store.find(["b"])
    with pytest.raises(KeyEncryptionFault, match="SAFERWEHO_KEY_ENCRYPTION_KEYS"):
        store.find(["c"])


READ, MAKE = "SELECT wrapped FROM keys.subject_keys", "INSERT INTO keys.subject_keys (subject, id, kek, wrapped)"
MAKE += " VALUES ('call-x', '1', 'test', 'x')"
DESTROY, CHANGE = "SELECT keys.destroy('call-x')", "UPDATE keys.subject_keys SET wrapped = 'x'"
MAY: dict[str, set[str]] = {
    "saferweho_api": {READ, MAKE},
    "saferweho_gateway": {READ, MAKE},
    "saferweho_scheduler": {READ, MAKE},
    "saferweho_reactor": {READ, MAKE, DESTROY},
    "saferweho_projector": {READ},
    "saferweho_recorder": set(),
    "saferweho_media": set(),
    "saferweho_exporter": set(),
    "saferweho_importer": {READ, MAKE},
    "saferweho_relay": set(),
    "saferweho_migration": set(),
}


@pytest.mark.parametrize("login", MAY)
def test_each_process_may_do_to_keys_what_it_has_to_and_no_more(keys_url: str, login: str) -> None:
    for statement in (READ, MAKE, DESTROY, CHANGE, "DELETE FROM keys.subject_keys", "TRUNCATE keys.subject_keys"):
        with psycopg.connect(as_user(keys_url, login)) as connection:
            if statement in MAY[login]:
                connection.execute(statement.encode())
                connection.rollback()
            else:
                with pytest.raises(InsufficientPrivilege):
                    connection.execute(statement.encode())


def test_who_records_has_the_keys_of_footage_and_of_nobody(keys_url: str, store: PostgresKeyStore) -> None:
    store.make([CALL])
    plates = store.secret_of("plate")
    with PostgresFootageKeys(as_user(keys_url, "saferweho_recorder"), ENCRYPTION) as recorder:
        (made,) = recorder.make(["camera-a-20260601T1200Z"]).values()
        assert recorder.find(["camera-a-20260601T1200Z", CALL]) == {"camera-a-20260601T1200Z": made}
        signing = recorder.secret_of("footage manifests")
        assert signing == recorder.secret_of("footage manifests") != plates
        with pytest.raises(InsufficientPrivilege):
            recorder.secret_of("plate")  # row-level security: neither read nor made again
        with pytest.raises(InsufficientPrivilege):
            recorder.destroy("camera-a-20260601T1200Z")
    with PostgresFootageKeys(as_user(keys_url, "saferweho_reactor"), ENCRYPTION) as destroyer:
        assert destroyer.destroy("camera-a-20260601T1200Z") and destroyer.sweep()
        with pytest.raises(InsufficientPrivilege):
            destroyer.find(["camera-a-20260601T1200Z"])
    with PostgresFootageKeys(keys_url, ENCRYPTION) as owner:
        assert owner.find(["camera-a-20260601T1200Z"]) == {"camera-a-20260601T1200Z": DESTROYED}


def test_who_shows_footage_opens_it_and_has_nothing_else(keys_url: str, store: PostgresKeyStore) -> None:
    store.make([CALL])
    command, footage = store.secret_of("command"), "camera-a-20260601T1200Z"
    with PostgresFootageKeys(as_user(keys_url, "saferweho_recorder"), ENCRYPTION) as recorder:
        made = recorder.make([footage])
        recorder.secret_of("footage manifests")
    with PostgresFootageKeys(as_user(keys_url, "saferweho_media"), ENCRYPTION) as media:
        assert media.find([footage, CALL]) == made and media.secret_of("command") == command
        for refused in (
            lambda: media.make(["camera-b-20260601T1200Z"]),
            lambda: media.destroy(footage),
            lambda: media.secret_of("footage manifests"),
            lambda: media.secret_of("plate"),
        ):
            with pytest.raises(InsufficientPrivilege):
                refused()
    with (
        PostgresKeyStore(as_user(keys_url, "saferweho_media"), ENCRYPTION) as people,
        pytest.raises(InsufficientPrivilege),
    ):
        people.find([CALL])


def test_who_makes_files_has_their_keys_and_their_signature_and_who_hands_them_out_opens_nothing_else(
    keys_url: str, store: PostgresKeyStore
) -> None:
    store.make([CALL])
    plates, hour, export = store.secret_of("plate"), "camera-a-20260601T1200Z", "export-1"
    with PostgresFootageKeys(keys_url, ENCRYPTION) as owner:
        footage = owner.make([hour])[hour]
    exporting, serving = as_user(keys_url, "saferweho_exporter"), as_user(keys_url, "saferweho_api")
    with PostgresFootageKeys(exporting, ENCRYPTION) as exporter:
        assert exporter.find([hour]) == {hour: footage}
        with pytest.raises(InsufficientPrivilege):
            exporter.make(["camera-a-20260601T1300Z"])
        with pytest.raises(InsufficientPrivilege):
            exporter.destroy(hour)
    with PostgresExportKeys(exporting, ENCRYPTION) as exporter, PostgresExportKeys(serving, ENCRYPTION) as api:
        made = exporter.make([export])
        signing = exporter.secret_of("export signing")
        assert api.find([export]) == made and signing == exporter.secret_of("export signing") != plates
        for refused in (lambda: exporter.secret_of("plate"), lambda: api.secret_of("export signing")):
            with pytest.raises(InsufficientPrivilege):
                refused()
        with pytest.raises(InsufficientPrivilege):
            api.make(["export-2"])
        assert exporter.destroy(export) and api.find([export]) == {export: DESTROYED}
        assert exporter.make([export]) == {export: DESTROYED}, "it does not come back"
    with PostgresFootageKeys(serving, ENCRYPTION) as api, pytest.raises(InsufficientPrivilege):
        api.find([hour])
    with PostgresKeyStore(as_user(keys_url, "saferweho_reactor"), ENCRYPTION) as destroyer:
        assert destroyer.sweep(), "the files of the database are cleared of it"


def test_a_key_store_that_does_not_answer_says_so(database_url: str) -> None:
    with PostgresKeyStore(database_url, ENCRYPTION) as store, pytest.raises(KeysUnavailable, match="saferweho migrate"):
        store.find([CALL])


def test_a_secret_of_the_installation_is_made_once(store: PostgresKeyStore) -> None:
    assert store.secret_of("plate") == store.secret_of("plate") != store.secret_of("other")


# -- key-encryption keys -----------------------------------------------------


def test_a_new_key_encryption_key_wraps_and_the_old_ones_unwrap_until_all_is_wrapped_anew(
    keys_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "key-encryption-keys"
    first = new_key(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and new_key(file, only_first=True) == first
    with PostgresKeyStore(keys_url, FileKeyEncryption.read(file)) as before:
        made, secret = before.make([CALL, "call-26-2"]), before.secret_of("plate")
        before.destroy("call-26-2")
    second = new_key(file)
    both = FileKeyEncryption.read(file)
    assert both.current == second != first
    with PostgresKeyStore(keys_url, both) as after:
        assert after.find([CALL]) == {CALL: made[CALL]}
        assert after.rewrap() == 2 and after.rewrap() == 0
    file.write_text(file.read_text().splitlines()[0] + "\n")
    with PostgresKeyStore(keys_url, FileKeyEncryption.read(file)) as alone:
        assert alone.find([CALL]) == {CALL: made[CALL]} and alone.secret_of("plate") == secret


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [
        ("k1 AAAA\n", 0o600, "32 bytes in base64"),
        ("", 0o600, "holds no key"),
        (f"k1 {'A' * 43}=\nk1 {'A' * 43}=\n", 0o600, "an id of its own"),
        (f"k1 {'A' * 43}=\n", 0o644, "chmod 600"),
    ],
)
def test_a_file_of_keys_that_is_not_fit_is_refused(tmp_path: Path, content: str, mode: int, says: str) -> None:
    file = tmp_path / "keys"
    file.write_text(content)
    file.chmod(mode)
    with pytest.raises(KeyEncryptionFault, match=says) as fault:
        FileKeyEncryption.read(file)
    assert "AAAA" not in str(fault.value)


def test_a_missing_file_of_keys_says_how_it_is_made(tmp_path: Path) -> None:
    with pytest.raises(KeyEncryptionFault, match="saferweho keys new-encryption-key"):
        FileKeyEncryption.read(tmp_path / "none")
