"""Keys for tests: those of a database with a key store, and fixed ones where the bytes must come out the same."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters import keys
from adapters.keys import FileKeyEncryption, PostgresKeyStore
from application.sealing import NONCE, Keyring, opened, sealed_form, shredded_form
from domain.kernel import Personal, Sealed, Shredded

KEY_ENCRYPTION_KEY = bytes(range(32))
ENCRYPTION = FileKeyEncryption({"test": KEY_ENCRYPTION_KEY})


def key_encryption_file(folder: Path) -> Path:
    """The same key for a process of its own."""
    file = folder / "key-encryption-keys"
    file.touch(0o600)
    file.write_text(f"test {base64.b64encode(KEY_ENCRYPTION_KEY).decode()}\n")
    return file


@contextmanager
def keyring(url: str, **options: Any) -> Iterator[Keyring]:
    """The keyring on the key store of a database, which is made where it is missing."""
    keys.migrate(url)
    with PostgresKeyStore(url, ENCRYPTION) as store:
        yield Keyring(store, **options)


class FixedKeys:
    """Seals the same value in the same event to the same bytes: for goldens, never for people."""

    def _key(self, subject: str) -> tuple[str, AESGCM]:
        secret = hashlib.sha256(f"golden {subject}".encode()).digest()
        return secret.hex()[:16], AESGCM(secret)

    def seal(self, personal: Personal[Any], event_id: str) -> dict[str, Any]:
        key_id, cipher = self._key(personal.subject)
        value = personal.value
        if isinstance(value, Sealed):
            value = opened(cipher, personal.subject, value)
        if isinstance(value, Shredded):
            return shredded_form(personal.subject)
        nonce = hashlib.sha256(f"{event_id} {value}".encode()).digest()[:NONCE]
        return sealed_form(key_id, cipher, personal.subject, value, event_id, nonce)

    def open(self, personal: Personal[str]) -> str | Shredded:
        value = personal.value
        return opened(self._key(personal.subject)[1], personal.subject, value) if isinstance(value, Sealed) else value
