from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.recorder.source import CameraAddress
from domain.kernel import CameraId
from infra.stack.processes import free_port, last_lines, spawn, stop, wait_until
from tests.adapters.drone_gateway.conftest import environ, founded, launch, station
from tests.adapters.recorder.cameras import WITHIN_S

__all__ = ["environ", "founded", "launch", "station"]


@pytest.fixture
def another_makers(tmp_path: Path) -> Iterator[CameraAddress]:
    """A camera with nothing of ours in it: GStreamer's RTSP server out of Debian, with sound."""
    port, log = free_port(), tmp_path / "gst.log"
    process = spawn(["/usr/bin/python3", Path(__file__).with_name("gst_camera.py"), str(port)], log)
    try:
        assert wait_until(lambda: "ready" in last_lines(log), WITHIN_S, every=0.1), (
            f"Debian's RTSP server does not start; infra/test-tools installs it:\n{last_lines(log)}"
        )
        yield CameraAddress(CameraId("north"), f"rtsp://127.0.0.1:{port}/north")
    finally:
        stop(process)
