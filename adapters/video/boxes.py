"""Fragmented MP4 (ISO/IEC 14496-12) taken apart: what a player needs first, when its pictures begin, how many there are
in so many bytes. Nothing is decoded, and no picture is copied more than once.

Footage is hostile until shown otherwise: whatever does not fit raises NotFragments, and nothing is read past its end.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

_HEAD = struct.Struct(">I4s")
_SAMPLE_DURATION, _SAMPLE_SIZE, _SAMPLE_FLAGS, _SAMPLE_OFFSET = 0x100, 0x200, 0x400, 0x800  # of trun's flags, §8.8.8
_VIDEO = b"vide"
MOST_SAMPLES = 100_000  # in a fragment: more is no film


class NotFragments(Exception):
    """These bytes are no fragmented MP4. Says what does not fit."""


@dataclass(frozen=True, slots=True)
class Track:
    id: int
    timescale: int  # ticks a second
    video: bool
    duration: int  # of a sample, in ticks, where nothing else is said
    size: int  # of a sample, in bytes, where nothing else is said


def split(content: bytes) -> tuple[bytes, bytes]:
    """What is the same for a whole stream (`ftyp` and `moov`), and the fragments."""
    seen = False
    for kind, start, end in _boxes(content, 0, len(content)):
        if seen:
            place = start - _HEAD.size
            return content[:place], content[place:]
        seen = kind == b"moov" and end > start
    raise NotFragments("there is nothing behind its head" if seen else "it has no head (moov)")


def tracks(init: bytes) -> Mapping[int, Track]:
    """By their ids."""
    defaults: dict[int, tuple[int, int]] = {}
    found: dict[int, Track] = {}
    for kind, start, end in _within(init, b"moov"):
        if kind == b"mvex":
            for each, at, until in _boxes(init, start, end):
                if each == b"trex":
                    id_, _, duration, size = struct.unpack_from(">IIII", init, _room(at + 4, 16, until))
                    defaults[id_] = (duration, size)
        if kind == b"trak":
            id_, scale, video = _track(init, start, end)
            found[id_] = Track(id_, scale, video, 0, 0)
    if not found:
        raise NotFragments("it has no track")
    return {id_: Track(id_, track.timescale, track.video, *defaults.get(id_, (0, 0))) for id_, track in found.items()}


def shifted(fragments: bytes, by: Fraction, of: Mapping[int, Track]) -> bytes:
    """The same fragments, whose pictures begin `by` seconds later (`tfdt`, §8.8.12)."""
    out = bytearray(fragments)
    for start, end in _moofs(fragments):
        for kind, inner, until in _boxes(fragments, start, end):
            if kind != b"traf":
                continue
            track = _of(of, _tfhd(fragments, inner, until)[0])
            for each, at, last in _boxes(fragments, inner, until):
                if each == b"tfdt":
                    form = ">Q" if fragments[_room(at, 8, last)] == 1 else ">I"
                    (time,) = struct.unpack_from(form, fragments, _room(at + 4, struct.calcsize(form), last))
                    moved = time + round(by * track.timescale)
                    if not 0 <= moved < 1 << (8 * struct.calcsize(form)):
                        raise NotFragments("its time does not fit")
                    struct.pack_into(form, out, at + 4, moved)
    return bytes(out)


def shown(fragments: bytes, size: int, of: Mapping[int, Track]) -> Fraction:
    """How many seconds of pictures are in the first `size` bytes, from the first picture to the end of the last one of
    which a byte is in them."""
    first: Fraction | None = None
    last = Fraction(0)
    for moof, _, begins, lasts, place in _pictures(fragments, of):
        first = begins if first is None else min(first, begins)
        if moof + place < size:
            last = max(last, begins + lasts)
    return max(Fraction(0), last - first) if first is not None else Fraction(0)


def _pictures(data: bytes, of: Mapping[int, Track]) -> Iterator[tuple[int, int, Fraction, Fraction, int]]:
    """Of video: where its fragment is, its size, its time and length in seconds, its place in the fragment."""
    for start, end in _moofs(data):
        moof = start - _HEAD.size
        for kind, inner, until in _boxes(data, start, end):
            if kind != b"traf":
                continue
            id_, duration, size = _tfhd(data, inner, until)
            track = _of(of, id_)
            clock = _decode_time(data, inner, until)
            for each, at, last in _boxes(data, inner, until):
                if each != b"trun":
                    continue
                for lasts, bytes_, later, place in _run(data, at, last, duration or track.duration, size or track.size):
                    if track.video:
                        scale = track.timescale
                        yield moof, bytes_, Fraction(clock + later, scale), Fraction(lasts, scale), place
                    clock += lasts


def _run(data: bytes, at: int, end: int, duration: int, size: int) -> Iterator[tuple[int, int, int, int]]:
    """Length, bytes, offset from decoding to showing, and place of each sample of a `trun`."""
    (flags,) = struct.unpack_from(">I", data, _room(at, 8, end))
    signed, flags = flags >> 24, flags & 0xFFFFFF
    (count,) = struct.unpack_from(">I", data, at + 4)
    at += 8
    place = 0
    if flags & 0x1:
        (place,) = struct.unpack_from(">i", data, _room(at, 4, end))
        at += 4
    at += 4 if flags & 0x4 else 0
    fields = [flag for flag in (_SAMPLE_DURATION, _SAMPLE_SIZE, _SAMPLE_FLAGS, _SAMPLE_OFFSET) if flags & flag]
    if count > MOST_SAMPLES or at + 4 * count * len(fields) > end:
        raise NotFragments("a run of samples is longer than its box")
    for _ in range(count):
        said = dict(zip(fields, struct.unpack_from(f">{len(fields)}I", data, at), strict=True))
        at += 4 * len(fields)
        later = said.get(_SAMPLE_OFFSET, 0)
        later = later - (1 << 32) if signed and later >= 1 << 31 else later
        bytes_ = said.get(_SAMPLE_SIZE, size)
        yield said.get(_SAMPLE_DURATION, duration), bytes_, later, place
        place += bytes_


def _track(init: bytes, start: int, end: int) -> tuple[int, int, bool]:
    id_ = scale = 0
    video = False
    for kind, inner, until in _boxes(init, start, end):
        if kind == b"tkhd":
            at = inner + (20 if init[_room(inner, 24, until)] == 1 else 12)
            (id_,) = struct.unpack_from(">I", init, _room(at, 4, until))
        if kind == b"mdia":
            for each, at, last in _boxes(init, inner, until):
                if each == b"mdhd":
                    at += 20 if init[_room(at, 24, last)] == 1 else 12
                    (scale,) = struct.unpack_from(">I", init, _room(at, 4, last))
                if each == b"hdlr":
                    video = init[_room(at + 8, 4, last) :][:4] == _VIDEO
    if not (id_ and scale):
        raise NotFragments("a track has no time of its own")
    return id_, scale, video


def _tfhd(data: bytes, start: int, end: int) -> tuple[int, int, int]:
    """The track's id, and length and size of its samples where it says so; §8.8.7."""
    for kind, at, until in _boxes(data, start, end):
        if kind == b"tfhd":
            flags, id_ = struct.unpack_from(">II", data, _room(at, 8, until))
            at += 8 + (8 if flags & 0x1 else 0) + (4 if flags & 0x2 else 0)
            said = []
            for flag in (0x8, 0x10):
                said.append(struct.unpack_from(">I", data, _room(at, 4, until))[0] if flags & flag else 0)
                at += 4 if flags & flag else 0
            return id_, said[0], said[1]
    raise NotFragments("a fragment is of no track")


def _decode_time(data: bytes, start: int, end: int) -> int:
    for kind, at, until in _boxes(data, start, end):
        if kind == b"tfdt":
            form = ">Q" if data[_room(at, 8, until)] == 1 else ">I"
            return int(struct.unpack_from(form, data, _room(at + 4, struct.calcsize(form), until))[0])
    return 0


def _of(tracks: Mapping[int, Track], id_: int) -> Track:
    if id_ not in tracks:
        raise NotFragments("a fragment is of a track that is not in its head")
    return tracks[id_]


def _moofs(data: bytes) -> Iterator[tuple[int, int]]:
    for kind, start, end in _boxes(data, 0, len(data)):
        if kind == b"moof":
            yield start, end


def _within(data: bytes, name: bytes) -> Iterator[tuple[bytes, int, int]]:
    for kind, start, end in _boxes(data, 0, len(data)):
        if kind == name:
            yield from _boxes(data, start, end)


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, and where the content begins and ends; §4.2."""
    while at < end:
        size, kind = _HEAD.unpack_from(data, _room(at, _HEAD.size, end))
        if size < _HEAD.size or at + size > end:
            raise NotFragments(f"a box of {size} bytes does not fit")
        yield kind, at + _HEAD.size, at + size
        at += size


def _room(at: int, size: int, end: int) -> int:
    """`at`, where there are so many bytes before `end`."""
    if at + size > end:
        raise NotFragments("a box is cut off")
    return at
