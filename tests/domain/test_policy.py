"""The use policy: what it may say, and that it takes two people."""

from __future__ import annotations

from collections.abc import Callable
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
    SECOND_PERSON_ACTS,
    AdoptionRefused,
    AdoptPolicy,
    Command,
    DraftPolicy,
    Event,
    PolicyAdopted,
    PolicyAmended,
    PolicyBook,
    PolicyDrafted,
    PolicyInForce,
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
    policy_last_in_force,
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


@pytest.mark.rule("camera.sound")
def test_no_sound_is_recorded_unless_a_policy_says_so_and_an_old_one_keeps_its_hash() -> None:
    assert not CITY.sound_recorded and not LASD.sound_recorded
    with_sound = replace(CITY, sound_recorded=True)
    assert parameters_sha256(with_sound) != parameters_sha256(CITY)
    (event,) = given().when(replace(draft, parameters=with_sound)).events()
    assert isinstance(event, PolicyDrafted) and event.parameters.sound_recorded


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


# -- what is in force, and the limits -------------------------------------------------


@pytest.mark.rule("policy.versions")
def test_what_is_in_force_is_the_very_text_that_was_adopted_and_since_when() -> None:
    current = PolicyInForce(ONE, CITY, RULES, NOW)
    assert policy_in_force(given(drafted, adopted).state, NOW) == current
    assert policy_last_in_force(given(drafted, adopted).state, NOW + DAY) == current
    assert policy_last_in_force(given(drafted).state, NOW) is None


def test_who_may_do_what_is_told_by_the_policy_last_in_force_also_after_its_retirement() -> None:
    retired = PolicyRetired(ONE, (ADMIN, COMMANDER), "the pilot ends")
    state = given(drafted, adopted, retired).state
    assert policy_in_force(state, NOW) is None
    assert policy_last_in_force(state, NOW) == PolicyInForce(ONE, CITY, RULES, NOW)


def test_a_retirement_leaves_later_versions_alone() -> None:
    second = replace(drafted, version=TWO, parameters=LASD, parameters_sha256=parameters_sha256(LASD))
    later = PolicyAdopted(TWO, (ADMIN, COMMANDER), RULES, parameters_sha256(LASD), NOW + DAY)
    retired = PolicyRetired(ONE, (ADMIN, COMMANDER), "the pilot ends")
    story = given(drafted, adopted, second, later, retired)
    assert in_force(story) is None
    assert in_force(story, NOW + DAY) == TWO
    again = given(*story.happened, PolicyRetired(TWO, (ADMIN, COMMANDER), "that one too"))
    assert in_force(again) is None and in_force(again, NOW + DAY) is None


def test_a_version_adopted_from_a_later_day_is_in_force_from_then() -> None:
    later = replace(adopt, in_force_from=NOW + DAY)
    given(drafted).when(later).then(replace(adopted, in_force_from=NOW + DAY))
    given(drafted).when(replace(adopt, in_force_from=NOW)).then(adopted)


def test_an_amendment_is_adopted_while_what_it_amends_is_in_force() -> None:
    amendment = replace(drafted, version=TWO, amends=ONE, parameters=LASD, parameters_sha256=parameters_sha256(LASD))
    amend = AdoptPolicy(TWO, RULES, parameters_sha256(LASD), COMMANDER)
    retired = PolicyRetired(ONE, (ADMIN, COMMANDER), "the pilot ends")
    mistake = given(drafted, adopted, amendment, retired).when(amend).then_raises(WrongState, "version")
    assert mistake.accepted == "none: no policy is in force"
    unknown = given(drafted, adopted).when(replace(draft, amends=TWO)).then_raises(WrongState, "version")
    assert unknown.accepted == "version 1"


@pytest.mark.rule("policy.two_people")
def test_a_retirement_is_proposed_and_confirmed_of_one_version() -> None:
    proposed = PolicyRetirementProposed(ONE, ADMIN, "the pilot ends")
    second = replace(drafted, version=TWO)
    adopted_too = replace(adopted, version=TWO)
    superseded = given(drafted, adopted, second, proposed, adopted_too)
    assert superseded.state.retirement is None
    superseded.when(RetirePolicy(TWO, COMMANDER)).then_raises(WrongState, "version")
    superseded.when(RetirePolicy(ONE, COMMANDER)).then_raises(WrongState, "version")
    other = given(drafted, adopted, second, adopted_too, proposed)
    other.when(RetirePolicy(TWO, COMMANDER)).then_raises(WrongState, "version")
    retired = PolicyRetired(ONE, (ADMIN, COMMANDER), "the pilot ends")
    assert given(drafted, adopted, proposed, retired).state.retirement is None


@pytest.mark.rule("record.refusals")
def test_a_refused_adoption_says_of_which_version_who_asked_and_why() -> None:
    (refused,) = given(drafted).when(replace(adopt, by=ADMIN)).events()
    assert isinstance(refused, AdoptionRefused) and (refused.version, refused.requested_by) == (ONE, ADMIN)
    assert refused.reasons[0].message.startswith("who drafted it cannot")
    proposed = PolicyRetirementProposed(ONE, ADMIN, "the pilot ends")
    (kept,) = given(drafted, adopted, proposed).when(RetirePolicy(ONE, ADMIN)).events()
    assert isinstance(kept, AdoptionRefused) and (kept.version, kept.requested_by) == (ONE, ADMIN)
    assert kept.reasons[0].message.startswith("who proposed the retirement cannot")


def test_what_was_drafted_is_what_is_accepted() -> None:
    other = given(drafted).when(replace(adopt, parameters_sha256="0" * 64)).then_raises(InvalidValue)
    assert other.accepted == parameters_sha256(CITY)
    rules = given(drafted).when(replace(adopt, cedar_set_sha256="0" * 64)).then_raises(InvalidValue)
    assert rules.accepted == RULES
    without = replace(CITY, prohibited=("face_recognition", "identify_demonstrators"))
    missing = given().when(replace(draft, parameters=without)).then_raises(InvalidValue, "prohibited")
    assert missing.accepted == "at least immigration_enforcement, relay_to_differing_state"


@pytest.mark.parametrize(
    ("field", "low", "high"),
    [
        ("publication_delay_hours", 0, 720),
        ("max_agl_m", 10, 500),
        ("launch_authorisation_minutes", 1, 60),
        ("idle_lock_minutes", 1, 30),
        ("smallest_cell", 2, 100),
        ("step_up_minutes", 1, 60),
        ("live_view_minutes", 1, 240),
        ("override_max_minutes", 1, 60),
        ("override_review_hours", 1, 72),
        ("emergency_justification_hours", 1, 24),
        ("audit_sample_size", 5, 500),
        ("audit_review_days", 1, 30),
        ("complaint_answer_days", 1, 90),
    ],
)
def test_a_parameter_has_its_limits_and_may_lie_on_them(field: str, low: int, high: int) -> None:
    for value in (low, high):
        given().when(replace(draft, parameters=replace(CITY, **{field: value}))).then_types(PolicyDrafted)  # type: ignore[arg-type]
    for value in (low - 1, high + 1):
        asked = given().when(replace(draft, parameters=replace(CITY, **{field: value})))  # type: ignore[arg-type]
        mistake = asked.then_raises(InvalidValue, field)
        assert (mistake.accepted or "").startswith(f"{low} to {high} ")


def test_a_category_is_kept_for_a_day_at_least_and_a_century_at_most() -> None:
    for days in (1, 36_500):
        kept = replace(CITY, retention=(RetentionRule("routine", days),))
        given().when(replace(draft, parameters=kept)).then_types(PolicyDrafted)
    for rule, field in (
        (RetentionRule("routine", 36_501), "retention.days"),
        (RetentionRule("Not a code", 30), "retention.category"),
    ):
        asked = given().when(replace(draft, parameters=replace(CITY, retention=(rule,))))
        asked.then_raises(InvalidValue, field)


@pytest.mark.parametrize(
    ("field", "one", "most"),
    [
        ("purposes", lambda n: PurposeRule(f"purpose_{n}", "A purpose"), 30),
        ("prohibited", lambda n: f"purpose_{n}", 30 - len(PROHIBITED)),
        ("retention", lambda n: RetentionRule(f"category_{n}", 30), 30),
        ("required_courses", lambda n: f"course_{n}", 20),
        ("second_persons", lambda n: SecondPersonRule(SECOND_PERSON_ACTS[n % 4], (Role.AUDITOR,)), 4),
    ],
)
def test_one_event_holds_all_that_a_policy_says(field: str, one: Callable[[int], object], most: int) -> None:
    always = tuple(PROHIBITED) if field == "prohibited" else ()
    for count in (most, most + 1):
        listed = replace(CITY, **{field: (*always, *(one(n) for n in range(count)))})  # type: ignore[arg-type]
        asked = given().when(replace(draft, parameters=listed))
        if count == most:
            asked.then_types(PolicyDrafted)
        else:
            mistake = asked.then_raises(InvalidValue, field)
            assert mistake.accepted == f"at most {most + len(always)}"


def test_what_a_policy_names_is_named_by_codes_and_titles() -> None:
    for changed, field in (
        ({"prohibited": (*PROHIBITED, "Not a code")}, "prohibited"),
        ({"purposes": (PurposeRule("training", ""),)}, "purposes.title"),
        ({"purposes": (PurposeRule("training", "x" * 81),)}, "purposes.title"),
        ({"second_persons": (SecondPersonRule("adopt_policy", (Role.AUDITOR,)),)}, "second_persons.act"),
        ({"second_persons": (SecondPersonRule("approve_export", ()),)}, "second_persons.roles"),
    ):
        parameters = replace(CITY, **changed)  # type: ignore[arg-type]
        given().when(replace(draft, parameters=parameters)).then_raises(InvalidValue, field)
    titled = replace(CITY, purposes=(PurposeRule("training", "x" * 80),))
    given().when(replace(draft, parameters=titled)).then_types(PolicyDrafted)
    captain = SecondPersonRule("approve_export", (Role.STATION_COMMANDER,))
    twice = replace(CITY, second_persons=(captain, captain))
    given().when(replace(draft, parameters=twice)).then_raises(InvalidValue, "second_persons")


def test_a_summary_and_a_reason_have_a_length() -> None:
    for length in (3, 1000):
        given().when(replace(draft, summary="x" * length)).then_types(PolicyDrafted)
    for length in (2, 1001):
        given().when(replace(draft, summary="x" * length)).then_raises(InvalidValue, "summary")
    retire = ProposePolicyRetirement(ONE, "", ADMIN)
    for length in (3, 500):
        given(drafted, adopted).when(replace(retire, reason="x" * length)).then_types(PolicyRetirementProposed)
    for length in (2, 501):
        given(drafted, adopted).when(replace(retire, reason="x" * length)).then_raises(InvalidValue, "reason")


def test_a_parameter_that_came_later_counts_where_it_is_not_the_default() -> None:
    narrowed = SecondPersonRule("approve_export", (Role.STATION_COMMANDER,))
    changed = (
        {"idle_lock_minutes": 29},
        {"audit_sample_size": 26},
        {"audit_review_days": 8},
        {"complaint_answer_days": 31},
        {"smallest_cell": 6},
        {"second_persons": (narrowed,)},
        {"publication_delay_hours": 25},
        {"step_up_minutes": 16},
    )
    hashes = {parameters_sha256(replace(CITY, **one)) for one in changed}  # type: ignore[arg-type]
    assert len(hashes | {parameters_sha256(CITY)}) == len(changed) + 1
    # Committed once, as the hash of the city's policy is.
    assert parameters_sha256(LASD) == "41879218282e63814b633cba7c65766fb18781a478265e4e79086e9851ffc359"


@pytest.mark.rule("policy.regimes")
def test_evidence_is_kept_for_two_years_whatever_else() -> None:
    for parameters, days in ((CITY, 30), (LASD, 730)):
        assert parameters.retention == (
            RetentionRule("routine", days),
            RetentionRule("training", days),
            RetentionRule("investigation", 730),
            RetentionRule("evidence", 730),
        )
        assert parameters.recording_authorised_by == (Role.WATCH_SUPERVISOR, Role.STATION_COMMANDER)
        assert parameters.required_courses == ("watch_center_use",)
