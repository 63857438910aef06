"""Calls for service as dispatch tells them, and what those on the street see of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from application.commands import Commands
from application.handling import Actor, Attempt, Outcome, Recorded
from application.standing import authorise, outcome
from domain.call import CALL, Known, ObservationKind, ReportObservation, UpdateCall
from domain.case import CASE, OpenCase
from domain.kernel import CallNumber, PersonId, Place


def update_id(command: UpdateCall) -> UUID:
    """The same update of the same call is the same command, however often dispatch sends it."""
    return uuid5(NAMESPACE_URL, f"urn:saferweho:cad:{command.call}:{command.update_number}")


@dataclass(frozen=True, slots=True)
class Seen:
    """What somebody on the street saw. `observed_at`: by their own clock."""

    kind: ObservationKind
    said: str
    observed_at: datetime
    place: Place | None = None


class Calls(Commands):
    def update(self, actor: Actor, command: UpdateCall) -> Outcome:
        """Take a call as it stands in CAD. A repeated or late update changes nothing and gets the first answer; a
        repeated number with other content is refused as such."""

        def use(attempt: Attempt) -> Recorded:
            stream = CALL.stream(command.call)
            authorise(attempt, "record_call", stream)
            attempt.case_number = command.call
            attempt.decide(CALL, command.call, command)
            if command.case is not None:
                attempt.decide(CASE, command.case, OpenCase(command.call, command.update_number, command.cad_time))
            return outcome(attempt, stream, command.call)

        return self.run(actor, "record_call", command, update_id(command), use)

    def observe(self, actor: Actor, call: str, seen: Seen, command_id: UUID | None = None) -> Outcome:
        """Put an observation on the record of an open call. Its id is the command's."""
        ticket = self.handler.ticket("report_observation", [call, seen], actor, command_id)
        key = str(ticket.command_id)

        def use(attempt: Attempt) -> Recorded:
            attempt.case_number = call
            authorise(attempt, "report_observation", CALL.stream(call))
            by = PersonId(actor.person)
            command = ReportObservation(CallNumber(call), key, seen.kind, seen.said, seen.observed_at, by, seen.place)
            attempt.decide(CALL, call, command)
            return outcome(attempt, CALL.stream(call), key)

        return self.handler.handle(actor, ticket, use)

    def said(self, call: str, observation: str) -> str | None:
        """In the words of who saw it, out of the stream itself: no read model keeps them. None where the key is
        destroyed."""
        state = self.handler.states.load([(CALL, call)])[CALL.stream(call)][1]
        seen = state.observations if isinstance(state, Known) else ()
        return next((self.handler.keys.text(each.said) for each in seen if each.observation == observation), None)
