"""The other end: what a process knows of the drones in the air, as long as the gateway tells it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

import msgspec
import structlog

from adapters.poses.lines import Line, Moment, Tick, Zones, connected, decode
from application.poses import TOLD_WITHIN, Track
from application.zones import KnownZone
from domain.kernel import FeedId, FlightId, StreamId

AGAIN_S = 0.5
KEPT_TRACKS = 64
log = structlog.get_logger(__name__)


class Poses:
    """Listens in a thread of its own and connects again for ever. What cannot be heard is not known: see `Track`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tracks: dict[FeedId, Track] = {}
        self._zones: tuple[KnownZone, ...] | None = None
        self._aloft: dict[str, FlightId] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="poses", daemon=True)
        self.fault: str | None = "the drone gateway was not heard yet"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def track(self, feed: FeedId) -> Track:
        """Of a flight's feed; of any other one, a track of which nothing is ever known."""
        kind, _, flight = feed.partition("-")
        with self._lock:
            return self._track(FlightId(flight)) if kind == "flight" and flight else Track()

    def aloft(self) -> Mapping[str, FlightId]:
        """The drones that are in the air, as far as the gateway can be heard, and the flight of each."""
        with self._lock:
            return dict(self._aloft)

    def _track(self, flight: FlightId) -> Track:
        feed = FeedId(StreamId(f"flight-{flight}"))
        found = self._tracks.get(feed)
        if found is None:
            found = self._tracks[feed] = Track(flight)
            if self.fault is None:
                found.told(self._zones)
            while len(self._tracks) > KEPT_TRACKS:
                del self._tracks[next(iter(self._tracks))]
        return found

    # -- listening -----------------------------------------------------------

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen()
            except (OSError, msgspec.MsgspecError) as away:
                fault = f"the drone gateway cannot be heard: {away}"
                if fault != self.fault:
                    log.warning("poses_unheard", why=str(away))
                self.fault = fault
            self._nothing_known()
            self._stop.wait(AGAIN_S)

    def _listen(self) -> None:
        """Raises OSError and MsgspecError."""
        with connected(self._path, TOLD_WITHIN.total_seconds()) as line, line.makefile("rb") as lines:
            for said in lines:
                if self._stop.is_set():
                    return
                self._take(decode(said))
        raise ConnectionError("it ended the connection")

    def _take(self, line: Line) -> None:
        with self._lock:
            match line:
                case Zones(zones):
                    self._zones = zones
                    self._tell()
                case Tick(aloft=aloft):
                    self._aloft, self.fault = dict(aloft), None
                    self._tell()
                case Moment(flight=flight, pose=pose):
                    self._track(flight).seen(pose)

    def _tell(self) -> None:
        for track in self._tracks.values():
            track.told(self._zones)

    def _nothing_known(self) -> None:
        with self._lock:
            self._zones, self._aloft = None, {}
            self._tell()
