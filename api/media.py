"""The HTTP face of the media process: live pictures over WebSockets, and recorded ones.

It is another origin than the pages, so that nothing of theirs, least of all a cookie, counts here: tickets do. Its
health, which says what is being watched, is not told here but where IT asks (SAFERWEHO_HEALTH_HOST).
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from api.http import WithHeaders
from api.live import Live

HEADERS = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "cross-origin",
    "cache-control": "no-store",
}
EXPOSED = ("content-range", "retry-after", "x-footage-since", "x-footage-until", "x-footage-masked")


def origin_of(url: str) -> str:
    """RFC 6454: scheme, host and port."""
    address = urlsplit(url)
    return f"{address.scheme}://{address.netloc}"


def build(live: Live, more_routes: Sequence[BaseRoute], base_url: str) -> Starlette:
    """The ASGI application. `base_url`: of the pages."""
    return Starlette(
        routes=[
            WebSocketRoute("/live/{feed}", live.serve),
            Route("/live/{feed}", by_socket_alone),
            *more_routes,
        ],
        middleware=[
            Middleware(WithHeaders, headers=HEADERS),
            Middleware(
                CORSMiddleware,
                allow_origins=[origin_of(base_url)],
                allow_methods=["GET"],
                allow_headers=["authorization", "range"],
                expose_headers=EXPOSED,
            ),
        ],
    )


async def by_socket_alone(_: Request) -> Response:
    said = {
        "code": "websocket_required",
        "message": "a live picture comes over a WebSocket",
        "rule": "one WebSocket a picture",
        "field": None,
        "accepted": "a WebSocket handshake, then the ticket that the API's livePicture gives",
    }
    return JSONResponse(said, 426, {"upgrade": "websocket", "connection": "upgrade"})
