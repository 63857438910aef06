"""What a browser keeps between requests: sealed (JWE, A256GCM), so that it can be neither read nor made up there.

Any process of the API opens it with the same key; nothing about a sign-on is held in one process's memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

COOKIE_LIMIT_BYTES = 3800  # browsers keep 4,096 with the name and the attributes

T = TypeVar("T")


class Sealed:
    """Values of one kind behind a key. `kind` is authenticated with the value: a cookie is never taken for another.

    `keys`: the first seals, all open. `now`: seconds since 1970, replaced in tests alone.
    """

    def __init__(self, kind: str, keys: Sequence[OctKey], *, now: Callable[[], float] = time.time) -> None:
        self._kind = kind
        self._keys = {key.thumbprint()[:12]: key for key in keys}
        self._first = next(iter(self._keys))
        self._now = now

    def seal(self, value: object, lifetime_s: float) -> str:
        """Raises ValueError when it is too long for a cookie."""
        content = msgspec.json.encode([self._now() + lifetime_s, value])
        header = {"alg": "dir", "enc": "A256GCM", "typ": self._kind, "kid": self._first}
        sealed = jwe.encrypt_compact(header, content, self._keys[self._first])
        if len(sealed) > COOKIE_LIMIT_BYTES:
            raise ValueError(f"a {self._kind} of {len(sealed)} bytes does not fit into a cookie")
        return sealed

    def open(self, sealed: str, type_: type[T]) -> T | None:
        """The value; None when it was made up, tampered with, sealed by a key now gone, or has expired."""
        try:
            opened = jwe.decrypt_compact(sealed, self._key_of, algorithms=["dir", "A256GCM"])
            if opened.headers().get("typ") != self._kind or opened.plaintext is None:
                return None
            until, value = msgspec.json.decode(opened.plaintext, type=tuple[float, type_])  # type: ignore[valid-type]
        except (JoseError, msgspec.MsgspecError, ValueError, KeyError):
            return None
        return value if self._now() < until else None

    def _key_of(self, sealed: object) -> OctKey:
        headers: dict[str, str] = sealed.headers()  # type: ignore[attr-defined]
        return self._keys[headers["kid"]]
