"""An unmasked file is made under an override, and with the override its making ends: nobody gets the file."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.exports.keeping import Gone, Shelf
from adapters.exports.making import Maker
from adapters.exports.progress import PostgresProgress
from adapters.exports.signing import AgencySigner
from adapters.keys import PostgresExportKeys, PostgresFootageKeys
from adapters.vault import LocalFiles, StorageFault, Vault
from adapters.vault.storage import Part
from api.observability import Health
from api.processes.exporter import Exporter
from api.processes.running import Running
from api.settings import Settings
from application.exports import Exports
from application.overrides import Overrides
from application.retention import Retention
from application.standing import service
from domain.export import Exported, ExportRefused, FootageExported, Refused
from domain.flight_events import RecordCategory
from domain.footage import FOOTAGE, RecordFootage
from domain.grounds import Grounds
from domain.kernel import CaseNumber, StreamId
from domain.legal_basis import BasisKind, LegalBasis
from domain.person import Role
from domain.privacy_override import OverridePlan
from domain.privacy_override_events import Range
from tests.adapters.exports.filming import filmed
from tests.application.small_center import CAPTAIN, SmallCenter, done, small_center
from tests.keys import ENCRYPTION

MINUTES = 30
WARRANT = LegalBasis(BasisKind.WARRANT, "26-SW-0417", "Superior Court of Los Angeles")
GROUNDS = Grounds("call_for_service", "the face of the man with the knife", case=CaseNumber("C-7"))
SEGMENTS = 3


class SlowDisk(LocalFiles):
    """Time goes by while it reads and writes: `meanwhile` is told of each."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.meanwhile: Callable[[str], None] = lambda _: None

    def get(self, name: str) -> bytes:
        self.meanwhile(f"reads {name}")
        return super().get(name)

    def put(self, name: str, parts: Sequence[Part]) -> None:
        self.meanwhile(f"writes {name}")
        super().put(name, parts)
        self.meanwhile(f"wrote {name}")


class Bureau:
    """A center with footage, an override of it in effect, and an unmasked export of it that was approved."""

    def __init__(self, center: SmallCenter, vault: Vault, shelf: Shelf, progress: PostgresProgress) -> None:
        self.center, self.vault, self.shelf, self.exports = center, vault, shelf, Exports(center.handler)
        process = Running(Settings(), Health("exporter"), threading.Event())
        maker = Maker(vault, shelf, AgencySigner.self_made(bytes(32)))
        self.exporter = Exporter(process, center.handler, maker, shelf, progress)
        closed = filmed(vault, SEGMENTS, size=(160, 96))
        whole, footage = closed.manifest, closed.name.footage
        range_ = Range(whole.since, whole.until)
        command = RecordFootage(whole.feed, range_, len(whole.entries), whole.size, closed.root, whole.key)
        center.clock.step(timedelta(hours=1))
        done(Retention(center.handler).record(service("service-recorder"), footage, command, uuid4()))
        sam, sue = (center.signed_on(center.enrolled(name, Role.WATCH_SUPERVISOR)) for name in ("sam", "sue"))
        overrides, target = Overrides(center.handler), StreamId(FOOTAGE.stream(footage))
        plan = OverridePlan("", target, range_, "call_for_service", MINUTES, case=CaseNumber("C-7"))
        override = done(overrides.request(sam, plan, WARRANT, "the face of the man with the knife")).key
        done(overrides.approve(sue, override))
        asked = self.exports.request(sam, footage, GROUNDS, "District Attorney", WARRANT, None, override)
        self.export = done(asked).key
        why = "part of the file of an open robbery"
        done(self.exports.approve(center.signed_on(CAPTAIN), self.export, RecordCategory.INVESTIGATORY_FILE, why))

    def meanwhile(self, told: Callable[[str], None]) -> None:
        for disk in (self.vault.storage, self.shelf.storage):
            assert isinstance(disk, SlowDisk)
            disk.meanwhile = told

    def override_ends(self) -> None:
        self.center.clock.step(timedelta(minutes=MINUTES))

    def is_nobodys(self) -> None:
        """It is refused on the record, once, and nothing of it is kept or can be opened."""
        assert isinstance(self.exports.state(self.export), Refused)
        said = [recorded.event for recorded in self.center.events(f"export-{self.export}")]
        assert not any(isinstance(event, FootageExported) for event in said)
        (refused,) = (event for event in said if isinstance(event, ExportRefused))
        assert [reason.code for reason in refused.reasons] == ["override_over"] and refused.refused_by is None
        assert not self.shelf.kept() and self.shelf.finished(self.export) is None
        with pytest.raises(Gone):
            self.shelf.read(self.export)
        with pytest.raises(Gone, match="destroyed"):
            self.shelf.begin(self.export)


@pytest.fixture
def bureau(database_url: str, tmp_path: Path) -> Iterator[Bureau]:
    with ExitStack() as stack:
        center = stack.enter_context(small_center(database_url))
        footage_keys = stack.enter_context(PostgresFootageKeys(database_url, ENCRYPTION))
        export_keys = stack.enter_context(PostgresExportKeys(database_url, ENCRYPTION))
        progress = stack.enter_context(PostgresProgress(database_url))
        vault, shelf = SlowDisk(tmp_path / "vault"), SlowDisk(tmp_path / "exports")
        yield Bureau(center, Vault(vault, footage_keys), Shelf(shelf, export_keys), progress)


def test_while_the_override_is_in_effect_the_file_is_made(bureau: Bureau) -> None:
    seen: list[str] = []
    bureau.meanwhile(seen.append)
    bureau.exporter.once()
    assert isinstance(bureau.exports.state(bureau.export), Exported)
    assert sum(".segment" in what for what in seen) == SEGMENTS and seen[-1].endswith("complete.json")
    bureau.override_ends()
    bureau.exporter.once()
    assert isinstance(bureau.exports.state(bureau.export), Exported), "what was made in time stays what it was"


@pytest.mark.rule("view.masked")
@pytest.mark.parametrize(
    "moment",
    [
        "reads .*/manifest.jsonl",
        "reads .*/000001-.*segment",
        "reads .*/000002-.*segment",
        f"reads .*/{SEGMENTS:06d}-.*segment",
        "writes .*/000001.sealed",
        "writes .*/complete.json",
        "wrote .*/complete.json",
    ],
)
def test_an_override_that_ends_while_the_file_is_made_ends_the_file(bureau: Bureau, moment: str) -> None:
    hits: list[str] = []

    def meanwhile(what: str) -> None:
        if re.fullmatch(moment, what) and not hits:
            hits.append(what)
            bureau.override_ends()

    bureau.meanwhile(meanwhile)
    bureau.exporter.once()
    assert hits, "it ended there"
    bureau.is_nobodys()
    bureau.exporter.once()
    bureau.is_nobodys()


@pytest.mark.rule("view.masked")
def test_a_finished_file_that_is_not_on_the_record_yet_goes_with_its_override(bureau: Bureau) -> None:
    """Whoever made it died just then, and the next one finds it."""

    def meanwhile(what: str) -> None:
        if re.fullmatch("wrote .*/complete.json", what):
            raise StorageFault("the disk was taken away")

    bureau.meanwhile(meanwhile)
    with pytest.raises(StorageFault):
        bureau.exporter.once()
    assert bureau.shelf.finished(bureau.export) is not None
    bureau.override_ends()
    bureau.exporter.once()
    bureau.is_nobodys()
