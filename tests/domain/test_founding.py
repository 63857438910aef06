"""The first day: two people, on the record, and only once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.founding import (
    FOUNDING,
    ConfirmFounding,
    Founded,
    Founder,
    FoundingConfirmed,
    FoundingProposed,
    FoundingRefused,
    ProposeFounding,
    Unfounded,
    first_streams,
)
from domain.kernel import InvalidValue, PersonId, PolicyVersion, StreamId, WrongState
from domain.person import PERSON, Enrolled, Organisation, Role, RoleAssigned, TrainingCompleted, person_standing
from domain.policy import (
    POLICY,
    RECORD_ALL_KEEP_30_DAYS,
    PolicyAdopted,
    PolicyDrafted,
    parameters_sha256,
    policy_in_force,
)
from tests.domain.scenario import DAY, NOW, Scenario

given = Scenario(FOUNDING)
TODAY = NOW.date()
ADMIN, COMMANDER, GATEWAY = PersonId("admin"), PersonId("commander"), PersonId("drone-gateway")
CITY, LASD = Organisation.CITY_OF_WEST_HOLLYWOOD, Organisation.LASD_WEST_HOLLYWOOD
RULES = "c" * 64
administrator = Founder(ADMIN, "Sam Ortiz", CITY, "sortiz@weho.example", TODAY, TODAY + DAY)
commander = Founder(COMMANDER, "Kim Doyle", LASD, "kdoyle@lasd.example", TODAY, TODAY + DAY)
gateway = Founder(GATEWAY, "Drone gateway", CITY, "it@weho.example")
propose = ProposeFounding(
    administrator, commander, (gateway,), RECORD_ALL_KEEP_30_DAYS, RULES, "the pilot begins", ADMIN, 0
)
proposed = FoundingProposed(
    administrator,
    commander,
    (gateway,),
    RECORD_ALL_KEEP_30_DAYS,
    parameters_sha256(RECORD_ALL_KEEP_30_DAYS),
    RULES,
    "the pilot begins",
    ADMIN,
)
confirm = ConfirmFounding(RULES, parameters_sha256(RECORD_ALL_KEEP_30_DAYS), COMMANDER, 0)
confirmed = FoundingConfirmed(ADMIN, COMMANDER, parameters_sha256(RECORD_ALL_KEEP_30_DAYS), RULES)


def test_one_of_the_two_proposes_and_the_other_confirms() -> None:
    given().when(propose).then(proposed)
    given(proposed).when(confirm).then(confirmed)
    by_commander = replace(proposed, proposed_by=COMMANDER)
    given().when(replace(propose, by=COMMANDER)).then(by_commander)
    given(by_commander).when(replace(confirm, by=ADMIN)).then_types(FoundingConfirmed)


@pytest.mark.rule("policy.two_people")
def test_nobody_starts_the_watch_center_alone() -> None:
    given(proposed).when(replace(confirm, by=ADMIN)).then_refused(FoundingRefused, "same_person")


@pytest.mark.rule("policy.two_people")
def test_nobody_else_starts_it() -> None:
    stranger = PersonId("stranger")
    given().when(replace(propose, by=stranger)).then_refused(FoundingRefused, "not_a_founder")
    given(proposed).when(replace(confirm, by=stranger)).then_refused(FoundingRefused, "not_a_founder")


def test_a_proposal_may_be_made_again_before_it_is_confirmed() -> None:
    refused = FoundingRefused(ADMIN, ())
    given(proposed, refused).when(replace(propose, summary="once more")).then(replace(proposed, summary="once more"))
    given(proposed, refused).when(confirm).then(confirmed)


def test_it_is_started_only_once_and_only_in_an_empty_log() -> None:
    given(proposed, confirmed).when(propose).then_raises(WrongState)
    given(proposed, confirmed).when(confirm).then_raises(WrongState)
    given().when(replace(propose, other_events=1)).then_raises(WrongState)
    given(proposed).when(replace(confirm, other_events=1)).then_raises(WrongState)
    given().when(confirm).then_raises(WrongState)


def test_the_second_person_names_what_he_read() -> None:
    given(proposed).when(replace(confirm, parameters_sha256="0" * 64)).then_raises(InvalidValue, "parameters_sha256")
    given(proposed).when(replace(confirm, cedar_set_sha256="0" * 64)).then_raises(InvalidValue, "cedar_set_sha256")


def test_the_founders_are_two_trained_people_of_suitable_organisations() -> None:
    def refuses(field: str, **changed: object) -> None:
        given().when(replace(propose, **changed)).then_raises(InvalidValue, field)  # type: ignore[arg-type]

    refuses("commander", commander=replace(commander, person=ADMIN))
    refuses("commander.organisation", commander=replace(commander, organisation=CITY))
    refuses("administrator.trained_on", administrator=replace(administrator, trained_on=None))
    refuses("administrator.trained_on", administrator=replace(administrator, trained_on=TODAY + DAY))
    refuses("commander.training_expires_on", commander=replace(commander, training_expires_on=TODAY))
    refuses("services.organisation", services=(replace(gateway, organisation=Organisation.BLOCK_BY_BLOCK),))
    refuses("cedar_set_sha256", cedar_set_sha256="abc")
    refuses("prohibited", parameters=replace(RECORD_ALL_KEEP_30_DAYS, prohibited=()))


def test_the_first_accounts_have_access_and_the_first_policy_is_in_force() -> None:
    streams = first_streams(proposed, confirmed, NOW)
    assert set(streams) == {
        StreamId("person-admin"),
        StreamId("person-commander"),
        StreamId("person-drone-gateway"),
        StreamId("policy-use"),
    }
    roles = {ADMIN: Role.ADMINISTRATOR, COMMANDER: Role.STATION_COMMANDER, GATEWAY: Role.SERVICE}
    for person, role in roles.items():
        state = PERSON.fold(streams[PERSON.stream(person)])  # type: ignore[arg-type]
        standing = person_standing(person, state, NOW, RECORD_ALL_KEEP_30_DAYS.required_courses)
        assert standing.has_access
        assert standing.roles == {role}
    current = policy_in_force(POLICY.fold(streams[StreamId("policy-use")]), NOW)  # type: ignore[arg-type]
    assert current is not None
    assert (current.version, current.cedar_set_sha256) == (1, RULES)


def test_each_of_the_two_vouches_for_the_other() -> None:
    for first, other in ((ADMIN, COMMANDER), (COMMANDER, ADMIN)):
        proposal = replace(proposed, proposed_by=first)
        streams = first_streams(proposal, replace(confirmed, proposed_by=first, confirmed_by=other), NOW)
        for person, voucher in ((ADMIN, COMMANDER), (COMMANDER, ADMIN)):
            (assigned,) = [e for e in streams[PERSON.stream(person)] if isinstance(e, RoleAssigned)]
            assert assigned.assigned_by == voucher


# -- limits, and what is kept ----------------------------------------------------------


def test_a_founder_is_told_which_field_is_wrong() -> None:
    for field, founder in (("administrator", administrator), ("commander", commander)):
        for changed in (
            {"person": PersonId("no identity")},
            {"name": ""},
            {"email": "ab"},
            {"email": "x" * 255},
            {"organisation": Organisation.BLOCK_BY_BLOCK},
            {"trained_on": None},
            {"trained_on": TODAY + DAY},
            {"training_expires_on": None},
            {"training_expires_on": TODAY},
        ):
            (name,) = changed
            wrong = replace(propose, **{field: replace(founder, **changed)})  # type: ignore[arg-type]
            given().when(wrong).then_raises(InvalidValue, f"{field}.{name}")
        for email in ("a@b", "x" * 254):
            addressed = replace(founder, email=email)
            assert given().when(replace(propose, **{field: addressed})).events()  # type: ignore[arg-type]
    suitable = given().when(replace(propose, commander=replace(commander, organisation=CITY))).then_raises(InvalidValue)
    assert suitable.accepted == "lasd_west_hollywood"
    either = replace(administrator, organisation=Organisation.OVERSIGHT)
    assert given().when(replace(propose, administrator=either)).then_raises(InvalidValue).accepted == (
        "city_of_west_hollywood, lasd_west_hollywood"
    )
    nameless = replace(propose, services=(replace(gateway, name=""),))
    given().when(nameless).then_raises(InvalidValue, "services.name")


def test_there_are_so_many_services_and_each_is_another() -> None:
    services = tuple(replace(gateway, person=PersonId(f"service-{n}")) for n in range(21))
    given().when(replace(propose, services=services[:20])).then_types(FoundingProposed)
    given().when(replace(propose, services=services)).then_raises(InvalidValue, "services")
    given().when(replace(propose, services=(gateway, gateway))).then_raises(InvalidValue, "commander")
    for length in (3, 1000):
        given().when(replace(propose, summary="x" * length)).then(replace(proposed, summary="x" * length))
    for length in (2, 1001):
        given().when(replace(propose, summary="x" * length)).then_raises(InvalidValue, "summary")


@pytest.mark.rule("record.refusals")
def test_who_may_not_start_the_watch_center_is_on_the_record() -> None:
    stranger = PersonId("stranger")
    for story, command in ((given(), replace(propose, by=stranger)), (given(proposed), replace(confirm, by=stranger))):
        (refused,) = story.when(command).events()
        assert isinstance(refused, FoundingRefused) and refused.requested_by == stranger
    wrong = given(proposed).when(replace(confirm, parameters_sha256="0" * 64)).then_raises(InvalidValue)
    assert wrong.accepted == proposed.parameters_sha256
    wrong = given(proposed).when(replace(confirm, cedar_set_sha256="0" * 64)).then_raises(InvalidValue)
    assert wrong.accepted == RULES
    assert given(proposed, confirmed).state == Founded(proposed, COMMANDER)
    assert given(confirmed).state == Unfounded()


def test_the_first_streams_hold_what_was_confirmed_and_nothing_else() -> None:
    streams = first_streams(proposed, confirmed, NOW)
    hashes = (RULES, parameters_sha256(RECORD_ALL_KEEP_30_DAYS))
    assert streams[StreamId("policy-use")] == [
        PolicyDrafted(PolicyVersion(1), None, RECORD_ALL_KEEP_30_DAYS, hashes[1], RULES, "the pilot begins", ADMIN),
        PolicyAdopted(PolicyVersion(1), (ADMIN, COMMANDER), *hashes, NOW),
    ]
    assert streams[StreamId("person-admin")] == [
        Enrolled("Sam Ortiz", CITY, "sortiz@weho.example", COMMANDER),
        TrainingCompleted("watch_center_use", TODAY, TODAY + DAY, COMMANDER),
        RoleAssigned(Role.ADMINISTRATOR, COMMANDER),
    ]
    assert streams[StreamId("person-drone-gateway")] == [
        Enrolled("Drone gateway", CITY, "it@weho.example", COMMANDER),
        RoleAssigned(Role.SERVICE, COMMANDER),
    ]
    half = replace(proposed, services=(replace(gateway, trained_on=TODAY),))
    assert first_streams(half, confirmed, NOW)[StreamId("person-drone-gateway")] == [
        Enrolled("Drone gateway", CITY, "it@weho.example", COMMANDER),
        RoleAssigned(Role.SERVICE, COMMANDER),
    ]
