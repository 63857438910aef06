"""A person with an account: enrolment, training, certificates, roles.

One person, one account. Training that has not expired is a condition of access. Nobody vouches for himself, and the
one who enrols an account does not also give it its role: an account that can do anything took two people.

Those of oversight cannot be muted by those whom they oversee: what makes less of their access is asked for by one side
and answered by oversight itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import assert_never

from domain import checks
from domain.kernel import Aggregate, InvalidValue, NotFound, PersonId, Reason, WrongState, event


class Organisation(StrEnum):
    LASD_WEST_HOLLYWOOD = "lasd_west_hollywood"
    CITY_OF_WEST_HOLLYWOOD = "city_of_west_hollywood"
    LA_COUNTY_FIRE = "la_county_fire"
    BLOCK_BY_BLOCK = "block_by_block"
    OVERSIGHT = "oversight"


class Role(StrEnum):
    WATCH_OPERATOR = "watch_operator"
    WATCH_SUPERVISOR = "watch_supervisor"
    REMOTE_PILOT = "remote_pilot"
    STATION_COMMANDER = "station_commander"
    FIELD_RESPONDER = "field_responder"
    AMBASSADOR = "ambassador"
    CITY_ANALYST = "city_analyst"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"
    SERVICE = "service"  # a process of the watch center, not a human


class Expiring(StrEnum):
    TRAINING = "training"
    CERTIFICATE = "certificate"


class OversightChange(StrEnum):
    """What makes less of the access of a person of oversight."""

    SUSPEND = "suspend"
    LEAVE = "leave"  # every role is given up, and access suspended
    REVOKE_ROLE = "revoke_role"  # the only one that there is in oversight
    REVOKE_ACCESS = "revoke_access"  # consoles are closed, and what proved who it was is void
    CHANGE_DETAILS = "change_details"  # of another organisation, or told under another address


class CertificateKind(StrEnum):
    PART_107 = "part_107"  # remote pilot certificate, 14 CFR Part 107
    VISUAL_OBSERVER = "visual_observer"


ROLES_OF: Mapping[Organisation, frozenset[Role]] = MappingProxyType(
    {
        Organisation.LASD_WEST_HOLLYWOOD: frozenset(
            {
                Role.WATCH_OPERATOR,
                Role.WATCH_SUPERVISOR,
                Role.REMOTE_PILOT,
                Role.STATION_COMMANDER,
                Role.FIELD_RESPONDER,
                Role.ADMINISTRATOR,
                Role.SERVICE,
            }
        ),
        Organisation.CITY_OF_WEST_HOLLYWOOD: frozenset({Role.CITY_ANALYST, Role.ADMINISTRATOR, Role.SERVICE}),
        Organisation.LA_COUNTY_FIRE: frozenset({Role.FIELD_RESPONDER}),
        Organisation.BLOCK_BY_BLOCK: frozenset({Role.AMBASSADOR}),
        Organisation.OVERSIGHT: frozenset({Role.AUDITOR}),
    }
)
EXPIRY_NOTICE = timedelta(days=30)  # before the day of expiry
# What nobody can be current for longer than, from the day of the entry: 24 calendar months, 14 CFR 107.65, with the
# rest of the month; an observer has no federal term, so the same.
LONGEST_CERTIFICATE: Mapping[CertificateKind, timedelta] = MappingProxyType(
    dict.fromkeys(CertificateKind, timedelta(days=762))
)
OVERSIGHT_ANSWERS_WITHIN = timedelta(days=7)  # after that the city may answer: a lone auditor may be gone for good
NOT_MUTED = "oversight is not muted by those it oversees"
PERSONNEL_SYSTEM = PersonId("service-provisioning")  # whom it suspends has left
APART = frozenset({Role.ADMINISTRATOR, Role.SERVICE})  # roles that no one holds together with another


@dataclass(frozen=True, slots=True)
class Details:
    name: str
    organisation: Organisation
    email: str


# -- events ------------------------------------------------------------------


@event("person.enrolled")
class Enrolled:
    """A person got an account."""

    name: str
    organisation: Organisation
    email: str
    enrolled_by: PersonId


@event("person.training_completed")
class TrainingCompleted:
    """A person completed a course that is a condition of access until it expires."""

    course: str
    completed_on: date
    expires_on: date
    recorded_by: PersonId


@event("person.training_corrected")
class TrainingCorrected:
    """The day on which a course expires was entered wrongly: it is another one. `before`: what stood there."""

    course: str
    before: date
    expires_on: date
    reason: str
    corrected_by: PersonId


@event("person.certificate_recorded")
class CertificateRecorded:
    """A certificate of a person, such as a Part 107 remote pilot certificate, was entered."""

    kind: CertificateKind
    number: str
    expires_on: date
    recorded_by: PersonId


@event("person.medical_hold_placed")
class MedicalHoldPlaced:
    """A pilot may not fly for medical reasons; the reasons themselves are not kept."""

    placed_by: PersonId


@event("person.medical_hold_lifted")
class MedicalHoldLifted:
    """A pilot may fly again after a medical hold."""

    lifted_by: PersonId


@event("person.role_assigned")
class RoleAssigned:
    """A person was given a role."""

    role: Role
    assigned_by: PersonId


@event("person.role_revoked")
class RoleRevoked:
    """A role was taken from a person."""

    role: Role
    revoked_by: PersonId
    reason: str


@event("person.suspended")
class Suspended:
    """A person's access was suspended at once."""

    suspended_by: PersonId
    reason: str


@event("person.reinstated")
class Reinstated:
    """A suspension was lifted by the side that placed it: the station's, or the personnel system's."""

    reinstated_by: PersonId
    reason: str


@event("person.details_changed")
class DetailsChanged:
    """A person's name, organisation or address changed."""

    name: str
    organisation: Organisation
    email: str
    changed_by: PersonId


@event("person.access_revoked")
class AccessRevoked:
    """A person's consoles were closed and every proof of identity from before was made void."""

    not_before: datetime
    revoked_by: PersonId
    reason: str


@event("person.oversight_change_asked")
class OversightChangeAsked:
    """Somebody asked to make less of the access of a person of oversight; one of oversight answers."""

    # `of_organisation`: of who asks; after `answer_by` the city may answer, if it was not the city that asked.

    change: OversightChange
    details: Details | None
    reason: str
    answer_by: datetime
    asked_by: PersonId
    of_organisation: Organisation


@event("person.oversight_change_declined")
class OversightChangeDeclined:
    """What somebody asked about the access of a person of oversight is not done."""

    change: OversightChange
    reason: str
    asked_by: PersonId
    declined_by: PersonId


@event("person.oversight_change_confirmed")
class OversightChangeConfirmed:
    """The second person said yes to a change of the access of a person of oversight, which was done with it."""

    change: OversightChange
    asked_by: PersonId
    confirmed_by: PersonId
    of_organisation: Organisation


@event("person.expiry_approaching")
class ExpiryApproaching:
    """A training or a certificate that access or flying depends on is about to expire."""

    what: Expiring
    name: str
    expires_on: date


@event("person.change_refused")
class ChangeRefused:
    """Somebody asked for a change to an account that the rules do not allow."""

    change: str
    requested_by: PersonId
    reasons: tuple[Reason, ...]


Event = (
    Enrolled
    | TrainingCompleted
    | TrainingCorrected
    | CertificateRecorded
    | MedicalHoldPlaced
    | MedicalHoldLifted
    | RoleAssigned
    | RoleRevoked
    | Suspended
    | Reinstated
    | DetailsChanged
    | AccessRevoked
    | OversightChangeAsked
    | OversightChangeDeclined
    | OversightChangeConfirmed
    | ExpiryApproaching
    | ChangeRefused
)

# -- commands ----------------------------------------------------------------
# `person` is whose stream it is: what a rule about oneself compares with `by`.


@dataclass(frozen=True, slots=True)
class Enrol:
    person: PersonId
    name: str
    organisation: Organisation
    email: str
    by: PersonId


@dataclass(frozen=True, slots=True)
class RecordTraining:
    """`longest`: how long a course may be current, by the use policy; None: nobody says."""

    person: PersonId
    course: str
    completed_on: date
    expires_on: date
    by: PersonId
    longest: timedelta | None = None


@dataclass(frozen=True, slots=True)
class CorrectTraining:
    """For an entry that was wrong: sets the day on which the course expires, also to an earlier one."""

    person: PersonId
    course: str
    expires_on: date
    reason: str
    by: PersonId
    longest: timedelta | None = None


@dataclass(frozen=True, slots=True)
class RecordCertificate:
    person: PersonId
    kind: CertificateKind
    number: str
    expires_on: date
    by: PersonId


@dataclass(frozen=True, slots=True)
class PlaceMedicalHold:
    person: PersonId
    by: PersonId


@dataclass(frozen=True, slots=True)
class LiftMedicalHold:
    person: PersonId
    by: PersonId


@dataclass(frozen=True, slots=True)
class AssignRole:
    person: PersonId
    role: Role
    by: PersonId


@dataclass(frozen=True, slots=True)
class RevokeRole:
    person: PersonId
    role: Role
    by: PersonId
    reason: str


@dataclass(frozen=True, slots=True)
class Suspend:
    person: PersonId
    by: PersonId
    reason: str


@dataclass(frozen=True, slots=True)
class Reinstate:
    person: PersonId
    by: PersonId
    reason: str


@dataclass(frozen=True, slots=True)
class ChangeDetails:
    """A mover: what is not suitable to the new organisation is given up."""

    person: PersonId
    name: str
    organisation: Organisation
    email: str
    by: PersonId


@dataclass(frozen=True, slots=True)
class RevokeAccess:
    """Closes every console of a person; a new sign-on with a fresh proof is possible."""

    person: PersonId
    by: PersonId
    reason: str


@dataclass(frozen=True, slots=True)
class Leave:
    """A leaver: every role is given up and access suspended. The account stays, as does what it did."""

    person: PersonId
    by: PersonId
    reason: str


@dataclass(frozen=True, slots=True)
class AskOversightChange:
    """`organisation`: of who asks; `details`: those to be, of a change of details."""

    person: PersonId
    change: OversightChange
    reason: str
    by: PersonId
    organisation: Organisation
    details: Details | None = None


@dataclass(frozen=True, slots=True)
class AnswerOversightChange:
    """`organisation`: of who answers; `refusal`: why it is not done, None confirms it."""

    person: PersonId
    by: PersonId
    organisation: Organisation
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class NoteExpiry:
    """Says, once, that a training or certificate is about to expire; nothing where it was renewed meanwhile."""

    person: PersonId
    what: Expiring
    name: str
    by: PersonId


Command = (
    Enrol
    | RecordTraining
    | CorrectTraining
    | RecordCertificate
    | PlaceMedicalHold
    | LiftMedicalHold
    | AssignRole
    | RevokeRole
    | Suspend
    | Reinstate
    | ChangeDetails
    | RevokeAccess
    | Leave
    | AskOversightChange
    | AnswerOversightChange
    | NoteExpiry
)


# -- state -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody was enrolled under this id."""


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    organisation: Organisation
    email: str
    enrolled_by: PersonId
    roles: frozenset[Role] = frozenset()
    courses: Mapping[str, date] = field(default_factory=lambda: MappingProxyType({}))  # course -> day it expires
    certificates: Mapping[CertificateKind, CertificateRecorded] = field(default_factory=lambda: MappingProxyType({}))
    medical_hold: bool = False
    suspended_by: frozenset[PersonId] = frozenset()
    proofs_from: datetime | None = None  # proofs of identity from before are void
    asked: OversightChangeAsked | None = None  # waits for its second person

    @property
    def suspended(self) -> bool:
        return bool(self.suspended_by)

    @property
    def left(self) -> bool:
        return PERSONNEL_SYSTEM in self.suspended_by


State = Unknown | Account


def of_oversight(state: State) -> bool:
    return isinstance(state, Account) and state.organisation is Organisation.OVERSIGHT


def provisioned(state: State) -> bool:
    """Whether the personnel system, or a file of it, gave this account: administrators run that."""
    return isinstance(state, Account) and state.enrolled_by == PERSONNEL_SYSTEM


# -- what other decisions may know of a person -------------------------------


@dataclass(frozen=True, slots=True)
class PersonStanding:
    """`trained`: every required course is completed and not expired at the moment asked for."""

    person: PersonId
    enrolled: bool
    name: str = ""
    organisation: Organisation | None = None
    roles: frozenset[Role] = frozenset()
    trained: bool = False
    suspended: bool = False
    proofs_from: datetime | None = None

    @property
    def has_access(self) -> bool:
        return not self.access_refusals()

    def access_refusals(self) -> tuple[Reason, ...]:
        """Every reason why this person may not use the watch center now."""
        rule = "training and standing are a condition of access"
        if not self.enrolled:
            return (Reason("not_enrolled", "nobody is enrolled under this identity: ask an administrator", rule),)
        reasons = []
        if self.suspended:
            reasons.append(Reason("suspended", "the account is suspended: ask the station commander", rule))
        if not self.roles:
            reasons.append(Reason("no_role", "the account has no role: ask the station commander", rule))
        if not self.trained:
            reasons.append(
                Reason("training_expired", "a required training is missing or has expired: complete it again", rule)
            )
        return tuple(reasons)


@dataclass(frozen=True, slots=True)
class PilotStanding:
    """A person as the pilot in command (RPIC) of a flight."""

    person: PersonId
    name: str
    has_role: bool
    suspended: bool
    trained: bool
    certificate: str | None  # number of the Part 107 certificate
    certificate_expires_on: date | None
    medical_hold: bool


def person_standing(person: PersonId, state: State, at: datetime, required: Collection[str] = ()) -> PersonStanding:
    """A process (role `service`) takes no courses."""
    if isinstance(state, Unknown):
        return PersonStanding(person, enrolled=False)
    trained = Role.SERVICE in state.roles or all(_current(state.courses.get(course), at) for course in required)
    return PersonStanding(
        person, True, state.name, state.organisation, state.roles, trained, state.suspended, state.proofs_from
    )


def pilot_standing(person: PersonId, state: State, at: datetime, required: Collection[str] = ()) -> PilotStanding:
    if isinstance(state, Unknown):
        return PilotStanding(person, "", False, False, False, None, None, False)
    certificate = state.certificates.get(CertificateKind.PART_107)
    return PilotStanding(
        person=person,
        name=state.name,
        has_role=Role.REMOTE_PILOT in state.roles,
        suspended=state.suspended,
        trained=all(_current(state.courses.get(course), at) for course in required),
        certificate=certificate.number if certificate else None,
        certificate_expires_on=certificate.expires_on if certificate else None,
        medical_hold=state.medical_hold,
    )


def _current(expires_on: date | None, at: datetime) -> bool:
    # Days end at midnight UTC, which is the afternoon in West Hollywood: an expiry errs to the early side.
    return expires_on is not None and at.date() <= expires_on


# -- decide and evolve -------------------------------------------------------


def decide(command: Command, state: State, at: datetime) -> list[Event]:
    match command, state:
        case Enrol(), Unknown():
            if command.by == command.person:
                return _refused(command, _himself("enrol"))
            checks.identifier("person", command.person)
            name, email = checks.text("name", command.name), _address(command.email)
            return [Enrolled(name, command.organisation, email, command.by)]
        case Enrol(), Account():
            raise WrongState("this person is enrolled already: one person, one account", field="person")
        case _, Unknown():
            raise NotFound("nobody is enrolled under this id: enrol the person first", field="person")
        case ((Suspend() | Leave() | RevokeRole() | ChangeDetails()), Account()) if of_oversight(state):
            # Also by the personnel system: whoever writes its list would have the say over oversight else. Closed
            # consoles mute nobody: whose they are comes back in by showing anew who they are.
            return _refused(command, _not_muted()) if _decide(command, state, at) else []
        case _, Account():
            return _decide(command, state, at)
        case _:
            assert_never(state)


def _decide(command: Command, state: Account, at: datetime) -> list[Event]:
    # For oneself or another one alike, access may always be made smaller; making it larger takes somebody else.
    match command:
        case RecordTraining():
            if command.by == command.person:
                return _refused(command, _himself("record a training of"))
            if command.completed_on > at.date():
                raise InvalidValue("the course ends in the future", field="completed_on", accepted="today or earlier")
            if command.expires_on <= command.completed_on:
                raise InvalidValue("it expires too early", field="expires_on", accepted="a day after completed_on")
            _not_too_long("expires_on", command.expires_on, command.completed_on, command.longest)
            course = checks.code("course", command.course)
            return [TrainingCompleted(course, command.completed_on, command.expires_on, command.by)]
        case CorrectTraining():
            return _corrected(command, state, at)
        case RecordCertificate():
            if command.by == command.person:
                return _refused(command, _himself("record a certificate of"))
            _not_too_long("expires_on", command.expires_on, at.date(), LONGEST_CERTIFICATE[command.kind])
            number = checks.identifier("number", command.number)
            return [CertificateRecorded(command.kind, number, command.expires_on, command.by)]
        case PlaceMedicalHold():
            return [] if state.medical_hold else [MedicalHoldPlaced(command.by)]
        case LiftMedicalHold():
            if command.by == command.person:
                return _refused(command, _himself("lift a medical hold of"))
            return [MedicalHoldLifted(command.by)] if state.medical_hold else []
        case AssignRole():
            if command.role in state.roles:
                return []
            if reasons := _role_refusals(command, state):
                return _refused(command, *reasons)
            return [RoleAssigned(command.role, command.by)]
        case RevokeRole():
            if command.role not in state.roles:
                return []
            return [RoleRevoked(command.role, command.by, checks.text("reason", command.reason, at_least=3))]
        case Suspend():
            # That a person has left is one matter, and what the station holds against them is another.
            if _of_side(command.by, state):
                return []
            return [Suspended(command.by, checks.text("reason", command.reason, at_least=3))]
        case Reinstate():
            if command.by == command.person:
                return _refused(command, _himself("reinstate"))
            reason = checks.text("reason", command.reason, at_least=3)
            if state.suspended and not _of_side(command.by, state):
                return _refused(command, _of_the_other_side(command.by))
            return [Reinstated(command.by, reason)] if state.suspended else []
        case ChangeDetails():
            return _changed(command, state)
        case RevokeAccess():
            return [AccessRevoked(at, command.by, checks.text("reason", command.reason, at_least=3))]
        case Leave():
            reason = checks.text("reason", command.reason, at_least=3)
            given_up: list[Event] = [RoleRevoked(role, command.by, reason) for role in sorted(state.roles)]
            return given_up if _of_side(command.by, state) else [*given_up, Suspended(command.by, reason)]
        case AskOversightChange():
            return _asked(command, state, at)
        case AnswerOversightChange():
            return _answered(command, state, at)
        case NoteExpiry():
            expires_on = expiry_of(state, command.what, command.name)
            due = expires_on is not None and at >= expiry_notice_at(expires_on)
            return [ExpiryApproaching(command.what, command.name, expires_on)] if due and expires_on else []
        case Enrol():
            raise AssertionError("decided above")
        case _:
            assert_never(command)


def _corrected(command: CorrectTraining, state: Account, at: datetime) -> list[Event]:
    if command.by == command.person:
        return _refused(command, _himself("correct a training of"))
    before = state.courses.get(command.course)
    if before is None:
        accepted = ", ".join(sorted(state.courses)) or "none is recorded: record it first"
        raise NotFound("no such course is recorded of this person", field="course", accepted=accepted)
    if command.expires_on == before:
        return []
    _not_too_long("expires_on", command.expires_on, at.date(), command.longest)
    reason = checks.text("reason", command.reason, at_least=3, at_most=500)
    return [TrainingCorrected(command.course, before, command.expires_on, reason, command.by)]


def _not_too_long(field: str, expires_on: date, since: date, longest: timedelta | None) -> None:
    """Raises InvalidValue for a day that nobody can mean: a mistyped year would be access for ever."""
    if longest is not None and expires_on > since + longest:
        accepted = f"{since + longest} or earlier: {longest.days} days at most"
        raise InvalidValue("it would be current for too long", field=field, accepted=accepted)


def _address(email: str) -> str:
    email = checks.text("email", email, at_least=3, at_most=254)
    if email.count("@") != 1 or email.startswith("@") or email.endswith("@") or " " in email:
        raise InvalidValue("email is not an address", field="email", accepted="name@domain")
    return email


def _changed(command: ChangeDetails, state: Account) -> list[Event]:
    if command.by == command.person:
        return _refused(command, _himself("change the account of"))
    name, email, organisation = checks.text("name", command.name), _address(command.email), command.organisation
    if (name, organisation, email) == (state.name, state.organisation, state.email):
        return []
    unsuitable = sorted(state.roles - ROLES_OF[organisation])
    moved = f"moved to {organisation}"
    revoked: list[Event] = [RoleRevoked(role, command.by, moved) for role in unsuitable]
    return [DetailsChanged(name, organisation, email, command.by), *revoked]


def _asked(command: AskOversightChange, state: Account, at: datetime) -> list[Event]:
    if not of_oversight(state):
        accepted = "a person of oversight: of others it is done at once"
        raise InvalidValue("this person is not of oversight", field="person", accepted=accepted)
    if state.asked is not None:
        raise WrongState("a change of this person's access waits for its answer", field="person")
    if (command.details is None) == (command.change is OversightChange.CHANGE_DETAILS):
        accepted = "name, organisation and email for change_details, and for nothing else"
        raise InvalidValue("details do not go with this change", field="details", accepted=accepted)
    if command.by == command.person:
        return _refused(command, _himself("ask for a change to the access of"))
    reason = checks.text("reason", command.reason, at_least=10)  # as long as that of a suspension may be
    until, by = at + OVERSIGHT_ANSWERS_WITHIN, command.by
    asked = OversightChangeAsked(command.change, command.details, reason, until, by, command.organisation)
    if not _done(command.person, asked, state, at):
        raise WrongState("this is so already: nothing would change", field="change")
    return [asked]


def _answered(command: AnswerOversightChange, state: Account, at: datetime) -> list[Event]:
    asked, by = state.asked, command.by
    if asked is None:
        raise WrongState("nobody has asked for a change of this person's access", field="person")
    if reasons := _answer_refusals(command, asked, at):
        return _refused(command, *reasons)
    if command.refusal is not None:
        reason = checks.text("refusal", command.refusal, at_least=3, at_most=500)
        return [OversightChangeDeclined(asked.change, reason, asked.asked_by, by)]
    confirmed = OversightChangeConfirmed(asked.change, asked.asked_by, by, command.organisation)
    return [*_done(command.person, asked, state, at), confirmed]


def _answer_refusals(command: AnswerOversightChange, asked: OversightChangeAsked, at: datetime) -> list[Reason]:
    reasons = []
    if command.by == asked.asked_by:
        reasons.append(Reason("own_request", "who asked for it does not answer it", NOT_MUTED))
    if command.organisation is Organisation.OVERSIGHT:
        # Whom it is about may consent, and so is never in the way of leaving; a lone auditor has no veto.
        if command.by == command.person and command.refusal is not None:
            message = "whom it is about does not decline it: another one of oversight does"
            reasons.append(Reason("own_account", message, NOT_MUTED, field="refusal"))
        return reasons
    if at < asked.answer_by:
        message = f"oversight has until {asked.answer_by:%Y-%m-%d %H:%M} UTC to answer this itself"
        reasons.append(Reason("oversight_answers_first", message, NOT_MUTED, accepted="a person of oversight"))
    if command.organisation is asked.of_organisation:
        message = "this was asked by your own organisation: the second person is of another one"
        reasons.append(Reason("same_organisation", message, NOT_MUTED, accepted="a person of oversight"))
    return reasons


def _done(person: PersonId, asked: OversightChangeAsked, state: Account, at: datetime) -> list[Event]:
    """What comes of the change that was asked for, in the name of who asked."""
    by, reason, details = asked.asked_by, asked.reason, asked.details
    match asked.change:
        case OversightChange.SUSPEND:
            return _decide(Suspend(person, by, reason), state, at)
        case OversightChange.LEAVE:
            return _decide(Leave(person, by, reason), state, at)
        case OversightChange.REVOKE_ROLE:
            return [RoleRevoked(role, by, reason) for role in sorted(state.roles)]
        case OversightChange.REVOKE_ACCESS:
            return _decide(RevokeAccess(person, by, reason), state, at)
        case OversightChange.CHANGE_DETAILS:
            assert details is not None  # as it was asked for
            changed = ChangeDetails(person, details.name, details.organisation, details.email, by)
            return _decide(changed, state, at)
        case _:
            assert_never(asked.change)


def _not_muted() -> Reason:
    return Reason(
        "oversight_not_muted",
        "this person is of oversight: the change is asked for, and one of oversight answers",
        NOT_MUTED,
        field="person",
        accepted="requestOversightChange, answered by one of oversight",
    )


def expiry_of(state: Account, what: Expiring, name: str) -> date | None:
    """The day on which a course or a kind of certificate expires; None where the person has none."""
    if what is Expiring.TRAINING:
        return state.courses.get(name)
    found = next((c for kind, c in state.certificates.items() if kind == name), None)
    return found.expires_on if found else None


def expiry_notice_at(expires_on: date) -> datetime:
    """When to say that something expires on that day, UTC."""
    return datetime.combine(expires_on, time(), UTC) - EXPIRY_NOTICE


def _role_refusals(command: AssignRole, state: Account) -> list[Reason]:
    reasons = []
    if command.by == command.person:
        reasons.append(_himself("assign a role to"))
    if command.by == state.enrolled_by:
        reasons.append(
            Reason(
                "enrolled_by_same_person",
                "who enrolled this account may not give it a role: ask another person of that right",
                "an account takes two people",
            )
        )
    suitable = ROLES_OF[state.organisation]
    if command.role not in suitable:
        reasons.append(
            Reason(
                "role_not_of_organisation",
                f"a person of {state.organisation} cannot be {command.role}",
                "a role suits the organisation",
                field="role",
                accepted=", ".join(sorted(suitable)),
            )
        )
    if state.roles and (command.role in APART or state.roles & APART):
        reasons.append(
            Reason(
                "roles_exclude_each_other",
                "administrators and services hold no other role: revoke the other role first",
                "who runs the accounts does not use them",
                field="role",
            )
        )
    return reasons


def _himself(doing: str) -> Reason:
    return Reason("own_account", f"nobody may {doing} himself: ask another person", "nobody vouches for himself")


def _of_side(by: PersonId, state: Account) -> frozenset[PersonId]:
    """By whom of the side of `by` the person is suspended: the personnel system is one, everybody else the other."""
    return frozenset(who for who in state.suspended_by if (who == PERSONNEL_SYSTEM) == (by == PERSONNEL_SYSTEM))


def _of_the_other_side(by: PersonId) -> Reason:
    if by == PERSONNEL_SYSTEM:
        message = "the station suspended this person: ask the station commander"
    else:
        message = "the personnel system says that this person has left: have it corrected there"
    return Reason("suspended_by_other_side", message, "a suspension is lifted by the side that placed it")


def _refused(command: Command, *reasons: Reason) -> list[Event]:
    change = "".join(f"_{c.lower()}" if c.isupper() else c for c in type(command).__name__).lstrip("_")
    return [ChangeRefused(change, command.by, reasons)]


def evolve(state: State, happened: Event) -> State:
    if isinstance(happened, Enrolled):
        return Account(happened.name, happened.organisation, happened.email, happened.enrolled_by)
    if isinstance(state, Unknown):
        return state  # only a refused enrolment is recorded before the enrolment
    match happened:
        case TrainingCompleted(course, _, expires_on):
            # A late entry of an older course does not shorten a newer one.
            latest = max(expires_on, state.courses.get(course, expires_on))
            return replace(state, courses=MappingProxyType({**state.courses, course: latest}))
        case TrainingCorrected(course, _, expires_on):
            return replace(state, courses=MappingProxyType({**state.courses, course: expires_on}))
        case CertificateRecorded(kind):
            return replace(state, certificates=MappingProxyType({**state.certificates, kind: happened}))
        case MedicalHoldPlaced():
            return replace(state, medical_hold=True)
        case MedicalHoldLifted():
            return replace(state, medical_hold=False)
        case RoleAssigned(role):
            return replace(state, roles=state.roles | {role})
        case RoleRevoked(role):
            return replace(state, roles=state.roles - {role})
        case Suspended(by):
            return replace(state, suspended_by=state.suspended_by | {by})
        case Reinstated(by):
            return replace(state, suspended_by=state.suspended_by - _of_side(by, state))
        case DetailsChanged(name, organisation, email):
            return replace(state, name=name, organisation=organisation, email=email)
        case AccessRevoked(not_before):
            return replace(state, proofs_from=not_before)
        case OversightChangeAsked():
            return replace(state, asked=happened)
        case OversightChangeDeclined() | OversightChangeConfirmed():
            return replace(state, asked=None)
        case ExpiryApproaching() | ChangeRefused():
            return state
        case _:
            assert_never(happened)


PERSON: Aggregate[Command, Event, State] = Aggregate("person", Unknown(), decide, evolve)
