"""Which addresses the pages' files answer to: their own, whatever else somebody types."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from api.http import _serve_pages


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    built = tmp_path / "dist"
    for folder in ("assets", "map"):
        (built / folder).mkdir(parents=True)
    (built / "index.html").write_text("the page")
    (built / "robots.txt").write_text("nobody")
    (built / "persisted-documents.json").write_text("{}")
    (tmp_path / "secret.txt").write_text("secret")
    return built


def got(pages: Path, path: str) -> tuple[int, str]:
    app = FastAPI()
    _serve_pages(app, pages)

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
            return await client.get(path)

    answer = asyncio.run(ask())
    return answer.status_code, answer.text


@pytest.mark.parametrize("path", ["/", "/board", "/audit/deep/link", "//etc/passwd"])
def test_every_address_of_the_pages_is_the_page(pages: Path, path: str) -> None:
    assert got(pages, path) == (200, "the page")


def test_a_file_of_the_pages_is_served(pages: Path) -> None:
    assert got(pages, "/robots.txt") == (200, "nobody")


@pytest.mark.parametrize(
    "path",
    ["/%00", "/" + "a" * 300, "/" + "a/" * 3000, "/..%2fsecret.txt", "/%2e%2e/secret.txt", "/persisted-documents.json"],
)
def test_nothing_else_is_found(pages: Path, path: str) -> None:
    assert got(pages, path)[0] == 404
