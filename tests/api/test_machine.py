"""For any sequence of commands to two processes that append, with races, repeats and connections killed under way:
the board is what a naive fold of the log's own bytes makes of it, and positions are 1 to n without a gap.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from application.accounts import Proof
from application.calls import update_id
from application.handling import Accepted, Actor, Mistaken, Outcome, Recorded, Refused, Unavailable
from application.standing import service
from domain import drone, person
from domain.call import UpdateCall
from domain.kernel import CallNumber, DockId, DroneId, PersonId, Place
from domain.launch import Conditions, Finding, Go, LaunchPlan
from infra.stack.processes import wait_until
from tests.api.appending_node import AppendingNode, Order
from tests.api.watch_center import Json, WatchCenter, until

pytestmark = pytest.mark.slow
GO = Finding(Go.GO, "station")
PLACE = Place(34.09, -118.38)
PURPOSES = ("call_for_service", "proactive", "immigration_enforcement", "search_and_rescue")

# -- a naive fold of the log's bytes -------------------------------------------


def naive_board(events: Iterator[Json]) -> dict[str, Json]:
    """stream → what the board should say of it. One event at a time; knows nothing of our classes."""
    rows: dict[str, Json] = {}
    for told in events:
        kind, _, key = told["subject"].partition("-")
        what, data = told["type"].split(".")[-2], told["data"]
        row = rows.setdefault(told["subject"], {})
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


# -- two processes that append ---------------------------------------------------

ARE_WAITING = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'saferweho_api'
    AND application_name = 'saferweho-store' AND wait_event_type = 'Lock'"""
KILL = """SELECT pg_terminate_backend(pid) AND coalesce(state, '') = 'active' AND application_name = 'saferweho-store'
    FROM pg_stat_activity WHERE datname = current_database() AND usename = 'saferweho_api'
    AND application_name <> 'saferweho waits'"""
Nodes = tuple[AppendingNode, AppendingNode]


def kill_backends(admin: psycopg.Connection) -> int:
    """Every connection by which the API appends and reads dies, whatever it was doing; how many in their append."""
    return sum(in_its_append for (in_its_append,) in admin.execute(KILL).fetchall())


def kill_in_their_appends(admin: psycopg.Connection, url: str) -> int:
    """The end of the log is held as by a third process, so that both appends are under way when the server is lost."""

    def waiting() -> int:
        row = admin.execute(ARE_WAITING).fetchone()
        return row[0] if row else 0

    with psycopg.connect(url) as holding:
        holding.execute("SELECT FROM events.head FOR UPDATE")
        wait_until(lambda: waiting() >= 2, 2.5, every=0.005)  # a little less than an append waits for the head
        return kill_backends(admin)


@dataclass(frozen=True)
class Race:
    """What came of orders given to both processes at the same moment, while their connections died."""

    outcomes: Sequence[Outcome]
    killed: int
    """Connections that died in the middle of an append."""
    conflicts: int
    """Orders decided again because the other process had been faster."""


def race(url: str, nodes: Nodes, orders: Sequence[Order], *, in_their_appends: bool) -> Race:
    before = sum(node.conflicts for node in nodes)
    with psycopg.connect(url, autocommit=True) as admin:
        begun = [(node, node.begin(order)) for node, order in zip(nodes, orders, strict=True)]
        killed = kill_in_their_appends(admin, url) if in_their_appends else 0
        for _ in range(20):
            if all(node.answered(number) for node, number in begun):
                break
            killed += 0 if in_their_appends else kill_backends(admin)
            sleep(0.005)
    outcomes = [node.answer(number) for node, number in begun]
    return Race(outcomes, killed, sum(node.conflicts for node in nodes) - before)


def settled(node: AppendingNode, order: Order) -> Recorded:
    """Told again under its id until there is an answer."""
    deadline = monotonic() + 60
    while isinstance(outcome := node.tell(order), Unavailable):
        assert monotonic() < deadline, outcome
    return outcome


# -- the machine ---------------------------------------------------------------


def upkeep(pilot: Actor, drone_id: DroneId, command: drone.ReadyDrone | drone.GroundDrone) -> Order:
    id_ = uuid4()
    return Order("fleet", "upkeep", (pilot, drone_id, command, id_), id_)


def launch(deputy: Actor, drone_id: DroneId, call: CallNumber, purpose: str) -> Order:
    plan = LaunchPlan(
        drone=drone_id,
        dock=DockId(""),
        purpose=purpose,
        pilot=PersonId("k.lindqvist"),
        destination=PLACE,
        cruise_agl_m=60,
        reason="machine",
        conditions=Conditions(GO, GO, GO),
        call=call,
    )
    id_ = uuid4()
    return Order("flights", "request", (deputy, plan, id_), id_)


def call_update(call: CallNumber, number: int, priority: int = 3, disposition: str | None = None) -> Order:
    now = datetime.now(UTC)
    update = UpdateCall(
        call=call,
        update_number=number,
        call_type="prowler",
        priority=priority,
        place=PLACE,
        received_at=now,
        cad_time=now,
        disposition=disposition,
    )
    return Order("calls", "update", (service("service-dispatch"), update), update_id(update))


def signed_on(node: AppendingNode, who: str) -> Actor:
    proof = Proof(who, secrets.token_hex(16), "machine", "in person", datetime.now(UTC) + timedelta(hours=1), True)
    actor: Actor = node.ask("accounts", "sign_on", proof, "127.0.0.1")
    return actor


def registered(node: AppendingNode, admin: Actor, drone_id: DroneId, system: int) -> None:
    serial = secrets.token_hex(8).upper()
    command = drone.RegisterDrone(
        drone_id, f"FA{serial[:8]}", serial, "copter", DockId("station-roof"), system, None, PersonId(admin.person)
    )
    assert isinstance(node.ask("fleet", "register", admin, command), Accepted)


class Commands(RuleBasedStateMachine):
    center: WatchCenter
    nodes: Nodes

    @initialize()
    def begin(self) -> None:
        name, node = secrets.token_hex(4), self.nodes[0]
        self.drones = [DroneId(f"m{name}-{n}") for n in (1, 2)]
        self.calls = [CallNumber(f"m{name}-{n}") for n in (1, 2)]
        self.updates = dict.fromkeys(self.calls, 1)
        self.requested: list[str] = []
        self.told: list[tuple[Order, Outcome]] = []
        self.operator = PersonId(f"m{name}")
        self.admin, self.captain = (signed_on(node, who) for who in ("r.quan", "m.delacroix"))
        self.pilot = signed_on(node, "k.lindqvist")
        today = datetime.now(UTC).date()
        by, next_year = PersonId(self.admin.person), today + timedelta(days=365)
        organisation = person.Organisation.LASD_WEST_HOLLYWOOD
        enrolment = person.Enrol(self.operator, f"Dep. {name}", organisation, f"{name}@weho.example", by)
        course = person.RecordTraining(self.operator, "watch_center_use", today, next_year, by)
        role = person.AssignRole(self.operator, person.Role.WATCH_OPERATOR, PersonId(self.captain.person))
        for actor, command in ((self.admin, enrolment), (self.admin, course), (self.captain, role)):
            assert isinstance(node.ask("accounts", "change", actor, command), Accepted)
        for n, each in enumerate(self.drones):
            registered(node, self.admin, each, n + 1)
        self.deputy = signed_on(node, self.operator)

    # -- commands --

    def do(self, order: Order, node: int) -> None:
        self.heard(order, self.nodes[node].tell(order))

    def heard(self, order: Order, outcome: Outcome) -> None:
        self.told.append((order, outcome))
        if order.method == "request" and isinstance(outcome, Accepted):
            self.requested.append(outcome.key)

    def launch(self, which: int, call: int, purpose: str = "call_for_service") -> Order:
        return launch(self.deputy, self.drones[which], self.calls[call], purpose)

    which = st.integers(0, 1)

    @rule(which=which, node=which)
    def readied(self, which: int, node: int) -> None:
        self.do(upkeep(self.pilot, self.drones[which], drone.ReadyDrone(90.0, PersonId(self.pilot.person))), node)

    @rule(which=which, node=which)
    def grounded(self, which: int, node: int) -> None:
        command = drone.GroundDrone("a crack", PersonId(self.pilot.person))
        self.do(upkeep(self.pilot, self.drones[which], command), node)

    @rule(which=which, node=which, later=st.integers(-1, 1), priority=st.integers(0, 9), closes=st.booleans())
    def dispatched(self, which: int, node: int, later: int, priority: int, closes: bool) -> None:
        call = self.calls[which]
        number = self.updates[call] = max(1, self.updates[call] + later)
        self.do(call_update(call, number, priority, "clear" if closes else None), node)

    @rule(which=which, call=which, node=which, purpose=st.sampled_from(PURPOSES))
    def launch_requested(self, which: int, call: int, node: int, purpose: str) -> None:
        self.do(self.launch(which, call, purpose), node)

    @rule(which=which, call=which)
    def both_want_the_same_drone(self, which: int, call: int) -> None:
        """At the same moment in two processes: at most one gets it."""
        orders = [self.launch(which, call) for _ in range(4)]
        begun = [self.nodes[n % 2].begin(order) for n, order in enumerate(orders)]
        outcomes = [self.nodes[n % 2].answer(number) for n, number in enumerate(begun)]
        for order, outcome in zip(orders, outcomes, strict=True):
            self.heard(order, outcome)
        assert sum(isinstance(outcome, Accepted) for outcome in outcomes) <= 1

    @rule(which=which, call=which, in_their_appends=st.booleans())
    def both_lose_the_server_over_it(self, which: int, call: int, in_their_appends: bool) -> None:
        """The same, while every connection by which they append is killed. Told again to the other process, under the
        same id, each gets the answer that it got, or now gets its one answer."""
        orders = [self.launch(which, call) for _ in self.nodes]
        raced = race(self.center.url, self.nodes, orders, in_their_appends=in_their_appends)
        event(f"{raced.killed} connections killed in their appends")
        event(f"{raced.conflicts} conflicts while connections were killed")
        again = [settled(node, order) for node, order in zip(reversed(self.nodes), orders, strict=True)]
        for order, first, second in zip(orders, raced.outcomes, again, strict=True):
            assert isinstance(first, Unavailable) or (type(first), first.position) == (type(second), second.position)
            self.heard(order, second)
        assert sum(isinstance(outcome, Accepted) for outcome in again) <= 1

    @precondition(lambda self: self.requested)
    @rule(node=which, withdraws=st.booleans(), data=st.data())
    def called_off(self, node: int, withdraws: bool, data: st.DataObject) -> None:
        flight, id_ = data.draw(st.sampled_from(self.requested)), uuid4()
        who, what = (self.deputy, "withdraw") if withdraws else (self.captain, "decline")
        self.do(Order("flights", what, (who, flight, "not now", id_), id_), node)

    @rule(node=which, back=st.booleans())
    def operator_suspended_or_back(self, node: int, back: bool) -> None:
        by, id_ = PersonId(self.admin.person), uuid4()
        command = person.Reinstate(self.operator, by, "cleared") if back else person.Suspend(self.operator, by, "asked")
        self.do(Order("accounts", "change", (self.admin, command, id_), id_), node)

    @precondition(lambda self: self.told)
    @rule(node=which, data=st.data())
    def sent_again(self, node: int, data: st.DataObject) -> None:
        """The same command under the same id, wherever: the first answer."""
        order, first = data.draw(st.sampled_from(self.told))
        again = self.nodes[node].tell(order)
        if isinstance(first, Unavailable):
            return
        if isinstance(first, Mistaken) and first.position == 0:
            return  # nothing was recorded, so it is decided anew
        assert (type(again), again.position) == (type(first), first.position)  # type: ignore[union-attr]

    @rule()
    def backends_killed(self) -> None:
        """Between two commands."""
        with psycopg.connect(self.center.url, autocommit=True) as admin:
            kill_backends(admin)

    # -- what must hold --

    def teardown(self) -> None:
        if not hasattr(self, "deputy"):
            return
        log = log_of(self.center.url)
        assert [position for position, _ in log] == list(range(1, len(log) + 1))
        for order, outcome in self.told:
            if isinstance(outcome, Mistaken) and outcome.position == 0:
                continue
            mine = [position for position, told in log if told.get("commandid") == str(order.id)]
            if isinstance(outcome, Accepted | Refused | Mistaken) and mine:
                assert outcome.position == mine[-1] and mine == list(range(mine[0], mine[-1] + 1))
        naive = naive_board(told for _, told in log)
        self.center.applied(len(log))
        self.compare(naive, len(log))

    def compare(self, naive: dict[str, Json], position: int) -> None:
        reader = self.center.as_role("watch_supervisor")
        # The API that is asked lost its connections like the others, and says so until it has new ones.
        until(lambda: "errors" not in reader.send({"query": "{ viewer { id } }"}).json(), what="the API answers again")
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
        for order, _ in self.told:
            expected = naive.get(f"flight-{order.id}")
            if expected:
                assert reader.ask(one, id=str(order.id))["flight"] == expected


@pytest.fixture(scope="module")
def nodes(watch_center: WatchCenter) -> Iterator[Nodes]:
    with AppendingNode(watch_center) as one, AppendingNode(watch_center) as other:
        yield one, other


def test_the_board_is_the_naive_fold_of_the_log(watch_center: WatchCenter, nodes: Nodes) -> None:
    machine = type("OnThisCenter", (Commands,), {"center": watch_center, "nodes": nodes})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=8,
            stateful_step_count=25,
            phases=(Phase.generate,),  # to shrink on the real stack takes longer than a test may
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        ),
    )


def test_a_conflict_and_killed_connections_meet_and_everyone_is_answered_once(
    watch_center: WatchCenter, nodes: Nodes
) -> None:
    """What the machine hopes to come upon, shown to have happened: both processes want the drone, both are in the
    middle of their appends when their connections die, and the one that comes second decides again."""
    deputy, admin, pilot = (signed_on(nodes[0], who) for who in ("j.alvarez", "r.quan", "k.lindqvist"))
    assert len({os.getpid(), *(node.pid for node in nodes)}) == 3

    def met() -> bool:
        name = DroneId(f"m{secrets.token_hex(4)}")
        call = CallNumber(str(name))
        registered(nodes[0], admin, name, 3)
        assert isinstance(settled(nodes[0], call_update(call, 1)), Accepted)
        ready = upkeep(pilot, name, drone.ReadyDrone(90.0, PersonId(pilot.person)))
        assert isinstance(settled(nodes[1], ready), Accepted)
        orders = [launch(deputy, name, call, "call_for_service") for _ in nodes]
        raced = race(watch_center.url, nodes, orders, in_their_appends=True)
        again = [settled(node, order) for node, order in zip(reversed(nodes), orders, strict=True)]
        assert sorted(type(outcome).__name__ for outcome in again) == ["Accepted", "Refused"]
        for order, first, second in zip(orders, raced.outcomes, again, strict=True):
            assert isinstance(first, Unavailable) or first.position == second.position
            written = [told["type"].split(".")[-2] for told in watch_center.events(f"flight-{order.id}")]
            assert written.count("launch_requested") == 1 and len(written) == len(set(written))
        in_time = not any(isinstance(outcome, Unavailable) for outcome in raced.outcomes)
        return raced.killed >= 2 and raced.conflicts >= 1 and in_time

    until(met, 200, what="conflict and killed connections have met")  # a busy machine may need a second go
    log = log_of(watch_center.url)
    assert [position for position, _ in log] == list(range(1, len(log) + 1))
