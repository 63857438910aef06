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


def _units(annex_b: bytes) -> Iterator[bytes]:
    starts = [match.end() for match in _START.finditer(annex_b)]
    for start, end in zip(starts, [*(start - 3 for start in starts[1:]), len(annex_b)], strict=True):
        if unit := annex_b[start:end].rstrip(b"\x00"):
            yield unit


def media_type(codec: str, sps: bytes | None) -> str:
    """RFC 6381: `video/mp4; codecs="avc1.64001f"`, what a browser asks of before it plays."""
    if codec == "h264":
        return f'video/mp4; codecs="avc1.{sps[1:4].hex()}"' if sps else 'video/mp4; codecs="avc1"'
    return f'video/mp4; codecs="hvc1{_h265(sps) if sps else ""}"'


def _h265(sps: bytes) -> str:
    """ISO/IEC 14496-15 Annex E.3: profile, compatibility, tier and level, constraints."""
    plain = re.sub(rb"\x00\x00\x03", b"\x00\x00", sps)  # emulation prevention, ITU-T H.265 §7.3.1.1
    if len(plain) < 15:
        return ""
    first, flags, constraints, level = plain[3], int.from_bytes(plain[4:8], "big"), plain[8:14], plain[14]
    space, tier, profile = ("", "A", "B", "C")[first >> 6], "H" if first & 0x20 else "L", first & 0x1F
    reversed_flags = int(f"{flags:032b}"[::-1], 2)
    more = "".join(f".{byte:x}" for byte in constraints.rstrip(b"\x00"))
    return f".{space}{profile}.{reversed_flags:x}.{tier}{level}{more}"
