"""How new the last believed frame of each signed stream was, kept so that a killed gateway still knows it.

Every stamp goes into a page of a file mapped into memory: the kernel has it the moment it is written, at the cost of a
store, so frames believed just before a kill are refused after it. Nothing is added to a stamp for safety's sake: some
autopilots count theirs by frames and not by time, and would be shut out for minutes.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from struct import Struct

Stream = tuple[int, int, int]  # link id, system, component
_RECORD = Struct("<BBBxxxxxQ")
_ROOM = 256 * _RECORD.size


class Stamps(dict[Stream, int]):
    """Newest timestamp (10 µs since 2015) by stream; set like a dict. Raises OSError where the file cannot be had."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        out = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(out, _ROOM)
            self._page = mmap.mmap(out, _ROOM)
        finally:
            os.close(out)
        self._places: dict[Stream, int] = {}
        for number, (*stream, stamp) in enumerate(_RECORD.iter_unpack(self._page)):
            if stamp:
                key = (stream[0], stream[1], stream[2])
                self._places[key] = number
                super().__setitem__(key, stamp)

    def __setitem__(self, stream: Stream, stamp: int) -> None:
        super().__setitem__(stream, stamp)
        place = self._places.setdefault(stream, len(self._places))
        if place * _RECORD.size < _ROOM:
            _RECORD.pack_into(self._page, place * _RECORD.size, *stream, stamp)
