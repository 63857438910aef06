"""`saferweho drone-gateway`: MAVLink on one side, orders and the record on the other."""

from __future__ import annotations

import asyncio
import re
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog
import uvicorn
from prometheus_client import REGISTRY
from starlette.applications import Starlette

from adapters.drone_gateway.journal import Journal
from adapters.drone_gateway.sorties import Sorties
from adapters.drone_gateway.wire import routes
from adapters.drone_gateway.zones import ZoneGuard
from adapters.kafka.telemetry import TelemetryWriter
from adapters.mavlink.figures import GatewayFigures
from adapters.mavlink.gateway import Gateway, Sample, VehicleSpec
from adapters.mavlink.observations import Observation
from adapters.poses.publishing import PosesServer
from api.processes import wiring
from api.processes.running import Running, running
from api.settings import Settings, SettingsError
from application.flights import Flights
from application.handling import Handler
from application.policies import Policies, PolicyNotAdopted
from application.ports import StoreUnavailable

ASK_AGAIN_S = 2.0

log = structlog.get_logger()
_LINK = re.compile(r"(?P<drone>[\w.-]+)@(?P<address>[^#]+)#(?P<system>\d{1,3})")


def vehicles(links: str, keys: dict[str, bytes]) -> list[VehicleSpec]:
    """Raises SettingsError."""
    specs = []
    for text in filter(None, map(str.strip, links.split(","))):
        match = _LINK.fullmatch(text)
        if match is None:
            raise SettingsError(
                [f"SAFERWEHO_DRONE_LINKS: '{text}' is no link; accepted: DRONE@udpin:HOST:PORT#SYSTEM_ID, …"]
            )
        drone = match["drone"]
        specs.append(VehicleSpec(drone, int(match["system"]), match["address"], keys.get(drone)))
    return specs


def signing_keys(file: Path | None) -> dict[str, bytes]:
    """One line a drone: its id and 64 hexadecimal digits. Raises SettingsError."""
    if file is None:
        return {}
    if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SettingsError([f"SAFERWEHO_DRONE_KEYS: others may read {file}; accepted: mode 0600"])
    keys = {}
    for line in file.read_text().splitlines():
        words = line.partition("#")[0].split()
        if words:
            try:
                keys[words[0]] = bytes.fromhex(words[1])
            except (IndexError, ValueError):
                raise SettingsError(
                    ["SAFERWEHO_DRONE_KEYS: a line is not understood; accepted: DRONE and 64 hexadecimal digits"]
                ) from None
    return keys


def run() -> None:
    needs = ["DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "SAFERWEHO_GATEWAY_KEY"]
    with (
        running("drone-gateway", needs) as process,
        # Also with the store away: a drone in the air must find its way home.
        wiring.handler(process.settings, checked=False) as handler,
    ):
        asyncio.run(_run(process, handler))


async def _run(process: Running, handler: Handler) -> None:
    settings: Settings = process.settings
    assert settings.bootstrap_servers and settings.gateway_key
    home = settings.home / "gateway"
    flights = Flights(handler)
    journal = Journal(home / "journal", flights)
    writer = TelemetryWriter(settings.bootstrap_servers, settings.topic_prefix)

    async def observed(drone: str, what: Observation) -> None:
        await sorties.observed(drone, what)

    async def telemetry(drone: str, sample: Sample) -> None:
        sorties.sampled(drone, sample)
        writer.put(drone, sample)

    async def position(drone: str, sample: Sample) -> None:
        sorties.positioned(drone, sample)
        writer.put(drone, sample)

    gateway = Gateway(
        _vehicles(settings),
        on_observation=observed,
        on_telemetry=position,
        on_board=telemetry,
        production=not settings.development,
    )
    sorties = Sorties(flights, journal, home, gateway)
    sorties.checked = False
    assert settings.read_url
    zones = sorties.zones = ZoneGuard(settings.read_url, home / "zones.json")
    poses = sorties.poses = PosesServer(home / "poses.sock", lambda: zones.zones, sorties.aloft)
    sorties.resume()

    why_not: str | None = "the access rules were not compared with the adopted ones yet"

    async def record() -> None:
        """Nothing is decided by access rules that were not adopted; until that is known, entries wait on disk."""
        nonlocal why_not
        async for reason in _not_adopted(Policies(handler)):
            why_not = reason
        why_not = None
        sorties.checked = True
        await journal.run()

    def check() -> dict[str, Any]:
        return {
            "ok": sorties.checked and zones.fault is None,
            "error": why_not or zones.fault,
            "rules_adopted": sorties.checked,
            "zones_known": zones.known,
            "journal_waiting": journal.waiting,
            "links": gateway.links(),
            "drones": {
                name: {
                    "linked": craft.state.linked,
                    "authentication": craft.state.authentication.value,
                    "mode": craft.state.mode,
                    "ready_to_arm": craft.state.ready_to_arm,
                    "airborne": craft.state.airborne,
                    "flight": active.flight if (active := sorties.active.get(name)) else None,
                }
                for name, craft in gateway.crafts.items()
            },
            "frames": gateway.counts(),
        }

    process.health.checks["gateway"] = check
    REGISTRY.register(GatewayFigures(gateway))
    port = urlsplit(settings.gateway_url).port or 8090
    app = Starlette(routes=[*process.health.routes(), *routes(sorties, settings.gateway_key.get_secret_value())])
    server = uvicorn.Server(uvicorn.Config(app, host=settings.host, port=port, log_config=None, access_log=False))
    async with gateway:
        tasks = [
            asyncio.create_task(work, name=name)
            for name, work in {
                "orders": server.serve(),
                "links": gateway.watch(),
                "journal": record(),
                "watch": sorties.watch(),
                "tend": sorties.tend(),
                "zones": zones.run(),
                "poses": poses.run(),
            }.items()
        ]
        stopped = asyncio.create_task(asyncio.to_thread(process.stop.wait), name="stop")
        done, _ = await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
        process.stop.set()
        server.should_exit = True
        failed = [task for task in done if task is not stopped and task.exception()]
        # Orders under way are answered before the rest ends.
        await asyncio.gather(tasks[0], return_exceptions=True)
        for task in tasks[1:]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    writer.close()
    if failed:
        raise failed[0].exception() or RuntimeError(failed[0].get_name())


def _vehicles(settings: Settings) -> list[VehicleSpec]:
    return vehicles(settings.drone_links, signing_keys(settings.drone_keys))


async def _not_adopted(policies: Policies) -> AsyncIterator[str]:
    """Why nothing takes off, until the store has said that the access rules here are the adopted ones."""
    while True:
        try:
            await asyncio.to_thread(policies.check_adopted)
            return
        except StoreUnavailable as away:
            log.warning("store_away", error=str(away))
            yield f"the access rules could not be compared with the adopted ones: {away}"
        except PolicyNotAdopted as other:
            log.critical("nothing_is_recorded_and_nothing_takes_off", why=str(other))
            yield f"nothing is recorded and nothing takes off: {other}"
        await asyncio.sleep(ASK_AGAIN_S)
