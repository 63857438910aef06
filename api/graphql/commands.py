"""How a mutation becomes a command, and its outcome a result. A mistake in the form is on the record too."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

import strawberry
from graphql import DocumentNode, FieldNode, GraphQLError, OperationDefinitionNode, OperationType

from api.graphql import types as t
from api.graphql.context import Context, context_of
from application import handling
from application.handling import Actor, Attempt, Outcome, Recorded
from domain.kernel import InvalidValue, Mistake

Choice = TypeVar("Choice", bound=StrEnum)
STORE_AWAY = handling.Unavailable("store_unavailable", "nothing was recorded: the event store does not answer")
Do = Callable[[Actor, UUID], Outcome]


def chosen(options: type[Choice], value: str, field: str) -> Choice:
    """Raises InvalidValue, which names what is accepted."""
    try:
        return options(value)
    except ValueError:
        accepted = ", ".join(option.value for option in options)
        raise InvalidValue(f"'{field}' is not one of the choices", field=field, accepted=accepted) from None


async def command(info: strawberry.Info, name: str, command_id: strawberry.ID | None, do: Do) -> t.CommandResult:
    """Run `do` beside the event loop, and tell what became of it."""
    context = context_of(info)
    handler = context.services.handler
    identity = handler.ids.event_id()
    if context.store_away:
        return result(identity, STORE_AWAY)
    actor = context.signed_on()
    try:
        if command_id is not None:
            identity = uuid_of(command_id)
        outcome = await asyncio.to_thread(do, actor, identity)
    except Mistake as mistake:
        outcome = await asyncio.to_thread(rejected, context, name, identity, mistake)
    return result(identity, outcome)


def uuid_of(text: str) -> UUID:
    """Raises InvalidValue."""
    try:
        return UUID(str(text))
    except ValueError:
        raise InvalidValue("'commandId' is no UUID", field="commandId", accepted="a UUID, fresh per command") from None


def rejected(context: Context, name: str, command_id: UUID, mistake: Mistake) -> Outcome:
    """Record an attempt whose form was wrong before any use case saw it."""
    handler = context.services.handler
    actor = context.signed_on()

    def use(_: Attempt) -> Recorded:
        raise mistake

    ticket = handler.ticket(name, [mistake.code, mistake.field], actor, command_id)
    return handler.handle(actor, ticket, use)


_AT = re.compile(r"Variable '\$(\w+)' has invalid value(?: at ([\w.\[\]]+))?")  # graphql-core's words


async def misfit(context: Context, ast: DocumentNode, errors: Sequence[GraphQLError]) -> None:
    """A command whose variables do not fit the schema was never run: the attempt is on the record all the same. Says
    in the first error's extensions which field it was."""
    named = _AT.match(errors[0].message)
    operations = [d for d in ast.definitions if isinstance(d, OperationDefinitionNode)]
    if context.reader is None or named is None or operations[0].operation is not OperationType.MUTATION:
        return
    field = named[1] + (named[2] or "")
    errors[0].extensions = {"code": InvalidValue.code, "field": field}
    mutation = next((s.name.value for s in operations[0].selection_set.selections if isinstance(s, FieldNode)), "")
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", mutation).lower()
    mistake = InvalidValue(f"'{field}' does not fit the schema", field=field, accepted="a value of the type it states")
    await asyncio.to_thread(rejected, context, name, context.services.handler.ids.event_id(), mistake)


async def refused_readings(context: Context, errors: Sequence[GraphQLError]) -> None:
    """Who tried to read what they may not is on the record, as with every other attempt."""
    if context.reader is None:
        return
    refused = [error.extensions or {} for error in errors]
    actions = dict.fromkeys(e["action"] for e in refused if e.get("code") == "not_permitted" and e.get("action"))
    for action in actions:
        await asyncio.to_thread(context.services.readings.attempted, context.reader, action)


def result(command_id: UUID, outcome: Outcome) -> t.CommandResult:
    key = strawberry.ID(str(command_id))
    match outcome:
        case handling.Accepted():
            return t.Accepted(
                command_id=key,
                position=t.Position(outcome.position),
                stream=strawberry.ID(outcome.stream),
                id=strawberry.ID(outcome.key),
                replayed=outcome.replayed,
                outcome=outcome.outcome,
                sent_at=outcome.sent_at,
            )
        case handling.Refused():
            return t.Refused(
                command_id=key,
                position=t.Position(outcome.position),
                stream=strawberry.ID(outcome.stream),
                reasons=[
                    t.Reason(code=r.code, message=r.message, rule=r.rule, field=r.field, accepted=r.accepted)
                    for r in outcome.reasons
                ],
                decided_by=outcome.decided_by or None,
            )
        case handling.Mistaken():
            return t.Mistaken(
                command_id=key,
                code=outcome.code,
                field=outcome.field,
                message=outcome.message,
                accepted=outcome.accepted,
            )
        case handling.Unavailable():
            return t.Unavailable(
                command_id=key,
                code=outcome.code,
                message=outcome.message,
                retry_after_seconds=outcome.retry_after_s,
            )
