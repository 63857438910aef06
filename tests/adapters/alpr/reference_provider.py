"""A provider of plate reads as docs/how-to/connect-plate-readers.md describes one, for the tests: real HTTP, few reads.

It knows nothing of our code, so that what it takes and gives is what the document says.
"""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

KEY = "reference-key"


@dataclass
class ReferenceProvider:
    """`answer`: what it says instead of the truth, when a test wants it to."""

    url: str = ""
    reads: list[dict[str, Any]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    answer: Response | None = None

    async def searches(self, request: Request) -> Response:
        self.paths.append(str(request.url))
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return Response("unknown key", 401)
        asked = json.loads(await request.body())
        self.asked.append(asked)
        if self.answer is not None:
            return self.answer
        found = [read for read in self.reads if _matches(asked, read)]
        found.sort(key=lambda read: datetime.fromisoformat(read["seen_at"]), reverse=True)
        return JSONResponse({"sightings": found[: asked["limit"]], "more": len(found) > asked["limit"]})


def _matches(asked: dict[str, Any], read: dict[str, Any]) -> bool:
    since, until = (datetime.fromisoformat(asked[name]) for name in ("seen_from", "seen_until"))
    pattern = asked["plate"] and asked["plate"].replace("?", "[A-Z0-9]")
    return (
        since <= datetime.fromisoformat(read["seen_at"]) <= until
        and (not pattern or re.fullmatch(pattern, read["plate"]) is not None)
        and asked["plate_state"] in (None, read["plate_state"])
        and (not asked["readers"] or read["reader"] in asked["readers"])
    )


def read(id_: str, plate: str, seen_at: datetime, reader: str = "smb-west") -> dict[str, Any]:
    place = {"latitude": 34.0907, "longitude": -118.3694}
    return {"id": id_, "plate": plate, "plate_state": "CA", "reader": reader, "seen_at": seen_at.isoformat(), **place}


@contextmanager
def reference_provider(port: int = 0) -> Iterator[ReferenceProvider]:
    provider = ReferenceProvider()
    app = Starlette(routes=[Route("/v1/searches", provider.searches, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    listening = socket.create_server(("127.0.0.1", port))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    provider.url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    try:
        yield provider
    finally:
        server.should_exit = True
        thread.join(60)
        listening.close()
