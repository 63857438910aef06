"""Who is acting, as the store knows it at this moment: the person, the session, the policy in force.

Roles come from the person's own stream alone, never from a token. What is read here takes part in the append: a
suspension that comes between the question and the append wins.
"""

from __future__ import annotations

from dataclasses import replace

import structlog

from application.handling import KEY, Accepted, Actor, Attempt, Denied, Recorded, Refused
from domain.kernel import EVENT_NAMES, PersonId, Reason, WrongState
from domain.person import PERSON, PersonStanding, Role, person_standing
from domain.policy import POLICY, POLICY_KEY, PolicyInForce, policy_in_force, policy_last_in_force
from domain.session import SESSION, RecordRefusedAttempt, SessionStanding, session_standing

log = structlog.get_logger()

SERVICES = {
    "service-drone-gateway": "Drone gateway",
    "service-reactor": "Reactor",
    "service-scheduler": "Scheduler",
    "service-reconcile": "Reconciliation",
    "service-provisioning": "Provisioning (personnel system)",
    "service-dispatch": "Dispatch (CAD)",
    "service-recorder": "Recorder",
    "service-exporter": "Exporter",
    "service-media": "Live pictures",
    "service-alpr": "Plate readers (ALPR)",
    "service-community": "Feedback of the public",
}


def service(person: str) -> Actor:
    """One of our own processes. It has an account with the role `service` and no session."""
    return Actor(person, SERVICES[person], "", frozenset({str(Role.SERVICE)}))


NO_POLICY = Reason(
    "no_policy",
    "no use policy is in force: two persons must adopt one first",
    "nothing is used without a policy",
)
# What the equipment is used for, which nobody may without a use policy in force. Everything else goes on by the one
# that was in force last: drones come home, machines record, views end, and a new policy is drafted and adopted.
USES = frozenset(
    {
        "request_launch",
        "authorise_launch",
        "accept_unknowns",
        "launch_drone",
        "goto",
        "repurpose_flight",
        "start_recording",
        "request_live_view",
        "share_feed",
        "request_viewing",
        "request_export",
        "approve_export",
        "download_export",
        "deliver_export",
        "request_disclosure",
        "make_disclosure",
        "search_plate",
        "request_override",
        "approve_override",
        "invoke_emergency_override",
    }
)

# What two persons need to adopt another policy, also where the access rules here are not the adopted ones: drafting,
# adopting and retiring, and having accounts with which to do so.
WAY_BACK = frozenset(
    {
        "draft_policy",
        "adopt_policy",
        "propose_policy_retirement",
        "retire_policy",
        "enrol_person",
        "record_training",
        "correct_training",
        "assign_role",
        "assign_role_after_provisioning",
        "revoke_role",
        "suspend_person",
        "reinstate_person",
        "revoke_access",
    }
)


def in_force(attempt: Attempt) -> PolicyInForce | None:
    """The use policy at this moment; None before the first one is adopted, and where it was retired."""
    return policy_in_force(attempt.state(POLICY, POLICY_KEY), attempt.at)


def last_in_force(attempt: Attempt) -> PolicyInForce:
    """The use policy by which is told who may do what: also after its retirement, or nobody could adopt another. Raises
    WrongState before the first one is adopted."""
    policy = policy_last_in_force(attempt.state(POLICY, POLICY_KEY), attempt.at)
    if policy is None:
        raise WrongState(
            "no use policy is in force: nothing may be done before two persons adopted one", field="policy"
        )
    attempt.policy_version = policy.version
    return policy


def standing_of(attempt: Attempt, person: str, policy: PolicyInForce) -> PersonStanding:
    state = attempt.state(PERSON, person)
    return person_standing(PersonId(person), state, attempt.at, policy.parameters.required_courses)


def session_of(attempt: Attempt) -> SessionStanding:
    session = attempt.actor.session
    return session_standing(session, attempt.state(SESSION, session), attempt.at)


def signed_on(actor: Actor, standing: PersonStanding) -> Actor:
    """The actor with what the person's stream says of them."""
    return replace(
        actor,
        name=standing.name,
        organisation=str(standing.organisation or ""),
        roles=frozenset(map(str, standing.roles)),
    )


def authorise(
    attempt: Attempt,
    action: str,
    resource: str,
    own_request: bool = False,
    gives_up: bool = False,
    **context: bool | int | str,
) -> PolicyInForce:
    """May this actor do this now? Puts role, rule and policy version on the attempt. Raises Denied.

    `own_request`: the actor asked for, wrote or is the object of what is now to be decided. `gives_up`: it ends a use
    under the right to begin one, so it needs no policy in force.
    """
    actor = attempt.actor
    attempt.load((PERSON, actor.person), (SESSION, actor.session), (POLICY, POLICY_KEY))
    policy = last_in_force(attempt)
    person = standing_of(attempt, actor.person, policy)
    reasons = person.access_refusals()
    stepped_up = False
    if Role.SERVICE not in person.roles:
        session = session_of(attempt)
        stepped_up = session.stepped_up(attempt.at)
        if not session.open or session.person != actor.person:
            reasons += (Reason("not_signed_on", "the session is not open: sign on again", "a session is a condition"),)
    attempt.actor = signed_on(actor, person)
    attempt.role = min(attempt.actor.roles, default="")
    if reasons:
        raise Denied(action, resource, reasons[0].rule, reasons[0])
    if Role.SERVICE not in person.roles and action not in WAY_BACK:  # what machines saw is a fact under whichever rules
        _rules_are_adopted(attempt, policy)
    attempt.authorise(action, resource, stepped_up=stepped_up, own_request=own_request, **context)
    _second_person(attempt, action, resource, policy)
    if action in USES and not gives_up and in_force(attempt) is None:
        raise Denied(action, resource, "use-policy-in-force", NO_POLICY)
    return policy


def _rules_are_adopted(attempt: Attempt, policy: PolicyInForce) -> None:
    """A process that goes on with other access rules than the policy now in force decides nothing more, but the way to
    another policy. Raises WrongState."""
    if policy.cedar_set_sha256 != attempt.rules_sha256:
        said = "the access rules here are not those that were adopted: this process must be started anew with them"
        raise WrongState(said, field="policy", accepted=f"the rules of policy version {policy.version}")


def _second_person(attempt: Attempt, action: str, resource: str, policy: PolicyInForce) -> None:
    """Where the use policy says who may be the second person for an act, nobody else is. Raises Denied."""
    named = policy.parameters.second_person(action)
    if not named:
        return
    if not attempt.actor.roles & named:
        rule = f"second-person@policy-{policy.version}"
        said, accepted = "the use policy asks another role to decide this", ", ".join(sorted(named))
        raise Denied(action, resource, rule, Reason("not_second_person", said, rule, accepted=accepted))
    attempt.role = min(attempt.actor.roles & named)


def record_attempt(attempt: Attempt, action: str, resource: str, reasons: tuple[Reason, ...], rule: str) -> None:
    """Put a denied or invalid attempt of a signed-on person on the record of the session."""
    if not attempt.actor.session:
        log.warning("service_attempt_refused", service=attempt.actor.person, action=action, reasons=str(reasons))
        return
    attempt.role = min(attempt.actor.roles, default="")
    _, _, key = resource.partition("-")
    target = resource if KEY.fullmatch(key) else ""  # what names no stream is a rejected value, and is not kept
    attempt.decide(SESSION, attempt.actor.session, RecordRefusedAttempt(action, target, reasons, rule))


def is_refusal(event: object) -> bool:
    return "refused" in EVENT_NAMES[type(event)]


def outcome(attempt: Attempt, stream: str, key: str) -> Recorded:
    """What the caller is told of the events taken: refused if one of them says so, else accepted."""
    for event in attempt.events():
        if is_refusal(event):
            return Refused(stream, event.reasons, attempt.decided_by)
    return Accepted(stream, key)
