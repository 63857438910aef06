"""Secrets that are good for one use: sign-in tickets, authorisation codes, confirmations.

Only the hash of a secret is kept, as the name of a file. Using one is renaming its file, which the file system lets
happen once, whichever of several processes tries.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

KEPT_S = 7 * 24 * 3600  # so long a used or expired one is told from one that never was


class AlreadyUsed(Exception):
    pass


class Expired(Exception):
    pass


class Unknown(Exception):
    pass


class SingleUse:
    """`now`: seconds since 1970, replaced in tests alone."""

    def __init__(self, folder: Path, *, now: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._now = now
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, content: Mapping[str, Any], lifetime_s: float) -> str:
        """Keep `content` until its secret is used. Returns the secret: 256 random bits, safe in an address."""
        self._sweep()
        secret = secrets.token_urlsafe(32)
        path = self._path(secret)
        record = msgspec.json.encode({"until": self._now() + lifetime_s, "content": content})
        draft = path.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_bytes(record)
        draft.rename(path)
        return secret

    def take(self, secret: str) -> dict[str, Any]:
        """The content, once. Raises AlreadyUsed, Expired or Unknown."""
        path = self._path(secret)
        used = path.with_suffix(".used")
        try:
            path.rename(used)
        except FileNotFoundError:
            raise (AlreadyUsed if used.exists() else Unknown)() from None
        record: dict[str, Any] = msgspec.json.decode(used.read_bytes())
        used.write_bytes(b"")
        if self._now() >= record["until"]:
            raise Expired
        content: dict[str, Any] = record["content"]
        return content

    def _path(self, secret: str) -> Path:
        return self._folder / hashlib.sha256(secret.encode()).hexdigest()

    def _sweep(self) -> None:
        for path in self._folder.iterdir():
            try:
                if time.time() - path.stat().st_mtime > KEPT_S:
                    path.unlink(missing_ok=True)
            except FileNotFoundError:
                continue
