"""The provider of plate reads over real HTTP: what it is asked, what it may answer, what is never told of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from starlette.responses import JSONResponse, Response

from adapters.alpr import HttpPlateProvider
from application.plates import Asked, ProviderFailed
from domain.kernel import Place
from infra.stack.processes import free_port
from tests.adapters.alpr.reference_provider import KEY, ReferenceProvider, read, reference_provider

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ASKED = Asked("01975f3f", NOON - HOUR, NOON, "8ABC12?", "CA", None, (), 200)


@pytest.fixture
def reference() -> Iterator[ReferenceProvider]:
    with reference_provider() as provider:
        provider.reads = [
            read("r1", "8ABC123", NOON - timedelta(minutes=50)),
            read("r2", "8ABC124", NOON - timedelta(minutes=5), "fountain-east"),
            read("r3", "7XYZ999", NOON - timedelta(minutes=5)),
            read("r4", "8ABC123", NOON - 3 * HOUR),
        ]
        yield provider


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client() as client:
        yield client


def provider_of(reference: ReferenceProvider, http: httpx.Client, key: str = KEY) -> HttpPlateProvider:
    return HttpPlateProvider("station readers", reference.url, key, http)


def test_sightings_come_newest_first_with_reader_time_and_place(
    reference: ReferenceProvider, http: httpx.Client
) -> None:
    answer = provider_of(reference, http).search(ASKED)
    assert [(s.id, s.plate, s.reader) for s in answer.sightings] == [
        ("r2", "8ABC124", "fountain-east"),
        ("r1", "8ABC123", "smb-west"),
    ]
    assert answer.sightings[1].seen_at == NOON - timedelta(minutes=50)
    assert answer.sightings[1].place == Place(34.0907, -118.3694) and not answer.cut


def test_the_provider_is_told_our_search_and_finds_no_plate_in_an_address(
    reference: ReferenceProvider, http: httpx.Client
) -> None:
    provider_of(reference, http).search(ASKED)
    assert reference.asked[0]["search"] == ASKED.search and reference.asked[0]["plate"] == "8ABC12?"
    assert "8ABC" not in reference.paths[0]


def test_readers_narrow_a_search_and_a_limit_cuts_it(reference: ReferenceProvider, http: httpx.Client) -> None:
    provider = provider_of(reference, http)
    west = Asked("s", NOON - 4 * HOUR, NOON, None, None, "silver pickup", ("smb-west",), 200)
    assert {s.id for s in provider.search(west).sightings} == {"r1", "r3", "r4"}
    few = provider.search(Asked("s", NOON - 4 * HOUR, NOON, None, None, "silver pickup", (), 1))
    assert len(few.sightings) == 1 and few.cut


@pytest.mark.parametrize(
    "answer",
    [
        Response("8ABC123 is not available", 503),
        Response("8ABC123", 200),
        JSONResponse({"sightings": [{"id": "r1", "plate": "8ABC123"}]}),
        JSONResponse({"sightings": [{**read("r1", "8ABC123", NOON), "seen_at": "2026-06-01T12:00:00"}]}),
        JSONResponse({"sightings": [{**read("r1", "8ABC123", NOON), "latitude": 234.0}]}),
        Response(b" " * (4 * 1024 * 1024 + 1)),
        Response("", 302, headers={"location": "http://127.0.0.1:1/8ABC123"}),
    ],
)
def test_an_answer_that_cannot_be_read_is_a_failure_that_tells_no_plate(
    reference: ReferenceProvider, http: httpx.Client, answer: Response
) -> None:
    reference.answer = answer
    with pytest.raises(ProviderFailed, match="station readers answered") as raised:
        provider_of(reference, http).search(ASKED)
    assert "8ABC" not in str(raised.value) and raised.value.__cause__ is None


def test_a_provider_that_is_away_or_does_not_know_the_key_is_a_failure(
    reference: ReferenceProvider, http: httpx.Client
) -> None:
    with pytest.raises(ProviderFailed, match="HTTP 401"):
        provider_of(reference, http, "another").search(ASKED)
    with pytest.raises(ProviderFailed, match="did not answer"):
        HttpPlateProvider("station readers", f"http://127.0.0.1:{free_port()}", KEY, http).search(ASKED)
