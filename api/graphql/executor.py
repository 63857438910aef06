"""Plain objects answered in one go.

Of the time that a page of rows takes, graphql-core spends most on each field anew: it builds a resolve-info, asks for
arguments, awaits nothing. For an object whose selected fields are all attributes, that is the same for each row, so it
is worked out once a selection here, as a list of (name, read). What is not plain, and whatever goes wrong, is left to
graphql-core, which locates the error (GraphQL specification, §6.4).
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from graphql import (
    GraphQLObjectType,
    GraphQLOutputType,
    Undefined,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.field import StrawberryField

Read = Callable[[Any], Any]  # source → completed value
Plan = list[tuple[str, Read]]


class Executor(StrawberryGraphQLCoreExecutionContext):
    """Strawberry's executor, with a plan for each selection of plain fields."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        # By identity, as graphql-core keeps collected fields; the selection is held so that its id stays its own.
        self._plans: dict[int, tuple[Any, Plan | None]] = {}

    def execute_fields(
        self, parent_type: GraphQLObjectType, source_value: Any, path: Any, grouped_field_set: Any, position: Any
    ) -> Any:
        known = self._plans.get(id(grouped_field_set))
        if known is None:
            known = self._plans[id(grouped_field_set)] = (grouped_field_set, self._plan(parent_type, grouped_field_set))
        plan = known[1]
        if plan is not None:
            try:
                return {name: read(source_value) for name, read in plan}
            except Exception:  # noqa: S110  whatever it is, the general way below finds it again and says where
                pass
        return super().execute_fields(parent_type, source_value, path, grouped_field_set, position)

    def _plan(self, parent: GraphQLObjectType, selection: Any) -> Plan | None:
        """None where a field of the selection is more than an attribute."""
        around = self.middleware_manager
        if around is not None and around.middlewares:  # which may see each field
            return None
        plan: Plan = []
        for name, details in selection.items():
            node = details[0].node
            if node.name.value == "__typename":
                plan.append((name, lambda _: parent.name))
                continue
            field = self.schema.get_field(parent, node.name.value)
            definition = field.extensions.get("strawberry-definition") if field else None
            if field is None or not (isinstance(definition, StrawberryField) and definition.is_basic_field):
                return None
            complete = self._complete(field.type, details)
            if complete is None:
                return None
            plan.append((name, _reading(definition.python_name, complete)))
        return plan

    def _complete(self, type_: GraphQLOutputType, details: Any) -> Read | None:
        """How a value of this type becomes its answer; raises where it must not be null and is."""
        if is_non_null_type(type_):
            return _never_null(self._complete_some(type_.of_type, details))
        return _maybe_null(self._complete_some(type_, details))

    def _complete_some(self, type_: GraphQLOutputType, details: Any) -> Read | None:
        if is_leaf_type(type_):
            return type_.coerce_output_value
        if is_list_type(type_):
            item = self._complete(type_.of_type, details)
            return None if item is None else lambda values: [item(value) for value in values]
        if is_object_type(type_) and type_.is_type_of is None:
            plan = self._plan(type_, self.collect_subfields(type_, details).grouped_field_set)
            return None if plan is None else lambda source: {name: read(source) for name, read in plan}
        return None


def _reading(attribute: str, complete: Read) -> Read:
    get = attrgetter(attribute)
    return lambda source: complete(get(source))


def _never_null(complete: Read | None) -> Read | None:
    if complete is None:
        return None

    def some(value: Any) -> Any:
        completed = complete(value) if value is not None else None
        if completed is None or completed is Undefined or isinstance(value, Exception):
            raise TypeError
        return completed

    return some


def _maybe_null(complete: Read | None) -> Read | None:
    some = _never_null(complete)
    return None if some is None else lambda value: None if value is None else some(value)
