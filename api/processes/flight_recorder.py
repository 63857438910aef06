"""The recorder's drones: each flight in the air has its camera recorded, as long as the record says so."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import structlog

from adapters.poses.listening import Poses
from adapters.recorder.flights import (
    ASKED_EVERY_S,
    DroneAddress,
    FlightRecording,
    Permits,
)
from adapters.recorder.notes import Notes
from adapters.recorder.recording import SETTLED_BACK
from adapters.recorder.tap import Taps
from adapters.vault import ReelBroken, StorageFault, Vault
from application.flight_footage import stretches
from application.handling import Handler
from application.ports import StoreUnavailable
from application.sealing import KeysUnavailable
from domain.flight import FLIGHT
from domain.flight_state import may_be_airborne
from domain.kernel import DroneId, FlightId

LOOK_BACK_AGAIN_S = 300.0
READY_AHEAD, READY_EVERY = timedelta(minutes=10), timedelta(minutes=1)
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Running:
    recording: FlightRecording
    stop: threading.Event
    threads: tuple[threading.Thread, ...]


class FlightRecorder:
    """`known`: addresses of cameras, a drone's under `drone-<its id>`; `on_record`: those of some pieces of footage
    that are; `keep`: runs a part of a recording to its end, and ends the process where it fails."""

    def __init__(
        self,
        vault: Vault,
        handler: Handler,
        notes: Notes,
        poses: Poses,
        taps: Taps,
        known: Mapping[str, str],
        on_record: Callable[[Collection[str]], Collection[str]],
        keep: Callable[[Callable[[threading.Event], None], threading.Event], None],
    ) -> None:
        self._vault, self._handler, self._notes, self._poses, self._known = vault, handler, notes, poses, known
        self._on_record, self._keep, self._taps = on_record, keep, taps
        self._permits = Permits(handler)
        self._running: dict[FlightId, _Running] = {}
        self._lock = threading.Lock()
        self._next_ready = datetime.min.replace(tzinfo=UTC)
        self.fault: str | None = None

    def run(self, stop: threading.Event) -> None:
        self._poses.start()
        try:
            while not stop.wait(ASKED_EVERY_S):
                try:
                    self._look()
                    self.fault = None
                except (StoreUnavailable, StorageFault, KeysUnavailable) as away:
                    if self.fault is None:
                        log.warning("flights_wait", reason=str(away))
                    self.fault = str(away)
        finally:
            self._poses.stop()
            for running in self._running.values():
                running.stop.set()
            for running in self._running.values():
                for thread in running.threads:
                    thread.join()

    def _look(self) -> None:
        """Raises StoreUnavailable, StorageFault and KeysUnavailable."""
        aloft = {flight: drone for drone, flight in self._poses.aloft().items()}
        # A gateway that is not heard has not said that they landed.
        followed = set(self._running) | set(aloft)
        self._permits.ask(followed)
        for flight, drone in aloft.items():
            url = self._known.get(f"drone-{drone}")
            if url is not None and flight not in self._running:
                self._begin(DroneAddress(DroneId(drone), flight, url))
        for flight in [flight for flight in self._running if flight not in aloft and self._over(flight)]:
            self._end(flight)
        now = datetime.now(UTC)
        if self._running and now >= self._next_ready:
            self._vault.make_ready([each.recording.feed for each in self._running.values()], now + READY_AHEAD)
            self._next_ready = now + READY_EVERY

    def _over(self, flight: FlightId) -> bool:
        state = self._handler.states.load([(FLIGHT, flight)])[FLIGHT.stream(flight)][1]
        return not may_be_airborne(state)

    def _begin(self, address: DroneAddress) -> None:
        track = self._poses.track(address.feed)
        tap = self._taps.of(address.feed)
        recording = FlightRecording(address, self._vault, self._notes, track, self._permits, tap=tap)
        recording.settle_flight(self._on_record, stretches(self._handler, address.flight))
        stop = threading.Event()
        threads = tuple(
            threading.Thread(target=partial(self._keep, part, stop), name=f"{address.feed} {name}")
            for name, part in (("receive", recording.receive), ("seal", recording.seal))
        )
        with self._lock:
            self._running[address.flight] = _Running(recording, stop, threads)
        for thread in threads:
            thread.start()
        log.info("recording", drone=address.drone, flight=address.flight)

    def _end(self, flight: FlightId) -> None:
        """Raises StoreUnavailable."""
        recorded = stretches(self._handler, flight)
        with self._lock:
            running = self._running.pop(flight)
        running.stop.set()
        for thread in running.threads:
            thread.join()
        self._taps.forget(running.recording.feed)
        running.recording.finish(recorded)
        log.info("flight_over", flight=flight)

    def left_open(self, stop: threading.Event) -> None:
        """Close the footage of flights that ended while no recorder was there, again and again."""
        while True:
            try:
                self._look_back()
            except (StoreUnavailable, StorageFault, KeysUnavailable) as away:
                log.warning("flights_left_open", reason=str(away))
            if stop.wait(LOOK_BACK_AGAIN_S):
                return

    def _look_back(self) -> None:
        since = datetime.now(UTC) - SETTLED_BACK
        for feed in [feed for feed in self._vault.feeds() if feed.startswith("flight-")]:
            flight = FlightId(feed.removeprefix("flight-"))
            newest = next(reversed(list(self._vault.reels(feed, since=since))), None)
            if newest is None or flight in self._running or not self._over(flight):
                continue
            if newest.note in self._vault.storage.files(newest.folder):
                continue
            address = DroneAddress(DroneId(""), flight, "")
            left = FlightRecording(address, self._vault, self._notes, self._poses.track(feed), self._permits)
            recorded = stretches(self._handler, flight)
            try:
                left.settle_flight(self._on_record, recorded)
                left.finish(recorded)
            except ReelBroken as broken:  # for `saferweho footage verify` to tell
                log.error("footage_broken", footage=newest.footage, why=str(broken))

    def standing(self) -> dict[str, Any]:
        with self._lock:
            running = dict(self._running)
        return {
            "fault": self.fault or self._poses.fault,
            "flights": {
                flight: {**each.recording.standing(), "withheld": self._permits.why_not(flight)}
                for flight, each in running.items()
            },
        }
