"""What several processes build alike: the store, the clock, the ids, the handler."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import uuid_utils.compat

from adapters.cedar.authoriser import CedarAuthoriser
from adapters.event_store import PostgresEventStore
from adapters.exports import signing
from adapters.exports.keeping import Shelf
from adapters.exports.signing import AgencySigner
from adapters.keys import FileKeyEncryption, PostgresExportKeys, PostgresFootageKeys, PostgresKeyStore
from adapters.keys.encryption import new_key
from adapters.notify import MailServer, OutsideMessenger, read_webhooks
from adapters.vault import LocalFiles, Vault
from adapters.vault.s3 import S3Bucket
from api.settings import Settings, SettingsError
from application.handling import Handler
from application.policies import Policies
from application.ports import StoreUnavailable
from application.sealing import Keyring
from application.service_accounts import ServiceAccounts
from application.standing import record_attempt


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class RandomIds:
    def event_id(self) -> UUID:
        return uuid_utils.compat.uuid7()

    def nonce(self) -> str:
        return secrets.token_urlsafe(16)


def key_encryption(settings: Settings) -> FileKeyEncryption:
    """What wraps the keys in the key store. Raises SettingsError and KeyEncryptionFault."""
    if settings.key_encryption_keys is not None:
        return FileKeyEncryption.read(settings.key_encryption_keys)
    if not settings.development:
        accepted = "accepted: the file that 'saferweho keys new-encryption-key' makes"
        raise SettingsError([f"SAFERWEHO_KEY_ENCRYPTION_KEYS: is not set; {accepted}"])
    made = settings.home / "key-encryption-keys"
    new_key(made, only_first=True)
    return FileKeyEncryption.read(made)


@contextmanager
def keyring(settings: Settings) -> Iterator[Keyring]:
    """The keys of the people and incidents that events speak of. Raises SettingsError and KeyEncryptionFault."""
    with PostgresKeyStore(settings.keys_url, key_encryption(settings)) as store:
        yield Keyring(store)


def storage(settings: Settings, where: str, *, writer: str | None = None) -> LocalFiles | S3Bucket:
    """A folder or bucket for what is sealed. Raises StorageFault where another process writes there already."""
    parts = urlsplit(where)
    if parts.scheme != "s3":
        return LocalFiles(Path(where), writer=writer)
    assert parts.hostname
    secret = settings.s3_secret_key
    return S3Bucket(
        parts.hostname,
        prefix=parts.path.strip("/"),
        endpoint=settings.s3_endpoint,
        region=settings.s3_region,
        access_key_id=settings.s3_access_key,
        secret_access_key=secret.get_secret_value() if secret else None,
    )


@contextmanager
def footage_keys(settings: Settings) -> Iterator[PostgresFootageKeys]:
    """The keys of footage. Raises SettingsError and KeyEncryptionFault."""
    with PostgresFootageKeys(settings.keys_url, key_encryption(settings)) as store:
        yield store


@contextmanager
def vault(settings: Settings, *, writer: str | None = None) -> Iterator[Vault]:
    """Sealed footage. Raises SettingsError, KeyEncryptionFault and StorageFault."""
    kept = storage(settings, settings.footage_vault, writer=writer)
    quota = round(settings.vault_quota_gb * 1e9) or None
    try:
        with footage_keys(settings) as keys:
            yield Vault(kept, keys, length=timedelta(minutes=settings.footage_minutes), quota=quota)
    finally:
        kept.close()


@contextmanager
def shelf(settings: Settings, *, writer: str | None = None) -> Iterator[Shelf]:
    """Finished exports. Raises SettingsError, KeyEncryptionFault and StorageFault."""
    kept = storage(settings, settings.kept_exports, writer=writer)
    try:
        with PostgresExportKeys(settings.keys_url, key_encryption(settings)) as keys:
            yield Shelf(kept, keys)
    finally:
        kept.close()


def export_signer(settings: Settings) -> AgencySigner:
    """Raises SignerRefused, and KeysUnavailable where the key store does not answer."""
    if settings.export_signer is not None:
        return AgencySigner.read(settings.export_signer)
    with PostgresExportKeys(settings.keys_url, key_encryption(settings)) as keys:
        return AgencySigner.self_made(keys.secret_of(signing.PURPOSE))


def messenger(settings: Settings) -> OutsideMessenger:
    """Raises WebhooksFault."""
    server = MailServer(settings.smtp_url.get_secret_value(), settings.mail_from) if settings.smtp_url else None
    return OutsideMessenger(server, read_webhooks(settings.webhooks))


@contextmanager
def handler(settings: Settings, *, checked: bool = True, acts_as: str = "") -> Iterator[Handler]:
    """A handler on the event store. Raises PolicyNotAdopted where the access rules here are not the adopted ones, and
    StoreUnavailable where nobody can say; not `checked`: who uses it asks that himself before anything is decided.
    `acts_as`: the account of the process. Raises NoServiceAccount where there is none."""
    assert settings.write_url
    with PostgresEventStore(settings.write_url) as store, keyring(settings) as keys:
        made = Handler(store, SystemClock(), RandomIds(), CedarAuthoriser(), record_attempt, keys)
        if checked:
            Policies(made).check_adopted()
        if acts_as:
            try:
                ServiceAccounts(made).require(acts_as)
            except StoreUnavailable:
                if checked:
                    raise
        yield made
