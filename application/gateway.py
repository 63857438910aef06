"""The drone gateway as the use cases see it: what takes orders for drones, wherever it runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from application.handling import Actor, Outcome
from domain.drone import OrderOutcome, SafetyOrder


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of an order. `sent_at`: when the first frame left; `recorded`: what became of the record of an order
    of safety, None while the gateway keeps it because the store is away."""

    sent_at: datetime
    outcome: OrderOutcome
    detail: str = ""
    recorded: Outcome | None = None


class GatewayUnavailable(Exception):
    """The drone gateway did not answer, has no link to this drone, or may not send this. `code` is for scripts:
    gateway_unavailable, link_down, link_refused, not_ready, busy, store_unavailable, or that of the rule."""

    def __init__(self, message: str, code: str = "gateway_unavailable") -> None:
        super().__init__(message)
        self.code = code


class DroneGateway(Protocol):
    """Every method raises GatewayUnavailable."""

    async def safety(self, flight: str, order: SafetyOrder, actor: Actor, detail: str, command_id: UUID) -> Sent:
        """Always sent, whatever else is away; the gateway puts it on the record, now or as soon as it can."""
        ...

    async def launch(self, flight: str) -> Sent:
        """Arm, take off and fly to the scene; the gateway asks the store itself whether this flight may."""
        ...

    async def goto(self, flight: str, latitude: float, longitude: float, agl_m: float) -> Sent: ...

    async def camera(self, flight: str, pitch_deg: float) -> Sent: ...
