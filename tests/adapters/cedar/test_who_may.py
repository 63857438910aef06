"""Every role × every action × own or other, against a table written by hand from who may what in the domain."""

from __future__ import annotations

from itertools import product

import cedarpy
import pytest

from adapters.cedar import CedarAuthoriser, PolicyFault, PolicyFiles
from adapters.cedar.authoriser import FOLDER
from application.ports import Question
from infra import who_may

OPERATOR, SUPERVISOR, PILOT, COMMANDER = "watch_operator", "watch_supervisor", "remote_pilot", "station_commander"
RESPONDER, AMBASSADOR, ANALYST = "field_responder", "ambassador", "city_analyst"
AUDITOR, ADMINISTRATOR, SERVICE = "auditor", "administrator", "service"
ROLES = (
    OPERATOR,
    SUPERVISOR,
    PILOT,
    COMMANDER,
    RESPONDER,
    AMBASSADOR,
    ANALYST,
    AUDITOR,
    ADMINISTRATOR,
    SERVICE,
)
WATCH = {OPERATOR, SUPERVISOR, PILOT, COMMANDER}

# Who may, when everything else is in order: stepped up, someone else's request, an ordinary flight, another's record.
MAY: dict[str, set[str]] = {
    "enrol_person": {ADMINISTRATOR},
    "assign_role": {ADMINISTRATOR, COMMANDER},
    "revoke_role": {ADMINISTRATOR, COMMANDER},
    "record_training": {ADMINISTRATOR},
    "record_certificate": {ADMINISTRATOR},
    "suspend_person": {ADMINISTRATOR, COMMANDER},
    "reinstate_person": {ADMINISTRATOR},
    "draft_policy": {ADMINISTRATOR},
    "adopt_policy": {COMMANDER},
    "commission_dock": {ADMINISTRATOR},
    "register_drone": {ADMINISTRATOR},
    "rotate_signing_key": {ADMINISTRATOR},
    "ready_drone": {PILOT},
    "ground_drone": {PILOT, SUPERVISOR, COMMANDER},
    "maintain_drone": {PILOT},
    "request_launch": {OPERATOR, SUPERVISOR},
    "authorise_launch": {SUPERVISOR, COMMANDER},
    "refuse_launch": {SUPERVISOR, COMMANDER},
    "launch_drone": {PILOT},
    "goto": {PILOT},
    "point_camera": {PILOT},
    "repurpose_flight": {SUPERVISOR, COMMANDER},
    "start_recording": {OPERATOR, SUPERVISOR, COMMANDER},
    "stop_recording": {SUPERVISOR, COMMANDER},
    "return_drone": WATCH,
    "land_drone": WATCH,
    "hold_drone": WATCH,
    "abort_flight": WATCH,
    "record_outcome": WATCH,
    "record_call": {SERVICE},
    "record_flight_observation": {SERVICE},
    "sign_off_person": {SERVICE},
    "change_person": {ADMINISTRATOR},
    "revoke_access": {ADMINISTRATOR, SUPERVISOR, COMMANDER},
    "provision_person": {SERVICE},
    "hand_over_shift": {OPERATOR, SUPERVISOR, COMMANDER},
    "send_notification": {SERVICE},
    "accept_unknowns": {PILOT},
    "request_live_view": {OPERATOR, SUPERVISOR},
    "close_live_view": set(),
    "share_feed": {OPERATOR, SUPERVISOR},
    "keep_camera": {ADMINISTRATOR},
    "mask_camera": {ADMINISTRATOR},
    "record_camera_state": {SERVICE},
    "end_access": {SERVICE},
    "read_cameras": {*WATCH, AUDITOR, ADMINISTRATOR},
    "request_viewing": {OPERATOR, SUPERVISOR},
    "account_for_segments": set(),
    "close_viewing": set(),
    "request_export": {OPERATOR, SUPERVISOR},
    "approve_export": {SUPERVISOR, COMMANDER},
    "refuse_export": {SUPERVISOR, COMMANDER},
    "record_export": {SERVICE},
    "deliver_export": {OPERATOR, SUPERVISOR},
    "request_disclosure": {OPERATOR, SUPERVISOR, COMMANDER},
    "make_disclosure": {SUPERVISOR, COMMANDER},
    "refuse_disclosure": {SUPERVISOR, COMMANDER},
    "request_override": {OPERATOR, SUPERVISOR},
    "approve_override": {SUPERVISOR},
    "refuse_override": {SUPERVISOR},
    "invoke_emergency_override": {OPERATOR, SUPERVISOR},
    "justify_override": {OPERATOR, SUPERVISOR},
    "review_override": {AUDITOR},
    "expire_override": {SERVICE},
    "read_overrides": {SUPERVISOR, COMMANDER, AUDITOR},
    "tag_footage": {OPERATOR, SUPERVISOR},
    "request_retention_extension": {OPERATOR, SUPERVISOR},
    "answer_retention_extension": {COMMANDER},
    "place_legal_hold": {SUPERVISOR},
    "verify_legal_hold": {SUPERVISOR},
    "release_legal_hold": {SUPERVISOR},
    "destroy_footage": {COMMANDER},
    "record_footage": {SERVICE},
    "read_retention": {SUPERVISOR, COMMANDER, AUDITOR, ANALYST},
    "search_plate": {OPERATOR, SUPERVISOR},
    "record_hot_list_hit": {SERVICE, SUPERVISOR},
    "decide_hit": {OPERATOR, SUPERVISOR},
    "read_hits": {OPERATOR, SUPERVISOR},
    "read_plate_record": {SUPERVISOR, COMMANDER, AUDITOR},
    "read_plate_figures": {SUPERVISOR, COMMANDER, AUDITOR, ANALYST},
    "draw_privacy_zone": {ADMINISTRATOR, COMMANDER},
    "redraw_privacy_zone": {COMMANDER},
    "retire_privacy_zone": {COMMANDER},
    "read_privacy_zones": {*WATCH, ADMINISTRATOR, AUDITOR, ANALYST},
    "receive_feedback": {SERVICE, ANALYST, SUPERVISOR, COMMANDER, AUDITOR},
    "open_complaint": {ANALYST, AUDITOR},
    "close_feedback": {ANALYST, AUDITOR},
    "assign_complaint": {ANALYST, COMMANDER},
    "resolve_complaint": {ANALYST, SUPERVISOR, COMMANDER, AUDITOR},
    "read_complaints": {ANALYST, SUPERVISOR, COMMANDER, AUDITOR},
    "commit_audit_seed": {AUDITOR},
    "draw_audit_sample": {AUDITOR},
    "review_access": {AUDITOR},
    "record_finding": {AUDITOR},
    "take_corrective_action": {COMMANDER},
    "export_audit_trail": {AUDITOR},
    "report_discrepancy": {SERVICE, AUDITOR},
    "read_oversight": {AUDITOR, COMMANDER, ANALYST},
    "start_pilot": {ANALYST},
    "pause_pilot": {ANALYST, COMMANDER},
    "resume_pilot": {ANALYST},
    "extend_pilot": {ANALYST},
    "conclude_pilot": {ANALYST},
    "record_cost": {ANALYST},
    "publish_evaluation": {ANALYST},
    "read_metrics": {ANALYST, AUDITOR, COMMANDER, SUPERVISOR},
    "read_board": WATCH,
    "read_audit_trail": {AUDITOR},
    "read_incident": {SUPERVISOR, COMMANDER, AUDITOR},
    "read_person": {ADMINISTRATOR, AUDITOR, SUPERVISOR, COMMANDER},
    "read_own_record": set(),
    "query_free_form": {*WATCH, ANALYST, AUDITOR, ADMINISTRATOR, SERVICE},
}
OWN_ALONE = {"close_live_view", "close_viewing", "account_for_segments"}  # whatever the role, and nobody else's
# Who else may, in a circumstance that the facts state; and who then may not.
MAY_WHEN: dict[str, dict[str, set[str]]] = {
    "request_viewing": {"review_access": {AUDITOR}},
    "request_live_view": {"shared_with_open_incident": {RESPONDER}, "commands_flight": {PILOT}},
}
MAY_NOT_WHEN: dict[str, dict[str, set[str]]] = {"request_viewing": {"review_access": {OPERATOR, SUPERVISOR}}}
NEED_ANOTHER = {
    "approve_export",
    "make_disclosure",
    "authorise_launch",
    "approve_override",
    "answer_retention_extension",
    "adopt_policy",
}
NEED_STEP_UP = {
    "approve_export",
    "make_disclosure",
    "authorise_launch",
    "launch_drone",
    "approve_override",
    "redraw_privacy_zone",
    "retire_privacy_zone",
    "release_legal_hold",
    "answer_retention_extension",
    "destroy_footage",
    "adopt_policy",
    "assign_role",
    "reinstate_person",
    "rotate_signing_key",
}
NOT_FOR_ONESELF = {"assign_role", "record_training", "record_certificate", "reinstate_person"}
READ_ONESELF = {"read_own_record", "read_person"}
SEEING = {"request_live_view", "request_viewing", "request_export", "search_plate", "decide_hit"}
SAFETY = {"return_drone", "land_drone", "hold_drone", "abort_flight"}


@pytest.fixture(scope="module")
def authoriser() -> CedarAuthoriser:
    return CedarAuthoriser()


def asked(authoriser: CedarAuthoriser, action: str, *roles: str, own: bool = False, **facts: bool) -> bool:
    question = Question(
        person="ana",
        roles=frozenset(roles),
        organisation="lasd_west_hollywood",
        action=action,
        resource="person-ana" if own else "person-ben",
        context=facts,
    )
    return authoriser.decide(question).allowed


GOOD = {"stepped_up": True, "own_request": False}


def test_the_schema_and_the_table_name_the_same_actions() -> None:
    text = (FOLDER / "schema.cedarschema").read_text("utf-8")
    declared = text.partition("\naction ")[2].partition("appliesTo")[0].replace(",", " ").split()
    assert sorted(declared) == sorted(MAY)


@pytest.mark.parametrize("action", MAY)
def test_the_table_holds_for_every_role(authoriser: CedarAuthoriser, action: str) -> None:
    for role, own_record, own_request, stepped_up in product(ROLES, *[(False, True)] * 3):
        expected = role in MAY[action]
        expected &= not (own_request and action in NEED_ANOTHER)
        expected &= stepped_up or action not in NEED_STEP_UP
        expected &= not (own_record and action in NOT_FOR_ONESELF)
        expected |= own_record and action in READ_ONESELF
        expected |= own_request and action in OWN_ALONE
        allowed = asked(authoriser, action, role, own=own_record, own_request=own_request, stepped_up=stepped_up)
        assert allowed == expected, (role, action, own_record, own_request, stepped_up)


@pytest.mark.parametrize("fact", sorted({fact for facts in MAY_WHEN.values() for fact in facts}))
def test_a_circumstance_lets_those_do_it_whom_the_table_names_and_nobody_else(
    authoriser: CedarAuthoriser, fact: str
) -> None:
    for role, action in product(ROLES, MAY):
        may = MAY[action] | MAY_WHEN.get(action, {}).get(fact, set())
        expected = role in may - MAY_NOT_WHEN.get(action, {}).get(fact, set())
        assert asked(authoriser, action, role, **GOOD, **{fact: True}) == expected, (role, action)
        assert asked(authoriser, action, role, **GOOD, **{fact: False}) == (role in MAY[action]), (role, action)


@pytest.mark.parametrize("role", [ADMINISTRATOR, AMBASSADOR, ANALYST])
def test_some_roles_never_see_video_or_plates_in_whatever_circumstance(authoriser: CedarAuthoriser, role: str) -> None:
    everything = {fact: True for facts in MAY_WHEN.values() for fact in facts}
    for action in SEEING:
        assert not asked(authoriser, action, role, **GOOD, **everything)
        assert not asked(authoriser, action, role, OPERATOR, **GOOD, **everything)


@pytest.mark.parametrize("action", MAY)
def test_nobody_may_without_a_role_but_read_about_themselves(authoriser: CedarAuthoriser, action: str) -> None:
    assert not asked(authoriser, action, **GOOD)
    assert not asked(authoriser, action, "sheriff", **GOOD)
    assert asked(authoriser, action, own=True, **GOOD) == (action in READ_ONESELF)


def test_what_no_rule_speaks_of_is_denied_by_default(authoriser: CedarAuthoriser) -> None:
    everything = Question("ana", frozenset(ROLES), "lasd_west_hollywood", "delete_event", "flight-1", GOOD)
    decision = authoriser.decide(everything)
    assert (decision.allowed, decision.rule) == (False, "default-deny")


@pytest.mark.parametrize("action", sorted(SAFETY))
def test_safety_orders_ask_nothing_first(authoriser: CedarAuthoriser, action: str) -> None:
    for role in WATCH:
        assert asked(authoriser, action, role)
        assert asked(authoriser, action, role, stepped_up=False, own_request=True, needs_station_commander=True)


@pytest.mark.parametrize("action", sorted(NEED_ANOTHER))
def test_an_approval_fails_closed_where_it_is_not_known_who_asked(authoriser: CedarAuthoriser, action: str) -> None:
    assert asked(authoriser, action, *MAY[action], **GOOD)
    assert not asked(authoriser, action, *MAY[action], stepped_up=True)


@pytest.mark.parametrize("action", sorted(NEED_ANOTHER))
def test_several_roles_do_not_make_two_persons(authoriser: CedarAuthoriser, action: str) -> None:
    assert not asked(authoriser, action, *ROLES, stepped_up=True, own_request=True)


@pytest.mark.parametrize("action", sorted(NEED_STEP_UP))
def test_what_weighs_heavily_fails_closed_without_a_step_up(authoriser: CedarAuthoriser, action: str) -> None:
    assert not asked(authoriser, action, *ROLES, own_request=False)


def test_a_tactical_flight_needs_the_captain(authoriser: CedarAuthoriser) -> None:
    tactical = {**GOOD, "needs_station_commander": True}
    assert not asked(authoriser, "authorise_launch", SUPERVISOR, **tactical)
    assert asked(authoriser, "authorise_launch", COMMANDER, **tactical)


def test_the_decision_names_the_rule_and_the_set(authoriser: CedarAuthoriser) -> None:
    def rule(action: str, *roles: str, **facts: bool) -> str:
        return authoriser.decide(Question("ana", frozenset(roles), "lasd", action, "flight-1", facts)).rule

    mark = f"@{authoriser.set_hash[:12]}"
    assert rule("return_drone", OPERATOR) == "anyone-on-watch-orders-safety" + mark
    assert rule("launch_drone", PILOT, stepped_up=False) == "step-up-required" + mark
    assert (
        rule("authorise_launch", COMMANDER, stepped_up=True, own_request=True) == "nobody-approves-own-request" + mark
    )
    assert rule("launch_drone", AMBASSADOR, stepped_up=True) == "default-deny"


def test_a_fact_of_the_wrong_kind_denies(authoriser: CedarAuthoriser) -> None:
    # Cedar skips a rule that fails; here the skipped rule is one that forbids.
    question = Question("ana", frozenset({PILOT}), "lasd", "launch_drone", "flight-1", {"stepped_up": "yes"})
    assert authoriser.decide(question).allowed is False


def test_a_caller_cannot_claim_that_a_record_is_its_own(authoriser: CedarAuthoriser) -> None:
    question = Question("ana", frozenset({PILOT}), "lasd", "read_own_record", "person-ben", {"own_record": True})
    assert authoriser.decide(question).allowed is False


# -- the set -----------------------------------------------------------------


def test_every_rule_fits_the_schema() -> None:
    files = PolicyFiles.read()
    schema = (FOLDER / "schema.cedarschema").read_text("utf-8")
    result = cedarpy.validate_policies("\n".join(files.texts.values()), schema)
    assert result.validation_passed, [str(error) for error in result.errors]


def test_the_schema_catches_a_rule_about_an_unknown_role() -> None:
    schema = (FOLDER / "schema.cedarschema").read_text("utf-8")
    wrong = 'permit (principal in Role::"sheriff", action == Action::"goto", resource);'
    assert not cedarpy.validate_policies(wrong, schema).validation_passed


def test_every_rule_is_explained() -> None:
    for name, text in PolicyFiles.read().texts.items():
        lines = text.splitlines()
        for number, line in enumerate(lines):
            if line.startswith("@id("):
                assert lines[number - 1].startswith("// "), f"{name}: {line} has no comment above it"


def test_the_hash_changes_with_every_change() -> None:
    files = PolicyFiles.read()
    name = next(iter(files.texts))
    changed = PolicyFiles({**files.texts, name: files.texts[name] + " "})
    moved = PolicyFiles({"0-" + key if key == name else key: text for key, text in files.texts.items()})
    assert len({files.set_hash, changed.set_hash, moved.set_hash}) == 3
    assert PolicyFiles(dict(reversed(files.texts.items()))).set_hash == files.set_hash


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ({"a.cedar": "permit (principal, action, resource);"}, "has no name"),
        ({"a.cedar": '@id("x") permit (principal, action);'}, "a.cedar is not Cedar"),
        ({f"{n}.cedar": '@id("x") permit (principal, action, resource);' for n in "ab"}, "again in b.cedar"),
    ],
)
def test_a_set_that_is_not_good_as_a_whole_is_not_used(texts: dict[str, str], says: str) -> None:
    with pytest.raises(PolicyFault, match=says):
        CedarAuthoriser(PolicyFiles(texts))


def test_the_page_for_people_agrees_with_the_rules() -> None:
    assert who_may.main(["--check"]) == 0, "run: python -m infra.who_may"
    made = who_may.page()
    assert all(f"**{rule}**" in made for rule in PolicyFiles.read().rules())
