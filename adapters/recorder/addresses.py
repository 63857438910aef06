"""Where cameras are reached: a file of mode 0600 with `CAMERA rtsp://[user:password@]host[:port]/path` a line."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from domain.kernel import CameraId, FeedId, StreamId


class AddressFault(Exception):
    """The file cannot be used. Names the line, never an address: it may hold a password."""


@dataclass(frozen=True, slots=True)
class CameraAddress:
    camera: CameraId
    url: str

    @property
    def feed(self) -> FeedId:
        return FeedId(StreamId(f"camera-{self.camera}"))

    def __repr__(self) -> str:
        return f"CameraAddress({self.camera!r}, {urlsplit(self.url).hostname})"


def read(file: Path) -> list[CameraAddress]:
    """Raises AddressFault."""
    try:
        mode, lines = file.stat().st_mode, file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise AddressFault(f"{file}: cannot be read ({type(error).__name__})") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise AddressFault(f"{file}: others may read it, and addresses hold passwords; accepted: mode 0600")
    found: dict[str, CameraAddress] = {}
    for number, line in enumerate(lines, start=1):
        words = [] if line.lstrip().startswith("#") else line.split()
        if not words:
            continue
        camera, *rest = words
        if len(rest) != 1 or camera in found or not _is_rtsp(rest[0]):
            accepted = "accepted: CAMERA rtsp://[user:password@]host[:port]/path, each camera once"
            raise AddressFault(f"{file}, line {number}: is not understood; {accepted}")
        found[camera] = CameraAddress(CameraId(camera), rest[0])
    return list(found.values())


def _is_rtsp(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "rtsp" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
