"""The table of expected answers in `expected.txt`, read; and as a command, the cells that nobody has answered yet.

Roles, actions and circumstances come from the Cedar schema. The answers never do: they are written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from types import MappingProxyType

from infra.who_may import actions, roles

TABLE = Path(__file__).with_name("expected.txt")
LABEL = 31  # characters before the first cell
CELL = 6

COLUMNS: Mapping[str, str | None] = MappingProxyType(
    {
        "oper": "watch_operator",
        "supv": "watch_supervisor",
        "pilot": "remote_pilot",
        "capt": "station_commander",
        "resp": "field_responder",
        "ambs": "ambassador",
        "anal": "city_analyst",
        "audt": "auditor",
        "admn": "administrator",
        "serv": "service",
        "none": None,
    }
)
# What each fact of the schema may be. Left out means that whoever asked the rules did not know.
FACTS: Mapping[str, tuple[bool | None, ...]] = MappingProxyType(
    {
        "own_record": (False, True),
        "own_request": (False, True, None),
        "of_oversight": (False, True, None),
        "stepped_up": (True, False),
        "needs_station_commander": (False, True),
        "shared_with_open_incident": (False, True),
        "commands_flight": (False, True),
        "review_access": (False, True),
    }
)
CIRCUMSTANCES: Mapping[str, tuple[str, bool | None]] = MappingProxyType(
    {
        "own request": ("own_request", True),
        "nobody's request": ("own_request", None),
        "own record": ("own_record", True),
        "of oversight": ("of_oversight", True),
        "of whom unknown": ("of_oversight", None),
        "no step-up": ("stepped_up", False),
        "captain's": ("needs_station_commander", True),
        "shared": ("shared_with_open_incident", True),
        "own flight": ("commands_flight", True),
        "review": ("review_access", True),
    }
)
ANSWERS: Mapping[str, bool | None] = MappingProxyType({"yes": True, "-": False, "?": None})

Facts = Mapping[str, bool | None]


@dataclass(frozen=True, slots=True)
class Line:
    """The answers by column in some circumstances; without any, in all others. None: not answered yet."""

    action: str
    circumstances: tuple[str, ...]
    answers: Mapping[str, bool | None]

    def applies(self, facts: Facts) -> bool:
        return all(facts[fact] is value for fact, value in (CIRCUMSTANCES[name] for name in self.circumstances))


@dataclass(frozen=True, slots=True)
class Expected:
    lines: Mapping[str, tuple[Line, ...]]

    def answer(self, action: str, column: str, facts: Facts) -> bool | None:
        """Of the first line whose circumstances are given, else of the action's own."""
        own, *conditional = self.lines[action]
        line = next((line for line in conditional if line.applies(facts)), own)
        return line.answers[column]


def read(text: str | None = None) -> Expected:
    """Raises ValueError with the number of a line that is not as the table says it must be."""
    lines: dict[str, list[Line]] = {}
    columns: list[str] = []
    action = ""
    for number, row in enumerate((text or TABLE.read_text("utf-8")).splitlines(), 1):
        if not row or row.startswith("#"):
            continue
        label, cells = row[:LABEL].rstrip(), row[LABEL:].split()
        if label == "action":
            columns = cells
            if columns != list(COLUMNS):
                raise ValueError(f"line {number}: the columns are {' '.join(COLUMNS)}")
            continue
        if len(cells) != len(columns) or not set(cells) <= set(ANSWERS):
            raise ValueError(f"line {number}: a cell for each column, yes, - or ?")
        answers = {column: ANSWERS[cell] for column, cell in zip(columns, cells, strict=True)}
        if not row.startswith(" "):
            action = label
            if action in lines:
                raise ValueError(f"line {number}: {action} has been answered above")
            lines[action] = [Line(action, (), answers)]
            continue
        names = tuple(label.strip().split(", "))
        if not set(names) <= set(CIRCUMSTANCES):
            raise ValueError(f"line {number}: the circumstances are {', '.join(CIRCUMSTANCES)}")
        lines[action].append(Line(action, names, answers))
    return Expected({action: tuple(found) for action, found in lines.items()})


def every_circumstance() -> Iterator[Facts]:
    """Every combination of what the facts of the schema may be."""
    for values in product(*FACTS.values()):
        yield dict(zip(FACTS, values, strict=True))


def facts_of_the_schema(schema: str) -> list[str]:
    return re.findall(r"(\w+)\??: Bool", schema)


def unanswered() -> list[str]:
    """The actions of the schema that the table has no line for."""
    return [action for action in actions() if action not in read().lines]


def main() -> None:
    assert sorted(roles()) == sorted(role for role in COLUMNS.values() if role)
    header = "action".ljust(LABEL) + "".join(column.ljust(CELL) for column in COLUMNS).rstrip()
    rows = [action.ljust(LABEL) + "".join("?".ljust(CELL) for _ in COLUMNS).rstrip() for action in unanswered()]
    if rows:
        with TABLE.open("a", encoding="utf-8") as table:
            table.write("\n".join(["", "# To be answered", header, *rows]) + "\n")
    print(f"{len(rows)} actions to answer in {TABLE.name}")


if __name__ == "__main__":
    main()
