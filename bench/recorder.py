"""How many cameras a core records: what one process spends on cameras of another, over RTSP in TCP, into a vault.

First as many as one core is to record, on one core, and then those of two. Floor: PyAV's bare way of the same streams,
demuxed and remuxed into nothing that is kept. Also how many bytes are written for a byte that is recorded, and the
memory that a camera takes.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, process_time, sleep
from typing import Any

import av
import psutil

from adapters.recorder.recording import Recording
from adapters.recorder.source import CameraAddress
from adapters.vault import LocalFiles, Vault
from bench.figures import figure
from bench.vault import _Keys
from domain.kernel import CameraId
from infra.stack.processes import free_port

ONE_CORE, TWO_CORES = 24, 50  # cameras
FLOOR = 8  # cameras, enough to divide by
SECONDS = 20.0
BEHIND = timedelta(seconds=10)  # whose footage ends before that is not kept up with
ROOT = Path(__file__).parents[1]


class _Notes:
    """Nothing goes on a record here: it is an event an hour and camera."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


@dataclass(frozen=True, slots=True)
class _Run:
    """`used`: cores; `written` and `recorded`: bytes; `memory`: bytes more than before; `kept_up`: cameras."""

    used: float
    written: float
    recorded: float
    memory: float
    kept_up: int


def run(**_: Any) -> list[dict[str, Any]]:
    with _filming(TWO_CORES) as addresses:
        bare = _bare(addresses[:FLOOR])
        one, two = _recorded(addresses[:ONE_CORE], 1), _recorded(addresses, 2)
    each = f"{8 * two.recorded / TWO_CORES / SECONDS / 1e6:.1f} Mbit/s, 15 pictures/s each"
    return [
        figure(
            f"cameras recorded on one core, {each}",
            ONE_CORE / one.used,
            "cameras",
            FLOOR / bare,
            ONE_CORE,
            absolute=True,
        ),
        figure(f"of {ONE_CORE} cameras on one core, kept up with", one.kept_up, "cameras", ONE_CORE, 1.0),
        figure(f"of {TWO_CORES} cameras on two cores, kept up with", two.kept_up, "cameras", TWO_CORES, 1.0),
        figure("bytes written per byte recorded", two.written / two.recorded, "bytes", 1.0, 1.1, at_most=True),
        figure("memory a camera", two.memory / TWO_CORES / 1e6, "MB"),
    ]


@contextmanager
def _filming(count: int) -> Iterator[list[CameraAddress]]:
    port = free_port()
    names = [f"bench-{number}" for number in range(count)]
    # One film for all: who films has the same cores. Small pictures at a high bit rate: who records counts bytes and
    # packets.
    film = ["--one-film", "--size", "320x180", "--rate", "15", "--bit-rate", "2000000"]
    argv = [sys.executable, "-m", "infra.camera", "--port", str(port), *film, *names]
    process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield [CameraAddress(CameraId(name), f"rtsp://127.0.0.1:{port}/{name}") for name in names]
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _on_cores(count: int) -> Iterator[None]:
    """The threads that are started here run on so many cores."""
    all_of_them = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(all_of_them)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, all_of_them)


def _recorded(addresses: list[CameraAddress], cores: int) -> _Run:
    process, stop = psutil.Process(), threading.Event()
    with tempfile.TemporaryDirectory(prefix="saferweho-bench-") as folder, _on_cores(cores):
        vault, memory = Vault(LocalFiles(Path(folder)), _Keys()), process.memory_info().rss
        recordings = [Recording(address, vault, _Notes()) for address in addresses]  # type: ignore[arg-type]
        threads = [threading.Thread(target=part, args=(stop,)) for r in recordings for part in (r.receive, r.seal)]
        for thread in threads:
            thread.start()
        sleep(8)  # connections are made once
        written = process.io_counters().write_chars
        before, began, cpu = vault.used(), monotonic(), process_time()
        sleep(SECONDS)
        used = (process_time() - cpu) / (monotonic() - began)
        kept, moved = vault.used() - before, process.io_counters().write_chars - written
        memory = process.memory_info().rss - memory
        kept_up = sum(_keeps_up(recording) for recording in recordings)
        stop.set()
        for thread in threads:
            thread.join()
    return _Run(used, moved, max(kept, 1), memory, kept_up)


def _keeps_up(recording: Recording) -> bool:
    standing = recording.standing()
    until = standing["footage_until"]
    late = until is None or datetime.now(UTC) - datetime.fromisoformat(until) > BEHIND
    return not late and standing["fault"] is None


def _bare(addresses: list[CameraAddress]) -> float:
    """Cores used by demuxing and remuxing alone."""
    stop = threading.Event()

    def remux(url: str) -> None:
        with av.open(url, options={"rtsp_transport": "tcp"}, timeout=10) as source:
            video = source.streams.video[0]
            out = io.BytesIO()
            with av.open(out, "w", format="mp4", options={"movflags": "frag_keyframe+empty_moov"}) as target:
                copy = target.add_stream_from_template(video)
                for packet in source.demux(video):
                    if stop.is_set():
                        return
                    if packet.dts is not None:
                        packet.stream = copy
                        target.mux(packet)
                    out.seek(0)

    threads = [threading.Thread(target=remux, args=(address.url,)) for address in addresses]
    for thread in threads:
        thread.start()
    sleep(5)
    began, cpu = monotonic(), process_time()
    sleep(SECONDS)
    used = (process_time() - cpu) / (monotonic() - began)
    stop.set()
    for thread in threads:
        thread.join()
    return used


if __name__ == "__main__":
    import json

    print(json.dumps(run(), indent=2), f"on {os.cpu_count()} cores")
