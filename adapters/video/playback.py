"""Footage as HTTP Live Streaming (RFC 8216) of what the vault holds: which segments there are of what was granted, and
what is sent of one.

Invariants: a segment is in no list and goes to nobody unless all of it lies within what was granted; what is sent is
what the record's manifest names, or nothing; what is not plain H.264 without a mask is encoded anew, with the mask
burnt in.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import ceil
from threading import Lock
from typing import Any

from adapters.poses.telemetry import ROOM, beside_masked, overlay, telemetry_in
from adapters.vault import KeyDestroyed, NotThere, Vault, layout
from adapters.vault.layout import ReelName
from adapters.vault.manifest import Entry, ManifestBroken
from adapters.vault.segment import Header, SegmentBroken
from adapters.video import boxes
from adapters.video.boxes import NotFragments
from adapters.video.decoding import NotVideo, coded
from adapters.video.masked import Masking, Size
from adapters.video.segments import MaskedSegments, still, taken_at
from application.mask_states import MaskState, mask_at
from application.viewings import Showing
from domain.footage import Stored
from domain.privacy_override_events import Range

MEDIA_TYPE = "application/vnd.apple.mpegurl"
NAMED = "%Y%m%dT%H%M%S.%fZ"  # a segment, by when it begins
MANIFESTS_KEPT = 64
MOST_LEAD = 12  # segments: of a camera that sends key frames too rarely, two minutes
STILL_AROUND = timedelta(milliseconds=100)  # a still is of the picture shown at a moment; this much counts as seen
A_PICTURE = timedelta(milliseconds=1)  # and no less than so much from when it was taken
REMUXED = 'video/mp4; codecs="avc1'  # what a browser plays as the camera sent it


class FootageFault(Exception):
    """This footage, or a segment of it, cannot be shown. `code`: footage_destroyed, footage_damaged, not_found."""

    def __init__(self, code: str, message: str, field: str = "footage") -> None:
        super().__init__(message)
        self.code, self.message, self.field = code, message, field


@dataclass(frozen=True, slots=True)
class Piece:
    """A segment that may be shown. `run`: when the unbroken stretch begins that it is in, of what may be shown;
    `plays_from`: since the first segment of the footage."""

    part: Stored
    entry: Entry
    run: datetime
    plays_from: timedelta

    @property
    def range(self) -> Range:
        return Range(self.entry.since, self.entry.until)

    @property
    def name(self) -> str:
        return named(self.entry.since)

    @property
    def lasts_s(self) -> float:
        return (self.entry.until - self.entry.since).total_seconds()


@dataclass(frozen=True, slots=True)
class Sent:
    """`init`: what a player needs before the first segment of a run; holds no picture."""

    init: bytes
    body: bytes

    def shown(self, size: int, range_: Range) -> tuple[Range, ...]:
        """Of when pictures are in the first `size` bytes of the body: none, or a stretch from the range's beginning."""
        if size >= len(self.body):
            return (range_,)
        try:
            seconds = boxes.shown(self.body, size, boxes.tracks(self.init))
        except NotFragments:
            return (range_,) if size else ()
        until = min(range_.until, range_.since + timedelta(seconds=ceil(seconds * 1_000_000) / 1_000_000))
        return (Range(range_.since, until),) if until > range_.since else ()


def named(at: datetime) -> str:
    return f"{at.astimezone(UTC):{NAMED}}"


def moment(name: str) -> datetime | None:
    """The time that a name says; None for what is no such name."""
    try:
        at = datetime.strptime(name, NAMED).replace(tzinfo=UTC)
    except ValueError:
        return None
    return at if named(at) == name else None


# -- which segments ----------------------------------------------------------


def pieces(entries: Sequence[tuple[Stored, Entry]], within: Range) -> list[Piece]:
    """What may be shown: the segments that lie within a range from end to end, each once. Where one does not begin when
    the one before it ends, there is a gap, or another connection to the camera: a run ends."""
    found: list[Piece] = []
    for part, entry in entries:
        last = found[-1].entry.until if found else entry.since
        if within.covers(Range(entry.since, entry.until)) and entry.since >= last:
            run = found[-1].run if found and last == entry.since else entry.since
            found.append(Piece(part, entry, run, entry.since - entries[0][1].since))
    return found


def piece_at(some: Sequence[Piece], at: datetime) -> Piece | None:
    """The one whose pictures are of that moment."""
    return next((piece for piece in some if piece.entry.since <= at < piece.entry.until), None)


def playlist(some: Sequence[Piece]) -> str:
    """A media playlist of recorded footage, RFC 8216 §4.3.3. Not of no pieces."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:7"]
    lines.append(f"#EXT-X-TARGETDURATION:{max(ceil(piece.lasts_s) for piece in some)}")
    lines += [f"#EXT-X-MEDIA-SEQUENCE:{some[0].entry.number}", "#EXT-X-PLAYLIST-TYPE:VOD"]
    run: datetime | None = None
    for piece in some:
        if piece.run != run:
            lines += ["#EXT-X-DISCONTINUITY"] if run is not None else []
            lines.append(f'#EXT-X-MAP:URI="init-{named(piece.run)}.mp4"')
            run = piece.run
        lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{piece.entry.since.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z")
        lines += [f"#EXTINF:{piece.lasts_s:.6f},", f"{piece.name}.m4s"]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


# -- what is in them ---------------------------------------------------------


class Reels:
    """Footage in the vault, held against the record. Safe to use from many threads."""

    def __init__(self, vault: Vault, masked: MaskedSegments) -> None:
        self._vault, self._masked = vault, masked
        self._known: OrderedDict[Stored, Sequence[Entry]] = OrderedDict()
        self._lock = Lock()

    def entries(self, showing: Showing) -> list[tuple[Stored, Entry]]:
        """All segments, in order. Raises FootageFault and StorageFault."""
        return [(part, entry) for part in showing.parts for entry in self._listed(part)]

    def _listed(self, part: Stored) -> Sequence[Entry]:
        """By the manifest whose root is on the record."""
        with self._lock:
            if (known := self._known.get(part)) is not None:
                self._known.move_to_end(part)
                return known
        try:
            whole = self._vault.manifest_of(_reel(part), part.manifest_root_sha256)
        except NotThere:
            raise FootageFault("footage_damaged", "this footage is on the record and not in the vault") from None
        except ManifestBroken as broken:
            raise FootageFault("footage_damaged", f"the manifest of this footage was changed: {broken}") from None
        with self._lock:
            self._known[part] = whole.entries
            while len(self._known) > MANIFESTS_KEPT:
                self._known.popitem(last=False)
        return whole.entries

    def sent(self, piece: Piece, state: MaskState, *, encoded: bool) -> Sent:
        """What goes to who looks. `encoded`: anew, whether or not there is a mask: where a part of the footage must be,
        all of it is, so that a player sees one film.

        Raises FootageFault, TooMany where too much is being encoded, StorageFault and KeysUnavailable."""
        name, entry = _reel(piece.part), piece.entry
        head, content = self._read(name, entry)
        try:
            if not encoded and state.nothing_hidden and head.media.startswith(REMUXED):
                init, fragments = boxes.split(content)
                plays_from = Fraction(piece.plays_from // timedelta(microseconds=1), 1_000_000)
                return Sent(init, boxes.shifted(fragments, plays_from, boxes.tracks(init)))
            made = self._masked.segment(
                f"{piece.part.footage}/{entry.number}",
                state.key,
                Size.FULL,
                lambda: content,
                entry.since,
                mask_at(state, telemetry_in(content).view),
                piece.plays_from,
                lambda: self._lead(piece, head),
            )
            return Sent(made.init, made.body)
        except (NotFragments, NotVideo) as broken:
            raise _damaged(entry, str(broken)) from None

    def around(self, piece: Piece, at: datetime) -> Range:
        """What counts as seen where the picture is shown that was on at a moment of a piece: the moment, and when the
        picture was taken, which is long before where a camera sends few. Raises as `sent`."""
        entry = piece.entry
        _, content = self._read(_reel(piece.part), entry)
        try:
            taken = taken_at(content, entry.since, at)
        except NotVideo as broken:
            raise _damaged(entry, str(broken)) from None
        since, until = min(at - STILL_AROUND, taken), max(at + STILL_AROUND, taken + A_PICTURE)
        return Range(max(entry.since, since), min(entry.until, until))

    def still(self, piece: Piece, at: datetime, state: MaskState, within: Range) -> bytes:
        """The picture shown at a moment of a piece, JPEG; black where none of `within` is. Raises as `sent`."""
        name, entry = _reel(piece.part), piece.entry
        head, content = self._read(name, entry)
        try:
            lead, mask = self._lead(piece, head), mask_at(state, telemetry_in(content).view)
            return still(content, entry.since, at, mask, Size.FULL, lead, within)
        except NotVideo as broken:
            raise _damaged(entry, str(broken)) from None

    def telemetry(self, piece: Piece, among: Sequence[Piece], state: MaskState) -> list[dict[str, Any]]:
        """Where a drone and its camera were and looked in a piece, to be shown beside the picture; nothing of a fixed
        camera. `among`: all that may be shown; `state`: of all of it, or lifted. What a mask hides is not told either
        (ADR 26): where anything is hidden in what may be shown, no pose says whither the camera looked, and there is
        none near a picture that the mask makes black all over. Raises as `sent`."""
        _, content = self._read(_reel(piece.part), piece.entry)
        since, until = piece.entry.since, piece.entry.until
        poses = tuple(pose for pose in telemetry_in(content).poses if since <= pose.at < until)
        if poses and not state.nothing_hidden:
            near = [p for p in among if p.entry.until > since - ROOM and p.entry.since < until + ROOM]
            black = sorted(at for each in near for at in self._black(each, state))
            poses = beside_masked(poses, black, views=False)
        return overlay(poses)

    def _black(self, piece: Piece, state: MaskState) -> list[datetime]:
        """When the pictures of a piece were taken that a mask makes black all over."""
        _, content = self._read(_reel(piece.part), piece.entry)
        masking = Masking(mask_at(state, telemetry_in(content).view), Size.FULL, str(piece.part.footage))
        try:
            return [picture.at for picture in coded(content, piece.entry.since)[1] if masking.blackens(picture.at)]
        except NotVideo as broken:
            raise _damaged(piece.entry, str(broken)) from None

    def _lead(self, piece: Piece, head: Header) -> Sequence[bytes]:
        """What a segment that begins without a key frame takes to be decoded: those before it, from one that does on.
        They are not shown."""
        found: list[bytes] = []
        entries, name = self._listed(piece.part), _reel(piece.part)
        at, starts = piece.entry.number - 1, head.on_key_frame
        while not starts and at > 0 and entries[at - 1].until == entries[at].since and len(found) < MOST_LEAD:
            before, content = self._read(name, entries[at - 1])
            found.insert(0, content)
            at, starts = at - 1, before.on_key_frame
        return found

    def _read(self, name: ReelName, entry: Entry) -> tuple[Header, bytes]:
        try:
            head, content = self._vault.read(name, entry)
        except KeyDestroyed:
            raise FootageFault(
                "footage_destroyed", "the key of this footage was destroyed: nobody can open it"
            ) from None
        except NotThere:
            raise _damaged(entry, "it is missing") from None
        except SegmentBroken as broken:
            raise _damaged(entry, str(broken)) from None
        said = (head.footage, head.number, head.since, head.until)
        if said != (name.footage, entry.number, entry.since, entry.until):
            raise _damaged(entry, f"it says that it is segment {head.number} of {head.footage}")
        return head, content


def _damaged(entry: Entry, what: str) -> FootageFault:
    return FootageFault("footage_damaged", f"segment {entry.number} of this footage cannot be shown: {what}")


def _reel(part: Stored) -> ReelName:
    name = layout.named(part.footage)
    if name is None:
        raise FootageFault("footage_damaged", "this footage is on the record and cannot be in the vault by its name")
    return name
