"""Calls for service as dispatch tells them."""

from __future__ import annotations

from uuid import NAMESPACE_URL, UUID, uuid5

from application.commands import Commands
from application.handling import Actor, Attempt, Outcome, Recorded
from application.standing import authorise, outcome
from domain.call import CALL, UpdateCall


def update_id(command: UpdateCall) -> UUID:
    """The same update of the same call is the same command, however often dispatch sends it."""
    return uuid5(NAMESPACE_URL, f"urn:saferweho:cad:{command.call}:{command.update_number}")


class Calls(Commands):
    def update(self, actor: Actor, command: UpdateCall) -> Outcome:
        """Take a call as it stands in CAD. A repeated or late update changes nothing and gets the first answer; a
        repeated number with other content is refused as such."""

        def use(attempt: Attempt) -> Recorded:
            stream = CALL.stream(command.call)
            authorise(attempt, "record_call", stream)
            attempt.case_number = command.call
            attempt.decide(CALL, command.call, command)
            return outcome(attempt, stream, command.call)

        return self.run(actor, "record_call", command, update_id(command), use)
