"""Exports and disclosures: nobody approves their own, and what leaves is what was approved."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain import disclosure
from domain.disclosure import (
    DISCLOSURE,
    DecisionRefused,
    DisclosureMade,
    DisclosureRefused,
    DisclosureRequested,
    DisclosureReviewed,
    MakeDisclosure,
    RefuseDisclosure,
    RequestDisclosure,
    ReviewAwaited,
    ReviewDisclosure,
    ReviewRefused,
)
from domain.export import (
    EXPORT,
    ApprovalRefused,
    Approved,
    ApproveExport,
    Delivered,
    DeliverExport,
    DownloadExport,
    ExportApproved,
    ExportCategorised,
    ExportDelivered,
    ExportDownloaded,
    Exported,
    ExportFacts,
    ExportRefused,
    ExportRequested,
    FootageExported,
    GiveUpExport,
    RecordExport,
    Refused,
    RefuseExport,
    RequestExport,
    Waiting,
)
from domain.flight_events import RecordCategory
from domain.grounds import stated
from domain.kernel import (
    DisclosureId,
    ExportId,
    InvalidValue,
    NotFound,
    Personal,
    PersonId,
    Reason,
    StreamId,
    WrongState,
)
from domain.legal_basis import BasisKind, LegalBasis
from domain.policy import PROHIBITED, PurposeRule
from domain.privacy_override_events import Range
from domain.review_events import AccessVerdict
from tests.domain.scenario import DAY, NOW, SECOND, Scenario
from tests.domain.video import ANA, CLOSED_CALL, FOOTAGE, GOOD, GROUNDS, LEE, POLICY, STANDING, WHOLE, part

given = Scenario(EXPORT)
AUDREY = PersonId("audrey")
COURT = "Superior Court, Department 30"
facts = ExportFacts(STANDING, CLOSED_CALL, POLICY)
WARRANT = LegalBasis(BasisKind.WARRANT, "26-SW-118", "Superior Court")
request = RequestExport(ExportId("e1"), LEE, COURT, WARRANT, GROUNDS, GOOD, facts)
requested = ExportRequested(FOOTAGE, WHOLE, COURT, True, None, LEE, stated(GROUNDS, GOOD, "export-e1"), WARRANT)
categorised = ExportCategorised(RecordCategory.INVESTIGATORY_FILE, ANA, "it is of an open robbery")
approved = ExportApproved(ANA)
exported = FootageExported(FOOTAGE, "f" * 64, 1234, True)
approve = ApproveExport(ANA, STANDING, RecordCategory.INVESTIGATORY_FILE, "it is of an open robbery")


@pytest.mark.rule("leaving.two_people")
def test_an_export_waits_for_a_second_person() -> None:
    given().when(request).then(requested)
    given(requested).when(approve).then(categorised, approved)
    given(requested).when(RecordExport("f" * 64, 1234, True, current=True)).then_raises(WrongState)
    given().when(approve).then_raises(NotFound, "export")


@pytest.mark.rule("leaving.two_people")
def test_approver_is_not_requester_of_an_export() -> None:
    given(requested).when(replace(approve, by=LEE)).then_refused(ApprovalRefused, "same_person")
    waits = given(requested).and_when(replace(approve, by=LEE))
    waits.when(approve).then(categorised, approved)


@pytest.mark.rule("leaving.two_people")
def test_the_refusal_of_an_export_is_recorded() -> None:
    given(requested).when(RefuseExport(ANA, "a still is enough")).then_refused(ExportRefused, "refused_by_person")
    given().when(replace(request, grounds=replace(GROUNDS, call=None))).then_refused(
        ExportRefused, "call_or_case_missing"
    )
    gone = Reason("footage_destroyed", "gone", "only what is kept can be seen")
    given(requested).when(replace(approve, footage=replace(STANDING, fault=gone))).then_refused(
        ExportRefused, "footage_destroyed"
    )


@pytest.mark.parametrize("purpose", PROHIBITED)
@pytest.mark.rule("policy.prohibited")
def test_prohibited_purposes_are_refused_for_exports_and_disclosures_too(purpose: str) -> None:
    grounds = replace(GROUNDS, purpose=purpose)
    given().when(replace(request, grounds=grounds)).then_refused(ExportRefused, "purpose_prohibited")
    told.when(replace(ask, grounds=grounds)).then_refused(DisclosureRefused, "purpose_prohibited")


@pytest.mark.rule("leaving.as_approved")
def test_what_leaves_is_what_was_approved() -> None:
    made = given(requested, approved)
    made.when(RecordExport("f" * 64, 1234, True, current=True)).then(exported)
    made.when(RecordExport("f" * 64, 1234, False)).then_raises(InvalidValue, "masked")
    made.when(RecordExport("nonsense", 1234, True, current=True)).then_raises(InvalidValue, "file_sha256")
    unmasked = replace(request, override=StreamId("override-1"), range=part(5, 9))
    event = replace(requested, masked=False, override=StreamId("override-1"), range=part(5, 9))
    given().when(unmasked).then(event)
    given().when(replace(request, range=part(-1, 4))).then_raises(InvalidValue, "range")


@pytest.mark.rule("view.masked")
def test_an_unmasked_file_is_approved_and_made_only_while_its_override_is_in_effect() -> None:
    unmasked = given(replace(requested, masked=False, override=StreamId("override-1")))
    over, lifted = replace(approve, lifted=False), replace(approve, lifted=True)
    unmasked.when(over).then_refused(ExportRefused, "override_over")
    unmasked.when(lifted).then(categorised, approved)
    file = RecordExport("f" * 64, 1234, masked=False)
    unmasked.and_when(lifted).when(file).then_raises(WrongState, "masked")
    unmasked.and_when(lifted).when(replace(file, lifted=True)).then(replace(exported, masked=False))


@pytest.mark.rule("view.masked")
def test_a_file_under_masks_that_were_changed_meanwhile_is_none() -> None:
    file = RecordExport("f" * 64, 1234, True)
    given(requested, approved).when(file).then_raises(WrongState, "masks")
    given(requested, approved).when(replace(file, current=True)).then(exported)


@pytest.mark.rule("leaving.as_approved")
def test_a_delivery_names_who_got_it_and_how() -> None:
    deliver = DeliverExport(LEE, "evidence portal")
    given(requested, approved, exported).when(deliver).then(ExportDelivered(COURT, LEE, "evidence portal"))
    given(requested, approved).when(deliver).then_raises(WrongState)


@pytest.mark.rule("leaving.legal_basis")
def test_a_file_is_asked_for_on_a_legal_basis_that_is_named() -> None:
    given().when(replace(request, legal_basis=LegalBasis(BasisKind.WARRANT))).then_raises(
        InvalidValue, "legal_basis.number"
    )
    consent = LegalBasis(BasisKind.CONSENT, "C-118")
    given().when(replace(request, legal_basis=consent)).then(replace(requested, legal_basis=consent))


@pytest.mark.rule("leaving.public_record")
def test_who_approves_a_file_decides_what_it_is_to_the_public_records_act() -> None:
    for category in RecordCategory:
        decided = replace(categorised, category=category)
        given(requested).when(replace(approve, category=category)).then(decided, approved)
    given(requested).when(replace(approve, by=LEE)).then_refused(ApprovalRefused, "same_person")


GONE = Reason("footage_destroyed", "its key is destroyed", "only what is kept can be seen")


@pytest.mark.rule("leaving.as_approved")
def test_what_was_approved_and_cannot_be_made_is_refused_with_the_reason() -> None:
    story = given(requested, approved).and_when(GiveUpExport(GONE))
    assert story.happened[-1] == ExportRefused(None, (GONE,))
    assert story.state == Refused(requested)
    given(requested).when(GiveUpExport(GONE)).then_raises(WrongState)


@pytest.mark.rule("leaving.as_approved")
def test_each_time_a_file_is_taken_out_is_recorded() -> None:
    taken = ExportDownloaded("f" * 64, 1234, ANA)
    made, delivered = (requested, approved, exported), ExportDelivered(COURT, LEE, "evidence portal")
    given(*made).when(DownloadExport(ANA)).then(taken)
    given(*made, taken, delivered).when(DownloadExport(ANA)).then(taken)
    assert given(*made, taken).state == Exported(requested, exported)
    given(requested, approved).when(DownloadExport(ANA)).then_raises(WrongState, "export")


# -- disclosures -------------------------------------------------------------------

told = Scenario(DISCLOSURE)()
AGENCY, WHAT = "Culver City Police Department", StreamId(f"footage-{FOOTAGE}")
ask = RequestDisclosure(DisclosureId("d1"), WHAT, AGENCY, WARRANT, GROUNDS, GOOD, LEE, CLOSED_CALL, POLICY)
asked = DisclosureRequested(WHAT, AGENCY, WARRANT, stated(GROUNDS, GOOD, "disclosure-d1"), LEE)
after = Scenario(DISCLOSURE)(asked)


made = DisclosureMade(WHAT, AGENCY, ExportId("e1"), ANA)
awaited = ReviewAwaited(NOW + POLICY.parameters.audit_review_days * DAY)
handed_over = Scenario(DISCLOSURE)(asked, made, awaited)
look_into = ReviewDisclosure(DisclosureId("d1"), AccessVerdict.PROPER, "", AUDREY)


@pytest.mark.rule("leaving.legal_basis")
def test_a_disclosure_names_the_agency_and_its_legal_basis() -> None:
    told.when(ask).then(asked)
    told.when(replace(ask, recipient="")).then_raises(InvalidValue, "recipient")
    told.when(replace(ask, legal_basis=LegalBasis(BasisKind.WARRANT))).then_raises(InvalidValue, "legal_basis.number")
    told.when(replace(ask, call=None)).then_refused(DisclosureRefused, "call_unknown")


def test_the_purpose_of_another_agency_need_not_be_ours() -> None:
    told.when(replace(ask, grounds=replace(GROUNDS, purpose="homicide_trial"))).then_types(DisclosureRequested)


@pytest.mark.rule("leaving.two_people")
def test_who_put_a_disclosure_on_the_record_does_not_decide_on_it() -> None:
    after.when(MakeDisclosure(LEE, POLICY)).then_refused(DecisionRefused, "same_person")
    after.when(MakeDisclosure(ANA, POLICY, ExportId("e1"))).then(made, awaited)


def test_a_purpose_prohibited_since_is_not_disclosed_for() -> None:
    stricter = replace(POLICY, parameters=replace(POLICY.parameters, prohibited=("call_for_service",)))
    after.when(MakeDisclosure(ANA, stricter)).then_refused(DisclosureRefused, "purpose_prohibited")


def test_a_disclosure_is_decided_once() -> None:
    refused = after.and_when(RefuseDisclosure(ANA, "the paper is of another county"))
    assert isinstance(refused.happened[-1], DisclosureRefused)
    refused.when(MakeDisclosure(ANA, POLICY)).then_raises(WrongState)
    told.when(MakeDisclosure(ANA, POLICY)).then_raises(NotFound, "disclosure")


# -- their review ------------------------------------------------------------------


@pytest.mark.rule("oversight.disclosures")
def test_what_was_disclosed_is_reviewed_by_oversight_within_the_days_of_the_policy() -> None:
    reviewed = DisclosureReviewed(AccessVerdict.PROPER, None, False, AUDREY)
    handed_over.when(look_into, awaited.review_by).then(reviewed)
    handed_over.when(look_into, awaited.review_by + SECOND).then(replace(reviewed, late=True))
    handed_over.and_when(look_into).when(look_into).then_raises(WrongState, "disclosure")


@pytest.mark.rule("oversight.disclosures")
def test_a_review_that_finds_something_says_what_and_its_words_are_sealed() -> None:
    wrong = replace(look_into, verdict=AccessVerdict.IMPROPER)
    handed_over.when(wrong).then_raises(InvalidValue, "note")
    said = "the warrant names another address"
    sealed = Personal("disclosure-d1", said)
    handed_over.when(replace(wrong, note=said)).then(DisclosureReviewed(AccessVerdict.IMPROPER, sealed, False, AUDREY))


@pytest.mark.rule("oversight.disclosures")
def test_nobody_reviews_a_disclosure_that_they_had_a_part_in() -> None:
    for person in (LEE, ANA):
        handed_over.when(replace(look_into, by=person)).then_refused(ReviewRefused, "own_disclosure")


@pytest.mark.rule("oversight.disclosures")
def test_only_what_was_made_is_reviewed() -> None:
    told.when(look_into).then_raises(NotFound, "disclosure")
    after.when(look_into).then_raises(WrongState, "disclosure")
    after.and_when(RefuseDisclosure(ANA, "the paper is of another county")).when(look_into).then_raises(WrongState)


# -- who was refused, and the limits -------------------------------------------------


@pytest.mark.rule("record.refusals")
def test_a_refusal_says_by_whom_and_for_what() -> None:
    (by_rule,) = given(requested).when(replace(approve, by=LEE)).events()
    assert isinstance(by_rule, ApprovalRefused) and by_rule.by == LEE
    (by_person,) = given(requested).when(RefuseExport(ANA, "a still is enough")).events()
    reason = Reason("refused_by_person", "a still is enough", "a second person decides")
    assert by_person == ExportRefused(ANA, (reason,))
    said = "the paper is of another county"
    after.when(RefuseDisclosure(ANA, said)).then(DisclosureRefused(WHAT, AGENCY, ANA, (replace(reason, message=said),)))
    (decision,) = after.when(MakeDisclosure(LEE, POLICY)).events()
    assert isinstance(decision, DecisionRefused) and decision.by == LEE
    (review,) = handed_over.when(replace(look_into, by=ANA)).events()
    assert isinstance(review, ReviewRefused) and review.by == ANA
    assert review.reasons[0].field == "disclosure"


@pytest.mark.rule("leaving.legal_basis")
def test_a_request_that_a_rule_refuses_is_recorded_with_what_was_asked() -> None:
    grounds = replace(GROUNDS, call=None)
    asked_for, refused = given().when(replace(request, grounds=grounds)).events()
    assert asked_for == replace(requested, grounds=stated(grounds, GOOD, "export-e1"))
    assert isinstance(refused, ExportRefused) and refused.refused_by is None
    first, no = told.when(replace(ask, call=None)).events()
    assert first == asked
    assert isinstance(no, DisclosureRefused)
    assert (no.what, no.recipient, no.refused_by) == (WHAT, AGENCY, None)
    assert [why.field for why in no.reasons] == ["call"]
    unknown = replace(ask, call=replace(CLOSED_CALL, known=False))
    told.when(unknown).then_refused(DisclosureRefused, "call_unknown")
    told.when(replace(ask, call=None, grounds=grounds)).then(
        replace(asked, grounds=stated(grounds, GOOD, "disclosure-d1"))
    )
    prohibited = replace(ask, call=None, grounds=replace(GROUNDS, purpose="face_recognition"))
    told.when(prohibited).then_refused(DisclosureRefused, "purpose_prohibited", "call_unknown")


def test_footage_that_is_gone_is_not_exported_and_every_reason_is_given() -> None:
    gone = Reason("footage_destroyed", "gone", "only what is kept can be seen")
    without = replace(facts, footage=replace(STANDING, fault=gone))
    given().when(replace(request, facts=without)).then_refused(ExportRefused, "footage_destroyed")
    both = replace(request, facts=without, grounds=replace(GROUNDS, call=None))
    given().when(both).then_refused(ExportRefused, "call_or_case_missing", "footage_destroyed")
    (refused,) = given(requested).when(replace(approve, footage=replace(STANDING, fault=gone))).events()
    assert refused == ExportRefused(None, (gone,))


@pytest.mark.rule("policy.versions")
def test_a_purpose_that_only_this_policy_names_is_known_under_it() -> None:
    own = (*POLICY.parameters.purposes, PurposeRule("park_patrol", "Patrol of the parks"))
    policy = replace(POLICY, parameters=replace(POLICY.parameters, purposes=own))
    command = replace(request, grounds=replace(GROUNDS, purpose="park_patrol"))
    given().when(replace(command, facts=replace(facts, policy=policy))).then_types(ExportRequested)
    given().when(command).then_raises(InvalidValue, "purpose")


def test_of_footage_whose_range_is_not_known_any_range_may_be_asked_for() -> None:
    unknown = replace(facts, footage=replace(STANDING, range=None))
    given().when(replace(request, facts=unknown)).then(replace(requested, range=Range(NOW, NOW)))
    given().when(replace(request, facts=unknown, range=part(-1, 4))).then(replace(requested, range=part(-1, 4)))
    given().when(replace(request, range=part(4, 4))).then_raises(InvalidValue, "range")
    given().when(replace(request, range=WHOLE)).then(requested)
    given().when(replace(request, grounds=replace(GROUNDS, reason=""))).then_raises(InvalidValue, "reason")


@pytest.mark.rule("leaving.as_approved")
def test_a_file_that_was_made_holds_something() -> None:
    story = given(requested, approved)
    story.when(RecordExport("f" * 64, 1, True, current=True)).then(replace(exported, size_bytes=1))
    story.when(RecordExport("f" * 64, 0, True, current=True)).then_raises(InvalidValue, "size_bytes")
    unmasked = given(replace(requested, masked=False), approved)
    assert story.when(RecordExport("f" * 64, 1, False)).then_raises(InvalidValue).accepted == "true"
    assert unmasked.when(RecordExport("f" * 64, 1, True, current=True)).then_raises(InvalidValue).accepted == "false"


def test_what_is_said_of_an_export_and_a_disclosure_has_a_length() -> None:
    for length in (3, 120):
        assert given().when(replace(request, recipient="x" * length)).events()
        assert told.when(replace(ask, recipient="x" * length)).events()
    for length in (2, 121):
        given().when(replace(request, recipient="x" * length)).then_raises(InvalidValue, "recipient")
        told.when(replace(ask, recipient="x" * length)).then_raises(InvalidValue, "recipient")
    for length in (3, 300):
        assert given(requested).when(RefuseExport(ANA, "x" * length)).events()
        assert after.when(RefuseDisclosure(ANA, "x" * length)).events()
    for length in (2, 301):
        given(requested).when(RefuseExport(ANA, "x" * length)).then_raises(InvalidValue, "reason")
        after.when(RefuseDisclosure(ANA, "x" * length)).then_raises(InvalidValue, "reason")
    for length in (3, 200):
        assert given(requested, approved, exported).when(DeliverExport(LEE, "x" * length)).events()
    for length in (2, 201):
        given(requested, approved, exported).when(DeliverExport(LEE, "x" * length)).then_raises(InvalidValue, "method")
    for length in (3, 300):
        assert given(requested).when(replace(approve, why="x" * length)).events()
    for length in (2, 301):
        given(requested).when(replace(approve, why="x" * length)).then_raises(InvalidValue, "reason")
    assert handed_over.when(replace(look_into, note="x" * 2000)).events()
    handed_over.when(replace(look_into, note="x" * 2001)).then_raises(InvalidValue, "note")
    told.when(replace(ask, grounds=replace(GROUNDS, purpose="Not a code"))).then_raises(InvalidValue, "purpose")


@pytest.mark.rule("leaving.as_approved")
def test_an_export_is_at_one_point_at_a_time() -> None:
    delivered = ExportDelivered(COURT, LEE, "evidence portal")
    refused = ExportRefused(ANA, ())
    file, never = RecordExport("f" * 64, 1234, True, current=True), GiveUpExport(GONE)
    steps = (approve, RefuseExport(ANA, "no need"), file, never, DeliverExport(LEE, "portal"))
    for happened in ((requested, refused), (requested, approved, exported, delivered)):
        for step in steps:
            given(*happened).when(step).then_raises(WrongState, "export")
    given(requested, approved, exported).when(approve).then_raises(WrongState, "export")
    given(requested).when(request).then_raises(WrongState, "export")
    assert given(requested).state == Waiting(requested)
    assert given(requested, approved).state == Approved(requested, ANA)
    assert given(requested, categorised).state == Waiting(requested, categorised)
    assert given(requested, categorised, approved).state == Approved(requested, ANA, categorised)
    assert given(requested, refused).state == Refused(requested)
    assert given(requested, approved, exported).state == Exported(requested, exported)
    assert given(requested, approved, exported, delivered).state == Delivered(requested, exported)


@pytest.mark.rule("oversight.disclosures")
def test_a_disclosure_is_at_one_point_at_a_time() -> None:
    reviewed = DisclosureReviewed(AccessVerdict.PROPER, None, False, AUDREY)
    assert after.state == disclosure.Waiting(asked)
    assert Scenario(DISCLOSURE)(asked, made).state == disclosure.Made(asked, ANA)
    assert handed_over.state == disclosure.Made(asked, ANA, awaited.review_by)
    assert Scenario(DISCLOSURE)(asked, made, awaited, reviewed).state == disclosure.Decided(asked)
    assert Scenario(DISCLOSURE)(asked, DisclosureRefused(WHAT, AGENCY, ANA, ())).state == disclosure.Decided(asked)
    after.when(ask).then_raises(WrongState, "disclosure")
    # Made before reviews had a deadline: it is reviewed all the same, and never late.
    Scenario(DISCLOSURE)(asked, made).when(look_into, NOW + 400 * DAY).then(reviewed)


def test_a_purpose_prohibited_since_is_refused_by_rule_and_said_to_whom() -> None:
    stricter = replace(POLICY, parameters=replace(POLICY.parameters, prohibited=("call_for_service",)))
    (no,) = after.when(MakeDisclosure(ANA, stricter)).events()
    assert isinstance(no, DisclosureRefused) and (no.what, no.recipient, no.refused_by) == (WHAT, AGENCY, None)
    elsewhere = Scenario(DISCLOSURE)(replace(asked, grounds=replace(asked.grounds, purpose="homicide_trial")))
    elsewhere.when(MakeDisclosure(ANA, POLICY, ExportId("e1"))).then(made, awaited)


@pytest.mark.rule("oversight.disclosures")
def test_a_refused_decision_or_review_of_a_disclosure_changes_nothing() -> None:
    for story, refused in ((after, DecisionRefused(LEE, ())), (handed_over, ReviewRefused(ANA, ()))):
        assert Scenario(DISCLOSURE)(*story.happened, refused).state == story.state
    assert given(requested, ApprovalRefused(LEE, ())).state == given(requested).state
