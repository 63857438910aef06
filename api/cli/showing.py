"""What a verb found, for people and as JSON."""

from __future__ import annotations

import json as json_
import sys
from typing import Any

import click

TIMES = ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ")  # that a person may type
NO_WIDTH = 100_000  # characters


def show(value: Any, as_json: bool) -> None:
    if as_json:
        click.echo(json_.dumps(value, default=str))
        return
    from rich.console import Console
    from rich.table import Column, Table

    # A terminal folds what is too long for it; a pipe has no width, and a name that is cut is no name.
    console = Console() if sys.stdout.isatty() else Console(width=NO_WIDTH)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        table = Table(*(Column(name, overflow="fold") for name in value[0]))
        for row in value:
            table.add_row(*(str(cell) for cell in row.values()))
        console.print(table)
    elif isinstance(value, dict):
        for name, fact in value.items():
            if isinstance(fact, list) and fact and isinstance(fact[0], dict):
                console.print(f"{name}:")
                show(fact, False)
            else:
                console.print(f"{name}: {fact}", highlight=False)
    else:
        console.print(value if value else "nothing", highlight=False)


def show_outcome(outcome: dict[str, Any], as_json: bool) -> None:
    show(outcome, as_json)
    sys.exit(0 if outcome["result"] == "accepted" else 1)
