"""One camera, recorded: a thread that takes what comes, and one that seals it.

Invariants: between the two is a queue of bounded size, so that a slow disk costs footage and never memory; what is not
sealed is a gap, and every gap ends as `FootageLost` with its range or lies within an outage of the camera that is on
the record; what is said of gaps follows from the sealed segments, so a crash forgets none.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import av
import structlog
from prometheus_client import Counter

from adapters.recorder.notes import Notes
from adapters.recorder.presence import Presence
from adapters.recorder.segmenting import LONGEST, Cut
from adapters.recorder.source import Address, Connection, Picture, SoundWanted, SourceFault, StreamChanged
from adapters.recorder.tap import Tap
from adapters.vault import Gap, NotThere, Reel, ReelBroken, Segment, StorageFault, Vault
from adapters.vault.layout import ReelName
from adapters.vault.manifest import ManifestBroken
from application.poses import IN_A_ZONE
from application.sealing import KeysUnavailable
from domain.privacy_override_events import Range

MOST_WAITING = 64 << 20  # bytes of a camera that wait to be sealed
TOLERANCE = timedelta(seconds=1)  # less between two segments is no gap: clocks are no better
TOLD_EVERY = timedelta(minutes=3)  # of a loss that goes on, so that with what waits it is told within five
CLOSES_AFTER = timedelta(seconds=30)  # a reel whose time is over
BACK_OFF_S = (0.5, 30.0)
STEADY_S = 30.0
PATIENCE_S = 1.0
SETTLED_BACK = timedelta(days=8)
AWAY, BROKE_OFF = "the recorder was away", "the stream broke off"
FOR_ITS_SOUND = "it was connected to anew for its sound, which the use policy has recorded"
NOT_RECORDING = "it was not being recorded"
RECORDED_AS = "the camera was offline"  # the gap of an outage, which is on the record as that
ON_RECORD = frozenset({RECORDED_AS, NOT_RECORDING, IN_A_ZONE})

SEGMENTS = Counter("saferweho_recorder_segments", "Segments sealed", ["camera"])
BYTES = Counter("saferweho_recorder_bytes", "Bytes of sealed segments", ["camera"])
PICTURES = Counter("saferweho_recorder_pictures", "Pictures received", ["camera"])
DROPPED = Counter("saferweho_recorder_dropped_segments", "Segments that could not be sealed", ["camera"])
CONNECTIONS = Counter("saferweho_recorder_connections", "Connections made to a camera", ["camera"])
log = structlog.get_logger()


def now() -> datetime:
    return datetime.now(UTC)


def told_otherwise(why: str) -> bool:
    """Whether the record tells of a gap by itself, so that nothing that should exist is missing."""
    return why.partition(";")[0] in ON_RECORD


@dataclass(frozen=True, slots=True)
class Held:
    """A stretch of which nothing was to be recorded, as the record says itself."""

    since: datetime
    until: datetime
    why: str
    content: bytes = b""


@dataclass(slots=True)
class _Queue:
    """Cuts on their way, MOST_WAITING bytes at most."""

    most: int
    waiting: deque[tuple[Cut | Held, str, str]] = field(default_factory=deque)
    size: int = 0
    some: threading.Condition = field(default_factory=threading.Condition)

    def put(self, cut: Cut | Held, media: str, why: str) -> bool:
        with self.some:
            if self.waiting and self.size + len(cut.content) > self.most:
                return False
            self.waiting.append((cut, media, why))
            self.size += len(cut.content)
            self.some.notify()
            return True

    def first(self, wait_s: float) -> tuple[Cut | Held, str, str] | None:
        with self.some:
            self.some.wait_for(lambda: bool(self.waiting), timeout=wait_s)
            return self.waiting[0] if self.waiting else None

    def done(self) -> None:
        with self.some:
            cut, _, _ = self.waiting.popleft()
            self.size -= len(cut.content)


class Recording:
    """Two threads: `receive` and `seal`. `address`: may say something else of the sound at any time; that counts from
    the next picture on. `tap`: where the pictures are offered as they come, whatever becomes of them
    here. `connect` and `clock` are others in tests of what takes a camera days."""

    def __init__(
        self,
        address: Address,
        vault: Vault,
        notes: Notes,
        connect: Callable[[Any], Any] = Connection,
        most_waiting: int = MOST_WAITING,
        clock: Callable[[], datetime] = now,
        tap: Tap | None = None,
    ) -> None:
        self.address, self.feed = address, address.feed
        self._tap = tap or Tap(address.feed)
        self._vault, self._notes, self._connect, self._now = vault, notes, connect, clock
        self._queue = _Queue(most_waiting)
        self._presence = Presence(time.monotonic())
        self._presence_lock = threading.Lock()
        self._offline = False  # on the record, since the last sealed segment
        self._reel: Reel | None = None
        self._ending: list[Reel] = []  # to be closed
        self._until: datetime | None = None  # up to when there is footage, or its loss was told
        self._lost_until: datetime | None = None
        self._held_why: str | None = None  # of the gap since the last sealed segment
        self._ahead_us: int | None = None
        self._clock: str | None = None
        self.fault: str | None = "not connected yet"
        self.sealing_fault: str | None = None
        name = address.name
        self._segments, self._bytes = SEGMENTS.labels(name), BYTES.labels(name)
        self._pictures, self._dropped = PICTURES.labels(name), DROPPED.labels(name)
        self._connections = CONNECTIONS.labels(name)

    def standing(self) -> dict[str, Any]:
        return {
            "online": bool(self._presence.online),
            "footage_until": self._until.isoformat() if self._until else None,
            "clock": self._clock,
            "clock_ahead_s": None if self._ahead_us is None else round(self._ahead_us / 1e6, 3),
            "clock_differs": self._ahead_us is not None and abs(self._ahead_us) > 1_000_000,
            "bytes_waiting": self._queue.size,
            "fault": self.sealing_fault or self.fault,
        }

    # -- receiving -----------------------------------------------------------

    def receive(self, stop: threading.Event) -> None:
        pause, why = BACK_OFF_S[0], AWAY
        while not stop.is_set():
            began = time.monotonic()
            try:
                self._receive(stop, why)
                return
            except (SourceFault, av.FFmpegError) as fault:
                # What cannot be written as it came is lost with its range, and the camera is asked anew.
                self.fault = why = str(fault) if isinstance(fault, SourceFault) else "its pictures cannot be written"
                again_at_once = isinstance(fault, StreamChanged | SoundWanted)
                self._tap.ends(self.fault)
                log.warning("camera_lost", camera=self.address.name, why=self.fault)
            if time.monotonic() - began > STEADY_S:
                pause = BACK_OFF_S[0]
            if not again_at_once:
                # Cameras behind one switch come back together; they are not asked together.
                stop.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311
                pause = min(pause * 2, BACK_OFF_S[1])

    def _receive(self, stop: threading.Event, why: str) -> None:
        """Until `stop`. Raises SourceFault."""
        connection = self._connect(self.address)
        self._connections.inc()
        self._tap.begins(connection.parameters)
        segmenter = connection.segmenter
        try:
            for picture in connection.pictures():
                if stop.is_set():
                    return
                self._as_to_sound(connection)
                self._show(picture, connection)
                self._seen(picture.taken.at)
                self._ahead_us, self._clock, self.fault = picture.taken.ahead_us, picture.taken.clock, None
                self._pictures.inc()
                why = self._take(picture, connection, why)
        finally:
            if rest := segmenter.rest():
                self._offer(rest, connection.media, why)
            connection.close()

    def _as_to_sound(self, connection: Connection) -> None:
        """Raises SoundWanted."""
        if self.address.sound and not connection.sound:
            raise SoundWanted(FOR_ITS_SOUND)
        if connection.sound and not self.address.sound:
            connection.leave_sound_out()

    def _show(self, picture: Picture, connection: Connection) -> None:
        self._tap.picture(picture.packet, picture.taken.at)

    def _take(self, picture: Picture, connection: Connection, why: str) -> str:
        """Why nothing would be before the next segment, if something is missing there."""
        cut = connection.segmenter.feed(picture.packet, picture.taken)
        if cut is None:
            return why
        self._offer(cut, connection.media, why)
        return BROKE_OFF

    def _offer(self, cut: Cut, media: str, why: str) -> None:
        if not self._queue.put(cut, media, why):
            self._drop(cut, "the vault was too slow")

    def _drop(self, cut: Cut | Held, why: str) -> None:
        self._dropped.inc()
        self.sealing_fault, self._lost_until = why, cut.until
        log.error("footage_lost", camera=self.address.name, since=cut.since.isoformat(), why=why)

    def _seen(self, at: datetime) -> None:
        with self._presence_lock:
            went = self._presence.picture(at, time.monotonic())
        if went is not None and (camera := self.address.camera) is not None:
            self._notes.online(camera, went.since)

    # -- sealing -------------------------------------------------------------

    def seal(self, stop: threading.Event) -> None:
        """Until `stop`, and then what waits. Call `settle` first."""
        while True:
            first = self._queue.first(1.0)
            if first is not None:
                if self._seal(*first) or not self._patience(stop):
                    self._queue.done()
            elif stop.is_set():
                return
            self._look()
            self._close_what_is_over()
            self._tell_what_goes_on()

    def _patience(self, stop: threading.Event) -> bool:
        """Whether the same is tried again: while there is room for what comes meanwhile."""
        if self._queue.size * 2 > self._queue.most or stop.is_set():
            cut, _, _ = self._queue.waiting[0]
            self._drop(cut, self.sealing_fault or "it could not be sealed")
            return False
        stop.wait(PATIENCE_S)
        return True

    def _seal(self, cut: Cut | Held, media: str, why: str) -> bool:
        """False where the vault does not take it now."""
        if isinstance(cut, Held):
            self._pass_over(cut, why)
            return True
        try:
            reel = self._reel_for(cut)
            gap = self._gap(cut, why)
            # It may begin by less than a second before the end of the last: clocks are no better than that.
            since = max(cut.since, reel.until or cut.since)
            until = max(cut.until, since + timedelta(milliseconds=1))
            clock, ahead_us = cut.taken.clock, cut.taken.ahead_us
            told = "; ".join(filter(None, (self._held_why, gap))) or None
            reel.add(Segment(cut.content, since, until, media, clock, ahead_us, told, cut.on_key_frame))
        except (StorageFault, KeysUnavailable) as fault:
            if self.sealing_fault is None:
                log.error("footage_waits", camera=self.address.name, why=str(fault))
            self.sealing_fault = str(fault)
            return False
        if gap is not None and gap != RECORDED_AS and self._until is not None:
            self._notes.lost(self.feed, Range(self._until, cut.since), gap)
        self.sealing_fault, self._lost_until, self._offline, self._held_why = None, None, False, None
        self._until = reel.until
        self._segments.inc()
        self._bytes.inc(len(cut.content))
        return True

    def _pass_over(self, held: Held, why: str) -> None:
        """`why`: what was before it is missing, if something is."""
        if self._until is not None:
            if held.since - self._until > TOLERANCE:
                self._notes.lost(self.feed, Range(self._until, held.since), self.sealing_fault or why)
            self._until = max(self._until, held.until)
        self._lost_until, self._held_why = None, held.why

    def _reel_for(self, cut: Cut) -> Reel:
        if self._reel is not None and not self._reel.takes(cut.since):
            went_back = self._until is not None and cut.since < self._until
            self._close()
            if went_back:
                self._until = None  # what is before and after by such a clock is no gap
        if self._reel is None:
            self._reel = self._vault.reel(self.feed, cut.since)
        return self._reel

    def _gap(self, cut: Cut, why: str) -> str | None:
        if self._until is None or cut.since - self._until <= TOLERANCE:
            return None
        if self._lost_until is not None:
            return self.sealing_fault or "it could not be sealed"
        return RECORDED_AS if self._offline else why

    def _close_what_is_over(self) -> None:
        self._end_reels()
        if self._reel is not None and self._now() > self._reel.ends + CLOSES_AFTER and not self._queue.waiting:
            self._close()

    def _close(self) -> None:
        if self._reel is not None and not self._reel.empty:
            self._ending.append(self._reel)
        self._reel = None
        self._end_reels()

    def _end_reels(self) -> None:
        """Raises nothing: what cannot be closed now is tried again, or closed at the next start, as `settle` does."""
        while self._ending:
            try:
                closed = self._ending[0].close()
            except (StorageFault, KeysUnavailable) as fault:
                self.sealing_fault = f"footage cannot be closed: {fault}"
                return
            self._notes.recorded(closed)
            del self._ending[0]

    def _tell_what_goes_on(self) -> None:
        """A loss that does not end is on the record all the same."""
        until, now, waits = self._until, self._now(), self._queue.first(0.0)
        if self._lost_until is not None:
            lost, why = self._lost_until, self.sealing_fault or "it could not be sealed"
            if waits is not None:
                lost = min(lost, waits[0].since)  # what waits may still be sealed
        elif self.address.camera is not None and self._presence.online and not self._offline and waits is None:
            # Everything that was cut before `now` was asked is sealed.
            lost, why = now - LONGEST, "pictures come, and none of them can be recorded"
        else:
            return
        if until is not None and lost - until > TOLD_EVERY:
            self._notes.lost(self.feed, Range(until, lost), why)
            self._until = lost

    def _look(self) -> None:
        with self._presence_lock:
            went = self._presence.look(self._now(), time.monotonic(), self.fault or "no picture came")
        camera = self.address.camera
        if went is None or camera is None:  # a drone's comes and goes with its flights, which are on the record
            return
        self._offline = True
        until = self._until
        if until is not None and not self._queue.waiting and went.since - until > TOLERANCE:
            # What is missing from before the outage is no part of it: nobody was there to record.
            self._notes.lost(self.feed, Range(until, went.since), AWAY)
            self._until = went.since
        self._notes.offline(camera, went.since, went.why, self._now())

    # -- after a start -------------------------------------------------------

    def settle(self, on_record: Callable[[Collection[str]], Collection[str]], was_online: bool) -> None:
        """Close what another run of the recorder left open, and say again what may not be on the record.

        `on_record` gives those of some pieces of footage that are; `was_online`: what the record says of the camera.
        Raises StorageFault, KeysUnavailable and StoreUnavailable.
        """
        before: ReelName | None = None
        names = list(self._vault.reels(self.feed, since=self._now() - SETTLED_BACK))
        there = on_record([name.footage for name in names])
        for name in names:
            if name.footage not in there:
                self._say_again(name, self._vault.until(before) if before else None)
            before = name
        # Of reels of one time the clock went back; what is missing is counted from the furthest.
        self._until = max(filter(None, map(self._vault.until, names[-2:])), default=None) if was_online else None

    def _say_again(self, name: ReelName, until: datetime | None) -> None:
        """`until`: up to when there is footage before it."""
        try:
            reel = self._vault.reread(name)
            closed = self._vault.closed(name) if reel.closed else None
        except (ReelBroken, ManifestBroken, NotThere) as broken:
            # Left as it is, for `saferweho footage verify` to tell; what comes now is recorded all the same.
            log.error("footage_broken", footage=name.footage, why=str(broken))
            return
        if reel.empty:
            return
        opening = [Gap(Range(until, reel.since), reel.opens_after)] if until and reel.opens_after else []
        for gap in (*opening, *reel.gaps):
            if not told_otherwise(gap.why) and gap.range.since < gap.range.until:
                self._notes.lost(self.feed, gap.range, gap.why)
        if closed is not None:
            self._notes.recorded(closed)
        elif self._now() > reel.ends:
            self._notes.recorded(reel.close())
