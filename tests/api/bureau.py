"""Who takes footage out, on a disk of which each read and write is told, for what happens in between."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from adapters.exports.keeping import Shelf
from adapters.exports.making import Maker
from adapters.exports.progress import PostgresProgress
from adapters.exports.signing import AgencySigner
from adapters.keys import PostgresExportKeys, PostgresFootageKeys
from adapters.vault import LocalFiles, Vault
from adapters.vault.storage import Part
from api.observability import Health
from api.processes.exporter import Exporter
from api.processes.running import Running
from api.settings import Settings
from application.exports import Exports
from application.retention import Retention
from application.standing import service
from domain.flight_events import RecordCategory
from domain.footage import RecordFootage
from domain.grounds import Grounds
from domain.kernel import CaseNumber, FeedId, FootageId
from domain.legal_basis import BasisKind, LegalBasis
from domain.privacy_override_events import Range
from tests.adapters.exports.filming import FEED, filmed
from tests.application.small_center import CAPTAIN, SmallCenter, done, small_center
from tests.keys import ENCRYPTION

WARRANT = LegalBasis(BasisKind.WARRANT, "26-SW-0417", "Superior Court of Los Angeles")
GROUNDS = Grounds("call_for_service", "the face of the man with the knife", case=CaseNumber("C-7"))
SEGMENTS = 3
WIDTH, HEIGHT = 160, 96


class SlowDisk(LocalFiles):
    """Time goes by while it reads and writes: `meanwhile` is told of each."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.meanwhile: Callable[[str], None] = lambda _: None

    def get(self, name: str) -> bytes:
        self.meanwhile(f"reads {name}")
        return super().get(name)

    def put(self, name: str, parts: Sequence[Part]) -> str:
        self.meanwhile(f"writes {name}")
        sha256 = super().put(name, parts)
        self.meanwhile(f"wrote {name}")
        return sha256


class Bureau:
    """A center with exporters of what was approved."""

    def __init__(self, center: SmallCenter, vault: Vault, shelf: Shelf, progress: PostgresProgress) -> None:
        self.center, self.vault, self.shelf, self.exports = center, vault, shelf, Exports(center.handler)
        process = Running(Settings(), Health("exporter"), threading.Event())
        maker = Maker(vault, shelf, AgencySigner.self_made(bytes(32)))
        self.exporter = Exporter(process, center.handler, maker, shelf, progress)

    def recorded(self, feed: FeedId = FEED) -> tuple[FootageId, Range]:
        """Some seconds of footage, on the record."""
        closed = filmed(self.vault, SEGMENTS, size=(WIDTH, HEIGHT), feed=feed)
        whole, footage = closed.manifest, closed.name.footage
        range_ = Range(whole.since, whole.until)
        command = RecordFootage(whole.feed, range_, len(whole.entries), whole.size, closed.root, whole.key)
        self.center.clock.step(timedelta(hours=1))
        done(Retention(self.center.handler).record(service("service-recorder"), footage, command, uuid4()))
        return footage, range_

    def approve(self, export: str) -> None:
        why = "part of the file of an open robbery"
        done(self.exports.approve(self.center.signed_on(CAPTAIN), export, RecordCategory.INVESTIGATORY_FILE, why))

    def meanwhile(self, told: Callable[[str], None]) -> None:
        for disk in (self.vault.storage, self.shelf.storage):
            assert isinstance(disk, SlowDisk)
            disk.meanwhile = told


Kind = TypeVar("Kind", bound=Bureau)


@contextmanager
def opened(kind: type[Kind], database_url: str, folder: Path) -> Iterator[Kind]:
    with ExitStack() as stack:
        center = stack.enter_context(small_center(database_url))
        footage_keys = stack.enter_context(PostgresFootageKeys(database_url, ENCRYPTION))
        export_keys = stack.enter_context(PostgresExportKeys(database_url, ENCRYPTION))
        progress = stack.enter_context(PostgresProgress(database_url))
        vault, shelf = SlowDisk(folder / "vault"), SlowDisk(folder / "exports")
        yield kind(center, Vault(vault, footage_keys), Shelf(shelf, export_keys), progress)
