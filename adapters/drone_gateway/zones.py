"""The privacy zones as the gateway knows them, and what each drone does among them.

Invariant: zones fail closed. What was last known of them is on disk and stays in force while nobody can be asked; where
that cannot be read, or nothing was ever known, every place is one that nobody may look at or record, and nothing takes
off. An override is only believed for its own flight and until its own end, and the record of an entry asks the store
about it again.
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
from application.zones import KnownZone, Lift, Noticed, Velocity, ZoneWatch
from domain.flight_events import HEIGHT_UNKNOWN, GroundHeight, HeightSource, Observation, ZoneRule
from domain.kernel import AirPosition
from domain.privacy_zone import Shape
from projections.engine.reading import NoReadModel
from projections.overrides import queries as overrides
from projections.privacy_zones import queries as zones

ASK_EVERY_S = 1.0
GROUND_HEIGHT_GOOD_FOR_US = 3_000_000  # it is asked for twice a second; after this long the drone is elsewhere

log = structlog.get_logger(__name__)


class ZoneGuard:
    """`sampled` for each position of a drone; `run` keeps the zones as the record has them."""

    def __init__(self, url: str, file: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """`url`: where the read models are; `file`: where what is known outlives this process."""
        self._url, self._file, self._clock = url, file, clock
        self._written = False
        self.fault: str | None = None
        """Why the zones are not known, or would not be known after a restart; None: they are."""
        self._zones = self._kept()

    @property
    def zones(self) -> tuple[KnownZone, ...] | None:
        """Those in force, as last known; None: nobody knows."""
        return self._zones

    @property
    def known(self) -> bool:
        """Whether it is known where the zones are; as long as it is not, nothing may take off."""
        return self._zones is not None

    def sampled(self, watch: ZoneWatch, sample: Sample, flight: str | None) -> Sequence[Noticed]:
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
        if self._zones is None:
            return watch.nowhere_known(seen)
        return watch.step([zone.at(now, flight) for zone in self._zones], seen, height_of(sample), velocity)

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
                self._away(str(away))
            await asyncio.sleep(ASK_EVERY_S)

    def _away(self, error: str) -> None:
        if self._zones is None:
            log.critical("zones_unknown", why=self.fault, error=error)
        else:
            log.warning("zones_as_last_known", zones=len(self._zones), error=error)

    async def look(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Ask once. Raises psycopg.Error, NoReadModel."""
        in_force = (await zones.zones(connection)).zones
        lifted: dict[str, list[Lift]] = {}
        page = await overrides.overrides(connection, overrides.Which.ACTIVE, self._clock(), first=1000)
        for row in page.overrides:
            if row.target.startswith("zone-") and row.expires_at is not None and row.flight is not None:
                lift = Lift(row.override, row.flight, row.range_since, min(row.expires_at, row.range_until))
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
        if known == self._zones and self._written:
            return
        self._zones = known
        try:
            replaced(self._file, msgspec.json.encode(known), lasting=True)
            self._written, self.fault = True, None
        except OSError as error:
            self._written = False
            self.fault = f"the privacy zones cannot be kept in {self._file}: {error}"
            log.critical("zones_not_kept", file=str(self._file), error=str(error))

    def _kept(self) -> tuple[KnownZone, ...] | None:
        try:
            kept = msgspec.json.decode(self._file.read_bytes(), type=tuple[KnownZone, ...])
        except FileNotFoundError:
            self.fault = "the privacy zones are not known yet: the read models have not been asked"
            return None
        except (OSError, msgspec.MsgspecError) as error:
            self.fault = f"the privacy zones in {self._file} cannot be read: {error}"
            log.critical("zones_unreadable", file=str(self._file), error=str(error))
            return None
        self._written = True
        return kept


def height_of(sample: Sample) -> GroundHeight:
    """Metres above ground by the autopilot's own word, where it said so just now; else unknown."""
    height, source, said = sample["height_above_terrain"], sample["terrain_source"], sample["terrain_received_time"]
    now = sample["received_time"]
    if not isinstance(height, float | int) or not isinstance(said, int | float) or not isinstance(now, int | float):
        return HEIGHT_UNKNOWN
    if now - said > GROUND_HEIGHT_GOOD_FOR_US:
        return HEIGHT_UNKNOWN
    return GroundHeight(round(float(height), 1), HeightSource(str(source).lower()))


def _figure(value: float | str | bool | None) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
