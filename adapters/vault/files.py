"""Sealed footage in files of this machine.

Invariant: a file under its own name is whole and on the disk. It is written under a name that ends in `.partial`,
flushed, renamed, and its folder flushed; what a crash leaves behind under the other name never counts.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from adapters.vault.storage import AlreadyThere, NotThere, Part, StorageFault, StorageFull, beside, digest
from application.failpoints import failpoint

PARTIAL = ".partial"
_FULL = {errno.ENOSPC, errno.EDQUOT}
_NO_SUCH_CALL = {errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS}  # of some file systems


class LocalFiles:
    """Implements `storage.Storage`. `writer`: this process alone writes here under that name, as long as it lives: the
    recorder what cameras send, an import what others recorded; neither touches a feed of the other."""

    def __init__(self, root: Path, *, writer: str | None = None) -> None:
        self.root = root
        self._lock: int | None = None
        if writer:
            self._become_the(writer)

    def _become_the(self, writer: str) -> None:
        try:
            _make(self.root)
            self._lock = os.open(self.root / f".{writer}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StorageFault(f"{self.root}: another {writer} writes here; a vault has one at a time") from None
        except OSError as error:
            raise _fault(self.root, error) from error

    def close(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __repr__(self) -> str:
        return str(self.root)

    def put(self, name: str, parts: Sequence[Part]) -> str:
        path = self._path(name)
        draft = path + PARTIAL
        try:
            if os.path.exists(path):
                raise AlreadyThere(f"{path} is there already, and nothing is written over it")
            failpoint("vault.before_write")
            fd = _new(draft)
            try:
                _take_room(fd, sum(map(len, parts)))
                for part in parts:
                    _write(fd, part)
                    failpoint("vault.half_written")
                # Not sooner, when this thread still works: each would wait for the other.
                hashed = beside.submit(digest, *parts)
                os.fsync(fd)
            finally:
                os.close(fd)
            failpoint("vault.before_rename")
            os.rename(draft, path)
            _flush_folder(os.path.dirname(path))
            failpoint("vault.after_rename")
            return hashed.result()
        except OSError as error:
            # Best left to the next start where the disk does not even take this.
            _remove(draft)
            raise _fault(path, error) from error

    def get(self, name: str) -> bytes:
        return self._read(name, -1)

    def start_of(self, name: str, size: int) -> bytes:
        return self._read(name, size)

    def _read(self, name: str, size: int) -> bytes:
        path = self._path(name)
        try:
            with open(path, "rb", buffering=0) as file:
                return file.read(size) or b""
        except FileNotFoundError:
            raise NotThere(f"{path} is not there") from None
        except OSError as error:
            raise _fault(path, error) from error

    def files(self, folder: str) -> Mapping[str, int]:
        path, found = self._path(folder), {}
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    if entry.is_file(follow_symlinks=False) and _counts(entry.name):
                        found[f"{folder}/{entry.name}" if folder else entry.name] = entry.stat().st_size
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise _fault(path, error) from error
        return dict(sorted(found.items()))

    def folders(self, folder: str) -> Sequence[str]:
        path = self._path(folder)
        try:
            with os.scandir(path) as entries:
                names = sorted(
                    e.name for e in entries if e.is_dir(follow_symlinks=False) and not e.name.startswith(".")
                )
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _fault(path, error) from error
        return [f"{folder}/{name}" if folder else name for name in names]

    def remove(self, name: str) -> None:
        path = self._path(name)
        try:
            _remove(path)
            with suppress(OSError):  # it holds more
                os.rmdir(os.path.dirname(path))
        except OSError as error:
            raise _fault(path, error) from error

    def free(self) -> tuple[int, int] | None:
        try:
            disk = shutil.disk_usage(self.root)
        except OSError as error:
            raise _fault(self.root, error) from error
        return disk.free, disk.total

    def _path(self, name: str) -> str:
        """As text: a `Path` takes as long to make as a segment's header. Names come from `layout`; one that leads out
        of the vault is a fault of ours or of who tampers."""
        parts = name.split("/") if name else []
        if any(part in ("", ".", "..") or "\0" in part for part in parts):
            raise StorageFault(f"'{name}' is no name of the vault")
        return os.path.join(self.root, *parts)


def _counts(name: str) -> bool:
    return not name.startswith(".") and not name.endswith(PARTIAL)


def _new(path: str) -> int:
    """Open for writing, in a folder that is made where it is not there."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except FileNotFoundError:
        _make(Path(path).parent)
        return os.open(path, flags, 0o600)


def _remove(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


def _take_room(fd: int, size: int) -> None:
    """All of it in one piece before the first byte: a disk without room says so at once, and one with it is quicker."""
    try:
        if size:
            os.posix_fallocate(fd, 0, size)
    except OSError as error:
        if error.errno not in _NO_SUCH_CALL:
            raise


def _write(fd: int, part: Part) -> None:
    view = memoryview(part)
    while view:
        view = view[os.write(fd, view) :]


def _make(folder: Path) -> None:
    """For its owner alone, and as durable as what will be in it."""
    if not folder.is_dir():
        _make(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        _flush_folder(folder.parent)


def _flush_folder(folder: str | Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _fault(path: str | Path, error: OSError) -> StorageFault:
    kind = StorageFull if error.errno in _FULL else StorageFault
    return kind(f"{path}: {error.strerror or error}")
