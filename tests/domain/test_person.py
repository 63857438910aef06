"""People: who may have an account, a role, a certificate, and who says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from domain.kernel import InvalidValue, NotFound, PersonId, WrongState
from domain.person import (
    EXPIRY_NOTICE,
    LONGEST_CERTIFICATE,
    OVERSIGHT_ANSWERS_WITHIN,
    PERSON,
    PERSONNEL_SYSTEM,
    ROLES_OF,
    AccessRevoked,
    Account,
    AnswerOversightChange,
    AskOversightChange,
    AssignRole,
    CertificateKind,
    CertificateRecorded,
    ChangeDetails,
    ChangeRefused,
    Command,
    CorrectTraining,
    Details,
    DetailsChanged,
    Enrol,
    Enrolled,
    Event,
    Expiring,
    ExpiryApproaching,
    Leave,
    LiftMedicalHold,
    MedicalHoldLifted,
    MedicalHoldPlaced,
    NoteExpiry,
    Organisation,
    OversightChange,
    OversightChangeAsked,
    OversightChangeConfirmed,
    OversightChangeDeclined,
    PersonStanding,
    PilotStanding,
    PlaceMedicalHold,
    RecordCertificate,
    RecordTraining,
    Reinstate,
    Reinstated,
    RevokeAccess,
    RevokeRole,
    Role,
    RoleAssigned,
    RoleRevoked,
    Suspend,
    Suspended,
    TrainingCompleted,
    TrainingCorrected,
    expiry_notice_at,
    person_standing,
    pilot_standing,
)
from tests.domain.scenario import DAY, NOW, Scenario

given = Scenario(PERSON)
LEE, ADMIN, COMMANDER = PersonId("lee"), PersonId("admin"), PersonId("commander")
TODAY = NOW.date()
LASD = Organisation.LASD_WEST_HOLLYWOOD

enrolled = Enrolled("Jordan Lee", LASD, "jlee@lasd.example", ADMIN)
trained = TrainingCompleted("watch_center_use", TODAY - DAY, TODAY + DAY, COMMANDER)
operator = RoleAssigned(Role.WATCH_OPERATOR, COMMANDER)
pilot = RoleAssigned(Role.REMOTE_PILOT, COMMANDER)
certified = CertificateRecorded(CertificateKind.PART_107, "4827193", TODAY, COMMANDER)
enrol = Enrol(LEE, "Jordan Lee", LASD, "jlee@lasd.example", ADMIN)


def test_an_administrator_enrols_a_person() -> None:
    given().when(enrol).then(enrolled)


@pytest.mark.rule("people.one_account")
def test_one_person_has_one_account() -> None:
    given(enrolled).when(enrol).then_raises(WrongState, "person")


@pytest.mark.rule("people.one_account")
def test_nobody_enrols_himself() -> None:
    given().when(replace(enrol, by=LEE)).then_refused(ChangeRefused, "own_account")


@pytest.mark.parametrize("email", ["jlee", "@lasd.example", "jlee@", "j lee@lasd.example", "a@b@c", ""])
def test_an_enrolment_needs_an_address(email: str) -> None:
    given().when(replace(enrol, email=email)).then_raises(InvalidValue, "email")


@pytest.mark.parametrize("name", ["", "   ", "Jordan\x00Lee", "x" * 201])
def test_an_enrolment_needs_a_name(name: str) -> None:
    given().when(replace(enrol, name=name)).then_raises(InvalidValue, "name")


def test_nothing_is_recorded_of_a_person_nobody_enrolled() -> None:
    given().when(AssignRole(LEE, Role.AUDITOR, ADMIN)).then_raises(NotFound, "person")


def test_a_person_gets_a_role_from_somebody_else() -> None:
    given(enrolled).when(AssignRole(LEE, Role.WATCH_OPERATOR, COMMANDER)).then(operator)


@pytest.mark.rule("people.roles")
def test_nobody_gives_himself_a_role() -> None:
    given(enrolled).when(AssignRole(LEE, Role.WATCH_OPERATOR, LEE)).then_refused(ChangeRefused, "own_account")


@pytest.mark.rule("people.one_account")
def test_who_enrols_an_account_does_not_give_it_its_role() -> None:
    asked = given(enrolled).when(AssignRole(LEE, Role.WATCH_OPERATOR, ADMIN))
    asked.then_refused(ChangeRefused, "enrolled_by_same_person")


@pytest.mark.parametrize("organisation", Organisation)
@pytest.mark.parametrize("role", Role)
@pytest.mark.rule("people.roles")
def test_a_role_suits_the_organisation(organisation: Organisation, role: Role) -> None:
    asked = given(replace(enrolled, organisation=organisation)).when(AssignRole(LEE, role, COMMANDER))
    if role in ROLES_OF[organisation]:
        asked.then(RoleAssigned(role, COMMANDER))
    else:
        asked.then_refused(ChangeRefused, "role_not_of_organisation")


@pytest.mark.rule("people.roles")
def test_who_runs_the_accounts_does_not_use_them() -> None:
    asked = given(enrolled, operator).when(AssignRole(LEE, Role.ADMINISTRATOR, COMMANDER))
    asked.then_refused(ChangeRefused, "roles_exclude_each_other")
    administrator = RoleAssigned(Role.ADMINISTRATOR, COMMANDER)
    asked = given(enrolled, administrator).when(AssignRole(LEE, Role.WATCH_OPERATOR, COMMANDER))
    asked.then_refused(ChangeRefused, "roles_exclude_each_other")


def test_a_pilot_may_be_an_operator_too() -> None:
    given(enrolled, pilot).when(AssignRole(LEE, Role.WATCH_OPERATOR, COMMANDER)).then(operator)


def test_every_reason_against_a_role_is_given_at_once() -> None:
    asked = given(replace(enrolled, enrolled_by=LEE)).when(AssignRole(LEE, Role.AUDITOR, LEE))
    asked.then_refused(ChangeRefused, "own_account", "enrolled_by_same_person", "role_not_of_organisation")


def test_a_role_given_twice_is_given_once() -> None:
    given(enrolled, operator).when(AssignRole(LEE, Role.WATCH_OPERATOR, COMMANDER)).then_nothing()


def test_a_role_is_revoked_for_a_reason_also_by_oneself() -> None:
    revoke = RevokeRole(LEE, Role.WATCH_OPERATOR, LEE, "moved to patrol")
    revoked = RoleRevoked(Role.WATCH_OPERATOR, LEE, "moved to patrol")
    given(enrolled, operator).when(revoke).then(revoked)
    given(enrolled, operator, revoked).when(revoke).then_nothing()
    given(enrolled, operator).when(replace(revoke, reason=" ")).then_raises(InvalidValue, "reason")


def test_training_is_recorded_by_somebody_else() -> None:
    record = RecordTraining(LEE, "watch_center_use", TODAY - DAY, TODAY + DAY, COMMANDER)
    given(enrolled).when(record).then(trained)
    given(enrolled).when(replace(record, by=LEE)).then_refused(ChangeRefused, "own_account")


def test_training_lies_in_the_past_and_expires_later() -> None:
    record = RecordTraining(LEE, "watch_center_use", TODAY, TODAY + DAY, COMMANDER)
    given(enrolled).when(replace(record, completed_on=TODAY + DAY)).then_raises(InvalidValue, "completed_on")
    given(enrolled).when(replace(record, expires_on=TODAY)).then_raises(InvalidValue, "expires_on")
    given(enrolled).when(replace(record, course="Watch center!")).then_raises(InvalidValue, "course")


@pytest.mark.rule("people.training")
def test_a_mistyped_expiry_gives_nobody_access_for_ever() -> None:
    longest = 1096 * DAY
    record = RecordTraining(LEE, "watch_center_use", TODAY - DAY, TODAY - DAY + longest, COMMANDER, longest)
    given(enrolled).when(record).then_types(TrainingCompleted)
    told = given(enrolled).when(replace(record, expires_on=date(2126, 6, 1))).then_raises(InvalidValue, "expires_on")
    assert told.accepted == f"{TODAY - DAY + longest} or earlier: 1096 days at most"
    for kind in CertificateKind:
        latest = TODAY + LONGEST_CERTIFICATE[kind]
        certificate = RecordCertificate(LEE, kind, "4827193", latest, COMMANDER)
        given(enrolled).when(certificate).then_types(CertificateRecorded)
        too_long = given(enrolled).when(replace(certificate, expires_on=latest + DAY))
        assert too_long.then_raises(InvalidValue, "expires_on").accepted


@pytest.mark.rule("people.training")
def test_a_wrong_expiry_is_put_right_by_a_further_record_with_a_reason_also_to_an_earlier_day() -> None:
    correct = CorrectTraining(LEE, "watch_center_use", TODAY - DAY, "the year was mistyped", COMMANDER, 1096 * DAY)
    wrong = replace(trained, expires_on=TODAY + 1000 * DAY)
    corrected = TrainingCorrected(
        "watch_center_use", TODAY + 1000 * DAY, TODAY - DAY, "the year was mistyped", COMMANDER
    )
    given(enrolled, wrong).when(correct).then(corrected)
    assert standing_codes(enrolled, operator, wrong, corrected) == ["training_expired"]
    assert standing_codes(enrolled, operator, wrong, corrected, trained) == []
    given(enrolled, wrong, corrected).when(correct).then_nothing()
    given(enrolled, wrong).when(replace(correct, by=LEE)).then_refused(ChangeRefused, "own_account")
    given(enrolled, wrong).when(replace(correct, reason=" ")).then_raises(InvalidValue, "reason")
    given(enrolled, wrong).when(replace(correct, expires_on=date(2126, 6, 1))).then_raises(InvalidValue, "expires_on")
    missing = given(enrolled, wrong).when(replace(correct, course="first_aid")).then_raises(NotFound, "course")
    assert missing.accepted == "watch_center_use"


def test_a_certificate_is_recorded_by_somebody_else() -> None:
    record = RecordCertificate(LEE, CertificateKind.PART_107, "4827193", TODAY, COMMANDER)
    given(enrolled).when(record).then(certified)
    given(enrolled).when(replace(record, by=LEE)).then_refused(ChangeRefused, "own_account")
    given(enrolled).when(replace(record, number="no number")).then_raises(InvalidValue, "number")


def test_anybody_of_the_right_places_a_medical_hold_and_another_lifts_it() -> None:
    placed = MedicalHoldPlaced(LEE)
    given(enrolled).when(PlaceMedicalHold(LEE, LEE)).then(placed)
    given(enrolled, placed).when(PlaceMedicalHold(LEE, LEE)).then_nothing()
    given(enrolled, placed).when(LiftMedicalHold(LEE, LEE)).then_refused(ChangeRefused, "own_account")
    given(enrolled, placed).when(LiftMedicalHold(LEE, COMMANDER)).then(MedicalHoldLifted(COMMANDER))
    given(enrolled).when(LiftMedicalHold(LEE, COMMANDER)).then_nothing()


@pytest.mark.rule("people.suspended")
def test_a_suspension_is_at_once_and_another_takes_it_back() -> None:
    suspended = Suspended(COMMANDER, "inquiry 26-14")
    given(enrolled).when(Suspend(LEE, COMMANDER, "inquiry 26-14")).then(suspended)
    given(enrolled, suspended).when(Suspend(LEE, COMMANDER, "again")).then_nothing()
    given(enrolled, suspended).when(Reinstate(LEE, LEE, "all good")).then_refused(ChangeRefused, "own_account")
    given(enrolled, suspended).when(Reinstate(LEE, ADMIN, "closed")).then(Reinstated(ADMIN, "closed"))
    given(enrolled).when(Reinstate(LEE, ADMIN, "closed")).then_nothing()


@pytest.mark.rule("people.suspended")
def test_who_has_left_and_is_suspended_needs_both_sides_to_come_back() -> None:
    left, suspended = Suspended(PERSONNEL_SYSTEM, "left"), Suspended(COMMANDER, "inquiry 26-14")
    given(enrolled, left).when(Suspend(LEE, COMMANDER, "inquiry 26-14")).then(suspended)
    given(enrolled, suspended).when(Leave(LEE, PERSONNEL_SYSTEM, "left")).then(left)
    given(enrolled, suspended).when(Suspend(LEE, PERSONNEL_SYSTEM, "left")).then(left)
    given(enrolled, left).when(Leave(LEE, PERSONNEL_SYSTEM, "left")).then_nothing()
    back, cleared = Reinstated(PERSONNEL_SYSTEM, "is back"), Reinstated(ADMIN, "closed")
    for first, second in ((back, cleared), (cleared, back)):
        story = given(enrolled, left, suspended)
        for lifted in (first, second):
            assert standing_codes(*story.happened, trained, operator) == ["suspended"]
            lift = Reinstate(LEE, lifted.reinstated_by, lifted.reason)
            story.when(lift).then(lifted)
            story = given(*story.happened, lifted)
        assert standing_codes(*story.happened, trained, operator) == []


@pytest.mark.rule("people.suspended")
def test_neither_side_lifts_the_suspension_of_the_other() -> None:
    code = "suspended_by_other_side"
    left, suspended = Suspended(PERSONNEL_SYSTEM, "left"), Suspended(COMMANDER, "inquiry 26-14")
    given(enrolled, left).when(Reinstate(LEE, COMMANDER, "he is here")).then_refused(ChangeRefused, code)
    given(enrolled, suspended).when(Reinstate(LEE, PERSONNEL_SYSTEM, "is back")).then_refused(ChangeRefused, code)


def standing_codes(*happened: Event) -> list[str]:
    standing = person_standing(LEE, given(*happened).state, NOW, ["watch_center_use"])
    return [reason.code for reason in standing.access_refusals()]


@pytest.mark.rule("people.training")
def test_access_takes_a_role_and_training_that_has_not_expired() -> None:
    assert standing_codes(enrolled, trained, operator) == []
    assert standing_codes() == ["not_enrolled"]
    assert standing_codes(enrolled) == ["no_role", "training_expired"]
    assert standing_codes(enrolled, operator, replace(trained, expires_on=TODAY - DAY)) == ["training_expired"]
    assert standing_codes(enrolled, operator, replace(trained, expires_on=TODAY)) == []
    assert standing_codes(enrolled, operator, replace(trained, course="first_aid")) == ["training_expired"]
    assert standing_codes(enrolled, trained, operator, Suspended(ADMIN, "inquiry")) == ["suspended"]


def test_a_late_entry_of_an_older_course_does_not_shorten_a_newer_one() -> None:
    assert standing_codes(enrolled, operator, trained, replace(trained, expires_on=date(2020, 1, 1))) == []


def test_a_process_takes_no_courses() -> None:
    assert standing_codes(enrolled, RoleAssigned(Role.SERVICE, COMMANDER)) == []


@pytest.mark.rule("launch.pilot")
def test_a_pilot_stands_by_certificate_hold_and_role() -> None:
    state = given(enrolled, trained, pilot, certified, MedicalHoldPlaced(LEE)).state
    standing = pilot_standing(LEE, state, NOW, ["watch_center_use"])
    assert (standing.certificate, standing.certificate_expires_on) == ("4827193", TODAY)
    assert standing.has_role
    assert standing.trained
    assert standing.medical_hold
    nobody = pilot_standing(LEE, given().state, NOW)
    assert not nobody.has_role
    assert nobody.certificate is None


def test_a_refused_change_changes_nothing() -> None:
    refused = ChangeRefused("assign_role", LEE, ())
    assert given(enrolled, refused).state == given(enrolled).state
    assert given(refused, enrolled).state == given(enrolled).state


# -- joiners, movers, leavers --------------------------------------------------

move = ChangeDetails(LEE, "Jordan Lee", Organisation.CITY_OF_WEST_HOLLYWOOD, "jlee@weho.example", ADMIN)
moved = DetailsChanged("Jordan Lee", Organisation.CITY_OF_WEST_HOLLYWOOD, "jlee@weho.example", ADMIN)


def test_a_mover_gives_up_the_roles_that_do_not_suit_the_new_organisation() -> None:
    reason = "moved to city_of_west_hollywood"
    asked = given(enrolled, operator, pilot).when(move)
    asked.then(moved, RoleRevoked(Role.REMOTE_PILOT, ADMIN, reason), RoleRevoked(Role.WATCH_OPERATOR, ADMIN, reason))
    keeps = given(enrolled, operator).when(replace(move, organisation=LASD))
    keeps.then(replace(moved, organisation=LASD))
    given(enrolled, moved).when(move).then_nothing()


@pytest.mark.rule("people.one_account")
def test_nobody_changes_his_own_account() -> None:
    given(enrolled).when(replace(move, by=LEE)).then_refused(ChangeRefused, "own_account")
    given(enrolled).when(replace(move, email="nowhere")).then_raises(InvalidValue, "email")


def test_a_leaver_gives_up_every_role_and_has_no_access() -> None:
    leave = Leave(LEE, ADMIN, "left the department")
    revoked = RoleRevoked(Role.WATCH_OPERATOR, ADMIN, "left the department")
    gone = Suspended(ADMIN, "left the department")
    given(enrolled, trained, operator).when(leave).then(revoked, gone)
    given(enrolled, revoked, gone).when(leave).then_nothing()
    given(enrolled, operator, Suspended(COMMANDER, "badge lost")).when(leave).then(revoked)


def test_revoked_access_makes_earlier_proofs_void() -> None:
    revoked = AccessRevoked(NOW, COMMANDER, "phone was stolen")
    given(enrolled, operator).when(RevokeAccess(LEE, COMMANDER, "phone was stolen")).then(revoked)
    state = given(enrolled, trained, operator, revoked).state
    standing = person_standing(LEE, state, NOW)
    assert standing.has_access and standing.proofs_from == NOW


@pytest.mark.rule("people.training")
def test_an_expiry_is_told_a_month_ahead_and_not_where_it_was_renewed() -> None:
    expires = TODAY + 40 * DAY
    story = given(enrolled, replace(trained, expires_on=expires), replace(certified, expires_on=expires))
    due = expiry_notice_at(expires)
    for what, name in ((Expiring.TRAINING, "watch_center_use"), (Expiring.CERTIFICATE, "part_107")):
        note = NoteExpiry(LEE, what, name, ADMIN)
        story.when(note, due - DAY).then_nothing()
        story.when(note, due).then(ExpiryApproaching(what, name, expires))
        renewed = given(*story.happened, replace(trained, expires_on=expires + 400 * DAY))
        if what is Expiring.TRAINING:
            renewed.when(note, due).then_nothing()
        given(enrolled).when(note, due).then_nothing()
    assert due + EXPIRY_NOTICE == expiry_notice_at(expires + EXPIRY_NOTICE)


# -- who was refused, and the limits -------------------------------------------------


@pytest.mark.rule("record.refusals")
@pytest.mark.parametrize(
    ("happened", "command", "change", "doing"),
    [
        ((), replace(enrol, by=LEE), "enrol", "enrol"),
        ((enrolled,), RecordTraining(LEE, "c1", TODAY, TODAY + DAY, LEE), "record_training", "record a training of"),
        (
            (enrolled,),
            RecordCertificate(LEE, CertificateKind.PART_107, "1", TODAY, LEE),
            "record_certificate",
            "record a certificate of",
        ),
        (
            (enrolled, MedicalHoldPlaced(LEE)),
            LiftMedicalHold(LEE, LEE),
            "lift_medical_hold",
            "lift a medical hold of",
        ),
        ((enrolled,), AssignRole(LEE, Role.WATCH_OPERATOR, LEE), "assign_role", "assign a role to"),
        ((enrolled, Suspended(ADMIN, "inquiry")), Reinstate(LEE, LEE, "all good"), "reinstate", "reinstate"),
        ((enrolled,), replace(move, by=LEE), "change_details", "change the account of"),
    ],
)
def test_a_refused_change_says_which_it_was_and_that_nobody_vouches_for_himself(
    happened: tuple[Event, ...], command: Command, change: str, doing: str
) -> None:
    (refused,) = given(*happened).when(command).events()
    assert isinstance(refused, ChangeRefused)
    assert (refused.change, refused.requested_by) == (change, LEE)
    assert refused.reasons[0].message == f"nobody may {doing} himself: ask another person"


@pytest.mark.rule("people.roles")
def test_a_role_that_is_refused_says_which_would_do() -> None:
    fire = replace(enrolled, organisation=Organisation.LA_COUNTY_FIRE)
    asked = given(fire).when(AssignRole(LEE, Role.AUDITOR, COMMANDER))
    (unsuitable,) = asked.then_refused(ChangeRefused, "role_not_of_organisation")
    assert (unsuitable.field, unsuitable.accepted) == ("role", "field_responder")
    asked = given(replace(enrolled, organisation=LASD)).when(AssignRole(LEE, Role.AUDITOR, COMMANDER))
    (unsuitable,) = asked.then_refused(ChangeRefused, "role_not_of_organisation")
    assert (unsuitable.accepted or "").split(", ") == sorted(ROLES_OF[LASD])
    asked = given(enrolled, operator).when(AssignRole(LEE, Role.SERVICE, COMMANDER))
    (apart,) = asked.then_refused(ChangeRefused, "roles_exclude_each_other")
    assert apart.field == "role"


@pytest.mark.rule("people.suspended")
def test_who_cannot_lift_a_suspension_is_told_who_can() -> None:
    left, suspended = Suspended(PERSONNEL_SYSTEM, "left"), Suspended(COMMANDER, "inquiry 26-14")
    (theirs,) = given(enrolled, left).when(Reinstate(LEE, COMMANDER, "he is here")).events()
    (ours,) = given(enrolled, suspended).when(Reinstate(LEE, PERSONNEL_SYSTEM, "is back")).events()
    assert isinstance(theirs, ChangeRefused) and "personnel system" in theirs.reasons[0].message
    assert isinstance(ours, ChangeRefused) and "station commander" in ours.reasons[0].message


def test_an_identity_of_a_person_is_one() -> None:
    given().when(replace(enrol, person=PersonId("no identity"))).then_raises(InvalidValue, "person")


@pytest.mark.rule("people.training")
def test_a_course_may_end_today() -> None:
    record = RecordTraining(LEE, "watch_center_use", TODAY, TODAY + DAY, COMMANDER)
    given(enrolled).when(record).then(replace(trained, completed_on=TODAY))


@pytest.mark.parametrize(
    "command",
    [
        RevokeRole(LEE, Role.WATCH_OPERATOR, COMMANDER, "xxx"),
        Suspend(LEE, COMMANDER, "xxx"),
        Reinstate(LEE, PERSONNEL_SYSTEM, "xxx"),
        RevokeAccess(LEE, COMMANDER, "xxx"),
        Leave(LEE, COMMANDER, "xxx"),
    ],
)
def test_what_is_taken_from_a_person_or_given_back_has_a_reason_of_some_length(
    command: RevokeRole | Suspend | Reinstate | RevokeAccess | Leave,
) -> None:
    story = given(enrolled, operator, Suspended(PERSONNEL_SYSTEM, "left"))
    assert story.when(command).events()
    for reason in ("xx", "x" * 201):
        story.when(replace(command, reason=reason)).then_raises(InvalidValue, "reason")


def test_an_address_is_as_long_as_mail_allows() -> None:
    for email in ("a@b", "x" * 242 + "@lasd.example"[:12]):
        given().when(replace(enrol, email=email)).then(replace(enrolled, email=email))
    given().when(replace(enrol, email="x" * 243 + "@lasd.example"[:12])).then_raises(InvalidValue, "email")
    given(enrolled).when(replace(move, name="")).then_raises(InvalidValue, "name")


@pytest.mark.parametrize(
    "changed",
    [{"name": "Jordan Lee-Park"}, {"email": "lee@lasd.example"}, {"organisation": Organisation.CITY_OF_WEST_HOLLYWOOD}],
)
def test_a_change_is_recorded_where_something_changes(changed: dict[str, Any]) -> None:
    same = ChangeDetails(LEE, enrolled.name, LASD, enrolled.email, ADMIN)
    given(enrolled).when(same).then_nothing()
    told = DetailsChanged(enrolled.name, LASD, enrolled.email, ADMIN)
    given(enrolled).when(replace(same, **changed)).then(replace(told, **changed))
    given(enrolled, replace(told, **changed)).when(replace(same, **changed)).then_nothing()


@pytest.mark.rule("people.roles")
def test_a_standing_tells_what_the_account_says() -> None:
    state = given(enrolled, trained, operator).state
    standing = PersonStanding(LEE, True, "Jordan Lee", LASD, frozenset({Role.WATCH_OPERATOR}), True, False, None)
    assert person_standing(LEE, state, NOW, ["watch_center_use"]) == standing
    assert person_standing(LEE, given().state, NOW) == PersonStanding(LEE, enrolled=False)


@pytest.mark.rule("launch.pilot")
def test_a_pilot_stands_by_what_is_on_record_and_by_nothing_else() -> None:
    nobody = PilotStanding(LEE, "", False, False, False, None, None, False)
    assert pilot_standing(LEE, given().state, NOW) == nobody
    fit = PilotStanding(LEE, "Jordan Lee", True, False, True, "4827193", TODAY, False)
    courses = ["watch_center_use"]
    assert pilot_standing(LEE, given(enrolled, trained, pilot, certified).state, NOW, courses) == fit
    observer = replace(certified, kind=CertificateKind.VISUAL_OBSERVER)
    suspended = Suspended(ADMIN, "inquiry")
    state = given(enrolled, operator, observer, suspended, MedicalHoldPlaced(LEE), MedicalHoldLifted(ADMIN)).state
    assert pilot_standing(LEE, state, NOW, courses) == replace(
        fit, has_role=False, suspended=True, trained=False, certificate=None, certificate_expires_on=None
    )


@pytest.mark.rule("people.training")
def test_the_expiry_of_a_certificate_is_that_of_its_kind() -> None:
    observer = replace(certified, kind=CertificateKind.VISUAL_OBSERVER, expires_on=TODAY + 10 * DAY)
    story = given(enrolled, replace(certified, expires_on=TODAY + 400 * DAY), observer)
    story.when(NoteExpiry(LEE, Expiring.CERTIFICATE, "visual_observer", ADMIN)).then(
        ExpiryApproaching(Expiring.CERTIFICATE, "visual_observer", TODAY + 10 * DAY)
    )
    story.when(NoteExpiry(LEE, Expiring.CERTIFICATE, "part_107", ADMIN)).then_nothing()
    assert expiry_notice_at(date(2026, 7, 1)) == datetime(2026, 6, 1, tzinfo=UTC)


def test_somebody_leaves_whom_the_station_suspended() -> None:
    suspended = Suspended(COMMANDER, "badge lost")
    assert not person_state(enrolled, suspended).left
    assert person_state(enrolled, suspended, Suspended(PERSONNEL_SYSTEM, "left")).left


def person_state(*happened: Event) -> Account:
    state = given(*happened).state
    assert isinstance(state, Account)
    return state


# -- oversight is not muted ----------------------------------------------------

AUDITOR, CITY = PersonId("aud"), PersonId("city-analyst")
OVERSIGHT = Organisation.OVERSIGHT
of_oversight = (replace(enrolled, organisation=OVERSIGHT), RoleAssigned(Role.AUDITOR, COMMANDER))
WHY = "has moved to another county"
ask = AskOversightChange(LEE, OversightChange.LEAVE, WHY, COMMANDER, LASD)
asked_to_leave = OversightChangeAsked(OversightChange.LEAVE, None, WHY, NOW + OVERSIGHT_ANSWERS_WITHIN, COMMANDER, LASD)
answer = AnswerOversightChange(LEE, AUDITOR, OVERSIGHT)
gone = (RoleRevoked(Role.AUDITOR, COMMANDER, WHY), Suspended(COMMANDER, WHY))


@pytest.mark.parametrize(
    "command",
    [
        Suspend(LEE, COMMANDER, "inquiry 26-14"),
        RevokeRole(LEE, Role.AUDITOR, COMMANDER, "no longer needed"),
        Leave(LEE, ADMIN, "left the department"),
        Leave(LEE, PERSONNEL_SYSTEM, "left"),
        replace(move, by=PERSONNEL_SYSTEM),
        ChangeDetails(LEE, "Jordan Lee", OVERSIGHT, "nowhere@lasd.example", ADMIN),
    ],
)
@pytest.mark.rule("oversight.not_muted")
def test_nobody_alone_takes_access_from_one_of_oversight_not_even_the_personnel_system(command: Command) -> None:
    (reason,) = given(*of_oversight).when(command).then_refused(ChangeRefused, "oversight_not_muted")
    assert (reason.field, reason.accepted) == ("person", "requestOversightChange, answered by one of oversight")


@pytest.mark.rule("oversight.not_muted")
def test_what_would_change_nothing_of_one_of_oversight_is_not_refused() -> None:
    given(*of_oversight).when(RevokeRole(LEE, Role.STATION_COMMANDER, COMMANDER, "never had it")).then_nothing()


@pytest.mark.rule("oversight.not_muted")
def test_one_of_oversight_goes_when_another_of_oversight_says_yes() -> None:
    given(*of_oversight).when(ask).then(asked_to_leave)
    confirmed = OversightChangeConfirmed(OversightChange.LEAVE, COMMANDER, AUDITOR, OVERSIGHT)
    given(*of_oversight, asked_to_leave).when(answer).then(*gone, confirmed)
    given(*of_oversight, asked_to_leave, *gone, confirmed).when(answer).then_raises(WrongState, "person")


@pytest.mark.rule("oversight.not_muted")
def test_each_change_is_done_as_it_was_asked_for() -> None:
    details = Details("Jordan Lee", Organisation.CITY_OF_WEST_HOLLYWOOD, "jlee@weho.example")
    for change, expected in (
        (OversightChange.SUSPEND, [Suspended(COMMANDER, WHY)]),
        (OversightChange.REVOKE_ROLE, [RoleRevoked(Role.AUDITOR, COMMANDER, WHY)]),
        (OversightChange.REVOKE_ACCESS, [AccessRevoked(NOW, COMMANDER, WHY)]),
        (
            OversightChange.CHANGE_DETAILS,
            [
                DetailsChanged(details.name, details.organisation, details.email, COMMANDER),
                RoleRevoked(Role.AUDITOR, COMMANDER, "moved to city_of_west_hollywood"),
            ],
        ),
    ):
        asking = replace(ask, change=change, details=details if change is OversightChange.CHANGE_DETAILS else None)
        *done, confirmed = given(*of_oversight).and_when(asking).when(answer).events()
        assert done == expected
        assert confirmed == OversightChangeConfirmed(change, COMMANDER, AUDITOR, OVERSIGHT)


@pytest.mark.rule("oversight.not_muted")
def test_oversight_may_say_no_and_whom_it_is_about_may_only_say_yes() -> None:
    waits = given(*of_oversight, asked_to_leave)
    no = OversightChangeDeclined(OversightChange.LEAVE, "she is still needed", COMMANDER, AUDITOR)
    waits.when(replace(answer, refusal="she is still needed")).then(no)
    given(*of_oversight, asked_to_leave, no).when(ask).then(asked_to_leave)
    waits.when(replace(answer, by=LEE, refusal="I stay")).then_refused(ChangeRefused, "own_account")
    confirmed = OversightChangeConfirmed(OversightChange.LEAVE, COMMANDER, LEE, OVERSIGHT)
    waits.when(replace(answer, by=LEE)).then(*gone, confirmed)


@pytest.mark.rule("oversight.not_muted")
def test_a_lone_auditor_who_is_gone_for_good_locks_nobody_out_for_ever() -> None:
    city = replace(answer, by=CITY, organisation=Organisation.CITY_OF_WEST_HOLLYWOOD)
    waits, later = given(*of_oversight, asked_to_leave), NOW + OVERSIGHT_ANSWERS_WITHIN
    waits.when(city, later - DAY).then_refused(ChangeRefused, "oversight_answers_first")
    confirmed = OversightChangeConfirmed(OversightChange.LEAVE, COMMANDER, CITY, Organisation.CITY_OF_WEST_HOLLYWOOD)
    waits.when(city, later).then(*gone, confirmed)
    of_same = replace(city, organisation=LASD)
    waits.when(of_same, later).then_refused(ChangeRefused, "same_organisation")
    waits.when(replace(of_same, by=COMMANDER), NOW).then_refused(
        ChangeRefused, "own_request", "oversight_answers_first", "same_organisation"
    )


def test_what_is_asked_about_one_of_oversight_is_whole_and_changes_something() -> None:
    given(enrolled, operator).when(ask).then_raises(InvalidValue, "person")
    given(*of_oversight, asked_to_leave).when(ask).then_raises(WrongState, "person")
    given(*of_oversight).when(replace(ask, reason="no")).then_raises(InvalidValue, "reason")
    given(*of_oversight).when(replace(ask, by=LEE)).then_refused(ChangeRefused, "own_account")
    details = Details("Jordan Lee", OVERSIGHT, "jlee@lasd.example")
    given(*of_oversight).when(replace(ask, details=details)).then_raises(InvalidValue, "details")
    to_details = replace(ask, change=OversightChange.CHANGE_DETAILS)
    given(*of_oversight).when(to_details).then_raises(InvalidValue, "details")
    given(*of_oversight).when(replace(to_details, details=details)).then_raises(WrongState, "change")
    given(*of_oversight).when(answer).then_raises(WrongState, "person")


@pytest.mark.rule("record.refusals")
def test_a_change_to_oversights_access_is_asked_for_and_declined_in_so_many_words() -> None:
    for length in (10, 200):
        assert given(*of_oversight).when(replace(ask, reason="x" * length)).events()
    for length in (9, 201):
        given(*of_oversight).when(replace(ask, reason="x" * length)).then_raises(InvalidValue, "reason")
    waiting = given(*of_oversight).and_when(ask)
    for length in (3, 500):
        assert waiting.when(replace(answer, refusal="x" * length)).events()
    for length in (2, 501):
        waiting.when(replace(answer, refusal="x" * length)).then_raises(InvalidValue, "refusal")


def test_a_training_is_corrected_in_so_many_words() -> None:
    correct = CorrectTraining(LEE, "watch_center_use", TODAY + 5 * DAY, "xxx", COMMANDER, None)
    for length in (3, 500):
        assert given(enrolled, trained).when(replace(correct, reason="x" * length)).events()
    for length in (2, 501):
        given(enrolled, trained).when(replace(correct, reason="x" * length)).then_raises(InvalidValue, "reason")
