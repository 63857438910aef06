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

AIR = ("en_route", "on_scene", "holding", "returning", "landing", "aborted")
# Ordered to do something before it was seen to take off: if it does fly, it flies under that order.
HALTED = ("halted", *(f"halted {phase}" for phase in AIR))  # readers see 'halted' alone
GROUND = ("requested", "refused", "authorised", *HALTED, "lapsed", "withdrawn")
PHASES = (*GROUND, *AIR, "landed")
OVER = ("refused", "lapsed", "withdrawn", "landed")
Moves: TypeAlias = dict[str, str]  # phase before -> phase after
UNMOVED: Moves = {phase: phase for phase in PHASES}

_FROM_GROUND: dict[type, str] = {
    LaunchAuthorised: "authorised",
    LaunchRefused: "refused",
    LaunchLapsed: "lapsed",
    LaunchWithdrawn: "withdrawn",
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
_ORDERS = (ReturnOrdered, HoldOrdered, LandingOrdered, FlightAborted)
MOVING = frozenset({*_FROM_GROUND, *_FROM_AIR, DroneLaunched})


def after(phase: str, event: Any) -> str:
    denied = getattr(event, "outcome", None) is OrderOutcome.DENIED
    if phase in GROUND:
        if isinstance(event, DroneLaunched):
            return phase.partition(" ")[2] or "en_route"
        if isinstance(event, _ORDERS):
            ordered = "halted" if denied else f"halted {_FROM_AIR[type(event)]}"
            return ordered if phase in ("authorised", *HALTED) else phase
        return _FROM_GROUND.get(type(event), phase)
    if phase in AIR and not denied:
        if isinstance(event, HoldOrdered) and phase == "on_scene":
            return phase
        return _FROM_AIR.get(type(event), phase)
    return phase


def then(moves: Moves, event: Any) -> Moves:
    return {before: after(phase, event) for before, phase in moves.items()}
