"""The demonstration: people, a dock and a drone are put on the record; calls come in and sorties answer them.

Everything it does, it does as its people would: through CAD intake and GraphQL, with their own tokens. Only the
founding and the first accounts are written directly, because nobody can sign in before them.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import httpx
import structlog

from adapters.identity.development_issuer import issue_token, sign_in_ticket
from api.processes import setup, wiring
from api.processes.running import running
from api.processes.scenes import Scenes
from api.processes.tools import tool_settings
from application.accounts import Accounts, Proof
from application.cameras import Cameras
from application.fleet import Fleet
from application.handling import Accepted, Actor, Outcome
from application.policies import Policies
from application.service_accounts import service_founders
from domain import camera, dock, drone, person
from domain.camera import Outline
from domain.founding import Founder
from domain.kernel import CameraId, DockId, DroneId, PersonId, Place
from domain.person import CertificateKind, Organisation, Role
from domain.policy import RECORD_ALL_KEEP_30_DAYS

log = structlog.get_logger()

DOCK, DRONE, SYSTEM_ID = "station-roof", "skylark-1", 1
STATION = Place(34.0845, -118.3834)
COURSE = "watch_center_use"


@dataclass(frozen=True, slots=True)
class Character:
    id: str
    name: str
    organisation: Organisation
    role: Role


LASD, CITY = Organisation.LASD_WEST_HOLLYWOOD, Organisation.CITY_OF_WEST_HOLLYWOOD
PEOPLE = (
    Character("r.quan", "Rosalind Quan", CITY, Role.ADMINISTRATOR),
    Character("m.delacroix", "Capt. Maren Delacroix", LASD, Role.STATION_COMMANDER),
    Character("j.alvarez", "Dep. Joaquín Alvarez", LASD, Role.WATCH_OPERATOR),
    Character("t.okafor", "Sgt. Temi Okafor", LASD, Role.WATCH_SUPERVISOR),
    Character("k.lindqvist", "Kerstin Lindqvist", LASD, Role.REMOTE_PILOT),
    Character("f.ruiz", "Felipe Ruiz", Organisation.LA_COUNTY_FIRE, Role.FIELD_RESPONDER),
    Character("b.ellis", "Bea Ellis", Organisation.BLOCK_BY_BLOCK, Role.AMBASSADOR),
    Character("c.morgan", "Casey Morgan", CITY, Role.CITY_ANALYST),
    Character("s.bhatt", "Sunita Bhatt", Organisation.OVERSIGHT, Role.AUDITOR),
)
ADMINISTRATOR, COMMANDER = PEOPLE[0], PEOPLE[1]


@dataclass(frozen=True, slots=True)
class Hung:
    """A camera of the demonstration, which films a synthetic picture. `looks`: degrees from true north; `windows`: of
    flats that it must not show."""

    id: str
    name: str
    place: Place
    looks: float
    windows: tuple[Outline, ...] = ()


WINDOWS: tuple[Outline, ...] = (
    ((0.08, 0.12), (0.26, 0.16), (0.26, 0.46), (0.08, 0.44)),
    ((0.74, 0.16), (0.92, 0.12), (0.92, 0.44), (0.74, 0.46)),
)
CAMERAS = (
    Hung("plummer-park", "Santa Monica Boulevard at Plummer Park", Place(34.0909, -118.3512), 180.0),
    Hung("city-hall", "Santa Monica Boulevard at City Hall", Place(34.0905, -118.3689), 90.0, WINDOWS),
    Hung("sunset-strip", "Sunset Boulevard at San Vicente Boulevard", Place(34.0909, -118.3857), 270.0),
)


def person_of(role: str) -> str:
    """The demonstration's person of a role. Raises NotPossible, which names the roles."""
    for character in PEOPLE:
        if character.role == role:
            return character.id
    raise setup.NotPossible(f"there is no role '{role}'; there are: {', '.join(c.role for c in PEOPLE)}")


# -- before the first start --------------------------------------------------


def prepare() -> None:
    """Found the watch center and put people, dock and drone on the record. Does nothing the second time."""
    settings = tool_settings(["DATABASE_URL"])
    with wiring.handler(settings) as handler:
        policies, accounts, fleet = Policies(handler), Accounts(handler), Fleet(handler)
        if policies.book().adopted:
            return
        today = handler.clock.now().date()
        _founded(policies, today)
        admin, captain = (_signed_on(accounts, who, step_up=True) for who in (ADMINISTRATOR, COMMANDER))
        for character in PEOPLE[2:]:
            _enrolled(accounts, admin, captain, character, today)
        by = PersonId(admin.person)
        roof = dock.CommissionDock(DockId(DOCK), "Sheriff's Station roof", STATION, 90.0, by)
        done(fleet.commission_dock(admin, roof))
        done(
            fleet.register(
                admin,
                drone.RegisterDrone(
                    DroneId(DRONE),
                    "FA3WEHO001",
                    "1581F5BK000000000001",
                    "Demonstration copter",
                    DockId(DOCK),
                    SYSTEM_ID,
                    f"{DRONE}-key-1",
                    by,
                ),
            )
        )
        for hung in CAMERAS:
            put_up = camera.InstallCamera(CameraId(hung.id), hung.name, hung.place, 6.0, hung.looks, by)
            done(Cameras(handler).change(admin, put_up))
            if hung.windows:
                why = "windows of the flats across the street"
                done(Cameras(handler).change(admin, camera.ChangeMask(CameraId(hung.id), hung.windows, why, by)))
        for actor in (admin, captain):
            done(accounts.sign_off(actor))


def _founded(policies: Policies, today: date) -> None:
    def founder(who: Character) -> Founder:
        return Founder(
            PersonId(who.id), who.name, who.organisation, f"{who.id}@weho.example", today, today + timedelta(days=365)
        )

    done(
        policies.propose_founding(
            ADMINISTRATOR.id,
            founder(ADMINISTRATOR),
            founder(COMMANDER),
            service_founders(),
            RECORD_ALL_KEEP_30_DAYS,
            "Use policy of the pilot as the city planned it: record all missions, keep 30 days",
        )
    )
    done(policies.confirm_founding(COMMANDER.id))


def _signed_on(accounts: Accounts, who: Character, *, step_up: bool) -> Actor:
    now = accounts.handler.clock.now()
    proof = Proof(who.id, f"first-day-{who.id}", "first-day", "in person", now + timedelta(hours=1), step_up)
    return accounts.sign_on(proof, "127.0.0.1")


def _enrolled(accounts: Accounts, admin: Actor, captain: Actor, who: Character, today: date) -> None:
    id_, by, next_year = PersonId(who.id), PersonId(admin.person), today + timedelta(days=365)
    commands: list[person.Command] = [
        person.Enrol(id_, who.name, who.organisation, f"{who.id}@weho.example", by),
        person.RecordTraining(id_, COURSE, today, next_year, by),
    ]
    if who.role is Role.REMOTE_PILOT:
        commands.append(person.RecordCertificate(id_, CertificateKind.PART_107, "4417702", next_year, by))
    for command in commands:
        done(accounts.change(admin, command))
    done(accounts.change(captain, person.AssignRole(id_, who.role, PersonId(captain.person))))


def done(outcome: Outcome) -> Accepted:
    """Raises RuntimeError with what was said instead."""
    if not isinstance(outcome, Accepted):
        raise RuntimeError(f"the demonstration was refused: {outcome}")
    return outcome


def links() -> None:
    """Print a single-use sign-in link for each role."""
    settings = tool_settings()
    for character in PEOPLE:
        ticket = sign_in_ticket(settings.home, character.id)
        click.echo(f"  {character.role:<18} {character.name:<24} {settings.base_url}/sign-in?ticket={ticket}")


# -- while it runs -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Incident:
    call_type: str
    priority: int
    place: Place
    address: str
    narrative: str


INCIDENTS = (
    Incident("battery_in_progress", 1, Place(34.0849, -118.3840), "Santa Monica x San Vicente", "two men fighting"),
    Incident("vehicle_burglary", 3, Place(34.0927, -118.3511), "Plummer Park", "window broken, suspect on foot"),
    Incident("missing_child", 1, Place(34.0828, -118.3844), "West Hollywood Park", "six years old, red jacket"),
    Incident("traffic_collision", 2, Place(34.0944, -118.3764), "Sunset x La Cienega", "two vehicles, one on its side"),
    Incident("prowler", 3, Place(34.0905, -118.3707), "City Hall", "someone on the roof"),
)

REQUEST = """mutation RequestLaunch($input: RequestLaunchInput!) { requestLaunch(input: $input) {
  __typename ... on Accepted { id position } ... on Refused { reasons { code message } }
  ... on Mistaken { code field message } ... on Unavailable { code message } } }"""
READY = """mutation($drone: ID!, $battery: Float!) { readyDrone(droneId: $drone, batteryPercent: $battery) {
  __typename ... on Accepted { position } ... on Refused { reasons { message } } ... on Mistaken { code message } } }"""
LAUNCH = """mutation($flight: ID!) { launchDrone(flight: $flight) {
  __typename ... on Accepted { outcome position } ... on Refused { reasons { message } }
  ... on Mistaken { code message } ... on Unavailable { message } } }"""
RETURN = """mutation($flight: ID!) { returnDrone(flight: $flight, reason: "scene is clear") {
  __typename ... on Accepted { outcome position } ... on Refused { reasons { message } }
  ... on Mistaken { code message } ... on Unavailable { message } } }"""
OUTCOME = """mutation($flight: ID!, $input: OutcomeInput!) { recordOutcome(flight: $flight, input: $input) {
  __typename ... on Accepted { position } ... on Refused { reasons { message } } ... on Mistaken { code message } } }"""
BOARD = """query { board { position drones { id status telemetry { batteryPercent link armed } }
  flights { id state } } }"""
ON_ITS_WAY = ("requested", "authorised", "en_route")


class Stopped(Exception):
    """The demonstration is told to stop."""


class Demonstration:
    """Plays one incident after the other until it is told to stop."""

    def __init__(self, base_url: str, home: Path, cad_key: str, stop: threading.Event) -> None:
        self._http = httpx.Client(base_url=base_url, timeout=40)
        self._home = home
        self._cad_key = cad_key
        self._stop = stop
        self._tokens: dict[str, tuple[str, datetime]] = {}
        self._random = random.Random()  # noqa: S311 - chooses scenes, keeps no secret
        self.sorties = 0
        self._scenes = Scenes(self._ask, self._pause)

    def run(self) -> None:
        number = 0
        while not self._stop.is_set():
            try:
                self._sortie(INCIDENTS[number % len(INCIDENTS)])
                self.sorties += 1
            except Stopped:
                return
            except (httpx.HTTPError, RuntimeError, TimeoutError) as error:
                log.warning("demonstration_interrupted", error=str(error))
                self._stop.wait(5)
            number += 1

    # -- one call --------------------------------------------------------------

    def _sortie(self, incident: Incident) -> None:
        self._until("the drone can be made ready", self._is_charged, 180)
        battery = self._drone(self._board())["telemetry"] or {}
        charge = max(60.0, min(100.0, battery.get("batteryPercent") or 100.0))
        self._ask("k.lindqvist", READY, drone=DRONE, battery=charge)
        call = f"WH{datetime.now(UTC):%y%m%d-%H%M%S}"
        self._call(call, 1, incident, units=[])
        asked = self._ask("j.alvarez", REQUEST, step_up=True, input=self._request(call, incident))
        flight = asked["requestLaunch"]["id"]
        self._until("the drone's link is up", lambda board: (self._drone(board)["telemetry"] or {}).get("link") == "up")
        self._launched(flight)
        self._call(call, 2, incident, units=[{"unit": "9-3A", "dispatched_at": _now()}])
        self._until("the drone is on scene", lambda board: self._state(board, flight) not in ON_ITS_WAY, 420)
        if self._state(self._board(), flight) == "on_scene":  # else a person was quicker: it flies as ordered
            self._on_scene(incident, flight, call)
        self._until("the drone is home", lambda board: self._state(board, flight) == "landed", 480)
        self._ask("j.alvarez", OUTCOME, flight=flight, input={"outcomes": ["subject_located"], "subjectsLocated": 1})
        if self.sorties % len(INCIDENTS) == 0:
            self._scenes.complaint(flight)
            self._scenes.footage(call, CAMERAS[1].id)
            self._scenes.export(call, CAMERAS[1].id)
        self._call(call, 4, incident, units=[], disposition="report_taken", closed_at=_now())
        self._pause(20)

    def _on_scene(self, incident: Incident, flight: str, call: str) -> None:
        reason = f"{incident.narrative}, at {incident.address}"
        if self.sorties % len(INCIDENTS) == 0:
            self._scenes.override(flight, call)
        self._scenes.live_view(flight, call, reason, self._random.uniform(15, 25))
        self._call(call, 3, incident, units=[{"unit": "9-3A", "arrived_at": _now()}])
        self._ask("k.lindqvist", RETURN, flight=flight)

    def _launched(self, flight: str) -> None:
        deadline = datetime.now(UTC) + timedelta(minutes=3)
        while True:
            try:
                self._ask("k.lindqvist", LAUNCH, step_up=True, flight=flight)
                return
            except RuntimeError as not_yet:
                # The autopilot still looks for its position, for example.
                if datetime.now(UTC) > deadline:
                    raise
                log.info("launch_not_yet", why=str(not_yet))
                self._pause(2)

    def _request(self, call: str, incident: Incident) -> dict[str, Any]:
        go = {"go": "go", "source": "demonstration", "detail": "wind 8 kt, no traffic"}
        return {
            "drone": DRONE,
            "pilot": "k.lindqvist",
            "purpose": "call_for_service",
            "callNumber": call,
            "destination": {"latitude": incident.place.latitude, "longitude": incident.place.longitude},
            "cruiseAglM": 60.0,
            "reason": f"{incident.call_type.replace('_', ' ')} at {incident.address}: see before units arrive",
            "conditions": {"weather": go, "traffic": go, "airspace": go},
        }

    def _call(self, call: str, number: int, incident: Incident, units: Sequence[Any], **more: Any) -> None:
        body = {
            "call": call,
            "update_number": number,
            "cad_time": _now(),
            "call_type": incident.call_type,
            "priority": incident.priority,
            "place": {"latitude": incident.place.latitude, "longitude": incident.place.longitude},
            "received_at": datetime.strptime(call[2:], "%y%m%d-%H%M%S").replace(tzinfo=UTC).isoformat(),
            "address": incident.address,
            "narrative": incident.narrative,
            "units": list(units),
            **more,
        }
        answer = self._http.post("/cad/calls", json=body, headers={"authorization": f"Bearer {self._cad_key}"})
        if answer.status_code != 200:
            raise RuntimeError(f"CAD intake answered {answer.status_code}: {answer.text[:300]}")

    # -- asking ----------------------------------------------------------------

    def _token(self, who: str, step_up: bool) -> str:
        key = f"{who} {step_up}"
        known = self._tokens.get(key)
        if known is None or known[1] < datetime.now(UTC):
            # A step-up is good for some minutes alone: the token is asked for anew in time.
            lifetime = timedelta(minutes=10) if step_up else timedelta(hours=8)
            known = (issue_token(self._home, who, step_up), datetime.now(UTC) + lifetime)
            self._tokens[key] = known
        return known[0]

    def _ask(
        self, who: str, document: str, *, step_up: bool = False, told: bool = False, **variables: Any
    ) -> dict[str, Any]:
        """The data. Raises RuntimeError where a command was not accepted, unless `told`: then that is the answer."""
        if self._stop.is_set():
            raise Stopped
        answer = self._http.post(
            "/graphql",
            json={"query": document, "variables": variables},
            headers={"authorization": f"Bearer {self._token(who, step_up)}"},
        ).json()
        if answer.get("errors"):
            raise RuntimeError(str(answer["errors"]))
        data: dict[str, Any] = answer["data"]
        for result in data.values():
            if not told and isinstance(result, dict) and result.get("__typename") not in (None, "Accepted"):
                raise RuntimeError(str(result))
        return data

    def _board(self) -> dict[str, Any]:
        board: dict[str, Any] = self._ask("j.alvarez", BOARD)["board"]
        return board

    def _is_charged(self, board: dict[str, Any]) -> bool:
        drone = self._drone(board)
        return drone["status"] in ("ready", "not_ready") and (drone["telemetry"] or {}).get("batteryPercent", 0) > 80

    @staticmethod
    def _drone(board: dict[str, Any]) -> dict[str, Any]:
        return next((d for d in board["drones"] if d["id"] == DRONE), {"status": "unknown", "telemetry": None})

    @staticmethod
    def _state(board: dict[str, Any], flight: str) -> str:
        return next((str(f["state"]) for f in board["flights"] if f["id"] == flight), "unknown")

    def _until(self, what: str, holds: Callable[[dict[str, Any]], bool], seconds: float = 60) -> None:
        deadline = datetime.now(UTC) + timedelta(seconds=seconds)
        while not holds(self._board()):
            if datetime.now(UTC) > deadline:
                raise TimeoutError(f"waited {seconds:g} s in vain until {what}")
            self._pause(1)

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise Stopped


def _now() -> str:
    return datetime.now(UTC).isoformat()


def run() -> None:
    with running("demonstration", ["SAFERWEHO_CAD_KEYS"]) as process:
        settings = process.settings
        assert settings.cad_keys
        key = settings.cad_keys.read_text().split()[0]
        demonstration = Demonstration(settings.base_url, settings.home, key, process.stop)
        process.health.checks["demonstration"] = lambda: {"ok": True, "sorties": demonstration.sorties}
        demonstration.run()
