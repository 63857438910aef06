"""The phases of a flight on the board, and how a batch of events moves a flight from any of them.

Whether an event changes the phase depends on the phase before: an order that is recorded after the landing changes
nothing. So that a batch still is a pure function of its events, it is turned into a map from every phase to the one
that the batch leads to; the database applies that map to the phase it has.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from domain.drone import OrderOutcome
from domain.flight_events import (
    ArrivedOnScene,
    DroneLanded,
    DroneLaunched,
    FlightAborted,
    FlightRedirected,
    FlightRepurposed,
    HoldOrdered,
    LandingOrdered,
    LaunchAuthorised,
    LaunchLapsed,
    LaunchRefused,
    LaunchWithdrawn,
    ReturnOrdered,
)

GROUND = ("requested", "refused", "authorised", "lapsed", "withdrawn")
AIR = ("en_route", "on_scene", "holding", "returning", "landing", "aborted")
PHASES = (*GROUND, *AIR, "landed")
Moves: TypeAlias = dict[str, str]  # phase before -> phase after
UNMOVED: Moves = {phase: phase for phase in PHASES}

_FROM_GROUND: dict[type, str] = {
    LaunchAuthorised: "authorised",
    LaunchRefused: "refused",
    LaunchLapsed: "lapsed",
    LaunchWithdrawn: "withdrawn",
    DroneLaunched: "en_route",
}
_FROM_AIR: dict[type, str] = {
    ArrivedOnScene: "on_scene",
    FlightRedirected: "en_route",
    FlightRepurposed: "en_route",
    ReturnOrdered: "returning",
    LandingOrdered: "landing",
    FlightAborted: "aborted",
    HoldOrdered: "holding",
    DroneLanded: "landed",
}
MOVING = frozenset({*_FROM_GROUND, *_FROM_AIR})


def after(phase: str, event: Any) -> str:
    if phase in GROUND:
        return _FROM_GROUND.get(type(event), phase)
    if phase in AIR and getattr(event, "outcome", None) is not OrderOutcome.DENIED:
        if isinstance(event, HoldOrdered) and phase == "on_scene":
            return phase
        return _FROM_AIR.get(type(event), phase)
    return phase


def then(moves: Moves, event: Any) -> Moves:
    return {before: after(phase, event) for before, phase in moves.items()}
