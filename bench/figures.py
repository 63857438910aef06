"""What a benchmark hands back: one figure beside the floor that was measured in the same run."""

from __future__ import annotations

from typing import Any


def figure(
    name: str,
    value: float,
    unit: str,
    floor: float | None = None,
    goal: float | None = None,
    *,
    at_most: bool = False,
    absolute: bool = False,
) -> dict[str, Any]:
    """`goal` is of the ratio value/floor, or with `absolute` of the value itself; `at_most`: smaller is better."""
    ratio = None if floor is None else value / floor
    judged = value if absolute else ratio
    holds = None if goal is None or judged is None else judged <= goal if at_most else judged >= goal
    return {
        "name": name,
        "value": rounded(value),
        "unit": unit,
        "floor": None if floor is None else rounded(floor),
        "ratio": None if ratio is None else round(ratio, 2),
        "goal": goal,
        "holds": holds,
    }


def rounded(value: float) -> float:
    """Three digits or so: more would promise what a second run doesn't keep."""
    return round(value) if value >= 100 else round(value, 2)


def quantile(sorted_values: list[float], share: float) -> float:
    """The value below which `share` of the values lie."""
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))]
