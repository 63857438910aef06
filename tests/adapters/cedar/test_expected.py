"""Every role × every action × every circumstance, held against the answers written by hand; and what holds for all."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import pytest

from adapters.cedar import CedarAuthoriser
from adapters.cedar.authoriser import FOLDER
from application.ports import Question
from infra.who_may import actions, roles
from tests.adapters.cedar import expected
from tests.adapters.cedar.expected import CIRCUMSTANCES, COLUMNS, FACTS, Facts

TABLE = expected.read()
SCHEMA = (FOLDER / "schema.cedarschema").read_text("utf-8")
ROLES = roles()
ACTIONS = actions()
# Everything in order and nothing out of the ordinary; and everything at once that opens what is closed otherwise.
ORDINARY: Facts = {**dict.fromkeys(FACTS, False), "stepped_up": True}
EVERYTHING: Facts = {**dict.fromkeys(FACTS, True), "own_record": False, "own_request": False}

# Where somebody says yes to what was asked for.
APPROVALS = (
    "authorise_launch",
    "approve_override",
    "approve_export",
    "make_disclosure",
    "answer_retention_extension",
    "answer_key_destruction",
    "answer_oversight_change",
    "answer_for_oversight",
    "adopt_policy",
)
# What mutes one of oversight, where one of the agency does it alone.
MUTING = ("suspend_person", "revoke_role", "change_person")
# Where pictures come to be seen, in the watch center or as a file; and where a plate does.
PICTURES = ("request_live_view", "request_viewing", "request_export", "download_export", "deliver_export")
PLATES = ("search_plate", "decide_hit", "read_hits")
# What there is to read that is no record of who did or saw what: the present on the watch's board, and hits of a hot
# list that wait to be looked at, with their plates.
NO_RECORDS = {"read_board", "read_hits"}


@pytest.fixture(scope="module")
def authoriser() -> CedarAuthoriser:
    return CedarAuthoriser()


def allowed(authoriser: CedarAuthoriser, action: str, held: frozenset[str], facts: Facts) -> bool:
    known = {fact: value for fact, value in facts.items() if value is not None and fact != "own_record"}
    about = "person-ana" if facts.get("own_record") else "person-ben"
    return authoriser.decide(Question("ana", held, "lasd_west_hollywood", action, about, known)).allowed


def held_together() -> Iterator[frozenset[str]]:
    """Every set of roles, whether or not one person may hold them together."""
    for size in range(len(ROLES) + 1):
        yield from (frozenset(chosen) for chosen in combinations(ROLES, size))


# -- the table ---------------------------------------------------------------


def test_every_cell_of_the_schema_has_an_answer_and_no_other() -> None:
    assert sorted(TABLE.lines) == sorted(ACTIONS), "run: python -m tests.adapters.cedar.expected"
    assert sorted(role for role in COLUMNS.values() if role) == sorted(ROLES)
    assert sorted(FACTS) == sorted(expected.facts_of_the_schema(SCHEMA))
    open_cells = [
        (a, c) for a, rows in TABLE.lines.items() for row in rows for c, said in row.answers.items() if said is None
    ]
    assert not open_cells


def test_no_line_of_the_table_is_hidden_by_one_above() -> None:
    everything = list(expected.every_circumstance())
    for own, *conditional in TABLE.lines.values():
        for number, line in enumerate(conditional):
            above = conditional[:number]
            assert any(
                line.applies(facts) and not any(other.applies(facts) for other in above) for facts in everything
            ), (own.action, line.circumstances)


@pytest.mark.parametrize("action", ACTIONS)
def test_the_rules_answer_as_is_written_on_each_line(authoriser: CedarAuthoriser, action: str) -> None:
    for line in TABLE.lines[action]:
        facts = ORDINARY | dict(CIRCUMSTANCES[name] for name in line.circumstances)
        for column, role in COLUMNS.items():
            answered = allowed(authoriser, action, frozenset({role} if role else ()), facts)
            assert answered == line.answers[column], (action, column, facts)


@pytest.mark.slow
@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.rule("record.default_deny")
def test_the_rules_answer_as_is_written_for_every_role_in_every_circumstance(
    authoriser: CedarAuthoriser, action: str
) -> None:
    for facts in expected.every_circumstance():
        for column, role in COLUMNS.items():
            answered = allowed(authoriser, action, frozenset({role} if role else ()), facts)
            assert answered == TABLE.answer(action, column, facts), (action, column, facts)


@pytest.mark.parametrize("action", ACTIONS)
def test_what_is_not_known_is_not_so(authoriser: CedarAuthoriser, action: str) -> None:
    unknown: Facts = dict.fromkeys(FACTS)
    denied = {**dict.fromkeys(FACTS, False), "own_request": None, "of_oversight": None}
    for column, role in COLUMNS.items():
        answered = allowed(authoriser, action, frozenset({role} if role else ()), unknown)
        assert answered == TABLE.answer(action, column, denied), (action, column)


@pytest.mark.parametrize("wrong", ["enrol_person  yes", "\n".join(["enrol_person".ljust(31) + "yes " * 11] * 2)])
def test_a_table_that_is_not_whole_is_not_read(wrong: str) -> None:
    header = "action".ljust(31) + " ".join(COLUMNS)
    with pytest.raises(ValueError, match=r"line \d"):
        expected.read(f"{header}\n{wrong}\n")


# -- what holds for all ------------------------------------------------------


@pytest.mark.parametrize("action", APPROVALS)
@pytest.mark.rule("record.four_eyes")
def test_nobody_approves_their_own_request_with_whatever_roles(authoriser: CedarAuthoriser, action: str) -> None:
    for held in held_together():
        for own in (True, None):
            facts = {"own_request": own, "stepped_up": True}
            assert not allowed(authoriser, action, held, facts), (held, own)


@pytest.mark.parametrize("action", [*PICTURES, *PLATES])
@pytest.mark.parametrize("role", ["administrator", "ambassador", "city_analyst"])
@pytest.mark.rule("record.administrator_sees_nothing")
def test_no_administrator_ambassador_or_analyst_sees_a_picture_or_plate_with_whatever_other_roles(
    authoriser: CedarAuthoriser, action: str, role: str
) -> None:
    for held in held_together():
        if role in held:
            assert not allowed(authoriser, action, held, EVERYTHING), held
            assert not allowed(authoriser, action, held, ORDINARY), held


@pytest.mark.parametrize("action", MUTING)
@pytest.mark.rule("oversight.not_muted")
def test_nobody_mutes_oversight_alone_with_whatever_roles(authoriser: CedarAuthoriser, action: str) -> None:
    for held in held_together():
        for known in ({"of_oversight": True}, {}):
            assert not allowed(authoriser, action, held, {"stepped_up": True, "own_request": False, **known}), held


@pytest.mark.parametrize("verb", ["edit", "change", "redact", "hide", "delete", "purge", "truncate"])
@pytest.mark.parametrize("thing", ["event", "record", "audit_trail", "log"])
@pytest.mark.rule("record.no_change")
def test_nobody_edits_hides_or_deletes_an_event(authoriser: CedarAuthoriser, verb: str, thing: str) -> None:
    action = f"{verb}_{thing}"
    assert action not in ACTIONS
    for facts in (ORDINARY, EVERYTHING):
        assert not allowed(authoriser, action, frozenset(ROLES), facts)
        for role in ROLES:
            assert not allowed(authoriser, action, frozenset({role}), facts), (role, facts)


@pytest.mark.rule("record.auditor_reads_all")
def test_the_auditor_reads_every_record_in_every_circumstance(authoriser: CedarAuthoriser) -> None:
    records = [a for a in ACTIONS if a.startswith("read_") and a not in NO_RECORDS]
    for action in records:
        for facts in expected.every_circumstance():
            if action == "read_own_record" and not facts["own_record"]:
                continue  # other people's are read in the audit trail
            assert allowed(authoriser, action, frozenset({"auditor"}), facts), (action, facts)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.rule("record.default_deny")
def test_a_role_that_nobody_knows_gives_nothing(authoriser: CedarAuthoriser, action: str) -> None:
    for facts in (ORDINARY, EVERYTHING, ORDINARY | {"own_record": True}, ORDINARY | {"own_request": True}):
        nobody = TABLE.answer(action, "none", facts)
        assert allowed(authoriser, action, frozenset({"sheriff"}), facts) == nobody, facts


@pytest.mark.parametrize("action", ["", "look", "Request_live_view", "request_live_view ", "delete_event"])
@pytest.mark.rule("record.default_deny")
def test_what_no_rule_speaks_of_is_denied_to_all_roles_together(authoriser: CedarAuthoriser, action: str) -> None:
    for facts in expected.every_circumstance():
        known = {fact: value for fact, value in facts.items() if value is not None and fact != "own_record"}
        decision = authoriser.decide(Question("ana", frozenset(ROLES), "lasd", action, "flight-1", known))
        assert (decision.allowed, decision.rule) == (False, "default-deny")
