"""The use policy: what it may say, and that it takes two people."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from domain.kernel import InvalidValue, NotFound, PersonId, PolicyVersion, WrongState
from domain.person import Role
from domain.policy import (
    COMMANDER_PURPOSES,
    POLICY,
    PROHIBITED,
    RECORD_ALL_KEEP_30_DAYS,
    RECORD_ON_APPROVAL_KEEP_2_YEARS,
    AdoptionRefused,
    AdoptPolicy,
    Command,
    DraftPolicy,
    Event,
    PolicyAdopted,
    PolicyAmended,
    PolicyBook,
    PolicyDrafted,
    PolicyParameters,
    PolicyRetired,
    PolicyRetirementProposed,
    ProposePolicyRetirement,
    PurposeRule,
    RecordingDefault,
    RetentionRule,
    RetirePolicy,
    SecondPersonRule,
    parameters_sha256,
    policy_in_force,
)
from tests.domain.scenario import DAY, NOW, SECOND, Given, Scenario

given = Scenario(POLICY)
ADMIN, COMMANDER = PersonId("admin"), PersonId("commander")
ONE, TWO = PolicyVersion(1), PolicyVersion(2)
RULES = "c" * 64
CITY, LASD = RECORD_ALL_KEEP_30_DAYS, RECORD_ON_APPROVAL_KEEP_2_YEARS

draft = DraftPolicy(CITY, RULES, "first policy", ADMIN)
drafted = PolicyDrafted(ONE, None, CITY, parameters_sha256(CITY), RULES, "first policy", ADMIN)
adopt = AdoptPolicy(ONE, RULES, parameters_sha256(CITY), COMMANDER)
adopted = PolicyAdopted(ONE, (ADMIN, COMMANDER), RULES, parameters_sha256(CITY), NOW)


def in_force(story: Given[Command, Event, PolicyBook], at: datetime = NOW) -> PolicyVersion | None:
    current = policy_in_force(story.state, at)
    return current.version if current else None


def test_a_draft_binds_nobody() -> None:
    given().when(draft).then(drafted)
    assert in_force(given(drafted)) is None


@pytest.mark.rule("policy.versions")
def test_versions_count_up() -> None:
    (second,) = given(drafted).when(draft).events()
    assert isinstance(second, PolicyDrafted)
    assert second.version == 2


@pytest.mark.rule("policy.two_people")
def test_another_person_than_the_drafter_adopts() -> None:
    given(drafted).when(adopt).then(adopted)
    given(drafted).when(replace(adopt, by=ADMIN)).then_refused(AdoptionRefused, "same_person")
    assert in_force(given(drafted, adopted)) == ONE


def test_a_refused_adoption_puts_nothing_in_force() -> None:
    refused = given(drafted).and_when(replace(adopt, by=ADMIN))
    assert in_force(refused) is None
    refused.when(adopt).then(adopted)


@pytest.mark.rule("policy.two_people")
def test_who_adopts_names_the_very_text_and_rules_drafted() -> None:
    given(drafted).when(replace(adopt, parameters_sha256="0" * 64)).then_raises(InvalidValue, "parameters_sha256")
    given(drafted).when(replace(adopt, cedar_set_sha256="0" * 64)).then_raises(InvalidValue, "cedar_set_sha256")
    given().when(adopt).then_raises(NotFound, "version")
    given(drafted, adopted).when(adopt).then_raises(WrongState, "version")


@pytest.mark.rule("policy.versions")
def test_no_policy_binds_the_past() -> None:
    given(drafted).when(replace(adopt, in_force_from=NOW - SECOND)).then_raises(InvalidValue, "in_force_from")
    naive = NOW.replace(tzinfo=None)
    given(drafted).when(replace(adopt, in_force_from=naive)).then_raises(InvalidValue, "in_force_from")


@pytest.mark.rule("policy.versions")
def test_the_old_version_binds_until_the_new_one_does() -> None:
    story = given(drafted, adopted).and_when(replace(draft, parameters=LASD))
    later = AdoptPolicy(TWO, RULES, parameters_sha256(LASD), COMMANDER, in_force_from=NOW + DAY)
    story = story.and_when(later)
    assert in_force(story, NOW + DAY - SECOND) == ONE
    assert in_force(story, NOW + DAY) == TWO
    assert in_force(story, NOW - SECOND) is None


def test_a_policy_in_force_is_amended_by_two_people() -> None:
    story = given(drafted, adopted).and_when(replace(draft, parameters=LASD, amends=ONE))
    amend = AdoptPolicy(TWO, RULES, parameters_sha256(LASD), COMMANDER)
    amended = PolicyAmended(TWO, ONE, (ADMIN, COMMANDER), RULES, parameters_sha256(LASD), NOW)
    story.when(amend).then(amended)
    story.when(replace(amend, by=ADMIN)).then_refused(AdoptionRefused, "same_person")
    assert in_force(story.and_when(amend)) == TWO


def test_only_the_version_in_force_is_amended_or_retired() -> None:
    given(drafted).when(replace(draft, amends=ONE)).then_raises(WrongState, "version")
    given(drafted).when(ProposePolicyRetirement(ONE, "the pilot ends", ADMIN)).then_raises(WrongState, "version")


@pytest.mark.rule("policy.two_people")
def test_retirement_takes_two_people_and_leaves_nothing_in_force() -> None:
    proposed = PolicyRetirementProposed(ONE, ADMIN, "the pilot ends")
    story = given(drafted, adopted)
    story.when(RetirePolicy(ONE, COMMANDER)).then_raises(WrongState, "version")
    story.when(ProposePolicyRetirement(ONE, "the pilot ends", ADMIN)).then(proposed)
    story = given(drafted, adopted, proposed)
    story.when(RetirePolicy(ONE, ADMIN)).then_refused(AdoptionRefused, "same_person")
    retired = PolicyRetired(ONE, (ADMIN, COMMANDER), "the pilot ends")
    story.when(RetirePolicy(ONE, COMMANDER)).then(retired)
    assert in_force(given(drafted, adopted, proposed, retired)) is None


@pytest.mark.rule("policy.regimes")
def test_both_recording_regimes_can_be_said() -> None:
    for parameters, default, days in (
        (CITY, RecordingDefault.ALL_MISSIONS, 30),
        (LASD, RecordingDefault.NOT_BY_DEFAULT, 730),
    ):
        assert parameters.recording_default is default
        assert RetentionRule("routine", days) in parameters.retention
        given().when(replace(draft, parameters=parameters)).then_types(PolicyDrafted)
    assert parameters_sha256(CITY) != parameters_sha256(LASD)


def test_the_same_parameters_have_the_same_hash() -> None:
    assert parameters_sha256(CITY) == parameters_sha256(replace(CITY))
    # Committed once: an adopted policy must be found again by its hash, in every later version of this program.
    assert parameters_sha256(CITY) == "180add335bc48e8b6951315154e7ca9432df5d1db704f2deb19bebafd7cfd35e"


def with_rule(purpose: str, *roles: Role) -> PolicyParameters:
    return replace(CITY, purposes=(PurposeRule(purpose, "A purpose", authorised_by=roles),))


@pytest.mark.parametrize("purpose", sorted(COMMANDER_PURPOSES))
def test_barricade_tactical_and_proactive_are_the_commanders_to_authorise(purpose: str) -> None:
    for roles in ((), (Role.WATCH_SUPERVISOR,), (Role.STATION_COMMANDER, Role.WATCH_SUPERVISOR)):
        asked = given().when(replace(draft, parameters=with_rule(purpose, *roles)))
        asked.then_raises(InvalidValue, "purposes.authorised_by")
    given().when(replace(draft, parameters=with_rule(purpose, Role.STATION_COMMANDER))).then_types(PolicyDrafted)


@pytest.mark.parametrize("purpose", PROHIBITED)
@pytest.mark.rule("policy.no_prohibited")
def test_no_policy_allows_what_is_prohibited(purpose: str) -> None:
    without = replace(CITY, prohibited=tuple(p for p in PROHIBITED if p != purpose))
    given().when(replace(draft, parameters=without)).then_raises(InvalidValue, "prohibited")
    given().when(replace(draft, parameters=with_rule(purpose))).then_raises(InvalidValue, "purposes")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"purposes": ()}, "purposes"),
        ({"purposes": tuple(PurposeRule(f"purpose_{n}", "A purpose") for n in range(31))}, "purposes"),
        ({"purposes": (PurposeRule("training", "Training"),) * 2}, "purposes"),
        ({"purposes": (PurposeRule("Training!", "Training"),)}, "purposes.code"),
        ({"retention": (RetentionRule("routine", 0),)}, "retention.days"),
        ({"required_courses": ("Not a code",)}, "required_courses"),
        ({"max_agl_m": 501.0}, "max_agl_m"),
        ({"launch_authorisation_minutes": 61}, "launch_authorisation_minutes"),
        ({"step_up_minutes": 0}, "step_up_minutes"),
        ({"live_view_minutes": 0}, "live_view_minutes"),
        ({"override_max_minutes": 61}, "override_max_minutes"),
        ({"override_review_hours": 73}, "override_review_hours"),
        ({"audit_sample_size": 4}, "audit_sample_size"),
        ({"audit_review_days": 31}, "audit_review_days"),
        ({"complaint_answer_days": 0}, "complaint_answer_days"),
        ({"emergency_justification_hours": 25}, "emergency_justification_hours"),
    ],
)
def test_a_draft_that_goes_too_far_is_told_which_field(changed: dict[str, object], field: str) -> None:
    parameters = replace(CITY, **changed)  # type: ignore[arg-type]
    given().when(replace(draft, parameters=parameters)).then_raises(InvalidValue, field)


def test_a_draft_names_the_hash_of_its_access_rules() -> None:
    given().when(replace(draft, cedar_set_sha256="abc")).then_raises(InvalidValue, "cedar_set_sha256")


@pytest.mark.rule("policy.second_person")
def test_a_policy_may_narrow_who_the_second_person_is_and_names_each_act_once() -> None:
    captain = SecondPersonRule("approve_export", (Role.STATION_COMMANDER,))
    narrowed = replace(CITY, second_persons=(captain,))
    given().when(replace(draft, parameters=narrowed)).then_types(PolicyDrafted)
    assert narrowed.second_person("approve_export") == {"station_commander"}
    assert narrowed.second_person("approve_override") == CITY.second_person("approve_export") == frozenset()
    nobody, unknown = replace(captain, roles=()), replace(captain, act="adopt_policy")
    for wrong in ((nobody,), (unknown,), (captain, captain)):
        given().when(replace(draft, parameters=replace(CITY, second_persons=wrong))).then_raises(InvalidValue)
