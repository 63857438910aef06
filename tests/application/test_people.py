"""Joiner, mover, leaver; consoles closed by others; expiries told; shifts handed over: on the real store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from application import deadlines
from application.accounts import Proof, SignOnRefused
from application.deadlines import Due
from application.handling import Mistaken, Refused
from application.people import PROVISIONING, Employee, Provisioning, Shifts
from application.scheduler import Scheduler
from domain.kernel import PersonId, StreamId
from domain.person import ExpiryApproaching, Organisation, RecordTraining, RevokeAccess, Role, Suspend
from domain.session import SignedOff, SignOffReason
from domain.shift import OpenItem, OpenKind, ShiftHandedOver
from tests.application.small_center import ADMIN, CAPTAIN, SmallCenter, done, small_center

DAY = timedelta(days=1)


@pytest.fixture
def center(database_url: str) -> Iterator[SmallCenter]:
    with small_center(database_url) as center:
        yield center


DEE = Employee(PersonId("dee"), "Dee Vance", Organisation.LASD_WEST_HOLLYWOOD, "dee@lasd.example")


def types(center: SmallCenter, stream: str) -> list[str]:
    return [type(r.event).__name__ for r in center.events(stream)]


def test_a_joiner_gets_an_account_and_no_role(center: SmallCenter) -> None:
    provisioning = Provisioning(center.handler)
    done(provisioning.apply(DEE))
    done(provisioning.apply(DEE))  # told every night, changed once
    assert types(center, "person-dee") == ["Enrolled"]
    assert center.events("person-dee")[0].envelope.actorid == PROVISIONING
    with pytest.raises(SignOnRefused, match="no role"):
        center.signed_on("dee")


def test_a_mover_and_a_leaver_lose_what_no_longer_suits(center: SmallCenter) -> None:
    center.enrolled("dee", Role.WATCH_OPERATOR)
    provisioning = Provisioning(center.handler)
    moved = replace(DEE, organisation=Organisation.CITY_OF_WEST_HOLLYWOOD)
    done(provisioning.apply(moved))
    assert types(center, "person-dee")[-2:] == ["DetailsChanged", "RoleRevoked"]
    done(provisioning.apply(replace(moved, active=False)))
    done(provisioning.apply(replace(moved, active=False)))
    assert types(center, "person-dee")[-1] == "Suspended"
    done(provisioning.apply(moved))
    assert types(center, "person-dee")[-1] == "Reinstated"


def test_the_personnel_system_lifts_no_suspension_of_somebody_else(center: SmallCenter) -> None:
    center.enrolled("dee", Role.WATCH_OPERATOR)
    captain = center.signed_on(CAPTAIN)
    done(center.accounts.change(captain, Suspend(DEE.person, PersonId(CAPTAIN), "under investigation")))
    done(Provisioning(center.handler).apply(DEE))
    account = Provisioning(center.handler).known("dee")
    assert account is not None and account.suspended


def test_a_suspension_of_somebody_who_had_left_outlasts_their_coming_back(center: SmallCenter) -> None:
    center.enrolled("dee", Role.WATCH_OPERATOR)
    provisioning, captain = Provisioning(center.handler), center.signed_on(CAPTAIN)
    done(provisioning.apply(replace(DEE, active=False)))
    done(center.accounts.change(captain, Suspend(DEE.person, PersonId(CAPTAIN), "under investigation")))
    done(provisioning.apply(DEE))
    lifted = [name for name in types(center, "person-dee") if name in ("Suspended", "Reinstated")]
    assert lifted == ["Suspended", "Suspended", "Reinstated"]
    account = provisioning.known("dee")
    assert account is not None and account.suspended and not account.left


def test_services_are_not_the_personnel_system_s(center: SmallCenter) -> None:
    provisioning = Provisioning(center.handler)
    done(provisioning.apply(replace(DEE, person=PersonId("service-reactor"), active=False)))
    assert "Suspended" not in types(center, "person-service-reactor")
    assert provisioning.known("service-reactor") is None


def test_a_revoked_console_is_of_no_use_and_says_who_closed_it(center: SmallCenter) -> None:
    center.enrolled("dee", Role.WATCH_OPERATOR)
    console, captain = center.signed_on("dee"), center.signed_on(CAPTAIN)
    done(center.accounts.revoke_session(captain, console.session, "left at the front desk"))
    last = center.events(f"session-{console.session}")[-1]
    assert (last.event, last.envelope.actorid) == (SignedOff(SignOffReason.REVOKED), CAPTAIN)
    assert center.accounts.standing(console) is None
    assert isinstance(center.accounts.revoke_session(console, captain.session, "revenge"), Refused)


def test_after_access_was_revoked_an_earlier_proof_opens_nothing(center: SmallCenter) -> None:
    center.enrolled("dee", Role.WATCH_OPERATOR)
    captain = center.signed_on(CAPTAIN)
    before = center.clock.now()
    center.clock.step(timedelta(minutes=1))
    done(center.accounts.change(captain, RevokeAccess(DEE.person, PersonId(CAPTAIN), "phone stolen")))
    center.clock.step(timedelta(minutes=1))

    def proof(session: str, shown: bool) -> Proof:
        at = center.clock.now()
        return Proof("dee", session, "https://id.test", "otp", at + DAY, authenticated_at=at if shown else before)

    with pytest.raises(SignOnRefused, match="revoked"):
        center.accounts.sign_on(proof("session-old-token", False), "198.51.100.23")
    assert center.accounts.sign_on(proof("session-new-token", True), "198.51.100.23").person == "dee"


def test_an_expiring_training_is_told_once_and_not_where_it_was_renewed(center: SmallCenter) -> None:
    center.enrolled("dee", Role.WATCH_OPERATOR, trained_until=40 * DAY)
    center.enrolled("eve", Role.WATCH_OPERATOR, trained_until=40 * DAY)
    today = center.clock.now().date()
    course = RecordTraining(PersonId("eve"), "watch_center_use", today, today + 400 * DAY, PersonId(ADMIN))
    done(center.accounts.change(center.signed_on(ADMIN), course))
    listed: list[Due] = []
    for recorded in center.all_events():
        listed += [c for c in deadlines.changes(recorded) if isinstance(c, Due) and c.kind.startswith("expiry")]
    center.clock.step(11 * DAY)
    for _ in range(2):  # the second has just started
        Scheduler(center.handler, lambda at: sorted((d for d in listed if d.at <= at), key=lambda d: d.at)).look()
    told = [r for r in center.all_events() if isinstance(r.event, ExpiryApproaching)]
    assert [(r.stream, r.event.expires_on) for r in told] == [("person-dee", today + 40 * DAY)]


OPEN = OpenItem(OpenKind.CALL, StreamId("call-26-1"))


def test_a_shift_is_handed_over_with_what_is_open(center: SmallCenter) -> None:
    center.enrolled("dee", Role.WATCH_OPERATOR)
    center.enrolled("eve", Role.WATCH_SUPERVISOR)
    dee, shifts = center.signed_on("dee"), Shifts(center.handler)
    answer = done(shifts.hand_over(dee, "eve", [OPEN], 17, "the search goes on"))
    (handed,) = center.events(answer.stream)
    assert isinstance(handed.event, ShiftHandedOver) and handed.event.open_items == (OPEN,)
    assert isinstance(shifts.hand_over(dee, ADMIN, [], 17, ""), Refused)
    assert isinstance(shifts.hand_over(dee, "dee", [], 17, ""), Mistaken)
