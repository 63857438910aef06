"""For any sequence of commands, through two appending processes' handlers, with races, repeats and killed backends:
the board is what a naive fold of the log's own bytes makes of it, and positions are 1 to n without a gap.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from api.processes import wiring
from api.processes.api import standing_papers
from application.accounts import Accounts, Proof
from application.calls import Calls
from application.fleet import Fleet
from application.flights import Flights
from application.handling import Accepted, Actor, Handler, Mistaken, Outcome, Refused
from application.standing import service
from domain import drone, person
from domain.call import UpdateCall
from domain.kernel import CallNumber, DockId, DroneId, PersonId, Place
from domain.launch import Conditions, Finding, Go, LaunchPlan
from tests.api.watch_center import Json, WatchCenter

pytestmark = pytest.mark.slow
GO = Finding(Go.GO, "station")
PLACE = Place(34.09, -118.38)
PURPOSES = ("call_for_service", "proactive", "immigration_enforcement", "search_and_rescue")
Run = Callable[[int, UUID], Outcome]

# -- a naive fold of the log's bytes -------------------------------------------


def naive_board(events: Iterator[Json]) -> dict[str, Json]:
    """stream → what the board should say of it. One event at a time; knows nothing of our classes."""
    rows: dict[str, Json] = {}
    for event in events:
        kind, _, key = event["subject"].partition("-")
        what, data = event["type"].split(".")[-2], event["data"]
        row = rows.setdefault(event["subject"], {})
        if kind == "call":
            if what in ("call_received", "call_reclassified"):
                row["priority"] = data["priority"]
            if what in ("call_received", "call_reopened"):
                row["state"] = "open"
            if what == "call_closed":
                row["state"] = "closed"
        if kind == "drone":
            if what == "drone_registered":
                row.update(base="not_ready", flightId=None)
            if what == "drone_readied":
                row["base"] = "ready"
            if what == "drone_grounded":
                row["base"] = "grounded"
            if what == "drone_assigned":
                row["flightId"] = data["flight"]
            if what == "drone_released":
                row["flightId"] = None
        if kind == "flight":
            says = {
                "launch_requested": "requested",
                "launch_authorised": "authorised",
                "launch_refused": "refused",
                "launch_withdrawn": "withdrawn",
            }
            row["state"] = says.get(what, row.get("state"))
            row["id"] = key
    return rows


def log_of(url: str) -> list[tuple[int, Json]]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT notification_id, convert_from(state, 'UTF8')::json FROM events.stored_events ORDER BY 1"
        ).fetchall()


# -- the machine ---------------------------------------------------------------


@dataclass
class Node:
    """What one API process has."""

    handler: Handler
    accounts: Accounts
    fleet: Fleet
    calls: Calls
    flights: Flights


class Commands(RuleBasedStateMachine):
    center: WatchCenter
    nodes: tuple[Node, Node]

    @initialize()
    def begin(self) -> None:
        name = secrets.token_hex(4)
        self.drones = [DroneId(f"m{name}-{n}") for n in (1, 2)]
        self.calls = [CallNumber(f"m{name}-{n}") for n in (1, 2)]
        self.updates = dict.fromkeys(self.calls, 1)
        self.requested: list[str] = []
        self.told: list[tuple[Run, UUID, Outcome]] = []
        self.operator = PersonId(f"m{name}")
        self.admin, self.captain = (self.signed_on(who) for who in ("r.quan", "m.delacroix"))
        self.pilot = self.signed_on("k.lindqvist")
        accounts, fleet, today = self.nodes[0].accounts, self.nodes[0].fleet, datetime.now(UTC).date()
        by, next_year = PersonId(self.admin.person), today + timedelta(days=365)
        organisation = person.Organisation.LASD_WEST_HOLLYWOOD
        enrolment = person.Enrol(self.operator, f"Dep. {name}", organisation, f"{name}@weho.example", by)
        course = person.RecordTraining(self.operator, "watch_center_use", today, next_year, by)
        role = person.AssignRole(self.operator, person.Role.WATCH_OPERATOR, PersonId(self.captain.person))
        for actor, command in ((self.admin, enrolment), (self.admin, course), (self.captain, role)):
            assert isinstance(accounts.change(actor, command), Accepted)
        for n, each in enumerate(self.drones):
            serial = secrets.token_hex(8).upper()
            register = drone.RegisterDrone(
                each, f"FA{serial[:8]}", serial, "copter", DockId("station-roof"), n + 1, None, by
            )
            assert isinstance(fleet.register(self.admin, register), Accepted)
        self.deputy = self.signed_on(self.operator)

    def signed_on(self, who: str) -> Actor:
        proof = Proof(who, secrets.token_hex(16), "machine", "in person", datetime.now(UTC) + timedelta(hours=1), True)
        return self.nodes[0].accounts.sign_on(proof, "127.0.0.1")

    # -- commands --

    def do(self, run: Run, node: int) -> Outcome:
        id_ = uuid4()
        outcome = run(node, id_)
        self.told.append((run, id_, outcome))
        return outcome

    def upkeep(self, which: int, command: drone.ReadyDrone | drone.GroundDrone) -> Run:
        return lambda node, id_: self.nodes[node].fleet.upkeep(self.pilot, self.drones[which], command, id_)

    def launch(self, which: int, call: int, purpose: str) -> Run:
        plan = LaunchPlan(
            drone=self.drones[which],
            dock=DockId(""),
            purpose=purpose,
            pilot=PersonId("k.lindqvist"),
            destination=PLACE,
            cruise_agl_m=60,
            reason="machine",
            conditions=Conditions(GO, GO, GO),
            call=self.calls[call],
        )

        def run(node: int, id_: UUID) -> Outcome:
            outcome = self.nodes[node].flights.request(self.deputy, plan, id_)
            if isinstance(outcome, Accepted):
                self.requested.append(outcome.key)
            return outcome

        return run

    which = st.integers(0, 1)

    @rule(which=which, node=which)
    def readied(self, which: int, node: int) -> None:
        self.do(self.upkeep(which, drone.ReadyDrone(90.0, PersonId(self.pilot.person))), node)

    @rule(which=which, node=which)
    def grounded(self, which: int, node: int) -> None:
        self.do(self.upkeep(which, drone.GroundDrone("a crack", PersonId(self.pilot.person))), node)

    @rule(which=which, node=which, later=st.integers(-1, 1), priority=st.integers(0, 9), closes=st.booleans())
    def dispatched(self, which: int, node: int, later: int, priority: int, closes: bool) -> None:
        call, now = self.calls[which], datetime.now(UTC)
        number = self.updates[call] = max(1, self.updates[call] + later)
        update = UpdateCall(
            call=call,
            update_number=number,
            call_type="prowler",
            priority=priority,
            place=PLACE,
            received_at=now,
            cad_time=now,
            disposition="clear" if closes else None,
        )
        self.do(lambda node, _: self.nodes[node].calls.update(service("service-dispatch"), update), node)

    @rule(which=which, call=which, node=which, purpose=st.sampled_from(PURPOSES))
    def launch_requested(self, which: int, call: int, node: int, purpose: str) -> None:
        self.do(self.launch(which, call, purpose), node)

    @rule(which=which, call=which, purpose=st.just("call_for_service"))  # others wait for the captain
    def two_want_the_same_drone(self, which: int, call: int, purpose: str) -> None:
        """At the same moment in two processes: at most one gets it."""
        runs = [self.launch(which, call, purpose) for _ in range(4)]
        ids = [uuid4() for _ in runs]
        with ThreadPoolExecutor(4) as pool:
            outcomes = list(pool.map(lambda n: runs[n](n % 2, ids[n]), range(4)))
        self.told += zip(runs, ids, outcomes, strict=True)
        assert sum(isinstance(outcome, Accepted) for outcome in outcomes) <= 1

    @precondition(lambda self: self.requested)
    @rule(node=which, withdraws=st.booleans(), data=st.data())
    def called_off(self, node: int, withdraws: bool, data: st.DataObject) -> None:
        flight = data.draw(st.sampled_from(self.requested))
        who, what = (self.deputy, "withdraw") if withdraws else (self.captain, "decline")
        self.do(lambda node, id_: getattr(self.nodes[node].flights, what)(who, flight, "not now", id_), node)

    @rule(node=which, back=st.booleans())
    def operator_suspended_or_back(self, node: int, back: bool) -> None:
        by = PersonId(self.admin.person)
        command = person.Reinstate(self.operator, by, "cleared") if back else person.Suspend(self.operator, by, "asked")
        self.do(lambda node, id_: self.nodes[node].accounts.change(self.admin, command, id_), node)

    @precondition(lambda self: self.told)
    @rule(node=which, data=st.data())
    def sent_again(self, node: int, data: st.DataObject) -> None:
        """The same command under the same id, wherever: the first answer."""
        run, id_, first = data.draw(st.sampled_from(self.told))
        again = run(node, id_)
        if not isinstance(first, Accepted | Refused | Mistaken):
            return
        if isinstance(first, Mistaken) and first.position == 0:
            return  # nothing was recorded, so it is decided anew
        assert (type(again), again.position) == (type(first), first.position)  # type: ignore[union-attr]

    @rule()
    def backends_killed(self) -> None:
        """Every connection of the writers dies, whatever it was doing."""
        with psycopg.connect(self.center.url, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND usename = 'saferweho_api' AND application_name NOT LIKE 'saferweho waits'"
            )

    # -- what must hold --

    def teardown(self) -> None:
        if not hasattr(self, "deputy"):
            return
        log = log_of(self.center.url)
        assert [position for position, _ in log] == list(range(1, len(log) + 1))
        for _, id_, outcome in self.told:
            mine = [position for position, event in log if event.get("commandid") == str(id_)]
            if isinstance(outcome, Accepted | Refused | Mistaken) and mine:
                assert outcome.position == mine[-1] and mine == list(range(mine[0], mine[-1] + 1))
        naive = naive_board(event for _, event in log)
        self.center.applied(len(log))
        self.compare(naive, len(log))

    def compare(self, naive: dict[str, Json], position: int) -> None:
        reader = self.center.as_role("watch_supervisor")
        query = """query($at: Position!) { board(afterPosition: $at) {
            calls { number priority state } drones { id status flightId } } }"""
        board: dict[str, Any] = reader.ask(query, at=position)["board"]
        calls = {call["number"]: call for call in board["calls"]}
        drones = {each["id"]: each for each in board["drones"]}
        for call in self.calls:
            expected = naive.get(f"call-{call}")
            assert calls.get(call) == ({"number": call, **expected} if expected else None)
        for each in self.drones:
            row = naive[f"drone-{each}"]
            status = "assigned" if row["flightId"] else row["base"]
            assert drones[each] == {"id": each, "status": status, "flightId": row["flightId"]}
        one = "query($id: ID!) { flight(id: $id) { id state } }"
        for _, id_, _ in self.told:
            expected = naive.get(f"flight-{id_}")
            if expected:
                assert reader.ask(one, id=str(id_))["flight"] == expected


def test_the_board_is_the_naive_fold_of_the_log(watch_center: WatchCenter) -> None:
    with ExitStack() as stack:

        def node() -> Node:
            handler = stack.enter_context(wiring.handler(watch_center.settings))
            flights = Flights(handler)
            flights.papers = standing_papers(watch_center.settings)
            return Node(handler, Accounts(handler), Fleet(handler), Calls(handler), flights)

        machine = type("OnThisCenter", (Commands,), {"center": watch_center, "nodes": (node(), node())})
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=8,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                print_blob=False,
            ),
        )
