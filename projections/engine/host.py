"""Runs projections in one process: a thread for each build that this code is to keep or to make.

It looks at the catalogue every second, so a rebuild that somebody asks for, a newer version and a switch are taken up
without a restart. A build that another process has claimed is left to it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from types import TracebackType
from typing import Self

import psycopg
import structlog

from application.sealing import Keyring
from projections.engine import catalogue
from projections.engine.feed import FeedFactory
from projections.engine.parking import ParkedRecord
from projections.engine.projection import AnyProjection, Fenced, Retired
from projections.engine.projector import Projector, Status
from projections.engine.selection import selection_of
from projections.engine.shared_feed import SharedFeeds

LOOK_S = 1.0

log = structlog.get_logger(__name__)


class ProjectionHost:
    """`start` returns at once; `stop` ends after the batches in hand. `statuses` is for health."""

    def __init__(
        self,
        url: str,
        feeds: FeedFactory,
        projections: Sequence[AnyProjection],
        *,
        batch: int = 5000,
        on_parked: Callable[[str, Sequence[ParkedRecord]], None] | None = None,
        keep_retired: timedelta = timedelta(minutes=10),
        keys: Keyring | None = None,
    ) -> None:
        self._url, self._feeds, self._projections = url, SharedFeeds(feeds), tuple(projections)
        self._batch, self._on_parked, self._keep_retired = batch, on_parked, keep_retired
        self._keys = keys
        for projection in projections:
            selection_of(projection, keys)  # says at once what a process forgot
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._running: dict[str, tuple[Projector, threading.Thread]] = {}
        self._lost: set[str] = set()
        self._faults: dict[str, str] = {p.name: "not started yet" for p in projections}

    def start(self) -> None:
        self._thread = threading.Thread(target=self._look_after, name="projections", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        for _, thread in self._running.values():
            thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def statuses(self) -> list[Status]:
        """One for each projector, and one with a fault for each projection that cannot be run."""
        running = [projector.status() for projector, _ in list(self._running.values())]
        faults = [Status(name, "", "absent", 0, 0, 0, fault) for name, fault in self._faults.items()]
        return running + faults

    # -- the loop ------------------------------------------------------------

    def _look_after(self) -> None:
        installed = False
        while not self._stop.is_set():
            try:
                if not installed:
                    catalogue.install(self._url)
                    installed = True
                with catalogue.connect(self._url) as connection:
                    while not self._stop.is_set():
                        for projection in self._projections:
                            self._look(connection, projection)
                        catalogue.drop_retired(connection, self._keep_retired)
                        self._stop.wait(LOOK_S)
            except psycopg.Error as error:
                log.warning("projections.database", error=repr(error))
                self._stop.wait(LOOK_S)

    def _look(self, connection: psycopg.Connection, projection: AnyProjection) -> None:
        try:
            builds = catalogue.ensure(connection, projection)
        except catalogue.TablesChanged as error:
            self._faults[projection.name] = str(error)
            return
        for key, (_, thread) in list(self._running.items()):
            if not thread.is_alive():
                del self._running[key]
        for build in builds:
            if build.key not in self._running and build.key not in self._lost:
                self._begin(projection, build.key)
        if not builds:
            self._faults[projection.name] = f"the live version of {projection.name} is newer than this code"
        elif lost := [b.key for b in builds if b.key in self._lost]:
            self._faults[projection.name] = f"{lost[0]} is kept by another process"
        else:
            self._faults.pop(projection.name, None)

    def _begin(self, projection: AnyProjection, key: str) -> None:
        projector = Projector(
            self._url,
            self._feeds,
            projection,
            key,
            batch=self._batch,
            on_parked=self._on_parked,
            keys=self._keys,
        )
        thread = threading.Thread(target=self._keep, args=(projector,), name=f"projector {key}", daemon=True)
        self._running[key] = (projector, thread)
        thread.start()

    def _keep(self, projector: Projector) -> None:
        try:
            projector.run(self._stop)
        except Retired:
            log.info("projector.retired", projection=projector.key)
        except Fenced as fenced:
            self._lost.add(projector.key)
            log.warning("projector.fenced", projection=projector.key, reason=str(fenced))
