"""Where sealed footage is kept, named for what the vault needs of it. `LocalFiles` and `S3Bucket` implement it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeAlias

Part: TypeAlias = bytes | memoryview

beside = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="hashing")  # while a disk or a server is waited for


class StorageFault(Exception):
    """What was to be kept is not, or what was asked for cannot be had. Says where and why."""


class StorageFull(StorageFault):
    """There is no room left, on the disk or by the quota."""


class NotThere(StorageFault):
    """Nothing is kept under this name."""


class AlreadyThere(StorageFault):
    """Something else is kept under this name; what is kept is never written over."""


class Storage(Protocol):
    """Names are paths with `/`, in parts that `layout` makes. Every call raises StorageFault."""

    def put(self, name: str, parts: Sequence[Part]) -> str:
        """All of it, durably, when this returns; nothing of it otherwise. Its SHA-256, hex. Raises StorageFull and
        AlreadyThere."""
        ...

    def get(self, name: str) -> bytes:
        """Raises NotThere."""
        ...

    def start_of(self, name: str, size: int) -> bytes:
        """The first bytes, `size` at most. Raises NotThere."""
        ...

    def files(self, folder: str) -> Mapping[str, int]:
        """Bytes by name (the whole one), of the files in a folder but not below it; empty where there is none."""
        ...

    def folders(self, folder: str) -> Sequence[str]:
        """The names of the folders in a folder, whole and in order."""
        ...

    def remove(self, name: str) -> None:
        """Also where it is not there."""
        ...

    def free(self) -> tuple[int, int] | None:
        """Bytes (free, in all) of the disk; None where that has no meaning."""
        ...


def digest(*parts: Part) -> str:
    """SHA-256, hex."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part)
    return whole.hexdigest()
