"""Key-encryption keys: what wraps the keys in the key store, so that its database alone opens nothing.

`KeyEncryption` is the port for a key management service (its `Encrypt` and `Decrypt` with an encryption context); the
file serves development and an installation of one machine.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE = 12  # bytes
KEY = 32


class KeyEncryptionFault(Exception):
    """Key-encryption keys that cannot be used. Names the file or the key's id, never the key."""


class KeyEncryption(Protocol):
    """Wraps a key for one subject: what was wrapped for another subject does not unwrap."""

    @property
    def current(self) -> str:
        """Id of the key that wraps from now on."""
        ...

    def wrap(self, key: bytes, subject: str) -> bytes: ...

    def unwrap(self, wrapped: bytes, kek: str, subject: str) -> bytes:
        """`kek`: id of the key that wrapped it. Raises KeyEncryptionFault."""
        ...


class FileKeyEncryption:
    """Keys out of a file of mode 0600, one a line: `ID BASE64` of 32 bytes. The first wraps, all unwrap."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """The first of `keys` is the current one."""
        self._ciphers = {id_: AESGCM(key) for id_, key in keys.items()}
        self._current = next(iter(keys))

    @classmethod
    def read(cls, path: Path) -> FileKeyEncryption:
        """Raises KeyEncryptionFault."""
        try:
            mode, lines = path.stat().st_mode, path.read_text("ascii").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise KeyEncryptionFault(
                f"{path}: cannot be read ({type(error).__name__}); make it with 'saferweho keys new-encryption-key'"
            ) from None
        if mode & 0o077:
            raise KeyEncryptionFault(f"{path}: others can read these keys; run: chmod 600 {path}")
        keys: dict[str, bytes] = {}
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            id_, _, text = line.strip().partition(" ")
            try:
                key = base64.b64decode(text.strip(), validate=True)
            except binascii.Error:
                key = b""
            if len(key) != KEY or id_ in keys:
                accepted = "accepted: an id of its own and 32 bytes in base64"
                raise KeyEncryptionFault(f"{path}:{number}: is no key; {accepted}")
            keys[id_] = key
        if not keys:
            raise KeyEncryptionFault(f"{path}: holds no key; run 'saferweho keys new-encryption-key'")
        return cls(keys)

    @property
    def current(self) -> str:
        return self._current

    def wrap(self, key: bytes, subject: str) -> bytes:
        nonce = os.urandom(NONCE)
        return nonce + self._ciphers[self._current].encrypt(nonce, key, subject.encode())

    def unwrap(self, wrapped: bytes, kek: str, subject: str) -> bytes:
        cipher = self._ciphers.get(kek)
        if cipher is None:
            raise KeyEncryptionFault(
                f"the key of {subject} is wrapped by the key-encryption key '{kek}', which is not among "
                f"{', '.join(self._ciphers)}: add it to the file that SAFERWEHO_KEY_ENCRYPTION_KEYS names"
            )
        try:
            return cipher.decrypt(wrapped[:NONCE], wrapped[NONCE:], subject.encode())
        except InvalidTag:
            raise KeyEncryptionFault(f"the wrapped key of {subject} was changed, or moved from another") from None


def new_key(path: Path, *, only_first: bool = False) -> str:
    """Put a new key in front of those in the file, which is made where it is missing; returns its id.

    `only_first`: nothing is done where the file is there; of several processes that start at once, one makes it.
    """
    if only_first and path.exists():
        return FileKeyEncryption.read(path).current
    id_ = secrets.token_hex(4)
    line = f"{id_} {base64.b64encode(secrets.token_bytes(KEY)).decode()}\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(line + (path.read_text("ascii") if path.exists() else ""))
        file.flush()
        os.fsync(file.fileno())
    if not only_first:
        draft.replace(path)
        return id_
    with suppress(FileExistsError):  # another was first; that one counts
        os.link(draft, path)
    draft.unlink()
    return FileKeyEncryption.read(path).current
