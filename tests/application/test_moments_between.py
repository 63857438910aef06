"""What comes between the reading and the append of a command wins: two processes on one store, at the worst moment."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from adapters.cedar.authoriser import CedarAuthoriser
from adapters.event_store import PostgresEventStore
from api.processes import wiring
from api.processes.api import standing_papers
from api.processes.wiring import RandomIds, SystemClock
from application.accounts import Accounts, Proof
from application.calls import Calls
from application.fleet import Fleet
from application.flights import Flights
from application.handling import ATTEMPTS, Accepted, Actor, Handler, Outcome, Refused, Unavailable
from application.sealing import Keyring
from application.standing import record_attempt, service
from domain.call import UpdateCall
from domain.drone import GroundDrone, ReadyDrone
from domain.kernel import CallNumber, DockId, DroneId, PersonId, Place
from domain.launch import Conditions, Finding, Go, LaunchPlan
from domain.person import RevokeRole, Role, Suspend
from tests.api.watch_center import WatchCenter

GO = Finding(Go.GO, "station")
PILOT, DEPUTY = PersonId("k.lindqvist"), PersonId("j.alvarez")
DRONE = DroneId("skylark-1")


class Interrupting(RandomIds):
    """Ids are drawn when a command has been decided and is about to be appended: that moment is a test's to use."""

    def __init__(self) -> None:
        self.between: list[Callable[[], object]] = []

    def event_id(self) -> UUID:
        if self.between:
            self.between.pop(0)()
        return super().event_id()


class Process:
    """What one process has, wired as in service but for the ids."""

    def __init__(self, center: WatchCenter, store: PostgresEventStore, keys: Keyring) -> None:
        self.ids = Interrupting()
        self.handler = Handler(store, SystemClock(), self.ids, CedarAuthoriser(), record_attempt, keys)
        self.accounts, self.calls = Accounts(self.handler), Calls(self.handler)
        self.fleet, self.flights = Fleet(self.handler), Flights(self.handler)
        self.flights.papers = standing_papers(center.settings)

    def signed_on(self, who: str) -> Actor:
        proof = Proof(who, secrets.token_hex(16), "test", "in person", datetime.now(UTC) + timedelta(hours=1), True)
        return self.accounts.sign_on(proof, "127.0.0.1")


@contextmanager
def two_processes(center: WatchCenter) -> Iterator[tuple[Process, Process]]:
    assert center.settings.write_url
    url = center.settings.write_url
    with PostgresEventStore(url) as one, PostgresEventStore(url) as other, wiring.keyring(center.settings) as keys:
        yield Process(center, one, keys), Process(center, other, keys)


def plan(call: str) -> LaunchPlan:
    return LaunchPlan(
        drone=DRONE,
        dock=DockId(""),
        purpose="call_for_service",
        pilot=PILOT,
        destination=Place(34.09, -118.38),
        cruise_agl_m=60,
        reason="see first",
        conditions=Conditions(GO, GO, GO),
        call=CallNumber(call),
    )


def told(call: str, number: int = 1, disposition: str | None = None) -> UpdateCall:
    now = datetime.now(UTC)
    return UpdateCall(
        call=CallNumber(call),
        update_number=number,
        cad_time=now,
        call_type="prowler",
        priority=3,
        place=Place(34.09, -118.37),
        received_at=now,
        disposition=disposition,
    )


def codes(outcome: Outcome) -> list[str]:
    assert isinstance(outcome, Refused), outcome
    return [reason.code for reason in outcome.reasons]


def types(center: WatchCenter, stream: str) -> list[str]:
    return [event["type"].split(".")[-2] for event in center.events(stream)]


@pytest.mark.rule("people.suspended")
def test_a_suspension_between_reading_and_append_wins(center: WatchCenter) -> None:
    with two_processes(center) as (one, other):
        pilot, captain = one.signed_on(PILOT), other.signed_on("m.delacroix")
        suspend = Suspend(PILOT, PersonId(captain.person), "lost the badge")
        one.ids.between.append(lambda: other.accounts.change(captain, suspend))
        outcome = one.fleet.upkeep(pilot, DRONE, ReadyDrone(95, PILOT), uuid4())
        assert codes(outcome) == ["suspended"]
        assert types(center, f"drone-{DRONE}") == ["drone_registered"]
        assert types(center, f"session-{pilot.session}")[-1] == "attempt_refused"
        assert types(center, f"person-{PILOT}")[-1] == "suspended"


def test_a_role_taken_between_reading_and_append_wins(center: WatchCenter) -> None:
    with two_processes(center) as (one, other):
        pilot, captain = one.signed_on(PILOT), other.signed_on("m.delacroix")
        revoke = RevokeRole(PILOT, Role.REMOTE_PILOT, PersonId(captain.person), "moved on")
        one.ids.between.append(lambda: other.accounts.change(captain, revoke))
        assert codes(one.fleet.upkeep(pilot, DRONE, ReadyDrone(95, PILOT), uuid4())) == ["no_role"]
        assert types(center, f"drone-{DRONE}") == ["drone_registered"]


def test_a_session_that_ended_between_reading_and_append_ends_the_command(center: WatchCenter) -> None:
    with two_processes(center) as (one, other):
        pilot = one.signed_on(PILOT)
        one.ids.between.append(lambda: other.accounts.sign_off(pilot))
        assert codes(one.fleet.upkeep(pilot, DRONE, ReadyDrone(95, PILOT), uuid4())) == ["not_signed_on"]


def test_a_drone_grounded_or_a_call_closed_between_refuses_the_launch(center: WatchCenter) -> None:
    with two_processes(center) as (one, other):
        deputy, pilot = one.signed_on(DEPUTY), other.signed_on(PILOT)
        dispatch = service("service-dispatch")
        other.calls.update(dispatch, told("26-1"))
        other.fleet.upkeep(pilot, DRONE, ReadyDrone(95, PILOT))
        one.ids.between.append(lambda: other.fleet.upkeep(pilot, DRONE, GroundDrone("a crack", PILOT)))
        assert "drone" in " ".join(codes(one.flights.request(deputy, plan("26-1"), uuid4())))
        other.fleet.upkeep(pilot, DRONE, ReadyDrone(95, PILOT))
        one.ids.between.append(lambda: other.calls.update(dispatch, told("26-1", 2, "clear")))
        assert "call" in " ".join(codes(one.flights.request(deputy, plan("26-1"), uuid4())))
        assert "drone_assigned" not in types(center, f"drone-{DRONE}")


@pytest.mark.rule("flight.one_each")
def test_who_loses_the_race_for_a_drone_is_refused_with_the_reason(center: WatchCenter) -> None:
    with two_processes(center) as (one, other):
        deputy, rival, pilot = one.signed_on(DEPUTY), other.signed_on("t.okafor"), other.signed_on(PILOT)
        for call in ("26-1", "26-2"):
            other.calls.update(service("service-dispatch"), told(call))
        other.fleet.upkeep(pilot, DRONE, ReadyDrone(95, PILOT))
        won: list[Outcome] = []
        one.ids.between.append(lambda: won.append(other.flights.request(rival, plan("26-2"), uuid4())))
        lost = one.flights.request(deputy, plan("26-1"), uuid4())
        assert isinstance(won[0], Accepted) and isinstance(lost, Refused)
        assert types(center, f"drone-{DRONE}").count("drone_assigned") == 1


def test_a_command_that_loses_every_time_says_busy_and_has_done_nothing(center: WatchCenter) -> None:
    with two_processes(center) as (one, other):
        pilot, id_ = one.signed_on(PILOT), uuid4()
        rival = other.signed_on(PILOT)

        def swapped() -> None:
            other.fleet.upkeep(rival, DRONE, ReadyDrone(90, PILOT))

        one.ids.between += [swapped] * ATTEMPTS
        outcome = one.fleet.upkeep(pilot, DRONE, ReadyDrone(95, PILOT), id_)
        assert isinstance(outcome, Unavailable) and outcome.code == "busy"
        assert str(id_) not in str(center.events(f"drone-{DRONE}"))
        assert isinstance(one.fleet.upkeep(pilot, DRONE, ReadyDrone(95, PILOT), id_), Accepted)  # the same id is good


def test_a_conflict_on_the_stream_itself_is_decided_again_on_what_is_there(center: WatchCenter) -> None:
    with two_processes(center) as (one, other):
        admin, captain = one.signed_on("r.quan"), other.signed_on("m.delacroix")
        revoke = RevokeRole(DEPUTY, Role.WATCH_OPERATOR, PersonId(captain.person), "moved on")
        one.ids.between.append(lambda: other.accounts.change(captain, revoke))
        suspend = Suspend(DEPUTY, PersonId(admin.person), "lost the badge")
        assert isinstance(one.accounts.change(admin, suspend, uuid4()), Accepted)
        assert types(center, f"person-{DEPUTY}")[-2:] == ["role_revoked", "suspended"]


@pytest.mark.rule("record.once")
def test_the_same_command_from_two_processes_at_once_happens_once(center: WatchCenter) -> None:
    with two_processes(center) as (one, other):
        pilot, id_ = one.signed_on(PILOT), uuid4()
        answers: list[Outcome] = []
        one.ids.between.append(lambda: answers.append(other.fleet.upkeep(pilot, DRONE, ReadyDrone(95, PILOT), id_)))
        answers.append(one.fleet.upkeep(pilot, DRONE, ReadyDrone(95, PILOT), id_))
        first, second = answers
        assert isinstance(first, Accepted) and isinstance(second, Accepted)
        assert (first.position, first.replayed, second.position, second.replayed) == (
            second.position,
            False,
            first.position,
            True,
        )
        assert types(center, f"drone-{DRONE}") == ["drone_registered", "drone_readied"]
