"""The vague reason is an enemy: what the stated rules make of real and of empty words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.reason_quality import ADVICE, COSTS, RULES, quality

GOOD = "man with a knife at the bus stop on Santa Monica and San Vicente"


def test_a_particular_reason_on_a_known_call_is_beyond_reproach() -> None:
    assert quality(GOOD, purpose="call_for_service", call_known=True) == quality(GOOD, call_known=True)
    found = quality(GOOD, purpose="call_for_service", call_known=True)
    assert (found.score, found.vague, found.flaws) == (100, False, ())


@pytest.mark.parametrize(
    "reason",
    [
        "investigation",
        "Investigation!!",
        "INVESTIGATIÓN",
        "police business",
        "info",
        "crime investigation",
        "n/a",
        "...",
    ],
)
@pytest.mark.rule("view.reason_quality")
def test_the_vague_reason_is_an_enemy(reason: str) -> None:
    found = quality(reason, call_known=True)
    assert found.vague and {"too_short"} <= set(found.flaws)


def test_many_vague_words_are_no_better_than_one() -> None:
    found = quality("ongoing police investigation of a suspicious matter", call_known=True)
    assert found.flaws == ("vague_words",) and found.vague


def test_a_reason_that_says_only_the_purpose_says_nothing() -> None:
    found = quality("search and rescue of a subject", purpose="search_and_rescue", call_known=True)
    assert "vague_words" in found.flaws or "says_only_the_purpose" in found.flaws
    found = quality("a pursuit is being tracked for tracking", purpose="pursuit", title="Being tracked for tracking")
    assert "says_only_the_purpose" in found.flaws and found.vague


def test_a_call_that_dispatch_knows_counts() -> None:
    assert quality(GOOD).flaws == ("no_known_call",)
    assert quality(GOOD, call_known=True).score > quality(GOOD).score


@pytest.mark.rule("view.case_verified")
def test_a_case_that_dispatch_knows_counts_and_one_that_it_does_not_know_is_unverified() -> None:
    assert quality(GOOD, case_verified=True).flaws == ()
    made_up = quality(GOOD, case_verified=False)
    assert made_up.flaws == ("no_known_call", "case_unverified") and made_up.score == 65 < quality(GOOD).score
    assert quality(GOOD, call_known=True, case_verified=False).flaws == ("case_unverified",)


@pytest.mark.rule("view.reason_quality")
def test_repeated_boilerplate_by_the_same_person_is_found() -> None:
    assert quality(GOOD, call_known=True, earlier=[GOOD.upper()]).flaws == ()
    found = quality(GOOD, call_known=True, earlier=[GOOD, "other words entirely", f"{GOOD}."])
    assert found.flaws == ("boilerplate",)
    assert quality(GOOD, earlier=["other words"] * 10 + [GOOD] * 3).flaws == ("no_known_call",)


def test_every_flaw_says_what_to_write_instead() -> None:
    assert ADVICE.keys() == COSTS.keys()


@given(st.text(max_size=200), st.booleans(), st.lists(st.text(max_size=20), max_size=5))
@pytest.mark.rule("view.reason_quality")
def test_any_text_has_a_score_that_its_flaws_explain(text: str, known: bool, earlier: list[str]) -> None:
    found = quality(text, call_known=known, earlier=earlier)
    assert found.score == max(0, 100 - sum(COSTS[code] for code in found.flaws))
    assert found.vague == (found.score < 50)


def test_a_reason_is_of_four_words_and_fifteen_characters_at_least() -> None:
    for reason, flaws in (
        ("man with a knife", ()),
        ("a man in red at", ()),
        ("a man in red a", ("too_short",)),
        ("  a man in red a  ", ("too_short",)),
        ("somebody screams loudly", ("too_short",)),
    ):
        assert quality(reason, call_known=True).flaws == flaws


def test_a_reason_that_mixes_the_purpose_with_vague_words_says_only_the_purpose() -> None:
    found = quality(
        "ongoing pursuit and related tracking", purpose="pursuit", title="Pursuit tracking", call_known=True
    )
    assert found.flaws == ("says_only_the_purpose",)
    assert (found.score, found.vague) == (60, False)
    assert quality("ongoing rescue search case", purpose="search_and_rescue", call_known=True).flaws == (
        "says_only_the_purpose",
    )
    assert quality("ongoing pursuit of a knifeman", purpose="pursuit", call_known=True).flaws == ()


@pytest.mark.rule("view.reason_quality")
def test_each_flaw_costs_what_the_rules_say() -> None:
    assert quality(GOOD).score == 85
    assert quality("a man in red", call_known=True).score == 70
    assert quality("ongoing police investigation of a matter", call_known=True).score == 40
    assert quality(GOOD, call_known=True, earlier=[GOOD, GOOD]).score == 55
    assert quality("info").score == 0
    assert (quality(GOOD).rules, quality(GOOD).vague) == (RULES, False)


@pytest.mark.rule("view.reason_quality")
def test_only_the_last_ten_reasons_are_compared() -> None:
    others = [f"other words number {n}" for n in range(10)]
    assert quality(GOOD, call_known=True, earlier=[*others[:8], GOOD, GOOD]).flaws == ("boilerplate",)
    assert quality(GOOD, call_known=True, earlier=[*others[:9], GOOD, GOOD]).flaws == ()


def test_a_reason_is_vague_below_fifty_of_a_hundred() -> None:
    assert quality(GOOD, earlier=[GOOD, GOOD]).score == 40
    assert quality(GOOD, earlier=[GOOD, GOOD]).vague
    just = quality("a man in red", call_known=True, case_verified=False)
    assert (just.score, just.vague) == (50, False)
    assert not quality(GOOD, call_known=True, earlier=[GOOD, GOOD]).vague


def test_where_no_purpose_is_stated_nothing_repeats_it() -> None:
    assert quality("xxxx xxxx xxxx xxxx", call_known=True).flaws == ()
