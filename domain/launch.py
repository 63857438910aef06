"""What a launch must satisfy: the plan that is asked for, the facts it is held against, and every reason against it.

All reasons are given, not just the first, so that whoever asked can mend them in one go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from domain import checks
from domain.call import CallStanding
from domain.drone import DroneStanding
from domain.kernel import CallNumber, CaseNumber, DockId, DroneId, InvalidValue, PersonId, Place, Reason
from domain.person import PersonStanding, PilotStanding, Role
from domain.policy import COMMANDER_PURPOSES, KNOWN_PURPOSES, PROHIBITED, Basis, PolicyInForce
from domain.session import SessionStanding

LOWEST_CRUISE_M = 10.0


class AuthorityKind(StrEnum):
    PART_107_WAIVER = "part_107_waiver"
    COA = "coa"  # certificate of waiver or authorization of a public agency


class SeparationMethod(StrEnum):
    """How the pilot sees and avoids other aircraft."""

    VISUAL_OBSERVER = "visual_observer"
    DETECT_AND_AVOID = "detect_and_avoid"


class Go(StrEnum):
    GO = "go"
    NO_GO = "no_go"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class AirspaceAuthority:
    """Under which paper a flight is allowed in this airspace."""

    kind: AuthorityKind
    number: str
    version: str
    expires_on: date


@dataclass(frozen=True, slots=True)
class Separation:
    """The visual observer's name or the detect-and-avoid system's."""

    method: SeparationMethod
    by: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a source said of one condition. Nobody asked, or no answer: `unknown`."""

    go: Go
    source: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Conditions:
    weather: Finding
    traffic: Finding
    airspace: Finding

    def each(self) -> tuple[tuple[str, Finding], ...]:
        return (("weather", self.weather), ("traffic", self.traffic), ("airspace", self.airspace))


@dataclass(frozen=True, slots=True)
class LaunchPlan:
    """What is asked for. `purpose`: a code of the use policy; `authorisation`: name of the document that allows a
    training or a special event; `accepted_unknowns`: the conditions whose `unknown` the pilot, asking himself, accepts;
    `unknowns_await_pilot`: where another one asks, the launch waits for the pilot's word on what is unknown."""

    drone: DroneId
    dock: DockId
    purpose: str
    pilot: PersonId
    destination: Place
    cruise_agl_m: float
    reason: str
    conditions: Conditions
    call: CallNumber | None = None
    case: CaseNumber | None = None
    authorisation: str | None = None
    airspace: AirspaceAuthority | None = None
    separation: Separation | None = None
    accepted_unknowns: tuple[str, ...] = ()
    unknowns_await_pilot: bool = False


@dataclass(frozen=True, slots=True)
class LaunchFacts:
    """The streams that a launch is held against, as they stand."""

    session: SessionStanding
    pilot: PilotStanding
    drone: DroneStanding
    call: CallStanding | None
    policy: PolicyInForce | None


# -- checks of the plan ------------------------------------------------------


def check_purpose(purpose: str, policy: PolicyInForce | None) -> str:
    """A code nobody knows is a slip of the caller; one that is known but not adopted is refused on the record."""
    checks.code("purpose", purpose)
    adopted = {rule.code for rule in policy.parameters.purposes} if policy else set()
    prohibited = set(policy.parameters.prohibited) if policy else set()
    if purpose not in adopted | prohibited | KNOWN_PURPOSES:
        accepted = ", ".join(sorted(adopted or KNOWN_PURPOSES - set(PROHIBITED)))
        raise InvalidValue("this purpose is not known", field="purpose", accepted=accepted)
    return purpose


def check_plan(plan: LaunchPlan, facts: LaunchFacts) -> None:
    """Raises InvalidValue for what is no plan at all."""
    check_purpose(plan.purpose, facts.policy)
    checks.text("reason", plan.reason, at_least=3, at_most=500)
    checks.within("cruise_agl_m", plan.cruise_agl_m, LOWEST_CRUISE_M, 500, "m above ground")
    for field, value in (("drone", plan.drone), ("dock", plan.dock), ("pilot", plan.pilot)):
        checks.identifier(field, value)
    for field, number in (("call", plan.call), ("case", plan.case)):
        if number is not None:
            checks.identifier(field, number)
    if plan.authorisation is not None:
        checks.text("authorisation", plan.authorisation, at_least=3)
    if plan.airspace is not None:
        checks.identifier("airspace.number", plan.airspace.number)
        checks.identifier("airspace.version", plan.airspace.version)
    if plan.separation is not None:
        checks.text("separation.by", plan.separation.by)
    for name, finding in plan.conditions.each():
        checks.text(f"conditions.{name}.source", finding.source, at_most=120)
        if finding.detail:
            checks.text(f"conditions.{name}.detail", finding.detail, at_most=300)
    for name in plan.accepted_unknowns:
        checks.one_of("accepted_unknowns", name, (condition for condition, _ in plan.conditions.each()))


# -- the rules ---------------------------------------------------------------


def launch_refusals(plan: LaunchPlan, facts: LaunchFacts, by: PersonId, at: datetime) -> tuple[Reason, ...]:
    """Every reason why this launch must not be; `by` is who asked for it."""
    return (
        *_session(facts.session, by, at),
        *purpose_refusals(plan.purpose, facts.policy),
        *basis_refusals(plan.purpose, plan.call, plan.case, plan.authorisation, facts.call, facts.policy),
        *_pilot(facts.pilot, at),
        *_drone(plan, facts.drone),
        *airspace_refusals(plan.airspace, at),
        *_separation(plan),
        *height_refusals("cruise_agl_m", plan.cruise_agl_m, facts.policy),
        *_conditions(plan, by),
    )


def recheck_refusals(plan: LaunchPlan, facts: LaunchFacts, at: datetime) -> tuple[Reason, ...]:
    """What may have changed between request and authorisation. The session is the authoriser's own."""
    return (
        *purpose_refusals(plan.purpose, facts.policy),
        *basis_refusals(plan.purpose, plan.call, plan.case, plan.authorisation, facts.call, facts.policy),
        *_pilot(facts.pilot, at),
        *_drone(plan, facts.drone),
        *airspace_refusals(plan.airspace, at),
        *height_refusals("cruise_agl_m", plan.cruise_agl_m, facts.policy),
    )


def take_off_refusals(facts: LaunchFacts, at: datetime) -> Iterator[Reason]:
    """What may have changed between authorisation and take-off, so that this pilot or this drone must not fly."""
    yield from _pilot(facts.pilot, at)
    if facts.drone.grounded is not None:
        said = "the drone was grounded since: ready it, and ask for the launch again"
        yield Reason("drone_grounded", said, "a ready drone", field="drone")


def roles_that_authorise(purpose: str, policy: PolicyInForce | None) -> tuple[Role, ...]:
    """One of these roles must authorise a launch for this purpose; none: the request suffices."""
    if purpose in COMMANDER_PURPOSES:
        return (Role.STATION_COMMANDER,)
    rule = policy.parameters.rule_for(purpose) if policy else None
    return rule.authorised_by if rule else ()


def authoriser_refusals(
    purpose: str,
    policy: PolicyInForce | None,
    authoriser: PersonStanding,
    session: SessionStanding,
    requested_by: PersonId,
    at: datetime,
) -> tuple[Reason, ...]:
    """Every reason why this person cannot authorise that launch."""
    reasons = [*authoriser.access_refusals(), *_session(session, authoriser.person, at)]
    if authoriser.person == requested_by:
        reasons.append(
            Reason("same_person", "who asked for a launch cannot authorise it: ask another person", "two people")
        )
    roles = roles_that_authorise(purpose, policy)
    if roles and not authoriser.roles & set(roles):
        reasons.append(
            Reason(
                "role_cannot_authorise",
                "this launch is authorised by another role",
                "who authorises is the policy's to say",
                accepted=", ".join(roles),
            )
        )
    return tuple(reasons)


def _session(session: SessionStanding, by: PersonId, at: datetime) -> Iterator[Reason]:
    if session.person != by or not session.open:
        yield Reason("session_not_open", "the session is not open: sign on again", "who acts has signed on")
    elif not session.stepped_up(at):
        yield Reason("step_up_required", "prove your identity once more, then repeat", "a launch needs a step-up")


def purpose_refusals(purpose: str, policy: PolicyInForce | None) -> Iterator[Reason]:
    prohibited = PROHIBITED.get(purpose)
    if prohibited is None and policy is not None and purpose in policy.parameters.prohibited:
        prohibited = purpose
    if prohibited is not None:
        yield Reason(
            "purpose_prohibited", f"prohibited for everybody: {prohibited}", "prohibited purposes", field="purpose"
        )
    if policy is None:
        yield Reason("no_policy", "no use policy is in force: adopt one first", "nothing flies without a policy")
    elif prohibited is None and policy.parameters.rule_for(purpose) is None:
        adopted = ", ".join(rule.code for rule in policy.parameters.purposes)
        yield Reason(
            "purpose_not_adopted",
            "the use policy in force does not name this purpose",
            "a launch names an adopted purpose",
            field="purpose",
            accepted=adopted,
        )


def basis_refusals(
    purpose: str,
    call: CallNumber | None,
    case: CaseNumber | None,
    authorisation: str | None,
    standing: CallStanding | None,
    policy: PolicyInForce | None,
) -> Iterator[Reason]:
    rule = policy.parameters.rule_for(purpose) if policy else None
    if rule is not None and rule.basis is Basis.NAMED_AUTHORISATION:
        if authorisation is None:
            yield Reason(
                "authorisation_missing",
                f"{rule.title.lower()} needs the name of the document that allows it",
                "training and special events name an authorisation",
                field="authorisation",
            )
    elif call is None and case is None:
        yield Reason(
            "call_or_case_missing",
            "name the call or the case that this is for",
            "a launch names a call or a case",
            field="call",
            accepted="the number of an open call, or a case number",
        )
    if call is None:
        return
    if standing is None or not standing.known:
        yield Reason("call_unknown", "dispatch knows no such call", "a launch names a call or a case", field="call")
    elif not standing.open:
        yield Reason("call_closed", "dispatch has closed this call", "a launch names a call or a case", field="call")


def _pilot(pilot: PilotStanding, at: datetime) -> Iterator[Reason]:
    rule = "the RPIC is fit, trained and certified"
    if not pilot.has_role:
        yield Reason("pilot_role_missing", "the pilot does not hold the role remote_pilot", rule, field="pilot")
    if pilot.suspended:
        yield Reason("pilot_suspended", "the pilot's account is suspended", rule, field="pilot")
    if not pilot.trained:
        yield Reason("pilot_training_expired", "a required training is missing or has expired", rule, field="pilot")
    if pilot.certificate_expires_on is None:
        yield Reason("certificate_missing", "no Part 107 certificate is on record", rule, field="pilot")
    elif pilot.certificate_expires_on < at.date():
        yield Reason("certificate_expired", "the Part 107 certificate has expired", rule, field="pilot")
    if pilot.medical_hold:
        yield Reason("medical_hold", "the pilot is on a medical hold", rule, field="pilot")


def _drone(plan: LaunchPlan, drone: DroneStanding) -> Iterator[Reason]:
    if not drone.registered:
        yield Reason("drone_unknown", "no drone is registered under this id", "a ready drone", field="drone")
        return
    if drone.assigned_to is not None:
        yield Reason("drone_in_flight", "another flight has this drone", "one drone, one active flight", field="drone")
    elif not drone.ready:
        yield Reason("drone_not_ready", "the drone is not ready: ready it first", "a ready drone", field="drone")
    if drone.dock != plan.dock:
        yield Reason("dock_is_not_the_drones", "the drone stands in another dock", "a ready drone", field="dock")


def airspace_refusals(authority: AirspaceAuthority | None, at: datetime) -> Iterator[Reason]:
    rule = "a launch names its airspace authority"
    if authority is None:
        yield Reason("airspace_authority_missing", "name the waiver or COA, with its version", rule, field="airspace")
    elif authority.expires_on < at.date():
        yield Reason("airspace_authority_expired", "the waiver or COA has expired", rule, field="airspace")


def _separation(plan: LaunchPlan) -> Iterator[Reason]:
    if plan.separation is None:
        yield Reason(
            "separation_missing",
            "name the visual observer or the detect-and-avoid system",
            "other aircraft are seen and avoided",
            field="separation",
        )


def height_refusals(field: str, agl_m: float, policy: PolicyInForce | None) -> Iterator[Reason]:
    if policy is not None and agl_m > policy.parameters.max_agl_m:
        yield Reason(
            "too_high",
            "the height is above what the use policy allows",
            "the policy's greatest height",
            field=field,
            accepted=f"at most {policy.parameters.max_agl_m:g} m above ground",
        )


def _conditions(plan: LaunchPlan, by: PersonId) -> Iterator[Reason]:
    for name, finding in plan.conditions.each():
        if finding.go is Go.NO_GO:
            yield Reason(f"{name}_no_go", f"{name} is no-go by {finding.source}", "go or no-go", field=name)
        accepted = plan.unknowns_await_pilot or (name in plan.accepted_unknowns and by == plan.pilot)
        if finding.go is Go.UNKNOWN and not accepted:
            yield _unknown(name)


def unaccepted(
    conditions: Conditions, accepted: tuple[str, ...], in_request: tuple[str, ...], by_pilot: bool
) -> tuple[str, ...]:
    """The unknown conditions that wait for the pilot. `in_request` counts only where the pilot himself asked."""
    known = {*accepted, *(in_request if by_pilot else ())}
    return tuple(name for name, finding in conditions.each() if finding.go is Go.UNKNOWN and name not in known)


def unknown_refusals(names: tuple[str, ...]) -> tuple[Reason, ...]:
    return tuple(map(_unknown, names))


def _unknown(name: str) -> Reason:
    said = f"{name} is unknown, which is no-go unless the pilot himself accepts it"
    return Reason(f"{name}_unknown", said, "unknown is no-go", field=name)
