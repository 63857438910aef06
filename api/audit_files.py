"""`GET /audit-exports/<id>`: the file of an export of the audit trail, as it was made. Each download is a reading of
the record, and on the record before the first byte leaves. `HEAD` is none: no byte of the file leaves, and its size and
hash are those of the event that made it."""

from __future__ import annotations

import asyncio
from base64 import b64encode

from fastapi import Request
from fastapi.responses import Response
from graphql import GraphQLError

from api.graphql.commands import refused_readings
from api.graphql.context import Context
from api.graphql.endpoint import refusal
from application.handling import KEY
from application.ports import StoreUnavailable

PATH = "/audit-exports/{id}"
STATUS = {"not_signed_on": 401, "not_permitted": 403}  # by the code of a refusal; any other: not now
ENDINGS = {"application/pdf": "pdf", "application/jsonl": "jsonl", "text/csv; charset=utf-8": "csv"}


async def download(request: Request, context: Context) -> Response:
    key = str(request.path_params["id"])
    try:
        context.require("export_audit_trail")
        found = None
        if KEY.fullmatch(key):
            found = await asyncio.to_thread(context.services.audit_exports.exported, key)
        if found is None:
            return refusal("not_found", "there is no such export", 404)
        event, file = found
        if request.method != "HEAD":
            await context.consulted("audit_export", event.as_of_position, {"export": key}, "export_audit_trail")
    except GraphQLError as error:
        await refused_readings(context, [error])
        code = str((error.extensions or {}).get("code"))
        return refusal(code, error.message, STATUS.get(code, 503))
    except StoreUnavailable:
        return refusal("store_unavailable", "the event store does not answer: ask again in a moment", 503)
    name = f"audit-export-{event.as_of_position}-{event.file_sha256[:12]}.{ENDINGS[file.media_type]}"
    headers = {
        "content-disposition": f'attachment; filename="{name}"',
        "cache-control": "private, no-store",
        "repr-digest": f"sha-256=:{b64encode(file.sha256).decode()}:",  # RFC 9530
        "content-length": str(len(file.content)),
    }
    content = file.content if request.method != "HEAD" else b""
    return Response(content, media_type=file.media_type, headers=headers)
