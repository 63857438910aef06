"""The pilot programme: its course, its costs, its evaluations."""

from __future__ import annotations

from uuid import UUID

from application.commands import Commands
from application.handling import Actor, Attempt, Outcome, Recorded
from application.standing import authorise, outcome
from domain import pilot
from domain.pilot import PILOT

ACTIONS: dict[type, str] = {
    pilot.StartPilot: "start_pilot",
    pilot.PausePilot: "pause_pilot",
    pilot.ResumePilot: "resume_pilot",
    pilot.ExtendPilot: "extend_pilot",
    pilot.ConcludePilot: "conclude_pilot",
    pilot.RecordCost: "record_cost",
    pilot.PublishEvaluation: "publish_evaluation",
}


class Pilots(Commands):
    def change(self, actor: Actor, key: str, command: pilot.Command, command_id: UUID | None = None) -> Outcome:
        """Whatever happens to a programme: started, paused, resumed, extended, concluded, paid for, judged."""
        action = ACTIONS[type(command)]

        def use(attempt: Attempt) -> Recorded:
            authorise(attempt, action, PILOT.stream(key))
            attempt.decide(PILOT, key, command)
            return outcome(attempt, PILOT.stream(key), key)

        return self.run(actor, action, [key, command], command_id, use)
