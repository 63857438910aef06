"""How the data of an event's older shape becomes that of its newer one. What is in the log is never rewritten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]

UPCASTERS: dict[str, tuple[str, Callable[[Json], Json]]] = {}


def upcaster(old: str, new: str) -> Callable[[Callable[[Json], Json]], Callable[[Json], Json]]:
    """How the data of type `old` ('flight.x.v1') becomes that of `new` ('flight.x.v2'). Chains are followed."""

    def register(function: Callable[[Json], Json]) -> Callable[[Json], Json]:
        if old in UPCASTERS:
            raise ValueError(f"{old} has an upcaster already")
        UPCASTERS[old] = (new, function)
        return function

    return register


# -- handover: v2 says what each thing is; there were calls and flights alone ----


@upcaster("shift.shift_handed_over.v1", "shift.shift_handed_over.v2")
def _calls_and_flights(data: Json) -> Json:
    items = [{"kind": "flight" if s.startswith("flight-") else "call", "stream": s} for s in data["open_items"]]
    return {**data, "open_items": items, "open_count": len(items)}


# -- overrides: v2 names the flight that a zone is lifted for; one that named none lifts a zone for no flight ----


@upcaster("override.override_requested.v1", "override.override_requested.v2")
@upcaster("override.emergency_override_invoked.v1", "override.emergency_override_invoked.v2")
def _for_no_flight(data: Json) -> Json:
    return {**data, "flight": None}


# -- privacy zones: v2 says which height was held against a zone's ceiling ----


@upcaster("flight.privacy_zone_approached.v1", "flight.privacy_zone_approached.v2")
@upcaster("flight.privacy_zone_entered.v1", "flight.privacy_zone_entered.v2")
@upcaster("flight.privacy_zone_left.v1", "flight.privacy_zone_left.v2")
def _height_above_take_off(data: Json) -> Json:
    return {**data, "height": {"metres": data["position"]["agl_m"], "source": "take_off"}}


# -- exports: v2 names the legal basis; before, none had to be named ----


@upcaster("export.export_requested.v1", "export.export_requested.v2")
def _without_a_basis(data: Json) -> Json:
    return {**data, "legal_basis": None}
