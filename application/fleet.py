"""Docks and drones: put into the books, made ready, taken out of service, looked after."""

from __future__ import annotations

from uuid import UUID

from application.commands import Commands
from application.handling import Actor, Attempt, Outcome, Recorded
from application.standing import authorise, outcome
from domain import dock, drone
from domain.dock import DOCK
from domain.drone import DRONE
from domain.flight_events import Observation
from domain.kernel import NotFound

Upkeep = drone.ReadyDrone | drone.GroundDrone | drone.SwapBattery | drone.PerformMaintenance | drone.RotateSigningKey

ACTIONS: dict[type, str] = {
    drone.ReadyDrone: "ready_drone",
    drone.GroundDrone: "ground_drone",
    drone.SwapBattery: "maintain_drone",
    drone.PerformMaintenance: "maintain_drone",
    drone.RotateSigningKey: "rotate_signing_key",
}


class Fleet(Commands):
    def commission_dock(self, actor: Actor, command: dock.CommissionDock, command_id: UUID | None = None) -> Outcome:
        def use(attempt: Attempt) -> Recorded:
            stream = DOCK.stream(command.dock)
            authorise(attempt, "commission_dock", stream)
            attempt.decide(DOCK, command.dock, command)
            return outcome(attempt, stream, command.dock)

        return self.run(actor, "commission_dock", command, command_id, use)

    def register(self, actor: Actor, command: drone.RegisterDrone, command_id: UUID | None = None) -> Outcome:
        def use(attempt: Attempt) -> Recorded:
            stream = DRONE.stream(command.drone)
            authorise(attempt, "register_drone", stream)
            if not isinstance(attempt.state(DOCK, command.dock), dock.InService):
                raise NotFound("there is no such dock", field="dock", accepted="the id of a commissioned dock")
            attempt.decide(DRONE, command.drone, command)
            return outcome(attempt, stream, command.drone)

        return self.run(actor, "register_drone", command, command_id, use)

    def upkeep(self, actor: Actor, key: str, command: Upkeep, command_id: UUID | None = None) -> Outcome:
        """Make a drone ready, ground it, swap its battery, record maintenance, rotate its signing key."""
        action = ACTIONS[type(command)]

        def use(attempt: Attempt) -> Recorded:
            stream = DRONE.stream(key)
            authorise(attempt, action, stream)
            attempt.decide(DRONE, key, command)
            return outcome(attempt, stream, key)

        return self.run(actor, action, [key, command], command_id, use)

    def report_unassigned_flight(self, actor: Actor, key: str, seen: Observation, command_id: UUID) -> Outcome:
        """The gateway saw a drone leave the ground that no flight has."""

        def use(attempt: Attempt) -> Recorded:
            stream = DRONE.stream(key)
            authorise(attempt, "record_flight_observation", stream)
            attempt.decide(DRONE, key, drone.ReportUnassignedFlight(seen.position, seen.device_time, seen.observed_at))
            return outcome(attempt, stream, key)

        return self.run(actor, "report_unassigned_flight", [key, seen], command_id, use)
