"""What the API's executor answers is what graphql-core answers, errors and their places too."""

import asyncio
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pytest
import strawberry
from strawberry.schema.config import StrawberryConfig

from api.graphql.executor import Executor
from api.graphql.types import POSITION, Position


@strawberry.enum
class Colour(Enum):
    RED = "red"


@strawberry.type
class Person:
    id: strawberry.ID
    name: str
    nick: str | None


@strawberry.type
class Row:
    position: Position
    title: str
    colour: Colour
    scores: list[int]
    people: list[Person]
    owner: Person
    deputy: Person | None

    @strawberry.field
    def shout(self) -> str:
        return self.title.upper()


@dataclass
class Wrong:
    """A row whose attributes are not what the schema promises."""

    position: Any = 1
    title: Any = "wrong"
    colour: Any = Colour.RED
    scores: Any = ()
    people: Any = ()
    owner: Any = None
    deputy: Any = None


ANN = Person(id=strawberry.ID("p1"), name="Ann", nick=None)
BOB = Person(id=strawberry.ID("p2"), name="Bob", nick="B")
GOOD = Row(position=Position(7), title="x", colour=Colour.RED, scores=[1, 2], people=[ANN, BOB], owner=ANN, deputy=None)
ROWS: dict[str, list[Any]] = {
    "good": [GOOD, GOOD],
    "none": [],
    "owner": [GOOD, Wrong()],
    "scores": [Wrong(owner=ANN, scores=["many"])],
    "text": [Wrong(owner=ANN, title=object())],
    "null": [Wrong(owner=ANN, title=None)],
    "error": [Wrong(owner=ANN, title=ValueError("kept as a value"))],
    "nested": [Wrong(owner=ANN, people=[ANN, None])],
    "missing": [object()],
}


@strawberry.type
class Query:
    @strawberry.field
    async def rows(self, kind: str) -> list[Row]:
        return ROWS[kind]

    @strawberry.field
    def maybe(self, kind: str) -> list[Row | None] | None:
        return ROWS[kind]  # type: ignore[return-value]  # the wrong ones are the point


def schema(**how: Any) -> strawberry.Schema:
    return strawberry.Schema(query=Query, config=StrawberryConfig(scalar_map={Position: POSITION}), **how)


PLAIN, PLANNED = schema(), schema(execution_context_class=Executor)
SELECTIONS = (
    "position title",
    "__typename colour scores owner { __typename id name nick }",
    "other: title title people { id n: name } deputy { name }",
    "title shout owner { id }",
    "...Some ... on Row { colour }",
    "title @skip(if: $no) colour @include(if: $no)",
)


@pytest.mark.parametrize("field", ["rows", "maybe"])
@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("selection", SELECTIONS)
def test_it_answers_as_graphql_core_does(selection: str, kind: str, field: str) -> None:
    variables = "($no: Boolean! = true)" if "$no" in selection else ""
    document = f'query Q{variables} {{ {field}(kind: "{kind}") {{ {selection} }} here: __typename }}'
    if "...Some" in selection:
        document += " fragment Some on Row { position owner { name } }"

    def answer(asked: strawberry.Schema) -> Any:
        result = asyncio.run(asked.execute(document))
        return result.data, [(error.message, error.path) for error in result.errors or ()]

    expected = answer(PLAIN)
    assert answer(PLANNED) == expected
    assert (kind in {"good", "none"}) == (expected[1] == []) or expected[0] is not None
