"""SCIM 2.0 for the personnel system: who has come, moved and left (RFC 7643, RFC 7644; the part that is needed).

A user's `id` and `userName` are the person's id here: what the identity provider names them by. Roles are not given
through this door, so nobody comes to see anything by it. Nothing is deleted: who is removed has left.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import msgspec
import orjson
from fastapi import APIRouter, Request, Response
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from api.cad import BODY_LIMIT, Keys
from application.handling import KEY, Accepted, Mistaken, Outcome, Refused
from application.people import Employee, Provisioning
from domain.kernel import PersonId
from domain.person import Account, Organisation, Role
from projections.people import queries

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
MESSAGES = "urn:ietf:params:scim:api:messages:2.0"
MEDIA_TYPE = "application/scim+json"
MOST = 200
_FILTER = re.compile(r'\s*(?:userName|id)\s+eq\s+"([^"\\]*)"\s*', re.IGNORECASE)
_VALUE_OF_EMAILS = re.compile(r"emails(\[[^\]]*\])?\.value", re.IGNORECASE)

Json = dict[str, Any]
Reads = AsyncConnectionPool[AsyncConnection[Any]]


class ScimRefused(Exception):
    def __init__(self, status: int, detail: str, scim_type: str | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.scim_type = status, detail, scim_type


def router(provisioning: Provisioning, reads: Reads, keys: Keys, base_url: str) -> APIRouter:
    routes = APIRouter(prefix="/scim/v2", include_in_schema=False)
    users = Users(provisioning, reads, base_url)

    def admit(request: Request) -> None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not keys.holds(key.strip()):
            raise ScimRefused(401, "send 'Authorization: Bearer <key>' with a valid key")

    async def body_of(request: Request) -> Json:
        body = await request.body()
        if len(body) > BODY_LIMIT:
            raise ScimRefused(413, f"a request is at most {BODY_LIMIT} bytes")
        try:
            found = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise ScimRefused(400, "the body is no JSON", "invalidSyntax") from None
        if not isinstance(found, dict):
            raise ScimRefused(400, "the body is no JSON object", "invalidSyntax")
        return cast(Json, found)

    @routes.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def scim(request: Request, path: str) -> Response:
        try:
            admit(request)
            kind, _, key = path.strip("/").partition("/")
            match request.method, kind, bool(key):
                case "GET", "ServiceProviderConfig", False:
                    return _json(CONFIG)
                case "GET", "ResourceTypes", False:
                    return _json(_listed([RESOURCE_TYPE], 1))
                case "GET", "Users", False:
                    return _json(await users.listed(request.query_params))
                case "GET", "Users", True:
                    return _json(await users.one(key))
                case "POST", "Users", False:
                    return _json(await users.create(await body_of(request)), 201)
                case "PUT", "Users", True:
                    return _json(await users.replace(key, await body_of(request)))
                case "PATCH", "Users", True:
                    return _json(await users.patch(key, await body_of(request)))
                case "DELETE", "Users", True:
                    await users.remove(key)
                    return Response(status_code=204)
                case _:
                    raise ScimRefused(404, f"there is nothing to {request.method} here: users are at /scim/v2/Users")
        except ScimRefused as refused:
            error: Json = {"schemas": [f"{MESSAGES}:Error"], "status": str(refused.status), "detail": refused.detail}
            if refused.scim_type:
                error["scimType"] = refused.scim_type
            return _json(error, refused.status)

    return routes


class Users:
    """Reads one user from the store, so that what was just written is seen; lists them from the read model."""

    def __init__(self, provisioning: Provisioning, reads: Reads, base_url: str) -> None:
        self._provisioning, self._reads, self._base_url = provisioning, reads, base_url

    async def one(self, key: str) -> Json:
        return self._user(await self._employee(key))

    async def listed(self, asked: Mapping[str, str]) -> Json:
        start, count = _number(asked, "startIndex", 1), min(_number(asked, "count", MOST), MOST)
        if "filter" in asked:
            wanted = _FILTER.fullmatch(asked["filter"])
            if wanted is None:
                raise ScimRefused(400, 'accepted: userName eq "…"', "invalidFilter")
            account = await self._known(wanted[1])
            found = [] if account is None else [_employee(wanted[1], account)]
        else:
            now = self._provisioning.handler.clock.now()
            async with self._reads.connection() as connection:
                everybody = await queries.people(connection, now)
            found = [_employee_of(row) for row in everybody.people if Role.SERVICE not in row.roles]
        page = found[max(start, 1) - 1 :][: max(count, 0)]
        return _listed([self._user(employee) for employee in page], len(found), max(start, 1))

    async def create(self, body: Json) -> Json:
        wanted = _parsed(body, None)
        if await self._exists(wanted.person):
            raise ScimRefused(409, "this userName has an account already", "uniqueness")
        if wanted.active is False:
            raise ScimRefused(400, "who is not active needs no account", "invalidValue")
        return await self._applied(wanted)

    async def replace(self, key: str, body: Json) -> Json:
        return await self._applied(_parsed(body, await self._employee(key)))

    async def patch(self, key: str, body: Json) -> Json:
        # Nobody leaves or comes back by a request that does not say so.
        employee = replace(await self._employee(key), active=None)
        operations = body.get("Operations")
        if not isinstance(operations, list) or not operations:
            raise ScimRefused(400, "'Operations' is missing", "invalidSyntax")
        for operation in operations:
            employee = _patched(employee, operation)
        return await self._applied(employee)

    async def remove(self, key: str) -> None:
        await self._applied(replace(await self._employee(key), active=False))

    async def _applied(self, wanted: Employee) -> Json:
        told = await asyncio.to_thread(self._provisioning.apply, wanted)
        if not isinstance(told, Accepted):
            raise _refusal(told)
        return await self.one(wanted.person)

    async def _known(self, key: str) -> Account | None:
        return await asyncio.to_thread(self._provisioning.known, key) if KEY.fullmatch(key) else None

    async def _exists(self, key: str) -> bool:
        return await asyncio.to_thread(self._provisioning.exists, key)

    async def _employee(self, key: str) -> Employee:
        account = await self._known(key)
        if account is None:
            raise ScimRefused(404, "there is no such user")
        return _employee(key, account)

    def _user(self, employee: Employee) -> Json:
        return {
            "schemas": [USER, ENTERPRISE],
            "id": employee.person,
            "userName": employee.person,
            "displayName": employee.name,
            "name": {"formatted": employee.name},
            "emails": [{"value": employee.email, "type": "work", "primary": True}],
            "active": employee.active,
            ENTERPRISE: {"organization": str(employee.organisation)},
            "meta": {"resourceType": "User", "location": f"{self._base_url}/scim/v2/Users/{employee.person}"},
        }


# -- from and to SCIM ----------------------------------------------------------


def _employee(key: str, account: Account) -> Employee:
    return Employee(PersonId(key), account.name, account.organisation, account.email, not account.left)


def _employee_of(row: queries.Person) -> Employee:
    organisation = Organisation(row.organisation)
    return Employee(PersonId(row.person), row.name, organisation, row.email, row.left_at is None)


def _parsed(body: Json, known: Employee | None) -> Employee:
    """What a whole user says. `known`: whose; the id never changes."""
    key = _text(body.get("userName"), "userName")
    if known is not None and key != known.person:
        raise ScimRefused(400, "a userName never changes: one person, one account", "mutability")
    named = body.get("name")
    named = named if isinstance(named, dict) else {}
    full = " ".join(filter(None, (str(named.get(part) or "") for part in ("givenName", "familyName"))))
    name = body.get("displayName") or named.get("formatted") or full
    about_work = body.get(ENTERPRISE)
    about_work = about_work if isinstance(about_work, dict) else {}
    return Employee(
        PersonId(key),
        _text(name, "displayName"),
        _organisation(about_work.get("organization")),
        _email(body.get("emails")),
        _flag(body["active"]) if "active" in body else None,
    )


def _patched(employee: Employee, operation: Any) -> Employee:
    """RFC 7644 §3.5.2; `add` and `replace` mean the same for what a user has one of."""
    if not isinstance(operation, dict) or str(operation.get("op", "")).lower() not in ("add", "replace"):
        raise ScimRefused(400, "accepted operations: add, replace", "invalidSyntax")
    path, value = operation.get("path"), operation.get("value")
    if path is None and isinstance(value, dict):
        for name, each in value.items():
            employee = _changed(employee, str(name), each)
        return employee
    return _changed(employee, str(path), value)


def _changed(employee: Employee, path: str, value: Any) -> Employee:
    known = path.lower()
    if known == "active":
        return replace(employee, active=_flag(value))
    if known in ("displayname", "name.formatted"):
        return replace(employee, name=_text(value, path))
    if known == "name" and isinstance(value, dict):
        return replace(employee, name=_text(value.get("formatted"), "name.formatted"))
    if known == "emails":
        return replace(employee, email=_email(value))
    if _VALUE_OF_EMAILS.fullmatch(path):
        return replace(employee, email=_text(value, path))
    if path == ENTERPRISE and isinstance(value, dict):
        return replace(employee, organisation=_organisation(value.get("organization")))
    if known == f"{ENTERPRISE}:organization".lower():
        return replace(employee, organisation=_organisation(value))
    if known == "username" and value == employee.person:
        return employee
    raise ScimRefused(
        400, f"{path[:80]} cannot be changed here", "invalidPath" if known != "username" else "mutability"
    )


def _text(value: Any, field: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ScimRefused(400, f"'{field[:80]}' is missing or no text", "invalidValue")
    return value.strip()


def _flag(value: Any) -> bool:
    # Some personnel systems send the words.
    found = {"true": True, "false": False}.get(str(value).lower())
    if found is None:
        raise ScimRefused(400, "'active' is neither true nor false", "invalidValue")
    return found


def _email(value: Any) -> str:
    entries = [e for e in value if isinstance(e, dict)] if isinstance(value, list) else []
    chosen = next((e for e in entries if e.get("primary") is True), entries[0] if entries else {})
    return _text(chosen.get("value"), "emails")


def _organisation(value: Any) -> Organisation:
    try:
        return Organisation(str(value))
    except ValueError:
        accepted = ", ".join(Organisation)
        raise ScimRefused(400, f"organization of {ENTERPRISE}: accepted are {accepted}", "invalidValue") from None


def _number(asked: Mapping[str, str], name: str, otherwise: int) -> int:
    try:
        return int(asked.get(name, otherwise))
    except ValueError:
        raise ScimRefused(400, f"'{name}' is no number", "invalidValue") from None


def _refusal(told: Outcome) -> ScimRefused:
    match told:
        case Mistaken(message=message, accepted=accepted):
            return ScimRefused(400, f"{message}; accepted: {accepted}" if accepted else message, "invalidValue")
        case Refused(reasons=reasons):
            return ScimRefused(403, "; ".join(reason.message for reason in reasons))
        case _:
            return ScimRefused(503, getattr(told, "message", "the event store does not answer: try again"))


def _listed(resources: list[Json], total: int, start: int = 1) -> Json:
    return {
        "schemas": [f"{MESSAGES}:ListResponse"],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": len(resources),
        "Resources": resources,
    }


def _json(content: Json, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type=MEDIA_TYPE)


CONFIG: Json = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
    "patch": {"supported": True},
    "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
    "filter": {"supported": True, "maxResults": MOST},
    "changePassword": {"supported": False},
    "sort": {"supported": False},
    "etag": {"supported": False},
    "authenticationSchemes": [
        {"type": "oauthbearertoken", "name": "Bearer key", "description": "a key of SAFERWEHO_SCIM_KEYS"}
    ],
}
RESOURCE_TYPE: Json = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
    "id": "User",
    "name": "User",
    "endpoint": "/Users",
    "schema": USER,
    "schemaExtensions": [{"schema": ENTERPRISE, "required": True}],
}
