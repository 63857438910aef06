"""A privacy override: for one target and range, for at most an hour, somebody may see what is otherwise protected.

Two people open one; where life is at risk one person opens it alone and answers for it within a day (break-glass).
Every use is on the record, it ends by itself, and an auditor reviews every override that was in effect.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from domain import checks
from domain.kernel import (
    Aggregate,
    CallNumber,
    CaseNumber,
    FlightId,
    InvalidValue,
    NotFound,
    Personal,
    PersonId,
    Reason,
    StreamId,
    WrongState,
)
from domain.launch import check_purpose, purpose_refusals
from domain.legal_basis import BasisKind, LegalBasis, check_legal_basis
from domain.person import PersonStanding, Role
from domain.policy import PolicyInForce
from domain.privacy_override_events import (
    ApprovalRefused,
    EmergencyOverrideInvoked,
    Event,
    OverrideApproved,
    OverrideExpired,
    OverrideJustified,
    OverrideRefused,
    OverrideRequested,
    OverrideReviewed,
    OverrideUsed,
    Range,
    ReviewRefused,
    Verdict,
)

TARGETS = {"footage", "zone", "camera", "flight"}  # the kinds of streams that an override may lift protection of
REQUEST_ANSWERED_WITHIN = timedelta(hours=1)  # a request that nobody answered is over
LONGEST_RANGE = timedelta(hours=24)


# -- commands ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OverridePlan:
    """What is asked for, under which key. `minutes`: how long it is to be in effect once approved. `flight`: the one
    that a zone is to be lifted for; every other drone stays bound by it."""

    key: str
    target: StreamId
    range: Range
    purpose: str
    minutes: int
    call: CallNumber | None = None
    case: CaseNumber | None = None
    flight: FlightId | None = None


@dataclass(frozen=True, slots=True)
class RequestOverride:
    """`call_known`: dispatch knows the call that the plan names."""

    plan: OverridePlan
    legal_basis: LegalBasis
    reason: str
    by: PersonId
    policy: PolicyInForce
    call_known: bool = True


@dataclass(frozen=True, slots=True)
class ApproveOverride:
    by: PersonStanding
    policy: PolicyInForce


@dataclass(frozen=True, slots=True)
class RefuseOverride:
    by: PersonId
    reason: str


@dataclass(frozen=True, slots=True)
class InvokeEmergency:
    """`threat`: whose life is at risk, by what. It lasts for the minutes asked for, or as long as the policy allows."""

    plan: OverridePlan
    threat: str
    by: PersonId
    policy: PolicyInForce


@dataclass(frozen=True, slots=True)
class UseOverride:
    """`by_service`: the drone gateway flies through a zone whose protection was lifted."""

    target: StreamId
    through: StreamId
    range: Range
    by: PersonId
    by_service: bool = False


@dataclass(frozen=True, slots=True)
class ExpireOverride:
    pass


@dataclass(frozen=True, slots=True)
class JustifyOverride:
    justification: str
    legal_basis: LegalBasis
    by: PersonId


@dataclass(frozen=True, slots=True)
class ReviewOverride:
    verdict: Verdict
    findings: str
    by: PersonId


Command = (
    RequestOverride
    | ApproveOverride
    | RefuseOverride
    | InvokeEmergency
    | UseOverride
    | ExpireOverride
    | JustifyOverride
    | ReviewOverride
)

# -- state -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NotRequested:
    pass


@dataclass(frozen=True, slots=True)
class Waiting:
    request: OverrideRequested


@dataclass(frozen=True, slots=True)
class Closed:
    """Never in effect: refused, or not answered in time."""

    request: OverrideRequested


@dataclass(frozen=True, slots=True)
class Grant:
    """What is or was in effect. `opened`: as it was asked for, or as the glass was broken; `opened_by`: who did, and
    why; `justify_by` None: two people opened it."""

    opened: OverrideRequested | EmergencyOverrideInvoked
    target: StreamId
    range: Range
    opened_by: PersonId
    why: Personal[str]
    approved_by: PersonId | None
    expires_at: datetime
    review_by: datetime
    justify_by: datetime | None = None
    uses: int = 0
    justification: Personal[str] | None = None


@dataclass(frozen=True, slots=True)
class Active:
    """Until `grant.expires_at`, whether or not its end is on the record yet."""

    grant: Grant


@dataclass(frozen=True, slots=True)
class Ended:
    grant: Grant


@dataclass(frozen=True, slots=True)
class Reviewed:
    grant: Grant
    review: OverrideReviewed


State = NotRequested | Waiting | Closed | Active | Ended | Reviewed


@dataclass(frozen=True, slots=True)
class OverrideStanding:
    """What other decisions may know: what the override lifts, and whether it is in effect at that moment."""

    active: bool
    target: StreamId | None = None
    range: Range | None = None
    opened_by: PersonId | None = None
    expires_at: datetime | None = None
    flight: FlightId | None = None


def override_standing(state: State, at: datetime) -> OverrideStanding:
    match state:
        case Active(grant) | Ended(grant) | Reviewed(grant):
            active = isinstance(state, Active) and at < grant.expires_at
            return OverrideStanding(
                active, grant.target, grant.range, grant.opened_by, grant.expires_at, grant.opened.flight
            )
        case NotRequested() | Waiting() | Closed():
            return OverrideStanding(False)
        case _:
            assert_never(state)


# -- decide ------------------------------------------------------------------


def decide(command: Command, state: State, at: datetime) -> list[Event]:
    match command, state:
        case RequestOverride(), NotRequested():
            return _request(command, at)
        case InvokeEmergency(), NotRequested():
            return _invoke(command, at)
        case ((RequestOverride() | InvokeEmergency()), _):
            raise WrongState("this override was asked for before: ask for a new one", field="override")
        case _, NotRequested():
            raise NotFound("there is no such override", field="override", accepted="the id of one that was asked for")
        case ApproveOverride(by, policy), Waiting(request) if at < request.awaits_until:
            return _approve(by, policy, request, at)
        case RefuseOverride(by, reason), Waiting():
            said = checks.text("reason", reason, at_least=3, at_most=500)
            return [OverrideRefused(by, (Reason("declined", said, "a second person decides on an override"),))]
        case ((ApproveOverride() | RefuseOverride()), _):
            raise WrongState("this override does not wait for an answer", field="override", accepted="one that waits")
        case UseOverride(), _:
            return [_use(command, state, at)]
        case ExpireOverride(), Waiting(request):
            return [OverrideExpired(request.awaits_until, 0)] if at >= request.awaits_until else []
        case ExpireOverride(), Active(grant):
            return [OverrideExpired(grant.expires_at, grant.uses)] if at >= grant.expires_at else []
        case ExpireOverride(), _:
            return []
        case JustifyOverride(), (Active() | Ended() | Reviewed()):
            return _justify(command, state.grant, at)
        case ReviewOverride(), Active(grant) if at >= grant.expires_at:  # its end was due and is not on the record yet
            return [OverrideExpired(grant.expires_at, grant.uses), *_review(command, grant, at)]
        case ReviewOverride(), Active():
            raise WrongState("the override is still in effect", field="override", accepted="one that has ended")
        case ReviewOverride(), Ended(grant):
            return _review(command, grant, at)
        case ReviewOverride(), Reviewed():
            raise WrongState("this override was reviewed before", field="override", accepted="one without a review")
        case ((JustifyOverride() | ReviewOverride()), _):
            raise WrongState("this override was never in effect", field="override", accepted="one that was in effect")
        case _:
            raise AssertionError(f"{type(command).__name__} while {type(state).__name__}")


def _check_plan(plan: OverridePlan, policy: PolicyInForce) -> None:
    """Raises InvalidValue for what is no request at all."""
    kind, _, key = plan.target.partition("-")
    if kind not in TARGETS or not key:
        accepted = ", ".join(f"{target}-…" for target in sorted(TARGETS))
        raise InvalidValue("nothing of this kind is protected", field="target", accepted=accepted)
    if (kind == "zone") != (plan.flight is not None):
        raise InvalidValue(
            "a zone is lifted for one flight, and nothing else is",
            field="flight",
            accepted="with a zone: the id of the flight that it is to be lifted for; else none",
        )
    if plan.flight is not None:
        checks.identifier("flight", plan.flight)
    check_range(plan.range)
    check_purpose(plan.purpose, policy)
    checks.within("minutes", plan.minutes, 1, 24 * 60, "minutes")
    for field, number in (("call", plan.call), ("case", plan.case)):
        if number is not None:
            checks.identifier(field, number)


def _sealed(plan: OverridePlan, said: str) -> Personal[str]:
    number = f"call-{plan.call}" if plan.call else f"case-{plan.case}" if plan.case else f"override-{plan.key}"
    return Personal(number, said)


def check_range(range_: Range, field: str = "range") -> Range:
    """Raises InvalidValue for a range that ends before it begins or is longer than a day."""
    checks.aware(f"{field}.since", range_.since)
    checks.aware(f"{field}.until", range_.until)
    if not timedelta() < range_.until - range_.since <= LONGEST_RANGE:
        accepted = f"after its beginning, at most {LONGEST_RANGE // timedelta(hours=1)} hours"
        raise InvalidValue("the range has no such end", field=f"{field}.until", accepted=accepted)
    return range_


def _refusals(plan: OverridePlan, policy: PolicyInForce, call_known: bool) -> list[Reason]:
    """Every reason why this override must not be."""
    reasons = list(purpose_refusals(plan.purpose, policy))
    rule = "an override names a call or a case"
    if plan.call is None and plan.case is None:
        reasons.append(Reason("call_or_case_missing", "name the call or the case that this is for", rule, field="call"))
    if plan.call is not None and not call_known:
        reasons.append(Reason("call_unknown", "dispatch knows no such call", rule, field="call"))
    if plan.minutes > policy.parameters.override_max_minutes:
        longest = f"at most {policy.parameters.override_max_minutes} minutes"
        reasons.append(
            Reason(
                "too_long",
                "an override is not in effect for so long",
                "an override expires",
                field="minutes",
                accepted=longest,
            )
        )
    return reasons


def _request(command: RequestOverride, at: datetime) -> list[Event]:
    plan = command.plan
    _check_plan(plan, command.policy)
    requested = OverrideRequested(
        plan.target,
        plan.flight,
        plan.range,
        check_legal_basis(command.legal_basis),
        plan.purpose,
        plan.call,
        plan.case,
        _sealed(plan, checks.text("reason", command.reason, at_least=10, at_most=500)),
        plan.minutes,
        command.by,
        at + REQUEST_ANSWERED_WITHIN,
    )
    if reasons := _refusals(plan, command.policy, command.call_known):
        return [requested, OverrideRefused(None, tuple(reasons))]
    return [requested]


def _invoke(command: InvokeEmergency, at: datetime) -> list[Event]:
    plan, parameters = command.plan, command.policy.parameters
    _check_plan(plan, command.policy)
    threat = _sealed(plan, checks.text("threat", command.threat, at_least=10, at_most=500))
    if reasons := tuple(purpose_refusals(plan.purpose, command.policy)):
        # A life at risk may have no number yet and needs no more than it needs; what is prohibited stays prohibited.
        asked = OverrideRequested(
            plan.target,
            plan.flight,
            plan.range,
            LegalBasis(BasisKind.EXIGENCY),
            plan.purpose,
            plan.call,
            plan.case,
            threat,
            plan.minutes,
            command.by,
            at,
        )
        return [asked, OverrideRefused(None, reasons)]
    minutes = min(plan.minutes, parameters.override_max_minutes)
    return [
        EmergencyOverrideInvoked(
            plan.target,
            plan.flight,
            plan.range,
            threat,
            plan.purpose,
            plan.call,
            plan.case,
            command.by,
            at + timedelta(minutes=minutes),
            at + timedelta(hours=parameters.emergency_justification_hours),
            at + timedelta(hours=parameters.override_review_hours),
        )
    ]


def _approve(by: PersonStanding, policy: PolicyInForce, request: OverrideRequested, at: datetime) -> list[Event]:
    reasons = list(by.access_refusals())
    if by.person == request.requested_by:
        reasons.append(
            Reason("same_person", "who asked for an override cannot approve it: ask another person", "two people")
        )
    if Role.WATCH_SUPERVISOR not in by.roles:
        reasons.append(
            Reason(
                "role_cannot_approve",
                "an override is approved by another role",
                "a watch supervisor approves overrides",
                accepted=Role.WATCH_SUPERVISOR,
            )
        )
    if reasons:
        return [ApprovalRefused(by.person, tuple(reasons))]
    minutes = min(request.minutes, policy.parameters.override_max_minutes)
    review_by = at + timedelta(hours=policy.parameters.override_review_hours)
    return [OverrideApproved(by.person, at + timedelta(minutes=minutes), review_by)]


def _use(command: UseOverride, state: State, at: datetime) -> OverrideUsed:
    """Raises WrongState where the override does not open this, to this person, now."""
    if not isinstance(state, Active) or at >= state.grant.expires_at:
        raise WrongState("the override is not in effect", field="override", accepted="one in effect")
    grant = state.grant
    if command.target != grant.target or not grant.range.covers(command.range):
        raise WrongState(
            "the override is for something else", field="override", accepted="one for this target and time range"
        )
    of_zone = grant.target.startswith("zone-")
    if of_zone and (grant.opened.flight is None or command.through != f"flight-{grant.opened.flight}"):
        raise WrongState("the zone is lifted for another flight", field="override", accepted="one for this flight")
    if command.by != grant.opened_by and not (command.by_service and of_zone):
        raise WrongState("the override was given to somebody else", field="override", accepted="one of one's own")
    return OverrideUsed(command.through, command.range, command.by, grant.uses + 1)


def _justify(command: JustifyOverride, grant: Grant, at: datetime) -> list[Event]:
    if grant.justify_by is None:
        raise WrongState("two people opened this override: it was justified when it was asked for", field="override")
    if grant.justification is not None:
        raise WrongState("this override is justified already", field="override")
    if command.by != grant.opened_by:
        raise WrongState("who broke the glass justifies it", field="override", accepted="one that you invoked")
    said = checks.text("justification", command.justification, at_least=20, at_most=2000)
    basis = check_legal_basis(command.legal_basis)
    return [OverrideJustified(Personal(grant.why.subject, said), basis, command.by, at > grant.justify_by)]


def _review(command: ReviewOverride, grant: Grant, at: datetime) -> list[Event]:
    if grant.justify_by is not None and grant.justification is None and at < grant.justify_by:
        raise WrongState(
            "who broke the glass still has time to justify it", field="override", accepted="one that is justified"
        )
    if command.by in (grant.opened_by, grant.approved_by):
        reason = Reason("took_part", "who had a part in an override cannot review it", "oversight is independent")
        return [ReviewRefused(command.by, (reason,))]
    findings = checks.text("findings", command.findings, at_least=10, at_most=2000)
    said = Personal(grant.why.subject, findings)
    return [OverrideReviewed(command.verdict, said, command.by, at > grant.review_by)]


# -- evolve ------------------------------------------------------------------


def evolve(state: State, happened: Event) -> State:
    match happened, state:
        case OverrideRequested(), _:
            return Waiting(happened)
        case EmergencyOverrideInvoked(target=target, range=range_, threat=threat, invoked_by=by), _:
            until, review_by, justify_by = happened.expires_at, happened.review_by, happened.justify_by
            return Active(Grant(happened, target, range_, by, threat, None, until, review_by, justify_by))
        case OverrideApproved(by, until, review_by), Waiting(request):
            who, why = request.requested_by, request.reason
            return Active(Grant(request, request.target, request.range, who, why, by, until, review_by))
        case OverrideRefused(), Waiting(request):
            return Closed(request)
        case OverrideUsed(use_number=number), Active(grant):
            return Active(replace(grant, uses=number))
        case OverrideExpired(), Waiting(request):
            return Closed(request)
        case OverrideExpired(), Active(grant):
            return Ended(grant)
        case OverrideJustified(said), (Active(grant) | Ended(grant) | Reviewed(grant)):
            return replace(state, grant=replace(grant, justification=said))
        case OverrideReviewed(), (Active(grant) | Ended(grant)):
            return Reviewed(grant, happened)
        case _:
            return state


OVERRIDE: Aggregate[Command, Event, State] = Aggregate("override", NotRequested(), decide, evolve)
