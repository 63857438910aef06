"""Bearer tokens: a signed statement of the issuer that someone is who they say, checked before anything else happens.

The algorithm is chosen from a short list of signatures, never taken on the token's word: `none` and the shared-secret
algorithms are not on it, so that nobody can sign with the issuer's public key as if it were a secret.
"""

from __future__ import annotations

import hashlib
import re
import time
import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from joserfc import jws, jwt
from joserfc.errors import (
    ClaimError,
    ExpiredTokenError,
    InvalidClaimError,
    JoseError,
    MissingClaimError,
    SecurityWarning,
)
from joserfc.util import urlsafe_b64decode

from adapters.identity.issuer_documents import IssuerDocuments

LEEWAY_S = 60
STEP_UP_ACR = "urn:saferweho:acr:step-up"
KEY_TYPES = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP", "Ed25519": "OKP"}
TOKEN_LIMIT_BYTES = 16 * 1024
REMEMBERED_TOKENS = 4096
REMEMBERED_S = 30.0  # not longer than a withdrawn key is noticed

# It ends up in a stream's name and in the audit trail: printable, no spaces, not too long.
_PERSON = re.compile(r"[\x21-\x7e]{1,128}")
_SESSION = re.compile(r"[A-Za-z0-9._~-]{8,128}")
_WRONG = {"iss": "wrong_issuer", "aud": "wrong_audience", "nbf": "not_yet_valid", "iat": "issued_in_the_future"}

# joserfc warns of the algorithm's name "EdDSA" (RFC 9864); issuers still use it, and only with Ed25519 keys here.
warnings.filterwarnings("ignore", message="EdDSA is deprecated", category=SecurityWarning)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is asking. `session_id`: the issuer's session, or what is unique to the token; `authenticated_at`: when a
    factor was last shown, UTC; `stepped_up`: a second factor was asked for again at that moment."""

    person_id: str
    issuer: str
    session_id: str
    authenticated_at: datetime
    acr: str | None
    stepped_up: bool
    expires_at: datetime
    methods: tuple[str, ...] = ()


class TokenRefused(Exception):
    """The token proves nothing. `code` is stable, the message says what to do and repeats nothing of the token."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class TokenVerifier:
    """Verifies tokens of one issuer. `now`: seconds since 1970, replaced in tests alone."""

    def __init__(
        self,
        documents: IssuerDocuments,
        audience: str,
        *,
        person_claim: str = "sub",
        step_up_acr: str = STEP_UP_ACR,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.documents = documents
        self._audience = audience
        self._person_claim = person_claim
        self._step_up_acr = step_up_acr
        self._now = now
        self._remembered: OrderedDict[bytes, tuple[float, Identity]] = OrderedDict()

    async def verify(self, token: str) -> Identity:
        """Who the bearer of an access token is. Raises TokenRefused; IssuerUnavailable where nobody can be known."""
        digest = hashlib.sha256(token.encode()).digest()
        now = self._now()
        if (known := self._remembered.get(digest)) and now < known[0]:
            return known[1]
        identity = self._identity(await self._claims(token, self._audience), digest)
        self._remembered[digest] = (min(now + REMEMBERED_S, identity.expires_at.timestamp()), identity)
        if len(self._remembered) > REMEMBERED_TOKENS:
            self._remembered.popitem(last=False)
        return identity

    async def verify_sign_in(self, id_token: str, *, client_id: str, nonce: str) -> Identity:
        """Who has just signed in (OpenID Connect Core 1.0 §3.1.3.7). Raises as `verify`."""
        claims = await self._claims(id_token, client_id)
        if claims.get("nonce") != nonce:
            raise TokenRefused("wrong_nonce", "the sign-in was not begun in this browser: sign in again")
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if (several or "azp" in claims) and claims.get("azp") != client_id:
            raise TokenRefused("wrong_audience", "the sign-in was meant for another client: check OIDC_CLIENT_ID")
        return self._identity(claims, hashlib.sha256(id_token.encode()).digest())

    async def _claims(self, token: str, audience: str) -> Mapping[str, Any]:
        header = _header(token)
        algorithm, kid = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in KEY_TYPES:
            raise TokenRefused(
                "algorithm_not_allowed", f"the token's algorithm is not accepted; accepted: {', '.join(KEY_TYPES)}"
            )
        if not isinstance(kid, str | None):
            raise TokenRefused("malformed", "the token's key id is not a text")
        key = await self.documents.key(kid, KEY_TYPES[algorithm])
        if key is None:
            raise TokenRefused("unknown_key", "the issuer has no such signing key: sign in again")
        try:
            signed = jws.deserialize_compact(token.encode(), key, algorithms=[algorithm])
            claims = msgspec.json.decode(signed.payload, type=dict[str, Any])
        except (JoseError, msgspec.MsgspecError, ValueError, TypeError) as error:
            raise TokenRefused("bad_signature", "the token was not signed by the issuer: sign in again") from error
        self._check(claims, audience)
        return claims

    def _check(self, claims: dict[str, Any], audience: str) -> None:
        issuer = self.documents.issuer
        registry = jwt.JWTClaimsRegistry(
            now=int(self._now()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            iat={"essential": True},
        )
        try:
            registry.validate(claims)
        except ExpiredTokenError as error:
            raise TokenRefused("expired", "the token has expired: sign in again") from error
        except MissingClaimError as error:
            raise TokenRefused("missing_claim", f"the token has no {error.claim}") from error
        except InvalidClaimError as error:
            code = _WRONG.get(str(error.claim), "malformed")
            wanted = {"iss": f"; accepted: {issuer}", "aud": f"; accepted: {audience}"}.get(str(error.claim), "")
            raise TokenRefused(code, f"the token's {error.claim} is not accepted{wanted}") from error
        except (ClaimError, OverflowError) as error:
            raise TokenRefused("malformed", "the token's claims are not well formed") from error

    def _identity(self, claims: Mapping[str, Any], digest: bytes) -> Identity:
        person = claims.get(self._person_claim)
        if not isinstance(person, str) or not _PERSON.fullmatch(person):
            raise TokenRefused(
                "missing_claim",
                f"the token's {self._person_claim} is no person's id; accepted: 1 to 128 printable letters",
            )
        session = next((claims[name] for name in ("sid", "jti") if isinstance(claims.get(name), str)), "")
        acr = claims.get("acr")
        try:
            return Identity(
                person_id=person,
                issuer=self.documents.issuer,
                session_id=session if _SESSION.fullmatch(session) else _hashed(session.encode() or digest),
                authenticated_at=_time(claims.get("auth_time", claims["iat"])),
                acr=acr if isinstance(acr, str) else None,
                stepped_up=acr == self._step_up_acr,
                expires_at=_time(claims["exp"]),
                methods=tuple(str(method) for method in claims.get("amr") or ()),
            )
        except (TypeError, ValueError, OverflowError, OSError) as error:
            raise TokenRefused("malformed", "the token's times are not well formed") from error


def _header(token: str) -> Mapping[str, Any]:
    if len(token) > TOKEN_LIMIT_BYTES or token.count(".") != 2 or not token.isascii():
        raise TokenRefused("malformed", "this is not a signed token; accepted: a JSON Web Token in compact form")
    try:
        return msgspec.json.decode(urlsafe_b64decode(token.split(".", 1)[0].encode()), type=dict[str, Any])
    except (ValueError, msgspec.MsgspecError) as error:
        raise TokenRefused("malformed", "the token's header cannot be read") from error


def _time(value: object) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("not a NumericDate")
    return datetime.fromtimestamp(value, UTC)


def _hashed(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
