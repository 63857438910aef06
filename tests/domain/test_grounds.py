"""Why somebody wants to see something: purpose, call or case, reason; and the paper that it rests on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.call import CallStanding
from domain.grounds import (
    OVERSIGHT_REVIEW,
    Grounds,
    StatedGrounds,
    check_grounds,
    grounds_refusals,
    purpose_refusals,
    stated,
    subject_of,
)
from domain.kernel import CallNumber, CaseNumber, InvalidValue, Personal, PolicyVersion, Reason
from domain.legal_basis import BasisKind, LegalBasis, check_legal_basis
from domain.policy import PROHIBITED, RECORD_ALL_KEEP_30_DAYS, PolicyInForce
from domain.reason_quality import quality
from tests.domain.scenario import NOW

CALL, CASE = CallNumber("26-17"), CaseNumber("926-01234")
POLICY = PolicyInForce(PolicyVersion(1), RECORD_ALL_KEEP_30_DAYS, "c" * 64, NOW)
WHY = "which way did the man with the knife run"
grounds = Grounds("call_for_service", WHY, CALL)
open_call = CallStanding(CALL, known=True, open=True)
closed_call = replace(open_call, open=False)


def against(said: Grounds, call: CallStanding | None = open_call, **how: bool) -> list[Reason]:
    return list(grounds_refusals(said, call, POLICY, **how))


def codes(reasons: list[Reason]) -> list[str]:
    assert all(why.message and why.rule for why in reasons)
    return [why.code for why in reasons]


@pytest.mark.rule("view.grounds_first")
def test_grounds_are_a_purpose_and_a_call_or_a_case() -> None:
    assert against(grounds) == []
    assert against(replace(grounds, call=None, case=CASE), None) == []
    (missing,) = against(replace(grounds, call=None), None)
    assert (missing.code, missing.field) == ("call_or_case_missing", "call")
    assert missing.accepted == "the number of a call that dispatch knows, or a case number"


@pytest.mark.rule("view.grounds_first")
def test_a_call_is_one_that_dispatch_knows_and_what_happens_now_belongs_to_an_open_one() -> None:
    for unknown in (None, CallStanding(CALL, known=False, open=False)):
        (why,) = against(grounds, unknown)
        assert (why.code, why.field) == ("call_unknown", "call")
        assert codes(against(replace(grounds, case=CASE), unknown)) == ["call_unknown"]
    assert against(grounds, closed_call) == []
    (closed,) = against(grounds, closed_call, live=True)
    assert (closed.code, closed.field) == ("call_closed", "call")
    assert against(grounds, open_call, live=True) == []


@pytest.mark.parametrize("purpose", ["training", "special_event"])
def test_training_and_special_events_name_an_authorisation_instead(purpose: str) -> None:
    without = Grounds(purpose, WHY)
    (why,) = against(without, None)
    assert (why.code, why.field) == ("authorisation_missing", "authorisation")
    assert codes(against(replace(without, call=CALL))) == ["authorisation_missing"]
    assert against(replace(without, authorisation="event permit 26-31"), None) == []


@pytest.mark.rule("view.auditor")
def test_an_auditor_looks_for_a_review_that_he_names_and_nobody_else_does() -> None:
    review = Grounds(OVERSIGHT_REVIEW, WHY, authorisation="review-week-2026-W23")
    assert against(review, None, oversight=True) == []
    assert codes(against(replace(review, authorisation=None), None, oversight=True)) == ["authorisation_missing"]
    assert codes(against(review, None)) == ["purpose_not_adopted"]
    assert [why.code for why in purpose_refusals(OVERSIGHT_REVIEW, POLICY)] == ["purpose_not_adopted"]


@pytest.mark.parametrize("purpose", PROHIBITED)
@pytest.mark.rule("policy.prohibited")
def test_a_prohibited_purpose_is_refused_also_where_no_policy_is_in_force(purpose: str) -> None:
    for policy in (POLICY, None):
        (why,) = purpose_refusals(purpose, policy, adopted=False)
        assert (why.code, why.field) == ("purpose_prohibited", "purpose")
        assert why.message == f"prohibited for everybody: {PROHIBITED[purpose]}"


def test_a_policy_prohibits_more_than_the_law_does() -> None:
    stricter = replace(POLICY, parameters=replace(RECORD_ALL_KEEP_30_DAYS, prohibited=(*PROHIBITED, "pursuit")))
    (why,) = purpose_refusals("pursuit", stricter)
    assert (why.code, why.message) == ("purpose_prohibited", "prohibited for everybody: pursuit")
    assert list(purpose_refusals("pursuit", POLICY)) == []


def test_without_a_policy_in_force_nobody_looks() -> None:
    assert [why.code for why in grounds_refusals(grounds, open_call, None)] == ["no_policy"]


def test_a_purpose_is_one_of_the_adopted_ones_unless_another_agency_states_it() -> None:
    (why,) = purpose_refusals("homicide_trial", POLICY)
    assert (why.code, why.field) == ("purpose_not_adopted", "purpose")
    assert (why.accepted or "").split(", ") == [rule.code for rule in RECORD_ALL_KEEP_30_DAYS.purposes]
    assert list(purpose_refusals("homicide_trial", POLICY, adopted=False)) == []


@pytest.mark.rule("record.public_sealed")
def test_a_reason_is_sealed_under_its_incident() -> None:
    assert subject_of(replace(grounds, case=CASE), "liveview-v1") == f"call-{CALL}"
    assert subject_of(replace(grounds, call=None, case=CASE), "liveview-v1") == f"case-{CASE}"
    assert subject_of(replace(grounds, call=None), "liveview-v1") == "liveview-v1"
    good = quality(WHY)
    said = replace(grounds, case=CASE, authorisation="permit", reason=f" {WHY} ")
    assert stated(said, good, "liveview-v1") == StatedGrounds(
        "call_for_service", CALL, CASE, "permit", Personal(f"call-{CALL}", WHY), good
    )


def test_what_is_stated_is_well_formed() -> None:
    for changed, field in (
        ({"purpose": "nonsense_purpose"}, "purpose"),
        ({"call": CallNumber("no number")}, "call"),
        ({"case": CaseNumber("no number")}, "case"),
        ({"authorisation": "xx"}, "authorisation"),
        ({"authorisation": "x" * 201}, "authorisation"),
        ({"reason": "xx"}, "reason"),
        ({"reason": "x" * 501}, "reason"),
    ):
        with pytest.raises(InvalidValue) as refused:
            check_grounds(replace(grounds, **changed), POLICY)  # type: ignore[arg-type]
        assert refused.value.field == field
    for reason in ("xxx", "x" * 500):
        check_grounds(replace(grounds, reason=reason, case=CASE, authorisation="xxx"), POLICY)
        assert stated(replace(grounds, reason=reason), quality(reason), "s").reason == Personal(f"call-{CALL}", reason)
    for reason in ("xx", "x" * 501):
        with pytest.raises(InvalidValue) as refused:
            stated(replace(grounds, reason=reason), quality(reason), "s")
        assert refused.value.field == "reason"
    check_grounds(Grounds(OVERSIGHT_REVIEW, WHY), POLICY)


# -- the paper ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [BasisKind.WARRANT, BasisKind.SUBPOENA, BasisKind.COURT_ORDER])
@pytest.mark.rule("leaving.legal_basis")
def test_a_paper_is_told_by_its_number_and_who_issued_it(kind: BasisKind) -> None:
    paper = LegalBasis(kind, "26-SW-118", "Superior Court")
    assert check_legal_basis(replace(paper, issuer=" Superior Court ")) == paper
    for missing in ("number", "issuer"):
        mistake = refused_basis(replace(paper, **{missing: None}))
        assert (mistake.field, mistake.accepted) == (f"legal_basis.{missing}", "as the paper says")
        assert kind.replace("_", " ") in mistake.message


@pytest.mark.rule("leaving.legal_basis")
def test_a_consent_is_named_by_its_form_and_exigency_by_no_paper() -> None:
    consent, exigency = LegalBasis(BasisKind.CONSENT, "form-12"), LegalBasis(BasisKind.EXIGENCY)
    assert (check_legal_basis(consent), check_legal_basis(exigency)) == (consent, exigency)
    for wrong in (
        LegalBasis(BasisKind.CONSENT),
        replace(consent, issuer="Ana"),
        replace(exigency, number="1"),
        replace(exigency, issuer="Superior Court"),
    ):
        assert refused_basis(wrong).field == "legal_basis.number"


def test_a_paper_has_a_number_and_an_issuer_that_can_be_read() -> None:
    paper = LegalBasis(BasisKind.WARRANT, "26-SW-118", "Superior Court")
    assert refused_basis(replace(paper, number="no number")).field == "legal_basis.number"
    for length in (2, 120):
        assert check_legal_basis(replace(paper, issuer="x" * length)).issuer == "x" * length
    for length in (1, 121):
        assert refused_basis(replace(paper, issuer="x" * length)).field == "legal_basis.issuer"
    with pytest.raises(InvalidValue) as elsewhere:
        check_legal_basis(replace(paper, number=None), "grounds.basis")
    assert elsewhere.value.field == "grounds.basis.number"


def refused_basis(basis: LegalBasis) -> InvalidValue:
    with pytest.raises(InvalidValue) as refused:
        check_legal_basis(basis)
    return refused.value
