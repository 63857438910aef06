"""One real PostgreSQL (fsync on) and one real Kafka broker for all benchmarks of a run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.stack.jars import default_cache
from infra.stack.kafka import EmbeddedKafka
from infra.stack.postgres import EmbeddedPostgres


@dataclass(frozen=True, slots=True)
class Stack:
    """`postgres_url`: of the superuser, in the database `postgres`. `home`: a folder that goes away with the stack."""

    postgres_url: str
    bootstrap: str
    home: Path


_running: Stack | None = None


@contextmanager
def stack() -> Iterator[Stack]:
    """The stack of this run; started by the first who asks, stopped when that one is done with it."""
    global _running
    if _running is not None:
        yield _running
        return
    with (
        # PostgreSQL's socket lives there too, and its path must be short.
        tempfile.TemporaryDirectory(prefix="saferweho-bench-", ignore_cleanup_errors=True) as folder,
        EmbeddedPostgres(Path(folder) / "postgres") as postgres,
        EmbeddedKafka(Path(folder) / "kafka", default_cache()) as kafka,
    ):
        _running = Stack(postgres.url, kafka.bootstrap, Path(folder))
        try:
            yield _running
        finally:
            _running = None
