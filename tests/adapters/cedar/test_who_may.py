"""The rules as a set: how an answer names its rule, what is wrong with a set, what people read about it."""

from __future__ import annotations

import cedarpy
import pytest

from adapters.cedar import CedarAuthoriser, PolicyFault, PolicyFiles
from adapters.cedar.authoriser import FOLDER
from application.ports import Question
from infra import who_may

OPERATOR, PILOT, COMMANDER, AMBASSADOR = "watch_operator", "remote_pilot", "station_commander", "ambassador"


@pytest.fixture(scope="module")
def authoriser() -> CedarAuthoriser:
    return CedarAuthoriser()


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
