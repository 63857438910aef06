"""Plates: the SB 34 record before any reader is asked, and hits that a person confirms or rejects before use."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.call import CallStanding
from domain.grounds import Grounds, stated
from domain.kernel import (
    CallNumber,
    CaseNumber,
    DisclosureId,
    InvalidValue,
    NotFound,
    Personal,
    PersonId,
    PlateSearchId,
    PolicyVersion,
    WrongState,
)
from domain.plate_search import (
    PLATE_SEARCH,
    AccessRecord,
    Agency,
    AgencyKind,
    ConfirmationRefused,
    Confirmed,
    ConfirmHit,
    HitConfirmed,
    HitRejected,
    HotListHitReceived,
    NoteAnswer,
    NoteFailure,
    Nothing,
    PlateQuery,
    PlateSearched,
    PlateSearchRefused,
    ReceiveHit,
    Refused,
    Rejected,
    RejectHit,
    RejectionReason,
    SearchAnswered,
    Searched,
    SearchFacts,
    SearchFailed,
    SearchPlate,
    Waiting,
    hit_fault,
    plate_of,
)
from domain.policy import (
    PROHIBITED,
    RECORD_ALL_KEEP_30_DAYS,
    RECORD_ON_APPROVAL_KEEP_2_YEARS,
    PolicyInForce,
    PurposeRule,
)
from domain.reason_quality import quality
from tests.domain.scenario import DAY, HOUR, NOW, SECOND, Scenario

given = Scenario(PLATE_SEARCH)
LEE, CALL, SUBJECT = PersonId("lee"), CallNumber("26-17"), "plate-5f1c"
POLICY = PolicyInForce(PolicyVersion(1), RECORD_ALL_KEEP_30_DAYS, "c" * 64, NOW - HOUR)
facts = SearchFacts(CallStanding(CALL, known=True, open=True), POLICY)
grounds = Grounds("call_for_service", "silver pickup left the burglary at the bakery", CALL)
good = quality(grounds.reason, call_known=True)
query = PlateQuery(NOW - HOUR, NOW, "8abc-12?", "CA")
search = SearchPlate(PlateSearchId("p1"), LEE, "lasd_west_hollywood", query, grounds, good, facts, SUBJECT)
access = AccessRecord(NOW, Personal(SUBJECT, "8ABC12?"), "CA", None, NOW - HOUR, NOW, (), LEE, "lasd_west_hollywood")
searched = PlateSearched(access, stated(grounds, good, "platesearch-p1"), None, None, None)
receive = ReceiveHit("readers", "hit-7", "CLETS stolen vehicles", "8ABC123", "CA", "smb-west", NOW - SECOND, SUBJECT)
received = HotListHitReceived(
    "readers", "hit-7", "CLETS stolen vehicles", Personal(SUBJECT, "8ABC123"), "CA", "smb-west", NOW - SECOND
)
confirm = ConfirmHit(LEE, picture_matches=True, entry_stands=True, checked_with="CLETS, by dispatch")
BEVERLY = Agency("Beverly Hills Police Department", AgencyKind.CALIFORNIA_PUBLIC)


def asking(**changed: object) -> SearchPlate:
    return replace(search, grounds=replace(grounds, **changed))  # type: ignore[arg-type]


def querying(**changed: object) -> SearchPlate:
    return replace(search, query=replace(query, **changed))  # type: ignore[arg-type]


# -- searches ----------------------------------------------------------------------


@pytest.mark.rule("plate.record")
def test_a_search_is_an_sb_34_record_date_and_time_query_username_organisation_and_purpose() -> None:
    given().when(search).then(searched)
    assert (access.accessed_at, access.username, access.organisation) == (NOW, LEE, "lasd_west_hollywood")
    assert searched.grounds.purpose == "call_for_service"


def test_other_query_data_is_on_the_record_as_the_plate_is() -> None:
    (made,) = given().when(querying(plate=None, other="silver pickup", readers=("b", "a", "b"))).events()
    assert isinstance(made, PlateSearched)
    assert made.access.plate is None and made.access.other == Personal(SUBJECT, "silver pickup")
    assert made.access.readers == ("a", "b")


def test_a_search_is_for_something_in_a_stretch_of_time() -> None:
    given().when(querying(plate=None)).then_raises(InvalidValue, "plate")
    given().when(querying(plate="??????")).then_raises(InvalidValue, "plate")
    given().when(querying(plate="'; DROP")).then_raises(InvalidValue, "plate")
    given().when(querying(plate_state="California")).then_raises(InvalidValue, "plate_state")
    given().when(querying(seen_until=NOW - HOUR)).then_raises(InvalidValue, "seen_until")
    given().when(querying(seen_from=NOW - 367 * DAY)).then_raises(InvalidValue, "seen_until")
    given().when(querying(seen_from=datetime(2026, 6, 1, 12))).then_raises(InvalidValue, "seen_from")  # noqa: DTZ001


def test_a_mistake_never_tells_the_plate() -> None:
    mistake = given().when(querying(plate="8ABC1234567890")).then_raises(InvalidValue, "plate")
    assert "8ABC" not in f"{mistake.message}{mistake.accepted}"


def test_plates_are_compared_without_what_is_written_between() -> None:
    assert {plate_of("plate", written) for written in ("8ABC123", "8abc 123", " 8-abc-123")} == {"8ABC123"}
    with pytest.raises(InvalidValue):
        plate_of("plate", "8ABC12?")  # what a reader saw has no unknowns


@pytest.mark.rule("plate.record")
def test_purpose_and_case_are_asked_before_a_search() -> None:
    given().when(asking(purpose="")).then_raises(InvalidValue, "purpose")
    given().when(asking(reason="")).then_raises(InvalidValue, "reason")
    given().when(asking(call=None)).then_refused(PlateSearchRefused, "call_or_case_missing")
    by_case = replace(asking(call=None, case=CaseNumber("926-01234")), facts=replace(facts, call=None))
    given().when(by_case).then_types(PlateSearched)
    nobody = replace(search, facts=replace(facts, call=CallStanding(CALL, known=False, open=False)))
    given().when(nobody).then_refused(PlateSearchRefused, "call_unknown")


@pytest.mark.rule("plate.record")
def test_a_refused_search_is_recorded_with_what_was_asked() -> None:
    (refused,) = given().when(asking(call=None)).events()
    assert isinstance(refused, PlateSearchRefused) and refused.access == access
    given(refused).when(NoteAnswer("readers", 1)).then_raises(WrongState)


@pytest.mark.parametrize("purpose", PROHIBITED)
@pytest.mark.parametrize("parameters", [RECORD_ALL_KEEP_30_DAYS, RECORD_ON_APPROVAL_KEEP_2_YEARS])
@pytest.mark.parametrize("agency", [None, BEVERLY])
@pytest.mark.rule("policy.prohibited")
def test_prohibited_purposes_are_refused_for_everybody(purpose: str, parameters: object, agency: Agency | None) -> None:
    policy = replace(POLICY, parameters=parameters)  # type: ignore[arg-type]
    command = replace(asking(purpose=purpose), facts=replace(facts, policy=policy), agency=agency)
    given().when(command).then_refused(PlateSearchRefused, "purpose_prohibited")


def test_a_vague_reason_is_kept_with_its_score_and_does_not_refuse_by_itself() -> None:
    (made,) = given().when(replace(asking(reason="investigation"), quality=quality("investigation"))).events()
    assert isinstance(made, PlateSearched) and made.grounds.quality.vague


@pytest.mark.rule("plate.disclosure")
def test_a_search_for_another_agency_names_its_disclosure() -> None:
    command = replace(asking(purpose="their_robbery_case"), agency=BEVERLY, disclosure=DisclosureId("p1"))
    (made,) = given().when(command).events()
    assert isinstance(made, PlateSearched) and (made.for_agency, made.disclosure) == (BEVERLY.name, "p1")
    (own,) = given().when(replace(search, disclosure=DisclosureId("p1"))).events()
    assert isinstance(own, PlateSearched) and own.disclosure is None
    nameless = replace(command, agency=replace(BEVERLY, name=""))
    given().when(nameless).then_raises(InvalidValue, "agency")
    unknown = replace(command, facts=replace(facts, call=None))
    given().when(unknown).then_refused(PlateSearchRefused, "call_unknown")


@pytest.mark.parametrize("kind", [AgencyKind.OTHER_STATE, AgencyKind.FEDERAL, AgencyKind.PRIVATE])
@pytest.mark.rule("plate.agencies")
def test_plates_are_shared_with_public_agencies_of_california_alone(kind: AgencyKind) -> None:
    command = replace(search, agency=replace(BEVERLY, kind=kind))
    given().when(command).then_refused(PlateSearchRefused, "agency_not_eligible")


def test_how_many_sightings_were_shown_is_recorded_once() -> None:
    answered = SearchAnswered("readers", 3, False, NOW)
    given(searched).when(NoteAnswer("readers", 3)).then(answered)
    given(searched, answered).when(NoteAnswer("readers", 3)).then_raises(WrongState)
    given().when(NoteAnswer("readers", 3)).then_raises(WrongState)


def test_readers_that_did_not_answer_are_recorded_and_may_be_asked_again() -> None:
    failed = SearchFailed("readers", "HTTP 503")
    given(searched).when(NoteFailure("readers", "HTTP 503\n")).then(failed)
    given(searched, failed).when(NoteAnswer("readers", 0)).then_types(SearchAnswered)


def test_a_search_is_made_once() -> None:
    given(searched).when(search).then_raises(WrongState, "search")


# -- hits --------------------------------------------------------------------------


def test_a_hit_is_received_once_however_often_it_is_sent() -> None:
    given().when(receive).then(received)
    for decided in ([], [HitConfirmed(LEE, "CLETS")], [HitRejected(LEE, RejectionReason.MISREAD, None)]):
        given(received, *decided).when(receive).then_nothing()


def test_a_hit_is_well_formed_and_its_reference_does_not_hold_the_plate() -> None:
    given().when(replace(receive, plate="8?BC123")).then_raises(InvalidValue, "plate")
    given().when(replace(receive, reference="2026-8abc-123-7")).then_raises(InvalidValue, "reference")
    given().when(replace(receive, reader="")).then_raises(InvalidValue, "reader")
    given().when(replace(receive, hot_list="")).then_raises(InvalidValue, "hot_list")


@pytest.mark.rule("plate.hit")
def test_a_hit_is_confirmed_by_a_person_before_use() -> None:
    given(received).when(confirm).then(HitConfirmed(LEE, "CLETS, by dispatch"))
    fault = hit_fault(Waiting(received))
    assert fault is not None and fault.code == "hit_not_confirmed"
    assert hit_fault(Confirmed(received)) is None
    unconfirmed = replace(search, hit=PlateSearchId("h1"), facts=replace(facts, hit_fault=fault))
    given().when(unconfirmed).then_refused(PlateSearchRefused, "hit_not_confirmed")
    given().when(replace(search, hit=PlateSearchId("h1"))).then_types(PlateSearched)


@pytest.mark.rule("plate.hit")
def test_a_confirmation_takes_the_picture_and_the_entry() -> None:
    blind = replace(confirm, picture_matches=False, entry_stands=False)
    refused = given(received).when(blind)
    refused.then_refused(ConfirmationRefused, "picture_not_checked", "entry_not_checked")
    given(received, *refused.events()).when(confirm).then_types(HitConfirmed)
    given(received).when(replace(confirm, checked_with="")).then_raises(InvalidValue, "checked_with")


@pytest.mark.rule("plate.hit")
def test_a_rejected_hit_is_not_used() -> None:
    misread = RejectHit(LEE, RejectionReason.MISREAD, "a B, not an 8")
    (rejected,) = given(received).when(misread).events()
    assert rejected == HitRejected(LEE, RejectionReason.MISREAD, Personal(SUBJECT, "a B, not an 8"))
    fault = hit_fault(Rejected(received))
    assert fault is not None and fault.code == "hit_rejected"
    given(received, rejected).when(confirm).then_raises(WrongState, "hit")
    given(received).when(RejectHit(LEE, RejectionReason.OTHER)).then_raises(InvalidValue, "note")
    given(received).when(RejectHit(LEE, RejectionReason.NO_LONGER_LISTED)).then_types(HitRejected)


def test_what_is_no_hit_can_be_neither_confirmed_nor_used() -> None:
    given().when(confirm).then_raises(NotFound, "hit")
    given(searched).when(confirm).then_raises(NotFound, "hit")
    given(searched).when(receive).then_raises(NotFound)
    unknown = hit_fault(Nothing())
    assert unknown is not None and unknown.code == "hit_unknown"


def test_the_same_plate_is_sealed_under_the_subject_of_its_own_search() -> None:
    later = replace(search, subject="plate-77aa")
    (made,) = given().when(later, at=NOW + timedelta(days=1)).events()
    assert isinstance(made, PlateSearched) and made.access.plate == Personal("plate-77aa", "8ABC12?")


# -- limits, and what is kept -----------------------------------------------------------


def test_a_search_covers_at_most_a_leap_year() -> None:
    longest = querying(seen_from=NOW - 366 * DAY)
    given().when(longest).then(replace(searched, access=replace(access, seen_from=NOW - 366 * DAY)))
    mistake = given().when(querying(seen_from=NOW - 366 * DAY - SECOND)).then_raises(InvalidValue, "seen_until")
    assert mistake.accepted == "a time after 'seen_from', at most 366 days later"
    naive = datetime(2026, 6, 1, 12)  # noqa: DTZ001
    given().when(querying(seen_until=naive)).then_raises(InvalidValue, "seen_until")


def test_a_plate_has_two_characters_at_least_and_eight_at_most() -> None:
    for plate in ("AB", "ABCD1234", "A.B", "a·b"):
        assert 2 <= len(plate_of("plate", plate)) <= 8
    assert plate_of("plate", "AB??????", pattern=True) == "AB??????"
    for plate, accepted in (("A", False), ("ABCDE1234", False), ("A???????", True), ("ABCDE123?", True)):
        with pytest.raises(InvalidValue) as refused:
            plate_of("written", plate, pattern=accepted)
        assert refused.value.field == "written"
        unknowns = ", '?' for each that is unknown" if accepted else ""
        assert refused.value.accepted == "2 to 8 letters and digits" + unknowns


@pytest.mark.rule("policy.versions")
def test_a_purpose_that_only_this_policy_names_is_known_under_it() -> None:
    own = (*RECORD_ALL_KEEP_30_DAYS.purposes, PurposeRule("park_patrol", "Patrol of the parks"))
    policy = replace(POLICY, parameters=replace(RECORD_ALL_KEEP_30_DAYS, purposes=own))
    command = asking(purpose="park_patrol")
    given().when(replace(command, facts=replace(facts, policy=policy))).then_types(PlateSearched)
    given().when(command).then_raises(InvalidValue, "purpose")


def test_what_a_search_asks_for_is_well_formed() -> None:
    given().when(querying(readers=("no reader",))).then_raises(InvalidValue, "readers")
    given().when(querying(other="x")).then_raises(InvalidValue, "other")
    given().when(querying(other="x" * 201)).then_raises(InvalidValue, "other")
    given().when(querying(plate_state="ca")).then_raises(InvalidValue, "plate_state")
    given().when(replace(asking(purpose="Not a code"), agency=BEVERLY)).then_raises(InvalidValue, "purpose")
    (made,) = given().when(querying(other="x" * 3, plate_state=None)).events()
    assert made == replace(searched, access=replace(access, other=Personal(SUBJECT, "xxx"), plate_state=None))


def test_a_named_agency_has_a_name_of_some_length() -> None:
    for length in (3, 120):
        command = replace(search, agency=replace(BEVERLY, name="x" * length), disclosure=DisclosureId("p1"))
        given().when(command).then(replace(searched, for_agency="x" * length, disclosure=DisclosureId("p1")))
    for length in (2, 121):
        given().when(replace(search, agency=replace(BEVERLY, name="x" * length))).then_raises(InvalidValue, "agency")


@pytest.mark.rule("plate.disclosure")
def test_another_agency_need_not_name_a_call_and_an_unknown_one_is_refused() -> None:
    own_case = replace(asking(call=None), agency=BEVERLY)
    (made,) = given().when(own_case).events()
    assert isinstance(made, PlateSearched) and made.grounds.reason.subject == "platesearch-p1"
    unknown = replace(facts, call=CallStanding(CALL, known=False, open=False))
    refused = given().when(replace(search, agency=BEVERLY, facts=unknown))
    (why,) = refused.then_refused(PlateSearchRefused, "call_unknown")
    assert why.field == "call"


@pytest.mark.rule("plate.record")
def test_a_refused_search_says_for_whom_it_was_and_on_which_hit_it_rested() -> None:
    federal = replace(search, agency=replace(BEVERLY, kind=AgencyKind.FEDERAL), hit=PlateSearchId("h1"))
    (refused,) = given().when(federal).events()
    assert isinstance(refused, PlateSearchRefused)
    assert (refused.for_agency, refused.hit) == (BEVERLY.name, "h1")
    assert refused.grounds == searched.grounds and refused.access == access
    assert [(why.field, why.rule) for why in refused.reasons] == [("agency", "Civ. Code §1798.90.55(b)")]


@pytest.mark.rule("plate.hit")
def test_a_search_that_rests_on_a_hit_names_it() -> None:
    given().when(replace(search, hit=PlateSearchId("h1"))).then(replace(searched, hit=PlateSearchId("h1")))
    fault = hit_fault(Waiting(received))
    without = replace(search, facts=replace(facts, hit_fault=fault))
    given().when(without).then(searched)


def test_what_the_readers_answered_is_recorded_as_they_answered() -> None:
    given(searched).when(NoteAnswer("readers", 500, cut=True)).then(SearchAnswered("readers", 500, True, NOW))
    for length in (1, 80):
        given(searched).when(NoteAnswer("x" * length, 1)).then_types(SearchAnswered)
        given(searched).when(NoteFailure("x" * length, "HTTP 503")).then(SearchFailed("x" * length, "HTTP 503"))
    for provider in ("", "x" * 81):
        given(searched).when(NoteAnswer(provider, 1)).then_raises(InvalidValue, "provider")
        given(searched).when(NoteFailure(provider, "HTTP 503")).then_raises(InvalidValue, "provider")
    given(received).when(NoteFailure("readers", "HTTP 503")).then_raises(WrongState, "search")


def test_a_hit_has_texts_of_some_length_and_a_time_with_its_zone() -> None:
    for field, shortest, longest in (("provider", 1, 80), ("hot_list", 2, 80)):
        for length in (shortest, longest):
            given().when(replace(receive, **{field: "x" * length})).then_types(HotListHitReceived)  # type: ignore[arg-type]
        for length in (shortest - 1, longest + 1):
            given().when(replace(receive, **{field: "x" * length})).then_raises(InvalidValue, field)  # type: ignore[arg-type]
    given().when(replace(receive, seen_at=NOW.replace(tzinfo=None))).then_raises(InvalidValue, "seen_at")
    given().when(replace(receive, plate_state="California")).then_raises(InvalidValue, "plate_state")
    given().when(replace(receive, reference="no reference")).then_raises(InvalidValue, "reference")
    given().when(replace(receive, plate_state=None)).then(replace(received, plate_state=None))


@pytest.mark.rule("plate.hit")
def test_a_confirmation_that_is_refused_says_by_whom_and_what_was_not_looked_at() -> None:
    for unchecked in ("picture_matches", "entry_stands"):
        (refused,) = given(received).when(replace(confirm, **{unchecked: False})).events()  # type: ignore[arg-type]
        assert isinstance(refused, ConfirmationRefused) and refused.by == LEE
        assert [why.field for why in refused.reasons] == [unchecked]
    for length in (2, 120):
        given(received).when(replace(confirm, checked_with="x" * length)).then(HitConfirmed(LEE, "x" * length))
    for length in (1, 121):
        given(received).when(replace(confirm, checked_with="x" * length)).then_raises(InvalidValue, "checked_with")


def test_a_note_on_a_hit_has_a_length() -> None:
    for length in (3, 300):
        given(received).when(RejectHit(LEE, RejectionReason.OTHER, "x" * length)).then_types(HitRejected)
    for length in (2, 301):
        given(received).when(RejectHit(LEE, RejectionReason.OTHER, "x" * length)).then_raises(InvalidValue, "note")
    given(received).when(RejectHit(LEE, RejectionReason.MISREAD)).then(HitRejected(LEE, RejectionReason.MISREAD, None))


@pytest.mark.rule("plate.hit")
def test_why_a_hit_may_not_be_used_names_the_hit() -> None:
    for state in (Nothing(), Waiting(received), Rejected(received)):
        fault = hit_fault(state)
        assert fault is not None and (fault.field, fault.rule) == ("hit", "a hit is confirmed by a person before use")


def test_what_a_search_and_a_hit_are_follows_from_what_happened() -> None:
    answered = SearchAnswered("readers", 3, False, NOW)
    assert given(searched).state == Searched(searched)
    assert given(searched, answered).state == Searched(searched, answered=True)
    refused = PlateSearchRefused(access, searched.grounds, None, None, ())
    assert given(refused).state == Refused(refused)
    assert given(received).state == Waiting(received)
    assert given(received, HitConfirmed(LEE, "CLETS")).state == Confirmed(received)
    assert given(received, HitRejected(LEE, RejectionReason.MISREAD, None)).state == Rejected(received)
