"""A process that came after the first day gets its account by two people, and none can do it alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from application.handling import Accepted, Refused
from application.service_accounts import Lacks, NoServiceAccount, ServiceAccounts, service_founders
from application.standing import SERVICES
from domain.kernel import PersonId
from domain.person import Enrolled, Role, RoleAssigned, Suspend
from tests.application.small_center import ADMIN, CAPTAIN, SmallCenter, done, small_center

NEWER = {PersonId("service-media"), PersonId("service-exporter")}
MEDIA = "service-media"


@pytest.fixture
def older(database_url: str) -> Iterator[SmallCenter]:
    """A watch center that was founded before there were some of the processes of today."""
    with small_center(database_url, found=False) as center:
        center.found([each for each in service_founders() if each.person not in NEWER])
        yield center


def lacking(center: SmallCenter) -> dict[str, Lacks]:
    return {each.person: each.lacks for each in ServiceAccounts(center.handler).all() if each.lacks is not None}


@pytest.mark.rule("people.one_account")
def test_one_enrols_what_is_missing_and_another_gives_it_its_role(older: SmallCenter) -> None:
    accounts = ServiceAccounts(older.handler)
    assert lacking(older) == dict.fromkeys(NEWER, Lacks.ACCOUNT)
    accounts.require("service-recorder")
    with pytest.raises(NoServiceAccount, match=r"service-media has no account.*enrol-services.*confirm-services"):
        accounts.require(MEDIA)
    told = accounts.enrol(older.signed_on(ADMIN))
    assert told.keys() == NEWER and all(isinstance(each, Accepted) for each in told.values())
    assert lacking(older) == dict.fromkeys(NEWER, Lacks.ROLE)
    with pytest.raises(NoServiceAccount, match="service-media has no role"):
        accounts.require(MEDIA)
    (alone,) = accounts.confirm(older.signed_on(ADMIN)).values()
    assert isinstance(alone, Refused) and alone.reasons[0].code == "enrolled_by_same_person"
    told = accounts.confirm(older.signed_on(CAPTAIN))
    assert told.keys() == NEWER and all(isinstance(each, Accepted) for each in told.values())
    assert lacking(older) == {}
    accounts.require(MEDIA)
    said = [each.event for each in older.events(f"person-{MEDIA}")]
    founder = next(each for each in service_founders() if each.person == MEDIA)
    assert said[0] == Enrolled(founder.name, founder.organisation, founder.email, PersonId(ADMIN))
    assert said[-1] == RoleAssigned(Role.SERVICE, PersonId(CAPTAIN))
    assert accounts.enrol(older.signed_on(ADMIN)) == accounts.confirm(older.signed_on(CAPTAIN)) == {}


def test_nobody_does_it_whose_part_it_is_not(older: SmallCenter) -> None:
    accounts, deputy = ServiceAccounts(older.handler), older.enrolled("dee", Role.WATCH_OPERATOR)
    for who in (CAPTAIN, deputy):
        (refused,) = accounts.enrol(older.signed_on(who)).values()
        assert isinstance(refused, Refused) and refused.reasons[0].code == "not_permitted"
    assert lacking(older) == dict.fromkeys(NEWER, Lacks.ACCOUNT)
    accounts.enrol(older.signed_on(ADMIN))
    for actor in (older.signed_on(deputy), older.signed_on(CAPTAIN, step_up=False)):
        (refused,) = accounts.confirm(actor).values()
        assert isinstance(refused, Refused)
    assert lacking(older) == dict.fromkeys(NEWER, Lacks.ROLE)


def test_one_that_was_suspended_is_named_and_is_no_matter_of_the_founding(older: SmallCenter) -> None:
    suspended = Suspend(PersonId("service-recorder"), PersonId(CAPTAIN), "its machine was stolen")
    done(older.accounts.change(older.signed_on(CAPTAIN), suspended))
    assert lacking(older)["service-recorder"] is Lacks.ACCESS
    ServiceAccounts(older.handler).require("service-recorder")


def test_before_the_founding_nothing_is_asked_of_anybody(database_url: str) -> None:
    with small_center(database_url, found=False) as center:
        ServiceAccounts(center.handler).require(MEDIA)
        assert lacking(center) == dict.fromkeys(SERVICES, Lacks.ACCOUNT)
