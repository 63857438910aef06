"""Telemetry logs: what went over the air, both ways, with a hash that proves it was not touched.

A tlog is a sequence of 8 bytes (microseconds UTC, big-endian) followed by one raw frame. Ground
stations read it. A full disk never disturbs a flight: the log is then closed as incomplete.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from adapters.mavlink.frames import Frame, FrameScanner

_STAMP = 8
_LONGEST_FRAME = 280


@dataclass(frozen=True, slots=True)
class TlogRecord:
    """A closed log: where it is, what it holds, and the SHA-256 of its bytes (hexadecimal)."""

    path: Path
    sha256: str
    frames_in: int
    frames_out: int
    complete: bool


class TlogWriter:
    """Writes one log. The file must not exist: a log is never written twice."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file: BinaryIO = path.open("xb")
        self._hash = hashlib.sha256()
        self._in = self._out = 0
        self._complete = True

    def write(self, at: int, raw: bytes, *, outbound: bool) -> None:
        """Append a frame with its time (microseconds UTC)."""
        chunk = at.to_bytes(_STAMP, "big") + raw
        try:
            self._file.write(chunk)
        except OSError:
            self._complete = False
            return
        self._hash.update(chunk)
        if outbound:
            self._out += 1
        else:
            self._in += 1

    def flush(self) -> None:
        """Hand everything to the operating system, so that it outlives this process."""
        try:
            self._file.flush()
        except OSError:
            self._complete = False

    def close(self) -> TlogRecord:
        """Bring the log to the disk and say what it holds. After a write error the hash is that of the file."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError:
            self._complete = False
        try:
            self._file.close()
        except OSError:
            self._complete = False
        sha256 = self._hash if self._complete else hashlib.sha256(self.path.read_bytes())
        return TlogRecord(self.path, sha256.hexdigest(), self._in, self._out, self._complete)


class TlogEntry(NamedTuple):
    """A frame of a log and its time in microseconds UTC."""

    at: int
    frame: Frame


def read_tlog(data: bytes, scanner: FrameScanner | None = None) -> Iterator[TlogEntry]:
    """The frames of a log in order. Damaged stretches are skipped and counted by the scanner.

    The stamp in front of a frame is believed as it stands; a frame at the very start without room for a
    stamp is skipped.
    """
    scanner = scanner or FrameScanner()
    at = 0
    while at + _STAMP < len(data):
        window = data[at + _STAMP : at + _STAMP + _LONGEST_FRAME]
        length = _frame_length(window)
        found = scanner.feed(window[:length]) if length else []
        if found and len(found[0].raw) == length:
            yield TlogEntry(int.from_bytes(data[at : at + _STAMP], "big"), found[0])
            at += _STAMP + length
        else:
            scanner.close()
            at += 1


def _frame_length(window: bytes) -> int:
    """The length that a frame starting here claims, or 0 where none can start."""
    if len(window) < _STAMP:
        return 0
    if window[0] == 0xFD:
        return 12 + window[1] + (13 if window[2] & 1 else 0)
    return 8 + window[1] if window[0] == 0xFE else 0
