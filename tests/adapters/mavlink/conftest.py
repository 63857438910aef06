"""Recordings, vehicles as processes, and an independent reader of frames."""

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.stack import processes

ROOT = Path(__file__).parents[3]
COPIED = ROOT / "tests" / "data"
STAYING = ROOT.parent / "shared" / "data"
RECORDINGS = (
    "ardupilot_sitl_weho_sortie",
    "ardupilot_sitl_two_drones",
    "ardupilot_sitl_signed_sortie",
    "ardupilot_sitl_fence_breach_and_link_gap",
    "real_copter_flight",
)


def recording(name: str) -> bytes:
    """The bytes of a recorded flight. The one that may not be copied is read beside the project."""
    for folder in (COPIED, STAYING):
        if (folder / f"{name}.tlog").exists():
            return (folder / f"{name}.tlog").read_bytes()
    pytest.skip(f"{name}.tlog may not be copied into the project and {STAYING} is not there")


class Process:
    """A vehicle as a process of its own, ended with the test."""

    def __init__(self, *command: str) -> None:
        self._process = subprocess.Popen([sys.executable, *command], cwd=ROOT)

    def toggle_link(self) -> None:
        """Cut the simulated vehicle's radio, or mend it."""
        self._process.send_signal(signal.SIGUSR1)

    def hurry(self) -> None:
        """What the simulated vehicle does from now on is not what the test is about."""
        self._process.send_signal(signal.SIGUSR2)

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


Launch = Callable[..., Process]


@pytest.fixture
def launch() -> Iterator[Launch]:
    """Start the simulated copter with these options, or with `script` another program."""
    running: list[Process] = []

    def start(*options: str, script: str | None = None) -> Process:
        program = [script] if script else ["-m", "infra.vehicle"]
        running.append(Process(*program, *options))
        return running[-1]

    yield start
    for process in running:
        process.stop()


def free_port(kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """A port of this machine that is free now, and that no outgoing socket is given meanwhile."""
    return processes.free_port(kind)


def run(work: Coroutine[Any, Any, None], within: float = 400.0) -> None:
    """Run a test's coroutine to its end."""

    async def limited() -> None:
        async with asyncio.timeout(within):
            await work

    asyncio.run(limited())


async def eventually(condition: Callable[[], object], within: float = 60.0) -> None:
    """Wait until a condition holds that nobody announces."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


# -- an independent reader: every position tried, CRC by its polynomial ------------------------------


def _crc_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ 0x8408 if value & 1 else value >> 1
        table.append(value)
    return table


_TABLE = _crc_table()


def crc16(data: bytes) -> int:
    """CRC-16/MCRF4XX, from its reversed polynomial 0x8408."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc


def scan(data: bytes) -> list[bytes]:
    """Every whole frame of a known message with a right CRC, in order, none overlapping."""
    from pymavlink.dialects.v20.ardupilotmega import mavlink_map

    frames, free = [], 0
    for start, marker in enumerate(data):
        if start < free or marker not in (0xFD, 0xFE) or start + 8 > len(data):
            continue
        header, number = (10, int.from_bytes(data[start + 7 : start + 10], "little"))
        if marker == 0xFE:
            header, number = 6, data[start + 5]
        flags = data[start + 2] if marker == 0xFD else 0
        body = start + header + data[start + 1]
        end = body + 2 + (13 if flags else 0)
        if number not in mavlink_map or flags > 1 or end > len(data):
            continue
        seed = bytes([mavlink_map[number].crc_extra])
        if crc16(data[start + 1 : body] + seed) == int.from_bytes(data[body : body + 2], "little"):
            frames.append(data[start:end])
            free = end
    return frames
