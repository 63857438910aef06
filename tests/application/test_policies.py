"""The use policy at work on the real store: from when it binds, whom it asks, which access rules it goes with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from application.handling import Mistaken, Refused
from application.policies import Policies, PolicyNotAdopted
from domain.person import Role
from domain.policy import (
    RECORD_ALL_KEEP_30_DAYS,
    RECORD_ON_APPROVAL_KEEP_2_YEARS,
    SecondPersonRule,
    parameters_sha256,
    policy_in_force,
)
from tests.application.small_center import ADMIN, CAPTAIN, SmallCenter, done, small_center
from tests.application.test_overrides import REASON, WARRANT, Pool

HOUR = timedelta(hours=1)
LASD = RECORD_ON_APPROVAL_KEEP_2_YEARS


@pytest.fixture
def center(database_url: str) -> Iterator[SmallCenter]:
    with small_center(database_url) as made:
        yield made


def adopted(center: SmallCenter, parameters: object, after: timedelta = timedelta()) -> None:
    policies, rules = Policies(center.handler), center.handler.authoriser.set_hash
    done(policies.draft(center.signed_on(ADMIN), parameters, "the next one"))  # type: ignore[arg-type]
    version = len(policies.book().drafts)
    begins = center.clock.now() + after if after else None
    hash_ = parameters_sha256(parameters)  # type: ignore[arg-type]
    done(policies.adopt(center.signed_on(CAPTAIN), version, hash_, rules, begins))


def in_force(center: SmallCenter) -> int | None:
    current = policy_in_force(Policies(center.handler).book(), center.clock.now())
    return current.version if current else None


@pytest.mark.rule("policy.versions")
def test_a_policy_binds_from_its_time_on_and_events_name_the_one_of_their_moment(center: SmallCenter) -> None:
    adopted(center, LASD, after=24 * HOUR)
    assert in_force(center) == 1
    center.signed_on(CAPTAIN)
    assert center.all_events()[-1].envelope.policyversion == 1
    center.clock.step(24 * HOUR)
    assert in_force(center) == 2
    center.signed_on(CAPTAIN)
    assert center.all_events()[-1].envelope.policyversion == 2


@pytest.mark.rule("policy.second_person")
def test_the_second_person_is_whom_the_policy_names_and_the_refusal_says_whom(center: SmallCenter) -> None:
    captains = SecondPersonRule("approve_override", (Role.STATION_COMMANDER,))
    pool = Pool(center)
    key = done(pool.overrides.request(pool.deputy, pool.plan(), WARRANT, REASON)).key
    adopted(center, replace(RECORD_ALL_KEEP_30_DAYS, second_persons=(captains,)))
    refused = pool.overrides.approve(pool.sergeant, key)
    assert isinstance(refused, Refused), refused
    (reason,) = refused.reasons
    assert (reason.code, reason.accepted) == ("not_second_person", "station_commander")
    assert refused.decided_by == "second-person@policy-2"
    adopted(center, RECORD_ALL_KEEP_30_DAYS)
    done(pool.overrides.approve(pool.sergeant, key))


@pytest.mark.rule("policy.two_people")
def test_two_people_put_a_policy_out_of_force(center: SmallCenter) -> None:
    policies, captain = Policies(center.handler), center.signed_on(CAPTAIN)
    done(policies.propose_retirement(captain, 1, "the council has paused the pilot"))
    assert isinstance(policies.retire(captain, 1), Refused)
    other = center.signed_on(center.enrolled("cleo", Role.STATION_COMMANDER))
    assert in_force(center) == 1
    done(policies.retire(other, 1))
    assert in_force(center) is None


def test_a_process_refuses_access_rules_that_were_not_adopted(center: SmallCenter) -> None:
    policies, coming = Policies(center.handler), "c" * 64
    policies.check_adopted()
    done(policies.draft(center.signed_on(ADMIN), LASD, "with the next release", cedar_set_sha256=coming))
    begins = center.clock.now() + HOUR
    done(policies.adopt(center.signed_on(CAPTAIN), 2, parameters_sha256(LASD), coming, begins))
    policies.check_adopted()  # those of today bind until then
    center.clock.step(HOUR)
    with pytest.raises(PolicyNotAdopted):
        policies.check_adopted()
    # and one that has been running all the while decides nothing more
    told = policies.draft(center.signed_on(ADMIN), LASD, "by rules of yesterday")
    assert isinstance(told, Mistaken) and (told.code, told.field) == ("wrong_state", "policy")
    assert told.accepted == "the rules of policy version 2"
