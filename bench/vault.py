"""The vault against writing the same bytes to plain files as durably: written beside, flushed, renamed, folder flushed.

In turns, so that a disk that slows down slows both. A segment is two seconds of 4 Mbit/s.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from adapters.vault import LocalFiles, Reel, Segment, Vault
from application.sealing import SubjectKey
from bench.figures import figure
from domain.kernel import FeedId, StreamId

GOAL = 0.8
SEGMENT = 1_000_000  # bytes
SEGMENTS = 60
ROUNDS = 25
BEGAN = datetime(2026, 6, 1, 12, tzinfo=UTC)
TWO_S = timedelta(seconds=2)


class _Keys:
    """The key store is asked once an hour and camera; here it answers at once."""

    def __init__(self) -> None:
        self._key = SubjectKey("bench", secrets.token_bytes(32))

    def find(self, subjects: Any) -> dict[str, SubjectKey]:
        return dict.fromkeys(subjects, self._key)

    make = find

    def secret_of(self, purpose: str) -> bytes:
        return bytes(32)


def run(**_: Any) -> list[dict[str, Any]]:
    content = os.urandom(SEGMENT)
    sealed, plain = [], []
    with tempfile.TemporaryDirectory(prefix="saferweho-bench-") as folder:
        for number in range(ROUNDS):
            reel = Vault(LocalFiles(Path(folder) / f"vault-{number}"), _Keys()).reel(
                FeedId(StreamId("camera-bench")), BEGAN
            )
            files = Path(folder) / f"plain-{number}" / reel.name.folder
            files.mkdir(parents=True)
            vault_s, plain_s = _both(reel, files, content)
            sealed.append(SEGMENTS * SEGMENT / vault_s / 1e6)
            plain.append(SEGMENTS * SEGMENT / plain_s / 1e6)
    return [figure("vault, 1 MB segments", median(sealed), "MB/s", median(plain), GOAL)]


def _both(reel: Reel, files: Path, content: bytes) -> tuple[float, float]:
    vault_s = plain_s = 0.0
    for number in range(SEGMENTS):
        at = BEGAN + number * TWO_S
        vault_s += _timed(lambda at=at: reel.add(Segment(content, at, at + TWO_S, "video/mp4")))  # type: ignore[misc]
        plain_s += _timed(lambda number=number: _plain(files, number, content))  # type: ignore[misc]
    return vault_s, plain_s


def _timed(work: Callable[[], object]) -> float:
    started = perf_counter()
    work()
    return perf_counter() - started


def _plain(folder: Path, number: int, content: bytes) -> None:
    draft = folder / f"{number}.partial"
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.write(fd, content)
    os.fsync(fd)
    os.close(fd)
    draft.rename(folder / f"{number}")
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(fd)
    os.close(fd)


if __name__ == "__main__":
    import json

    print(json.dumps(run(), indent=2))
