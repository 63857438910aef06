"""A drone's camera, recorded: while the record says that the flight is, and never what lies in a no-record zone.

Invariants: a picture that nobody may see is offered to nobody; one that may not be recorded is let go before it is
part of a segment, so that no key ever opens it, and what follows begins with a key frame, which needs none before it;
whoever cannot say that it may be recorded has said that it may not; what is missing although the flight was being
recorded is `FootageLost`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from adapters.cameras.sources import shown
from adapters.poses.telemetry import with_telemetry
from adapters.recorder.clock import Taken
from adapters.recorder.notes import Notes
from adapters.recorder.recording import AWAY, BROKE_OFF, NOT_RECORDING, ON_RECORD, TOLERANCE, Held, Recording
from adapters.recorder.segmenting import Cut
from adapters.recorder.source import Connection, Picture
from adapters.vault import Vault
from application.flight_footage import FIRST_PICTURE, Stretch
from application.handling import Handler
from application.poses import PICTURE_DELAY, Track
from domain.flight import FLIGHT
from domain.flight_state import Flying
from domain.kernel import DroneId, FeedId, FlightId, StreamId
from domain.privacy_override_events import Range

ASKED_EVERY_S = 0.5
GOOD_FOR_S = 30.0  # what the record said of a flight, while it cannot be asked again
SETTLES_S = 3.0  # FFmpeg looks at a stream for two
CAUGHT_UP_S = 1.0  # in which all is read that came while it looked, however long that took on a busy machine
NOBODY_SAYS = "nobody could say whether it is to be recorded"
NO_PICTURE = "no picture came"


@dataclass(frozen=True, slots=True)
class DroneAddress:
    """The camera of a drone on one of its flights. `url`: with user and password."""

    drone: DroneId
    flight: FlightId
    url: str
    camera: None = None  # of the inventory

    @property
    def sound(self) -> bool:
        return False

    @property
    def name(self) -> str:
        return f"drone-{self.drone}"

    @property
    def feed(self) -> FeedId:
        return FeedId(StreamId(FLIGHT.stream(self.flight)))

    def __repr__(self) -> str:
        return f"DroneAddress({self.drone!r}, {self.flight!r}, {shown(self.url)})"


# -- what the record says ----------------------------------------------------


@dataclass(slots=True)
class _Permit:
    recording: bool
    asked_at: float
    turns: int = 0


class Permits:
    """Whether each of some flights is to be recorded, as the record said last. Safe to use from many threads."""

    def __init__(self, handler: Handler, seconds: Callable[[], float] = time.monotonic) -> None:
        self._handler, self._seconds = handler, seconds
        self._known: dict[FlightId, _Permit] = {}
        self._lock = threading.Lock()

    def ask(self, flights: Collection[FlightId]) -> None:
        """Raises StoreUnavailable."""
        asked_at = self._seconds()
        states = self._handler.states.load([(FLIGHT, flight) for flight in flights]) if flights else {}
        known = {}
        for flight in flights:
            state = states[FLIGHT.stream(flight)][1]
            recording = isinstance(state, Flying) and state.sortie.recording
            before = self._known.get(flight)
            turns = 0 if before is None else before.turns + (before.recording != recording)
            known[flight] = _Permit(recording, asked_at, turns)
        with self._lock:
            self._known = known

    def why_not(self, flight: FlightId) -> str | None:
        """Why the flight is not to be recorded now; None: it is."""
        with self._lock:
            known = self._known.get(flight)
        if known is None or self._seconds() - known.asked_at > GOOD_FOR_S:
            return NOBODY_SAYS
        return None if known.recording else NOT_RECORDING

    def turns(self, flight: FlightId) -> int:
        """How often recording began or ended since the flight was first asked for."""
        with self._lock:
            known = self._known.get(flight)
        return known.turns if known else 0


# -- what its camera sends ---------------------------------------------------


class DroneConnection(Connection):
    """Its pictures are timed by when they came in alone, as poses are. Those of the first seconds are let go: they came
    in while FFmpeg looked at the stream, so that they seem to be of later than they are."""

    def pictures(self) -> Iterator[Picture]:
        first, began = None, 0.0
        for picture in super().pictures():
            packet = picture.packet
            media = packet.dts if packet.dts is not None else packet.pts
            assert media is not None and packet.time_base is not None
            seconds = float(media * packet.time_base)
            if first is None:
                began = time.monotonic()
            first = seconds if first is None or seconds < first else first
            if seconds - first >= SETTLES_S and time.monotonic() - began >= CAUGHT_UP_S:
                yield replace(picture, taken=_came_in(picture.taken))


def _came_in(taken: Taken) -> Taken:
    if taken.clock == "arrival" or taken.ahead_us is None:
        return taken
    return Taken(taken.at - timedelta(microseconds=taken.ahead_us), "arrival", taken.ahead_us)


# -- recording ---------------------------------------------------------------


class FlightRecording(Recording):
    """One flight's. After `settle_flight` as any recording; `finish` when the flight is over."""

    def __init__(
        self,
        address: DroneAddress,
        vault: Vault,
        notes: Notes,
        track: Track,
        permits: Permits,
        connect: Callable[[Any], Any] = DroneConnection,
        **options: Any,
    ) -> None:
        super().__init__(address, vault, notes, connect, **options)
        self._flight, self._track, self._permits = address.flight, track, permits
        self._hidden: str | None = None  # why nobody may see it now
        self._holding: tuple[Held, str, int] | None = None  # with why something is missing before it, and the turns

    def settle_flight(
        self, on_record: Callable[[Collection[str]], Collection[str]], recorded: Sequence[Stretch]
    ) -> None:
        """After a start: as `settle`, and what was to be recorded meanwhile. Raises as `settle`."""
        self.settle(on_record, was_online=True)
        for stretch in recorded:
            if stretch.until is not None:
                self._missing(stretch.since, stretch.until, AWAY)
        going_on = [stretch.since for stretch in recorded if stretch.until is None]
        if going_on:
            self._until = max(filter(None, (self._until, going_on[0])))
        else:
            self._until = now = self._now()
            self._holding = (Held(now, now, NOT_RECORDING), AWAY, self._permits.turns(self._flight))

    def finish(self, recorded: Sequence[Stretch]) -> None:
        """The flight is over and both threads have ended: its last footage is closed, and what is missing is told.
        Raises StorageFault and KeysUnavailable."""
        if self._holding is not None:
            self._pass_over(*self._holding[:2])
            self._holding = None
        for stretch in recorded:
            if stretch.until is not None:
                self._missing(stretch.since, stretch.until, self.sealing_fault or self.fault or NO_PICTURE)
        if self._reel is None and (newest := self._vault.last(self.feed)) is not None:
            self._reel = self._vault.begun(newest)
        self._close()

    def _missing(self, since: datetime, until: datetime, why: str) -> None:
        since = max(filter(None, (self._until, since)))
        if until - since > FIRST_PICTURE:
            self._notes.lost(self.feed, Range(since, until), why)
            self._until = until

    # -- what may be seen and be part of it ----------------------------------

    def _show(self, picture: Picture, connection: Connection) -> None:
        """What nobody may see is not even offered: it leaves this process for nowhere."""
        hidden = self._track.may_show(picture.taken.at)
        if hidden is not None:
            if self._hidden != hidden:
                self._tap.ends(hidden)
            self._hidden = hidden
            return
        if self._hidden is not None:
            if not picture.packet.is_keyframe:
                return
            self._tap.begins(connection.parameters)
            self._hidden = None
        super()._show(picture, connection)

    def _take(self, picture: Picture, connection: Connection, why: str) -> str:
        withheld = self._permits.why_not(self._flight) or self._track.may_keep(picture.taken.at)
        at, segmenter = picture.taken.at, connection.segmenter
        if withheld is None:
            if self._holding is not None and not segmenter.begun and not picture.packet.is_keyframe:
                self._hold(at, self._holding[0].why, why)
                return why
            self._let_go()
            return super()._take(picture, connection, why)
        if rest := segmenter.leave_off(picture.packet, picture.taken):
            # Up to this picture: it is of this one that the record says why it is not there.
            self._offer(replace(rest, until=max(rest.until, at)), connection.media, why)
            why = BROKE_OFF
        if withheld in ON_RECORD:
            return self._hold(at, withheld, why)
        self._let_go()
        return withheld

    def _hold(self, at: datetime, withheld: str, why: str) -> str:
        turns = self._permits.turns(self._flight)
        if self._holding is not None:
            held, before, began = self._holding
            if at - held.until <= TOLERANCE or turns == began:
                self._holding = (replace(held, until=max(held.until, at), why=withheld), before, turns)
                return BROKE_OFF
            self._let_go()
        self._holding = (Held(at, at, withheld), why, turns)
        return BROKE_OFF

    def _let_go(self) -> None:
        if self._holding is not None:
            held, why, _ = self._holding
            self._queue.put(held, "", why)
            self._holding = None

    def _offer(self, cut: Cut, media: str, why: str) -> None:
        poses = [pose for pose in self._track.since(cut.since - PICTURE_DELAY) if pose.at <= cut.until]
        super()._offer(replace(cut, content=with_telemetry(cut.content, cut.since, poses)), media, why)
