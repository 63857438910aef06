"""Keeps the newest telemetry of each drone for the board, down-sampled from the telemetry topic.

A sample is a moment of one drone; whichever of several arrive together, the newest counts. Losing some is no harm.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec
import structlog
from prometheus_client import Counter

from projections.engine import catalogue
from projections.engine.projection import Connection

CHANNEL_NAME = "telemetry"  # what `AppliedPositions.changes` is asked for
PERIOD_S = 0.25

SAMPLES = Counter("saferweho_telemetry_samples", "Telemetry samples read from the log")
UNREADABLE = Counter("saferweho_telemetry_unreadable_samples", "Telemetry samples that are not in the expected form")

log = structlog.get_logger(__name__)


class TelemetryRecord(NamedTuple):
    drone: str
    content: bytes


class TelemetryFeed(Protocol):
    """Newest samples first come as they come; no order between drones."""

    def poll(self, timeout: float) -> Sequence[TelemetryRecord]: ...

    def close(self) -> None: ...


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """As the drone gateway writes it: degrees, metres, m/s, percent; times in microseconds since 1970, UTC."""

    received_time: int
    device_time: int | None = None
    linked: bool = True
    authentication: str = "unauthenticated"
    armed: bool = False
    airborne: bool = False
    mode: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    altitude_amsl: float | None = None
    altitude_above_home: float | None = None
    heading: float | None = None
    ground_speed: float | None = None
    velocity_down: float | None = None
    battery_percent: float | None = None
    gimbal_pitch: float | None = None


_sample = msgspec.json.Decoder(Sample)
_SQL = Path(__file__).with_name("telemetry.sql")
_UPSERT = """
INSERT INTO projections.telemetry_latest AS t
SELECT drone, to_timestamp(received / 1e6), to_timestamp(device / 1e6), linked, authentication, armed, airborne, mode,
       latitude, longitude, amsl, agl, heading, speed, climb, battery, pitch
FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::boolean[], %s::text[], %s::boolean[], %s::boolean[], %s::text[],
            %s::float8[], %s::float8[], %s::float8[], %s::float8[], %s::float8[], %s::float8[], %s::float8[],
            %s::float8[], %s::float8[])
     AS s (drone, received, device, linked, authentication, armed, airborne, mode,
           latitude, longitude, amsl, agl, heading, speed, climb, battery, pitch)
ON CONFLICT (drone) DO UPDATE SET
    received_at = excluded.received_at, device_time = excluded.device_time, linked = excluded.linked,
    authentication = excluded.authentication, armed = excluded.armed, airborne = excluded.airborne,
    mode = excluded.mode, latitude = excluded.latitude, longitude = excluded.longitude, amsl_m = excluded.amsl_m,
    agl_m = excluded.agl_m, heading_deg = excluded.heading_deg, ground_speed_mps = excluded.ground_speed_mps,
    climb_mps = excluded.climb_mps, battery_percent = excluded.battery_percent,
    camera_pitch_deg = excluded.camera_pitch_deg
WHERE t.received_at <= excluded.received_at
"""


def install(url: str) -> None:
    """Create the table where it is missing."""
    catalogue.install(url)
    catalogue.create(url, "projections.telemetry_latest", _SQL.read_text("utf-8"))


def write(connection: Connection, samples: Mapping[str, Sample]) -> None:
    """Keep the samples that are newer than what is there, and tell who waits."""
    rows = [
        (
            drone,
            s.received_time,
            s.device_time,
            s.linked,
            s.authentication,
            s.armed,
            s.airborne,
            s.mode,
            s.latitude,
            s.longitude,
            s.altitude_amsl,
            s.altitude_above_home,
            s.heading,
            s.ground_speed,
            None if s.velocity_down is None else -s.velocity_down,
            s.battery_percent,
            s.gimbal_pitch,
        )
        for drone, s in sorted(samples.items())
    ]
    with connection.transaction():
        connection.execute(_UPSERT, [list(column) for column in zip(*rows, strict=True)])
        catalogue.notify(connection, CHANNEL_NAME, max(s.received_time for s in samples.values()))


class TelemetryBoard:
    """Runs beside the projectors: `feeds` opens the telemetry topic near its end."""

    def __init__(self, url: str, feeds: Callable[[], TelemetryFeed]) -> None:
        self._url, self._feeds = url, feeds
        self.last_sample_at: datetime | None = None

    def run(self, stop: threading.Event) -> None:
        """Until `stop`; a database or broker that is away is tried again every second."""
        while not stop.is_set():
            try:
                install(self._url)
                feed = self._feeds()
                try:
                    with catalogue.connect(self._url) as connection:
                        self._follow(connection, feed, stop)
                finally:
                    feed.close()
            except Exception as error:  # the board shows how old the last sample is
                log.warning("telemetry.retry", error=repr(error))
                stop.wait(1.0)

    def _follow(self, connection: Connection, feed: TelemetryFeed, stop: threading.Event) -> None:
        waiting: dict[str, Sample] = {}
        written = 0.0
        while not stop.is_set():
            left = written + PERIOD_S - time.monotonic()
            for record in feed.poll(max(0.0, left) if waiting else 1.0):
                SAMPLES.inc()
                try:
                    sample = _sample.decode(record.content)
                except msgspec.MsgspecError:
                    UNREADABLE.inc()
                    continue
                held = waiting.get(record.drone)
                if held is None or held.received_time <= sample.received_time:
                    waiting[record.drone] = sample
            if waiting and time.monotonic() >= written + PERIOD_S:
                write(connection, waiting)
                written, waiting = time.monotonic(), {}
