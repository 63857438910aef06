"""Privacy overrides: asked for, approved by a second person, used, ended; break-glass; reviewed.

Whoever shows or records what a zone or a mask protects calls `use_override` in the same attempt as its own decision:
the use and what it allows are one append, so an override that ends in between wins.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from application.codec import Recorded as RecordedEvent
from application.commands import Commands
from application.deadlines import Change, Due, NotDue, drawn_from, when_due
from application.handling import KEY, Accepted, Actor, Attempt, Handler, Outcome, Recorded
from application.standing import authorise, outcome, service, standing_of
from domain import privacy_override as override
from domain.call import CALL, call_standing
from domain.catalogue import aggregate_of
from domain.flight import FLIGHT
from domain.flight_commands import RecordZoneEntry
from domain.kernel import InvalidValue, NotFound, PersonId, StreamId
from domain.legal_basis import LegalBasis
from domain.person import Role
from domain.privacy_override import OVERRIDE, OverridePlan, OverrideStanding, override_standing
from domain.privacy_override_events import (
    EmergencyOverrideInvoked,
    OverrideApproved,
    OverrideExpired,
    OverrideRefused,
    OverrideRequested,
    Range,
    Verdict,
)
from domain.privacy_zone import ZONE

EXPIRY = "override_expiry"


@dataclass(frozen=True, slots=True)
class Said:
    """The free texts of an override, None where they are not written yet or their key is destroyed."""

    why: str | None
    justification: str | None = None
    findings: str | None = None


class Overrides(Commands):
    def request(
        self, actor: Actor, plan: OverridePlan, basis: LegalBasis, reason: str, command_id: UUID | None = None
    ) -> Outcome:
        """Ask for an override; a second person approves it. The override's id is the command's."""
        ticket = self.handler.ticket("request_override", [replace(plan, key=""), basis, reason], actor, command_id)
        key = str(ticket.command_id)
        chosen = replace(plan, key=key)

        def use(attempt: Attempt) -> Recorded:
            attempt.purpose, attempt.case_number = plan.purpose, plan.call or plan.case or ""
            policy = authorise(attempt, "request_override", OVERRIDE.stream(key))
            self._must_exist(attempt, plan)
            known = plan.call is None or call_standing(plan.call, attempt.state(CALL, plan.call)).known
            command = override.RequestOverride(chosen, basis, reason, PersonId(actor.person), policy, known)
            attempt.decide(OVERRIDE, key, command)
            return outcome(attempt, OVERRIDE.stream(key), key)

        return self.handler.handle(actor, ticket, use)

    def invoke_emergency(
        self, actor: Actor, plan: OverridePlan, threat: str, command_id: UUID | None = None
    ) -> Outcome:
        """Break-glass: recorded, and in effect from that moment. The override's id is the command's."""
        ticket = self.handler.ticket("invoke_emergency_override", [replace(plan, key=""), threat], actor, command_id)
        key = str(ticket.command_id)
        chosen = replace(plan, key=key)

        def use(attempt: Attempt) -> Recorded:
            attempt.purpose, attempt.case_number = plan.purpose, plan.call or plan.case or ""
            policy = authorise(attempt, "invoke_emergency_override", OVERRIDE.stream(key))
            self._must_exist(attempt, plan)
            command = override.InvokeEmergency(chosen, threat, PersonId(actor.person), policy)
            attempt.decide(OVERRIDE, key, command)
            return outcome(attempt, OVERRIDE.stream(key), key)

        return self.handler.handle(actor, ticket, use)

    @staticmethod
    def _must_exist(attempt: Attempt, plan: OverridePlan) -> None:
        target, flight = plan.target, plan.flight
        kind, _, key = target.partition("-")
        accepted = "the stream of footage, of a privacy zone, of a camera or of a flight"
        if kind not in override.TARGETS or not key:
            raise InvalidValue("nothing of this kind is protected", field="target", accepted=accepted)
        if attempt.version(aggregate_of(target), key) == 0:
            raise NotFound("there is no such thing", field="target", accepted=accepted)
        if flight is not None and (not KEY.fullmatch(flight) or attempt.version(FLIGHT, flight) == 0):
            raise NotFound("there is no such flight", field="flight", accepted="the id of a flight on the record")

    def approve(self, actor: Actor, key: str, command_id: UUID | None = None) -> Outcome:
        """Approve a request, as the second person. It is in effect from that moment."""

        def use(attempt: Attempt) -> Recorded:
            state = self._known(attempt, key)
            own = isinstance(state, override.Waiting) and state.request.requested_by == actor.person
            policy = authorise(attempt, "approve_override", OVERRIDE.stream(key), own_request=own)
            by = standing_of(attempt, actor.person, policy)
            attempt.decide(OVERRIDE, key, override.ApproveOverride(by, policy))
            return outcome(attempt, OVERRIDE.stream(key), key)

        return self.run(actor, "approve_override", key, command_id, use)

    def refuse(self, actor: Actor, key: str, reason: str, command_id: UUID | None = None) -> Outcome:
        """Refuse a request, as the second person."""

        def use(attempt: Attempt) -> Recorded:
            self._known(attempt, key)
            authorise(attempt, "refuse_override", OVERRIDE.stream(key))
            attempt.decide(OVERRIDE, key, override.RefuseOverride(PersonId(actor.person), reason))
            return Accepted(OVERRIDE.stream(key), key)

        return self.run(actor, "refuse_override", [key, reason], command_id, use)

    def justify(
        self, actor: Actor, key: str, justification: str, basis: LegalBasis, command_id: UUID | None = None
    ) -> Outcome:
        """Say why the glass was broken."""

        def use(attempt: Attempt) -> Recorded:
            self._known(attempt, key)
            authorise(attempt, "justify_override", OVERRIDE.stream(key))
            command = override.JustifyOverride(justification, basis, PersonId(actor.person))
            attempt.decide(OVERRIDE, key, command)
            return outcome(attempt, OVERRIDE.stream(key), key)

        return self.run(actor, "justify_override", [key, justification, basis], command_id, use)

    def review(
        self, actor: Actor, key: str, verdict: Verdict, findings: str, command_id: UUID | None = None
    ) -> Outcome:
        """Record what an auditor found of an override that has ended."""

        def use(attempt: Attempt) -> Recorded:
            self._known(attempt, key)
            authorise(attempt, "review_override", OVERRIDE.stream(key))
            attempt.decide(OVERRIDE, key, override.ReviewOverride(verdict, findings, PersonId(actor.person)))
            return outcome(attempt, OVERRIDE.stream(key), key)

        return self.run(actor, "review_override", [key, verdict, findings], command_id, use)

    def expire(self, actor: Actor, key: str, command_id: UUID) -> Outcome:
        """Put on the record that an override has ended, or that a request was not answered in time."""

        def use(attempt: Attempt) -> Recorded:
            authorise(attempt, "expire_override", OVERRIDE.stream(key))
            attempt.decide(OVERRIDE, key, override.ExpireOverride())
            return outcome(attempt, OVERRIDE.stream(key), key)

        return self.run(actor, "expire_override", key, command_id, use)

    @staticmethod
    def _known(attempt: Attempt, key: str) -> override.State:
        state = attempt.state(OVERRIDE, key)
        if isinstance(state, override.NotRequested):
            raise NotFound("there is no such override", field="override", accepted="the id of one that was asked for")
        asked = state.request if isinstance(state, override.Waiting | override.Closed) else state.grant.opened
        attempt.purpose, attempt.case_number = asked.purpose, asked.call or asked.case or ""
        return state

    def said(self, key: str) -> Said | None:
        """The free texts, out of the stream itself: no read model keeps them. None where there is no such override."""
        state: override.State = self.handler.states.load([(OVERRIDE, key)])[OVERRIDE.stream(key)][1]
        text = self.handler.keys.text
        match state:
            case override.Waiting(request) | override.Closed(request):
                return Said(text(request.reason))
            case override.Active(grant) | override.Ended(grant):
                return Said(text(grant.why), text(grant.justification))
            case override.Reviewed(grant, review):
                return Said(text(grant.why), text(grant.justification), text(review.findings))
            case _:
                return None


# -- for other use cases -----------------------------------------------------


def override_of(attempt: Attempt, key: str) -> OverrideStanding:
    """What an override lifts, and whether it is in effect now. The answer takes part in the append."""
    return override_standing(attempt.state(OVERRIDE, key), attempt.at)


def use_override(attempt: Attempt, key: str, target: StreamId, through: StreamId, range_: Range) -> None:
    """Record a use by the attempt's actor. Raises WrongState where the override does not open this, now, to them."""
    by_service = Role.SERVICE in attempt.actor.roles
    command = override.UseOverride(target, through, range_, PersonId(attempt.actor.person), by_service)
    attempt.decide(OVERRIDE, key, command)


def as_overridden(attempt: Attempt, flight: StreamId, entry: RecordZoneEntry) -> RecordZoneEntry:
    """A drone's entry into a zone, with the use of the override it came under recorded; without the override where
    that is not in effect now, does not cover the time of the entry or is for another zone or flight: in doubt a zone
    protects."""
    if entry.override is None:
        return entry
    standing, since = override_of(attempt, entry.override), entry.seen.observed_at
    target = ZONE.stream(entry.zone)
    if standing.active and standing.range is not None and standing.expires_at is not None:
        until = min(standing.expires_at, standing.range.until)
        used = Range(since, until)
        ours = standing.target == target and standing.flight is not None and FLIGHT.stream(standing.flight) == flight
        if ours and since < until and standing.range.covers(used):
            use_override(attempt, entry.override, target, flight, used)
            return entry
    return replace(entry, override=None)


# -- deadlines ---------------------------------------------------------------


@drawn_from(OverrideRequested, OverrideApproved, OverrideRefused, EmergencyOverrideInvoked, OverrideExpired)
def expiry(recorded: RecordedEvent) -> list[Change]:
    """An override, and a request that waits, end by themselves."""
    match recorded.event:
        case OverrideRequested(awaits_until=until) | OverrideApproved(expires_at=until):
            return [Due(EXPIRY, recorded.stream, until)]
        case EmergencyOverrideInvoked(expires_at=until):
            return [Due(EXPIRY, recorded.stream, until)]
        case _:
            return [NotDue(EXPIRY, recorded.stream)]


@when_due(EXPIRY)
def end_override(handler: Handler, due: Due, command_id: UUID) -> Outcome:
    return Overrides(handler).expire(service("service-scheduler"), due.stream.partition("-")[2], command_id)
