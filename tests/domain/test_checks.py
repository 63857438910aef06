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
