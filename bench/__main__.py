"""`python -m bench [NAME…] [--large]`: the table of figures, each against a floor of the same run."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import traceback
from pathlib import Path
from time import monotonic
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.stack import stack

RESULTS = Path(__file__).parent / "results" / "latest.json"
BENCHES = (
    "append",
    "relay",
    "projector",
    "subscription",
    "graphql",
    "mutation",
    "audit_query",
    "rebuild",
    "mavlink_gateway",
    "vault",
    "recorder",
    "masked",
    "live",
    "export",
    "page",
)
HEADINGS = ("name", "value", "unit", "floor", "ratio", "goal", "holds")


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    arguments.add_argument("names", nargs="*", metavar="NAME", help=f"one or several of: {', '.join(BENCHES)}")
    arguments.add_argument("--large", action="store_true", help="audit query at 10 million rows instead of 1 million")
    chosen = arguments.parse_args()
    if unknown := set(chosen.names) - set(BENCHES):
        arguments.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(BENCHES)}")
    console = Console()
    figures: list[dict[str, Any]] = []
    failed = []
    began = monotonic()
    with stack():
        for name in chosen.names or BENCHES:
            started = monotonic()
            try:
                made = importlib.import_module(f"bench.{name}").run(large=chosen.large)
            except Exception:
                traceback.print_exc()
                failed.append(name)
                continue
            figures += [{key: row.get(key) for key in HEADINGS} for row in made]
            _keep(figures, partly=bool(chosen.names))
            load = os.getloadavg()[0]
            console.print(f"[dim]{name}: {monotonic() - started:.0f} s, load {load:.1f} on {os.cpu_count()} cores[/]")
    console.print(table(figures))
    console.print(f"{monotonic() - began:.0f} s in all; figures in bench/results/latest.json")
    if failed:
        console.print(f"[red]without a figure, because it failed: {', '.join(failed)}[/]")
    return 1 if failed else 0


def table(figures: list[dict[str, Any]]) -> Table:
    shown = Table(*HEADINGS[:1], *(f"[right]{h}" for h in HEADINGS[1:]))
    for row in figures:
        shown.add_row(*(said(row[key]) for key in HEADINGS))
    return shown


def said(value: object) -> str:
    """A cell of the table, on the screen and on paper."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "NO"
        case int() | float():
            return f"{value:,.0f}" if abs(value) >= 100 else f"{value:g}"
        case _:
            return str(value)


def _keep(figures: list[dict[str, Any]], partly: bool) -> None:
    """Write the figures; after a run of some benchmarks alone, those of the others stay."""
    fresh = {row["name"]: row for row in figures}
    kept = json.loads(RESULTS.read_text()) if partly and RESULTS.exists() else []
    merged = [fresh.pop(row["name"], row) for row in kept] + list(fresh.values())
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(merged, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
