"""A small OpenID Connect provider for a machine on which the product is tried or developed.

It asks for no password: who holds a link that the console printed is that person. So it exists only where the
environment is development, on loopback, with no other issuer set, and its keys are made anew for every home. Its tokens
say who someone is and never what they may do, like those of any other issuer.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from hmac import compare_digest
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from adapters.identity import keys
from adapters.identity.pages import page
from adapters.identity.single_use import AlreadyUsed, Expired, SingleUse, Unknown
from adapters.identity.verifier import STEP_UP_ACR

PATH = "/dev-issuer"
SIGN_ON_ACR = "urn:saferweho:acr:sign-on"
TICKET_S = 24 * 3600
CODE_S = 60
CONFIRM_S = 300
SIGN_ON = timedelta(hours=8)
COOKIE = "saferweho_dev_issuer"
NEW_LINK = "Stop `make run` and start it again: it prints a fresh link for each role."

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
Handle = Callable[[Request], Awaitable[Response]]


class IssuerForbidden(Exception):
    """Where this issuer must not run, with what to do."""


@dataclass(frozen=True, slots=True)
class SignOn:
    """Someone signed on at the issuer."""

    person: str
    sid: str
    auth_time: int


def issuer_url(home: Path, base_url: str | None = None) -> str:
    """The issuer of this home: from `base_url`, else from SAFERWEHO_BASE_URL, else from what runs there now."""
    base_url = base_url or os.environ.get("SAFERWEHO_BASE_URL")
    if not base_url:
        try:
            base_url = str(json.loads((home / "run.json").read_text("utf-8"))["base_url"])
        except (OSError, ValueError, KeyError):
            raise IssuerForbidden(
                f"nothing runs with SAFERWEHO_HOME={home}, so there is no development issuer; start it with 'make run'"
            ) from None
    require_loopback(base_url)
    return base_url.rstrip("/") + PATH


def require_loopback(url: str) -> None:
    """Raises IssuerForbidden."""
    host = urlsplit(url).hostname or ""
    if host != "localhost" and not _is_loopback(host):
        raise IssuerForbidden(f"the development issuer works on loopback alone, not on {host}; set OIDC_ISSUER")


def issue_token(
    home: Path,
    person: str,
    step_up: bool = False,
    lifetime: timedelta = SIGN_ON,
    *,
    base_url: str | None = None,
    audience: str = "saferweho",
) -> str:
    """A bearer token of the home's development issuer for this person. Raises IssuerForbidden."""
    sign_on = SignOn(person, secrets.token_urlsafe(16), int(time.time()))
    acr = STEP_UP_ACR if step_up else SIGN_ON_ACR
    claims = _claims(issuer_url(home, base_url), sign_on, acr, audience, int(time.time()), lifetime)
    return _signed(home, claims, "at+jwt")


def sign_in_ticket(home: Path, person: str) -> str:
    """A ticket for `/sign-in?ticket=…`: signs this person in once, within a day."""
    return SingleUse(keys.folder(home) / "tickets").put({"person": person}, TICKET_S)


def _signed(home: Path, claims: Mapping[str, Any], kind: str) -> str:
    key = keys.signing_key(home)
    return jwt.encode({"alg": "ES256", "kid": key.kid, "typ": kind}, dict(claims), key)


def _claims(
    issuer: str, sign_on: SignOn, acr: str, audience: str, now: int, lifetime: timedelta, **more: str
) -> dict[str, Any]:
    return {
        "iss": issuer,
        "sub": sign_on.person,
        "aud": audience,
        "iat": now,
        "exp": now + int(lifetime.total_seconds()),
        "auth_time": sign_on.auth_time,
        "acr": acr,
        "amr": ["otp", "user"] if acr == STEP_UP_ACR else ["otp"],  # RFC 8176
        "sid": sign_on.sid,
        "jti": secrets.token_urlsafe(16),
        **more,
    }


class DevelopmentIssuer:
    """`now`: seconds since 1970, replaced in tests alone."""

    def __init__(
        self,
        home: Path,
        base_url: str,
        *,
        development: bool,
        other_issuer: str | None,
        client_id: str = "saferweho-pages",
        audience: str = "saferweho",
        now: Callable[[], float] = time.time,
    ) -> None:
        """Raises IssuerForbidden unless this is development on loopback without another issuer."""
        if not development:
            raise IssuerForbidden("the development issuer does not exist in production; set OIDC_ISSUER")
        if other_issuer:
            raise IssuerForbidden("OIDC_ISSUER is set, so there is no development issuer beside it")
        require_loopback(base_url)
        self.issuer = base_url.rstrip("/") + PATH
        self._home = home
        self._client_id = client_id
        self._audience = audience
        self._redirects = frozenset({base_url.rstrip("/") + "/sign-in/callback"})
        self._after_sign_out = base_url.rstrip("/") + "/"
        self._now = now
        self._key = keys.signing_key(home)
        self._tickets = SingleUse(keys.folder(home) / "tickets", now=now)
        self._codes = SingleUse(keys.folder(home) / "codes", now=now)
        self._confirmations = SingleUse(keys.folder(home) / "confirmations", now=now)

    def routes(self) -> list[Route]:
        """For the application that serves the base URL."""
        return [
            Route(f"{PATH}/.well-known/openid-configuration", _on_loopback(self._discovery)),
            Route(f"{PATH}/jwks", _on_loopback(self._jwks)),
            Route(f"{PATH}/authorize", _on_loopback(self._authorize)),
            Route(f"{PATH}/confirm", _on_loopback(self._confirm), methods=["POST"]),
            Route(f"{PATH}/token", _on_loopback(self._token), methods=["POST"]),
            Route(f"{PATH}/end-session", _on_loopback(self._end_session)),
        ]

    async def _discovery(self, request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
                "end_session_endpoint": f"{self.issuer}/end-session",
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["none"],
                "scopes_supported": ["openid", "profile"],
                "acr_values_supported": [SIGN_ON_ACR, STEP_UP_ACR],
                "claims_supported": ["iss", "sub", "aud", "exp", "iat", "auth_time", "acr", "amr", "sid", "nonce"],
            }
        )

    async def _jwks(self, request: Request) -> Response:
        return JSONResponse({"keys": [self._key.as_dict(private=False)]})

    # -- authorisation request (OpenID Connect Core 1.0 §3.1.2, RFC 7636) --

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        if asked.get("client_id") != self._client_id or asked.get("redirect_uri") not in self._redirects:
            # Never send anyone to an address that was not registered.
            return page("This sign-in cannot go on", "The application that asked is not known here.", status=400)
        if wrong := _wrong_request(asked):
            return self._back(asked, error="invalid_request", error_description=wrong)
        sign_on = self._signed_on(request)
        if ticket := asked.get("login_ticket"):
            try:
                sign_on = self._new_sign_on(str(self._tickets.take(ticket)["person"]))
            except AlreadyUsed:
                return page("This sign-in link was used already", "Each link works once.", NEW_LINK, status=410)
            except Expired:
                return page("This sign-in link is too old", "A link works for a day.", NEW_LINK, status=410)
            except Unknown:
                return page("This sign-in link is not known here", NEW_LINK, status=400)
        if sign_on is None:
            if asked.get("prompt") == "none":
                return self._back(asked, error="login_required")
            return page("Use your sign-in link", "You are not signed in on this machine.", NEW_LINK, status=401)
        wants_step_up = STEP_UP_ACR in asked.get("acr_values", "").split()
        if wants_step_up or (asked.get("prompt") == "login" and not ticket):
            return self._ask_to_confirm(asked, sign_on, STEP_UP_ACR if wants_step_up else SIGN_ON_ACR)
        return self._back_with_code(asked, sign_on, SIGN_ON_ACR)

    def _ask_to_confirm(self, asked: Mapping[str, str], sign_on: SignOn, acr: str) -> Response:
        content = {"asked": dict(asked), "person": sign_on.person, "sid": sign_on.sid, "acr": acr}
        secret = self._confirmations.put(content, CONFIRM_S)
        return page(
            "Confirm that it is you",
            f"You are signed in as {sign_on.person}. In production your agency asks for a second factor here.",
            form=f'<form method="post" action="{PATH}/confirm"><input type="hidden" name="confirmation" '
            f'value="{secret}"><button>It is me</button></form>',
        )

    async def _confirm(self, request: Request) -> Response:
        if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return page("This did not come from the confirmation page", "Go back and try again.", status=403)
        sign_on = self._signed_on(request)
        try:
            content = self._confirmations.take((await _form(request)).get("confirmation", ""))
        except (AlreadyUsed, Expired, Unknown):
            return page("This confirmation is no longer good", "Go back to the page and ask again.", status=410)
        if sign_on is None or (sign_on.person, sign_on.sid) != (content["person"], content["sid"]):
            return page("You are no longer signed in as that person", NEW_LINK, status=403)
        fresh = SignOn(sign_on.person, sign_on.sid, int(self._now()))
        return self._back_with_code(content["asked"], fresh, content["acr"])

    def _back_with_code(self, asked: Mapping[str, str], sign_on: SignOn, acr: str) -> Response:
        code = self._codes.put(
            {
                "redirect_uri": asked["redirect_uri"],
                "challenge": asked["code_challenge"],
                "nonce": asked.get("nonce", ""),
                "person": sign_on.person,
                "sid": sign_on.sid,
                "auth_time": sign_on.auth_time,
                "acr": acr,
            },
            CODE_S,
        )
        answer = self._back(asked, code=code)
        lifetime = int(SIGN_ON.total_seconds())
        answer.set_cookie(
            COOKIE,
            _signed(self._home, _claims(self.issuer, sign_on, acr, COOKIE, int(self._now()), SIGN_ON), "JWT"),
            max_age=lifetime,
            path=PATH,
            httponly=True,
            samesite="lax",
        )
        return answer

    def _back(self, asked: Mapping[str, str], **answer: str) -> Response:
        state = {"state": asked["state"]} if "state" in asked else {}
        query = urlencode({**answer, **state, "iss": self.issuer})  # iss: RFC 9207
        return RedirectResponse(f"{asked['redirect_uri']}?{query}", 303, {"cache-control": "no-store"})

    def _new_sign_on(self, person: str) -> SignOn:
        return SignOn(person, secrets.token_urlsafe(16), int(self._now()))

    def _signed_on(self, request: Request) -> SignOn | None:
        try:
            claims = jwt.decode(request.cookies.get(COOKIE, ""), self._key, algorithms=["ES256"]).claims
            jwt.JWTClaimsRegistry(
                now=int(self._now()),
                iss={"essential": True, "value": self.issuer},
                aud={"essential": True, "value": COOKIE},
                exp={"essential": True},
            ).validate(claims)
        except (JoseError, ValueError):
            return None
        return SignOn(claims["sub"], claims["sid"], claims["auth_time"])

    # -- token request (OpenID Connect Core 1.0 §3.1.3) --

    async def _token(self, request: Request) -> Response:
        form = await _form(request)
        if form.get("grant_type") != "authorization_code":
            return _token_error("unsupported_grant_type", "accepted: authorization_code")
        if form.get("client_id") != self._client_id:
            return _token_error("invalid_client", "this client is not known here")
        try:
            # Taken before anything is compared: a code that was tried with a wrong verifier is spent.
            code = self._codes.take(form.get("code", ""))
        except (AlreadyUsed, Expired, Unknown):
            return _token_error("invalid_grant", "the code is unknown, too old or was used before")
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        if not compare_digest(challenge, code["challenge"]) or form.get("redirect_uri") != code["redirect_uri"]:
            return _token_error("invalid_grant", "the code was given to someone else")
        sign_on = SignOn(code["person"], code["sid"], code["auth_time"])
        now = int(self._now())
        access = _claims(self.issuer, sign_on, code["acr"], self._audience, now, SIGN_ON, client_id=self._client_id)
        identity = _claims(self.issuer, sign_on, code["acr"], self._client_id, now, SIGN_ON, nonce=code["nonce"])
        return JSONResponse(
            {
                "access_token": _signed(self._home, access, "at+jwt"),
                "id_token": _signed(self._home, identity, "JWT"),
                "token_type": "Bearer",
                "expires_in": int(SIGN_ON.total_seconds()),
                "scope": "openid",
            },
            headers={"cache-control": "no-store"},
        )

    async def _end_session(self, request: Request) -> Response:
        answer = RedirectResponse(self._after_sign_out, 303, {"cache-control": "no-store"})
        answer.delete_cookie(COOKIE, path=PATH, httponly=True, samesite="lax")
        return answer


def _on_loopback(handle: Handle) -> Handle:
    """Refuse who does not come from this machine, and names that merely resolve to it (DNS rebinding)."""

    async def guarded(request: Request) -> Response:
        named = request.url.hostname or ""
        if not (request.client and _is_loopback(request.client.host)) or not (
            named == "localhost" or _is_loopback(named)
        ):
            return page("Not from here", "The development issuer answers on this machine alone.", status=403)
        return await handle(request)

    return guarded


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _wrong_request(asked: Mapping[str, str]) -> str | None:
    if asked.get("response_type") != "code":
        return "response_type: accepted: code"
    if "openid" not in asked.get("scope", "").split():
        return "scope: must hold openid"
    if asked.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(asked.get("code_challenge", "")):
        return "code_challenge: a SHA-256 challenge (RFC 7636, S256) is required"
    return None


def _token_error(error: str, description: str) -> Response:
    return JSONResponse(
        {"error": error, "error_description": description}, status_code=400, headers={"cache-control": "no-store"}
    )


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
