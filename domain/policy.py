"""The use policy: what drones and cameras may be used for, by whom, and for how long its records are kept.

Whoever drafts a version cannot put it in force: adoption, amendment and retirement each take two people. What the law
or the council may change is a parameter here; what they have ruled out for everybody is in `PROHIBITED`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from domain import checks
from domain.kernel import Aggregate, InvalidValue, NotFound, PersonId, PolicyVersion, Reason, WrongState, event
from domain.person import Role

# Refused whatever the role and whatever a policy says (the city's draft use policy; face recognition: this product).
PROHIBITED = {
    "immigration_enforcement": "immigration enforcement",
    "relay_to_differing_state": "tracking a person to relay them to a state with differing legal standards",
    "identify_demonstrators": "recording lawful demonstrations to identify participants",
    "face_recognition": "face recognition on any feed",
}
# Only a station commander authorises these, whatever a policy says.
COMMANDER_PURPOSES = frozenset({"barricaded_suspect", "tactical_operation", "proactive"})


class Basis(StrEnum):
    """What a launch for a purpose must name."""

    CALL_OR_CASE = "call_or_case"
    NAMED_AUTHORISATION = "named_authorisation"  # training, special events


class RecordingDefault(StrEnum):
    ALL_MISSIONS = "all_missions"  # from arrival on scene
    NOT_BY_DEFAULT = "not_by_default"  # LASD 570.10: on approval


@dataclass(frozen=True, slots=True)
class PurposeRule:
    """One adopted purpose. `authorised_by`: roles of which one must authorise a launch; none: the request suffices."""

    code: str
    title: str
    basis: Basis = Basis.CALL_OR_CASE
    authorised_by: tuple[Role, ...] = ()


@dataclass(frozen=True, slots=True)
class RetentionRule:
    category: str
    days: int


# What takes a second person besides a launch, a recording and the policy itself.
SECOND_PERSON_ACTS = ("approve_override", "approve_export", "make_disclosure", "answer_retention_extension")


@dataclass(frozen=True, slots=True)
class SecondPersonRule:
    """The second person for `act` must have one of these roles. Only ever fewer than the access rules allow."""

    act: str
    roles: tuple[Role, ...]


@dataclass(frozen=True, slots=True)
class PolicyParameters:
    """Lengths are minutes, hours and days as named; `max_agl_m` metres above ground."""

    purposes: tuple[PurposeRule, ...]
    recording_default: RecordingDefault
    recording_authorised_by: tuple[Role, ...]
    retention: tuple[RetentionRule, ...]
    required_courses: tuple[str, ...]
    prohibited: tuple[str, ...] = tuple(PROHIBITED)
    max_agl_m: float = 121.92  # 400 ft, 14 CFR 107.51(b)
    launch_authorisation_minutes: int = 10
    step_up_minutes: int = 15
    live_view_minutes: int = 30
    override_max_minutes: int = 60
    override_review_hours: int = 72
    emergency_justification_hours: int = 24
    idle_lock_minutes: int = 30  # CJIS AC-11
    audit_sample_size: int = 25  # accesses a week
    audit_review_days: int = 7
    complaint_answer_days: int = 30
    smallest_cell: int = 5  # flights over a neighbourhood; figures of fewer are not shown
    second_persons: tuple[SecondPersonRule, ...] = ()  # none for an act: whom the access rules allow
    training_days: int = 1096  # the longest that a course may be current, from its completion
    publication_delay_hours: int = 24  # from the landing until a flight may stand in the public log
    sound_recorded: bool = False  # of fixed cameras that have a microphone; without consent: Cal. Penal Code §632

    def second_person(self, act: str) -> frozenset[str]:
        """The roles that may be the second person for an act; none: the policy does not narrow it."""
        return frozenset(str(role) for rule in self.second_persons if rule.act == act for role in rule.roles)

    def rule_for(self, purpose: str) -> PurposeRule | None:
        return next((rule for rule in self.purposes if rule.code == purpose), None)


ADDED_LATER = frozenset(
    {
        "idle_lock_minutes",
        "audit_sample_size",
        "audit_review_days",
        "complaint_answer_days",
        "smallest_cell",
        "second_persons",
        "publication_delay_hours",
        "training_days",
        "sound_recorded",
    }
)


def parameters_sha256(parameters: PolicyParameters) -> str:
    """SHA-256, hexadecimal, of the parameters as JSON with sorted keys and no blanks, in UTF-8.

    A parameter that came after the first policies were adopted is left out where it has its default, so that a policy
    keeps its hash in every later version of this program.
    """
    counted = asdict(parameters)
    for later in fields(parameters):
        if later.name in ADDED_LATER and getattr(parameters, later.name) == later.default:
            del counted[later.name]
    content = json.dumps(counted, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()


# -- events ------------------------------------------------------------------
# `amends`: the version in force that a draft changes, None for a policy of its own.


@event("policy.policy_drafted")
class PolicyDrafted:
    """A version of the use policy was drafted; it binds nobody yet."""

    version: PolicyVersion
    amends: PolicyVersion | None
    parameters: PolicyParameters
    parameters_sha256: str
    cedar_set_sha256: str
    summary: str
    drafted_by: PersonId


@event("policy.policy_adopted")
class PolicyAdopted:
    """Two people adopted a version of the use policy, with the access rules whose hash it names."""

    version: PolicyVersion
    adopted_by: tuple[PersonId, PersonId]
    cedar_set_sha256: str
    parameters_sha256: str
    in_force_from: datetime


@event("policy.policy_amended")
class PolicyAmended:
    """Two people changed the use policy in force into a new version."""

    version: PolicyVersion
    amends: PolicyVersion
    amended_by: tuple[PersonId, PersonId]
    cedar_set_sha256: str
    parameters_sha256: str
    in_force_from: datetime


@event("policy.adoption_refused")
class AdoptionRefused:
    """Somebody tried to put a policy in force, or out of it, against the rules."""

    version: PolicyVersion
    requested_by: PersonId
    reasons: tuple[Reason, ...]


@event("policy.policy_retirement_proposed")
class PolicyRetirementProposed:
    """Somebody proposed to put the use policy out of force."""

    version: PolicyVersion
    proposed_by: PersonId
    reason: str


@event("policy.policy_retired")
class PolicyRetired:
    """Two people put the use policy out of force; until another is adopted nothing may be launched."""

    version: PolicyVersion
    retired_by: tuple[PersonId, PersonId]
    reason: str


Event = PolicyDrafted | PolicyAdopted | PolicyAmended | AdoptionRefused | PolicyRetirementProposed | PolicyRetired

# -- commands ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DraftPolicy:
    """The version drafted is the next one."""

    parameters: PolicyParameters
    cedar_set_sha256: str
    summary: str
    by: PersonId
    amends: PolicyVersion | None = None


@dataclass(frozen=True, slots=True)
class AdoptPolicy:
    """The hashes are those of what the adopter read. `in_force_from` None: at once."""

    version: PolicyVersion
    cedar_set_sha256: str
    parameters_sha256: str
    by: PersonId
    in_force_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class ProposePolicyRetirement:
    version: PolicyVersion
    reason: str
    by: PersonId


@dataclass(frozen=True, slots=True)
class RetirePolicy:
    version: PolicyVersion
    by: PersonId


Command = DraftPolicy | AdoptPolicy | ProposePolicyRetirement | RetirePolicy

# -- state -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Adopted:
    draft: PolicyDrafted
    in_force_from: datetime
    retired: bool = False


@dataclass(frozen=True, slots=True)
class PolicyBook:
    """Every version ever drafted, what was adopted in order, and a retirement that waits for its second person."""

    drafts: tuple[PolicyDrafted, ...] = ()
    adopted: tuple[Adopted, ...] = ()
    retirement: PolicyRetirementProposed | None = None

    def draft(self, version: PolicyVersion) -> PolicyDrafted:
        for draft in self.drafts:
            if draft.version == version:
                return draft
        raise NotFound("there is no such version", field="version", accepted="a version that was drafted")


State = PolicyBook


@dataclass(frozen=True, slots=True)
class PolicyInForce:
    """The version that binds at the moment asked for."""

    version: PolicyVersion
    parameters: PolicyParameters
    cedar_set_sha256: str
    in_force_from: datetime


def policy_in_force(state: State, at: datetime) -> PolicyInForce | None:
    """The version adopted last among those already in force; None before the first and once that one is retired."""
    adopted = _last_begun(state, at)
    return None if adopted is None or adopted.retired else _binding(adopted)


def policy_last_in_force(state: State, at: datetime) -> PolicyInForce | None:
    """The same, also after its retirement: who may do what is still told by it, until another one is adopted."""
    adopted = _last_begun(state, at)
    return None if adopted is None else _binding(adopted)


def _last_begun(state: State, at: datetime) -> Adopted | None:
    return next((adopted for adopted in reversed(state.adopted) if adopted.in_force_from <= at), None)


def _binding(adopted: Adopted) -> PolicyInForce:
    draft = adopted.draft
    return PolicyInForce(draft.version, draft.parameters, draft.cedar_set_sha256, adopted.in_force_from)


# -- decide and evolve -------------------------------------------------------


def decide(command: Command, state: State, at: datetime) -> list[Event]:
    match command:
        case DraftPolicy():
            return [drafted(command, PolicyVersion(len(state.drafts) + 1), state, at)]
        case AdoptPolicy():
            return _adopt(command, state, at)
        case ProposePolicyRetirement():
            _must_be_in_force(command.version, state, at)
            reason = checks.text("reason", command.reason, at_least=3, at_most=500)
            return [PolicyRetirementProposed(command.version, command.by, reason)]
        case RetirePolicy():
            _must_be_in_force(command.version, state, at)
            proposed = state.retirement
            if proposed is None or proposed.version != command.version:
                raise WrongState("nobody has proposed to retire this version: propose it first", field="version")
            if proposed.proposed_by == command.by:
                return [AdoptionRefused(command.version, command.by, (_two_people("proposed the retirement"),))]
            return [PolicyRetired(command.version, (proposed.proposed_by, command.by), proposed.reason)]
        case _:
            assert_never(command)


def drafted(command: DraftPolicy, version: PolicyVersion, state: State, at: datetime) -> PolicyDrafted:
    if command.amends is not None:
        _must_be_in_force(command.amends, state, at)
    check_parameters(command.parameters)
    return PolicyDrafted(
        version,
        command.amends,
        command.parameters,
        parameters_sha256(command.parameters),
        checks.sha256("cedar_set_sha256", command.cedar_set_sha256),
        checks.text("summary", command.summary, at_least=3, at_most=1000),
        command.by,
    )


def _adopt(command: AdoptPolicy, state: State, at: datetime) -> list[Event]:
    draft = state.draft(command.version)
    if any(a.draft.version == command.version for a in state.adopted):
        raise WrongState("this version was adopted before: draft a new one", field="version")
    if draft.amends is not None:
        _must_be_in_force(draft.amends, state, at)
    if command.parameters_sha256 != draft.parameters_sha256:
        raise InvalidValue("not the parameters drafted", field="parameters_sha256", accepted=draft.parameters_sha256)
    if command.cedar_set_sha256 != draft.cedar_set_sha256:
        raise InvalidValue("not the rules drafted", field="cedar_set_sha256", accepted=draft.cedar_set_sha256)
    in_force_from = command.in_force_from or at
    if checks.aware("in_force_from", in_force_from) < at:
        raise InvalidValue("no policy binds the past", field="in_force_from", accepted="now or later")
    if command.by == draft.drafted_by:
        return [AdoptionRefused(draft.version, command.by, (_two_people("drafted it"),))]
    people = (draft.drafted_by, command.by)
    hashes = (draft.cedar_set_sha256, draft.parameters_sha256)
    if draft.amends is not None:
        return [PolicyAmended(draft.version, draft.amends, people, *hashes, in_force_from)]
    return [PolicyAdopted(draft.version, people, *hashes, in_force_from)]


def check_parameters(parameters: PolicyParameters) -> None:
    """Raises InvalidValue for what no policy may say."""
    for field, listed, most in (
        ("purposes", parameters.purposes, 30),
        ("prohibited", parameters.prohibited, 30),
        ("retention", parameters.retention, 30),
        ("required_courses", parameters.required_courses, 20),
        ("second_persons", parameters.second_persons, len(SECOND_PERSON_ACTS)),
    ):
        if len(listed) > most:  # one event holds them all
            raise InvalidValue("too many", field=field, accepted=f"at most {most}")
    codes = [rule.code for rule in parameters.purposes]
    for rule in parameters.purposes:
        checks.code("purposes.code", rule.code)
        checks.text("purposes.title", rule.title, at_most=80)
        if rule.code in COMMANDER_PURPOSES and rule.authorised_by != (Role.STATION_COMMANDER,):
            raise InvalidValue(
                f"{rule.code} needs the station commander", field="purposes.authorised_by", accepted="station_commander"
            )
    if not codes or len(codes) != len(set(codes)):
        raise InvalidValue("purposes are not distinct", field="purposes", accepted="at least one, each code once")
    for purpose in parameters.prohibited:
        checks.code("prohibited", purpose)
    if missing := set(PROHIBITED) - set(parameters.prohibited):
        raise InvalidValue(
            "no policy may allow this", field="prohibited", accepted="at least " + ", ".join(sorted(missing))
        )
    if set(codes) & set(parameters.prohibited):
        raise InvalidValue("a purpose is both adopted and prohibited", field="purposes", accepted="one or the other")
    for kept in parameters.retention:
        checks.code("retention.category", kept.category)
        checks.within("retention.days", kept.days, 1, 36_500, "days")
    for course in parameters.required_courses:
        checks.code("required_courses", course)
    for second in parameters.second_persons:
        checks.one_of("second_persons.act", second.act, SECOND_PERSON_ACTS)
        if not second.roles:
            raise InvalidValue("nobody could be the second person", field="second_persons.roles", accepted="a role")
    if len({second.act for second in parameters.second_persons}) < len(parameters.second_persons):
        raise InvalidValue("an act is named twice", field="second_persons", accepted="each act once")
    checks.within("publication_delay_hours", parameters.publication_delay_hours, 0, 720, "hours")
    checks.within("max_agl_m", parameters.max_agl_m, 10, 500, "m above ground")
    checks.within("launch_authorisation_minutes", parameters.launch_authorisation_minutes, 1, 60, "minutes")
    checks.within("idle_lock_minutes", parameters.idle_lock_minutes, 1, 30, "minutes")
    checks.within("smallest_cell", parameters.smallest_cell, 2, 100, "flights")
    checks.within("step_up_minutes", parameters.step_up_minutes, 1, 60, "minutes")
    checks.within("live_view_minutes", parameters.live_view_minutes, 1, 240, "minutes")
    checks.within("override_max_minutes", parameters.override_max_minutes, 1, 60, "minutes")
    checks.within("override_review_hours", parameters.override_review_hours, 1, 72, "hours")
    checks.within("emergency_justification_hours", parameters.emergency_justification_hours, 1, 24, "hours")
    checks.within("audit_sample_size", parameters.audit_sample_size, 5, 500, "accesses a week")
    checks.within("audit_review_days", parameters.audit_review_days, 1, 30, "days")
    checks.within("complaint_answer_days", parameters.complaint_answer_days, 1, 90, "days")
    checks.within("training_days", parameters.training_days, 30, 3660, "days")


def _must_be_in_force(version: PolicyVersion, state: State, at: datetime) -> None:
    current = policy_in_force(state, at)
    if current is None or current.version != version:
        accepted = f"version {current.version}" if current else "none: no policy is in force"
        raise WrongState("this version is not in force", field="version", accepted=accepted)


def _two_people(did: str) -> Reason:
    return Reason("same_person", f"who {did} cannot also confirm it: ask another person", "a policy takes two people")


def evolve(state: State, happened: Event) -> State:
    match happened:
        case PolicyDrafted():
            return replace(state, drafts=(*state.drafts, happened))
        case PolicyAdopted() | PolicyAmended():
            adopted = tuple(Adopted(d, happened.in_force_from) for d in state.drafts if d.version == happened.version)
            return replace(state, adopted=state.adopted + adopted, retirement=None)
        case PolicyRetirementProposed():
            return replace(state, retirement=happened)
        case PolicyRetired(version):
            adopted_all = tuple(replace(a, retired=a.retired or a.draft.version == version) for a in state.adopted)
            return replace(state, adopted=adopted_all, retirement=None)
        case AdoptionRefused():
            return state
        case _:
            assert_never(happened)


POLICY: Aggregate[Command, Event, State] = Aggregate("policy", PolicyBook(), decide, evolve)
POLICY_KEY = "use"  # the stream "policy-use"

# -- two policies that were on the table -------------------------------------

_PURPOSES = (
    PurposeRule("call_for_service", "Call for service"),
    PurposeRule("search_and_rescue", "Search and rescue"),
    PurposeRule("disaster_response", "Disaster response"),
    PurposeRule("active_shooter", "Active shooter"),
    PurposeRule("pursuit", "Pursuit tracking", authorised_by=(Role.WATCH_SUPERVISOR, Role.STATION_COMMANDER)),
    PurposeRule("barricaded_suspect", "Barricaded suspect", authorised_by=(Role.STATION_COMMANDER,)),
    PurposeRule("tactical_operation", "High-risk tactical operation", authorised_by=(Role.STATION_COMMANDER,)),
    PurposeRule("proactive", "Proactive flight", authorised_by=(Role.STATION_COMMANDER,)),
    PurposeRule("scene_documentation", "Documentation of a crime scene or traffic"),
    PurposeRule("special_event", "Special event", Basis.NAMED_AUTHORISATION),
    PurposeRule("training", "Training", Basis.NAMED_AUTHORISATION),
)
KNOWN_PURPOSES = frozenset(rule.code for rule in _PURPOSES) | frozenset(PROHIBITED)


def _parameters(recording_default: RecordingDefault, days: int) -> PolicyParameters:
    evidence = max(days, 730)
    return PolicyParameters(
        purposes=_PURPOSES,
        recording_default=recording_default,
        recording_authorised_by=(Role.WATCH_SUPERVISOR, Role.STATION_COMMANDER),
        retention=(
            RetentionRule("routine", days),
            RetentionRule("training", days),
            RetentionRule("investigation", evidence),
            RetentionRule("evidence", evidence),
        ),
        required_courses=("watch_center_use",),
    )


RECORD_ALL_KEEP_30_DAYS = _parameters(RecordingDefault.ALL_MISSIONS, 30)  # as the city planned
RECORD_ON_APPROVAL_KEEP_2_YEARS = _parameters(RecordingDefault.NOT_BY_DEFAULT, 730)  # as LASD 570.10 says
