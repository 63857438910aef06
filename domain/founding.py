"""The first day: how the first administrator, the first commander and the first policy come to be.

Nobody can enrol the first person, and nobody alone can adopt the first policy. So the two who start the watch center
do it together: one of them proposes, the other confirms, and only while nothing else is in the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from domain import checks, person, policy
from domain.kernel import Aggregate, InvalidValue, PersonId, PolicyVersion, Reason, StreamId, WrongState, event
from domain.person import PERSON, ROLES_OF, Organisation, Role
from domain.policy import POLICY, POLICY_KEY, PolicyParameters


@dataclass(frozen=True, slots=True)
class Founder:
    """One of the first accounts. `trained_on`, `training_expires_on`: the courses that the policy requires."""

    person: PersonId
    name: str
    organisation: Organisation
    email: str
    trained_on: date | None = None
    training_expires_on: date | None = None


# -- events ------------------------------------------------------------------


@event("founding.founding_proposed")
class FoundingProposed:
    """One of the two who start the watch center proposed its first accounts and its first policy."""

    administrator: Founder
    commander: Founder
    services: tuple[Founder, ...]
    parameters: PolicyParameters
    parameters_sha256: str
    cedar_set_sha256: str
    summary: str
    proposed_by: PersonId


@event("founding.founding_confirmed")
class FoundingConfirmed:
    """The other of the two confirmed the first accounts and the first policy; from here on the rules hold."""

    proposed_by: PersonId
    confirmed_by: PersonId
    parameters_sha256: str
    cedar_set_sha256: str


@event("founding.founding_refused")
class FoundingRefused:
    """Somebody tried to start the watch center alone or without being one of the two."""

    requested_by: PersonId
    reasons: tuple[Reason, ...]


Event = FoundingProposed | FoundingConfirmed | FoundingRefused

# -- commands ----------------------------------------------------------------
# `other_events`: events in the log outside this stream. The application records no sign-on before the founding.


@dataclass(frozen=True, slots=True)
class ProposeFounding:
    administrator: Founder
    commander: Founder
    services: tuple[Founder, ...]
    parameters: PolicyParameters
    cedar_set_sha256: str
    summary: str
    by: PersonId
    other_events: int


@dataclass(frozen=True, slots=True)
class ConfirmFounding:
    """The hashes are those of what the second person read."""

    cedar_set_sha256: str
    parameters_sha256: str
    by: PersonId
    other_events: int


Command = ProposeFounding | ConfirmFounding

# -- state -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unfounded:
    """Nobody has proposed anything."""


@dataclass(frozen=True, slots=True)
class Proposed:
    proposal: FoundingProposed


@dataclass(frozen=True, slots=True)
class Founded:
    proposal: FoundingProposed
    confirmed_by: PersonId


State = Unfounded | Proposed | Founded

# -- decide and evolve -------------------------------------------------------


def decide(command: Command, state: State, at: datetime) -> list[Event]:
    if isinstance(state, Founded) or command.other_events:
        raise WrongState("the watch center was started before: enrol people and draft policies the usual way")
    match command, state:
        case ProposeFounding(), _:
            return [_proposed(command, at)]
        case ConfirmFounding(), Proposed(proposal):
            if command.parameters_sha256 != proposal.parameters_sha256:
                raise InvalidValue(
                    "not the parameters proposed", field="parameters_sha256", accepted=proposal.parameters_sha256
                )
            if command.cedar_set_sha256 != proposal.cedar_set_sha256:
                raise InvalidValue(
                    "not the rules proposed", field="cedar_set_sha256", accepted=proposal.cedar_set_sha256
                )
            if reasons := _confirmation_refusals(command.by, proposal):
                return [FoundingRefused(command.by, reasons)]
            return [
                FoundingConfirmed(
                    proposal.proposed_by, command.by, proposal.parameters_sha256, proposal.cedar_set_sha256
                )
            ]
        case ConfirmFounding(), Unfounded():
            raise WrongState("nobody has proposed how to start: propose it first")
        case _:
            raise AssertionError("decided above")


def _proposed(command: ProposeFounding, at: datetime) -> FoundingProposed | FoundingRefused:
    administrator, commander = command.administrator, command.commander
    for field, founder, role in (
        ("administrator", administrator, Role.ADMINISTRATOR),
        ("commander", commander, Role.STATION_COMMANDER),
        *(("services", service, Role.SERVICE) for service in command.services),
    ):
        _check(field, founder, role, at)
    if len(command.services) > 20:
        raise InvalidValue("too many services", field="services", accepted="at most 20")
    people = [administrator.person, commander.person, *(service.person for service in command.services)]
    if len(people) != len(set(people)):
        raise InvalidValue("one person is named twice", field="commander", accepted="different persons")
    policy.check_parameters(command.parameters)
    checks.sha256("cedar_set_sha256", command.cedar_set_sha256)
    summary = checks.text("summary", command.summary, at_least=3, at_most=1000)
    if command.by not in (administrator.person, commander.person):
        return FoundingRefused(command.by, (_NOT_A_FOUNDER,))
    return FoundingProposed(
        administrator,
        commander,
        command.services,
        command.parameters,
        policy.parameters_sha256(command.parameters),
        command.cedar_set_sha256,
        summary,
        command.by,
    )


_NOT_A_FOUNDER = Reason(
    "not_a_founder",
    "only the two named as administrator and commander start the watch center",
    "the watch center is started by two people",
)


def _check(field: str, founder: Founder, role: Role, at: datetime) -> None:
    checks.identifier(f"{field}.person", founder.person)
    checks.text(f"{field}.name", founder.name)
    checks.text(f"{field}.email", founder.email, at_least=3, at_most=254)
    if role not in ROLES_OF[founder.organisation]:
        accepted = ", ".join(sorted(o for o, roles in ROLES_OF.items() if role in roles))
        raise InvalidValue(f"no {role} is of this organisation", field=f"{field}.organisation", accepted=accepted)
    if role is Role.SERVICE:
        return
    if founder.trained_on is None or founder.trained_on > at.date():
        raise InvalidValue("no training yet", field=f"{field}.trained_on", accepted="a day not in the future")
    if founder.training_expires_on is None or founder.training_expires_on <= at.date():
        raise InvalidValue("training has expired", field=f"{field}.training_expires_on", accepted="a day to come")


def _confirmation_refusals(by: PersonId, proposal: FoundingProposed) -> tuple[Reason, ...]:
    if by == proposal.proposed_by:
        return (
            Reason(
                "same_person",
                "who proposed it cannot also confirm it: the other of the two must",
                "the watch center is started by two people",
            ),
        )
    if by not in (proposal.administrator.person, proposal.commander.person):
        return (_NOT_A_FOUNDER,)
    return ()


def evolve(state: State, happened: Event) -> State:
    match happened, state:
        case FoundingProposed(), _:
            return Proposed(happened)
        case FoundingConfirmed(), Proposed(proposal):
            return Founded(proposal, happened.confirmed_by)
        case _:
            return state


def first_streams(
    proposal: FoundingProposed, confirmed: FoundingConfirmed, at: datetime
) -> dict[StreamId, list[person.Event] | list[policy.Event]]:
    """The first events of the persons' streams and of the policy's, to be appended together with the confirmation."""
    other = confirmed.confirmed_by
    streams: dict[StreamId, list[person.Event] | list[policy.Event]] = {}
    for founder, role in (
        (proposal.administrator, Role.ADMINISTRATOR),
        (proposal.commander, Role.STATION_COMMANDER),
        *((service, Role.SERVICE) for service in proposal.services),
    ):
        # Each of the two vouches for the other one.
        by = proposal.proposed_by if founder.person == other else other
        events: list[person.Event] = [person.Enrolled(founder.name, founder.organisation, founder.email, by)]
        if founder.trained_on is not None and founder.training_expires_on is not None:
            events += [
                person.TrainingCompleted(course, founder.trained_on, founder.training_expires_on, by)
                for course in proposal.parameters.required_courses
            ]
        events.append(person.RoleAssigned(role, by))
        streams[PERSON.stream(founder.person)] = events
    version = PolicyVersion(1)
    rules, parameters = proposal.cedar_set_sha256, proposal.parameters_sha256
    first_policy: list[policy.Event] = [
        policy.PolicyDrafted(
            version, None, proposal.parameters, parameters, rules, proposal.summary, proposal.proposed_by
        ),
        policy.PolicyAdopted(version, (proposal.proposed_by, other), rules, parameters, at),
    ]
    streams[POLICY.stream(POLICY_KEY)] = first_policy
    return streams


FOUNDING: Aggregate[Command, Event, State] = Aggregate("founding", Unfounded(), decide, evolve)
FOUNDING_KEY = "city"  # the stream "founding-city"
