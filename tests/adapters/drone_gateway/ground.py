"""What a drone gateway stands on: the record with its people, and the gateway itself, as a process or in this one."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx
import psycopg

from adapters.cedar.authoriser import CedarAuthoriser
from adapters.drone_gateway.journal import Journal
from adapters.drone_gateway.sorties import Sorties
from adapters.drone_gateway.wire import HttpDroneGateway
from adapters.event_store import PostgresEventStore
from adapters.mavlink.gateway import Gateway, Sample, VehicleSpec
from adapters.mavlink.observations import Observation
from adapters.mavlink.outcomes import Timing
from adapters.poses.publishing import PosesServer
from api.processes import demonstration, wiring
from api.processes.wiring import RandomIds, SystemClock
from api.settings import Settings
from application.accounts import Accounts, Proof
from application.fleet import Fleet
from application.flights import Flights
from application.gateway import Sent
from application.handling import Accepted, Actor, Handler
from application.ports import Clock
from application.standing import record_attempt
from domain import drone as drones
from domain.drone import SafetyOrder
from domain.kernel import DockId, DroneId, PersonId, Place
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
from infra.stack.processes import free_port
from tests.api.watch_center import PASSWORD, settings_as, until

T = TypeVar("T")
Json = dict[str, Any]

DRONE, DOCK, PILOT = demonstration.DRONE, demonstration.DOCK, "k.lindqvist"
SCENE = Place(34.0858, -118.3834)  # 145 m north of the dock
ROOT = Path(__file__).parents[3]
KEY = "the key of the gateway"


class Ahead:
    """A clock that is so far ahead."""

    def __init__(self, by: timedelta) -> None:
        self._by = by

    def now(self) -> datetime:
        return datetime.now(UTC) + self._by


@dataclass
class Ground:
    """An installation: what its people do, and what is on its record."""

    environ: Mapping[str, str]
    handler: Handler

    @property
    def url(self) -> str:
        return self.environ["DATABASE_URL"]

    @property
    def home(self) -> Path:
        return Path(self.environ["SAFERWEHO_HOME"])

    @property
    def flights(self) -> Flights:
        return Flights(self.handler)

    def signed_on(self, person: str) -> Actor:
        session = f"s-{secrets.token_hex(6)}"
        proof = Proof(person, session, "the issuer", "in person", datetime.now(UTC) + timedelta(hours=2), True)
        return Accounts(self.handler).sign_on(proof, "127.0.0.1")

    def registered(self, system: int) -> str:
        """One more drone on the dock."""
        name = f"drone-{secrets.token_hex(4)}"
        admin = self.signed_on(demonstration.ADMINISTRATOR.id)
        serial = f"SN{secrets.token_hex(6)}"
        command = drones.RegisterDrone(
            DroneId(name), f"FA{name[-4:]}", serial, "copter", DockId(DOCK), system, None, PersonId(admin.person)
        )
        done(Fleet(self.handler).register(admin, command))
        return name

    def authorised(self, drone: str = DRONE, *, cruise_agl_m: float = 20.0, there: Place = SCENE) -> str:
        """A flight that may take off; the drone was made ready for it."""
        pilot = self.signed_on(PILOT)
        done(Fleet(self.handler).upkeep(pilot, drone, drones.ReadyDrone(95.0, PersonId(PILOT))))
        go = Finding(Go.GO, "the station")
        plan = LaunchPlan(
            drone=DroneId(drone),
            dock=DockId(DOCK),
            purpose="training",
            pilot=PersonId(PILOT),
            destination=there,
            cruise_agl_m=cruise_agl_m,
            reason="practice of the station",
            conditions=Conditions(go, go, go),
            authorisation="training plan 7",
            airspace=AirspaceAuthority(AuthorityKind.COA, "2026-WSA-TEST", "1", date(2099, 12, 31)),
            separation=Separation(SeparationMethod.DETECT_AND_AVOID, "radar"),
        )
        return done(self.flights.request(self.signed_on("j.alvarez"), plan)).key

    def ordered(self, flight: str) -> str:
        """The pilot's order to take off, as the API records it before it asks the gateway."""
        done(self.flights.order_launch(self.signed_on(PILOT), flight))
        return flight

    def events(self, stream: str) -> list[Json]:
        """The stored bytes of a stream, read by JSON's own rules."""
        with psycopg.connect(self.url) as connection:
            rows = connection.execute(
                "SELECT state FROM events.stored_events WHERE originator_id = %s ORDER BY originator_version", (stream,)
            )
            return [json.loads(bytes(state)) for (state,) in rows]

    def story(self, flight: str) -> list[str]:
        return [kind(event) for event in self.events(f"flight-{flight}")]

    def told(self, flight: str, name: str) -> list[Json]:
        return [event["data"] for event in self.events(f"flight-{flight}") if kind(event) == name]

    def drone_story(self, drone: str = DRONE) -> list[str]:
        return [kind(event) for event in self.events(f"drone-{drone}")]


def kind(event: Json) -> str:
    """`drone_launched` of `org.weho.safer.flight.drone_launched.v1`."""
    return str(event["type"]).split(".")[-2]


def done(outcome: object) -> Accepted:
    assert isinstance(outcome, Accepted), outcome
    return outcome


@contextmanager
def ground(environ: Mapping[str, str], clock: Clock | None = None) -> Iterator[Ground]:
    """Its gateway knows of no privacy zone, and knows that: without a projector nobody tells it of any."""
    zones = Path(environ["SAFERWEHO_HOME"]) / "gateway" / "zones.json"
    zones.parent.mkdir(parents=True, exist_ok=True)
    zones.write_text("[]")
    with PostgresEventStore(environ["DATABASE_URL"]) as store, wiring.keyring(Settings.model_validate(environ)) as keys:
        handler = Handler(store, clock or SystemClock(), RandomIds(), CedarAuthoriser(), record_attempt, keys)
        yield Ground(environ, handler)


# -- the gateway as a process ----------------------------------------------------


class GatewayProcess:
    """`saferweho drone-gateway`, killed with the test."""

    def __init__(self, ground: Ground, links: str, **environ: str) -> None:
        self.port = free_port()
        self._environ = {
            **os.environ,
            **ground.environ,
            "DATABASE_URL": settings_as("saferweho_gateway", ground.environ).write_url or "",
            "SAFERWEHO_DRONE_LINKS": links,
            "SAFERWEHO_GATEWAY_KEY": KEY,
            "SAFERWEHO_GATEWAY_URL": self.url,
            **environ,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, **environ: str) -> None:
        """Start, or start again, and wait until it answers."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "api.cli", "drone-gateway"], cwd=ROOT, env={**self._environ, **environ}
        )
        until(self._answers, 120, what="the gateway answers")

    def _answers(self) -> bool:
        assert self._process is not None and self._process.poll() is None, "the gateway ended at its start"
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/health/live").status_code == 200
        return False

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def died(self) -> int:
        """Its exit code, once it has ended by itself."""
        assert self._process is not None
        return self._process.wait(90)

    def stop(self) -> int:
        """As a supervisor does. Its exit code."""
        if self._process is None:
            return 0
        self._process.terminate()
        try:
            return self._process.wait(90)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def health(self) -> Json:
        found: Json = httpx.get(f"{self.url}/health/ready", timeout=60).json()["gateway"]
        return found

    def drone(self, name: str = DRONE) -> Json:
        found: Json = self.health()["drones"][name]
        return found

    def ready(self, *names: str) -> None:
        """Wait until these drones could take off, and the gateway may let them."""
        for name in names or (DRONE,):
            until(lambda name=name: self.drone(name)["ready_to_arm"], 90, what=f"{name} is ready")  # type: ignore[misc]
        until(lambda: self.health()["rules_adopted"], 90, what="the rules are known")

    def launch(self, flight: str) -> Sent:
        return self._ask(lambda gateway: gateway.launch(flight))

    def goto(self, flight: str, place: Place, agl_m: float) -> Sent:
        return self._ask(lambda gateway: gateway.goto(flight, place.latitude, place.longitude, agl_m))

    def safety(self, flight: str, order: SafetyOrder, actor: Actor, id_: UUID | None = None, key: str = KEY) -> Sent:
        return self._ask(lambda gateway: gateway.safety(flight, order, actor, "come home", id_ or uuid4()), key)

    def _ask(self, order: Any, key: str = KEY) -> Sent:
        async def ask() -> Sent:
            async with httpx.AsyncClient() as http:
                sent: Sent = await order(HttpDroneGateway(self.url, key, http))
                return sent

        return asyncio.run(ask())


# -- the gateway in this process --------------------------------------------------


@dataclass
class Gatehouse:
    """The parts of a gateway, wired as its process wires them."""

    gateway: Gateway
    journal: Journal
    sorties: Sorties


@asynccontextmanager
async def gatehouse(
    ground: Ground, *vehicles: VehicleSpec, production: bool = False, timing: Timing | None = None
) -> AsyncIterator[Gatehouse]:
    home = ground.home / "gateway"
    journal = Journal(home / "journal", ground.flights)

    async def observed(drone: str, what: Observation) -> None:
        await sorties.observed(drone, what)

    async def sampled(drone: str, sample: Sample) -> None:
        sorties.positioned(drone, sample)

    gateway = Gateway(vehicles, on_observation=observed, on_telemetry=sampled, production=production, timing=timing)
    sorties = Sorties(ground.flights, journal, home, gateway)
    poses = sorties.poses = PosesServer(
        home / "poses.sock", lambda: sorties.zones.zones if sorties.zones else None, sorties.aloft
    )
    sorties.resume()
    async with gateway:
        work: list[Coroutine[Any, Any, None]] = [journal.run(), sorties.watch(), sorties.tend(), poses.run()]
        tasks = [asyncio.create_task(each) for each in work]
        try:
            yield Gatehouse(gateway, journal, sorties)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def becomes(condition: Any, within: float = 60.0, what: str = "") -> None:
    """Wait for a condition on the record or of a drone. It is looked at in a thread: the gateway's loop goes on."""
    deadline = asyncio.get_running_loop().time() + within
    while not await asyncio.to_thread(condition):
        assert asyncio.get_running_loop().time() < deadline, f"not in {within:g} s: {what or condition}"
        await asyncio.sleep(0.05)


__all__ = ["PASSWORD", "Ahead", "Gatehouse", "GatewayProcess", "Ground", "gatehouse", "ground"]
