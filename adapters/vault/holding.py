"""What a legal hold keeps, sealed once more under a key of its own, so that the rest of the hour can go.

A copy is a reel like any other: sealed, in order, closed with a manifest. It holds whole segments, from a key frame on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from adapters.vault import layout
from adapters.vault.layout import ReelName
from adapters.vault.manifest import Entry, ManifestBroken
from adapters.vault.segment import LONGEST_HEADER, Segment, SegmentBroken, header
from adapters.vault.storage import NotThere
from adapters.vault.vault import Closed, KeyDestroyed, ReelBroken, Vault
from domain.footage import HeldApart, HeldRangeCopied, Kept, LegalHoldPlaced, State, not_copied, stored
from domain.kernel import FootageId
from domain.privacy_override_events import Range

log = structlog.get_logger()


def wanted(vault: Vault, source: ReelName, span: Range) -> Sequence[Entry]:
    """The segments of a closed reel that show a stretch, and those before that they cannot be shown without. Raises
    NotThere, ManifestBroken and StorageFault."""
    entries = vault.manifest(source)[0].entries
    touched = [n for n, entry in enumerate(entries) if entry.since < span.until and span.since < entry.until]
    if not touched:
        return []
    first, last = touched[0], touched[-1]
    while first > 0 and not _begins_at_key_frame(vault, source, entries[first]):
        first -= 1
    return entries[first : last + 1]


def _begins_at_key_frame(vault: Vault, source: ReelName, entry: Entry) -> bool:
    try:
        return header(vault.storage.start_of(source.segment(entry.number, entry.since), LONGEST_HEADER)).on_key_frame
    except (NotThere, SegmentBroken):
        return True  # it is not copied, and nothing is shown through it


def copied(vault: Vault, source: ReelName, entries: Sequence[Entry], into: ReelName) -> Closed:
    """The copy of these segments: made now, or begun before and gone on with. What is damaged is a gap in it, with why.

    Raises KeyDestroyed, KeysUnavailable, StorageFault, ReelBroken, and SegmentBroken where nothing of it opens.
    """
    reel = vault.reread(into)
    if reel.closed:
        return vault.closed(into)
    gap = None
    for entry in entries:
        if reel.until is not None and entry.since < reel.until:
            continue  # copied before a crash
        try:
            head, content = vault.read(source, entry)
        except (NotThere, SegmentBroken) as broken:
            gap = f"segment {entry.number} {broken}"
            log.error("held_footage_damaged", footage=source.footage, segment=entry.number, why=str(broken))
            continue
        since, until = max(head.since, reel.until or head.since), head.until
        why = gap or (None if reel.empty else head.gap)
        reel.add(Segment(content, since, until, head.media, head.clock, head.ahead_us, why, head.on_key_frame))
        gap = None
    if reel.empty:
        raise SegmentBroken(f"nothing of {source.footage} that is held opens")
    return reel.close()


# -- all holds ---------------------------------------------------------------


class Holding:
    """Copies what holds keep, as soon as they are placed. `note`: told of each copy, which it puts on the record."""

    def __init__(self, vault: Vault, note: Callable[[FootageId, HeldRangeCopied], None]) -> None:
        self._vault, self._note = vault, note
        self._done: set[tuple[FootageId, str]] = set()  # said, or nothing to do
        self.faults: dict[str, str] = {}  # by footage

    def look(self, footage: FootageId, state: State) -> None:
        """See that every hold on this footage has its copy. Raises StorageFault and KeysUnavailable."""
        if not isinstance(state, Kept | HeldApart):
            return
        for placed in not_copied(state):
            if (footage, placed.hold) in self._done:
                continue
            try:
                self._copy(footage, state, placed)
            except (NotThere, ManifestBroken, KeyDestroyed, ReelBroken, SegmentBroken) as broken:
                # Under its hold as a whole: nothing of it goes, and `saferweho footage verify` tells what is wrong.
                if self.faults.get(footage) != str(broken):
                    log.error("hold_not_copied", footage=footage, hold=placed.hold, why=str(broken))
                self.faults[footage] = str(broken)
            else:
                self.faults.pop(footage, None)
                self._done.add((footage, placed.hold))

    def _copy(self, footage: FootageId, state: Kept | HeldApart, placed: LegalHoldPlaced) -> None:
        covering = [part.footage for part in stored(footage, state) if part.range.covers(placed.range)]
        source, original = (layout.named(name) for name in (covering[0] if covering else footage, footage))
        if source is None or original is None:
            raise NotThere(f"no reel of the vault is {footage}")
        entries = wanted(self._vault, source, placed.range)
        if not entries:
            raise NotThere(f"nothing of {footage} is there that hold {placed.hold} keeps")
        if isinstance(state, Kept) and len(entries) == len(self._vault.manifest(source)[0].entries):
            return  # all of it is held: there is no rest that could go
        closed = copied(self._vault, source, entries, layout.held(original, placed.hold))
        whole = closed.manifest
        span = Range(whole.since, whole.until)
        size = (len(whole.entries), whole.size)
        self._note(footage, HeldRangeCopied(placed.hold, whole.footage, span, *size, closed.root, whole.key))
