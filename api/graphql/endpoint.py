"""`POST /graphql` and the WebSocket beside it.

An answer out of read models at position N never changes, so it is kept by document, variables, what the reader may
see, and N, and served with N as its ETag until the model moves. What was read of the record is kept with it: who is
given a kept answer, or told that theirs still holds, has read as well.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson
from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, OperationType
from opentelemetry import trace
from prometheus_client import Counter, Histogram
from starlette.requests import Request
from starlette.responses import Response
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType as Kind

from api.bodies import body_within
from api.graphql import limits
from api.graphql.commands import misfit, refused_readings
from api.graphql.context import Context, Services, Unreadable
from api.graphql.documents import Document, Documents
from api.graphql.schema import Schema, told
from application.observability import context_of as trace_of
from application.readings import Reading

BODY_LIMIT = 64 * 1024
CACHE_BYTES = 64 * 1024 * 1024
SECONDS = Histogram("saferweho_graphql_seconds", "GraphQL requests over HTTP", ["operation"])
CACHED = Counter("saferweho_graphql_cached_total", "Answers served from those kept at a position", ["hit"])
tracer = trace.get_tracer("saferweho.api")
ALLOWED = (Kind.QUERY, Kind.MUTATION)


class Answer(NamedTuple):
    content: bytes
    read: tuple[Reading, ...]  # what of the record is in it


class Answers:
    """Answers kept at the positions they were true for. The oldest go first above CACHE_BYTES."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Any, ...], Answer] = OrderedDict()
        self._bytes = 0

    def get(self, key: tuple[Any, ...]) -> Answer | None:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def keep(self, key: tuple[Any, ...], answer: Answer) -> None:
        known = self._kept.get(key)
        self._bytes += len(answer.content) - (len(known.content) if known else -_size(key))
        self._kept[key] = answer
        while self._bytes > CACHE_BYTES:
            oldest, gone = self._kept.popitem(last=False)
            self._bytes -= len(gone.content) + _size(oldest)


def _size(key: tuple[Any, ...]) -> int:
    """Bytes. Variables may be far longer than the answer: also those that the document does not know."""
    return 500 + sum(len(part) for part in key if isinstance(part, str | bytes))


def json(content: bytes, status: int = 200, **headers: str) -> Response:
    return Response(
        content, status, media_type="application/json", headers={"cache-control": "private, no-cache", **headers}
    )


def unmodified(etag: str) -> Response:
    return Response(status_code=304, headers={"etag": etag})


def refusal(code: str, message: str, status: int) -> Response:
    return json(orjson.dumps({"errors": [{"message": message, "extensions": {"code": code}}]}), status)


def operation_of(ast: DocumentNode, name: str | None) -> OperationDefinitionNode:
    """The one operation that is to run. Raises Unreadable."""
    operations = [d for d in ast.definitions if isinstance(d, OperationDefinitionNode)]
    wanted = [d for d in operations if name is None or (d.name is not None and d.name.value == name)]
    if len(wanted) != 1:
        raise Unreadable("invalid_document", "name in 'operationName' one of the document's operations")
    return wanted[0]


class Endpoint:
    def __init__(self, schema: Schema, documents: Documents, services: Services) -> None:
        self._schema = schema
        self._documents = documents
        self._services = services
        self._answers = Answers()

    async def answer(self, request: Request, context: Context) -> Response:
        body = await body_within(request, BODY_LIMIT)
        if body is None:
            return refusal("too_large", f"the request is longer than {BODY_LIMIT} bytes", 413)
        try:
            asked = orjson.loads(body)
            if not isinstance(asked, dict):
                raise ValueError("not an object")
        except ValueError:
            return refusal("malformed", "the body is not one JSON object with 'query' or 'extensions'", 400)
        variables, operation = asked.get("variables") or {}, asked.get("operationName")
        if not isinstance(variables, dict) or not isinstance(operation, str | None):
            return refusal("malformed", "'variables' must be an object and 'operationName' a text", 400)
        try:
            document = self.document(context, asked, variables)
        except GraphQLError as error:
            return json(orjson.dumps({"errors": [told(error)]}))
        with SECONDS.labels(operation or "unnamed").time() if document.persisted else SECONDS.labels("free").time():
            return await self._run(request, context, document, variables, operation)

    def document(
        self, context: Context, asked: dict[str, Any], variables: dict[str, Any], *, over_http: bool = True
    ) -> Document:
        """The document asked for, where this reader may send it. Raises GraphQLError."""
        extensions = asked.get("extensions")
        persisted = extensions.get("persistedQuery") if isinstance(extensions, dict) else None
        sha256 = persisted.get("sha256Hash") if isinstance(persisted, dict) else None
        text = asked.get("query")
        document = self._documents.find(text if isinstance(text, str) else None, sha256)
        operation = operation_of(document.ast, asked.get("operationName"))
        if over_http and operation.operation is OperationType.SUBSCRIPTION:
            raise Unreadable("invalid_document", "a subscription needs a WebSocket: connect with graphql-transport-ws")
        if not document.persisted:
            # A page that was made to send something else than it was built with gets nowhere with its cookie.
            if context.by_cookie and context.claimed is not None:
                raise Unreadable("not_permitted", "a page may send its own documents alone; with a token, send any")
            if context.reader is not None and not context.may("query_free_form"):
                raise Unreadable("not_permitted", "your roles do not permit documents of your own")
            limits.check(document.ast, variables)
        return document

    async def admit(self, context: Context, text: str, variables: Any, operation: str | None) -> None:
        """The same for a document that comes over a WebSocket, which may be open for long. Raises GraphQLError."""
        if context.renew is not None:
            context.reader = await context.renew()
        asked = {"query": text, "operationName": operation}
        self.document(context, asked, variables if isinstance(variables, dict) else {}, over_http=False)

    async def went_wrong(self, context: Context, text: str, result: ExecutionResult) -> None:
        """What was refused over a WebSocket is on the record as it is over HTTP."""
        await self._note(context, self._documents.find(text, None).ast, result.data, result.errors or [])

    @staticmethod
    async def _note(context: Context, ast: DocumentNode, data: Any, errors: Sequence[GraphQLError]) -> None:
        if data is None:
            await misfit(context, ast, errors)
        await refused_readings(context, errors)

    async def _run(
        self, request: Request, context: Context, document: Document, variables: dict[str, Any], operation: str | None
    ) -> Response:
        key, etag = self._key(context, document, variables, operation)
        holds = key is not None and request.headers.get("if-none-match") == etag
        if key is not None:
            kept = self._answers.get(key)
            CACHED.labels("yes" if kept else "no").inc()
            if kept is not None:
                try:
                    for reading in kept.read:
                        await context.record(reading)
                except GraphQLError as error:
                    return json(orjson.dumps({"data": None, "errors": [told(error)]}))
                return unmodified(etag) if holds else json(kept.content, etag=etag)
        context.read = []
        within = trace.get_current_span().get_span_context().is_valid  # of whoever traces all requests, if anybody
        born_in = None if within else trace_of(request.headers.get("traceparent", ""))
        with tracer.start_as_current_span(f"graphql {operation or 'unnamed'}", born_in):
            result = await self._schema.execute(
                document.text,
                variable_values=variables,
                context_value=context,
                operation_name=operation,
                allowed_operation_types=ALLOWED,
            )
        answer: dict[str, Any] = {"data": result.data}
        if result.errors:
            await self._note(context, document.ast, result.data, result.errors)
            answer["errors"] = [told(error) for error in result.errors]
        content = orjson.dumps(answer, default=str)
        if key is None or result.errors:
            return json(content)
        # Kept only if no model moved meanwhile: then it is true at exactly these positions.
        if self._key(context, document, variables, operation)[0] == key:
            self._answers.keep(key, Answer(content, tuple(context.read)))
            return unmodified(etag) if holds else json(content, etag=etag)
        return json(content)

    def _key(
        self, context: Context, document: Document, variables: dict[str, Any], operation: str | None
    ) -> tuple[tuple[Any, ...] | None, str]:
        if document.models is None or context.reader is None or "afterPosition" in variables:
            return None, ""
        states = tuple(self._services.applied.state(model) for model in document.models)
        if None in states:
            return None, ""
        # What is seen depends on the reader's roles, and for one's own record on the reader.
        sees = "all" if context.may("read_audit_trail") else context.reader.person
        roles = ",".join(sorted(context.reader.roles))
        asked = orjson.dumps([variables, operation], option=orjson.OPT_SORT_KEYS)
        key = (document.sha256, asked, sees, roles, states)
        etag = hashlib.blake2b(repr((document.sha256, asked, sees, roles)).encode(), digest_size=8).hexdigest()
        return key, f'"{"-".join(f"{state[0]}.{state[1]}" for state in states if state)}-{etag}"'
