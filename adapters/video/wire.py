"""How the recorder's pictures go over a Unix socket: who listens names a feed, and is sent frames.

A frame is the length of its head and of its content (two 32-bit numbers, big-endian), the head (MessagePack) and the
content: a picture's bytes, or none.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

SOCKET = "recorder.tap"
LENGTHS = struct.Struct(">II")
MOST_HEAD, MOST_PICTURE = 1 << 16, 16 << 20  # bytes
MOST_REQUEST = 512
_LONGEST_PATH = 107  # sockaddr_un.sun_path, less its last zero


class Asked(msgspec.Struct, frozen=True):
    """The one line, in JSON, that a listener sends."""

    feed: str


class Hello(msgspec.Struct, frozen=True, tag="hello", array_like=True):
    """A connection to the camera began; what was known of an earlier one is over. `base`: seconds of a tick, as a
    fraction."""

    codec: str
    extradata: bytes
    base: tuple[int, int]
    width: int
    height: int
    rate: float


class Head(msgspec.Struct, frozen=True, tag="picture", array_like=True):
    """Of a picture. `at_us`: when it was taken, µs since 1970, by the recorder's clock."""

    pts: int
    dts: int
    key: bool
    at_us: int


class Lost(msgspec.Struct, frozen=True, tag="lost", array_like=True):
    """The camera is away, and may come back with another hello."""

    why: str


Message = Hello | Head | Lost


@contextmanager
def address(path: Path) -> Iterator[str]:
    """What a socket at `path` is bound or connected to, also where the path is longer than such an address may be
    (unix(7)): its folder is opened then, and named by its descriptor. Raises OSError."""
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def connected(path: Path) -> socket.socket:
    """A connection to who serves there. Raises OSError."""
    made = socket.socket(socket.AF_UNIX)
    try:
        with address(path) as at:
            made.connect(at)
    except BaseException:
        made.close()
        raise
    return made
