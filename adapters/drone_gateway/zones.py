"""The privacy zones as the gateway knows them, and what each drone does among them.

Invariant: zones fail closed. What was last known of them is on disk and stays in force while nobody can be asked; an
override is only believed until its own end, and the record of an entry asks the store about it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import structlog

from adapters.drone_gateway.files import replaced
from adapters.mavlink.samples import Sample
from application.zones import Noticed, Velocity, Zone, ZoneWatch
from domain.flight_events import Observation, ZoneRule
from domain.kernel import AirPosition
from domain.privacy_zone import Shape
from projections.engine.reading import NoReadModel
from projections.overrides import queries as overrides
from projections.privacy_zones import queries as zones

ASK_EVERY_S = 1.0

log = structlog.get_logger(__name__)


class Lift(msgspec.Struct, frozen=True):
    """An override of a zone, as long as it is in effect."""

    override: str
    since: datetime
    until: datetime


class KnownZone(msgspec.Struct, frozen=True):
    zone: str
    shape: Shape
    lifts: tuple[Lift, ...] = ()

    def at(self, now: datetime) -> Zone:
        lift = next((lift for lift in self.lifts if lift.since <= now < lift.until), None)
        return Zone(self.zone, self.shape, lift.override if lift else None)


class ZoneGuard:
    """`sampled` for each position of a drone; `run` keeps the zones as the record has them."""

    def __init__(self, url: str, file: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """`url`: where the read models are; `file`: where what is known outlives this process."""
        self._url, self._file, self._clock = url, file, clock
        self._zones = self._kept()

    def sampled(self, watch: ZoneWatch, sample: Sample) -> Sequence[Noticed]:
        """What to record of a position of a drone in the air; `watch` is its flight's."""
        latitude, longitude = sample["latitude"], sample["longitude"]
        if not sample["airborne"] or latitude is None or longitude is None:
            return ()
        now = self._clock()
        position = AirPosition(
            float(latitude), float(longitude), _figure(sample["altitude_amsl"]), _figure(sample["altitude_above_home"])
        )
        device = sample["device_time"]
        device_time = None if device is None else datetime.fromtimestamp(float(device) / 1e6, UTC)
        velocity = Velocity(
            _figure(sample["velocity_north"]), _figure(sample["velocity_east"]), -_figure(sample["velocity_down"])
        )
        seen = Observation(position, device_time, now)
        return watch.step([zone.at(now) for zone in self._zones], seen, velocity)

    # -- knowing -----------------------------------------------------------------

    async def run(self) -> None:
        """For ever: the zones in force and the overrides in effect, out of the read models."""
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._url, autocommit=True, application_name="saferweho drone-gateway zones"
                ) as connection:
                    while True:
                        await self.look(connection)
                        await asyncio.sleep(ASK_EVERY_S)
            except (psycopg.Error, NoReadModel, OSError) as away:
                log.warning("zones_as_last_known", zones=len(self._zones), error=str(away))
            await asyncio.sleep(ASK_EVERY_S)

    async def look(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Ask once. Raises psycopg.Error, NoReadModel."""
        in_force = (await zones.zones(connection)).zones
        lifted: dict[str, list[Lift]] = {}
        page = await overrides.overrides(connection, overrides.Which.ACTIVE, self._clock(), first=1000)
        for row in page.overrides:
            if row.target.startswith("zone-") and row.expires_at is not None:
                lift = Lift(row.override, row.range_since, min(row.expires_at, row.range_until))
                lifted.setdefault(row.target.removeprefix("zone-"), []).append(lift)
        self._keep(
            tuple(
                KnownZone(
                    zone.zone,
                    Shape(zone.outline, zone.ceiling_agl_m, ZoneRule(zone.rule)),
                    tuple(lifted.get(zone.zone, ())),
                )
                for zone in in_force
            )
        )

    def _keep(self, known: tuple[KnownZone, ...]) -> None:
        if known == self._zones:
            return
        self._zones = known
        try:
            replaced(self._file, msgspec.json.encode(known), lasting=True)
        except OSError as error:
            log.critical("zones_not_kept", file=str(self._file), error=str(error))

    def _kept(self) -> tuple[KnownZone, ...]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=tuple[KnownZone, ...])
        except FileNotFoundError:
            return ()
        except (OSError, msgspec.MsgspecError) as error:
            log.critical("zones_unreadable", file=str(self._file), error=str(error))
            return ()


def _figure(value: float | str | bool | None) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
