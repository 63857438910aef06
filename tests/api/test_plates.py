"""Plates over GraphQL against the real path and a real provider: searched, refused, disclosed; hits confirmed first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tests.adapters.alpr.reference_provider import ReferenceProvider, read, reference_provider
from tests.api.looking import grounds
from tests.api.watch_center import ANSWER, Asker, Json, WatchCenter

SEARCH = f"""mutation($input: PlateQueryInput!, $grounds: GroundsInput!, $agency: ForAgencyInput, $hit: ID, $id: ID) {{
  searchPlate(input: $input, grounds: $grounds, forAgency: $agency, hit: $hit, commandId: $id) {{
    result {{ {ANSWER} }} sightings {{ id plate reader place {{ latitude }} }} cut failure }} }}"""
RECORD = """query($person: ID, $at: Position) { plateSearches(personId: $person, afterPosition: $at) {
  edges { node { id person { id } organisation purpose callNumber caseNumber vague byPlate forAgency disclosure state
                 sightings reasons { code } } } } }"""
HITS = "query($state: String!, $at: Position) { plateHits(state: $state, afterPosition: $at)"
HITS += " { edges { node { id reference state decidedBy checkedWith } } } }"
IMPORT = """mutation($file: String!) { importPlateHits(provider: "a stick", file: $file) { line hit field message } }"""
CONFIRM = 'confirmHit(hit: $hit, pictureMatches: true, entryStands: true, checkedWith: "CLETS, by dispatch")'
WARRANT = {"kind": "warrant", "number": "26-SW-0417", "issuer": "Superior Court of Los Angeles"}


@pytest.fixture
def reference(watch_center: WatchCenter) -> Iterator[ReferenceProvider]:
    with reference_provider(urlsplit(watch_center.environ["SAFERWEHO_ALPR_URL"]).port or 0) as provider:
        provider.reads = [read("r1", "8ABC123", datetime.now(UTC) - timedelta(minutes=30))]
        yield provider


def query(plate: str = "8abc-12?") -> Json:
    now = datetime.now(UTC)
    since, until = ((now - ago).isoformat() for ago in (timedelta(hours=1), timedelta()))
    return {"seenFrom": since, "seenUntil": until, "plate": plate, "plateState": "CA"}


def searched(asker: Asker, **variables: object) -> Json:
    told: Json = asker.ask(SEARCH, **variables)["searchPlate"]
    return told


def record(watch_center: WatchCenter, person: str, position: int) -> list[Json]:
    page = watch_center.as_role("auditor").ask(RECORD, person=person, at=position)["plateSearches"]
    return [edge["node"] for edge in page["edges"]]


def imported(watch_center: WatchCenter) -> tuple[str, str]:
    """A hit out of a file: its id and its reference."""
    reference = f"h-{uuid4().hex}"
    head = "reference,hot_list,plate,plate_state,reader,seen_at"
    good = f"{reference},stolen vehicles,8ABC123,CA,west,2026-06-01T12:09:51Z"
    lines = watch_center.as_role("watch_supervisor").ask(
        IMPORT, file=f"{head}\n{good}\n,none,,,,\n{reference}x,s,?,CA,w,"
    )
    hit, *faulty = lines["importPlateHits"]
    assert hit["line"] == 2 and hit["hit"] and [(f["line"], f["hit"]) for f in faulty] == [(3, None), (4, None)]
    return hit["hit"], reference


def test_a_search_shows_what_readers_saw_and_stands_in_the_record_without_the_plate(
    watch_center: WatchCenter, reference: ReferenceProvider
) -> None:
    deputy, stated = watch_center.as_role("watch_operator"), grounds(watch_center)
    told = searched(deputy, input=query(), grounds=stated)
    assert told["result"]["__typename"] == "Accepted" and told["failure"] is None
    assert [(s["plate"], s["reader"]) for s in told["sightings"]] == [("8ABC123", "smb-west")]
    search = told["result"]["id"]
    (made, answered) = watch_center.events(f"platesearch-{search}")
    assert made["purpose"] == "call_for_service" and answered["data"]["sightings"] == 1
    shown = next(x for x in record(watch_center, deputy.person, watch_center.head()) if x["id"] == search)
    assert (shown["state"], shown["sightings"], shown["byPlate"]) == ("answered", 1, True)
    assert shown["organisation"] == "lasd_west_hollywood" and shown["callNumber"] == stated["callNumber"]
    assert "8ABC" not in str(shown)


def test_a_search_without_case_or_for_a_prohibited_purpose_asks_nobody(
    watch_center: WatchCenter, reference: ReferenceProvider
) -> None:
    deputy = watch_center.as_role("watch_operator")
    for changed, code in (({"purpose": "immigration_enforcement"}, "purpose_prohibited"),):
        told = searched(deputy, input=query(), grounds=grounds(watch_center, **changed))
        assert told["result"]["__typename"] == "Refused" and told["sightings"] == []
        assert code in [reason["code"] for reason in told["result"]["reasons"]]
    (shown, *_) = record(watch_center, deputy.person, watch_center.head())
    assert shown["state"] == "refused" and shown["reasons"][0]["code"] == "purpose_prohibited"
    wrong = searched(deputy, input=query("8ABC1234567"), grounds=grounds(watch_center))
    assert (wrong["result"]["code"], wrong["result"]["field"]) == ("invalid_value", "plate")
    unknown = searched(deputy, input=query(), grounds=grounds(watch_center), id="not a uuid")
    assert unknown["result"]["field"] == "commandId"
    assert reference.asked == []


def test_who_may_not_see_plates_is_refused_and_reads_no_record(
    watch_center: WatchCenter, reference: ReferenceProvider
) -> None:
    for role in ("administrator", "city_analyst", "remote_pilot"):
        asker = watch_center.as_role(role)
        told = searched(asker, input=query(), grounds=grounds(watch_center))
        assert told["result"]["reasons"][0]["code"] == "not_permitted", role
        assert asker.code("{ plateHits { edges { cursor } } }") == "not_permitted"
        assert asker.code("{ plateSearches { edges { cursor } } }") == "not_permitted"
    assert reference.asked == []


def test_a_search_for_another_agency_waits_as_a_disclosure(
    watch_center: WatchCenter, reference: ReferenceProvider
) -> None:
    deputy = watch_center.as_role("watch_operator")
    agency = {"name": "Beverly Hills Police Department", "kind": "california_public", "legalBasis": WARRANT}
    told = searched(deputy, input=query(), grounds=grounds(watch_center), agency=agency)
    search = told["result"]["id"]
    (requested,) = watch_center.events(f"disclosure-{search}")
    assert requested["data"]["what"] == f"platesearch-{search}" and requested["data"]["recipient"] == agency["name"]
    shown = next(x for x in record(watch_center, deputy.person, watch_center.head()) if x["id"] == search)
    assert (shown["forAgency"], shown["disclosure"]) == (agency["name"], search)
    federal = searched(deputy, input=query(), grounds=grounds(watch_center), agency={**agency, "kind": "federal"})
    assert federal["result"]["reasons"][0]["code"] == "agency_not_eligible"


def test_a_hit_is_confirmed_by_a_person_before_it_is_used(
    watch_center: WatchCenter, reference: ReferenceProvider
) -> None:
    hit, name = imported(watch_center)
    deputy = watch_center.as_role("watch_operator")

    def listed(state: str) -> list[Json]:
        page = deputy.ask(HITS, state=state, at=watch_center.head())["plateHits"]
        return [edge["node"] for edge in page["edges"] if edge["node"]["id"] == hit]

    assert [node["reference"] for node in listed("waiting")] == [name]
    early = searched(deputy, input=query(), grounds=grounds(watch_center), hit=hit)
    assert early["result"]["reasons"][0]["code"] == "hit_not_confirmed"
    deputy.accepted(CONFIRM, hit=hit)
    assert listed("waiting") == [] and listed("confirmed")[0]["decidedBy"] == deputy.person
    used = searched(deputy, input=query(), grounds=grounds(watch_center), hit=hit)
    assert used["result"]["__typename"] == "Accepted"
    assert deputy.order('rejectHit(hit: $hit, why: "misread")', hit=hit)["code"] == "wrong_state"


def test_a_hit_is_rejected_with_a_reason_of_the_list(watch_center: WatchCenter) -> None:
    hit, _ = imported(watch_center)
    deputy = watch_center.as_role("watch_operator")
    assert deputy.order('rejectHit(hit: $hit, why: "no")', hit=hit)["field"] == "why"
    deputy.accepted('rejectHit(hit: $hit, why: "misread")', hit=hit)
    assert deputy.order(CONFIRM, hit=hit)["code"] == "wrong_state"
    assert deputy.code(IMPORT, file="reference") == "not_permitted"


@pytest.mark.rule("view.reason_quality")
def test_the_vague_reason_rate_is_counted(watch_center: WatchCenter, reference: ReferenceProvider) -> None:
    deputy, since = watch_center.as_role("watch_operator"), datetime.now(UTC).isoformat()
    for reason in ("investigation", "silver pickup left the burglary at the bakery"):
        searched(deputy, input=query(), grounds=grounds(watch_center, reason=reason))
    (figures,) = watch_center.as_role("city_analyst").ask(
        "query($since: DateTime!, $until: DateTime!, $at: Position) { plateFigures(since: $since, until: $until,"
        " afterPosition: $at) { organisation searches vague vagueRate } }",
        since=since,
        until=(datetime.now(UTC) + timedelta(seconds=1)).isoformat(),
        at=watch_center.head(),
    )["plateFigures"]
    assert (figures["searches"], figures["vague"], figures["vagueRate"]) == (2, 1, 0.5)
