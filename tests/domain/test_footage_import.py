"""Footage that somebody else recorded: imported once, with who handed it over; its days count from when it came."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.footage import (
    FOOTAGE,
    DestroyFootage,
    FootageDestroyed,
    FootageImported,
    ImportFootage,
    Kept,
    RecordFootage,
    destruction_due,
)
from domain.footage_import import IMPORT, FileImported, ImportFile, Original, Received, Sound, feed_of, key_of
from domain.kernel import CaseNumber, FeedId, FootageId, InvalidValue, Personal, StreamId, WrongState
from domain.privacy_override_events import Range
from tests.domain import video
from tests.domain.scenario import DAY, HOUR, NOW, SECOND, Scenario
from tests.domain.video import ANA, LEE, POLICY, RECORDED

given = Scenario(IMPORT)
SHA256 = "7f8a" * 16
KEY = "7f8a" * 8
TAKEN = Range(NOW - 40 * DAY, NOW - 40 * DAY + 90 * HOUR / 60)
FILE = Original(SHA256, 1_843_200, "MP4, H.264 1920x1080", Sound.DROPPED)
PIECES = (FootageId(f"import-{KEY}-20260422T2000Z"), FootageId(f"import-{KEY}-20260422T2100Z"))
take_in = ImportFile(
    FILE, "LA Metro", "Sgt. M. Ibarra", NOW - HOUR, Received.MEDIUM, CaseNumber("926-01234"), TAKEN, PIECES, LEE
)
imported = FileImported(
    FILE,
    "LA Metro",
    None,
    Personal(f"import-{KEY}", "Sgt. M. Ibarra"),
    NOW - HOUR,
    LEE,
    Received.MEDIUM,
    CaseNumber("926-01234"),
    TAKEN,
    None,
    PIECES,
)


@pytest.mark.rule("retention.imported")
def test_a_file_is_imported_with_its_hash_whose_it_was_and_who_handed_it_over() -> None:
    given().when(take_in).then(imported)
    compared = replace(take_in, time_known_by="two minutes slow, put right", device="camera 3 of the platform")
    (event,) = given().when(compared).then_types(FileImported)
    assert event.time_known_by == Personal(f"import-{KEY}", "two minutes slow, put right")
    assert (event.device, key_of(SHA256), feed_of(SHA256)) == ("camera 3 of the platform", KEY, f"import-{KEY}")


@pytest.mark.rule("retention.imported")
def test_the_same_file_is_not_imported_twice_and_what_it_became_is_told() -> None:
    told = given(imported).when(replace(take_in, by=ANA)).then_raises(WrongState, "file")
    assert all(piece in told.message for piece in PIECES)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"original": replace(FILE, sha256="x")}, "sha256"),
        ({"original": replace(FILE, size_bytes=0)}, "file"),
        ({"footage": ()}, "file"),
        ({"agency": "LA"}, "agency"),
        ({"device": ""}, "device"),
        ({"handed_over_by": " "}, "handed_over_by"),
        ({"time_known_by": "xx"}, "time_known_by"),
        ({"case": CaseNumber("a case")}, "case"),
        ({"received_at": NOW + SECOND}, "received_at"),
        ({"received_at": NOW.replace(tzinfo=None)}, "received_at"),
        ({"received_at": TAKEN.until - SECOND}, "taken_at"),
        ({"range": Range(TAKEN.since, TAKEN.since)}, "file"),
        ({"range": Range(TAKEN.since, TAKEN.since + timedelta(hours=24, seconds=1))}, "file"),
        ({"range": Range(TAKEN.since.replace(tzinfo=None), TAKEN.until)}, "taken_at"),
    ],
)
def test_what_is_wrong_with_an_import_is_told_by_its_field(changed: dict[str, object], field: str) -> None:
    given().when(replace(take_in, **changed)).then_raises(InvalidValue, field)  # type: ignore[arg-type]


def test_an_import_at_its_limits_is_taken() -> None:
    day = Range(TAKEN.since, TAKEN.since + timedelta(hours=24))
    for changed in ({"range": day}, {"received_at": NOW}, {"received_at": TAKEN.until}):
        given().when(replace(take_in, **changed)).then_types(FileImported)  # type: ignore[arg-type]


# -- its footage -------------------------------------------------------------

footage = Scenario(FOOTAGE)
RECEIVED = NOW - HOUR
OF = StreamId(f"import-{KEY}")
record = RecordFootage(
    FeedId(OF), Range(NOW - 900 * DAY, NOW - 900 * DAY + HOUR), 1800, 9_000, "a" * 64, "k", "routine"
)
piece = ImportFootage(record, OF, RECEIVED)


@pytest.mark.rule("retention.imported", "retention.due")
def test_what_was_imported_is_kept_as_long_as_any_footage_counted_from_when_it_came() -> None:
    story = footage().and_when(piece)
    assert isinstance(story.state, Kept) and story.state.recorded.feed == OF
    assert destruction_due(story.state, POLICY.parameters) == RECEIVED + 30 * DAY, "and not years before it came"
    destroy = DestroyFootage(POLICY, ANA, RECEIVED + 90 * DAY)
    story.when(destroy, RECEIVED + 30 * DAY - SECOND).then_raises(WrongState)
    story.when(destroy, RECEIVED + 30 * DAY).then_types(FootageDestroyed)


def test_a_piece_of_an_import_is_recorded_once() -> None:
    _, told = footage().when(piece).events()
    assert told == FootageImported(OF, RECEIVED)
    footage(RECORDED).when(piece).then_raises(WrongState, "footage")
    footage().when(replace(piece, received_at=NOW.replace(tzinfo=None))).then_raises(InvalidValue, "received_at")
    assert footage(FootageImported(OF, RECEIVED)).state == footage().state
    assert video.RECORDED.feed != OF
