"""An unmasked file is made under an override, and with the override its making ends: nobody gets the file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.exports.keeping import Gone, Shelf
from adapters.exports.progress import PostgresProgress
from adapters.vault import StorageFault, Vault
from application.overrides import Overrides
from domain.export import Exported, ExportRefused, FootageExported, Refused
from domain.footage import FOOTAGE
from domain.kernel import CaseNumber, StreamId
from domain.person import Role
from domain.privacy_override import OverridePlan
from tests.api.bureau import GROUNDS, SEGMENTS, WARRANT, Bureau, opened
from tests.application.small_center import SmallCenter, done

MINUTES = 30


class Unmasked(Bureau):
    """A center with footage, an override of it in effect, and an unmasked export of it that was approved."""

    def __init__(self, center: SmallCenter, vault: Vault, shelf: Shelf, progress: PostgresProgress) -> None:
        super().__init__(center, vault, shelf, progress)
        footage, range_ = self.recorded()
        sam, sue = (center.signed_on(center.enrolled(name, Role.WATCH_SUPERVISOR)) for name in ("sam", "sue"))
        overrides, target = Overrides(center.handler), StreamId(FOOTAGE.stream(footage))
        plan = OverridePlan("", target, range_, "call_for_service", MINUTES, case=CaseNumber("C-7"))
        override = done(overrides.request(sam, plan, WARRANT, "the face of the man with the knife")).key
        done(overrides.approve(sue, override))
        asked = self.exports.request(sam, footage, GROUNDS, "District Attorney", WARRANT, None, override)
        self.export = done(asked).key
        self.approve(self.export)

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
def bureau(database_url: str, tmp_path: Path) -> Iterator[Unmasked]:
    with opened(Unmasked, database_url, tmp_path) as bureau:
        yield bureau


def test_while_the_override_is_in_effect_the_file_is_made(bureau: Unmasked) -> None:
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
def test_an_override_that_ends_while_the_file_is_made_ends_the_file(bureau: Unmasked, moment: str) -> None:
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
def test_a_finished_file_that_is_not_on_the_record_yet_goes_with_its_override(bureau: Unmasked) -> None:
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
