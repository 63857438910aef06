"""How much room the vault takes, counted once: then what is put there and removed by this process is added up.

Invariant: nothing that is there is left out for longer than until the next look. Others put imports there alone, each a
feed of its own, and those are looked at again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from threading import Lock

from adapters.vault import layout
from adapters.vault.layout import ReelName
from adapters.vault.storage import Storage
from domain.footage_import import IMPORT
from domain.kernel import FeedId

IMPORTS = f"{IMPORT.name}-"  # how the folders of their feeds begin
MAY_GROW_S = 24 * 3600.0  # after the last change of its size that was seen, an import's feed is looked at again


class Room:
    """Bytes of sealed footage. `reels`: all of them, or of a feed; `size`: of one. Safe to use from many threads."""

    def __init__(
        self,
        storage: Storage,
        reels: Callable[[FeedId | None], Iterable[ReelName]],
        size: Callable[[ReelName], int],
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._storage, self._reels, self._size, self._seconds = storage, reels, size, seconds
        self._recorded: int | None = None  # all but imports; None: not counted yet
        self._meanwhile = 0  # put and removed while it was counted
        self._imports: dict[str, tuple[int, float]] = {}  # by folder, with when it was last seen to have changed
        self._counting, self._lock = Lock(), Lock()

    def used(self) -> int:
        """As far as is known without looking again. The first time it counts: a note a reel, and the files of those not
        closed. Raises StorageFault."""
        if self._recorded is None:
            with self._counting:
                if self._recorded is None:
                    self._count()
        with self._lock:
            return (self._recorded or 0) + sum(size for size, _ in self._imports.values())

    def look(self) -> int:
        """The same, with what was imported meanwhile. Raises StorageFault."""
        if self._recorded is not None:
            self._look_at_imports()
        return self.used()

    def took(self, name: str, size: int) -> None:
        """What this process put there or, less than 0, removed. `name`: of the file or of its folder."""
        folder = name.partition("/")[0]
        with self._lock:
            if _is_import(folder):
                before, _ = self._imports.get(folder, (0, 0.0))
                self._imports[folder] = (before + size, self._seconds())
            elif self._recorded is None:
                self._meanwhile += size
            else:
                self._recorded += size

    def _count(self) -> None:
        with self._lock:
            self._meanwhile = 0
        counted = sum(self._size(name) for name in self._reels(None) if not _is_import(name.folder))
        self._look_at_imports()
        with self._lock:
            # What came while it was counted may count twice, and never not at all.
            self._recorded = counted + self._meanwhile

    def _look_at_imports(self) -> None:
        now, there = self._seconds(), [f for f in self._storage.folders("") if _is_import(f)]
        for folder in there:
            known = self._imports.get(folder)
            if known is None or now - known[1] < MAY_GROW_S:
                size = sum(self._size(name) for name in self._reels(layout.feed_of(folder)))
                with self._lock:
                    if known is None or size != known[0]:
                        self._imports[folder] = (size, now)
        with self._lock:
            self._imports = {folder: known for folder, known in self._imports.items() if folder in there}


def _is_import(folder: str) -> bool:
    return folder.startswith(IMPORTS)


__all__ = ["Room"]
