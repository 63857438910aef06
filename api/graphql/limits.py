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
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            cost = _cost(definition.selection_set, fragments, variables, 1, 1, frozenset())
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


def _cost(
    selections: SelectionSetNode | None,
    fragments: Mapping[str, FragmentDefinitionNode],
    variables: Mapping[str, Any],
    depth: int,
    factor: int,
    within: frozenset[str],
) -> int:
    if selections is None:
        return 0
    if depth > DEPTH_LIMIT:
        raise TooMuch("too_deep", f"the document is nested deeper than {DEPTH_LIMIT} levels")
    cost = 0
    for node in selections.selections:
        if isinstance(node, FieldNode):
            name = node.name.value
            inner = factor
            if node.selection_set is not None:
                page = _page(node, variables)
                inner *= page or BOARD_LISTS.get(name) or (DEFAULT_PAGE if _is_connection(node) else 1)
            cost += factor + _cost(node.selection_set, fragments, variables, depth + 1, inner, within)
        elif isinstance(node, FragmentSpreadNode):
            name = node.name.value
            if name not in fragments or name in within:
                continue  # validation names unknown fragments and cycles
            cost += _cost(fragments[name].selection_set, fragments, variables, depth, factor, within | {name})
        else:
            cost += _cost(node.selection_set, fragments, variables, depth, factor, within)  # type: ignore[attr-defined]
        if cost > COST_LIMIT * 100:
            break  # far past any limit: no need to count on
    return cost


def _is_connection(field: FieldNode) -> bool:
    selected = field.selection_set.selections if field.selection_set else ()
    return any(isinstance(s, FieldNode) and s.name.value in ("edges", "nodes") for s in selected)
