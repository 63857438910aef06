"""What an OpenID Connect issuer publishes about itself: its discovery document and its signing keys, cached.

A key unknown here is looked for again at most once in 30 s, so that a forger cannot make us hammer the issuer, and a
rotation still takes effect within that time. Keys are read afresh every 10 minutes; if the issuer cannot be reached
they are trusted for an hour at most: a key that was withdrawn must not live on because a network is down.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

REFETCH_PAUSE_S = 30.0
KEYS_FRESH_S = 600.0
KEYS_LIMIT_S = 3600.0
DOCUMENT_LIMIT_BYTES = 512 * 1024

SigningKey = RSAKey | ECKey | OKPKey


class IssuerUnavailable(Exception):
    """The issuer did not answer, or with something that is not its document. Nobody can be recognised until it does."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """The part of the discovery document that is used here (OpenID Connect Discovery 1.0 §3)."""

    issuer: str
    jwks_uri: str
    authorization_endpoint: str
    token_endpoint: str
    end_session_endpoint: str | None


class IssuerDocuments:
    """`monotonic` counts seconds and is replaced in tests alone."""

    def __init__(
        self, issuer: str, http: httpx.AsyncClient, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.issuer = issuer
        self._http = http
        self._monotonic = monotonic
        self._lock = asyncio.Lock()
        self._discovery: Discovery | None = None
        self._keys: tuple[SigningKey, ...] = ()
        self._fetched_at: float | None = None
        self._tried_at: float | None = None

    async def discovery(self) -> Discovery:
        """Raises IssuerUnavailable."""
        if self._discovery is None:
            self._discovery = await self._discover()
        return self._discovery

    async def key(self, kid: str | None, key_type: str) -> SigningKey | None:
        """The issuer's signing key of this id, None if it has none. Without an id: its only key of the type, if there
        is just one. Raises IssuerUnavailable when the keys are too old to be trusted and new ones cannot be had."""
        if self._age() > KEYS_FRESH_S:
            await self._refetch(because=lambda: self._age() > KEYS_FRESH_S)
        if self._age() > KEYS_LIMIT_S:
            raise IssuerUnavailable(
                f"the signing keys of {self.issuer} could not be read for {KEYS_LIMIT_S / 60:.0f} min"
            )
        if (found := self._find(kid, key_type)) is None:
            await self._refetch(because=lambda: self._find(kid, key_type) is None)
            found = self._find(kid, key_type)
        return found

    def _find(self, kid: str | None, key_type: str) -> SigningKey | None:
        fitting = [key for key in self._keys if key.key_type == key_type and kid in (None, key.kid)]
        return fitting[0] if len(fitting) == 1 else None

    def _age(self) -> float:
        return float("inf") if self._fetched_at is None else self._monotonic() - self._fetched_at

    async def _refetch(self, because: Callable[[], bool]) -> None:
        async with self._lock:  # of many requests that miss the same key, one goes out
            now = self._monotonic()
            if not because() or (self._tried_at is not None and now - self._tried_at < REFETCH_PAUSE_S):
                return
            self._tried_at = now
            try:
                discovery = await self._discover()
                self._keys = _signing_keys(await self._get(discovery.jwks_uri))
            except IssuerUnavailable:
                if self._age() > KEYS_LIMIT_S:
                    raise
                return
            self._discovery, self._fetched_at = discovery, self._monotonic()

    async def _discover(self) -> Discovery:
        document = await self._get(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if document.get("issuer") != self.issuer:  # §4.3: must be identical
            raise IssuerUnavailable(f"{self.issuer} describes another issuer. Correct OIDC_ISSUER, also its last slash")
        try:
            found = Discovery(
                self.issuer,
                str(document["jwks_uri"]),
                str(document["authorization_endpoint"]),
                str(document["token_endpoint"]),
                str(document["end_session_endpoint"]) if document.get("end_session_endpoint") else None,
            )
        except KeyError as missing:
            raise IssuerUnavailable(f"the discovery document of {self.issuer} has no {missing}") from None
        scheme = urlsplit(self.issuer).scheme
        if scheme == "https" and {urlsplit(found.jwks_uri).scheme, urlsplit(found.token_endpoint).scheme} != {"https"}:
            raise IssuerUnavailable(f"{self.issuer} names an endpoint that is not https")
        return found

    async def _get(self, url: str) -> Mapping[str, Any]:
        try:
            async with self._http.stream("GET", url, headers={"accept": "application/json"}) as answer:
                answer.raise_for_status()
                body = bytearray()
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > DOCUMENT_LIMIT_BYTES:
                        raise IssuerUnavailable(f"{url} is larger than {DOCUMENT_LIMIT_BYTES} bytes")
            document = httpx.Response(200, content=bytes(body)).json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise IssuerUnavailable(
                f"{url} gave no JSON document ({type(error).__name__}). Is OIDC_ISSUER right and reachable?"
            ) from error
        if not isinstance(document, dict):
            raise IssuerUnavailable(f"{url} is not a JSON object")
        return document


def _signing_keys(document: Mapping[str, Any]) -> tuple[SigningKey, ...]:
    """Public signing keys alone: a shared secret or a key for encryption in the set is not a key to verify with."""
    found: list[SigningKey] = []
    for entry in document.get("keys", ()):
        if (
            not isinstance(entry, dict)
            or entry.get("use", "sig") != "sig"
            or entry.get("kty") not in ("RSA", "EC", "OKP")
        ):
            continue
        try:
            key = KeySet.import_key_set({"keys": [entry]}).keys[0]
        except (JoseError, ValueError, TypeError, KeyError):
            continue  # a key of a kind unknown here (RFC 7517 §5: ignored)
        if isinstance(key, RSAKey | ECKey | OKPKey):
            found.append(key)
    return tuple(found)
