"""The grid of neighbourhood cells, and keeping small ones from telling of a single household."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor

from domain.kernel import Place

CELLS_PER_DEGREE = 200  # 0.005°: 557 m from south to north, 460 m from west to east at 34° N


def cell_of(place: Place) -> str:
    """The cell's south-west corner, degrees."""
    south, west = (floor(degrees * CELLS_PER_DEGREE) for degrees in (place.latitude, place.longitude))
    return f"{south / CELLS_PER_DEGREE:.3f},{west / CELLS_PER_DEGREE:.3f}"


def suppressed(counts: Mapping[str, int], smallest: int) -> frozenset[str]:
    """The cells whose figures are not shown: those with fewer cases than `smallest`, and, where what is hidden together
    could be had from the total (one cell, or fewer than `smallest` cases), the next larger ones too."""
    hidden = {cell for cell, n in counts.items() if n < smallest}
    if not hidden:
        return frozenset()
    for cell in sorted(counts.keys() - hidden, key=lambda cell: (counts[cell], cell)):
        if len(hidden) > 1 and sum(counts[cell] for cell in hidden) >= smallest:
            break
        hidden.add(cell)
    return frozenset(hidden)
