"""What a document may ask for is counted before anything else looks at it, and counting is quick itself."""

from __future__ import annotations

import pytest
from graphql import get_introspection_query, parse

from api.graphql import limits


def doubling(fragments: int, leaf: str) -> str:
    """Each fragment spreads the next one twice: 2^`fragments` leaves in a text that grows by a line a fragment."""
    spreads = [f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(fragments)]
    return " ".join(["{ ...F0 }", *spreads, f"fragment F{fragments} on Query {{ {leaf} }}"])


@pytest.mark.parametrize("leaf", ["viewer { id }", "...Unknown"])
def test_fragments_that_double_are_not_counted_to_the_end(leaf: str) -> None:
    with pytest.raises(limits.TooMuch) as told:
        limits.check(parse(doubling(200, leaf)), {})
    assert told.value.extensions == {"code": "too_costly"}


@pytest.mark.parametrize("more", ["", "...B "])
def test_a_fragment_that_spreads_itself_is_refused(more: str) -> None:
    document = parse(f"{{ ...A }} fragment A on Query {{ {more}...A }} fragment B on Query {{ ...A }}")
    with pytest.raises(limits.TooMuch) as told:
        limits.check(document, {})
    assert told.value.extensions == {"code": "too_deep"}


def test_a_fragment_costs_what_its_fields_cost_where_it_stands() -> None:
    page = "auditTrail(first: 100) { edges { node { ...N } } }"
    fields = "fragment N on AuditEvent { " + " ".join(f"f{n}: type" for n in range(90)) + " }"
    limits.check(parse(f"{{ {page} }} {fields}"), {})
    with pytest.raises(limits.TooMuch):
        limits.check(parse(f"{{ {page} more: {page} }} {fields}"), {})


def test_what_every_tool_asks_to_learn_the_schema_is_let_through_and_nothing_deeper() -> None:
    limits.check(parse(get_introspection_query()), {})
    with pytest.raises(limits.TooMuch) as told:
        limits.check(parse(get_introspection_query(type_depth=10)), {})
    assert told.value.extensions == {"code": "too_deep"}
