"""Bodies of requests, read no further than they may be long: who asks need not have signed on yet."""

from __future__ import annotations

from starlette.requests import Request


async def body_within(request: Request, limit: int) -> bytes | None:
    """The body, or None where it is longer than `limit` bytes; at most that much and one chunk is ever held."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)
