"""How much one free-form document may ask for: depth, cost and page size, told before anything runs.

Cost counts fields, each multiplied by the page sizes around it (GraphQL Cursor Connections: `first` or `last`; without
one, `DEFAULT_PAGE`). Persisted documents of our own pages were counted when they were built.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
)

DEPTH_LIMIT = 12
# What every tool asks to learn the schema (graphql-js `getIntrospectionQuery`): a type in up to nine wrappers. Lists
# within lists, which would cost something, graphql-core's own MaxIntrospectionDepthRule refuses.
INTROSPECTION_DEPTH_LIMIT = 15
COST_LIMIT = 10_000
PAGE_LIMIT = 100
DEFAULT_PAGE = 20
BOARD_LISTS = {"calls": 50, "drones": 8, "flights": 20, "docks": 4}  # lists that have no page argument


class TooMuch(GraphQLError):
    """The document asks for more than one request may. Codes: too_costly, too_deep, invalid_page."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, extensions={"code": code})


def check(document: DocumentNode, variables: Mapping[str, Any]) -> None:
    """Raises TooMuch, which names the limit and the figure."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    counting = _Counting(fragments, variables)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            cost = counting.cost(definition.selection_set, 1, 1, frozenset())
            if cost > COST_LIMIT:
                raise TooMuch(
                    "too_costly", f"the document costs {cost} fields, more than {COST_LIMIT}: ask for smaller pages"
                )


def _page(field: FieldNode, variables: Mapping[str, Any]) -> int | None:
    for argument in field.arguments or ():
        if argument.name.value in ("first", "last"):
            value = argument.value
            if isinstance(value, VariableNode):
                asked = variables.get(value.name.value)
            else:
                asked = int(value.value) if isinstance(value, IntValueNode) else None
            if asked is None:
                continue
            if not isinstance(asked, int) or not 1 <= asked <= PAGE_LIMIT:
                raise TooMuch(
                    "invalid_page", f"'{argument.name.value}' of '{field.name.value}' must be 1 to {PAGE_LIMIT}"
                )
            return asked
    return None


class _Counting:
    """`looked_at` counts selections as often as they are spread: fragments that spread each other twice double what
    there is to look at with every one of them, at no cost in fields, here and in every rule that validates them."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode], variables: Mapping[str, Any]) -> None:
        self._fragments = fragments
        self._variables = variables
        self._looked_at = 0

    def cost(self, selections: SelectionSetNode | None, depth: int, factor: int, within: frozenset[str]) -> int:
        if selections is None:
            return 0
        if depth > DEPTH_LIMIT:
            raise TooMuch("too_deep", f"the document is nested deeper than {DEPTH_LIMIT} levels")
        self._looked_at += len(selections.selections)
        if self._looked_at > COST_LIMIT:
            raise TooMuch("too_costly", f"the document has more than {COST_LIMIT} selections, fragments spread out")
        cost = 0
        for node in selections.selections:
            if isinstance(node, FieldNode):
                name = node.name.value
                inner = factor
                if node.selection_set is not None:
                    page = _page(node, self._variables)
                    inner *= page or BOARD_LISTS.get(name) or (DEFAULT_PAGE if _is_connection(node) else 1)
                of_the_schema = name in ("__schema", "__type")
                below = depth + 1 - (INTROSPECTION_DEPTH_LIMIT - DEPTH_LIMIT if of_the_schema else 0)
                cost += factor + self.cost(node.selection_set, below, inner, within)
            elif isinstance(node, FragmentSpreadNode):
                name = node.name.value
                if name not in self._fragments:
                    continue  # validation names it
                if name in within:
                    raise TooMuch("too_deep", f"the fragment '{name}' spreads itself")
                cost += self.cost(self._fragments[name].selection_set, depth, factor, within | {name})
            else:
                cost += self.cost(node.selection_set, depth, factor, within)  # type: ignore[attr-defined]
        return cost


def _is_connection(field: FieldNode) -> bool:
    selected = field.selection_set.selections if field.selection_set else ()
    return any(isinstance(s, FieldNode) and s.name.value in ("edges", "nodes") for s in selected)
