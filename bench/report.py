"""`python -m bench.report`: put the figures of the last run into the table of docs/performance.md."""

from __future__ import annotations

import json
import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.__main__ import RESULTS, said

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- figures: written by `python -m bench.report` -->", "<!-- end of figures -->"


def main() -> None:
    figures: list[dict[str, Any]] = json.loads(RESULTS.read_text())
    text = PAGE.read_text("utf-8")
    if BEGIN not in text or END not in text:
        raise SystemExit(f"{PAGE.name} has lost the two comments between which the table goes: {BEGIN} and {END}")
    taken = datetime.fromtimestamp(RESULTS.stat().st_mtime, UTC)
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    made = "\n".join([BEGIN, f"Taken on {taken:%Y-%m-%d}; {machine}.", "", *_table(figures), END])
    PAGE.write_text(re.sub(f"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: made, text, flags=re.DOTALL), "utf-8")


def _table(figures: list[dict[str, Any]]) -> list[str]:
    rows = ["| what | value | unit | floor | ratio | goal | holds |", "|---|--:|---|--:|--:|--:|---|"]
    for row in figures:
        cells = (said(row[key]) for key in ("name", "value", "unit", "floor", "ratio", "goal", "holds"))
        rows.append(f"| {' | '.join(cells)} |")
    return rows


if __name__ == "__main__":
    main()
