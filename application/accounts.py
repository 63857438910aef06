"""Signing on and off, and the accounts of the people who may."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from application.commands import Commands
from application.handling import Accepted, Actor, Attempt, Mistaken, Outcome, Recorded, Refused, Ticket
from application.ports import StoreUnavailable
from application.standing import authorise, last_in_force, outcome, session_of, signed_on, standing_of
from domain import checks, person
from domain.kernel import PersonId, Reason
from domain.person import PERSON
from domain.policy import POLICY, POLICY_KEY, policy_last_in_force
from domain.session import SESSION, Locked, LockSession, NotSignedOn, Open, SignOff, SignOffReason, SignOn, StepUp

NIL = UUID(int=0)
LOCKED = Reason("session_locked", "this session is locked: show who you are again", "a session is a condition")
ENDED = Reason("session_ended", "this session has ended: sign on again", "a session is a condition")


@dataclass(frozen=True, slots=True)
class Proof:
    """What the identity provider vouched for. `session`: one per sign-on there; `ends_at`: when its word ends;
    `authenticated_at`: when the person last showed a factor there."""

    person: str
    session: str
    issuer: str
    method: str
    ends_at: datetime
    stepped_up: bool = False
    authenticated_at: datetime | None = None


class SignOnRefused(Exception):
    """This person may not sign on. The refusal is on the record."""

    def __init__(self, refused: Refused) -> None:
        super().__init__("; ".join(reason.message for reason in refused.reasons))
        self.reasons = refused.reasons


class SignOnUnavailable(Exception):
    """Whether this person may sign on could not be asked, or not be recorded."""


ACTIONS: dict[type, str] = {
    person.Enrol: "enrol_person",
    person.RecordTraining: "record_training",
    person.CorrectTraining: "correct_training",
    person.RecordCertificate: "record_certificate",
    person.PlaceMedicalHold: "suspend_person",
    person.LiftMedicalHold: "reinstate_person",
    person.AssignRole: "assign_role",
    person.RevokeRole: "revoke_role",
    person.Suspend: "suspend_person",
    person.Reinstate: "reinstate_person",
    person.ChangeDetails: "change_person",
    person.RevokeAccess: "revoke_access",
    person.Leave: "suspend_person",
}


class Accounts(Commands):
    """Use cases about people and their sessions."""

    def sign_on(self, proof: Proof, source_address: str) -> Actor:
        """The signed-on person behind a proof; the first use of a proof opens its session, on the record.

        Raises SignOnRefused, SignOnUnavailable.
        """
        actor = Actor(proof.person, "", "", frozenset(), proof.session, source_address)
        try:
            known = self.standing(actor)
        except StoreUnavailable:
            raise SignOnUnavailable("nobody can be signed on: the event store does not answer") from None
        if known is not None:
            return known

        def use(attempt: Attempt) -> Recorded:
            attempt.load((PERSON, proof.person), (SESSION, proof.session), (POLICY, POLICY_KEY))
            policy = last_in_force(attempt)
            state = attempt.state(SESSION, proof.session)
            claimed = standing_of(attempt, proof.person, policy)
            if state != SESSION.initial:
                session = session_of(attempt)
                if session.open and session.person == proof.person and claimed.has_access:
                    return Accepted(SESSION.stream(proof.session), proof.session)
                # Why is on the record already, or about to be: asking again and again adds nothing to that.
                why = (LOCKED,) if isinstance(state, Locked) and session.person == proof.person else (ENDED,)
                return Refused(SESSION.stream(proof.session), claimed.access_refusals() or why, "default-deny")
            attempt.actor = signed_on(actor, claimed)
            attempt.role = min(attempt.actor.roles, default="")
            attempt.decide(
                SESSION,
                proof.session,
                SignOn(claimed, proof.issuer, proof.method, source_address, proof.ends_at, proof.authenticated_at),
            )
            shown = proof.authenticated_at or attempt.at
            fresh = attempt.at - shown <= timedelta(minutes=policy.parameters.step_up_minutes)
            if proof.stepped_up and fresh and isinstance(attempt.state(SESSION, proof.session), Open):
                attempt.decide(SESSION, proof.session, StepUp(proof.method, policy.parameters.step_up_minutes))
            return outcome(attempt, SESSION.stream(proof.session), proof.session)

        ticket = self.handler.ticket("sign_on", [proof.session, proof.issuer], actor, None)
        told = self.handler.handle(actor, ticket, use)
        match told:
            case Refused():
                raise SignOnRefused(told)
            case Accepted():
                if (opened := self.standing(actor)) is not None:
                    return opened
                raise SignOnUnavailable("the session ended at this moment: sign on again")
            case Mistaken(message=message):
                raise SignOnUnavailable(message)
            case _:
                raise SignOnUnavailable(told.message)

    def standing(self, actor: Actor) -> Actor | None:
        """The actor as the store knows it now, or None where the session is not open or access has ended."""
        ticket = Ticket(NIL, "standing", b"")
        attempt = Attempt(self.handler, actor, ticket, self.handler.clock.now())
        attempt.load((PERSON, actor.person), (SESSION, actor.session), (POLICY, POLICY_KEY))
        session = attempt.state(SESSION, actor.session)
        if not isinstance(session, Open) or session.person != actor.person or attempt.at > session.ends_at:
            return None
        known = standing_of(attempt, actor.person, last_in_force(attempt))
        if not known.has_access:
            return None
        return replace(signed_on(actor, known), stepped_up_until=session.stepped_up_until)

    def behind_the_lock(self, actor: Actor) -> Actor | None:
        """Whose locked session this is, with the roles they have now: for orders of safety alone. None: nobody's."""
        attempt = Attempt(self.handler, actor, Ticket(NIL, "standing", b""), self.handler.clock.now())
        attempt.load((PERSON, actor.person), (SESSION, actor.session), (POLICY, POLICY_KEY))
        session = attempt.state(SESSION, actor.session)
        if not isinstance(session, Locked) or session.person != actor.person:
            return None
        known = standing_of(attempt, actor.person, last_in_force(attempt))
        return signed_on(actor, known) if known.has_access else None

    def step_up(self, actor: Actor, method: str, command_id: UUID | None = None) -> Outcome:
        """Record that the person showed a second factor again just now; this unlocks their session too."""

        def use(attempt: Attempt) -> Recorded:
            policy = last_in_force(attempt)
            claimed, session = standing_of(attempt, actor.person, policy), session_of(attempt)
            if session.person != actor.person or not claimed.has_access:
                return Refused(SESSION.stream(actor.session), claimed.access_refusals() or (ENDED,), "default-deny")
            attempt.actor = signed_on(actor, claimed)
            attempt.role = min(attempt.actor.roles, default="")
            attempt.decide(SESSION, actor.session, StepUp(method, policy.parameters.step_up_minutes))
            return outcome(attempt, SESSION.stream(actor.session), actor.session)

        return self.handler.handle(actor, self.handler.ticket("step_up", [method], actor, command_id), use)

    def lock(self, actor: Actor, reason: str, command_id: UUID | None = None) -> Outcome:
        return self._of_own_session(actor, "lock_session", LockSession(reason), command_id)

    def sign_off(self, actor: Actor, command_id: UUID | None = None) -> Outcome:
        return self._of_own_session(actor, "sign_off", SignOff(SignOffReason.CLOSED), command_id)

    def _of_own_session(
        self, actor: Actor, name: str, command: LockSession | SignOff, command_id: UUID | None
    ) -> Outcome:
        def use(attempt: Attempt) -> Recorded:
            attempt.decide(SESSION, actor.session, command)
            return outcome(attempt, SESSION.stream(actor.session), actor.session)

        return self.handler.handle(actor, self.handler.ticket(name, command, actor, command_id), use)

    def sign_off_person(
        self,
        actor: Actor,
        session: str,
        command_id: UUID,
        causation_id: str,
        correlation_id: str = "",
        reason: SignOffReason = SignOffReason.SUSPENDED,
    ) -> Outcome:
        """End a session of somebody whose access has ended (the reactor does)."""

        def use(attempt: Attempt) -> Recorded:
            authorise(attempt, "sign_off_person", SESSION.stream(session))
            if not isinstance(attempt.state(SESSION, session), NotSignedOn):
                attempt.decide(SESSION, session, SignOff(reason))
            return outcome(attempt, SESSION.stream(session), session)

        ticket = self.handler.ticket(
            "sign_off_person",
            [session],
            actor,
            command_id,
            causation_id=causation_id,
            correlation_id=correlation_id,
        )
        return self.handler.handle(actor, ticket, use)

    def revoke_session(self, actor: Actor, session: str, reason: str, command_id: UUID | None = None) -> Outcome:
        """Close one console of somebody else. Its token is of no use any more."""

        def use(attempt: Attempt) -> Recorded:
            stream, state = SESSION.stream(session), attempt.state(SESSION, session)
            about = "" if isinstance(state, NotSignedOn) else state.person
            authorise(attempt, "revoke_access", stream, of_oversight=person.of_oversight(attempt.state(PERSON, about)))
            checks.text("reason", reason, at_least=3)
            attempt.decide(SESSION, session, SignOff(SignOffReason.REVOKED))
            return outcome(attempt, stream, session)

        return self.run(actor, "revoke_session", [session, reason], command_id, use)

    def idle_limit(self) -> timedelta:
        """After how long without an act a console is locked, by the use policy in force, or the last that was."""
        policy = policy_last_in_force(
            self.handler.states.load([(POLICY, POLICY_KEY)])[POLICY.stream(POLICY_KEY)][1], self.handler.clock.now()
        )
        return timedelta(minutes=policy.parameters.idle_lock_minutes if policy else 30)

    def change(self, actor: Actor, command: person.Command, command_id: UUID | None = None) -> Outcome:
        """Enrol a person, or change the account, role, training or standing of one."""

        def use(attempt: Attempt) -> Recorded:
            stream, account = PERSON.stream(command.person), attempt.state(PERSON, command.person)
            action = ACTIONS[type(command)]
            if isinstance(command, person.AssignRole) and person.provisioned(account):
                action = "assign_role_after_provisioning"
            own, about_oversight = command.person == actor.person, person.of_oversight(account)
            policy = authorise(attempt, action, stream, own_request=own, of_oversight=about_oversight)
            decided = command
            if isinstance(command, person.RecordTraining | person.CorrectTraining):
                decided = replace(command, longest=timedelta(days=policy.parameters.training_days))
            attempt.decide(PERSON, command.person, decided)
            return outcome(attempt, stream, command.person)

        return self.run(actor, ACTIONS[type(command)], command, command_id, use)

    def ask_oversight_change(
        self,
        actor: Actor,
        about: str,
        change: person.OversightChange,
        reason: str,
        details: person.Details | None = None,
        command_id: UUID | None = None,
    ) -> Outcome:
        """Ask to make less of the access of a person of oversight. Nothing is changed before the answer."""

        def use(attempt: Attempt) -> Recorded:
            stream = PERSON.stream(about)
            authorise(attempt, "request_oversight_change", stream)
            by, of = PersonId(actor.person), _organisation(attempt)
            attempt.decide(PERSON, about, person.AskOversightChange(PersonId(about), change, reason, by, of, details))
            return outcome(attempt, stream, about)

        return self.run(actor, "request_oversight_change", [about, change, reason, details], command_id, use)

    def answer_oversight_change(
        self, actor: Actor, about: str, refusal: str | None = None, command_id: UUID | None = None
    ) -> Outcome:
        """Confirm what was asked about a person of oversight, which is done with it; or decline it with a reason."""

        def use(attempt: Attempt) -> Recorded:
            stream, account, by = PERSON.stream(about), attempt.state(PERSON, about), PersonId(actor.person)
            asked = account.asked if isinstance(account, person.Account) else None
            of_it = person.of_oversight(attempt.state(PERSON, actor.person))
            action = "answer_oversight_change" if of_it else "answer_for_oversight"
            authorise(attempt, action, stream, own_request=asked is not None and asked.asked_by == by)
            attempt.decide(
                PERSON, about, person.AnswerOversightChange(PersonId(about), by, _organisation(attempt), refusal)
            )
            return outcome(attempt, stream, about)

        return self.run(actor, "answer_oversight_change", [about, refusal], command_id, use)


def _organisation(attempt: Attempt) -> person.Organisation:
    """Of who acts, once authorised: nobody without an account is."""
    account = attempt.state(PERSON, attempt.actor.person)
    assert isinstance(account, person.Account)
    return account.organisation


__all__ = ["Accounts", "Proof", "SignOnRefused", "SignOnUnavailable"]
