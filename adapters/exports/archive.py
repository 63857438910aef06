"""The ZIP that an export is: its files one after another as they are, and nothing else.

Invariant: its bytes follow from the names and contents of its files, so that whoever reads it can write it anew and
compare, and no byte of it is anybody's to change. Nothing is compressed: what it unpacks to is as long as itself.
"""

from __future__ import annotations

import hashlib
import io
import re
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

README, MANIFEST, SIGNATURE = "README.txt", "manifest.json", "manifest.sig"
CERTIFICATES, SUMS, TELEMETRY = "agency-certificates.pem", "SHA256SUMS", "telemetry.json"
_ORDER = (TELEMETRY, CERTIFICATES, README, MANIFEST, SIGNATURE, SUMS)
_CLIP = re.compile(r"clips/clip-\d{2,4}\.mp4")
_VAULT = re.compile(r"vault/[A-Za-z0-9%][A-Za-z0-9._%~-]{0,180}\.manifest\.(jsonl|note)")
MOST_FILES = 1_000
MOST_TEXT = 64 << 20  # bytes of a file that is read as a whole: a manifest has a line for each segment
_TIME = (1980, 1, 1, 0, 0, 0)  # when it was made is in the manifest
PIECE = 1 << 20


class NotAnExport(Exception):
    """A file that is no export, or not all of one. Says what was found."""


def is_a_name(name: str) -> bool:
    """Whether an export may hold a file of this name: nothing that leads out of its folder."""
    return name in _ORDER or bool(_CLIP.fullmatch(name) or _VAULT.fullmatch(name))


def _place(name: str) -> tuple[int, int, str]:
    """Where a file stands: what is told of behind what is told, each in the order of its number."""
    folder = 0 if name.startswith("clips/") else 1 if name.startswith("vault/") else 2 + _ORDER.index(name)
    return folder, len(name), name


# -- writing -----------------------------------------------------------------


class _Sink(io.RawIOBase):
    """What is written, handed on file by file: `zipfile` goes back to the head of the file that it wrote last."""

    def __init__(self, out: Callable[[bytes], object]) -> None:
        self._out, self._held, self._gone, self._at = out, bytearray(), 0, 0

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._gone + len(self._held)}[whence]
        if base + offset < self._gone:
            raise io.UnsupportedOperation("this part has been handed on")
        self._at = base + offset
        return self._at

    def close(self) -> None:
        """Nothing is held open, and what was given up half-way is not written to its end."""

    def write(self, content: Any, /) -> int:
        start = self._at - self._gone
        if start == len(self._held):
            self._held += content  # a slice would take it twice
        else:
            self._held[start : start + len(content)] = content
        self._at += len(content)
        return len(content)

    def hand_on(self) -> None:
        held, self._held = self._held, bytearray()
        self._gone += len(held)
        for at in range(0, len(held), PIECE):
            self._out(bytes(held[at : at + PIECE]))  # never all of it once more


class Writer:
    """Writes an export into `out`, which takes bytes in order. Holds one file at a time in memory."""

    def __init__(self, out: Callable[[bytes], object]) -> None:
        self._sink = _Sink(out)
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_STORED)
        self.sums: dict[str, tuple[str, int]] = {}  # of the files written: SHA-256, bytes

    def add(self, name: str, content: bytes) -> None:
        if not is_a_name(name):
            raise ValueError(f"{name} is no name of a file in an export")
        self._zip.writestr(_entry(name), content)
        self._sink.hand_on()
        self.sums[name] = (hashlib.sha256(content).hexdigest(), len(content))

    def close(self) -> None:
        self._zip.close()
        self._sink.hand_on()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _TIME)
    entry.create_system = 3
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    return entry


def sums_of(sums: dict[str, tuple[str, int]]) -> bytes:
    """As `sha256sum` writes and checks it."""
    return "".join(f"{sha256}  {name}\n" for name, (sha256, _) in sorted(sums.items())).encode()


# -- reading -----------------------------------------------------------------


class Reader:
    """An export in a file. What it says of itself is believed of nothing: see `sha256` and `is_canonical`."""

    def __init__(self, file: BinaryIO, zip_: zipfile.ZipFile) -> None:
        self._file, self._zip = file, zip_
        self.names = [entry.filename for entry in zip_.infolist()]

    def text(self, name: str) -> bytes:
        """All of a small file. Raises NotAnExport."""
        if name not in self.names:
            raise NotAnExport(f"has no {name}")
        if self._zip.getinfo(name).file_size > MOST_TEXT:
            raise NotAnExport(f"has a {name} of {self._zip.getinfo(name).file_size} bytes")
        return b"".join(self._pieces(name))

    def sha256(self, name: str) -> tuple[str, int]:
        """And how many bytes. Raises NotAnExport."""
        whole, size = hashlib.sha256(), 0
        for piece in self._pieces(name):
            whole.update(piece)
            size += len(piece)
        return whole.hexdigest(), size

    def window(self, name: str) -> BinaryIO:
        """A file as one that can be sought in. Raises NotAnExport."""
        self._start(name)
        return io.BufferedReader(_Window(self._file, self._start(name), self._zip.getinfo(name).file_size))

    def is_canonical(self) -> bool:
        """Whether the archive is byte for byte what an export of these files is."""
        if self.names != sorted(self.names, key=_place):
            return False
        self._file.seek(0)
        same = True

        def compared(content: bytes) -> None:
            nonlocal same
            same = same and self._file.read(len(content)) == content

        writer = Writer(compared)
        for name in self.names:
            at = self._file.tell()
            content = b"".join(self._pieces(name))
            self._file.seek(at)
            writer.add(name, content)
            if not same:
                return False
        writer.close()
        return same and not self._file.read(1)

    def _start(self, name: str) -> int:
        """Where a file's bytes begin: behind its head (APPNOTE.TXT 4.3.7)."""
        offset = self._zip.getinfo(name).header_offset
        self._file.seek(offset)
        head = self._file.read(30)
        if len(head) < 30 or head[:4] != b"PK\x03\x04":
            raise NotAnExport(f"has no {name} where it says that it is")
        return offset + 30 + int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")

    def _pieces(self, name: str) -> Iterator[bytes]:
        at, left = self._start(name), self._zip.getinfo(name).file_size
        while left:
            self._file.seek(at)
            piece = self._file.read(min(PIECE, left))
            if not piece:
                raise NotAnExport(f"ends in the middle of {name}")
            yield piece
            at, left = at + len(piece), left - len(piece)


@contextmanager
def opened(path: Path) -> Iterator[Reader]:
    """Raises NotAnExport and OSError."""
    with path.open("rb") as file:
        try:
            zip_ = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError) as error:
            raise NotAnExport(f"is no ZIP that can be read, or was cut off ({error})") from None
        with zip_:
            _check(zip_, path.stat().st_size)
            yield Reader(file, zip_)


def _check(zip_: zipfile.ZipFile, size: int) -> None:
    """Before anything is unpacked: no paths that lead elsewhere, nothing that grows, nothing twice."""
    entries = zip_.infolist()
    if len(entries) > MOST_FILES:
        raise NotAnExport(f"holds {len(entries)} files, and an export has at most {MOST_FILES}")
    names = [entry.filename for entry in entries]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise NotAnExport(f"holds {twice[0]!r} twice")
    for entry in entries:
        if not is_a_name(entry.filename):
            raise NotAnExport(f"holds {entry.filename!r}, which is no file of an export")
        if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
            raise NotAnExport(f"holds {entry.filename!r} compressed, and in an export nothing is")
    if sum(entry.file_size for entry in entries) > size:
        raise NotAnExport("says that it holds more than itself")


class _Window(io.RawIOBase):
    """A part of a file as if it were one."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        left = max(0, min(len(buffer), self._size - self._at))
        self._file.seek(self._start + self._at)
        piece = self._file.read(left)
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)
