"""Cameras for the tests, each a process of its own that speaks RTSP."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

from adapters.recorder.source import CameraAddress
from domain.kernel import CameraId
from infra.stack.processes import free_port, last_lines, spawn, stop, wait_until

ROOT = Path(__file__).parents[3]
WITHIN_S = 60.0  # what a busy machine needs for what takes a second


@dataclass
class Cameras:
    """Those of one process, on one port."""

    port: int
    arguments: tuple[str, ...]
    log: Path
    process: Popen[bytes] | None = None

    def start(self) -> None:
        argv = [sys.executable, "-m", "infra.camera", "--port", str(self.port), *self.arguments]
        self.process = spawn(argv, self.log, cwd=ROOT)
        assert wait_until(self._listen, WITHIN_S, every=0.1), last_lines(self.log)

    def _listen(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def address(self, name: str, credentials: str = "") -> CameraAddress:
        return CameraAddress(CameraId(name), f"rtsp://{credentials}127.0.0.1:{self.port}/{name}")


@contextmanager
def cameras(folder: Path, *arguments: str) -> Iterator[Cameras]:
    """`arguments`: of `python -m infra.camera`, the names of the cameras last."""
    running = Cameras(free_port(), arguments, folder / "cameras.log")
    running.start()
    try:
        yield running
    finally:
        if running.process is not None:
            stop(running.process)
