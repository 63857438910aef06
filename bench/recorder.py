"""How many cameras a core records: what one process spends on cameras of another, over RTSP in TCP, into a vault.

First as many as one core is to record, on one core, and then those of two. Floor: PyAV's bare way of the same streams,
demuxed and remuxed into nothing that is kept. Each is a process of its own, so that none finds what another has warmed
up, allocated or bound to a core. Also how many bytes are written and copied for a byte that is recorded, and the memory
that a camera takes. Copies are counted in runs of their own: counting takes time.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from time import monotonic, process_time, sleep
from typing import Any, TypeVar

import av
import psutil

from adapters.recorder.recording import Recording
from adapters.recorder.source import CameraAddress
from adapters.vault import LocalFiles, Vault
from bench.copies import copied, counting
from bench.figures import figure
from bench.vault import _Keys
from domain.kernel import CameraId, FeedId
from domain.privacy_override_events import Range
from infra.stack.processes import free_port, wait_until

T = TypeVar("T")
ONE_CORE, TWO_CORES = 24, 50  # cameras
FLOOR = 8  # cameras, enough to divide by
RATE = 15  # pictures a second
SECONDS = 20.0
CONNECTED_WITHIN_S = 90.0
BEHIND = timedelta(seconds=10)  # whose footage ends before that is not kept up with
ALL_OF_THEM = 0.95  # of the pictures that a camera took meanwhile: some are on their way
ROOT = Path(__file__).parents[1]


class _Notes:
    """Nothing goes on a record here: it is an event an hour and camera. What is lost is not kept up with."""

    def __init__(self) -> None:
        self.lossy: set[FeedId] = set()

    def lost(self, feed: FeedId, span: Range, why: str) -> None:
        self.lossy.add(feed)

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


@dataclass(frozen=True, slots=True)
class _Run:
    """`used`: cores; `written`, `copied` and `recorded`: bytes; `memory`: bytes more than before; `kept_up`: cameras;
    `lasted`: seconds."""

    used: float
    written: float
    copied: float
    recorded: float
    memory: float
    kept_up: int
    lasted: float


def run(**_: Any) -> list[dict[str, Any]]:
    with _filming(TWO_CORES) as addresses:
        bare, _floor = _apart(_bare, addresses[:FLOOR])
        one = _apart(_recorded, addresses[:ONE_CORE], 1)
        two = _apart(_recorded, addresses, 2)
        copies = _copies(addresses[:FLOOR])
    each = f"{8 * two.recorded / TWO_CORES / two.lasted / 1e6:.1f} Mbit/s, {RATE} pictures/s each"
    return [
        figure(
            f"cameras recorded on one core, {each}",
            one.kept_up / one.used,
            "cameras",
            FLOOR / bare,
            ONE_CORE,
            absolute=True,
        ),
        figure(f"of {ONE_CORE} cameras on one core, kept up with", one.kept_up, "cameras", ONE_CORE, 1.0),
        figure(f"of {TWO_CORES} cameras on two cores, kept up with", two.kept_up, "cameras", TWO_CORES, 1.0),
        figure("bytes written per byte recorded", two.written / two.recorded, "bytes", 1.0, 1.1, at_most=True),
        *copies,
        figure("memory a camera", two.memory / TWO_CORES / 1e6, "MB"),
    ]


def _copies(addresses: list[CameraAddress]) -> list[dict[str, Any]]:
    with counting() as counts:
        if not counts:
            return []
        _cores, floor = _apart(_bare, addresses)
        ours: _Run = _apart(_recorded, addresses, 1)
    # Encryption reads every byte here and writes it there: a copy too, and not one of the C library.
    each = (ours.copied + ours.recorded) / ours.recorded
    return [figure("bytes copied per byte recorded", each, "bytes", floor)]


@contextmanager
def _filming(count: int) -> Iterator[list[CameraAddress]]:
    port = free_port()
    names = [f"bench-{number}" for number in range(count)]
    # One film for all: who films has the same cores. Small pictures at a high bit rate: who records counts bytes and
    # packets.
    film = ["--one-film", "--size", "320x180", "--rate", str(RATE), "--bit-rate", "2000000"]
    argv = [sys.executable, "-m", "infra.camera", "--port", str(port), *film, *names]
    process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield [CameraAddress(CameraId(name), f"rtsp://127.0.0.1:{port}/{name}") for name in names]
    finally:
        process.terminate()
        process.wait()


def _apart(work: Callable[..., T], *given: Any) -> T:
    """What it gives back in a process that does nothing else."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(work, *given).result()


def _recorded(addresses: list[CameraAddress], cores: int) -> _Run:
    # Of this thread, and so of all that it starts.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    process, stop, notes = psutil.Process(), threading.Event(), _Notes()
    with tempfile.TemporaryDirectory(prefix="saferweho-bench-") as folder:
        vault, memory = Vault(LocalFiles(Path(folder)), _Keys()), process.memory_info().rss
        recordings = [Recording(address, vault, notes) for address in addresses]  # type: ignore[arg-type]
        threads = [threading.Thread(target=part, args=(stop,)) for r in recordings for part in (r.receive, r.seal)]
        for thread in threads:
            thread.start()
        # Connections are made once; one that is never made is not kept up with.
        wait_until(lambda: all(r.standing()["footage_until"] for r in recordings), CONNECTED_WITHIN_S, every=0.5)
        notes.lossy.clear()
        kept, written, moved = vault.used(), process.io_counters().write_chars, copied()
        seen = [_pictures(recording) for recording in recordings]
        began, cpu = monotonic(), process_time()
        sleep(SECONDS)
        lasted, used = monotonic() - began, process_time() - cpu
        kept, written = vault.used() - kept, process.io_counters().write_chars - written
        moved = copied() - moved
        memory = process.memory_info().rss - memory
        enough = ALL_OF_THEM * RATE * lasted
        kept_up = sum(
            _keeps_up(recording) and recording.feed not in notes.lossy and _pictures(recording) - before >= enough
            for recording, before in zip(recordings, seen, strict=True)
        )
        stop.set()
        for thread in threads:
            thread.join()
    return _Run(used / lasted, written, moved, max(kept, 1), memory, kept_up, lasted)


def _pictures(recording: Recording) -> float:
    """That came since the start."""
    return float(recording._pictures._value.get())


def _keeps_up(recording: Recording) -> bool:
    standing = recording.standing()
    until = standing["footage_until"]
    late = until is None or datetime.now(UTC) - datetime.fromisoformat(until) > BEHIND
    return not late and standing["fault"] is None


def _bare(addresses: list[CameraAddress]) -> tuple[float, float]:
    """Cores used by demuxing and remuxing alone, and bytes copied for a byte of a picture."""
    stop, pictures, size = threading.Event(), dict.fromkeys(addresses, 0), dict.fromkeys(addresses, 0)

    def remux(address: CameraAddress) -> None:
        with av.open(address.url, options={"rtsp_transport": "tcp"}, timeout=10) as source:
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
                        pictures[address] += 1
                        size[address] += packet.size
                    out.seek(0)

    threads = [threading.Thread(target=remux, args=(address,)) for address in addresses]
    for thread in threads:
        thread.start()
    assert wait_until(lambda: all(pictures.values()), CONNECTED_WITHIN_S, every=0.5), "a camera cannot be reached"
    before, began, cpu = dict(pictures), monotonic(), process_time()
    moved, taken = copied(), sum(size.values())
    sleep(SECONDS)
    lasted, used = monotonic() - began, process_time() - cpu
    moved, taken = copied() - moved, sum(size.values()) - taken
    came = min(pictures[address] - before[address] for address in addresses)
    stop.set()
    for thread in threads:
        thread.join()
    assert came >= ALL_OF_THEM * RATE * lasted, f"the floor is none: of a camera {came} pictures came in {lasted:.1f} s"
    return used / lasted, moved / taken


if __name__ == "__main__":
    import json

    print(json.dumps(run(), indent=2), f"on {os.cpu_count()} cores")
