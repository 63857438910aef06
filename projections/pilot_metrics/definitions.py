"""The metrics, as data: what each figure says, over which cases, by which clock, without what. A definition travels
with every figure made by it; a change of what it counts is a new version of it."""

from __future__ import annotations

from projections.pilot_metrics.of_equipment import OF_EQUIPMENT
from projections.pilot_metrics.of_flights import OF_FLIGHTS
from projections.pilot_metrics.of_looking import OF_LOOKING
from projections.pilot_metrics.of_oversight import OF_OVERSIGHT
from projections.pilot_metrics.vocabulary import By, Clock, Definition, Kind

__all__ = ["BY_CODE", "DEFINITIONS", "By", "Clock", "Definition", "Kind"]

DEFINITIONS: tuple[Definition, ...] = (*OF_FLIGHTS, *OF_LOOKING, *OF_OVERSIGHT, *OF_EQUIPMENT)
BY_CODE = {definition.code: definition for definition in DEFINITIONS}
