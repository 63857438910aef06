"""The gateway's end: says where the drones are and where the zones are, to all who listen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import structlog

from adapters.poses.lines import Line, Moment, Tick, Zones, encode, listening
from application.poses import Pose
from application.zones import KnownZone
from domain.kernel import FlightId

TICK_S, AGAIN_S = 0.5, 5.0
MOST_UNSENT = 1 << 20  # bytes; who takes no more is let go, and knows then that he knows nothing
log = structlog.get_logger(__name__)


class PosesServer:
    """`zones` and `aloft` are asked twice a second. `run` is a task; `pose` is called from the same loop."""

    def __init__(
        self,
        path: Path,
        zones: Callable[[], tuple[KnownZone, ...] | None],
        aloft: Callable[[], Mapping[str, FlightId]],
    ) -> None:
        self._path, self._zones, self._aloft = path, zones, aloft
        self._listeners: set[asyncio.StreamWriter] = set()
        self._said: tuple[KnownZone, ...] | None = None

    def pose(self, drone: str, flight: FlightId, pose: Pose) -> None:
        """Never waits."""
        if self._listeners:
            self._look_at_zones()
            self._say(Moment(drone, flight, pose))

    async def run(self) -> None:
        """For ever. Where there can be no socket nobody records or shows a drone's pictures; it flies all the same."""
        while True:
            try:
                async with await asyncio.start_unix_server(self._listener, sock=listening(self._path)):
                    while True:
                        self._look_at_zones()
                        self._say(Tick(datetime.now(UTC), dict(self._aloft())))
                        await asyncio.sleep(TICK_S)
            except OSError as error:
                log.critical("poses_not_served", socket=str(self._path), error=str(error))
            await asyncio.sleep(AGAIN_S)

    async def _listener(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for line in (Zones(self._said), Tick(datetime.now(UTC), dict(self._aloft()))):
                writer.write(encode(line) + b"\n")
            self._listeners.add(writer)
            await reader.read()  # nothing is asked here: until it goes away
        except (ConnectionError, asyncio.CancelledError):
            pass  # it went, or the gateway ends
        finally:
            self._listeners.discard(writer)
            writer.close()

    def _look_at_zones(self) -> None:
        zones = self._zones()
        if zones is not self._said:
            self._said = zones
            self._say(Zones(zones))

    def _say(self, line: Line) -> None:
        said = encode(line) + b"\n"
        for writer in list(self._listeners):
            if writer.transport.get_write_buffer_size() > MOST_UNSENT:
                log.error("poses_not_taken", waiting=writer.transport.get_write_buffer_size())
                self._listeners.discard(writer)
                writer.transport.abort()
            else:
                with suppress(ConnectionError):
                    writer.write(said)
