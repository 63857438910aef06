"""The MAVLink dialect and its decoding: the only place that imports pymavlink.

The generated message classes of pymavlink give layouts, checksums' seeds, enumerations and
packing. Frames that `frames.FrameScanner` has checked are unpacked here straight from those
layouts, because pymavlink's own parser would check them again at four times the cost, and stores a
signed frame's timestamp before it has checked the signature.
"""

import os
from collections.abc import Callable
from struct import Struct
from typing import Any

os.environ["MAVLINK20"] = "1"

from pymavlink.dialects.v20 import ardupilotmega as mavlink

__all__ = ["CRC_EXTRA", "MESSAGE_NAMES", "Fields", "decode", "enum_name", "mavlink"]

Fields = dict[str, Any]
"""The fields of one message by name: numbers, lists of numbers, or text without its padding."""

CRC_EXTRA: dict[int, bytes] = {number: bytes([kind.crc_extra]) for number, kind in mavlink.mavlink_map.items()}
"""The seed of a message's layout that ends its checksum, by message number."""

MESSAGE_NAMES: dict[int, str] = {number: kind.msgname for number, kind in mavlink.mavlink_map.items()}

_V1_HEADER, _V2_HEADER = 6, 10


def decode(number: int, raw: bytes) -> Fields:
    """The fields of a whole, checked frame whose message number is known.

    MAVLink 2 cuts trailing zeros off a payload and a newer peer may append fields: short payloads
    are filled up, long ones cut.
    """
    start = _V2_HEADER if raw[0] == 0xFD else _V1_HEADER
    return _decoder(number)(raw[start : start + raw[1]])


def enum_name(enum: str, value: int) -> str:
    """The name of a value of an enumeration without the enumeration's own name, or the number as text."""
    entry = mavlink.enums[enum].get(value)
    return str(entry.name).removeprefix(f"{enum}_") if entry else str(value)


_decoders: dict[int, Callable[[bytes], Fields]] = {}


def _decoder(number: int) -> Callable[[bytes], Fields]:
    if number not in _decoders:
        _decoders[number] = _build(mavlink.mavlink_map[number])
    return _decoders[number]


def _build(kind: Any) -> Callable[[bytes], Fields]:
    layout: Struct = kind.unpacker
    names: list[str] = kind.ordered_fieldnames
    lengths: list[int] = kind.lengths
    texts = {name for name, form in zip(kind.fieldnames, kind.fieldtypes, strict=True) if form == "char"}
    size = layout.size

    def values(payload: bytes) -> tuple[Any, ...]:
        return layout.unpack(payload[:size] if len(payload) >= size else payload.ljust(size, b"\0"))

    if not texts and all(length == 1 for length in lengths):
        return lambda payload: dict(zip(names, values(payload), strict=True))

    def with_arrays(payload: bytes) -> Fields:
        unpacked, at, fields = values(payload), 0, {}
        for name, length in zip(names, lengths, strict=True):
            value = unpacked[at] if length == 1 else list(unpacked[at : at + length])
            fields[name] = value.split(b"\0")[0].decode("utf-8", "replace") if isinstance(value, bytes) else value
            at += length
        return fields

    return with_arrays
