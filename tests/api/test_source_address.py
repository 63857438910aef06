"""Where a request came from goes on the record, so nobody names a place for themselves."""

import asyncio

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from api.http import source_of
from api.processes.api import server_config
from api.settings import Environment, Settings


async def _says_the_source(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope)
    await PlainTextResponse(f"{request.url.scheme} {source_of(request)}")(scope, receive, send)


def recorded(trusted: str, came_from: str) -> str:
    """What would be recorded of a request over `came_from` that claims another origin."""
    settings = Settings(SAFERWEHO_ENV=Environment.DEVELOPMENT, SAFERWEHO_TRUSTED_PROXIES=trusted)
    config = server_config(_says_the_source, settings)
    config.load()

    async def ask() -> str:
        transport = httpx.ASGITransport(app=config.loaded_app, client=(came_from, 50_000))
        async with httpx.AsyncClient(transport=transport, base_url="http://watch.example") as client:
            claims = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https"}
            return (await client.get("/", headers=claims)).text

    return asyncio.run(ask())


@pytest.mark.parametrize("came_from", ["127.0.0.1", "10.0.0.7"])
def test_without_a_trusted_proxy_nobodys_word_is_taken(came_from: str) -> None:
    assert recorded("", came_from) == f"http {came_from}"


@pytest.mark.parametrize("trusted", ["10.0.0.7", "192.168.1.1, 10.0.0.0/8"])
def test_a_trusted_proxy_says_where_a_request_came_from(trusted: str) -> None:
    assert recorded(trusted, "10.0.0.7") == "https 203.0.113.9"
    assert recorded(trusted, "172.16.0.1") == "http 172.16.0.1"
