"""How many cameras a core records: what one process spends on cameras of another, over RTSP in TCP, into a vault.

Floor: PyAV's bare way of the same streams, demuxed and remuxed into nothing that is kept. Also how many bytes are
written for a byte that is recorded.
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

GOAL = 24  # cameras on one core
CAMERAS = 8
SECONDS = 20.0
ROOT = Path(__file__).parents[1]


class _Notes:
    """Nothing goes on a record here: it is an event an hour and camera."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


def run(**_: Any) -> list[dict[str, Any]]:
    with _filming() as addresses, tempfile.TemporaryDirectory(prefix="saferweho-bench-") as folder:
        bare = _bare(addresses)
        cpu, moved, kept = _recorded(addresses, Path(folder))
    each = f"{8 * kept / CAMERAS / SECONDS / 1e6:.1f} Mbit/s, 15 pictures/s each"
    return [
        figure(f"cameras recorded on one core, {each}", CAMERAS / cpu, "cameras", CAMERAS / bare, GOAL, absolute=True),
        figure("bytes written per byte recorded", moved / kept, "bytes", 1.0, 1.1, at_most=True),
    ]


@contextmanager
def _filming() -> Iterator[list[CameraAddress]]:
    port = free_port()
    names = [f"bench-{number}" for number in range(CAMERAS)]
    # Small pictures at a high bit rate: who films has the same two cores, and who records counts bytes and packets.
    argv = ["--port", str(port), "--size", "320x180", "--rate", "15", "--bit-rate", "2000000", *names]
    process = subprocess.Popen([sys.executable, "-m", "infra.camera", *argv], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield [CameraAddress(CameraId(name), f"rtsp://127.0.0.1:{port}/{name}") for name in names]
    finally:
        process.terminate()
        process.wait()


def _recorded(addresses: list[CameraAddress], folder: Path) -> tuple[float, float, float]:
    """Cores used, bytes written and bytes recorded."""
    vault, stop = Vault(LocalFiles(folder), _Keys()), threading.Event()
    recordings = [Recording(address, vault, _Notes()) for address in addresses]  # type: ignore[arg-type]
    threads = [threading.Thread(target=part, args=(stop,)) for each in recordings for part in (each.receive, each.seal)]
    for thread in threads:
        thread.start()
    sleep(5)  # connections are made once
    written = psutil.Process().io_counters().write_chars
    before, began, cpu = vault.used(), monotonic(), process_time()
    sleep(SECONDS)
    used = (process_time() - cpu) / (monotonic() - began)
    kept, moved = vault.used() - before, psutil.Process().io_counters().write_chars - written
    stop.set()
    for thread in threads:
        thread.join()
    return used, moved, max(kept, 1)


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
