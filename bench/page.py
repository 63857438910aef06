"""The live board in a real Chromium, on the whole product.

Interactive: from the start of the navigation until the board says what it is complete up to and its drones stand on
the map, signed in and with a warm cache, as after a reload; the floor is the same browser fetching `/health/live`.
Long tasks: while four drones report at 10 Hz, tasks of the page's main thread that took 50 ms or more (W3C Long Tasks).
"""

from __future__ import annotations

import math
import time
from statistics import median
from typing import Any
from uuid import uuid4

import httpx
from playwright.sync_api import Page, sync_playwright

from adapters.identity.development_issuer import sign_in_ticket
from adapters.kafka.telemetry import TelemetryWriter
from api.processes.demonstration import person_of
from bench.figures import figure
from bench.product import Product, product
from bench.stack import stack
from infra.browser import find_chromium

INTERACTIVE_GOAL_MS, LONG_TASKS_GOAL = 1_000.0, 0.0
DRONES, HZ = 4, 10
# WebGL without a graphics card, and a browser that may run as root in a container.
BROWSER = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
SHOWN = """drones => document.querySelector('[data-testid=position]')
    && document.querySelectorAll('.drone-mark').length >= drones && performance.now()"""
OBSERVE = """() => { window.tasks = []
    new PerformanceObserver(list => window.tasks.push(...list.getEntries().map(task => task.duration)))
        .observe({ type: 'longtask' }) }"""


def run(loads: int = 9, seconds: float = 20.0, **_: Any) -> list[dict[str, Any]]:
    with stack() as running, product(running) as watch_center, sync_playwright() as playwright:
        fleet = [_registered(watch_center, number) for number in range(1, DRONES + 1)]
        telemetry = TelemetryWriter(running.bootstrap, watch_center.home.name)
        chromium = playwright.chromium.launch(executable_path=str(find_chromium()), args=BROWSER)
        try:
            page = chromium.new_page(viewport={"width": 1280, "height": 800})
            _report(telemetry, fleet, 0)
            ticket = sign_in_ticket(watch_center.home, person_of("watch_operator"))
            page.goto(f"{watch_center.base_url}/sign-in?ticket={ticket}")
            page.wait_for_function(SHOWN, arg=DRONES)
            shown, bare = [], []
            for _round in range(loads):
                page.goto(f"{watch_center.base_url}/health/live")
                bare.append(float(page.evaluate("performance.getEntriesByType('navigation')[0].responseEnd")))
                page.goto(watch_center.base_url)
                shown.append(float(page.wait_for_function(SHOWN, arg=DRONES, polling=10).json_value()))
            tasks = _long_tasks(page, telemetry, fleet, seconds)
        finally:
            chromium.close()
            telemetry.close()
    return [
        figure("board interactive after a reload, median", median(shown), "ms", median(bare), INTERACTIVE_GOAL_MS,
               at_most=True, absolute=True),
        figure(f"long tasks in {seconds:g} s, {DRONES} drones at {HZ} Hz", len(tasks), "tasks", None, LONG_TASKS_GOAL,
               at_most=True, absolute=True),
        figure("the longest of them", max(tasks, default=0.0), "ms", None),
    ]  # fmt: skip


def _long_tasks(page: Page, telemetry: TelemetryWriter, fleet: list[str], seconds: float) -> list[float]:
    """Durations in ms, after the page has settled."""
    _fly(page, telemetry, fleet, 3)
    page.evaluate(OBSERVE)
    _fly(page, telemetry, fleet, seconds)
    return [float(each) for each in page.evaluate("window.tasks")]


def _fly(page: Page, telemetry: TelemetryWriter, fleet: list[str], seconds: float) -> None:
    for tick in range(int(seconds * HZ)):
        _report(telemetry, fleet, tick)
        page.wait_for_timeout(1000 / HZ)


def _report(telemetry: TelemetryWriter, fleet: list[str], tick: int) -> None:
    """Each drone on a circle of its own over the city."""
    for number, drone in enumerate(fleet):
        angle = tick / 40 + number * math.tau / DRONES
        telemetry.put(drone, {
            "received_time": time.time_ns() // 1000, "authentication": "signed", "armed": True, "airborne": True,
            "mode": "GUIDED", "latitude": 34.0895 + 0.006 * math.sin(angle),
            "longitude": -118.3711 + 0.012 * math.cos(angle),
            "altitude_amsl": 160.0, "altitude_above_home": 60.0, "heading": math.degrees(-angle) % 360,
            "ground_speed": 12.0, "velocity_down": 0.0, "battery_percent": 80.0, "gimbal_pitch": -30.0,
        })  # fmt: skip


def _registered(watch_center: Product, number: int) -> str:
    """A dock and its drone, through GraphQL as IT does it."""
    drone = f"bench-{number}"
    document = f"""mutation {{
      dock: commissionDock(dockId: "{drone}", name: "Roof {number}", amslM: 90,
          place: {{ latitude: {34.08 + number / 200}, longitude: -118.37 }}, commandId: "{uuid4()}") {{ __typename }}
      drone: registerDrone(droneId: "{drone}", registration: "N90{number}WH", remoteIdSerial: "1581F4BENCH000{number}",
          model: "X10", dockId: "{drone}", systemId: {number + 40}, commandId: "{uuid4()}") {{ __typename }} }}"""
    answer = httpx.post(
        f"{watch_center.base_url}/graphql",
        json={"query": document},
        headers={"authorization": f"Bearer {watch_center.token('administrator', step_up=True)}"},
        timeout=30,
    ).json()
    if {part["__typename"] for part in answer["data"].values()} != {"Accepted"}:
        raise RuntimeError(f"the drone was not registered: {answer}")
    return drone
