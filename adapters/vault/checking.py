"""Is what the vault holds what was sealed, all of it, in order, and what the record says? Answers with findings."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from adapters.vault import layout, segment
from adapters.vault import manifest as manifests
from adapters.vault.layout import ReelName
from adapters.vault.manifest import Entry, Manifest, ManifestBroken, Verifier
from adapters.vault.segment import NOTHING_BEFORE, SegmentBroken
from adapters.vault.storage import NotThere, digest
from adapters.vault.vault import KeyDestroyed, Vault
from domain.kernel import FeedId, FootageId
from domain.privacy_override_events import Range

CLOSES_WITHIN = timedelta(hours=2)  # from the begin of a reel until it is closed and on the record, and no later


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong. `range`: whose footage is gone by it, None where none is."""

    feed: FeedId
    footage: FootageId
    code: str
    what: str
    segment: int | None = None
    range: Range | None = None


def in_the_vault(finding: Finding) -> str:
    """What is said of a loss on the record."""
    which = f"segment {finding.segment}" if finding.segment is not None else "all of it"
    return f"{which} {finding.what}" + (" in the vault" if finding.segment is not None else "")


@dataclass(frozen=True, slots=True)
class OnRecord:
    """What the record says of a piece of footage. `root` None: nothing was recorded; `gone`: destroyed, or all lost."""

    feed: FeedId
    root: str | None
    gone: bool = False
    range: Range | None = None


@dataclass(slots=True)
class Checked:
    """How much was looked at. `shut`: segments whose key is destroyed: intact, and nobody can open them."""

    reels: int = 0
    segments: int = 0
    size: int = 0
    shut: int = 0
    findings: list[Finding] = field(default_factory=list)


class Check:
    """`record`: footage on the record; None where it is not compared with. `paced`: called with the bytes of each
    segment after it was read."""

    def __init__(
        self,
        vault: Vault,
        verifier: Verifier,
        now: datetime,
        record: Mapping[FootageId, OnRecord] | None = None,
        paced: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._vault, self._verifier, self._now, self._record, self._paced = vault, verifier, now, record, paced
        self.checked = Checked()
        self._there: set[FootageId] = set()

    def reel(self, name: ReelName) -> list[Finding]:
        """What is wrong with one reel. Raises StorageFault where the storage does not answer, and KeysUnavailable."""
        found = [*self._reel(name)]
        if any(finding.code == "segment_missing" for finding in found) and self._vault.destroyed([name]):
            found = [finding for finding in found if finding.code != "segment_missing"]  # it is being removed
        self.checked.reels += 1
        self.checked.findings += found
        return found

    def missing(self, asked: FootageId | None = None) -> list[Finding]:
        """Footage on the record of which nothing was there, to be asked after every reel was looked at. `asked`: looks
        for this one alone."""
        found = [
            Finding(on.feed, footage, "missing", "is on the record and not in the vault", range=on.range)
            for footage, on in (self._record or {}).items()
            if on.root is not None and not on.gone and footage not in self._there and asked in (None, footage)
        ]
        self.checked.findings += found
        return found

    # -- one reel ------------------------------------------------------------

    def _reel(self, name: ReelName) -> Iterator[Finding]:
        files = dict(self._vault.storage.files(name.folder))
        on_record = self._record.get(name.footage) if self._record is not None else None
        if on_record is not None and on_record.gone:
            return
        closed = name.manifest in files and name.note in files
        files.pop(name.manifest, None)
        files.pop(name.note, None)
        by_number: dict[int, str] = {}
        for file in sorted(files):
            number = layout.segment_number(file)
            if number is None or number in by_number:
                yield self._finding(name, "unknown_file", f"holds {file}, which is none of it")
            else:
                by_number[number] = file
        if closed or by_number:
            self._there.add(name.footage)
        if closed:
            yield from self._closed(name, by_number, on_record)
        elif by_number:
            if on_record is not None and on_record.root is not None:
                yield self._finding(name, "manifest_missing", "is on the record, and its manifest is gone")
            elif self._now - name.begins > CLOSES_WITHIN:
                yield self._finding(name, "not_closed", "was never closed")
            yield from self._open(name, by_number)

    def _closed(self, name: ReelName, by_number: dict[int, str], on_record: OnRecord | None) -> Iterator[Finding]:
        try:
            whole, root = manifests.read(self._vault.storage.get(name.manifest))
        except ManifestBroken as broken:
            yield self._finding(name, "manifest_changed", str(broken))
            yield from self._open(name, by_number)
            return
        if (whole.feed, whole.footage) != (name.feed, name.footage):
            yield self._finding(name, "manifest_changed", f"has the manifest of {whole.footage}")
        try:
            self._verifier.check(self._vault.storage.get(name.note), whole, root)
        except ManifestBroken as broken:
            yield self._finding(name, "signature", str(broken))
        if self._record is not None:
            if on_record is None or on_record.root is None:
                if self._now - name.begins > CLOSES_WITHIN:
                    yield self._finding(name, "not_on_record", "is not on the record")
            elif on_record.root != root:
                yield self._finding(name, "root", f"has the root {root}; on the record is {on_record.root}")
        if wrong := manifests.in_order(whole.entries):
            yield self._finding(name, "order", wrong)
        yield from self._entries(name, whole, by_number)

    def _entries(self, name: ReelName, whole: Manifest, by_number: dict[int, str]) -> Iterator[Finding]:
        previous, left = NOTHING_BEFORE, dict(by_number)
        for entry in whole.entries:
            file = left.pop(entry.number, None)
            if file is None:
                yield self._finding(name, "segment_missing", "is missing", entry)
            else:
                yield from self._segment(name, file, previous, entry)
            previous = entry.sha256
        for number in left:
            yield self._finding(name, "not_in_manifest", f"holds a segment {number} that its manifest does not name")

    def _open(self, name: ReelName, by_number: dict[int, str]) -> Iterator[Finding]:
        """Without a manifest each segment says what came before it."""
        previous: str | None = NOTHING_BEFORE
        for expected, number in enumerate(sorted(by_number), start=1):
            if number != expected and previous is not None:
                yield self._finding(name, "segment_missing", f"segment {expected} is missing", number=expected)
                previous = None
            previous = yield from self._segment(name, by_number[number], previous, None, number)

    def _segment(
        self, name: ReelName, file: str, previous: str | None, entry: Entry | None, number: int = 0
    ) -> Generator[Finding, None, str | None]:
        """Gives back the segment's hash, None where it is not there. `previous` None: unknown."""
        try:
            whole = self._vault.storage.get(file)
        except NotThere:
            yield self._finding(name, "segment_missing", "is missing", entry, number)
            return None
        self.checked.segments += 1
        self.checked.size += len(whole)
        self._paced(len(whole))
        sha256 = digest(whole)
        if entry is not None and (len(whole), sha256) != (entry.size, entry.sha256):
            yield self._finding(name, "segment_changed", "is not what was sealed", entry)
            return sha256
        try:
            head = segment.header(whole)
            said = (head.feed, head.footage, head.number)
            if said != (name.feed, name.footage, entry.number if entry else number):
                raise SegmentBroken(f"says that it is segment {head.number} of {head.footage}")
            if entry is not None and (head.since, head.until) != (entry.since, entry.until):
                raise SegmentBroken("says another time than the manifest")
            if previous is not None and head.previous != previous:
                raise SegmentBroken("does not follow from the one before it")
            segment.opened(whole, self._vault.cipher(name))
        except KeyDestroyed:
            self.checked.shut += 1
        except SegmentBroken as broken:
            yield self._finding(name, "segment_changed", str(broken), entry, number)
        return sha256

    def _finding(
        self, name: ReelName, code: str, what: str, entry: Entry | None = None, number: int | None = None
    ) -> Finding:
        if entry is None:
            return Finding(name.feed, name.footage, code, what, number or None)
        return Finding(name.feed, name.footage, code, what, entry.number, Range(entry.since, entry.until))


# -- scrubbing ---------------------------------------------------------------


class Scrubber:
    """Reads everything the vault holds again and again, in an order of chance, no faster than `bytes_per_s`, so that
    damage is found while there may be a copy. `found` is called with each finding."""

    def __init__(
        self,
        check: Callable[[Callable[[int], None]], Check],
        reels: Callable[[], Iterator[ReelName]],
        found: Callable[[Finding], None],
        bytes_per_s: int,
    ) -> None:
        self._check, self._reels, self._found, self._bytes_per_s = check, reels, found, bytes_per_s
        self.passes = 0
        self.segments = 0
        self.wrong: dict[tuple[FootageId, str, int | None], Finding] = {}

    def once(self, stop: threading.Event) -> None:
        """One pass, to its end or until `stop`. Raises StorageFault and KeysUnavailable."""

        def paced(size: int) -> None:
            stop.wait(size / self._bytes_per_s)

        check = self._check(paced)
        names, wrong = list(self._reels()), dict[tuple[FootageId, str, int | None], Finding]()
        random.shuffle(names)
        for name in names:
            if stop.is_set():
                return
            before = check.checked.segments
            for finding in check.reel(name):
                key = (finding.footage, finding.code, finding.segment)
                wrong[key] = finding
                if key not in self.wrong:
                    self.wrong[key] = finding
                    self._found(finding)
            self.segments += check.checked.segments - before
        self.wrong = wrong  # what was mended is no fault any more
        self.passes += 1
