"""What must go on the record, kept on disk until the store has taken it, in order.

Invariant: an entry is on disk before `put` returns, and leaves it only when the store has answered for it. The id of
an entry is its command id, so that sending it twice records it once.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import structlog
from prometheus_client import Counter, Gauge

from application.flights import Flights, Observed
from application.handling import Actor, Mistaken, Outcome, Refused, Unavailable
from application.standing import service
from domain import flight_commands
from domain.flight_commands import RecordSafetyOrder

WAITING = Gauge("saferweho_gateway_journal_entries", "Observations and orders not yet on the record")
REJECTED = Counter("saferweho_gateway_journal_rejected", "Entries that the domain did not take", ["kind"])
BACK_OFF_S = (0.2, 2.0)

log = structlog.get_logger(__name__)


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One command. `kind`: the class of a flight command; `actor`: who ordered, None for the gateway itself."""

    id: UUID
    flight: str
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
        "ReportAnomaly",
        "RecordCameraLevel",
        "RecordCameraTurn",
        "RecordLanding",
        "RecordSafetyOrder",
        "ArchiveTelemetry",
    )
}
_entries = msgspec.json.Decoder(Entry)


class Journal:
    """`put` from the event loop; `run` hands entries to the store one after the other."""

    def __init__(self, file: Path, flights: Flights) -> None:
        self._file = file
        self._flights = flights
        self._gateway = service("service-drone-gateway")
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._waiting: deque[Entry] = deque(self._read())
        self._told: dict[UUID, asyncio.Future[Outcome]] = {}
        self._some = asyncio.Event()
        self._out = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        if self._waiting:
            self._some.set()
        WAITING.set(len(self._waiting))

    def _read(self) -> list[Entry]:
        """Entries without a line that says they are done. A torn last line was never answered for, and is dropped."""
        if not self._file.exists():
            return []
        left: dict[UUID, Entry] = {}
        for line in self._file.read_bytes().splitlines():
            if line.startswith(b"-"):
                left.pop(UUID(line[1:].decode()), None)
                continue
            try:
                entry = _entries.decode(line)
            except msgspec.MsgspecError:
                log.error("journal_line_unreadable", file=str(self._file))
                continue
            left[entry.id] = entry
        return list(left.values())

    def put(
        self, id_: UUID, flight: str, command: Observed | RecordSafetyOrder, actor: Actor | None = None
    ) -> asyncio.Future[Outcome]:
        """Keep a command on disk and queue it. The future tells what became of it, however late."""
        entry = Entry(id_, flight, type(command).__name__, msgspec.Raw(msgspec.json.encode(command)), actor)
        os.write(self._out, msgspec.json.encode(entry) + b"\n")
        os.fsync(self._out)
        told: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._told[id_] = told
        self._waiting.append(entry)
        WAITING.set(len(self._waiting))
        self._some.set()
        return told

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    async def run(self) -> None:
        """For ever: the oldest entry first; while the store is away, again and again."""
        pause = BACK_OFF_S[0]
        while True:
            await self._some.wait()
            if not self._waiting:
                self._some.clear()
                continue
            entry = self._waiting[0]
            outcome = await asyncio.to_thread(self._record, entry)
            if isinstance(outcome, Unavailable):
                await asyncio.sleep(pause)
                pause = min(pause * 2, BACK_OFF_S[1])
                continue
            pause = BACK_OFF_S[0]
            if isinstance(outcome, Mistaken | Refused):
                # The domain takes every order and every observation of a known flight; this one has no place to go.
                REJECTED.labels(entry.kind).inc()
                log.error("not_taken_by_the_domain", kind=entry.kind, flight=entry.flight, outcome=str(outcome))
            self._done(entry, outcome)

    def _record(self, entry: Entry) -> Outcome:
        command: Any = msgspec.json.decode(entry.data, type=KINDS[entry.kind])
        if isinstance(command, RecordSafetyOrder):
            return self._flights.record_safety_order(
                entry.actor or self._gateway,
                entry.flight,
                command.order,
                command.ordered_at,
                command.outcome,
                command.detail,
                entry.id,
            )
        return self._flights.record(self._gateway, entry.flight, command, entry.id)

    def _done(self, entry: Entry, outcome: Outcome) -> None:
        self._waiting.popleft()
        WAITING.set(len(self._waiting))
        os.write(self._out, b"-" + str(entry.id).encode() + b"\n")
        if not self._waiting:
            os.ftruncate(self._out, 0)
        told = self._told.pop(entry.id, None)
        if told and not told.done():
            told.set_result(outcome)
