"""The schema, with the caches that make it fast and the limits that keep it up."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import psycopg
import strawberry
import structlog
from graphql import GraphQLError
from psycopg_pool import PoolTimeout
from strawberry.extensions import (
    AddValidationRules,
    DisableIntrospection,
    MaxAliasesLimiter,
    MaxTokensLimiter,
    ParserCache,
    QueryDepthLimiter,
    SchemaExtension,
    ValidationCache,
)
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StreamResult
from strawberry.tools import merge_types
from strawberry.types import ExecutionContext
from strawberry.types.execution import PreExecutionError

from adapters.keys import KeyEncryptionFault
from api.graphql import limits
from api.graphql.cameras import CameraMutations, CameraQueries
from api.graphql.cases import CaseMutations, CaseQueries
from api.graphql.complaints import ComplaintMutations, ComplaintQueries
from api.graphql.conditions import ConditionMutations
from api.graphql.documents import TOKEN_LIMIT
from api.graphql.executor import Executor
from api.graphql.files import FileQueries
from api.graphql.incidents import IncidentQueries
from api.graphql.leaving import LeavingMutations, LeavingQueries
from api.graphql.looking import LookingMutations, LookingQueries
from api.graphql.mutations import Mutation
from api.graphql.overrides import OverrideMutations, OverrideQueries
from api.graphql.oversight import OversightMutations, OversightQueries
from api.graphql.people import PeopleMutations, PeopleQueries
from api.graphql.personal_data import PersonalDataMutations, PersonalDataQueries
from api.graphql.pilot import PilotMutations, PilotQueries
from api.graphql.plates import PlateMutations, PlateQueries
from api.graphql.queries import Query
from api.graphql.retention import RetentionMutations, RetentionQueries
from api.graphql.shifts import ShiftMutations, ShiftQueries
from api.graphql.street import StreetMutations, StreetQueries, StreetSubscription
from api.graphql.subscriptions import Subscription
from api.graphql.types import POSITION, Position
from api.graphql.zones import ZoneMutations, ZoneQueries
from application.ports import StoreUnavailable
from application.sealing import KeysUnavailable, SealBroken
from projections.engine.reading import NoReadModel

log = structlog.get_logger()
CACHED_DOCUMENTS = 512
QUERIES = (  # one class a capability
    Query,
    OverrideQueries,
    ZoneQueries,
    RetentionQueries,
    PersonalDataQueries,
    PlateQueries,
    LookingQueries,
    CameraQueries,
    LeavingQueries,
    FileQueries,
    IncidentQueries,
    PeopleQueries,
    PilotQueries,
    ComplaintQueries,
    CaseQueries,
    ShiftQueries,
    OversightQueries,
    StreetQueries,
)
MUTATIONS = (
    Mutation,
    OverrideMutations,
    ZoneMutations,
    RetentionMutations,
    PersonalDataMutations,
    PlateMutations,
    LookingMutations,
    CameraMutations,
    LeavingMutations,
    PeopleMutations,
    PilotMutations,
    ComplaintMutations,
    CaseMutations,
    ShiftMutations,
    OversightMutations,
    ConditionMutations,
    StreetMutations,
)
SUBSCRIPTIONS = (Subscription, StreetSubscription)


class Schema(strawberry.Schema):
    """Errors of ours go out with their code; anything else goes to the log, and out as 'internal'.

    `admit`: raises GraphQLError where a document may not be sent over a WebSocket, by whom or at all. `went_wrong`: is
    told what came of one that was, where that is errors, before they go out: attempts are on the record.
    """

    admit: Callable[[Any, str, Any, str | None], Awaitable[None]] | None = None
    went_wrong: Callable[[Any, str, Any], Awaitable[None]] | None = None

    async def stream(
        self,
        query: str | None,
        variable_values: Any = None,
        context_value: Any = None,
        root_value: Any = None,
        operation_name: str | None = None,
        *more: Any,
        **named: Any,
    ) -> StreamResult:
        """What a WebSocket asks for, looked at as carefully as what comes over HTTP."""
        try:
            if self.admit is not None:
                await self.admit(context_value, query or "", variable_values, operation_name)
        except GraphQLError as error:
            return _refused(error)
        results = await super().stream(
            query, variable_values, context_value, root_value, operation_name, *more, **named
        )
        return self._noted(context_value, query or "", results)

    async def _noted(self, context: Any, query: str, results: StreamResult) -> StreamResult:
        async with aclosing(results):
            async for result in results:
                if self.went_wrong is not None and getattr(result, "errors", None):
                    await self.went_wrong(context, query, result)
                yield result

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        for error in errors:
            if unexpected(error):
                log.error("graphql_error", path=error.path, exc_info=error.original_error)


async def _refused(error: GraphQLError) -> AsyncGenerator[PreExecutionError, None]:
    yield PreExecutionError(data=None, errors=[error])


# What else may go wrong, and is no secret: what it is called, and what to do.
KNOWN: tuple[tuple[tuple[type[BaseException], ...], str, str], ...] = (
    ((NoReadModel,), "not_built_yet", "this read model is being built: ask again in a moment"),
    (
        (KeysUnavailable,),
        "keys_unavailable",
        "the key store does not answer, and nothing personal is shown without it: ask again in a moment",
    ),
    (
        (SealBroken, KeyEncryptionFault),
        "personal_data_unreadable",
        "what is personal cannot be opened, though nobody destroyed it: have IT run 'saferweho keys check'",
    ),
    ((StoreUnavailable,), "store_unavailable", "the event store does not answer: ask again in a moment"),
    ((psycopg.DataError,), "invalid_value", "a value holds characters or figures that nothing here is named by"),
    (
        (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout),
        "read_models_unavailable",
        "the read models do not answer: ask again in a moment",
    ),
)


def unexpected(error: GraphQLError) -> bool:
    return error.original_error is not None and not isinstance(error.original_error, GraphQLError)


def told(error: GraphQLError) -> dict[str, Any]:
    """An error as it goes out: without internals."""
    if unexpected(error):
        code = "internal"
        message = "something went wrong here, and it is in our log; what you asked for may be asked again"
        for kinds, known, what in KNOWN:
            if isinstance(error.original_error, kinds):
                code, message = known, what
                break
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
                public = told(error)
                error.message, error.extensions = public["message"], public["extensions"]


def build(introspection: bool = True) -> Schema:
    # Made once: the limiters make a rule class each time, and under a new class the cache never finds a document again.
    limiters = (QueryDepthLimiter(max_depth=limits.DEPTH_LIMIT), MaxAliasesLimiter(max_alias_count=30))
    rules = [rule for limiter in limiters for rule in limiter.validation_rules]
    extensions: list[Any] = [
        lambda: ParserCache(maxsize=CACHED_DOCUMENTS),
        lambda: ValidationCache(maxsize=CACHED_DOCUMENTS),
        lambda: AddValidationRules(rules),
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
        execution_context_class=Executor,
        config=StrawberryConfig(
            scalar_map={Position: POSITION}, disable_field_suggestions=not introspection, relay_max_results=100
        ),
    )
