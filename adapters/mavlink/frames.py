"""Frames out of bytes: where a MAVLink frame starts, whether its checksum is right.

Invariant: a frame that leaves the scanner is whole, of a known message and its CRC holds. What
fails is counted and skipped by one byte only, so damage never swallows the good frame behind it.
"""

from dataclasses import asdict, dataclass
from re import compile as regex
from typing import NamedTuple

from fastcrc import crc16

from adapters.mavlink.dialect import CRC_EXTRA, MESSAGE_NAMES

MARKER_V1, MARKER_V2 = 0xFE, 0xFD
SIGNED = 0x01
"""The one incompatibility flag there is: a frame with any other cannot be understood."""

_MARKER = regex(b"[\xfd\xfe]")
_SHORTEST_V1, _SHORTEST_V2, _SIGNATURE = 8, 12, 13


class Frame(NamedTuple):
    """One whole frame with its checksum checked (and nothing said about its signature)."""

    raw: bytes
    number: int
    system: int
    component: int
    signed: bool

    @property
    def name(self) -> str:
        """The message's name, such as HEARTBEAT."""
        return MESSAGE_NAMES[self.number]


@dataclass(slots=True)
class FrameCounts:
    """What a link has carried, good and bad; every figure only grows."""

    frames: int = 0
    """Frames with a right checksum."""
    bytes: int = 0
    skipped_bytes: int = 0
    """Bytes outside any good frame."""
    bad_crc: int = 0
    unknown: int = 0
    """Frame starts with a message number or flag that the dialect does not know."""
    bad_signature: int = 0
    replayed: int = 0
    unsigned: int = 0
    """Unsigned frames that claim to be of a vehicle with a key."""
    strangers: int = 0
    """Good frames of systems that are not configured on this link."""
    parser_errors: int = 0
    dropped: int = 0
    """Chunks that a full buffer lost."""

    def add(self, other: "FrameCounts") -> None:
        """Add another count to this one."""
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)


class FrameScanner:
    """Finds frames in a stream that arrives in pieces; holds back at most one unfinished frame."""

    def __init__(self, counts: FrameCounts | None = None) -> None:
        self.counts = counts or FrameCounts()
        self._rest = b""

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that these bytes complete, in order."""
        counts, crc_of, extras = self.counts, crc16.mcrf4xx, CRC_EXTRA
        counts.bytes += len(data)
        buffer = self._rest + data if self._rest else data
        found: list[Frame] = []
        at, end = 0, len(buffer)
        while end - at >= _SHORTEST_V1:
            marker = buffer[at]
            if marker == MARKER_V2:
                if end - at < _SHORTEST_V2:
                    break
                flags = buffer[at + 2]
                number = buffer[at + 7] | buffer[at + 8] << 8 | buffer[at + 9] << 16
                checked = at + 10 + buffer[at + 1]
                stop = checked + 2 + (_SIGNATURE if flags else 0)
                system, component = buffer[at + 5], buffer[at + 6]
            elif marker == MARKER_V1:
                flags, number = 0, buffer[at + 5]
                checked = at + 6 + buffer[at + 1]
                stop = checked + 2
                system, component = buffer[at + 3], buffer[at + 4]
            else:
                start = _MARKER.search(buffer, at)
                skip_to = start.start() if start else end
                counts.skipped_bytes += skip_to - at
                at = skip_to
                continue
            extra = extras.get(number)
            if extra is None or flags > SIGNED:
                counts.unknown += 1
            elif stop > end:
                break
            elif crc_of(extra, crc_of(buffer[at + 1 : checked])) == buffer[checked] | buffer[checked + 1] << 8:
                found.append(Frame(buffer[at:stop], number, system, component, flags == SIGNED))
                at = stop
                continue
            else:
                counts.bad_crc += 1
            counts.skipped_bytes += 1
            at += 1
        counts.frames += len(found)
        self._rest = buffer[at:]
        return found

    def close(self) -> None:
        """Count what is left as skipped: nothing more will come."""
        self.counts.skipped_bytes += len(self._rest)
        self._rest = b""
