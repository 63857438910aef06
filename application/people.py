"""Joiners, movers and leavers out of the personnel system; what is about to expire; the watch that is handed over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from application.codec import Recorded as RecordedEvent
from application.commands import Commands
from application.deadlines import Change, Due, NotDue, drawn_from, when_due
from application.handling import Accepted, Actor, Attempt, Handler, Outcome, Recorded
from application.standing import authorise, outcome, service, standing_of
from domain import person
from domain.kernel import PersonId
from domain.person import (
    PERSON,
    Account,
    CertificateRecorded,
    ChangeDetails,
    Enrol,
    Expiring,
    ExpiryApproaching,
    Leave,
    NoteExpiry,
    Organisation,
    Reinstate,
    Role,
    TrainingCompleted,
    TrainingCorrected,
    Unknown,
    expiry_notice_at,
)
from domain.shift import SHIFT, HandOverShift, OpenItem

PROVISIONING = str(person.PERSONNEL_SYSTEM)
LEFT = "left, says the personnel system"
BACK = "is back, says the personnel system"


@dataclass(frozen=True, slots=True)
class Employee:
    """A person as the personnel system has them. `active` False: has left; None: it does not say."""

    person: PersonId
    name: str
    organisation: Organisation
    email: str
    active: bool | None = True


class Provisioning(Commands):
    """Joiner, mover, leaver. No role is ever given here, so no access comes of it; and services are left alone."""

    def apply(self, employee: Employee, command_id: UUID | None = None) -> Outcome:
        """Make the account agree. A suspension is lifted only where the personnel system itself placed it."""
        actor = service(PROVISIONING)

        def use(attempt: Attempt) -> Recorded:
            stream = PERSON.stream(employee.person)
            authorise(attempt, "provision_person", stream)
            for command in self._commands(employee, attempt.state(PERSON, employee.person)):
                attempt.decide(PERSON, employee.person, command)
            return outcome(attempt, stream, employee.person)

        return self.run(actor, "provision_person", employee, command_id, use)

    @staticmethod
    def _commands(wanted: Employee, account: person.State) -> Sequence[person.Command]:
        by, key = PersonId(PROVISIONING), wanted.person
        if isinstance(account, Account) and Role.SERVICE in account.roles:
            return ()
        if wanted.active is False:
            # The account stays as it was: the record must show who this was.
            return () if isinstance(account, Unknown) else (Leave(key, by, LEFT),)
        if isinstance(account, Unknown):
            return (Enrol(key, wanted.name, wanted.organisation, wanted.email, by),)
        commands: list[person.Command] = [ChangeDetails(key, wanted.name, wanted.organisation, wanted.email, by)]
        if wanted.active and account.left:
            commands.append(Reinstate(key, by, BACK))
        return commands

    def known(self, key: str) -> Account | None:
        """The account as the store has it now; None where nobody is enrolled under this id, and for services."""
        state = self.handler.states.load([(PERSON, key)])[PERSON.stream(key)][1]
        return state if isinstance(state, Account) and Role.SERVICE not in state.roles else None

    def exists(self, key: str) -> bool:
        return not isinstance(self.handler.states.load([(PERSON, key)])[PERSON.stream(key)][1], Unknown)


class Shifts(Commands):
    def hand_over(
        self,
        actor: Actor,
        to: str,
        open_items: Sequence[OpenItem],
        as_of_position: int,
        note: str,
        command_id: UUID | None = None,
    ) -> Outcome:
        """Hand the watch to another person, with what is open as the boards had it at a position."""
        ticket = self.handler.ticket("hand_over_shift", [to, note], actor, command_id)
        key = str(ticket.command_id)

        def use(attempt: Attempt) -> Recorded:
            stream = SHIFT.stream(key)
            policy = authorise(attempt, "hand_over_shift", stream)
            to_whom = standing_of(attempt, to, policy)
            command = HandOverShift(key, PersonId(actor.person), to_whom, tuple(open_items), as_of_position, note)
            attempt.decide(SHIFT, key, command)
            return outcome(attempt, stream, key)

        return self.handler.handle(actor, ticket, use)


# -- deadlines ---------------------------------------------------------------

EXPIRY = "expiry"


@drawn_from(TrainingCompleted, TrainingCorrected, CertificateRecorded, ExpiryApproaching)
def _expiry(recorded: RecordedEvent) -> list[Change]:
    match event := recorded.event:
        case TrainingCompleted(course):
            what, name = Expiring.TRAINING, course
        case TrainingCorrected(course, before, expires_on):
            kind, stream = f"{EXPIRY}:{Expiring.TRAINING}:{course}", recorded.stream
            return [
                NotDue(f"{kind}:{before}", stream),
                Due(f"{kind}:{expires_on}", stream, expiry_notice_at(expires_on)),
            ]
        case CertificateRecorded():
            what, name = Expiring.CERTIFICATE, str(event.kind)
        case _:
            what, name = event.what, event.name
    # One for each day of expiry: an older course that is entered late takes nothing from the newer one.
    kind = f"{EXPIRY}:{what}:{name}:{event.expires_on}"
    if isinstance(event, ExpiryApproaching):
        return [NotDue(kind, recorded.stream)]
    return [Due(kind, recorded.stream, expiry_notice_at(event.expires_on))]


@when_due(EXPIRY)
def _note_expiry(handler: Handler, due: Due, command_id: UUID) -> Outcome:
    """Says it once; where it was renewed meanwhile there is nothing to say."""
    _, what, name, _ = due.kind.split(":")
    key = PersonId(due.stream.partition("-")[2])
    actor = service("service-scheduler")

    def use(attempt: Attempt) -> Recorded:
        authorise(attempt, "send_notification", due.stream)
        attempt.decide(PERSON, key, NoteExpiry(key, Expiring(what), name, PersonId(actor.person)))
        return Accepted(due.stream, key)

    return handler.handle(actor, handler.ticket("note_expiry", due.kind, actor, command_id), use)
