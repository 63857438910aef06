"""Events of an older shape are read as the newest one; nothing in the log is ever rewritten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import msgspec
import pytest

from application import codec
from application.codec import Json, UnreadableEvent, decode, encode, upcaster
from application.ports import EventTooLarge
from application.upcasting import UPCASTERS
from domain.kernel import EVENT_NAMES, EVENT_TYPES, SHREDDED, Personal, Place, event
from domain.person import TrainingCompleted
from tests.golden.make import envelope_of
from tests.keys import FixedKeys

PERSON = "person.training_completed.v1"


@pytest.fixture
def kite_flown() -> Iterator[type]:
    """A type of three versions: v1 named one place by two numbers, v2 gave it a Place, v3 added who held the string."""

    @event("kite.kite_flown", version=3)
    class KiteFlown:
        """A kite was flown."""

        place: Place
        held_by: Personal[str] | None

    @upcaster("kite.kite_flown.v1", "kite.kite_flown.v2")
    def with_place(data: Json) -> Json:
        return {"place": {"latitude": data["lat"], "longitude": data["lon"]}}

    @upcaster("kite.kite_flown.v2", "kite.kite_flown.v3")
    def with_holder(data: Json) -> Json:
        return {**data, "held_by": None}

    yield KiteFlown
    del EVENT_TYPES["kite.kite_flown.v3"], EVENT_NAMES[KiteFlown]
    for old in ("kite.kite_flown.v1", "kite.kite_flown.v2"):
        del UPCASTERS[old]


def stored(name: str, data: Json) -> bytes:
    envelope = envelope_of(PERSON)
    fields = msgspec.to_builtins(envelope) | {"type": f"org.weho.safer.{name}", "data": data}
    return msgspec.json.encode(fields)


def test_the_oldest_shape_is_read_as_the_newest_through_every_version_between(kite_flown: type) -> None:
    content = stored("kite.kite_flown.v1", {"lat": 34.09, "lon": -118.37})
    assert decode(content).event == kite_flown(Place(34.09, -118.37), None)


def test_a_shape_in_between_is_read_as_the_newest(kite_flown: type) -> None:
    content = stored("kite.kite_flown.v2", {"place": {"latitude": 34.09, "longitude": -118.37}})
    assert decode(content).event == kite_flown(Place(34.09, -118.37), None)


def test_reading_leaves_the_bytes_and_the_name_they_were_written_under(kite_flown: type) -> None:
    content = stored("kite.kite_flown.v1", {"lat": 34.09, "lon": -118.37})
    recorded = decode(content, position=12)
    assert (recorded.content, recorded.name, recorded.position) == (content, "kite.kite_flown.v1", 12)


def test_one_shape_has_one_way_up(kite_flown: type) -> None:
    with pytest.raises(ValueError, match="already"):
        upcaster("kite.kite_flown.v1", "kite.kite_flown.v3")(lambda data: data)


def test_one_name_is_one_type(kite_flown: type) -> None:
    with pytest.raises(ValueError, match="twice"):

        @event("kite.kite_flown", version=3)
        class Other:
            """Another."""


def test_an_unknown_type_is_not_guessed() -> None:
    with pytest.raises(UnreadableEvent, match="not in the registry"):
        decode(stored("kite.kite_flown.v9", {}), position=3)


@pytest.mark.parametrize(
    "data",
    [
        {"course": "a", "completed_on": "2026-01-01", "expires_on": "2027-01-01"},  # a field is missing
        {"course": "a", "completed_on": "soon", "expires_on": "2027-01-01", "recorded_by": "d517"},
        {"course": 7, "completed_on": "2026-01-01", "expires_on": "2027-01-01", "recorded_by": "d517"},
        [],
    ],
)
def test_a_wrong_shape_is_not_guessed(data: Json) -> None:
    with pytest.raises(UnreadableEvent):
        decode(stored(PERSON, data), position=3)


def test_an_impossible_value_is_unreadable_not_a_mistake_of_the_reader(kite_flown: type) -> None:
    with pytest.raises(UnreadableEvent):
        decode(stored("kite.kite_flown.v1", {"lat": 134.09, "lon": -118.37}))


def test_a_shredded_value_stays_shredded(kite_flown: type) -> None:
    flown = kite_flown(Place(34.09, -118.37), Personal("call-1", SHREDDED))
    envelope = msgspec.structs.replace(envelope_of(PERSON), type=codec.type_uri(kite_flown))
    assert decode(encode(envelope, flown, FixedKeys())).event == flown


def test_an_event_of_more_than_32_kib_is_refused() -> None:
    course = TrainingCompleted("c" * 33_000, date(2026, 1, 1), date(2027, 1, 1), "d517")  # type: ignore[arg-type]
    with pytest.raises(EventTooLarge, match="as a document by hash"):
        encode(envelope_of(PERSON), course)
    encode(envelope_of(PERSON), replace(course, course="c" * 31_000))
