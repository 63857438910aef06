"""Privacy overrides: two people, an hour at most, every use on the record; break-glass; and the review of all."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain import privacy_override
from domain.kernel import (
    CallNumber,
    CaseNumber,
    FlightId,
    InvalidValue,
    NotFound,
    Personal,
    PersonId,
    PolicyVersion,
    StreamId,
    WrongState,
)
from domain.legal_basis import BasisKind, LegalBasis
from domain.person import PersonStanding, Role
from domain.policy import (
    PROHIBITED,
    RECORD_ALL_KEEP_30_DAYS,
    RECORD_ON_APPROVAL_KEEP_2_YEARS,
    PolicyInForce,
    PurposeRule,
)
from domain.privacy_override import (
    OVERRIDE,
    ApproveOverride,
    ExpireOverride,
    Grant,
    InvokeEmergency,
    JustifyOverride,
    OverridePlan,
    OverrideStanding,
    RefuseOverride,
    RequestOverride,
    ReviewOverride,
    UseOverride,
    override_standing,
)
from domain.privacy_override_events import (
    ApprovalRefused,
    EmergencyOverrideInvoked,
    OverrideApproved,
    OverrideExpired,
    OverrideJustified,
    OverrideRefused,
    OverrideRequested,
    OverrideReviewed,
    OverrideUsed,
    Range,
    ReviewRefused,
    Verdict,
)
from tests.domain.scenario import DAY, HOUR, MINUTE, NOW, SECOND, Scenario

given = Scenario(OVERRIDE)
LEE, CRUZ, AUDITOR = PersonId("lee"), PersonId("cruz"), PersonId("audrey")
FLIGHT = FlightId("f1")
POOL, THROUGH = StreamId("zone-pool"), StreamId("flight-f1")
POLICY = PolicyInForce(PolicyVersion(1), RECORD_ALL_KEEP_30_DAYS, "0" * 64, NOW - DAY)
RANGE = Range(NOW, NOW + HOUR)
WARRANT = LegalBasis(BasisKind.WARRANT, "26-SW-0417", "Superior Court of Los Angeles")
PLAN = OverridePlan("o1", POOL, RANGE, "call_for_service", 30, call=CallNumber("26-1"), flight=FLIGHT)
REASON, THREAT = "a burglar went over the pool's wall", "a child is in the water and cannot swim"
WHY = "the child was in the water, and the zone hid the pool from above"
SERGEANT = PersonStanding(
    CRUZ, True, roles=frozenset({Role.WATCH_SUPERVISOR}), trained=True
)  # fmt: skip

request = RequestOverride(PLAN, WARRANT, REASON, LEE, POLICY)
invoke = InvokeEmergency(PLAN, THREAT, LEE, POLICY)
approve = ApproveOverride(SERGEANT, POLICY)
use = UseOverride(POOL, THROUGH, RANGE, LEE)
justify = JustifyOverride(WHY, LegalBasis(BasisKind.EXIGENCY), LEE)
review = ReviewOverride(Verdict.IN_ORDER, "used once, for the call it names", AUDITOR)


def sealed(text: str) -> Personal[str]:
    return Personal("call-26-1", text)


requested = OverrideRequested(
    POOL,
    FLIGHT,
    RANGE,
    WARRANT,
    "call_for_service",
    CallNumber("26-1"),
    None,
    sealed(REASON),
    30,
    LEE,
    NOW + HOUR,
)
END = NOW + 30 * MINUTE
approved = OverrideApproved(CRUZ, END, NOW + 72 * HOUR)
invoked = EmergencyOverrideInvoked(
    POOL,
    FLIGHT,
    RANGE,
    sealed(THREAT),
    "call_for_service",
    CallNumber("26-1"),
    None,
    LEE,
    END,
    NOW + 24 * HOUR,
    NOW + 72 * HOUR,
)
used = OverrideUsed(THROUGH, RANGE, LEE, 1)
expired = OverrideExpired(END, 0)


@pytest.mark.rule("override.request")
def test_a_request_names_target_range_legal_basis_reason_and_expiry() -> None:
    given().when(request).then(requested)


@pytest.mark.parametrize("target", ["person-lee", "zone-", "pool", "policy-use"])
def test_only_what_is_protected_can_be_the_target(target: str) -> None:
    given().when(replace(request, plan=replace(PLAN, target=StreamId(target)))).then_raises(InvalidValue, "target")


@pytest.mark.parametrize("until", [NOW, NOW - SECOND, NOW + DAY + SECOND])
def test_a_range_has_an_end_after_its_beginning(until: datetime) -> None:
    given().when(replace(request, plan=replace(PLAN, range=Range(NOW, until)))).then_raises(InvalidValue, "range.until")


def test_times_of_a_range_have_a_time_zone() -> None:
    naive = Range(NOW.replace(tzinfo=None), NOW)
    given().when(replace(request, plan=replace(PLAN, range=naive))).then_raises(InvalidValue, "range.since")


@pytest.mark.parametrize(
    ("basis", "field"),
    [
        (LegalBasis(BasisKind.WARRANT, None, "Superior Court"), "legal_basis.number"),
        (LegalBasis(BasisKind.SUBPOENA, "1"), "legal_basis.issuer"),
        (LegalBasis(BasisKind.COURT_ORDER, "1", " "), "legal_basis.issuer"),
        (LegalBasis(BasisKind.CONSENT), "legal_basis.number"),
        (LegalBasis(BasisKind.CONSENT, "F-7", "Ana Pérez"), "legal_basis.number"),
        (LegalBasis(BasisKind.EXIGENCY, "1"), "legal_basis.number"),
    ],
)
@pytest.mark.rule("override.request")
def test_a_legal_basis_is_told_by_its_paper(basis: LegalBasis, field: str) -> None:
    given().when(replace(request, legal_basis=basis)).then_raises(InvalidValue, field)


@pytest.mark.parametrize("reason", ["", "because", "x" * 501])
def test_a_request_gives_a_reason(reason: str) -> None:
    given().when(replace(request, reason=reason)).then_raises(InvalidValue, "reason")


@pytest.mark.parametrize("purpose", PROHIBITED)
@pytest.mark.rule("policy.prohibited")
def test_prohibited_purposes_are_refused_for_an_override_whatever_the_role(purpose: str) -> None:
    plan = replace(PLAN, purpose=purpose)
    given().when(replace(request, plan=plan)).then_refused(OverrideRefused, "purpose_prohibited")
    given().when(replace(invoke, plan=plan)).then_refused(OverrideRefused, "purpose_prohibited")


@pytest.mark.rule("override.an_hour")
def test_an_override_expires_after_at_most_60_minutes() -> None:
    given().when(replace(request, plan=replace(PLAN, minutes=61))).then_refused(OverrideRefused, "too_long")
    given().when(replace(request, plan=replace(PLAN, minutes=60))).then_types(OverrideRequested)
    (emergency,) = given().when(replace(invoke, plan=replace(PLAN, minutes=600))).events()
    assert isinstance(emergency, EmergencyOverrideInvoked) and emergency.expires_at == NOW + HOUR


@pytest.mark.rule("override.an_hour")
def test_a_policy_may_allow_less_and_binds_when_the_override_is_approved() -> None:
    strict = replace(POLICY, parameters=replace(RECORD_ON_APPROVAL_KEEP_2_YEARS, override_max_minutes=10))
    given().when(replace(request, policy=strict)).then_refused(OverrideRefused, "too_long")
    given(requested).when(replace(approve, policy=strict)).then(replace(approved, expires_at=NOW + 10 * MINUTE))


@pytest.mark.rule("override.request")
def test_every_reason_against_an_override_is_given_at_once() -> None:
    plan = replace(PLAN, minutes=90, purpose="face_recognition")
    asked = given().when(replace(request, plan=plan, call_known=False))
    asked.then_refused(OverrideRefused, "purpose_prohibited", "call_unknown", "too_long")
    asked = given().when(replace(request, plan=replace(PLAN, call=None)))
    asked.then_refused(OverrideRefused, "call_or_case_missing")


def test_an_override_is_asked_for_once() -> None:
    given(requested).when(request).then_raises(WrongState, "override")
    given(requested).when(invoke).then_raises(WrongState, "override")


# -- two people --------------------------------------------------------------


def test_a_second_person_approves_and_it_is_in_effect_until_its_time() -> None:
    given(requested).when(approve).then(approved)
    state = given(requested, approved).state
    assert override_standing(state, END - SECOND).active
    assert not override_standing(state, END).active
    assert not override_standing(given(requested).state, NOW).active
    assert not override_standing(given().state, NOW).active


@pytest.mark.rule("override.two_people")
def test_the_approver_is_not_the_requester() -> None:
    asked = given(requested).when(replace(approve, by=replace(SERGEANT, person=LEE)))
    asked.then_refused(ApprovalRefused, "same_person")
    given(requested).and_when(replace(approve, by=replace(SERGEANT, person=LEE))).when(approve).then(approved)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.WATCH_SUPERVISOR])
@pytest.mark.rule("override.two_people")
def test_the_approver_is_of_a_role_that_may(role: Role) -> None:
    asked = given(requested).when(replace(approve, by=replace(SERGEANT, roles=frozenset({role}))))
    asked.then_refused(ApprovalRefused, "role_cannot_approve")


@pytest.mark.rule("override.two_people")
def test_who_is_suspended_approves_nothing() -> None:
    asked = given(requested).when(replace(approve, by=replace(SERGEANT, suspended=True)))
    asked.then_refused(ApprovalRefused, "suspended")


@pytest.mark.rule("override.two_people")
def test_a_second_person_refuses_with_a_reason() -> None:
    given(requested).when(RefuseOverride(CRUZ, "the warrant is for next door")).then_refused(
        OverrideRefused, "declined"
    )
    given(requested).when(RefuseOverride(CRUZ, " ")).then_raises(InvalidValue, "reason")


@pytest.mark.parametrize("command", [approve, RefuseOverride(CRUZ, "no ground")])
def test_a_request_is_answered_once(command: ApproveOverride | RefuseOverride) -> None:
    given(requested, approved).when(command).then_raises(WrongState, "override")
    refused = given(requested).and_when(RefuseOverride(CRUZ, "no ground"))
    refused.when(command).then_raises(WrongState, "override")
    given().when(command).then_raises(NotFound, "override")


@pytest.mark.rule("override.ends")
def test_a_request_that_nobody_answered_is_over() -> None:
    given(requested).when(approve, at=NOW + HOUR).then_raises(WrongState, "override")
    given(requested).when(ExpireOverride(), at=NOW + HOUR - SECOND).then_nothing()
    given(requested).when(ExpireOverride(), at=NOW + HOUR).then(OverrideExpired(NOW + HOUR, 0))


# -- use ---------------------------------------------------------------------


@pytest.mark.rule("override.use_recorded")
def test_use_is_recorded_each_time() -> None:
    given(requested, approved).when(use).then(used)
    given(requested, approved, used).when(use).then(replace(used, use_number=2))


@pytest.mark.rule("override.use_recorded")
def test_an_override_is_used_only_while_it_is_in_effect() -> None:
    given(requested, approved).when(use, at=END - SECOND).then(used)
    given(requested, approved).when(use, at=END).then_raises(WrongState, "override")
    given(requested).when(use).then_raises(WrongState, "override")
    given(requested, approved, expired).when(use).then_raises(WrongState, "override")


@pytest.mark.parametrize(
    "wrong",
    [
        replace(use, target=StreamId("zone-school")),
        replace(use, range=Range(NOW - SECOND, NOW)),
        replace(use, range=Range(NOW, NOW + HOUR + SECOND)),
        replace(use, by=CRUZ),
        replace(use, through=StreamId("flight-f2")),
        replace(use, through=StreamId("liveview-1")),
    ],
)
@pytest.mark.rule("override.use_recorded")
def test_an_override_opens_its_target_and_range_to_who_asked_for_it(wrong: UseOverride) -> None:
    given(requested, approved).when(wrong).then_raises(WrongState, "override")


def test_the_drone_gateway_uses_an_override_of_a_zone_alone() -> None:
    gateway = replace(use, by=PersonId("service-drone-gateway"), by_service=True)
    given(requested, approved).when(gateway).then_types(OverrideUsed)
    footage = replace(requested, target=StreamId("footage-1"), flight=None)
    given(footage, approved).when(replace(gateway, target=footage.target)).then_raises(WrongState, "override")


@pytest.mark.rule("override.use_recorded")
def test_a_zone_is_lifted_for_the_flight_it_was_granted_for_and_for_no_other() -> None:
    for opened in ([requested, approved], [invoked]):
        gateway = replace(use, by=PersonId("service-drone-gateway"), by_service=True)
        given(*opened).when(gateway).then_types(OverrideUsed)
        given(*opened).when(replace(gateway, through=StreamId("flight-f2"))).then_raises(WrongState, "override")
    nobody_s = replace(requested, flight=None)  # as it was asked for before flights were named
    given(nobody_s, approved).when(replace(use, through=StreamId("flight-None"))).then_raises(WrongState, "override")
    given(nobody_s, approved).when(use).then_raises(WrongState, "override")


@pytest.mark.rule("override.request")
def test_an_override_of_a_zone_names_its_flight_and_no_other_does() -> None:
    for asked in (request, invoke):
        given().when(replace(asked, plan=replace(PLAN, flight=None))).then_raises(InvalidValue, "flight")
        for target in ("footage-1", "camera-1", "flight-f1"):
            plan = replace(PLAN, target=StreamId(target))
            given().when(replace(asked, plan=plan)).then_raises(InvalidValue, "flight")
            assert given().when(replace(asked, plan=replace(plan, flight=None))).events()


@pytest.mark.parametrize("target", ["camera-plummer-park-1", "flight-f1"])
@pytest.mark.rule("override.use_recorded")
def test_an_override_of_a_camera_or_a_flight_opens_its_picture_to_who_asked_through_a_view(target: str) -> None:
    """As whoever sends frames asks it: target, view, range and person."""
    opened = given(replace(requested, target=StreamId(target), flight=None), approved)
    view = UseOverride(StreamId(target), StreamId("liveview-1"), Range(NOW, NOW + 10 * SECOND), LEE)
    opened.when(view).then(OverrideUsed(StreamId("liveview-1"), view.range, LEE, 1))
    others = [
        replace(view, by=CRUZ),
        replace(view, target=StreamId("camera-another")),
        replace(view, target=StreamId("footage-1")),
        replace(view, range=Range(NOW, NOW + HOUR + SECOND)),
        replace(view, by=PersonId("service-recorder"), by_service=True),
    ]
    for other in others:
        opened.when(other).then_raises(WrongState, "override")
    opened.when(view, at=END).then_raises(WrongState, "override")


@pytest.mark.rule("override.ends")
def test_on_expiry_an_override_ends_by_itself() -> None:
    given(requested, approved).when(ExpireOverride(), at=END - SECOND).then_nothing()
    given(requested, approved, used).when(ExpireOverride(), at=END + MINUTE).then(OverrideExpired(END, 1))
    given(requested, approved, expired).when(ExpireOverride(), at=END + MINUTE).then_nothing()


# -- break-glass -------------------------------------------------------------


@pytest.mark.rule("override.break_glass")
def test_break_glass_is_invoked_and_recorded_first_and_works_at_once() -> None:
    given().when(invoke).then(invoked)
    given(invoked).when(use).then(used)


@pytest.mark.rule("override.break_glass")
def test_break_glass_needs_no_number_and_no_second_person() -> None:
    (emergency,) = given().when(replace(invoke, plan=replace(PLAN, call=None))).events()
    assert isinstance(emergency, EmergencyOverrideInvoked)
    assert emergency.threat == Personal("override-o1", THREAT)
    given(invoked).when(approve).then_raises(WrongState, "override")


def test_break_glass_says_whose_life_is_at_risk() -> None:
    given().when(replace(invoke, threat="hurry")).then_raises(InvalidValue, "threat")


@pytest.mark.parametrize("happened", [(invoked,), (invoked, expired)])
@pytest.mark.rule("override.break_glass")
def test_break_glass_must_be_justified_within_24_hours(happened: tuple[EmergencyOverrideInvoked]) -> None:
    justified = OverrideJustified(sealed(WHY), LegalBasis(BasisKind.EXIGENCY), LEE, late=False)
    given(*happened).when(justify, at=NOW + 24 * HOUR).then(justified)
    given(*happened).when(justify, at=NOW + 24 * HOUR + SECOND).then(replace(justified, late=True))
    given(*happened, justified).when(justify).then_raises(WrongState, "override")


def test_who_broke_the_glass_justifies_it() -> None:
    given(invoked).when(replace(justify, by=CRUZ)).then_raises(WrongState, "override")
    given(invoked).when(replace(justify, justification="it was urgent")).then_raises(InvalidValue, "justification")
    given(requested, approved).when(justify).then_raises(WrongState, "override")
    given(requested).when(justify).then_raises(WrongState, "override")


@pytest.mark.rule("override.break_glass")
def test_break_glass_is_always_reviewed() -> None:
    at = NOW + 2 * HOUR
    given(invoked, expired).when(review, at=at).then_raises(WrongState, "override")  # there is time to justify it
    given(invoked, expired).and_when(justify, at=at).when(review, at=at).then_types(OverrideReviewed)
    given(invoked, expired).when(review, at=NOW + 24 * HOUR).then_types(OverrideReviewed)


# -- review ------------------------------------------------------------------


@pytest.mark.rule("override.reviewed")
def test_an_override_is_reviewed_by_an_auditor_within_72_hours() -> None:
    reviewed = OverrideReviewed(Verdict.IN_ORDER, sealed(review.findings), AUDITOR, late=False)
    given(requested, approved, expired).when(review, at=NOW + 72 * HOUR).then(reviewed)
    given(requested, approved, expired).when(review, at=NOW + 72 * HOUR + SECOND).then(replace(reviewed, late=True))
    given(requested, approved, expired, reviewed).when(review).then_raises(WrongState, "override")


def test_a_review_comes_after_the_end() -> None:
    given(requested, approved).when(review, at=END - SECOND).then_raises(WrongState, "override")
    given(requested, approved).when(review, at=END).then_types(OverrideExpired, OverrideReviewed)
    given(requested).when(review).then_raises(WrongState, "override")


@pytest.mark.parametrize("by", [LEE, CRUZ])
@pytest.mark.rule("override.reviewed")
def test_who_had_a_part_in_an_override_does_not_review_it(by: PersonId) -> None:
    given(requested, approved, expired).when(replace(review, by=by)).then_refused(ReviewRefused, "took_part")


def test_a_late_justification_may_follow_the_review() -> None:
    late = NOW + 2 * DAY
    reviewed = given(invoked, expired).and_when(review, at=late)
    reviewed.when(justify, at=late + timedelta(minutes=1)).then_types(OverrideJustified)


# -- lengths, and what others may know -----------------------------------------------


@pytest.mark.parametrize(
    ("happened", "command", "field", "shortest", "longest"),
    [
        ((), request, "reason", 10, 500),
        ((), invoke, "threat", 10, 500),
        ((invoked,), justify, "justification", 20, 2000),
        ((requested, approved, expired), review, "findings", 10, 2000),
    ],
)
def test_what_is_said_of_an_override_has_a_length(
    happened: tuple[Any, ...], command: Any, field: str, shortest: int, longest: int
) -> None:
    at = NOW + HOUR if command is review else NOW
    for length in (shortest, longest):
        assert given(*happened).when(replace(command, **{field: "x" * length}), at=at).events()
    for length in (shortest - 1, longest + 1):
        given(*happened).when(replace(command, **{field: "x" * length}), at=at).then_raises(InvalidValue, field)


@pytest.mark.rule("override.use_recorded")
def test_others_are_told_what_an_override_opens_to_whom_until_when() -> None:
    terms = {"target": POOL, "range": RANGE, "opened_by": LEE, "expires_at": END, "flight": FLIGHT}
    opened = given(requested, approved)
    assert override_standing(opened.state, END - SECOND) == OverrideStanding(True, **terms)  # type: ignore[arg-type]
    for state, at in [
        (opened.state, END),
        (given(requested, approved, expired).state, NOW),
        (given(requested, approved, expired).and_when(review, NOW + HOUR).state, NOW),
    ]:
        assert override_standing(state, at) == OverrideStanding(False, **terms)  # type: ignore[arg-type]
    for closed in (given(), given(requested), given(requested, OverrideRefused(CRUZ, ()))):
        assert override_standing(closed.state, NOW) == OverrideStanding(False)


@pytest.mark.rule("override.reviewed")
def test_who_may_not_review_is_named_in_the_refusal() -> None:
    (refused,) = given(requested, approved, expired).when(replace(review, by=CRUZ), at=NOW + HOUR).events()
    assert isinstance(refused, ReviewRefused) and refused.by == CRUZ


@pytest.mark.rule("policy.prohibited")
def test_break_glass_for_what_is_prohibited_is_on_the_record_as_it_was_asked_for() -> None:
    for named in ({"call": CallNumber("26-1"), "case": None}, {"call": None, "case": CaseNumber("C-7")}):
        plan = replace(PLAN, purpose=next(iter(PROHIBITED)), **named)  # type: ignore[arg-type]
        asked, refused = given().when(replace(invoke, plan=plan)).events()
        assert isinstance(asked, OverrideRequested) and isinstance(refused, OverrideRefused)
        exigency, (subject, threat) = LegalBasis(BasisKind.EXIGENCY), (asked.reason.subject, asked.reason.value)
        assert (subject, threat) == ("call-26-1" if plan.call else "case-C-7", THREAT)
        assert asked == OverrideRequested(
            POOL, FLIGHT, RANGE, exigency, plan.purpose, plan.call, plan.case, asked.reason, 30, LEE, NOW
        )


@pytest.mark.rule("override.break_glass")
def test_break_glass_names_the_case_where_there_is_one() -> None:
    (opened,) = given().when(replace(invoke, plan=replace(PLAN, call=None, case=CaseNumber("C-7")))).events()
    assert isinstance(opened, EmergencyOverrideInvoked) and opened.case == "C-7"


@pytest.mark.rule("override.two_people")
def test_a_refused_approval_says_who_was_refused_and_which_role_may() -> None:
    nobody = replace(SERGEANT, roles=frozenset({Role.WATCH_OPERATOR}))
    (refused,) = given(requested).when(replace(approve, by=nobody)).events()
    assert isinstance(refused, ApprovalRefused) and refused.by == CRUZ
    assert [reason.accepted for reason in refused.reasons] == [Role.WATCH_SUPERVISOR]


@pytest.mark.rule("override.an_hour")
def test_a_request_for_too_long_is_told_how_long_is_accepted() -> None:
    (reason,) = given().when(replace(request, plan=replace(PLAN, minutes=61))).then_refused(OverrideRefused, "too_long")
    assert (reason.field, reason.accepted) == ("minutes", "at most 60 minutes")


@pytest.mark.rule("override.break_glass")
def test_the_glass_is_broken_for_the_purposes_of_the_policy() -> None:
    own = PurposeRule("harbour_watch", "Harbour watch")
    wider = replace(POLICY, parameters=replace(POLICY.parameters, purposes=(*POLICY.parameters.purposes, own)))
    plan = replace(PLAN, purpose="harbour_watch")
    given().when(replace(invoke, plan=plan, policy=wider)).then_types(EmergencyOverrideInvoked)
    given().when(replace(invoke, plan=plan)).then_raises(InvalidValue, "purpose")


@pytest.mark.rule("override.ends")
def test_a_request_that_is_over_is_neither_ended_nor_answered_again() -> None:
    over = given(requested).and_when(ExpireOverride(), NOW + HOUR)
    over.when(ExpireOverride(), NOW + 2 * HOUR).then_nothing()
    # Also where the clock was set back.
    over.when(approve, NOW).then_raises(WrongState, "override")


@pytest.mark.rule("override.request")
def test_a_request_may_be_for_a_case_a_whole_day_and_a_purpose_of_the_policy() -> None:
    own = PurposeRule("harbour_watch", "Harbour watch")
    wider = replace(POLICY, parameters=replace(POLICY.parameters, purposes=(*POLICY.parameters.purposes, own)))
    plan = replace(
        PLAN,
        target=StreamId("zone-pool-2"),
        range=Range(NOW, NOW + DAY),
        purpose="harbour_watch",
        call=None,
        case=CaseNumber("C-7"),
    )
    (asked,) = given().when(replace(request, plan=plan, policy=wider)).then_types(OverrideRequested)
    assert isinstance(asked, OverrideRequested) and (asked.case, asked.range) == ("C-7", plan.range)


@pytest.mark.rule("override.ends")
def test_an_override_ends_at_its_very_moment_and_a_review_notes_an_end_that_nobody_has() -> None:
    given(requested, approved).when(ExpireOverride(), END).then(expired)
    given(requested, approved).when(ExpireOverride(), END - SECOND).then_nothing()
    ended, reviewed = given(requested, approved, used).when(review, END).events()
    assert ended == OverrideExpired(END, 1) and isinstance(reviewed, OverrideReviewed)


# -- which field is wrong --------------------------------------------------------------


@pytest.mark.rule("override.request")
def test_what_is_wrong_with_a_request_or_its_refusal_is_told_by_its_field() -> None:
    until = Range(NOW, (NOW + HOUR).replace(tzinfo=None))
    for plan, field in (
        (replace(PLAN, range=until), "range.until"),
        (replace(PLAN, call=CallNumber("no number")), "call"),
        (replace(PLAN, case=CaseNumber("no number")), "case"),
        (replace(PLAN, flight=FlightId("no flight")), "flight"),
    ):
        given().when(replace(request, plan=plan)).then_raises(InvalidValue, field)
    for length in (3, 500):
        given(requested).when(RefuseOverride(CRUZ, "x" * length)).then_refused(OverrideRefused, "declined")
    for length in (2, 501):
        given(requested).when(RefuseOverride(CRUZ, "x" * length)).then_raises(InvalidValue, "reason")


@pytest.mark.rule("override.request")
def test_what_an_override_opened_stays_with_it_to_its_review() -> None:
    reviewed = OverrideReviewed(Verdict.IN_ORDER, sealed("used once"), AUDITOR, False)
    grant = Grant(requested, POOL, RANGE, LEE, sealed(REASON), CRUZ, END, NOW + 72 * HOUR)
    glass = Grant(invoked, POOL, RANGE, LEE, sealed(THREAT), None, END, NOW + 72 * HOUR, NOW + 24 * HOUR)
    assert given(requested).state == privacy_override.Waiting(requested)
    assert given(requested, OverrideRefused(CRUZ, ())).state == privacy_override.Closed(requested)
    assert given(requested, expired).state == privacy_override.Closed(requested)
    assert given(requested, approved).state == privacy_override.Active(grant)
    assert given(requested, approved, used, expired).state == privacy_override.Ended(replace(grant, uses=1))
    assert given(invoked).state == privacy_override.Active(glass)
    assert given(invoked, expired, reviewed).state == privacy_override.Reviewed(glass, reviewed)
