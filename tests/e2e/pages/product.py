"""The whole product as the tests of its pages have it: running, with its people signed in, and asked without a page."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
from playwright.sync_api import Browser, BrowserContext, Page

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_MS = 60_000
PARK, STRIP = "camera-plummer-park", "camera-sunset-strip"
CAMERA = """mutation { installCamera(camera: "plummer", name: "Plummer Park", heightM: 6, bearingDeg: 270,
    place: { latitude: 34.0912, longitude: -118.3511 }) { __typename } }"""
TOLD = "__typename ... on Accepted { id } ... on Refused { reasons { code message } } ... on Mistaken { field message }"
DRONE = "{ board { drones { id status telemetry { batteryPercent link } } flights { id state arrivedAt } } }"
RETURN = """mutation($flight: ID!) { returnDrone(flight: $flight, reason: "the drone is wanted elsewhere") {
  __typename } }"""
READY = """mutation($drone: ID!, $battery: Float!) { readyDrone(droneId: $drone, batteryPercent: $battery) {
  __typename } }"""
LOOKS = """query($kind: String!) { accessRecord(kind: $kind, first: 20) { edges { node {
    id state feed footage caseNumber endReason seconds bytes masked } } } }"""


@dataclass
class Product:
    """A running `saferweho dev`."""

    base_url: str
    home: Path
    links: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def pid(self, process: str) -> int:
        return self.pids()[process]

    def pids(self) -> dict[str, int]:
        return {name: int(pid) for name, pid in json.loads((self.home / "run.json").read_text())["pids"].items()}

    def typed(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command typed on the machine that the product runs on."""
        return subprocess.run(
            [sys.executable, "-m", "api.cli", *words],
            cwd=ROOT,
            env={**os.environ, "SAFERWEHO_HOME": str(self.home)},
            capture_output=True,
            text=True,
            timeout=200,
        )

    def token(self, role: str, *, step_up: bool = False) -> str:
        """Of the demonstration's person of this role. `step_up`: right after a second factor was shown."""
        if role not in self.tokens or step_up:
            made = self.typed("token", "--as", role, *(["--step-up"] if step_up else []))
            assert made.returncode == 0, made.stderr
            if step_up:
                return made.stdout.strip()
            self.tokens[role] = made.stdout.strip()
        return self.tokens[role]

    def ask(self, role: str, document: str, *, step_up: bool = False, **variables: Any) -> Any:
        """The data of an answer to the demonstration's person of this role, who asks without a page."""
        answer = httpx.post(
            f"{self.base_url}/graphql",
            json={"query": document, "variables": variables},
            headers={"authorization": f"Bearer {self.token(role, step_up=step_up)}"},
            timeout=60,
        )
        return answer.json()["data"]

    def accepted(self, role: str, document: str, *, step_up: bool = False, **variables: Any) -> str:
        """The id of what a mutation (`told: …`) made or changed."""
        told = self.ask(role, document, step_up=step_up, **variables)["told"]
        assert told["__typename"] == "Accepted", told
        return str(told["id"])


@dataclass
class People:
    """One signed-in browser context per role: a sign-in link works once."""

    product: Product
    browser: Browser
    contexts: dict[str, BrowserContext] = field(default_factory=dict)
    strangers: list[str] = field(default_factory=list)
    pictures_from: tuple[str, ...] = ()
    faults: list[str] = field(default_factory=list)

    def page(self, role: str) -> Page:
        known = role in self.contexts
        if not known:
            self.contexts[role] = self.browser.new_context(viewport={"width": 1280, "height": 800})
        page = self._watched(self.contexts[role].new_page())
        page.goto(self.product.base_url if known else self.product.links[role])
        return page

    def abroad(self, role: str, *, zone: str, locale: str) -> Page:
        """A page of a person who is signed in, in a browser of another time zone and language."""
        if role not in self.contexts:
            self.page(role).close()
        context = self.browser.new_context(
            viewport={"width": 1280, "height": 800},
            storage_state=self.contexts[role].storage_state(),
            timezone_id=zone,
            locale=locale,
        )
        self.contexts[f"{role} in {zone}"] = context
        return self._watched(context.new_page())

    def _watched(self, page: Page) -> Page:
        page.set_default_timeout(PATIENCE_MS)
        page.on("request", lambda request: self._see(request.url))
        page.on("websocket", lambda socket: self._see(socket.url))
        page.on("console", lambda said: self.faults.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        return page

    def _see(self, url: str) -> None:
        own = self.product.base_url, self.product.base_url.replace("http", "ws", 1), "blob:"
        if not url.startswith((*own, *self.pictures_from)):
            self.strangers.append(url)


def until(what: str, holds: Callable[[], bool], seconds: float) -> None:
    """Waits for a condition; fails with its name after the deadline."""
    deadline = monotonic() + seconds
    while not holds():
        assert monotonic() < deadline, f"waited {seconds:g} s in vain until {what}"
        sleep(0.2)


def media_origins(product: Product) -> tuple[str, ...]:
    """Where the pages may fetch pictures from, beside the API itself."""
    policy = httpx.get(product.base_url, timeout=60).headers["content-security-policy"]
    sources = next(part.split()[1:] for part in policy.split("; ") if part.startswith("connect-src "))
    return tuple(source for source in sources if source != "'self'")


def call_of_dispatch(product: Product, call_type: str) -> str:
    """The number of a call that stays open."""
    now = datetime.now(UTC)
    call = f"E2E{now:%H%M%S%f}"
    update = {
        "call": call,
        "update_number": 1,
        "cad_time": now.isoformat(),
        "call_type": call_type,
        "priority": 2,
        "place": {"latitude": 34.0905, "longitude": -118.3707},
        "received_at": now.isoformat(),
        "address": "8300 Santa Monica Blvd",
        "narrative": "smoke from a third-floor window",
        "units": [],
    }
    key = (product.home / "cad-keys").read_text().split()[0]
    told = httpx.post(
        f"{product.base_url}/cad/calls", json=update, headers={"authorization": f"Bearer {key}"}, timeout=60
    )
    assert told.status_code == 200, told.text
    return call


def newest_look(product: Product, kind: str, case: str) -> dict[str, Any]:
    """Of the watch operator for a case, as the record has it: the demonstration looks in the same name."""
    found = product.ask("watch_operator", LOOKS, kind=kind)["accessRecord"]["edges"]
    return next((edge["node"] for edge in found if edge["node"]["caseNumber"] == case), {})


def wait_for_footage(product: Product, feed: str) -> None:
    found = """query($feed: ID!, $since: DateTime!, $until: DateTime!) {
        footage(feed: $feed, since: $since, until: $until) { id state } }"""

    def kept() -> bool:
        now = datetime.now(UTC)
        hour = {"since": (now - timedelta(hours=1)).isoformat(), "until": now.isoformat()}
        rows = product.ask("watch_operator", found, feed=feed, **hour)["footage"]
        return any(row["state"] == "kept" for row in rows)

    until("footage is on the record", kept, 400)


@contextmanager
def in_a_hurry(product: Product) -> Iterator[None]:
    """The drone flies and is charged ten times as fast: nobody looks at it meanwhile."""
    vehicle = product.pid("vehicle")
    os.kill(vehicle, signal.SIGUSR2)
    try:
        yield
    finally:
        os.kill(vehicle, signal.SIGUSR2)


@contextmanager
def the_drone_to_oneself(product: Product) -> Iterator[None]:
    """The demonstration waits, and its drone stands in the dock, charged and made ready by the pilot."""
    pid = product.pid("demonstration")

    def flights(*states: str) -> list[str]:
        return [
            each["id"] for each in product.ask("watch_operator", DRONE)["board"]["flights"] if each["state"] in states
        ]

    def paused_between_two_sorties() -> bool:
        os.kill(pid, signal.SIGSTOP)
        if not flights("requested", "authorised"):
            return True
        os.kill(pid, signal.SIGCONT)
        return False

    def made_ready() -> bool:
        (drone,) = product.ask("watch_operator", DRONE)["board"]["drones"]
        seen = drone["telemetry"] or {}
        if drone["status"] not in ("ready", "not_ready") or seen.get("link") != "up" or seen["batteryPercent"] < 80:
            return False
        told = product.ask("remote_pilot", READY, drone=drone["id"], battery=seen["batteryPercent"])
        return bool(told["readyDrone"]["__typename"] == "Accepted")

    try:
        until("nobody else is about to fly", paused_between_two_sorties, 120)
        for flight in flights("en_route", "on_scene", "holding"):
            product.ask("remote_pilot", RETURN, flight=flight)
        with in_a_hurry(product):
            until("the drone is home, charged and ready", made_ready, 360)
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def a_flight_on_scene(product: Product) -> Iterator[str]:
    """A drone that has just arrived stays where it is: the demonstration waits."""
    pid = product.pid("demonstration")
    found: list[str] = []

    def arrived() -> list[str]:
        now = datetime.now(UTC)
        return [
            each["id"]
            for each in product.ask("watch_operator", DRONE)["board"]["flights"]
            # The demonstration looks at the scene for a quarter of a minute before it calls the drone home.
            if each["state"] == "on_scene" and now - datetime.fromisoformat(each["arrivedAt"]) < timedelta(seconds=10)
        ]

    def stays_on_arrival() -> bool:
        if not arrived():
            return False
        os.kill(pid, signal.SIGSTOP)
        found.extend(arrived())
        if not found:
            os.kill(pid, signal.SIGCONT)
        return bool(found)

    try:
        with in_a_hurry(product):
            until("a drone arrives on scene", stays_on_arrival, 600)
        yield found[0]
    finally:
        os.kill(pid, signal.SIGCONT)
