"""The HTTP face of the API: GraphQL, CAD intake, sign-in, health, and the pages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import FastAPI, Request, WebSocketException
from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from strawberry.exceptions import ConnectionRejectionError
from strawberry.fastapi import GraphQLRouter
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from adapters.identity.issuer_documents import IssuerUnavailable
from adapters.identity.verifier import Identity, TokenRefused, TokenVerifier
from api import audit_files, cad, export_files
from api.graphql.context import Context, Services
from api.graphql.documents import Documents
from api.graphql.endpoint import Endpoint, refusal
from api.graphql.schema import build
from api.observability import Health
from api.sign_in import SignIn
from application.accounts import LOCKED, Proof, SignOnRefused, SignOnUnavailable
from application.handling import Actor
from domain.session import LONGEST_SESSION

COMMANDS_AT_ONCE = 32
PAGES = Path(__file__).resolve().parent.parent / "ui" / "dist"
SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "geolocation=(), camera=(), microphone=()",
}


def content_security_policy(media_url: str) -> str:
    """Pictures come from the media process, which is another origin, and are played and shown out of memory."""
    address = urlsplit(media_url)
    media = f"{address.scheme}://{address.netloc}"
    return "; ".join(
        (
            "default-src 'self'",
            f"connect-src 'self' {media} ws{media.removeprefix('http')}",
            "img-src 'self' blob:",
            "media-src 'self' blob:",
            "worker-src 'self'",
            "style-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "form-action 'self'",
        )
    )


def proof_of(identity: Identity) -> Proof:
    return Proof(
        person=identity.person_id,
        session=identity.session_id,
        issuer=identity.issuer,
        method=identity.acr or "unknown",
        # An issuer's session outlives one access token; each request still shows one that has not expired.
        ends_at=max(identity.expires_at, identity.authenticated_at + LONGEST_SESSION),
        stepped_up=identity.stepped_up,
        authenticated_at=identity.authenticated_at,
    )


def source_of(connection: HTTPConnection) -> str:
    return connection.client.host if connection.client else ""


@dataclass
class Contexts:
    """Makes the context of each request: who is asking, as the store knows them now."""

    services: Services
    sign_in: SignIn

    async def of(self, connection: HTTPConnection) -> Context:
        """Raises TokenRefused and IssuerUnavailable; a person who may not sign on has a context without a reader."""
        identity = await self.sign_in.identity_of(connection)
        by_cookie = "authorization" not in connection.headers
        if identity is None:
            return Context(self.services, None, by_cookie=by_cookie)
        active = "x-background" not in connection.headers
        return await self.of_identity(identity, source_of(connection), by_cookie, active)

    async def of_identity(self, identity: Identity, source: str, by_cookie: bool, active: bool = True) -> Context:
        context = Context(self.services, None, by_cookie=by_cookie)
        await self.sign_on(context, identity, source, active)
        return context

    async def sign_on(self, context: Context, identity: Identity, source: str, active: bool = True) -> None:
        """Make `context` that of this identity, who is asked for again whenever it is renewed.

        `active`: somebody is there. A page says by the header `x-background` that it asks by itself, such as for the
        heartbeat of an open picture.
        """
        proof = proof_of(identity)
        known = self.services.standings.last_known(proof, source)
        context.claimed = known or Actor(proof.person, proof.person, "", frozenset(), proof.session, source)

        async def renew(*, active: bool = False) -> Actor | None:
            context.store_away, context.locked, context.refusal = False, False, ""
            if identity.expires_at <= self.services.handler.clock.now():
                context.refusal = "your sign-on has expired: sign on again"
                return None
            try:
                return await self.services.standings.actor(proof, source, active=active)
            except SignOnRefused as refused:
                context.refusal = "; ".join(reason.message for reason in refused.reasons)
                if refused.reasons == (LOCKED,):
                    with suppress(SignOnUnavailable):
                        behind = await self.services.standings.behind_the_lock(proof, source)
                        context.locked, context.claimed = behind is not None, behind or context.claimed
            except SignOnUnavailable as away:
                context.store_away, context.refusal = True, str(away)
            return None

        context.renew = renew
        context.reader = await renew(active=active)


class WithHeaders:
    """Plain ASGI, so that it costs next to nothing and leaves WebSockets and streams alone."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str]) -> None:
        self._app = app
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(header for header in self._headers if header[0] not in present),
                ]
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


def build_app(
    services: Services,
    sign_in: SignIn,
    health: Health,
    lifespan: Callable[[], AbstractAsyncContextManager[Any]],
    more_routes: list[BaseRoute],
    cad_keys: cad.Keys,
    verifier: TokenVerifier,
    pages: Path = PAGES,
) -> FastAPI:
    """The ASGI application. `lifespan` opens and closes what `services` holds; `pages` is what their build wrote."""
    contexts = Contexts(services, sign_in)
    schema = build(services.settings.shows_schema)
    endpoint = Endpoint(schema, Documents(pages / "persisted-documents.json"), services)

    @asynccontextmanager
    async def opened(_: FastAPI) -> AsyncIterator[None]:
        # Commands wait in threads for the group commit, which takes the more in one go the more of them wait.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(COMMANDS_AT_ONCE, "command"))
        async with lifespan():
            yield

    app = FastAPI(
        title="Safer WeHo watch center",
        lifespan=opened,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if services.settings.shows_schema else None,
        # Traces only where somebody collects them; figures are ours, and what was wrong with an input is in no log.
        telemetry={"tracing": bool(services.settings.otlp_endpoint), "metrics": False, "logs": False},
    )
    policy = content_security_policy(services.settings.media_url)
    app.add_middleware(WithHeaders, headers={"content-security-policy": policy, **SECURITY_HEADERS})

    def asked_by(answer: Callable[[Request, Context], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def answered(request: Request) -> Response:
            try:
                context = await contexts.of(request)
            except TokenRefused as error:
                return refusal(error.code, error.message, 403 if error.code == "cross_site" else 401)
            except IssuerUnavailable as error:
                return refusal("issuer_unavailable", str(error), 503)
            return await answer(request, context)

        return answered

    # Plain routes: FastAPI's own would look for dependencies and form fields in every request.
    app.router.routes.append(Route("/graphql", asked_by(endpoint.answer), methods=["POST"]))
    app.router.routes.append(Route(audit_files.PATH, asked_by(audit_files.download), methods=["GET", "HEAD"]))
    app.router.routes.append(Route(export_files.PATH, asked_by(export_files.download), methods=["GET", "HEAD"]))
    app.router.routes.append(export_files.root_route(services.export_shelf))
    schema.admit, schema.went_wrong = endpoint.admit, endpoint.went_wrong

    async def socket_context(websocket: HTTPConnection) -> Context:
        try:
            return await contexts.of(websocket)
        except TokenRefused as error:
            raise WebSocketException(4403, error.message) from None
        except IssuerUnavailable as error:
            raise WebSocketException(1013, str(error)) from None

    class Sockets(GraphQLRouter[Context, None]):
        async def on_ws_connect(self, context: Context) -> Any:
            token = (context.connection_params or {}).get("authorization") if context.connection_params else None
            if isinstance(token, str):
                try:
                    identity = await verifier.verify(token.removeprefix("Bearer ").strip())
                except (TokenRefused, IssuerUnavailable) as error:
                    raise ConnectionRejectionError({"message": str(error)}) from None
                assert context.request is not None
                context.by_cookie = False
                await contexts.sign_on(context, identity, source_of(context.request))
            return await super().on_ws_connect(context)

    sockets: Any = Sockets(
        schema,
        context_getter=socket_context,
        subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
        graphql_ide=None,
        allow_queries_via_get=False,
    )
    app.include_router(sockets, prefix="/graphql", include_in_schema=False)
    app.include_router(cad.router(services.calls, cad_keys))
    describe = app.openapi

    def described() -> dict[str, Any]:
        document = describe()
        document.setdefault("components", {}).setdefault("schemas", {}).update(cad.components())
        return document

    app.openapi = described  # type: ignore[method-assign]
    app.router.routes.extend([*health.routes(), *sign_in.routes(), *more_routes])
    for path in ("/live", "/hls"):
        app.router.routes.append(Mount(path, Elsewhere(services.settings.media_url)))
    if pages.exists():
        _serve_pages(app, pages)
    return app


class Elsewhere:
    """The way to the media process, for scripts that look for pictures here. A WebSocket is shown it, too, in answer to
    its handshake (RFC 6455 §4.1); browsers do not go there, and have its address from `livePicture`."""

    def __init__(self, media_url: str) -> None:
        self._media_url = media_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = scope["query_string"].decode("latin-1")
        path = quote(scope["path"], safe="/:@!$&'()*+,;=-._~")
        address = f"{self._media_url}{path}{f'?{query}' if query else ''}"
        prefix = "websocket.http" if scope["type"] == "websocket" else "http"
        if scope["type"] == "websocket":
            address = f"ws{address.removeprefix('http')}"
        location = address.encode("latin-1", "replace")
        headers = [(b"location", location), (b"content-length", b"0"), (b"cache-control", b"no-store")]
        await send({"type": f"{prefix}.response.start", "status": 307, "headers": headers})
        await send({"type": f"{prefix}.response.body", "body": b""})


class _Kept(StaticFiles):
    """Files that a browser may keep: those with a hash in their name for ever, the map for a day."""

    def __init__(self, directory: Path, cache_control: str) -> None:
        super().__init__(directory=directory)
        self._cache_control = cache_control

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = self._cache_control
        return response


def _serve_pages(app: FastAPI, pages: Path) -> None:
    assets = _Kept(pages / "assets", "public, max-age=31536000, immutable")
    app.mount("/assets", GZipMiddleware(assets, minimum_size=1024, compresslevel=6), name="assets")
    app.mount("/map", GZipMiddleware(_Kept(pages / "map", "public, max-age=86400"), minimum_size=1024), name="map")

    @app.get("/{path:path}", include_in_schema=False)
    async def page(path: str) -> Response:
        try:
            file = (pages / path).resolve()
            found = path and file.is_relative_to(pages) and file.is_file() and file.suffix != ".json"
        except (OSError, ValueError):  # no file can have such a name
            return Response("not found", 404)
        if found:
            return FileResponse(file)
        if "." in path.rpartition("/")[2]:
            return Response("not found", 404)
        return FileResponse(pages / "index.html", headers={"cache-control": "no-cache"})
