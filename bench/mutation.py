"""A mutation from request to answer, the event committed: a pilot declares a drone ready. Against bare FastAPI that
validates the same two values and does one INSERT in a commit of its own.

The mutation verifies the token, knows the person's standing as of this moment, asks the policy, reads the drone's
stream, decides, and appends under optimistic locking with its command id; relay and projector run beside it.
Each connection has a drone of its own.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from statistics import median
from typing import Any

import httpx

from api.processes.demonstration import DOCK
from bench.figures import figure
from bench.load import Load, load, post
from bench.product import Product, plain, product
from bench.stack import stack

REGISTER = """mutation($drone: ID!, $dock: ID!, $number: Int!) {
  registerDrone(droneId: $drone, registration: "FA3BENCH", remoteIdSerial: "1581F5BK", model: "Copter",
    dockId: $dock, systemId: $number) { __typename
  ... on Refused { reasons { message } } ... on Mistaken { code field message accepted } } }"""
READY = """mutation Ready($drone: ID!, $battery: Float!) {
  readyDrone(droneId: $drone, batteryPercent: $battery) { __typename ... on Accepted { position } } }"""


def run(rounds: int = 3, seconds: float = 3.0, connections: int = 16, **_: Any) -> list[dict[str, Any]]:
    """`rounds` of `seconds` for each contender, in turns, with many connections and with one."""
    with stack() as running, product(running) as watch_center, plain(watch_center) as floor:
        _register(watch_center, connections)
        return measure(watch_center, floor, rounds, seconds, connections)


def measure(watch_center: Product, floor: str, rounds: int, seconds: float, connections: int) -> list[dict[str, Any]]:
    headers = {"authorization": f"Bearer {watch_center.token('remote_pilot')}"}

    def ours(drone: int) -> Iterator[bytes]:
        for battery in itertools.cycle((80.0, 81.0, 82.0)):
            variables = {"drone": f"bench-{drone}", "battery": battery}
            yield post("/graphql", json.dumps({"query": READY, "variables": variables}).encode(), **headers)

    def theirs(drone: int) -> Iterator[bytes]:
        return itertools.repeat(post("/ready", json.dumps({"drone": f"bench-{drone}", "battery": 80.0}).encode()))

    def product_(several: int) -> Load:
        return load(watch_center.base_url, ours, lambda body: b"Accepted" in body, connections=several, seconds=seconds)

    def bare(several: int) -> Load:
        return load(floor, theirs, lambda body: b"id" in body, connections=several, seconds=seconds)

    made: dict[str, list[Load]] = {name: [] for name in ("ours", "bare", "ours alone", "bare alone")}
    for _ in range(rounds):
        made["ours"].append(product_(connections))
        made["bare"].append(bare(connections))
        made["ours alone"].append(product_(1))
        made["bare alone"].append(bare(1))
    mid = {name: Load(*(median(column) for column in zip(*each, strict=True))) for name, each in made.items()}
    what = f"mutation, {connections} connections"
    return [
        figure(what, mid["ours"].rate, "requests/s", mid["bare"].rate),
        figure(f"{what}, p99", mid["ours"].p99, "ms", mid["bare"].p99),
        figure("mutation, one connection, p50", mid["ours alone"].p50, "ms", mid["bare alone"].p50),
        figure("mutation, one connection, p99", mid["ours alone"].p99, "ms", mid["bare alone"].p99),
    ]


def _register(watch_center: Product, drones: int) -> None:
    headers = {"authorization": f"Bearer {watch_center.token('administrator', step_up=True)}"}
    with httpx.Client(base_url=watch_center.base_url, headers=headers, timeout=30) as client:
        for number in range(drones):
            variables = {"drone": f"bench-{number}", "dock": DOCK, "number": 100 + number}
            answer = client.post("/graphql", json={"query": REGISTER, "variables": variables}).json()
            if answer.get("errors") or answer["data"]["registerDrone"]["__typename"] != "Accepted":
                raise RuntimeError(f"the drone was not registered: {answer}")
