"""HTTP load over keep-alive connections, cheap enough to leave the cores to the server.

A general client spends more on a request than the servers measured here do; this one writes prepared bytes and reads
status, length and body.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import NamedTuple
from urllib.parse import urlsplit

import uvloop

from bench.figures import quantile


class Load(NamedTuple):
    """`rate` in requests a second; `p50` and `p99` in milliseconds."""

    rate: float
    p50: float
    p99: float


def post(path: str, body: bytes, **headers: str) -> bytes:
    """A request as it goes over the wire."""
    return _request("POST", path, body, {"content-type": "application/json", **headers})


def get(path: str) -> bytes:
    return _request("GET", path, b"", {})


def _request(method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "host: bench", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def load(
    base_url: str,
    requests: Callable[[int], Iterator[bytes]],
    good: Callable[[bytes], bool],
    *,
    connections: int = 8,
    seconds: float = 3.0,
) -> Load:
    """Each connection sends the requests of its own iterator, one after the other answer, until the time is over.

    Raises RuntimeError, with the answer, for one that is not 200 or not `good`.
    """
    return uvloop.run(_load(base_url, requests, good, connections, seconds))


async def _load(
    base_url: str,
    requests: Callable[[int], Iterator[bytes]],
    good: Callable[[bytes], bool],
    connections: int,
    seconds: float,
) -> Load:
    address = urlsplit(base_url)
    took: list[float] = []

    async def connection(number: int) -> None:
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        for request in requests(number):
            begun = perf_counter()
            if begun > until:
                break
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(length)
            took.append(perf_counter() - begun)
            if not head.startswith(b"HTTP/1.1 200") or not good(body):
                raise RuntimeError(f"{base_url} answered {head.splitlines()[0]!r} {body[:500]!r}")
        writer.close()

    begun = perf_counter()
    until = begun + seconds
    await asyncio.gather(*(connection(number) for number in range(connections)))
    rate = len(took) / (perf_counter() - begun)
    took.sort()
    return Load(rate, 1000 * quantile(took, 0.5), 1000 * quantile(took, 0.99))
