"""Every figure of the pilot and its definition, `docs/metrics.md`: `python -m infra.metrics_reference [--check]`."""

from __future__ import annotations

import sys
from pathlib import Path

from projections.pilot_metrics.of_equipment import OF_EQUIPMENT
from projections.pilot_metrics.of_flights import OF_FLIGHTS
from projections.pilot_metrics.of_looking import OF_LOOKING
from projections.pilot_metrics.of_oversight import OF_OVERSIGHT
from projections.pilot_metrics.vocabulary import Definition, Kind

DOCS = Path(__file__).resolve().parents[1] / "docs"
CHAPTERS = {
    "Flights": OF_FLIGHTS,
    "Looking, and why": OF_LOOKING,
    "Privacy and oversight": OF_OVERSIGHT,
    "Equipment and money": OF_EQUIPMENT,
}
HEAD = """# The figures of the pilot

Made out of [their definitions](../projections/pilot_metrics/definitions.py) by `python -m infra.metrics_reference`.
How to ask for them: [read the figures](how-to/read-the-figures.md).

A figure comes with its definition, its version, the number of cases `n` and the position of the log that it is as of.
A duration is told as its median and 90th percentile, interpolated. Figures marked observational are for comparison, and
prove no cause."""


def _said(definition: Definition) -> str:
    lines = [f"### `{definition.code}`", "", definition.sentence, ""]
    what = {
        "kind": definition.kind if definition.unit == "share" else f"{definition.kind}, in {definition.unit}",
        "numerator": definition.numerator,
        "denominator" if definition.kind in (Kind.SHARE, Kind.RATE) else "cases": definition.denominator,
        "left out": "; ".join(definition.exclusions),
        "clock": definition.clock,
        "broken down by": ", ".join(definition.by),
        "version": str(definition.version) + (", observational" if definition.observational else ""),
    }
    return "\n".join(lines + [f"- {name}: {value}" for name, value in what.items() if value])


def page() -> str:
    parts = [HEAD]
    for chapter, definitions in CHAPTERS.items():
        parts += [f"## {chapter}", *(_said(definition) for definition in definitions)]
    return "\n\n".join(parts) + "\n"


def main(argv: list[str]) -> int:
    path = DOCS / "metrics.md"
    if "--check" not in argv:
        path.write_text(page(), encoding="utf-8")
        return 0
    if path.read_text(encoding="utf-8") == page():
        return 0
    print("docs/metrics.md is out of date: run `python -m infra.metrics_reference`")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
