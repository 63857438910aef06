"""A file of footage read by a process of its own (`cutting`), and what comes of it sealed.

A file that was half taken in is gone on with: it is cut the same way again, and what is sealed already is not sealed
twice.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, BinaryIO, TypeAlias

import msgspec

from adapters.footage_files.cutting import WITH_SOUND
from adapters.vault import Closed, Reel, Segment, Vault
from domain.footage_import import LONGEST, Sound
from domain.kernel import FeedId

MOST_BYTES = 200 << 30  # of one file
AT_ONCE = 1 << 20
LONGEST_LINE = 64 << 10
MOST_AT_ONCE = 64 << 20  # bytes of a segment
LONGEST_TAIL = timedelta(seconds=10)  # of the segment that was under way at the end of an hour
_ROOT = Path(__file__).parents[2]


class FileRefused(Exception):
    """A file that is not taken in. Says what was found, and what is accepted."""

    def __init__(self, found: str, accepted: str) -> None:
        super().__init__(found)
        self.accepted = accepted


@dataclass(frozen=True, slots=True)
class Found:
    """What a file is by its content. `media`: RFC 6381."""

    found: str
    media: str
    sound: Sound


@dataclass(frozen=True, slots=True)
class Piece:
    """Some seconds of it, as a fragmented MP4. Times since its first picture."""

    content: bytes
    since: timedelta
    until: timedelta
    on_key_frame: bool
    gap: str | None


class FootageFile:
    """An open file: `sha256` and `size_bytes` of what is then read. Raises FileRefused, and OSError."""

    def __init__(self, file: BinaryIO, progress: Callable[[int], None] = lambda _: None) -> None:
        self._file = file
        before = os.fstat(file.fileno())
        self.size_bytes = before.st_size
        if not self.size_bytes:
            raise FileRefused("it is empty", "a file of footage")
        if self.size_bytes > MOST_BYTES:
            raise FileRefused(f"it has {self.size_bytes / 1e9:.0f} GB", f"up to {MOST_BYTES / 1e9:.0f} GB")
        whole = hashlib.sha256()
        while some := file.read(AT_ONCE):
            whole.update(some)
            progress(len(some))
        self.sha256 = whole.hexdigest()
        self._stat = (before.st_size, before.st_mtime_ns)

    @contextmanager
    def read(self, *, keep_sound: bool = False) -> Iterator[tuple[Found, Iterator[Piece]]]:
        """What it is, and its pieces as they are asked for. Raises FileRefused, also in the middle of them."""
        self._file.seek(0)
        path = os.pathsep.join([str(_ROOT), *filter(None, sys.path)])
        environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": path}
        argv = [sys.executable, "-m", "adapters.footage_files.cutting", *([WITH_SOUND] if keep_sound else [])]
        process = subprocess.Popen(
            argv, stdin=self._file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, cwd="/"
        )
        assert process.stdout is not None
        try:
            first = _said(process.stdout)
            if not (first.found and first.media and first.sound):
                raise FileRefused(*_BROKE_OFF)
            yield Found(first.found, first.media, first.sound), self._pieces(process.stdout)
        finally:
            process.kill()
            process.stdout.close()
            process.wait()

    def _pieces(self, out: Any) -> Iterator[Piece]:
        last = 0
        while (said := _said(out)).pictures is None:
            content = out.read(said.bytes)
            if len(content) != said.bytes or not last <= said.since_us < said.until_us:
                raise FileRefused(*_BROKE_OFF)
            last = said.until_us
            since, until = timedelta(microseconds=said.since_us), timedelta(microseconds=said.until_us)
            yield Piece(content, since, until, said.on_key_frame, said.gap)
        after = os.fstat(self._file.fileno())
        if (after.st_size, after.st_mtime_ns) != self._stat:
            raise FileRefused("it was changed while it was read", "a file that nobody writes to")


_BROKE_OFF = ("who reads it broke off: it is damaged in a way that is not known here", "a whole file")


_Text: TypeAlias = Annotated[str, msgspec.Meta(max_length=300)]
_Micros: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=LONGEST // timedelta(microseconds=1))]


class _Says(msgspec.Struct, frozen=True):
    """A line of `cutting`. Who reads a stranger's file is not believed: nothing beyond these limits is taken."""

    found: _Text | None = None
    media: Annotated[str, msgspec.Meta(pattern=r'^video/mp4; codecs="[A-Za-z0-9.,]{1,80}"$')] | None = None
    sound: Sound | None = None
    bytes: Annotated[int, msgspec.Meta(ge=1, le=MOST_AT_ONCE)] = 1
    since_us: _Micros = 0
    until_us: _Micros = 0
    on_key_frame: bool = True
    gap: _Text | None = None
    pictures: int | None = None
    refused: _Text | None = None
    accepted: _Text = "another file"


def _said(out: Any) -> _Says:
    """The next thing that is said. Raises FileRefused."""
    try:
        said = msgspec.json.decode(out.readline(LONGEST_LINE), type=_Says)
    except msgspec.MsgspecError:
        raise FileRefused(*_BROKE_OFF) from None
    if said.refused is not None:
        raise FileRefused(said.refused, said.accepted)
    return said


class Sealing:
    """The pieces of one file into the vault. `taken_at`: its first picture.

    Everything raises StorageFault, KeysUnavailable, and ReelBroken where what an earlier run left cannot be continued.
    """

    def __init__(self, vault: Vault, feed: FeedId, taken_at: datetime, media: str) -> None:
        self._vault, self._feed, self._taken_at, self._media = vault, feed, taken_at, media
        self._closed: list[Closed] = []
        self._reel: Reel | None = None
        self._until: datetime | None = None  # up to when an earlier run sealed it
        for name in list(vault.reels(feed)):
            reel = vault.reread(name)
            if reel.empty:
                continue
            if self._until is None and reel.since != taken_at:
                self.discard()  # it was begun with another time
                break
            self._until = reel.until
            if reel.closed:
                self._closed.append(vault.closed(name))
            else:
                self._reel = reel

    def discard(self) -> None:
        """Nothing of the file is kept. For one that is on no record."""
        for name in list(self._vault.reels(self._feed)):
            self._vault.discard(name)

    def add(self, piece: Piece) -> None:
        since, until = self._taken_at + piece.since, self._taken_at + piece.until
        if self._until is not None and since < self._until:
            return
        if self._reel is not None and not self._reel.takes(since):
            self._close()
        if self._reel is None:
            self._reel = self._vault.reel(self._feed, since)
        until = min(until, self._reel.ends + LONGEST_TAIL)
        segment = Segment(
            piece.content, since, until, self._media, "stated", gap=piece.gap, on_key_frame=piece.on_key_frame
        )
        self._reel.add(segment)

    def _close(self) -> None:
        assert self._reel is not None
        self._closed.append(self._reel.close())
        self._reel = None

    def end(self) -> list[Closed]:
        """All of it was added: what it became, in order."""
        if self._reel is not None:
            self._close()
        return self._closed
