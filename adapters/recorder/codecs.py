"""What a stream of H.264 or H.265 says of itself in its parameter sets, read without decoding a picture."""

from __future__ import annotations

import re
from collections.abc import Iterator

_START = re.compile(rb"\x00\x00\x01")  # ITU-T H.264 Annex B
_H264_SPS, _H265_SPS = 7, 33


def parameter_set(codec: str, annex_b: bytes) -> bytes | None:
    """The first sequence parameter set in it; None where there is none."""
    for unit in _units(annex_b):
        kind = unit[0] & 0x1F if codec == "h264" else unit[0] >> 1 & 0x3F
        if kind == (_H264_SPS if codec == "h264" else _H265_SPS):
            return unit
    return None


def in_extradata(codec: str, extradata: bytes) -> bytes | None:
    """The same of what a container has beside its packets: a decoder configuration record (ISO/IEC 14496-15 §5.3.3.1,
    §8.3.3.1), or parameter sets as in a stream."""
    if extradata[:1] != b"\x01":
        return parameter_set(codec, extradata)
    if codec == "h264":
        size = int.from_bytes(extradata[6:8], "big")
        return extradata[8 : 8 + size] or None
    arrays, at = extradata[22:23], 23
    for _ in range(arrays[0] if arrays else 0):
        kind, count, at = extradata[at : at + 1], int.from_bytes(extradata[at + 1 : at + 3], "big"), at + 3
        for _ in range(count):
            size = int.from_bytes(extradata[at : at + 2], "big")
            unit, at = extradata[at + 2 : at + 2 + size], at + 2 + size
            if unit and kind[0] & 0x3F == _H265_SPS:
                return unit
    return None


def _units(annex_b: bytes) -> Iterator[bytes]:
    starts = [match.end() for match in _START.finditer(annex_b)]
    for start, end in zip(starts, [*(start - 3 for start in starts[1:]), len(annex_b)], strict=True):
        if unit := annex_b[start:end].rstrip(b"\x00"):
            yield unit


def media_type(codec: str, sps: bytes | None, sound: str | None = None) -> str:
    """RFC 6381: `video/mp4; codecs="avc1.64001f"`, what a browser asks of before it plays. `sound`: the other codec."""
    coded = [_h264(sps) if codec == "h264" else _h265(sps), *([sound] if sound else [])]
    return f'video/mp4; codecs="{",".join(coded)}"'


def _h264(sps: bytes | None) -> str:
    return f"avc1.{sps[1:4].hex()}" if sps else "avc1"


def _h265(sps: bytes | None) -> str:
    """ISO/IEC 14496-15 Annex E.3: profile, compatibility, tier and level, constraints."""
    plain = re.sub(rb"\x00\x00\x03", b"\x00\x00", sps or b"")  # emulation prevention, ITU-T H.265 §7.3.1.1
    if len(plain) < 15:
        return "hvc1"
    first, flags, constraints, level = plain[3], int.from_bytes(plain[4:8], "big"), plain[8:14], plain[14]
    space, tier, profile = ("", "A", "B", "C")[first >> 6], "H" if first & 0x20 else "L", first & 0x1F
    reversed_flags = int(f"{flags:032b}"[::-1], 2)
    more = "".join(f".{byte:x}" for byte in constraints.rstrip(b"\x00"))
    return f"hvc1.{space}{profile}.{reversed_flags:x}.{tier}{level}{more}"
