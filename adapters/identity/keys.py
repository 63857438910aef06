"""Keys that this installation makes for itself, each a file in the home that its owner alone can read."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from joserfc.jwk import ECKey, OctKey


class KeyFault(Exception):
    """A key that must not be used. Names the file or setting, never the key."""


def folder(home: Path) -> Path:
    """The home's identity folder, made when missing, for its owner alone."""
    path = home / "identity"
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def signing_key(home: Path) -> ECKey:
    """The development issuer's signing key (ES256), made at first use."""
    content = _made_once(
        folder(home) / "issuer-signing-key.pem", lambda: ECKey.generate_key("P-256").as_pem(private=True)
    )
    key = ECKey.import_key(content)
    return ECKey.import_key(content, {"kid": key.thumbprint(), "use": "sig", "alg": "ES256"})


def session_keys(home: Path, given: str | None) -> list[OctKey]:
    """Keys of the session cookie: the first seals, all open. `given`: the setting, keys of 32 bytes in base64url
    with commas between; without it a key of the home."""
    if not given:
        made = _made_once(folder(home) / "session-key", lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)))
        given = made.decode()
    return [_session_key(part.strip()) for part in given.split(",")]


def _session_key(text: str) -> OctKey:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        raw = b""
    if len(raw) != 32:
        raise KeyFault("SAFERWEHO_SESSION_KEY: is not a key; accepted: 32 bytes in base64url (openssl rand -base64 32)")
    return OctKey.import_key(raw)


def _made_once(path: Path, make: Callable[[], bytes]) -> bytes:
    """The file's content. Of several processes that start at once, one makes it and all read the same."""
    if not path.exists():
        draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(make())
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):  # another was first; that one counts
                os.link(draft, path)
        finally:
            draft.unlink()
    if path.stat().st_mode & 0o077:
        raise KeyFault(f"{path}: others can read this key; run: chmod 600 {path}")
    return path.read_bytes()
