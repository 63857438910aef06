"""Signing in for the pages: the code flow with PKCE, and a sealed cookie that no script can read.

The browser never holds a token. `identity_of` answers who sends a request, by bearer token or by cookie; what comes by
cookie and may change something must also come from our own pages.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import quote_plus, urlencode, urlsplit

import httpx
import structlog
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from adapters.identity import keys
from adapters.identity.issuer_documents import IssuerUnavailable
from adapters.identity.pages import page
from adapters.identity.session_cookie import Sealed
from adapters.identity.verifier import LEEWAY_S, Identity, TokenRefused, TokenVerifier
from api.settings import Settings

BEGUN_S = 600
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
AGAIN = '<p><a href="/sign-in">Sign in again</a></p>'

log = structlog.get_logger(__name__)


class SignOns(Protocol):
    """Where sign-ons go on the record. Each returns None, or in words for the person why it is refused."""

    async def signed_on(self, identity: Identity, source_address: str) -> str | None: ...

    async def stepped_up(self, identity: Identity, source_address: str) -> str | None: ...

    async def signed_off(self, identity: Identity, source_address: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in under way: what the callback must find again in the same browser (RFC 9700 §2.1)."""

    state: str
    nonce: str
    verifier: str
    return_to: str
    stepping_up: bool
    session: Identity | None


class SignIn:
    """One per API process; put into `app.state.sign_in`."""

    def __init__(
        self, settings: Settings, verifier: TokenVerifier, http: httpx.AsyncClient, sign_ons: SignOns | None = None
    ) -> None:
        """`http` asks the issuer for tokens; it follows no redirects. Raises KeyFault for a bad session key."""
        self._settings = settings
        self._verifier = verifier
        self._documents = verifier.documents
        self._http = http
        self._sign_ons = sign_ons
        base = urlsplit(settings.base_url)
        self._origin = f"{base.scheme}://{base.netloc}"
        self._secure = base.scheme == "https"
        self._callback = f"{settings.base_url}/sign-in/callback"
        # A browser keeps cookies by host, not by port: two installations on one machine must not mix theirs.
        self._cookie = "__Host-saferweho" if self._secure else f"saferweho_{base.port or 80}"
        secret = settings.session_key.get_secret_value() if settings.session_key else None
        sealing = keys.session_keys(settings.home, secret)
        self._sessions = Sealed("session", sealing)
        self._begun = Sealed("sign-in", sealing)

    def routes(self) -> list[Route]:
        return [
            Route("/sign-in", self._sign_in),
            Route("/sign-in/step-up", self._step_up),
            Route("/sign-in/callback", self._finish),
            Route("/sign-out", self._sign_out, methods=["POST"]),
        ]

    # -- who is asking --

    async def identity_of(self, connection: HTTPConnection) -> Identity | None:
        """Who sent this request or opens this WebSocket; None without a sign-on.

        Raises TokenRefused for a bad bearer token (code as in the verifier), or `cross_site` for a request that came
        with a cookie but not from our pages; IssuerUnavailable where a token cannot be verified now.
        """
        if authorization := connection.headers.get("authorization"):
            scheme, _, token = authorization.partition(" ")
            if scheme.lower() != "bearer" or not token.strip():
                raise TokenRefused("malformed", "the Authorization header is not understood; accepted: Bearer <token>")
            return await self._verifier.verify(token.strip())
        identity = self._session(connection)
        if identity is not None:
            self._require_own_page(connection)
        return identity

    def _session(self, connection: HTTPConnection) -> Identity | None:
        sealed = connection.cookies.get(self._cookie)
        identity = self._sessions.open(sealed, Identity) if sealed else None
        return identity if identity and identity.issuer == self._documents.issuer else None

    def _require_own_page(self, connection: HTTPConnection) -> None:
        if connection.scope["type"] == "http":
            if connection.scope["method"] in SAFE_METHODS:
                return
            # A form of another site cannot send this type without asking first (CORS), and is never answered.
            if connection.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
                raise TokenRefused("cross_site", "with a cookie the content type must be application/json")
        origin = connection.headers.get("origin")
        own = origin == self._origin if origin else connection.headers.get("sec-fetch-site") == "same-origin"
        if not own:
            raise TokenRefused(
                "cross_site", f"with a cookie the request must come from {self._origin}; or send a token"
            )

    # -- the code flow (OpenID Connect Core 1.0 §3.1) --

    async def _sign_in(self, request: Request) -> Response:
        return await self._begin(request, stepping_up=False)

    async def _step_up(self, request: Request) -> Response:
        return await self._begin(request, stepping_up=True)

    async def _begin(self, request: Request, *, stepping_up: bool) -> Response:
        return_to = request.query_params.get("return_to", "/")
        if not _is_own_path(return_to):
            return page("This address does not lead back here", "return_to must be a path of these pages.", status=400)
        begun = Begun(
            secrets.token_urlsafe(24),
            secrets.token_urlsafe(24),
            secrets.token_urlsafe(48),
            return_to,
            stepping_up,
            self._session(request) if stepping_up else None,
        )
        asked: dict[str, Any] = {
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": create_s256_code_challenge(begun.verifier),
            "code_challenge_method": "S256",
        }
        if stepping_up:
            asked |= {"acr_values": self._settings.oidc_step_up_acr, "prompt": "login", "max_age": 0}
        if self._settings.uses_development_issuer and (ticket := request.query_params.get("ticket")):
            asked["login_ticket"] = ticket
        try:
            discovery = await self._documents.discovery()
        except IssuerUnavailable as error:
            return self._unavailable(error)
        location = prepare_grant_uri(
            discovery.authorization_endpoint,
            self._settings.oidc_client_id,
            "code",
            self._callback,
            self._settings.oidc_scopes,
            **asked,
        )
        answer = RedirectResponse(location, 303, {"cache-control": "no-store", "referrer-policy": "no-referrer"})
        answer.set_cookie(
            self._begun_cookie(begun.state),
            self._begun.seal(begun, BEGUN_S),
            max_age=BEGUN_S,
            path="/sign-in/callback",
            secure=self._secure,
            httponly=True,
            samesite="lax",  # the issuer's redirect back comes from another site
        )
        return answer

    async def _finish(self, request: Request) -> Response:
        given = request.query_params
        name = self._begun_cookie(given.get("state", ""))
        begun = self._begun.open(request.cookies.get(name, ""), Begun)
        if begun is None or not secrets.compare_digest(begun.state.encode(), given.get("state", "").encode()):
            return page(
                "This sign-in was not begun here", "Or it took longer than ten minutes.", status=400, form=AGAIN
            )
        try:
            identity = await self._identity_from(given, begun)
        except (IssuerUnavailable, httpx.HTTPError) as error:
            answer = self._unavailable(error)
        except TokenRefused as error:
            log.warning("sign_in_refused", code=error.code)
            answer = page("You could not be signed in", error.message, status=403, form=AGAIN)
        else:
            answer = await self._open_session(request, begun, identity)
        answer.delete_cookie(name, path="/sign-in/callback", secure=self._secure, httponly=True, samesite="lax")
        return answer

    async def _identity_from(self, given: Mapping[str, str], begun: Begun) -> Identity:
        """Exchange the code and check what comes back. Raises TokenRefused, IssuerUnavailable, httpx.HTTPError."""
        if "iss" in given and given["iss"] != self._documents.issuer:  # RFC 9207
            raise TokenRefused("wrong_issuer", "the answer came from another issuer")
        if "code" not in given:
            raise TokenRefused("not_signed_in", f"the issuer answered: {given.get('error', 'no code')[:80]}")
        identity_token = await self._exchanged(given["code"], begun.verifier)
        identity = await self._verifier.verify_sign_in(
            identity_token, client_id=self._settings.oidc_client_id, nonce=begun.nonce
        )
        # A session of ours is begun with each sign-in: the issuer's goes on when ours has ended, under the same id.
        ours = replace(identity, session_id=secrets.token_urlsafe(16))
        if not begun.stepping_up:
            return ours
        # What was asked for is a factor shown now (max_age 0), not one that the issuer remembers.
        shown_before = datetime.now(UTC) - identity.authenticated_at > timedelta(seconds=BEGUN_S + LEEWAY_S)
        if not identity.stepped_up or shown_before:
            raise TokenRefused(
                "no_step_up", f"the issuer did not ask for a second factor (acr {self._settings.oidc_step_up_acr})"
            )
        if begun.session is None:
            return ours
        if identity.person_id != begun.session.person_id:
            raise TokenRefused("another_person", "someone else confirmed than is signed in: sign out first")
        return replace(identity, session_id=begun.session.session_id)

    async def _open_session(self, request: Request, begun: Begun, identity: Identity) -> Response:
        lifetime = timedelta(minutes=self._settings.session_minutes)
        # The session is ours and has its own length; the identity token says only who signed in and when.
        identity = replace(identity, expires_at=datetime.now(UTC) + lifetime)
        if self._sign_ons:
            record = self._sign_ons.stepped_up if begun.stepping_up and begun.session else self._sign_ons.signed_on
            if refused := await record(identity, _source(request)):
                return page("You have no access here", refused, status=403)
        answer = RedirectResponse(begun.return_to, 303, {"cache-control": "no-store"})
        answer.set_cookie(
            self._cookie,
            self._sessions.seal(identity, lifetime.total_seconds()),
            max_age=int(lifetime.total_seconds()),
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="strict",
        )
        return answer

    async def _sign_out(self, request: Request) -> Response:
        """Ends the session here and says where the issuer ends its own: `{"location": …}`."""
        try:
            # Also without a session: a strict cookie is not sent along from another site, but it could be deleted.
            self._require_own_page(request)
        except TokenRefused as error:
            return JSONResponse({"code": error.code, "message": error.message}, status_code=403)
        if self._sign_ons and (identity := self._session(request)):
            await self._sign_ons.signed_off(identity, _source(request))
        location = "/"
        try:
            if end := (await self._documents.discovery()).end_session_endpoint:
                leave = {"client_id": self._settings.oidc_client_id, "post_logout_redirect_uri": f"{self._origin}/"}
                location = f"{end}?{urlencode(leave)}"
        except IssuerUnavailable:
            log.warning("issuer_unavailable_at_sign_out")
        answer = JSONResponse({"location": location}, headers={"cache-control": "no-store"})
        answer.delete_cookie(self._cookie, path="/", secure=self._secure, httponly=True, samesite="strict")
        return answer

    # -- parts --

    async def _exchanged(self, code: str, verifier: str) -> str:
        """The identity token for a code (OpenID Connect Core 1.0 §3.1.3)."""
        client, secret = self._settings.oidc_client_id, self._settings.oidc_client_secret
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._callback,
            "code_verifier": verifier,
        }
        # RFC 6749 §2.3.1: both parts are encoded as form values first.
        basic = httpx.BasicAuth(quote_plus(client), quote_plus(secret.get_secret_value())) if secret else None
        answer = await self._http.post(
            (await self._documents.discovery()).token_endpoint,
            data=form if basic else {**form, "client_id": client},
            headers={"accept": "application/json"},
            auth=basic or httpx.USE_CLIENT_DEFAULT,
        )
        try:
            told = answer.json()
            if answer.status_code == 200:
                return str(told["id_token"])
            problem = str(told["error"])[:80]
        except (ValueError, KeyError, TypeError):
            problem = f"status {answer.status_code} without an identity token"
        raise TokenRefused("not_signed_in", f"the issuer answered: {problem}")

    def _begun_cookie(self, state: str) -> str:
        # One for each sign-in under way, so that two tabs do not disturb each other.
        tail = "".join(letter for letter in state[:8] if letter.isalnum())
        return f"{'__Secure-' if self._secure else ''}saferweho_sign_in_{tail}"

    def _unavailable(self, error: Exception) -> Response:
        log.error("issuer_unavailable", error=str(error))
        return page(
            "Signing in is not possible now", "The issuer of the agency does not answer.", status=503, form=AGAIN
        )


async def identity_of(connection: HTTPConnection) -> Identity | None:
    """As `SignIn.identity_of`, for whoever has just the request."""
    sign_in: SignIn = connection.app.state.sign_in
    return await sign_in.identity_of(connection)


def _is_own_path(path: str) -> bool:
    # "//host" and "/\host" lead elsewhere in a browser, and so may a tab or a line feed in between.
    return path.startswith("/") and path[1:2] not in ("/", "\\") and path.isprintable() and "\\" not in path


def _source(request: Request) -> str:
    return request.client.host if request.client else ""
