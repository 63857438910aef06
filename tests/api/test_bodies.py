"""What a request may hold is bounded before who sent it is known, and so is what is kept of its answer."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

from starlette.requests import Request

from api.bodies import body_within
from api.graphql import endpoint


def sent(*chunks: bytes) -> tuple[Request, list[bytes]]:
    """A request whose body arrives in chunks, and those that nobody has asked for yet."""
    left = list(chunks)

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    return Request({"type": "http", "method": "POST", "headers": []}, receive), left


def test_a_body_within_the_limit_is_read_whole() -> None:
    request, _ = sent(b"abc", b"", b"def")
    assert asyncio.run(body_within(request, 6)) == b"abcdef"


def test_a_longer_one_is_not_read_to_its_end() -> None:
    request, left = sent(b"abc", b"defg", b"never", b"asked for")
    assert asyncio.run(body_within(request, 6)) is None
    assert left == [b"never", b"asked for"]


def test_answers_are_kept_within_their_bytes_however_long_the_variables() -> None:
    answers = endpoint.Answers()
    keys = [("document", b"%d" % n + bytes(60_000)) for n in range(endpoint.CACHE_BYTES // 60_000 + 10)]
    for key in keys:
        answers.keep(key, endpoint.Answer(b"{}", ()))
        answers.keep(key, endpoint.Answer(b"{ }", ()))
    kept = [key for key in keys if answers.get(key)]
    assert 0 < sum(len(key[1]) for key in kept) <= endpoint.CACHE_BYTES
    assert kept == keys[-len(kept) :]
