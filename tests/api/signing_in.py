"""An API process with nothing but sign-in, for the tests of signing in."""

from __future__ import annotations

import base64
import hashlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from adapters.identity.development_issuer import DevelopmentIssuer, sign_in_ticket
from adapters.identity.issuer_documents import IssuerDocuments
from adapters.identity.verifier import Identity, TokenRefused, TokenVerifier
from api.settings import Settings
from api.sign_in import SignIn, identity_of
from tests.adapters.identity.issuers import serving

JSON = {"content-type": "application/json"}


@dataclass
class Record:
    """Where the sign-ons of these tests go."""

    told: list[tuple[str, str]] = field(default_factory=list)
    refuse: str | None = None

    async def signed_on(self, identity: Identity, source_address: str) -> str | None:
        self.told.append(("signed_on", identity.person_id))
        return self.refuse

    async def stepped_up(self, identity: Identity, source_address: str) -> str | None:
        self.told.append(("stepped_up", identity.person_id))
        return self.refuse

    async def signed_off(self, identity: Identity, source_address: str) -> None:
        self.told.append(("signed_off", identity.person_id))


@dataclass
class Pages:
    base: str
    settings: Settings
    record: Record

    @property
    def home(self) -> Path:
        return self.settings.home

    def browser(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.base, follow_redirects=True, timeout=60, **options)

    def signed_in(self, person: str = "ana") -> httpx.Client:
        browser = self.browser()
        assert browser.get("/sign-in", params={"ticket": sign_in_ticket(self.home, person)}).url.path == "/"
        return browser

    @property
    def own(self) -> dict[str, str]:
        return {"origin": self.base, **JSON}


async def who(request: Request) -> Response:
    try:
        identity = await identity_of(request)
    except TokenRefused as refused:
        return JSONResponse({"code": refused.code}, status_code=403)
    if identity is None:
        return JSONResponse(None, status_code=401)
    return JSONResponse(
        {"person": identity.person_id, "session": identity.session_id, "stepped_up": identity.stepped_up}
    )


async def a_page(request: Request) -> Response:
    return Response("a page")


async def listen(websocket: WebSocket) -> None:
    try:
        identity = await identity_of(websocket)
    except TokenRefused:
        identity = None
    if identity is None:
        await websocket.close(4403)
        return
    await websocket.accept()
    await websocket.send_text(identity.person_id)
    await websocket.close()


def sign_in_with(settings: Settings, record: Record | None = None) -> SignIn:
    http = httpx.AsyncClient(timeout=60)
    verifier = TokenVerifier(IssuerDocuments(settings.issuer, http), settings.oidc_audience)
    return SignIn(settings, verifier, http, record)


@contextmanager
def pages_with(settings: Settings, listener: socket.socket) -> Iterator[Pages]:
    """An API process with nothing but sign-in, the development issuer where it may be, and a question who is asking."""
    base = settings.base_url
    record = Record()
    sign_in = sign_in_with(settings, record)
    own: list[Route] = []
    if settings.uses_development_issuer:
        own = DevelopmentIssuer(settings.home, base, development=True, other_issuer=None).routes()
    app = Starlette(
        routes=[
            *sign_in.routes(),
            *own,
            Route("/who", who, methods=["GET", "POST"]),
            WebSocketRoute("/listen", listen),
            Route("/{rest:path}", a_page),
        ]
    )
    app.state.sign_in = sign_in
    with serving(app, listener):
        yield Pages(base, settings, record)


@contextmanager
def pages_at(home: Path) -> Iterator[Pages]:
    listener = socket.create_server(("127.0.0.1", 0))
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    settings = Settings.model_validate(
        {"SAFERWEHO_ENV": "development", "SAFERWEHO_HOME": home, "SAFERWEHO_BASE_URL": base}
    )
    with pages_with(settings, listener) as pages:
        yield pages


def session_cookie(browser: httpx.Client) -> str:
    return next(name for name in browser.cookies if name.startswith("saferweho_") and name.rpartition("_")[2].isdigit())


VERIFIER = "a-verifier-that-is-long-enough-for-the-rfc-0123456789"


def authorization(pages: Pages, **changed: str) -> tuple[dict[str, str], str]:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
    asked = {
        "response_type": "code",
        "client_id": "saferweho-pages",
        "redirect_uri": f"{pages.base}/sign-in/callback",
        "scope": "openid",
        "state": "s-1",
        "nonce": "n-1",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "login_ticket": sign_in_ticket(pages.home, "ana"),
        **changed,
    }
    return asked, f"{pages.base}/dev-issuer/authorize?{urlencode(asked)}"
