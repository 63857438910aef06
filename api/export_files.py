"""`GET /exports/<id>`: a file of footage, as it was made. Each download is recorded before the first byte leaves, and
is of the whole file: a `Range` is passed over (RFC 9110 §14.2), so that what left is what the record says. `HEAD`
answers the same and sends no byte of the file, so it is no download.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Iterator

from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from graphql import GraphQLError
from starlette.routing import BaseRoute, Route

from adapters.exports.keeping import Gone, Shelf
from adapters.vault import NotThere, StorageFault
from api.graphql.commands import refused_readings
from api.graphql.context import Context
from api.graphql.endpoint import refusal
from api.graphql.files import PATH as FOLDER
from application.handling import KEY, Accepted, Mistaken, Refused, Unavailable
from application.ports import StoreUnavailable
from domain.export import Delivered, Exported

PATH = FOLDER + "/{id}"
ROOT = "/export-root.pem"
MEDIA = "application/zip"
STATUS = {"not_signed_on": 401, "not_permitted": 403}  # by the code of a refusal; any other: not now


async def download(request: Request, context: Context) -> Response:
    """For `GET` and `HEAD`."""
    key, services = str(request.path_params["id"]), context.services
    try:
        actor = context.require("download_export")
        state = await asyncio.to_thread(services.exports.state, key) if KEY.fullmatch(key) else None
        if not isinstance(state, Exported | Delivered):
            waits = state is not None and hasattr(state, "request")
            if waits:
                return refusal(
                    "wrong_state", "there is no file of this export: see what became of it in 'exports'", 409
                )
            return refusal("not_found", "there is no such export", 404)
        pieces = await asyncio.to_thread(services.export_shelf.read, key)
        # One piece first: a file that cannot be had is not recorded as one that left.
        first = await asyncio.to_thread(next, pieces)
        if request.method == "HEAD":
            return Response(media_type=MEDIA, headers=_headers(key, state))
        told = await asyncio.to_thread(services.exports.download, actor, key)
    except GraphQLError as error:
        await refused_readings(context, [error])
        code = str((error.extensions or {}).get("code"))
        return refusal(code, error.message, STATUS.get(code, 503))
    except Gone:
        return refusal("gone", "the file is not kept any more: ask for the export anew", 410)
    except (StoreUnavailable, StorageFault):
        return refusal("store_unavailable", "the file cannot be had now: ask again in a moment", 503)
    match told:
        case Accepted():
            pass
        case Refused(reasons=reasons):
            return refusal(reasons[0].code, reasons[0].message, 403)
        case Unavailable():
            return refusal(told.code, told.message, 503)
        case Mistaken(code="not_found"):
            return refusal("gone", told.message, 410)
        case _:
            return refusal(told.code, told.message, 409)
    return StreamingResponse(_all(first, pieces), media_type=MEDIA, headers=_headers(key, state))


def _headers(key: str, state: Exported | Delivered) -> dict[str, str]:
    return {
        "content-disposition": f'attachment; filename="saferweho-export-{key[:13]}.zip"',
        "content-length": str(state.file.size_bytes),
        "accept-ranges": "none",
        "cache-control": "private, no-store",
        "repr-digest": f"sha-256=:{b64encode(bytes.fromhex(state.file.file_sha256)).decode()}:",  # RFC 9530
    }


def _all(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def root_route(shelf: Shelf) -> BaseRoute:
    """`GET /export-root.pem`: the agency's root certificate, for everybody."""

    async def root(_: Request) -> Response:
        try:
            return Response(await asyncio.to_thread(shelf.root), media_type="application/x-pem-file")
        except NotThere:
            return refusal("not_found", "no export was ever made here", 404)
        except StorageFault:
            return refusal("store_unavailable", "the certificate cannot be had now: ask again in a moment", 503)

    return Route(ROOT, root, methods=["GET"])
