"""Go or no-go: what outside sources say of weather, airspace and crewed traffic, asked for when a launch is.

No answer, an old answer and no source at all are the same: unknown, which is no-go unless the pilot in command accepts
it on the record. What a source calls no-go is so whatever the request says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog

from domain.kernel import Place
from domain.launch import Conditions, Finding, Go

NOBODY = "not asked"
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Way:
    """Where a flight would go: from dock to scene, up to a height in metres above ground."""

    dock: Place
    scene: Place
    agl_m: float


class Source(Protocol):
    @property
    def name(self) -> str: ...

    def find(self, way: Way, at: datetime) -> Finding:
        """What is known for this way at this time. What it raises counts as unknown."""
        ...


@dataclass(frozen=True, slots=True)
class Sources:
    weather: Source | None = None
    airspace: Source | None = None
    traffic: Source | None = None

    def complete(self, asked: Conditions, way: Way, at: datetime) -> Conditions:
        return Conditions(
            weather=_of(self.weather, asked.weather, way, at),
            traffic=_of(self.traffic, asked.traffic, way, at),
            airspace=_of(self.airspace, asked.airspace, way, at),
        )


def _of(source: Source | None, asked: Finding, way: Way, at: datetime) -> Finding:
    if source is None:
        return asked
    try:
        found = source.find(way, at)
    except Exception:  # a source that fails knows nothing
        log.exception("condition_source_failed", source=source.name)
        found = Finding(Go.UNKNOWN, source.name, "the source failed")
    named = asked.go is not Go.UNKNOWN or asked.source != NOBODY
    return found if found.go is Go.NO_GO or not named else asked
