"""What several processes build alike: the store, the clock, the ids, the handler."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

import uuid_utils.compat

from adapters.cedar.authoriser import CedarAuthoriser
from adapters.event_store import PostgresEventStore
from adapters.keys import FileKeyEncryption, PostgresKeyStore
from adapters.keys.encryption import new_key
from adapters.notify import MailServer, OutsideMessenger, read_webhooks
from api.settings import Settings, SettingsError
from application.handling import Handler
from application.policies import Policies
from application.sealing import Keyring
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


def messenger(settings: Settings) -> OutsideMessenger:
    """Raises WebhooksFault."""
    server = MailServer(settings.smtp_url.get_secret_value(), settings.mail_from) if settings.smtp_url else None
    return OutsideMessenger(server, read_webhooks(settings.webhooks))


@contextmanager
def handler(settings: Settings, *, checked: bool = True) -> Iterator[Handler]:
    """A handler on the event store. Raises PolicyNotAdopted where the access rules here are not the adopted ones, and
    StoreUnavailable where nobody can say; not `checked`: who uses it asks that himself before anything is decided."""
    assert settings.write_url
    with PostgresEventStore(settings.write_url) as store, keyring(settings) as keys:
        made = Handler(store, SystemClock(), RandomIds(), CedarAuthoriser(), record_attempt, keys)
        if checked:
            Policies(made).check_adopted()
        yield made
