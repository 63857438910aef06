"""Plate searches and hits on the real store and a real provider: the record first, the plate nowhere but sealed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import httpx
import psycopg
import pytest

from adapters.alpr import HttpPlateProvider
from application.exports import Disclosures
from application.handling import Actor, Mistaken, Outcome, Refused
from application.plates import ForAgency, Hit, Plates
from application.standing import service
from domain.disclosure import DisclosureRequested
from domain.grounds import Grounds
from domain.kernel import CaseNumber, Personal
from domain.legal_basis import BasisKind, LegalBasis
from domain.person import Role
from domain.plate_search import (
    Agency,
    AgencyKind,
    ConfirmationRefused,
    HitConfirmed,
    HitRejected,
    HotListHitReceived,
    PlateQuery,
    PlateSearched,
    PlateSearchRefused,
    RejectionReason,
    SearchAnswered,
    SearchFailed,
)
from tests.adapters.alpr.reference_provider import KEY, ReferenceProvider, read, reference_provider
from tests.application.small_center import ADMIN, NOON, SmallCenter, done, small_center

HOUR = timedelta(hours=1)
QUERY = PlateQuery(NOON - HOUR, NOON, "8abc-12?", "CA")
GROUNDS = Grounds("call_for_service", "silver pickup left the burglary at the bakery", case=CaseNumber("926-01234"))
BEVERLY = ForAgency(
    Agency("Beverly Hills Police Department", AgencyKind.CALIFORNIA_PUBLIC),
    LegalBasis(BasisKind.WARRANT, "26-SW-0417", "Superior Court of Los Angeles"),
)
HIT = Hit("h-7", "CLETS stolen vehicles", "8ABC123", "CA", "smb-west", NOON)


class Readers:
    """A center with plate readers, and a deputy."""

    def __init__(self, center: SmallCenter, reference: ReferenceProvider, http: httpx.Client) -> None:
        self.center, self.reference = center, reference
        provider = HttpPlateProvider("station readers", reference.url, KEY, http)
        self.plates = Plates(center.handler, provider)
        self.deputy = center.signed_on(center.enrolled("dee", Role.WATCH_OPERATOR))
        reference.reads = [read("r1", "8ABC123", NOON - HOUR / 2), read("r2", "7XYZ999", NOON - HOUR / 2)]

    def types(self, stream: str) -> list[type]:
        return [type(recorded.event) for recorded in self.center.events(stream)]

    def hit(self) -> str:
        (told,) = self.plates.receive(service("service-alpr"), "station readers", [HIT])
        return done(told).key


@pytest.fixture
def readers(database_url: str) -> Iterator[Readers]:
    with small_center(database_url) as center, reference_provider() as reference, httpx.Client() as http:
        yield Readers(center, reference, http)


def codes(outcome: Outcome) -> list[str]:
    assert isinstance(outcome, Refused), outcome
    return [reason.code for reason in outcome.reasons]


def confirm(readers: Readers, key: str, actor: Actor | None = None, *, matches: bool = True) -> Outcome:
    who = actor or readers.deputy
    return readers.plates.confirm(who, key, picture_matches=matches, entry_stands=True, checked_with="CLETS")


def test_each_search_is_an_sb_34_record_and_then_the_readers_are_asked(readers: Readers) -> None:
    found = readers.plates.search(readers.deputy, QUERY, GROUNDS)
    told = done(found.outcome)
    assert found.answer is not None and [s.id for s in found.answer.sightings] == ["r1"]
    searched, answered = readers.center.events(told.stream)
    assert isinstance(searched.event, PlateSearched) and isinstance(answered.event, SearchAnswered)
    access = searched.event.access
    assert (access.username, access.organisation) == ("dee", "lasd_west_hollywood")
    assert access.accessed_at == readers.center.clock.now() and access.plate is not None
    assert readers.center.handler.keys.text(access.plate) == "8ABC12?" and access.plate.subject.startswith("plate-")
    assert searched.envelope.purpose == "call_for_service" and searched.envelope.casenumber == "926-01234"
    assert searched.envelope.decidedby.startswith("watch-searches-plates")
    assert answered.event.sightings == 1 and readers.reference.asked[0]["search"] == told.key
    assert answered.envelope.correlationid == searched.envelope.correlationid


def test_a_refused_search_asks_nobody_and_is_recorded(readers: Readers) -> None:
    found = readers.plates.search(readers.deputy, QUERY, replace(GROUNDS, purpose="immigration_enforcement"))
    assert "purpose_prohibited" in codes(found.outcome) and found.answer is None
    assert isinstance(found.outcome, Refused) and readers.types(found.outcome.stream) == [PlateSearchRefused]
    assert readers.reference.asked == []


def test_who_may_not_search_leaves_a_record_without_the_plate(readers: Readers) -> None:
    found = readers.plates.search(readers.center.signed_on(ADMIN), QUERY, GROUNDS)
    assert codes(found.outcome) == ["not_permitted"] and readers.reference.asked == []
    malformed = readers.plates.search(readers.deputy, replace(QUERY, plate="8ABC123456"), GROUNDS)
    assert isinstance(malformed.outcome, Mistaken) and malformed.outcome.field == "plate"
    for recorded in readers.center.all_events():
        assert "8ABC" not in str(recorded.envelope) and "8abc" not in str(recorded.event)


def test_readers_that_are_away_leave_a_failed_search(readers: Readers) -> None:
    readers.plates.provider = HttpPlateProvider("station readers", readers.reference.url, "wrong", httpx.Client())
    found = readers.plates.search(readers.deputy, QUERY, GROUNDS)
    assert found.answer is None and found.failure == "station readers answered HTTP 401"
    assert readers.types(done(found.outcome).stream) == [PlateSearched, SearchFailed]
    readers.plates.provider = None
    nobody = readers.plates.search(readers.deputy, QUERY, GROUNDS)
    assert nobody.failure is not None and readers.types(done(nobody.outcome).stream) == [PlateSearched]


def test_the_same_command_asks_the_readers_once_and_never_for_another_plate(readers: Readers) -> None:
    id_ = uuid4()
    first = readers.plates.search(readers.deputy, QUERY, GROUNDS, command_id=id_)
    again = readers.plates.search(readers.deputy, replace(QUERY, plate="7XYZ999"), GROUNDS, command_id=id_)
    assert first.answer is not None and again.answer is None and again.failure is not None
    assert [asked["plate"] for asked in readers.reference.asked] == ["8ABC12?"]


@pytest.mark.rule("plate.disclosure")
def test_searches_for_other_agencies_are_accounted_for_as_disclosures(readers: Readers) -> None:
    found = readers.plates.search(readers.deputy, QUERY, replace(GROUNDS, purpose="their_robbery"), BEVERLY)
    told = done(found.outcome)
    (requested,) = readers.center.events(f"disclosure-{told.key}")
    assert isinstance(requested.event, DisclosureRequested)
    assert (requested.event.what, requested.event.recipient) == (told.stream, "Beverly Hills Police Department")
    searched = readers.center.events(told.stream)[0].event
    assert isinstance(searched, PlateSearched) and searched.disclosure == told.key
    federal = replace(BEVERLY, agency=Agency("Some Federal Bureau", AgencyKind.FEDERAL))
    refused = readers.plates.search(readers.deputy, QUERY, GROUNDS, federal)
    assert codes(refused.outcome) == ["agency_not_eligible"]
    assert isinstance(refused.outcome, Refused)
    assert readers.center.events(refused.outcome.stream.replace("platesearch", "disclosure")) == []


def test_a_hit_counts_once_and_is_used_when_a_person_has_confirmed_it(readers: Readers) -> None:
    key = readers.hit()
    assert readers.hit() == key and readers.types(f"platesearch-{key}") == [HotListHitReceived]
    disclosures, stream = Disclosures(readers.center.handler), f"platesearch-{key}"
    told = disclosures.request(readers.deputy, stream, BEVERLY.agency.name, BEVERLY.legal_basis, GROUNDS)
    assert isinstance(told, Mistaken) and told.field == "what"
    early = readers.plates.search(readers.deputy, QUERY, GROUNDS, hit=key)
    assert codes(early.outcome) == ["hit_not_confirmed"]
    assert codes(confirm(readers, key, matches=False)) == ["picture_not_checked"]
    done(confirm(readers, key))
    done(disclosures.request(readers.deputy, stream, BEVERLY.agency.name, BEVERLY.legal_basis, GROUNDS))
    done(readers.plates.search(readers.deputy, QUERY, GROUNDS, hit=key).outcome)
    assert readers.types(f"platesearch-{key}") == [HotListHitReceived, ConfirmationRefused, HitConfirmed]


def test_a_rejected_hit_is_not_used(readers: Readers) -> None:
    key = readers.hit()
    done(readers.plates.reject(readers.deputy, key, RejectionReason.MISREAD, "a B, not an 8"))
    assert codes(readers.plates.search(readers.deputy, QUERY, GROUNDS, hit=key).outcome) == ["hit_rejected"]
    rejected = readers.center.events(f"platesearch-{key}")[-1].event
    assert isinstance(rejected, HitRejected) and isinstance(rejected.note, Personal)
    assert isinstance(confirm(readers, key), Mistaken)


def test_no_service_confirms_a_hit_and_no_operator_brings_one(readers: Readers) -> None:
    key = readers.hit()
    assert codes(confirm(readers, key, service("service-alpr"))) == ["not_permitted"]
    (told,) = readers.plates.receive(readers.deputy, "a stick", [replace(HIT, reference="h-8")])
    assert codes(told) == ["not_permitted"]


def test_no_digest_of_a_command_is_one_of_a_plate(readers: Readers) -> None:
    """Two commands that differ in the plate alone leave the same digest: nothing of the plate is in it."""
    for plate in ("8ABC123", "7XYZ999"):
        done(readers.plates.search(readers.deputy, replace(QUERY, plate=plate), GROUNDS).outcome)
    with psycopg.connect(readers.center.url) as connection:
        rows = connection.execute("SELECT digest FROM events.commands").fetchall()
    digests = [bytes(digest) for (digest,) in rows]
    assert len(digests) - len(set(digests)) == 1
