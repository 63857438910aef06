"""`saferweho exporter`: makes the files of approved exports, away from GraphQL and from the live pictures.

Invariants: an export is made of what was approved, and once: the command that records it follows from approval and
file, and a finished file that nobody recorded yet is recorded as it is, if the masks in it still are those that hold;
else it is made anew. What can never be made is refused on the record.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import click
import structlog
from prometheus_client import Counter

from adapters.exports.clips import MaskOf
from adapters.exports.keeping import File, Gone, Shelf
from adapters.exports.making import CannotBeMade, Maker
from adapters.exports.papers import Order, Person
from adapters.exports.progress import PostgresProgress
from adapters.exports.signing import SignerRefused
from adapters.poses.telemetry import telemetry_in
from adapters.vault import StorageFault
from api.processes import wiring
from api.processes.running import Running, in_threads, running
from api.settings import SettingsError
from application import codec
from application.exports import Exports
from application.failpoints import failpoint
from application.handling import Accepted, Handler, Mistaken, Unavailable
from application.mask_states import MaskState, MaskStates, mask_at
from application.ports import StoreUnavailable
from application.standing import service
from domain.camera import CAMERA, Installed
from domain.export import (
    EXPORT,
    Approved,
    Delivered,
    ExportApproved,
    ExportCategorised,
    Exported,
    ExportRequested,
    FootageExported,
    RecordExport,
)
from domain.footage import FOOTAGE, Stored, destroyed, footage_standing, stored
from domain.kernel import PersonId
from domain.person import PERSON

EXPORTER = "service-exporter"
LOOK_S = 2.0
TIDY_S = 300.0
MADE = Counter("saferweho_exports_made", "Files made of footage")
ANEW = Counter("saferweho_exports_made_anew", "Files made that nobody got: a mask was changed meanwhile")
GIVEN_UP = Counter("saferweho_exports_given_up", "Approved exports of which no file could be made")
log = structlog.get_logger()


def run() -> None:
    with running("exporter", ["DATABASE_URL"]) as process:
        settings = process.settings
        assert settings.write_url
        try:
            signer = wiring.export_signer(settings)
        except SignerRefused as refused:
            click.echo(SettingsError([f"SAFERWEHO_EXPORT_SIGNER: {refused}"]), err=True)
            raise SystemExit(2) from None
        # What was approved is made under whichever rules, so nothing is compared with the adopted ones.
        with (
            wiring.vault(settings) as vault,
            wiring.shelf(settings, writer="exporter") as shelf,
            wiring.handler(settings, checked=False, acts_as=EXPORTER) as handler,
            PostgresProgress(settings.write_url) as progress,
        ):
            shelf.show_root(signer.root_pem)
            Exporter(process, handler, Maker(vault, shelf, signer), shelf, progress).run()


class Stopped(Exception):
    """The process is to end: what was begun is begun anew by the next."""


class Exporter:
    def __init__(
        self, process: Running, handler: Handler, maker: Maker, shelf: Shelf, progress: PostgresProgress
    ) -> None:
        self._process, self._handler, self._maker = process, handler, maker
        self._shelf, self._progress = shelf, progress
        self._exports, self._masks, self._actor = Exports(handler), MaskStates(handler), service(EXPORTER)
        self._why_not: str | None = "not looked for exports yet"
        self._under_way: str | None = None
        self._waiting = 0
        process.health.checks["exports"] = self._standing

    def run(self) -> None:
        in_threads(self._process.stop, {"exports": self._look_after, "tidying": self._tidy})

    def _standing(self) -> dict[str, Any]:
        return {
            "ok": self._why_not is None,
            "error": self._why_not,
            "under_way": self._under_way,
            "waiting": self._waiting,
        }

    # -- making --------------------------------------------------------------

    def _look_after(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self.once()
                self._why_not = None
            except Stopped:
                return
            except (StoreUnavailable, StorageFault) as away:
                self._why_not = str(away)
                log.warning("exports_wait", reason=str(away))
            stop.wait(LOOK_S)

    def once(self) -> None:
        """Make what is to be made. Raises StoreUnavailable, KeysUnavailable, StorageFault and Stopped."""
        streams = self._handler.store.exports_to_make()
        for done, stream in enumerate(streams):
            self._waiting = len(streams) - done
            self._make(stream.partition("-")[2])
        self._waiting = 0

    def _make(self, key: str) -> None:
        told = order_of(self._handler, key)
        if told is None:
            return
        order, approval = told
        self._under_way = key
        try:
            file = self._shelf.finished(key) or self._file(order)
            while not self._record(key, order, file, approval):
                file = self._file(order)
        except CannotBeMade as never:
            log.error("export_given_up", export=key, why=str(never))
            self._shelf.remove(key)  # what was begun
            self._settle(key, self._exports.give_up(self._actor, key, never.reason, uuid5(approval, "give up")))
            GIVEN_UP.inc()
            return
        finally:
            self._under_way = None

    def _record(self, key: str, order: Order, file: File, approval: UUID) -> bool:
        """False where the file is to be made anew: since it was begun a mask was changed."""
        failpoint("export.before_record")
        said = RecordExport(file.sha256, file.size, masked=order.request.masked)
        told = self._exports.record(self._actor, key, said, uuid5(approval, f"record {file.sha256}"), file.masks)
        if isinstance(told, Mistaken) and told.field == "masks":
            log.warning("export_made_anew", export=key, why=told.message)
            ANEW.inc()
            return False
        if isinstance(told, Mistaken):
            # The override that it was made under has ended meanwhile: nobody gets it.
            self._shelf.remove(key)
            reason = CannotBeMade("override_over", told.message).reason
            told = self._exports.give_up(self._actor, key, reason, uuid5(approval, "give up"))
            GIVEN_UP.inc()
        else:
            failpoint("export.recorded")
            MADE.inc()
            log.info("export_made", export=key, bytes=file.size)
        self._settle(key, told)
        return True

    def _settle(self, key: str, told: object) -> None:
        if isinstance(told, Unavailable):
            raise StoreUnavailable(told.message)
        if not isinstance(told, Accepted):
            log.error("export_not_recorded", export=key, told=str(told))
        self._progress.forget(key)

    def _file(self, order: Order) -> File:
        request = order.request
        footage = self._footage(order)
        state = self._masks.recorded(request.footage, request.range, request.person) if request.masked else None

        def go_on() -> None:
            if self._process.stop.is_set():
                raise Stopped
            if not request.masked:
                self._still_lifted(order)

        def tell(done: float) -> None:
            self._progress.note(order.export, done)

        if not request.masked:
            self._still_lifted(order)
        try:
            if state is None:
                return self._maker.make(order, footage, None, tell, go_on)
            return self._maker.make(order, footage, _mask_of(state), tell, go_on, state.key)
        except Gone:
            raise CannotBeMade("copy_destroyed", "the file of this export was made before and destroyed") from None

    def _footage(self, order: Order) -> Stored:
        """Where it is: of what was destroyed in the copy of a hold."""
        footage = order.request.footage
        state = self._handler.states.load([(FOOTAGE, footage)])[FOOTAGE.stream(footage)][1]
        fault = footage_standing(footage, state).fault
        if fault is not None:
            raise CannotBeMade(fault.code, fault.message)
        for part in stored(footage, state):
            if part.range.covers(order.request.range):
                return part
        raise CannotBeMade("footage_destroyed", "what was approved is not in what holds kept of this footage")

    def _still_lifted(self, order: Order) -> None:
        request = order.request
        override = str(request.override).partition("-")[2]
        state = self._masks.recorded(request.footage, request.range, request.person, override)
        if state.lifted_by is None or not state.nothing_hidden:
            raise CannotBeMade("override_over", "the override that lifts the mask is over: ask for the export anew")

    # -- afterwards ----------------------------------------------------------

    def _tidy(self, stop: threading.Event) -> None:
        """Takes away the files whose time is over, and those of footage that was destroyed; not those of footage that
        was lost, of which they may be all that is left."""
        while not stop.wait(TIDY_S):
            try:
                self.tidy()
            except (StorageFault, StoreUnavailable) as away:
                log.warning("tidying_waits", reason=str(away))

    def tidy(self) -> None:
        oldest = self._handler.clock.now() - timedelta(days=self._process.settings.export_days)
        for key in self._shelf.kept():
            state = self._exports.state(key)
            if isinstance(state, Approved):
                continue
            if isinstance(state, Exported | Delivered):
                footage = state.request.footage
                known = self._handler.states.load([(FOOTAGE, footage)])[FOOTAGE.stream(footage)][1]
                gone = destroyed(known, state.request.range)
                if not gone and _made_at(self._handler, key) > oldest:
                    continue
            self._shelf.remove(key)
            log.info("export_removed", export=key)


def order_of(handler: Handler, key: str) -> tuple[Order, UUID] | None:
    """An approved export as the record has it, and the id of the event that approved it; None where it is at another
    point by now. Raises StoreUnavailable."""
    stream = EXPORT.stream(key)
    happened = [codec.recorded(stored) for stored in handler.store.read([stream])[stream]]
    if not isinstance(handler.states.load([(EXPORT, key)])[stream][1], Approved):
        return None
    (asked,) = (each for each in happened if isinstance(each.event, ExportRequested))
    (approved,) = (each for each in happened if isinstance(each.event, ExportApproved))
    decided = [each.event for each in happened if isinstance(each.event, ExportCategorised)]
    category: ExportCategorised | None = decided[-1] if decided else None
    request: ExportRequested = asked.event
    order = Order(
        key,
        request,
        _person(handler, request.person),
        asked.envelope.time,
        _person(handler, approved.event.approved_by),
        approved.envelope.time,
        category,
        _person(handler, category.decided_by) if category else None,
        approved.envelope.policyversion,
        _feed_name(handler, request),
    )
    return order, approved.envelope.id


def _mask_of(state: MaskState) -> MaskOf:
    """As for who looks at the footage. Of a drone's, where the camera looked is in what was sealed."""
    return lambda _, content: mask_at(state, telemetry_in(content).view)


def _made_at(handler: Handler, key: str) -> datetime:
    stream = EXPORT.stream(key)
    happened = (codec.recorded(stored) for stored in handler.store.read([stream])[stream])
    return next(each.envelope.time for each in happened if isinstance(each.event, FootageExported))


def _person(handler: Handler, person: PersonId) -> Person:
    state = handler.states.load([(PERSON, person)])[PERSON.stream(person)][1]
    return Person(person, getattr(state, "name", person))


def _feed_name(handler: Handler, request: ExportRequested) -> str:
    """What people call it."""
    known = handler.states.load([(FOOTAGE, request.footage)])[FOOTAGE.stream(request.footage)][1]
    feed = str(footage_standing(request.footage, known).feed)
    kind, _, key = feed.partition("-")
    if kind != CAMERA.name:
        return feed
    camera = handler.states.load([(CAMERA, key)])[CAMERA.stream(key)][1]
    return camera.name if isinstance(camera, Installed) else feed
