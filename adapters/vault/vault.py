"""The vault: footage of every feed, sealed segment by segment, in reels of an hour at most.

Invariants: nothing that was not sealed reaches the storage; a segment counts when the storage has all of it, and its
place in the order is in what is sealed; a reel is closed once, and then nothing is added to it; a key that is destroyed
opens nothing that is read after `HELD_S` seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice, zip_longest
from threading import Lock
from typing import Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.vault import canonical, layout, manifest, segment
from adapters.vault.layout import HOUR, ReelName
from adapters.vault.manifest import Entry, Manifest, Signer
from adapters.vault.room import Room
from adapters.vault.segment import LONGEST_HEADER, NOTHING_BEFORE, Header, Segment, SegmentBroken
from adapters.vault.storage import NotThere, Part, Storage, StorageFault, StorageFull, digest
from application.failpoints import failpoint
from application.sealing import HELD_S, Destroyed, SubjectKey
from domain.kernel import FeedId
from domain.privacy_override_events import Range

MARKER, MARKER_FORMAT = "vault.json", "saferweho-vault-v1"
LOOKED_AT = 1000  # reels at most, for one that we signed
CLOCK_WENT_BACK = timedelta(seconds=1)


class FootageKeys(Protocol):
    """Keys by footage. Raises `application.sealing.KeysUnavailable`."""

    def find(self, subjects: Collection[str]) -> Mapping[str, SubjectKey | Destroyed]: ...

    def make(self, subjects: Collection[str]) -> Mapping[str, SubjectKey | Destroyed]: ...

    def secret_of(self, purpose: str) -> bytes: ...


class ReelBroken(Exception):
    """A reel that was begun and cannot be continued: what is there does not follow from itself."""


class OtherVault(StorageFault):
    """A vault, and not of this installation."""


class KeyDestroyed(Exception):
    """The footage cannot be opened any more, by anybody."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of a feed without footage, and why."""

    range: Range
    why: str


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed reel. `root`: SHA-256 of its manifest's last line."""

    name: ReelName
    manifest: Manifest
    root: str


@dataclass(frozen=True, slots=True)
class Space:
    """Bytes. `free` and `total` are of the disk; None where that has no meaning. `quota` None: no limit of ours.
    `full`: what was last to be kept found no room."""

    used: int
    quota: int | None
    free: int | None
    total: int | None
    full: bool = False

    def low(self, least_free_percent: int) -> str | None:
        """Why there is too little room left, in words; None where there is enough."""
        if self.quota is not None and 100 * (self.quota - self.used) < least_free_percent * self.quota:
            return f"the vault holds {self.used / 1e9:.1f} GB of the {self.quota / 1e9:.1f} GB it may"
        if self.free is not None and self.total and 100 * self.free < least_free_percent * self.total:
            return f"{100 * self.free // self.total} % of the vault's disk is free, {least_free_percent} % is the least"
        if self.full:
            most = "and its disk is full" if self.quota is None else f"of the {self.quota / 1e9:.1f} GB it may"
            return f"the last segment found no room: the vault holds {self.used / 1e9:.1f} GB {most}"
        return None


@dataclass(slots=True)
class Reel:
    """Footage of one feed while it is being recorded. For one thread."""

    name: ReelName
    ends: datetime
    key: str
    _vault: Vault
    _cipher: AESGCM
    _entries: list[Entry] = field(default_factory=list)
    _last: str = NOTHING_BEFORE
    gaps: list[Gap] = field(default_factory=list)  # within it
    opens_after: str | None = None  # why nothing is before its first segment, where something should be
    closed: bool = False
    _room: bytearray = field(default_factory=bytearray)  # for a sealed segment, used again for the next

    @property
    def empty(self) -> bool:
        return not self._entries

    @property
    def since(self) -> datetime:
        """Of one that is not empty."""
        return self._entries[0].since

    @property
    def until(self) -> datetime | None:
        """Up to when there is footage in it."""
        return self._entries[-1].until if self._entries else None

    def takes(self, since: datetime) -> bool:
        """Whether footage from then on belongs into this reel, and not into the next or, as the clock went back, into
        another of the same time."""
        return self.name.begins <= since < self.ends and (self.until is None or since > self.until - CLOCK_WENT_BACK)

    def add(self, new: Segment) -> Entry:
        """Seal it and keep it, durably. Raises StorageFault; then nothing of it is kept."""
        number, name = len(self._entries) + 1, self.name
        if len(self._room) < len(new.content) + segment.TAG:
            self._room = bytearray(len(new.content) + segment.TAG)
        head, box = segment.sealed(new, self._cipher, name.feed, name.footage, self.key, number, self._last, self._room)
        sha256 = self._vault.put(name.segment(number, new.since), head, box)
        entry = Entry(number, len(head) + len(box), sha256, new.since, new.until)
        self._took(entry, new.gap)
        return entry

    def _took(self, entry: Entry, gap: str | None) -> None:
        if gap is not None and self.until is None:
            self.opens_after = gap
        elif gap is not None and self.until is not None and self.until < entry.since:
            self.gaps.append(Gap(Range(self.until, entry.since), gap))
        self._entries.append(entry)
        self._last = entry.sha256

    def close(self) -> Closed:
        """Write manifest and note. May be said again, also by another process after a crash in between."""
        whole = Manifest(self.name.feed, self.name.footage, self.key, tuple(self._entries))
        content, root = whole.encoded()
        storage = self._vault.storage
        if self.name.manifest in storage.files(self.name.folder):
            storage.remove(self.name.manifest)  # of a crash between the two: without its note it closed nothing
        storage.put(self.name.manifest, [content])
        failpoint("vault.manifest_written")
        storage.put(self.name.note, [self._vault.signer.note(whole, root)])
        failpoint("vault.closed")
        self.closed = True
        return Closed(self.name, whole, root)


class Vault:
    """`length`: of a reel, a part of an hour; `quota`: bytes of sealed footage it may hold. Safe to use from many
    threads, each with reels of its own."""

    def __init__(
        self, storage: Storage, keys: FootageKeys, *, length: timedelta = HOUR, quota: int | None = None
    ) -> None:
        if HOUR % length:
            raise ValueError(f"{length} is no part of an hour")
        self.storage, self._keys, self._length, self._quota = storage, keys, length, quota
        self._full = False
        self._signer: Signer | None = None
        self._room = Room(storage, self.reels, self._size)
        self._lock = Lock()
        self._ready: dict[str, SubjectKey] = {}
        self._held: dict[str, tuple[float, AESGCM]] = {}

    @property
    def signer(self) -> Signer:
        if self._signer is None:
            self._signer = Signer(self._keys.secret_of(manifest.PURPOSE))
        return self._signer

    # -- whose it is ---------------------------------------------------------

    def is_ours(self) -> bool:
        """Whether a marker in it says that it is this installation's vault. Raises StorageFault and KeysUnavailable."""
        return self._marked() == self._mark

    def mark(self, anything_on_record: Callable[[], bool], *, surely: bool = False) -> bool:
        """Put the marker into a vault that has none and is ours beyond doubt: it holds what we signed, or neither it
        nor the record holds anything yet. False where it is in doubt: its disk may not be mounted. `surely`: somebody
        looked. Raises OtherVault, StorageFault and KeysUnavailable."""
        if (marked := self._marked()) is None:
            ours = surely or any(self._signed_by_us(name) for name in islice(self.reels(), LOOKED_AT))
            if not ours and (self.storage.folders("") or anything_on_record()):
                return False
            self.storage.put(MARKER, [self._mark])
        elif marked != self._mark:
            raise OtherVault(f"{self.storage} is the vault of another installation: nothing is written to it")
        return True

    @property
    def _mark(self) -> bytes:
        return canonical.encode({"format": MARKER_FORMAT, "signed_by": self.signer.verifier.text}) + b"\n"

    def _marked(self) -> bytes | None:
        try:
            return self.storage.get(MARKER)
        except NotThere:
            return None

    def _signed_by_us(self, name: ReelName) -> bool:
        try:
            self.manifest(name)
        except (NotThere, manifest.ManifestBroken):
            return False
        return True

    # -- recording -----------------------------------------------------------

    def make_ready(self, feeds: Collection[FeedId], at: datetime) -> None:
        """Have the keys of what these feeds record at a time to come, so that a key store that is away for a while
        then keeps nobody from recording. Raises KeysUnavailable."""
        begins = layout.reel_begins(at, self._length)
        wanted = {ReelName(feed, begins).footage for feed in feeds} - self._ready.keys()
        made = self._keys.make(wanted).items() if wanted else ()
        ready = {footage: key for footage, key in made if isinstance(key, SubjectKey)}
        with self._lock:  # cameras and flights each make theirs ready
            kept = {footage: key for footage, key in self._ready.items() if not _older(footage, at)}
            self._ready = {**kept, **ready}

    def reel(self, feed: FeedId, at: datetime) -> Reel:
        """The reel that footage from then on goes into: the one that was begun, or a new one.

        Raises StorageFault and KeysUnavailable.
        """
        name = ReelName(feed, layout.reel_begins(at, self._length))
        while True:
            files = self.storage.files(name.folder)
            if name.note not in files:
                try:
                    reel = self._begun(name, files)
                except ReelBroken:
                    pass  # `verify` tells of it
                else:
                    if reel.takes(at):
                        return reel
            name = ReelName(feed, name.begins, name.ordinal + 1)

    def begun(self, name: ReelName) -> Reel | None:
        """A reel that was begun and not closed, to be continued or closed. Raises ReelBroken, StorageFault and
        KeysUnavailable."""
        files = self.storage.files(name.folder)
        if name.note in files or not any(map(layout.segment_number, files)):
            return None
        return self._begun(name, files)

    def reread(self, name: ReelName) -> Reel:
        """A reel as it is, closed or not; what it holds is told by its segments. Raises as `begun`."""
        files = self.storage.files(name.folder)
        reel = self._begun(name, files)
        reel.closed = name.note in files
        return reel

    def closed(self, name: ReelName) -> Closed:
        """A closed reel. Raises NotThere and ManifestBroken."""
        return Closed(name, *self.manifest(name))

    def _begun(self, name: ReelName, files: Mapping[str, int]) -> Reel:
        key = self._ready.get(name.footage) or self._keys.make([name.footage])[name.footage]
        if isinstance(key, Destroyed):
            raise ReelBroken(f"the key of {name.footage} was destroyed")
        reel = Reel(name, name.begins + self._length, key.id, self, AESGCM(key.secret))
        numbered = sorted((number, file) for file in files if (number := layout.segment_number(file)) is not None)
        found: list[tuple[Header, int, str]] = []
        for expected, (number, file) in enumerate(numbered, start=1):
            try:
                head = segment.header(self.storage.start_of(file, LONGEST_HEADER))
            except SegmentBroken as broken:
                raise ReelBroken(f"{file}: {broken}") from None
            if (head.number, head.footage, head.key) != (expected, name.footage, key.id) or number != expected:
                raise ReelBroken(f"{file} is not segment {expected} of {name.footage}")
            found.append((head, files[file], file))
        for (head, size, file), after in zip_longest(found, found[1:]):
            # Each says what the one before it was; only the last must be read.
            sha256 = after[0].previous if after else digest(self.storage.get(file))
            reel._took(Entry(head.number, size, sha256, head.since, head.until), head.gap)
        return reel

    def put(self, name: str, *parts: Part) -> str:
        """The SHA-256 of it, hex. Raises StorageFault; StorageFull also where the quota is used up."""
        size = sum(map(len, parts))
        try:
            if self._quota is not None and (used := self.used()) + size > self._quota:
                raise StorageFull(f"the vault holds {used} bytes, and its quota is {self._quota}")
            sha256 = self.storage.put(name, parts)
        except StorageFull:
            self._full = True
            raise
        self._full = False
        self._room.took(name, size)
        return sha256

    # -- room ----------------------------------------------------------------

    def used(self) -> int:
        """Bytes of sealed footage, as far as is known without looking again. Raises StorageFault."""
        return self._room.used()

    def _size(self, name: ReelName) -> int:
        try:
            return manifest.size_in(self.storage.get(name.note))
        except (NotThere, manifest.ManifestBroken):
            return sum(self.storage.files(name.folder).values())

    def space(self) -> Space:
        """With what others put there meanwhile, which `used` knows from then on. Raises StorageFault."""
        free, total = self.storage.free() or (None, None)
        return Space(self._room.look(), self._quota, free, total, self._full)

    # -- after the key -------------------------------------------------------

    def destroyed(self, names: Sequence[ReelName]) -> list[ReelName]:
        """Those of some reels whose key is destroyed. Raises KeysUnavailable."""
        found = self._keys.find([name.footage for name in names])
        return [name for name in names if isinstance(found.get(name.footage), Destroyed)]

    def remove(self, name: ReelName) -> None:
        """What is left of a reel that nobody can open any more: the room it takes, no more. Raises StorageFault,
        KeysUnavailable, and ValueError for one whose key is there."""
        if not self.destroyed([name]):
            raise ValueError(f"the key of {name.footage} is not destroyed: nothing of it is removed")
        self.discard(name)

    def discard(self, name: ReelName) -> None:
        """All that is there of a reel, of which whoever calls this has made sure that it is on no record; otherwise
        `remove`. Raises StorageFault."""
        size = self._size(name)
        # The note last: without it a crash would leave a reel that looks as if it were never closed.
        for file in sorted(self.storage.files(name.folder), key=lambda file: (file == name.note, file)):
            self.storage.remove(file)
        self._room.took(name.folder, -size)

    # -- reading -------------------------------------------------------------

    def feeds(self) -> list[FeedId]:
        return [layout.feed_of(folder) for folder in self.storage.folders("")]

    def reels(
        self, feed: FeedId | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> Iterator[ReelName]:
        """In order of feed and time; of a range also the reel that began before it. Raises StorageFault."""
        feeds = [layout.feed_folder(feed)] if feed is not None else self.storage.folders("")
        earliest = since - HOUR if since else None
        for of_feed in feeds:
            for day in layout.days_between(self.storage.folders(of_feed), earliest, until):
                for name in sorted(filter(None, map(layout.reel_of, self.storage.folders(day)))):
                    if (earliest is None or name.begins > earliest) and (until is None or name.begins < until):
                        yield name

    def last(self, feed: FeedId) -> ReelName | None:
        """The feed's newest reel."""
        for day in reversed(self.storage.folders(layout.feed_folder(feed))):
            if names := sorted(filter(None, map(layout.reel_of, self.storage.folders(day)))):
                return names[-1]
        return None

    def until(self, name: ReelName) -> datetime | None:
        """Up to when there is footage in a reel, by its last segment. Raises StorageFault."""
        numbered = [
            (number, file) for file in self.storage.files(name.folder) if (number := layout.segment_number(file))
        ]
        if not numbered:
            return None
        try:
            return segment.header(self.storage.start_of(max(numbered)[1], LONGEST_HEADER)).until
        except SegmentBroken:
            return None

    def manifest(self, name: ReelName) -> tuple[Manifest, str]:
        """A closed reel's, with its root, its note checked. Raises NotThere and ManifestBroken."""
        whole, root = manifest.read(self.storage.get(name.manifest))
        self.signer.verifier.check(self.storage.get(name.note), whole, root)
        return whole, root

    def manifest_of(self, name: ReelName, root: str) -> Manifest:
        """A closed reel's, held against the root that the record has: so no key is needed that could sign another.
        Raises NotThere and ManifestBroken."""
        whole, found = manifest.read(self.storage.get(name.manifest))
        if found != root:
            raise manifest.ManifestBroken("it is not the one on the record")
        return whole

    def read(self, name: ReelName, entry: Entry) -> tuple[Header, bytes]:
        """A segment's content. Raises NotThere, SegmentBroken, KeyDestroyed and KeysUnavailable."""
        return segment.opened(self.storage.get(name.segment(entry.number, entry.since)), self.cipher(name))

    def cipher(self, name: ReelName) -> AESGCM:
        """Opens a reel's segments. Raises KeyDestroyed and KeysUnavailable."""
        now = time.monotonic()
        until, held = self._held.get(name.footage, (0.0, None))
        if held is not None and now < until:
            return held
        key = self._keys.find([name.footage]).get(name.footage)
        if not isinstance(key, SubjectKey):
            self._held.pop(name.footage, None)
            why = "was destroyed" if key else "is in no key store"
            raise KeyDestroyed(f"the key of {name.footage} {why}")
        held = AESGCM(key.secret)
        self._held = {of: kept for of, kept in self._held.items() if now < kept[0]}
        self._held[name.footage] = (now + HELD_S, held)
        return held


def _older(footage: str, at: datetime) -> bool:
    """Whether its reel began more than two hours before."""
    began = footage.rpartition("-")[2]
    return began < f"{at - 2 * HOUR:%Y%m%dT%H%M}Z"


__all__ = [
    "Closed",
    "FootageKeys",
    "Gap",
    "KeyDestroyed",
    "OtherVault",
    "Reel",
    "ReelBroken",
    "Space",
    "StorageFault",
    "Vault",
]
