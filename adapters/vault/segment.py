"""A segment: some seconds of a feed, sealed before it touches a disk.

    {"bytes":…,"feed":…,"footage":…,"key":…,"nonce":…,"previous":…,"segment":…,"since":…,"until":…,…}⏎
    ciphertext and tag

The first line is in the clear and canonical; it is the additional data of AES-256-GCM (NIST SP 800-38D), so that a
segment says of which feed, range and place in the order it is, and opens as nothing else. `previous` is the SHA-256 of
the sealed segment before it: order and completeness can be checked without the key. The nonce is 96 random bits; under
one key are at most some thousand segments, far from the 2^32 that SP 800-38D §8.3 allows.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.vault import canonical
from adapters.vault.canonical import NotCanonical
from domain.kernel import FeedId, FootageId, StreamId

FORMAT = "saferweho-segment-v1"
NONCE, TAG = 12, 16  # bytes
NOTHING_BEFORE = "0" * 64
LONGEST_HEADER = 4096  # bytes


class SegmentBroken(Exception):
    """A sealed segment that is not what was sealed. Says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Segment:
    """What is to be sealed. `media`: RFC 6381; `clock`: where the times are from, `rtcp` or `arrival`; `ahead_us`: by
    how much the camera's own clock is ahead of ours, None where it does not say; `gap`: why nothing is before it."""

    content: bytes
    since: datetime
    until: datetime
    media: str
    clock: str = "arrival"
    ahead_us: int | None = None
    gap: str | None = None
    on_key_frame: bool = True


@dataclass(frozen=True, slots=True)
class Header:
    """What a sealed segment says of itself. `line`: its very bytes."""

    feed: FeedId
    footage: FootageId
    key: str
    number: int
    since: datetime
    until: datetime
    size: int  # bytes of the content
    media: str
    nonce: bytes
    previous: str
    clock: str
    ahead_us: int | None
    gap: str | None
    on_key_frame: bool
    line: bytes


def sealed(
    segment: Segment,
    cipher: AESGCM,
    feed: FeedId,
    footage: FootageId,
    key: str,
    number: int,
    previous: str,
    room: bytearray,
) -> tuple[bytes, memoryview]:
    """The first line with its end, and the box: ciphertext and tag, put into `room`, which has TAG bytes more than the
    content at least. `key`: the id of the cipher's."""
    nonce = os.urandom(NONCE)
    fields = {
        "bytes": len(segment.content),
        "clock": segment.clock,
        "feed": feed,
        "footage": footage,
        "format": FORMAT,
        "key": key,
        "media": segment.media,
        "nonce": nonce.hex(),
        "previous": previous,
        "segment": number,
        "since": canonical.moment(segment.since),
        "until": canonical.moment(segment.until),
        "on_key_frame": segment.on_key_frame,
    }
    if segment.ahead_us is not None:
        fields["ahead_us"] = segment.ahead_us
    if segment.gap is not None:
        fields["gap"] = segment.gap
    line = canonical.encode(fields)
    box = memoryview(room)[: len(segment.content) + TAG]
    cipher.encrypt_into(nonce, segment.content, line, box)
    return line + b"\n", box


def header(start: bytes) -> Header:
    """Of the first bytes of a sealed segment, LONGEST_HEADER at least. Raises SegmentBroken."""
    line, end, _ = start[:LONGEST_HEADER].partition(b"\n")
    if not end:
        raise SegmentBroken("its first line has no end")
    try:
        fields = canonical.decode(line)
        if fields["format"] != FORMAT:
            raise NotCanonical(f"is of the format '{fields['format']}', not {FORMAT}")
        return Header(
            FeedId(StreamId(fields["feed"])),
            FootageId(fields["footage"]),
            fields["key"],
            fields["segment"],
            canonical.moment_of(fields["since"]),
            canonical.moment_of(fields["until"]),
            fields["bytes"],
            fields["media"],
            bytes.fromhex(fields["nonce"]),
            fields["previous"],
            fields["clock"],
            fields.get("ahead_us"),
            fields.get("gap"),
            fields["on_key_frame"],
            line,
        )
    except KeyError as missing:
        raise SegmentBroken(f"its first line names no {missing}") from None
    except (NotCanonical, ValueError, TypeError) as error:
        raise SegmentBroken(f"its first line {error}") from None


def opened(whole: bytes, cipher: AESGCM) -> tuple[Header, bytes]:
    """The content of a sealed segment. Raises SegmentBroken."""
    head = header(whole)
    box = memoryview(whole)[len(head.line) + 1 :]
    try:
        return head, cipher.decrypt(head.nonce, box, head.line)
    except (InvalidTag, ValueError):
        raise SegmentBroken("it does not open: it was changed, or it is sealed under another key") from None
