"""Oversight cannot be muted by those it oversees, and nobody is locked out for ever: on the real store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.notify import MailServer, OutsideMessenger
from application import deadlines
from application.accounts import SignOnRefused
from application.deadlines import Due
from application.handling import Actor, Outcome, Refused
from application.people import Employee, Provisioning
from application.scheduler import Scheduler
from domain.kernel import PersonId
from domain.notice import NotificationSent
from domain.person import (
    OVERSIGHT_ANSWERS_WITHIN,
    AssignRole,
    ChangeDetails,
    ChangeRefused,
    CorrectTraining,
    Organisation,
    OversightChange,
    RecordTraining,
    RevokeAccess,
    RevokeRole,
    Role,
    Suspend,
)
from domain.session import AttemptRefused
from tests.adapters.notify.receivers import mail_server
from tests.application.small_center import ADMIN, CAPTAIN, SmallCenter, done, small_center
from tests.application.test_notices import Telling

AUD, KIM, ANALYST = PersonId("aud"), PersonId("kim"), PersonId("ana")
OVERSIGHT, CITY = Organisation.OVERSIGHT, Organisation.CITY_OF_WEST_HOLLYWOOD
WHY = "has moved to another county"


@pytest.fixture
def center(database_url: str) -> Iterator[SmallCenter]:
    with small_center(database_url) as center:
        for auditor in (AUD, KIM):
            center.enrolled(auditor, Role.AUDITOR, organisation=OVERSIGHT)
        yield center


def codes(outcome: Outcome) -> list[str]:
    assert isinstance(outcome, Refused), outcome
    return [reason.code for reason in outcome.reasons]


def asked(center: SmallCenter, actor: Actor | None = None, about: PersonId = AUD) -> Outcome:
    captain = actor or center.signed_on(CAPTAIN)
    return center.accounts.ask_oversight_change(captain, about, OversightChange.LEAVE, WHY)


def types(center: SmallCenter, stream: str) -> list[str]:
    return [type(r.event).__name__ for r in center.events(stream)]


@pytest.mark.rule("oversight.not_muted")
def test_neither_captain_nor_it_alone_takes_anything_from_one_of_oversight(center: SmallCenter) -> None:
    before = types(center, f"person-{AUD}")
    for by in (CAPTAIN, ADMIN):
        actor, person = center.signed_on(by), PersonId(by)
        moved = ChangeDetails(AUD, "aud", Organisation.LASD_WEST_HOLLYWOOD, "aud@lasd.example", person)
        for command in (
            Suspend(AUD, person, "asks too much"),
            RevokeRole(AUD, Role.AUDITOR, person, "asks too much"),
            RevokeAccess(AUD, person, "asks too much"),
            *([moved] if by == ADMIN else []),
        ):
            told = center.accounts.change(actor, command)
            assert codes(told) == ["oversight_not_muted"]
            assert isinstance(told, Refused) and told.reasons[0].accepted
            tried = center.events(f"session-{actor.session}")[-1].event
            assert isinstance(tried, AttemptRefused) and tried.target == f"person-{AUD}"
            assert tried.rule.startswith("oversight-is-not-muted@")
    assert types(center, f"person-{AUD}") == before


@pytest.mark.rule("oversight.not_muted")
def test_a_console_of_oversight_is_closed_by_oversight_and_by_nobody_else(center: SmallCenter) -> None:
    console, captain, kim = center.signed_on(AUD), center.signed_on(CAPTAIN), center.signed_on(KIM)
    told = center.accounts.revoke_session(captain, console.session, "left at the front desk")
    assert codes(told) == ["oversight_not_muted"]
    assert center.accounts.standing(console) is not None
    done(center.accounts.revoke_session(kim, console.session, "left at the front desk"))
    assert center.accounts.standing(console) is None
    done(center.accounts.change(kim, RevokeAccess(AUD, KIM, "phone stolen")))
    assert isinstance(center.accounts.revoke_session(kim, captain.session, "revenge"), Refused)


@pytest.mark.rule("oversight.not_muted")
def test_nobody_is_shut_out_of_oversight_by_a_training_that_it_does_not_enter_or_shortens(center: SmallCenter) -> None:
    kim, admin, today = center.signed_on(KIM), center.signed_on(ADMIN), center.clock.now().date()
    year = timedelta(days=365)
    shorter = CorrectTraining(AUD, "watch_center_use", today - year, "so that it has run out", PersonId(ADMIN))
    assert codes(center.accounts.change(admin, shorter)) == ["oversight_not_muted"]
    done(center.accounts.change(kim, RecordTraining(AUD, "watch_center_use", today, today + 2 * year, KIM)))
    done(center.accounts.change(kim, replace(shorter, by=KIM, expires_on=today + year, reason="the year was wrong")))
    own = RecordTraining(KIM, "watch_center_use", today, today + 2 * year, KIM)
    assert codes(center.accounts.change(kim, own)) == ["not_permitted"]
    dee = center.enrolled("dee", Role.WATCH_OPERATOR)
    other = RecordTraining(PersonId(dee), "watch_center_use", today, today + year, KIM)
    assert codes(center.accounts.change(kim, other)) == ["not_permitted"]


@pytest.mark.rule("oversight.not_muted")
def test_the_personnel_system_takes_no_access_from_oversight_and_its_attempt_is_on_the_record(
    center: SmallCenter,
) -> None:
    provisioning = Provisioning(center.handler)
    known = Employee(AUD, "aud", OVERSIGHT, "aud@weho.example")
    done(provisioning.apply(known))  # as it is
    moved = replace(known, organisation=Organisation.LASD_WEST_HOLLYWOOD)
    for wanted in (replace(known, active=False), moved, replace(known, email="nobody@weho.example")):
        assert codes(provisioning.apply(wanted)) == ["oversight_not_muted"]
        refused = center.events(f"person-{AUD}")[-1].event
        assert isinstance(refused, ChangeRefused) and refused.requested_by == "service-provisioning"
    assert center.signed_on(AUD).roles == {"auditor"}


@pytest.mark.rule("oversight.not_muted")
def test_one_of_oversight_leaves_when_another_of_oversight_confirms_after_a_step_up(center: SmallCenter) -> None:
    console = center.signed_on(AUD)
    assert codes(asked(center, center.signed_on(CAPTAIN, step_up=False))) == ["step_up_required"]
    done(asked(center))
    assert center.accounts.standing(console) is not None
    answer = center.accounts.answer_oversight_change
    assert codes(answer(center.signed_on(KIM, step_up=False), AUD)) == ["step_up_required"]
    assert isinstance(answer(center.signed_on(ADMIN), AUD), Refused)
    done(answer(center.signed_on(KIM), AUD))
    steps = ["OversightChangeAsked", "RoleRevoked", "Suspended", "OversightChangeConfirmed"]
    assert types(center, f"person-{AUD}")[-4:] == steps
    with pytest.raises(SignOnRefused, match="suspended"):
        center.signed_on(AUD)


@pytest.mark.rule("oversight.not_muted")
def test_the_city_answers_for_oversight_only_after_a_week_of_silence(center: SmallCenter) -> None:
    center.enrolled(ANALYST, Role.CITY_ANALYST, organisation=CITY)
    done(asked(center))
    answer = center.accounts.answer_oversight_change
    assert codes(answer(center.signed_on(ANALYST), AUD)) == ["oversight_answers_first"]
    center.clock.step(OVERSIGHT_ANSWERS_WITHIN)
    done(answer(center.signed_on(ANALYST), AUD))
    assert types(center, f"person-{AUD}")[-1] == "OversightChangeConfirmed"


@pytest.mark.rule("oversight.not_muted")
@pytest.mark.rule("record.notified")
def test_all_of_oversight_are_told_when_it_is_asked_refused_left_unanswered_and_done(center: SmallCenter) -> None:
    center.enrolled(ANALYST, Role.CITY_ANALYST, organisation=CITY)
    with mail_server() as box:
        server = MailServer(f"smtp://127.0.0.1:{box.port}", "watch@weho.example")
        telling = Telling(center, OutsideMessenger(server))
        telling.run()
        captain = center.signed_on(CAPTAIN)
        center.accounts.change(captain, Suspend(AUD, PersonId(CAPTAIN), "asks too much"))
        Provisioning(center.handler).apply(Employee(AUD, "aud", OVERSIGHT, "aud@weho.example", active=False))
        done(asked(center, captain))
        telling.run()
        center.clock.step(OVERSIGHT_ANSWERS_WITHIN + timedelta(minutes=1))
        due: dict[tuple[str, str], Due] = {}
        for recorded in center.all_events():
            for change in deadlines.changes(recorded):
                if isinstance(change, Due) and change.kind == "oversight_change_overdue":
                    due[change.stream, change.kind] = change
        Scheduler(center.handler, lambda at: [d for d in due.values() if d.at <= at]).look()
        telling.run()
        done(center.accounts.answer_oversight_change(center.signed_on(KIM), AUD))
        telling.run()
    told = {(sent.event.rule, sent.event.person) for sent in telling.of(NotificationSent)}
    for code in ("oversight_attempt_refused", "oversight_change_refused", "oversight_change_asked"):
        assert {(code, AUD), (code, KIM)} <= told
    assert {("oversight_change_overdue", who) for who in (AUD, KIM, ANALYST)} <= told
    assert ("oversight_change_done", CAPTAIN) in told and ("oversight_change_done", KIM) not in told  # who did it


@pytest.mark.rule("people.one_account")
def test_who_runs_the_personnel_system_gives_no_role_to_whom_it_enrolled(center: SmallCenter) -> None:
    dee = PersonId("dee")
    done(Provisioning(center.handler).apply(Employee(dee, "Dee", Organisation.LASD_WEST_HOLLYWOOD, "dee@lasd.example")))
    admin, captain = center.signed_on(ADMIN), center.signed_on(CAPTAIN)
    assert codes(center.accounts.change(admin, AssignRole(dee, Role.WATCH_OPERATOR, PersonId(ADMIN)))) == [
        "not_permitted"
    ]
    done(center.accounts.change(captain, AssignRole(dee, Role.WATCH_OPERATOR, PersonId(CAPTAIN))))
