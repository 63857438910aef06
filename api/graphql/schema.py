"""The schema, with the caches that make it fast and the limits that keep it up."""

from __future__ import annotations

from typing import Any

import strawberry
import structlog
from graphql import GraphQLError
from strawberry.extensions import (
    DisableIntrospection,
    MaxAliasesLimiter,
    MaxTokensLimiter,
    ParserCache,
    QueryDepthLimiter,
    SchemaExtension,
    ValidationCache,
)
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import merge_types
from strawberry.types import ExecutionContext

from api.graphql import limits
from api.graphql.documents import TOKEN_LIMIT
from api.graphql.mutations import Mutation
from api.graphql.queries import Query
from api.graphql.subscriptions import Subscription
from api.graphql.types import POSITION, Position

log = structlog.get_logger()
CACHED_DOCUMENTS = 512
QUERIES = (Query,)  # one class a capability
MUTATIONS = (Mutation,)
SUBSCRIPTIONS = (Subscription,)


class Schema(strawberry.Schema):
    """Errors of ours go out with their code; anything else goes to the log, and out as 'internal'."""

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        for error in errors:
            if unexpected(error):
                log.error("graphql_error", path=error.path, exc_info=error.original_error)


def unexpected(error: GraphQLError) -> bool:
    return error.original_error is not None and not isinstance(error.original_error, GraphQLError)


def told(error: GraphQLError) -> dict[str, Any]:
    """An error as it goes out: without internals."""
    if unexpected(error):
        code = "internal"
        message = "something went wrong here, and it is in our log; what you asked for may be asked again"
        if type(error.original_error).__name__ == "NoReadModel":
            code, message = "not_built_yet", "this read model is being built: ask again in a moment"
        return {"message": message, "path": error.path, "extensions": {"code": code}}
    formatted: dict[str, Any] = dict(error.formatted)
    formatted.setdefault("extensions", {}).setdefault("code", "invalid_document")
    return formatted


class _WithoutInternals(SchemaExtension):
    """The same for WebSockets, whose protocol handler formats errors itself."""

    def on_operation(self):  # type: ignore[no-untyped-def]
        yield
        result = self.execution_context.result
        for error in getattr(result, "errors", None) or ():
            if unexpected(error):
                error.message = told(error)["message"]
                error.extensions = {"code": "internal"}


def build(introspection: bool = True) -> Schema:
    extensions: list[Any] = [
        lambda: ParserCache(maxsize=CACHED_DOCUMENTS),
        lambda: ValidationCache(maxsize=CACHED_DOCUMENTS),
        lambda: QueryDepthLimiter(max_depth=limits.DEPTH_LIMIT),
        lambda: MaxAliasesLimiter(max_alias_count=30),
        lambda: MaxTokensLimiter(max_token_count=TOKEN_LIMIT),
        _WithoutInternals,
    ]
    if not introspection:
        extensions.append(DisableIntrospection)
    return Schema(
        query=merge_types("Query", QUERIES),
        mutation=merge_types("Mutation", MUTATIONS),
        subscription=merge_types("Subscription", SUBSCRIPTIONS),
        extensions=extensions,
        config=StrawberryConfig(
            scalar_map={Position: POSITION}, disable_field_suggestions=not introspection, relay_max_results=100
        ),
    )
