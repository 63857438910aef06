"""What is accepted of a caller's input, and that a mistake never repeats it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.codec import EVENT_LIMIT, encode
from domain import checks
from domain.call import CALL, CallReceived, UpdateCall
from domain.kernel import CallNumber, InvalidValue, Place
from tests.domain.scenario import NOW
from tests.golden.make import envelope_of
from tests.keys import FixedKeys


def refuses(check: Callable[[], object]) -> InvalidValue:
    with pytest.raises(InvalidValue) as raised:
        check()
    assert raised.value.field == "reason"
    assert raised.value.accepted
    return raised.value


@pytest.mark.parametrize(
    "said", ["Zoë's café – 3 º", "two\nlines\tand a tab", "नमस्ते \u200d", "no\u00a0break", "👮🏽\u200d♀️"]
)
def test_people_write_in_every_script(said: str) -> None:
    assert checks.text("reason", f"  {said}\n") == said


@pytest.mark.parametrize("unfit", ["\x00", "\x1b[2J", "\ud800", "\u202e", "\u2066", "\ue000", "\x7f"])
def test_what_could_make_a_record_read_as_another_is_not_accepted(unfit: str) -> None:
    refuses(lambda: checks.text("reason", f"burg{unfit}lary"))


def test_a_text_has_its_length() -> None:
    refuses(lambda: checks.text("reason", "   "))
    refuses(lambda: checks.text("reason", "x" * 201))
    refuses(lambda: checks.text("reason", "ab", at_least=3))


@given(st.text(min_size=1, max_size=20).map(lambda said: f"{said} # {said}"))
@pytest.mark.rule("record.public_sealed")
def test_a_mistake_never_repeats_what_was_said(said: str) -> None:
    checked: tuple[Callable[[], object], ...] = (
        lambda: checks.code("reason", said),
        lambda: checks.identifier("reason", said),
        lambda: checks.sha256("reason", said),
        lambda: checks.one_of("reason", said, ["a", "b"]),
    )
    for check in checked:
        mistake = refuses(check)
        assert said not in str(mistake)
        assert said not in str(mistake.accepted)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.1, 10.1])
def test_a_number_is_in_its_range(value: float) -> None:
    refuses(lambda: checks.within("reason", value, 0, 10, "m"))


def test_a_time_has_its_zone() -> None:
    refuses(lambda: checks.aware("reason", datetime(2026, 6, 1)))  # noqa: DTZ001
    assert checks.aware("reason", NOW) is NOW


@given(st.timedeltas(timedelta(days=-2), timedelta(days=2)))
@pytest.mark.rule("flight.clocks")
def test_clocks_are_flagged_from_a_second_on(difference: timedelta) -> None:
    flagged = checks.clock_difference_s(NOW + difference, NOW)
    assert (flagged is None) is (abs(difference) <= timedelta(seconds=1))
    assert flagged is None or flagged == pytest.approx(difference.total_seconds(), abs=0.001)


def test_the_longest_call_that_is_accepted_fits_in_an_event() -> None:
    widest = "\U0001f6a8"  # four bytes
    told = UpdateCall(
        CallNumber("c" * 128),
        1,
        NOW,
        widest * 60,
        1,
        Place(34.09, -118.37),
        NOW,
        widest * 300,
        widest * 200,
        widest * 5000,
    )
    (received,) = CALL.decide(told, CALL.initial, NOW)
    assert isinstance(received, CallReceived)
    assert len(encode(envelope_of("call.call_received.v1"), received, FixedKeys())) <= EVENT_LIMIT


# -- what is accepted, to the letter ------------------------------------------------------


def test_a_text_may_be_as_short_and_as_long_as_is_said() -> None:
    for said in ("x", "x" * 200):
        assert checks.text("reason", said) == said
    too_long = refuses(lambda: checks.text("reason", "x" * 201))
    assert (too_long.message, too_long.accepted) == ("reason has 201 characters", "1 to 200 printable characters")
    assert checks.text("reason", "abc", at_least=3, at_most=3) == "abc"
    unfit = refuses(lambda: checks.text("reason", "a\x00b", at_least=3, at_most=3))
    assert unfit.accepted == "3 to 3 printable characters"


def test_what_a_machine_said_is_kept_without_what_nobody_can_read() -> None:
    assert checks.cleaned(" a\x00b\n") == "a b"
    assert checks.cleaned("x" * 301) == "x" * 300
    assert checks.cleaned("x" * 11, 10) == "x" * 10


def test_a_letter_is_not_refused_for_its_marks() -> None:
    assert checks.fit(" a\r\nb\u202e\tc\u200d\x00 ") == "a\nb\tc"[:4] + "c\u200d"
    assert checks.fit("a\rb") == "ab"


def test_codes_and_identifiers_are_what_they_are_said_to_be() -> None:
    for value in ("ab", "a1_", "a" * 40):
        assert checks.code("reason", value) == value
    for value in ("a", "a" * 41, "1a", "Ab", "a-b", "ab\n", ""):
        assert refuses(lambda value=value: checks.code("reason", value)).accepted == (  # type: ignore[misc]
            "2 to 40 of a-z, 0-9 and _, a letter first"
        )
    for value in ("1", "a" * 128, "A.b_c:d@e/f+g-h"):
        assert checks.identifier("reason", value) == value
    for value in ("", "a" * 129, "-a", "a b", "a\n"):
        assert refuses(lambda value=value: checks.identifier("reason", value)).accepted == (  # type: ignore[misc]
            "1 to 128 letters, digits and . _ : @ / + -, a letter or digit first"
        )
    assert checks.sha256("reason", "0af" + "0" * 61) == "0af" + "0" * 61
    for value in ("0" * 63, "0" * 65, "A" * 64, "g" * 64):
        assert refuses(lambda value=value: checks.sha256("reason", value)).accepted == (  # type: ignore[misc]
            "64 lower-case hexadecimal digits"
        )


def test_a_range_includes_its_ends_and_says_its_unit() -> None:
    for value in (0, 10):
        assert checks.within("reason", value, 0, 10, "m") == value
    assert refuses(lambda: checks.within("reason", 11, 0, 10, "m")).accepted == "0 to 10 m"
    assert checks.one_of("reason", "b", ["b", "a"]) == "b"
    assert refuses(lambda: checks.one_of("reason", "c", ["b", "a"])).accepted == "a, b"
    assert refuses(lambda: checks.aware("reason", datetime(2026, 6, 1))).accepted == (  # noqa: DTZ001
        "a time with its offset from UTC"
    )


@pytest.mark.rule("flight.clocks")
def test_a_clock_that_is_not_known_differs_from_none() -> None:
    assert checks.clock_difference_s(None, NOW) is None
    assert checks.clock_difference_s(NOW - timedelta(seconds=1.0004), NOW) == -1.0
    assert checks.clock_difference_s(NOW + timedelta(seconds=2.3456), NOW) == 2.346
