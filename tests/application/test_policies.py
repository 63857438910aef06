"""The use policy at work on the real store: from when it binds, whom it asks, which access rules it goes with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest

from adapters.cedar import PolicyFiles
from adapters.heartbeats import PostgresHeartbeats
from application.accounts import Accounts
from application.cameras import Cameras
from application.fleet import Fleet
from application.flights import Flights
from application.handling import Actor, Mistaken, Outcome, Refused
from application.policies import Policies, PolicyNotAdopted
from application.reactions.looking import EndViewsThatAreNoLongerLet
from application.standing import service
from application.views import Permit, Views
from domain.camera import InstallCamera, NoteOnline
from domain.dock import CommissionDock
from domain.drone import OrderOutcome, ReadyDrone, RegisterDrone, SafetyOrder
from domain.flight_commands import RecordLanding, RecordLaunch
from domain.flight_events import Observation
from domain.grounds import Grounds
from domain.kernel import AirPosition, CameraId, CaseNumber, DockId, DroneId, PersonId, Place, Reason
from domain.launch import (
    AirspaceAuthority,
    AuthorityKind,
    Conditions,
    Finding,
    Go,
    LaunchPlan,
    Separation,
    SeparationMethod,
)
from domain.live_view import Ended, EndLiveView
from domain.person import CertificateKind, RecordCertificate, Role
from domain.policy import (
    RECORD_ALL_KEEP_30_DAYS,
    RECORD_ON_APPROVAL_KEEP_2_YEARS,
    SecondPersonRule,
    parameters_sha256,
    policy_in_force,
)
from domain.session import AttemptRefused
from tests.application.everybody.watch import Remembered
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


def retired(center: SmallCenter, version: int) -> None:
    policies = Policies(center.handler)
    done(policies.propose_retirement(center.signed_on(ADMIN), version, "the council has paused the pilot"))
    done(policies.retire(center.signed_on(CAPTAIN), version))


def on_the_dock(center: SmallCenter) -> Actor:
    """Puts a drone on a dock, ready; its pilot."""
    fleet, by, home = Fleet(center.handler), PersonId(ADMIN), Place(34.0845, -118.3834)
    pilot = center.enrolled("pia", Role.REMOTE_PILOT)
    until, admin = center.clock.now().date() + timedelta(days=700), center.signed_on(ADMIN)
    part_107 = RecordCertificate(PersonId(pilot), CertificateKind.PART_107, "4512345", until, by)
    done(Accounts(center.handler).change(admin, part_107))
    done(fleet.commission_dock(admin, CommissionDock(DockId("roof"), "Station roof", home, 80.0, by)))
    one = RegisterDrone(DroneId("d1"), "FA3XYZ", "SN00000001", "copter", DockId("roof"), 1, None, by)
    done(fleet.register(admin, one))
    actor = center.signed_on(pilot)
    done(fleet.upkeep(actor, "d1", ReadyDrone(95.0, PersonId(pilot))))
    return actor


def launch(center: SmallCenter, asker: Actor) -> Outcome:
    go = Finding(Go.GO, "the station")
    plan = LaunchPlan(
        drone=DroneId("d1"),
        dock=DockId("roof"),
        purpose="training",
        pilot=PersonId("pia"),
        destination=Place(34.0858, -118.3834),
        cruise_agl_m=40.0,
        reason="practice of the station",
        conditions=Conditions(go, go, go),
        authorisation="training plan 7",
        airspace=AirspaceAuthority(AuthorityKind.COA, "2026-WSA-TEST", "1", date(2099, 12, 31)),
        separation=Separation(SeparationMethod.DETECT_AND_AVOID, "radar"),
    )
    return Flights(center.handler).request(asker, plan)


@pytest.mark.rule("policy.two_people")
def test_without_a_policy_drones_come_home_nobody_looks_and_two_persons_adopt_another(
    center: SmallCenter, database_url: str
) -> None:
    camera, seen = CameraId("plaza"), center.clock.now()
    place = Place(34.09, -118.3617)
    installed = InstallCamera(camera, "Plaza", place, 6.0, 90.0, PersonId(ADMIN))
    done(Cameras(center.handler).change(center.signed_on(ADMIN), installed))
    done(Cameras(center.handler).change(service("service-recorder"), NoteOnline(camera, seen)))
    flights, gateway, pilot = Flights(center.handler), service("service-drone-gateway"), on_the_dock(center)
    deputy = center.signed_on(center.enrolled("dee", Role.WATCH_OPERATOR))
    flight = done(launch(center, deputy)).key
    done(flights.order_launch(pilot, flight))
    air = Observation(AirPosition(34.0845, -118.3834, 120.0, 40.0), None, seen)
    done(flights.record(gateway, flight, RecordLaunch(air, seen), center.handler.ids.event_id()))
    why = Grounds("call_for_service", "a burglar went over the wall of the pool", case=CaseNumber("C-7"))
    with PostgresHeartbeats(database_url) as heartbeats:
        views = Views(center.handler, heartbeats)
        view = done(views.request(deputy, "camera-plaza", why)).key
        assert isinstance(views.permit(deputy, view), Permit)

        retired(center, 1)
        # The session goes on, and nobody is shut out: who signs on again may.
        assert center.accounts.standing(deputy) is not None
        pilot = center.signed_on("pia")
        # The drone comes home, and what was ordered and seen is on the record.
        order = (SafetyOrder.RETURN, center.clock.now(), OrderOutcome.ACCEPTED, "it obeyed")
        done(flights.record_safety_order(pilot, flight, *order))
        done(flights.record(gateway, flight, RecordLanding(air, 40.0), center.handler.ids.event_id()))
        # Nobody sees anything, and the attempt is on the record with its reason.
        no = views.permit(deputy, view)
        assert isinstance(no, Reason) and no.code == "no_policy"
        for told in (views.request(deputy, "camera-plaza", why), launch(center, deputy)):
            assert isinstance(told, Refused) and [reason.code for reason in told.reasons] == ["no_policy"]
            (attempt,) = center.all_events(told.position - 1)[:1]
            assert isinstance(attempt.event, AttemptRefused) and attempt.event.reasons == told.reasons
        reaction, memory, issued = EndViewsThatAreNoLongerLet(), Remembered(), []
        for recorded in center.all_events():
            if type(recorded.event) in reaction.handles:
                issued += reaction.react(recorded, memory)
        assert [command.key for command in issued] == [view]
        for command in issued:
            assert isinstance(command.command, EndLiveView)
            done(views.end(service("service-reactor"), command.key, command.command, command.command_id))
        assert isinstance(views.state(view), Ended)

        adopted(center, RECORD_ALL_KEEP_30_DAYS)
        assert in_force(center) == 2
        again = done(views.request(deputy, "camera-plaza", why)).key
        assert isinstance(views.permit(deputy, again), Permit)


def next_release() -> PolicyFiles:
    return PolicyFiles({**PolicyFiles.read().texts, "99-next.cedar": "// The next release says one thing more.\n"})


def test_a_process_refuses_access_rules_that_were_not_adopted(center: SmallCenter) -> None:
    policies, coming = Policies(center.handler), next_release()
    deputy = center.signed_on(center.enrolled("dee", Role.WATCH_OPERATOR))
    policies.check_adopted()
    done(policies.draft(center.signed_on(ADMIN), LASD, "with the next release", next_rules=coming.texts))
    # Whoever has the log has the rules, too: what was adopted can always be installed.
    kept = center.handler.store.document(bytes.fromhex(coming.set_hash))
    assert kept is not None and kept.content == coming.content
    begins, hashes = center.clock.now() + HOUR, (parameters_sha256(LASD), coming.set_hash)
    told = policies.adopt(center.signed_on(CAPTAIN), 2, *hashes)
    assert isinstance(told, Mistaken) and told.field == "in_force_from"
    done(policies.adopt(center.signed_on(CAPTAIN), 2, *hashes, begins))
    policies.check_adopted()  # those of today bind until then
    center.clock.step(HOUR)
    with pytest.raises(PolicyNotAdopted):
        policies.check_adopted()
    # and one that has been running all the while decides nothing more
    told = launch(center, deputy)
    assert isinstance(told, Mistaken) and (told.code, told.field) == ("wrong_state", "policy")
    assert told.accepted == "the rules of policy version 2"
    # but the way back, by two persons
    admin, captain = center.signed_on(ADMIN), center.signed_on(CAPTAIN)
    done(policies.draft(admin, LASD, "by the rules that are here"))
    assert isinstance(policies.adopt(admin, 3, parameters_sha256(LASD), center.handler.authoriser.set_hash), Refused)
    done(policies.adopt(captain, 3, parameters_sha256(LASD), center.handler.authoriser.set_hash))
    policies.check_adopted()


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({}, "no administrator could draft_policy"),
        ({"1-a.cedar": "this is not Cedar"}, "is not Cedar"),
        ({"../a.cedar": ""}, "named"),
        ({"1-a.cedar": '@id("all")\npermit (principal, action == Action::"draft_policy", resource);'}, "adopt_policy"),
        (
            {"1-a.cedar": '@id("all")\npermit (principal, action, resource) unless { principal in Role::"auditor" };'},
            "no auditor could read_audit_trail",
        ),
    ],
)
@pytest.mark.rule("oversight.not_muted")
def test_no_policy_is_drafted_with_access_rules_that_leave_no_way_back_or_mute_oversight(
    center: SmallCenter, texts: dict[str, str], said: str
) -> None:
    told = Policies(center.handler).draft(center.signed_on(ADMIN), LASD, "what nobody could use", next_rules=texts)
    assert isinstance(told, Mistaken) and told.field == "next_rules" and said in told.message
