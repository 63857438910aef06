"""What every aggregate shares: names of events, streams, mistakes, and values about members of the public."""

from __future__ import annotations

import pytest

from domain.catalogue import aggregate_of
from domain.kernel import SHREDDED, Aggregate, InvalidValue, Personal, Sealed, event
from tests.domain.scenario import NOW


def test_a_stream_is_named_by_its_aggregate_and_key() -> None:
    counting: Aggregate[int, int, int] = Aggregate(
        "count", 0, lambda command, _, __: [command], lambda state, n: state * 2 + n
    )
    assert counting.stream("c1") == "count-c1"
    assert counting.fold([]) == 0
    assert counting.fold([1, 2, 3]) == 11
    assert counting.decide(4, 0, NOW) == [4]


def test_a_mistake_says_what_is_wrong_where_and_what_would_do() -> None:
    mistake = InvalidValue("the file is empty", field="size_bytes", accepted="1 and up")
    assert (str(mistake), mistake.message) == ("the file is empty", "the file is empty")
    assert (mistake.code, mistake.field, mistake.accepted) == ("invalid_value", "size_bytes", "1 and up")
    assert (InvalidValue("no").field, InvalidValue("no").accepted) == (None, None)


def test_an_event_has_one_name() -> None:
    with pytest.raises(ValueError, match=r"call\.call_received\.v1 is registered twice"):

        @event("call.call_received")
        class Again:
            call: str


@pytest.mark.rule("record.public_sealed")
def test_a_personal_value_never_shows_in_a_traceback_and_is_compared_with_its_subject() -> None:
    said = Personal("call-1", "Ana Pérez")
    assert repr(said) == "Personal('call-1', …)"
    assert said == Personal("call-1", "Ana Pérez") and hash(said) == hash(Personal("call-1", "Ana Pérez"))
    others = [Personal("call-2", "Ana Pérez"), Personal("call-1", "Ana"), Personal("call-1", SHREDDED)]
    others.append(Personal("call-1", Sealed("k1", b"", "e1")))
    assert all(said != other and hash(said) != hash(other) for other in others)
    assert said != "Ana Pérez"


def test_a_stream_belongs_to_the_aggregate_that_it_is_named_after() -> None:
    assert aggregate_of("call-WH26-004217").name == "call"
    with pytest.raises(KeyError):
        aggregate_of("kite-1")
