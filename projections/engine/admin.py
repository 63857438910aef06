"""What `saferweho projections list | status | rebuild NAME | parked | retry` does, without its printing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from application.sealing import Keyring
from projections.engine import catalogue, parking
from projections.engine.catalogue import Build
from projections.engine.parking import ParkedRecord, Retried
from projections.engine.projection import AnyProjection

PROJECTOR_IDLE_S = 15.0


class NobodyBuilds(Exception):
    """No process takes up the rebuild."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Of a rebuild: positions applied, positions in the log, events a second so far; `live` when it has switched."""

    done: int
    total: int
    rate: float
    live: bool


def status(url: str, name: str | None = None) -> list[Build]:
    """Every build that is live or being built, with its lag and fault."""
    catalogue.install(url)
    with catalogue.connect(url) as connection:
        return catalogue.builds(connection, name)


def rebuild(url: str, projection: AnyProjection, *, every: float = 0.2) -> Iterator[Progress]:
    """Ask for a fresh build beside the live one and follow it until it has become the live one.

    The running projector does the work; the live build goes on serving. Raises NobodyBuilds when it doesn't move for
    15 s, with the request kept, and RebuildStopped when the new build meets a fault.
    """
    catalogue.install(url)
    with catalogue.connect(url) as connection:
        build = catalogue.request_rebuild(connection, projection)
        started = moved = time.monotonic()
        position = 0
        while True:
            now = catalogue.find(connection, build.key)
            if now is None or now.state == "retired":
                raise RebuildStopped(f"{build.key} was given up for a newer rebuild")
            if now.fault is not None:
                raise RebuildStopped(f"{build.key} {now.fault}")
            elapsed = time.monotonic() - started
            if now.position != position or now.generation:
                position, moved = now.position, time.monotonic()
            live = now.state == "live"
            yield Progress(now.position, max(now.log_end, now.position), now.position / max(elapsed, 0.001), live)
            if live:
                return
            if time.monotonic() - moved > PROJECTOR_IDLE_S:
                raise NobodyBuilds(
                    f"nobody fills {build.key}: no projector has taken it up in {PROJECTOR_IDLE_S:.0f} s. "
                    f"Start 'saferweho projector'; the rebuild then goes on by itself."
                )
            time.sleep(every)


class RebuildStopped(Exception):
    """The new build cannot be finished; the live one goes on."""


def parked(url: str, name: str) -> list[ParkedRecord]:
    """The first 1000 records put aside by the live build of a read model, in order."""
    with catalogue.connect(url) as connection:
        return [
            record
            for build in catalogue.builds(connection, name)
            if build.state == "live"
            for record in parking.parked_records(connection, build.key)
        ]


def retry(url: str, projection: AnyProjection, keys: Keyring | None = None) -> Retried:
    """Apply again what is parked; let a stopped projector try again."""
    with catalogue.connect(url) as connection:
        return parking.retry(connection, projection, keys)
