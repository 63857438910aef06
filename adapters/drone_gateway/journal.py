"""What must go on the record, kept on disk until the store has taken it, in order.

Invariants: an entry is on disk before `put` returns and leaves the file only when the store has answered for it; the
id of an entry is its command id, so that sending it twice records it once; no entry, however bad, keeps the next ones
waiting; and no failure of the disk keeps an order from a drone, so nothing here raises while a drone is flying.

One line an entry: its JSON, `~` in front for one that is only foreseen (what would be recorded if this process died
now), `-` and an id for one that is done with.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import msgspec
import structlog
from prometheus_client import Counter, Gauge

from adapters.drone_gateway.files import replaced
from application.fleet import Fleet
from application.flights import Flights, Observed
from application.handling import Accepted, Actor, Mistaken, Outcome, Refused, Unavailable
from application.ports import StoreUnavailable
from application.standing import service
from domain import flight_commands
from domain.flight_commands import RecordLaunch, RecordSafetyOrder

WAITING = Gauge("saferweho_gateway_journal_entries", "Observations and orders not yet on the record")
REJECTED = Counter("saferweho_gateway_journal_rejected", "Entries that the domain did not take", ["kind"])
NOT_KEPT = Counter("saferweho_gateway_journal_not_kept", "Entries that the disk did not take; they wait in memory")
BACK_OFF_S = (0.2, 2.0)
TRIES = 5  # of an entry that fails for a reason nobody foresaw
COMPACTED_ABOVE = 1 << 20  # bytes of the file, most of them of entries done with

log = structlog.get_logger(__name__)


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One command. `flight` None: for whatever flight the drone has; `actor` None: the gateway itself."""

    id: UUID
    drone: str
    flight: str | None
    kind: str
    data: msgspec.Raw
    actor: Actor | None = None


KINDS: dict[str, type] = {
    name: getattr(flight_commands, name)
    for name in (
        "RecordLaunch",
        "RecordArrival",
        "RecordLinkLost",
        "RecordLinkRestored",
        "RecordGeofenceBreach",
        "RecordZoneApproach",
        "RecordZoneEntry",
        "RecordZoneExit",
        "ReportAnomaly",
        "RecordCameraLevel",
        "RecordCameraTurn",
        "RecordLanding",
        "RecordSafetyOrder",
        "ArchiveTelemetry",
    )
}
_entries = msgspec.json.Decoder(Entry)
_encode = msgspec.json.encode


class Journal:
    """`put` from the event loop; `run` hands entries to the store one after the other."""

    def __init__(self, file: Path, flights: Flights) -> None:
        self._file = file
        self._flights = flights
        self._fleet = Fleet(flights.handler)
        self._gateway = service("service-drone-gateway")
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._waiting: deque[Entry] = deque(self._read())
        self._foreseen: dict[UUID, Entry] = {}
        self._told: dict[UUID, asyncio.Future[Outcome]] = {}
        self._some = asyncio.Event()
        self.away = False
        """Whether the store was away when last asked."""
        self._out = self._size = -1
        self._compact()
        if self._waiting:
            self._some.set()
        WAITING.set(len(self._waiting))

    # -- keeping -----------------------------------------------------------------

    def entry(
        self,
        drone: str,
        flight: str | None,
        command: Observed | RecordSafetyOrder,
        actor: Actor | None = None,
        id_: UUID | None = None,
    ) -> Entry:
        """An entry with an id of its own, the same however often it is handed over."""
        id_ = id_ or self._flights.handler.ids.event_id()
        return Entry(id_, drone, flight, type(command).__name__, msgspec.Raw(_encode(command)), actor)

    def foresee(self, entry: Entry) -> None:
        """Note what is to be recorded if this process dies before it has put something better under the same id.

        Outlives the process at once, the machine after `sync`: it must cost no time before an order is sent.
        """
        self._foreseen[entry.id] = entry
        self._write(b"~" + _encode(entry))

    def put(self, entry: Entry) -> asyncio.Future[Outcome]:
        """Keep a command on disk and queue it. The future tells what became of it, however late."""
        self._foreseen.pop(entry.id, None)
        self._write(_encode(entry))
        self.sync()
        told = self._told[entry.id] = asyncio.get_running_loop().create_future()
        self._waiting.append(entry)
        WAITING.set(len(self._waiting))
        self._some.set()
        return told

    def sync(self) -> None:
        """Bring everything to the disk itself."""
        try:
            os.fsync(self._out)
        except OSError as error:
            self._failed(error)

    def knows(self, id_: UUID) -> bool:
        """Whether a command under this id is not done with yet."""
        return id_ in self._foreseen or any(entry.id == id_ for entry in self._waiting)

    def waits_for(self, flight: str | None, *kinds: type) -> bool:
        """Whether something of these kinds (or anything) about this flight is not on the record yet."""
        names = {kind.__name__ for kind in kinds}
        entries = (*self._waiting, *self._foreseen.values())
        return any(entry.flight == flight and (not names or entry.kind in names) for entry in entries)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    # -- recording ---------------------------------------------------------------

    async def run(self) -> None:
        """For ever: the oldest entry first; while the store is away, again and again."""
        pause, tries = BACK_OFF_S[0], 0
        while True:
            await self._some.wait()
            if not self._waiting:
                self._some.clear()
                continue
            entry = self._waiting[0]
            try:
                outcome = await asyncio.to_thread(self._record, entry)
                tries = 0
            except Exception as error:
                log.exception("not_recorded", kind=entry.kind, flight=entry.flight)
                tries += 1
                outcome = Unavailable("failed", repr(error))
                if tries >= TRIES:
                    tries, outcome = 0, Mistaken("failed", repr(error))
            self.away = isinstance(outcome, Unavailable)
            if isinstance(outcome, Unavailable):
                await asyncio.sleep(pause)
                pause = min(pause * 2, BACK_OFF_S[1])
                continue
            pause = BACK_OFF_S[0]
            if isinstance(outcome, Mistaken) and outcome.code == "command_id_reused" and entry.kind == _SAFETY:
                self._rename(entry)
                continue
            if isinstance(outcome, Mistaken | Refused):
                self._set_aside(entry, outcome)
            self._done(entry, outcome)

    def _record(self, entry: Entry) -> Outcome:
        try:
            command: Any = msgspec.json.decode(entry.data, type=KINDS[entry.kind])
        except (KeyError, msgspec.MsgspecError) as error:
            return Mistaken("unreadable", repr(error))
        flight = entry.flight
        try:
            flight = flight or self._flights.drone(entry.drone)[1]
        except StoreUnavailable as away:
            return Unavailable("store_unavailable", str(away))
        if isinstance(command, RecordSafetyOrder):
            return self._flights.record_safety_order(
                entry.actor or self._gateway,
                flight or "",
                command.order,
                command.ordered_at,
                command.outcome,
                command.detail,
                entry.id,
            )
        if flight is not None:
            return self._flights.record(self._gateway, flight, command, entry.id)
        if isinstance(command, RecordLaunch):
            return self._fleet.report_unassigned_flight(self._gateway, entry.drone, command.seen, entry.id)
        log.warning("belongs_to_no_flight", drone=entry.drone, kind=entry.kind)
        return Accepted("", "")  # the drone's stream has said already that it flies without one

    def _rename(self, entry: Entry) -> None:
        """The API has recorded this order itself, not knowing whether we sent it; what we know is not lost by that."""
        id_ = uuid5(entry.id, hashlib.sha256(entry.data).hexdigest())
        renamed = self._waiting[0] = msgspec.structs.replace(entry, id=id_)
        if entry.id in self._told:
            self._told[id_] = self._told.pop(entry.id)
        self._write(_encode(renamed))
        self._write(_done(entry))
        self.sync()

    def _set_aside(self, entry: Entry, outcome: Outcome) -> None:
        """The domain takes every order and every observation of a known flight; this one has no place to go."""
        REJECTED.labels(entry.kind).inc()
        log.error("not_taken_by_the_domain", kind=entry.kind, flight=entry.flight, outcome=str(outcome))
        try:
            with self._file.with_suffix(".refused").open("ab") as out:
                out.write(_encode({"entry": entry, "outcome": outcome}) + b"\n")
        except OSError as error:
            self._failed(error)

    def _done(self, entry: Entry, outcome: Outcome) -> None:
        self._waiting.popleft()
        WAITING.set(len(self._waiting))
        # Not brought to the disk: after a power cut the store answers the same command again as it did.
        self._write(_done(entry))
        if not self._waiting and not self._foreseen:
            with suppress(OSError):
                os.ftruncate(self._out, 0)
                self._size = 0
            self.sync()
        elif self._size > COMPACTED_ABOVE and len(self._waiting) < 100:
            self._compact()
        told = self._told.pop(entry.id, None)
        if told and not told.done():
            told.set_result(outcome)

    # -- the file ----------------------------------------------------------------

    def _read(self) -> list[Entry]:
        """Entries not done with; a foreseen one counts where nothing better came. A torn line was never answered for,
        and is dropped."""
        if not self._file.exists():
            return []
        left: dict[UUID, Entry] = {}
        for line in self._file.read_bytes().splitlines():
            try:
                if line.startswith(b"-"):
                    left.pop(UUID(line[1:].decode()), None)
                else:
                    entry = _entries.decode(line.removeprefix(b"~"))
                    left.pop(entry.id, None)  # in the order of what was put
                    left[entry.id] = entry
            except (msgspec.MsgspecError, ValueError):
                log.error("journal_line_unreadable", file=str(self._file))
        return list(left.values())

    def _compact(self) -> None:
        """Write the file anew with what is still to do, so that it neither grows nor goes on after a torn line."""
        lines = [_encode(entry) for entry in self._waiting] + [b"~" + _encode(e) for e in self._foreseen.values()]
        content = b"".join(line + b"\n" for line in lines)
        try:
            replaced(self._file, content)
            out = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            if self._out < 0:
                raise
            self._failed(error)
            return
        if self._out >= 0:
            os.close(self._out)
        self._out, self._size = out, len(content)

    def _write(self, line: bytes) -> None:
        line += b"\n"
        try:
            if os.write(self._out, line) < len(line):
                raise OSError("the line did not fit")
            self._size += len(line)
        except OSError as error:
            self._failed(error)
            with suppress(OSError):
                os.ftruncate(self._out, self._size)  # the next line must not go on where this one broke off

    def _failed(self, error: OSError) -> None:
        NOT_KEPT.inc()
        log.critical("journal_not_written", file=str(self._file), error=str(error))


_SAFETY = RecordSafetyOrder.__name__


def _done(entry: Entry) -> bytes:
    return b"-" + str(entry.id).encode()
