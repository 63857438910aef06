"""CAD intake: dispatch posts a call as it now stands, under a key of its own.

Idempotent by call number and update number: an update sent twice gets the first answer, and an older one changes
nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import orjson
from fastapi import APIRouter, Request, Response

from api.bodies import body_within
from application.calls import Calls
from application.handling import Accepted, Mistaken, Outcome, Refused
from application.standing import service
from domain.call import UpdateCall
from domain.kernel import Mistake

BODY_LIMIT = 64 * 1024


class KeysFault(Exception):
    """The file of dispatch's keys cannot be used."""


@dataclass(frozen=True, slots=True)
class Keys:
    """SHA-256 of each key that dispatch may send; several while one is being changed."""

    digests: frozenset[bytes]

    @classmethod
    def read(cls, file: Path | None) -> Keys:
        """One key a line; '#' begins a comment. Raises KeysFault where others may read the file."""
        if file is None:
            return cls(frozenset())
        if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise KeysFault(f"{file} can be read by others than its owner: chmod 600 {file}")
        keys = (line.partition("#")[0].strip() for line in file.read_text().splitlines())
        return cls(frozenset(hashlib.sha256(key.encode()).digest() for key in keys if key))

    def holds(self, key: str) -> bool:
        digest = hashlib.sha256(key.encode()).digest()
        return any(hmac.compare_digest(digest, known) for known in self.digests)


_update = msgspec.json.Decoder(UpdateCall)


def router(calls: Calls, keys: Keys) -> APIRouter:
    routes = APIRouter()
    dispatch = service("service-dispatch")

    @routes.post(
        "/cad/calls",
        summary="A call as it stands in CAD",
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/UpdateCall"}}},
            },
            "security": [{"cadKey": []}],
        },
    )
    async def update(request: Request) -> Response:
        """`Authorization: Bearer <key>`. 200 with the position, 400 with field and what is accepted, 401, 409, 503."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not keys.holds(key.strip()):
            return _json({"code": "key_refused", "message": "send 'Authorization: Bearer <key>' with a valid key"}, 401)
        body = await body_within(request, BODY_LIMIT)
        if body is None:
            return _json({"code": "too_large", "message": f"an update is at most {BODY_LIMIT} bytes"}, 413)
        try:
            command = _update.decode(body)
        except msgspec.ValidationError as error:
            text, _, path = str(error).partition(" - at `")
            field = path.rstrip("`").removeprefix("$.")
            return _json({"code": "invalid_value", "field": field or None, "message": text}, 400)
        except Mistake as mistake:  # a value that its type cannot have, such as a place that is not on Earth
            return _answer(Mistaken(mistake.code, mistake.message, mistake.field, mistake.accepted))
        except msgspec.DecodeError as error:
            return _json({"code": "malformed", "message": f"the body is no JSON: {error}"}, 400)
        sender = replace(dispatch, source_address=request.client.host if request.client else "")
        return _answer(await asyncio.to_thread(calls.update, sender, command))

    return routes


def components() -> dict[str, Any]:
    """JSON Schemas of the intake, for the API's description."""
    _, schemas = msgspec.json.schema_components([UpdateCall], ref_template="#/components/schemas/{name}")
    return schemas


def _answer(outcome: Outcome) -> Response:
    match outcome:
        case Accepted():
            return _json({"call": outcome.key, "position": outcome.position, "replayed": outcome.replayed}, 200)
        case Mistaken(code="command_id_reused"):
            return _json(
                {
                    "code": "update_number_reused",
                    "field": "update_number",
                    "message": "this update of this call came before with other content",
                    "accepted": "a higher update number",
                },
                409,
            )
        case Mistaken():
            return _json(
                {
                    "code": outcome.code,
                    "field": outcome.field,
                    "message": outcome.message,
                    "accepted": outcome.accepted,
                },
                400,
            )
        case Refused():
            return _json({"code": "refused", "message": "; ".join(r.message for r in outcome.reasons)}, 403)
        case _:
            return Response(
                orjson.dumps({"code": outcome.code, "message": outcome.message}),
                503,
                {"retry-after": str(outcome.retry_after_s)},
                "application/json",
            )


def _json(content: dict[str, Any], status: int) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
