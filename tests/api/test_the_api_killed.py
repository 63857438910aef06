"""The API is killed in the middle of a commit, under load, and started again: nothing answered is lost, nothing is
doubled. That store, log and read models then agree is shown by the package's last test."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from infra.stack.processes import free_port, spawn, stop, wait_until
from tests.api.watch_center import CAD_KEY, Json, WatchCenter, call_update

ROOT = Path(__file__).resolve().parents[2]


class Api:
    """`saferweho api` as a process of its own, beside the one that the other tests ask."""

    def __init__(self, center: WatchCenter, folder: Path) -> None:
        self._center, self._folder = center, folder
        self._port = free_port()
        self.hits = folder / "hits"

    @contextmanager
    def running(self, failpoint: str = "") -> Iterator[int]:
        environ = {
            **os.environ,
            **self._center.environ,
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": self._center.settings.write_url or "",
            "SAFERWEHO_PORT": str(self._port),
            "SAFERWEHO_FAILPOINT": failpoint,
            "SAFERWEHO_FAILPOINT_LOG": str(self.hits),
        }
        process = spawn([sys.executable, "-m", "api.cli", "api"], self._folder / "api.log", env=environ)
        try:
            assert wait_until(self._answers, 120), (self._folder / "api.log").read_text()
            yield process.pid
            if failpoint:
                assert wait_until(lambda: process.poll() is not None, 120), f"{failpoint} was not reached"
                assert process.returncode == -9
        finally:
            stop(process)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self._port}/health/live", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    def send(self, update: Json) -> int:
        """The status of the answer, 0 without one."""
        try:
            return httpx.post(
                f"http://127.0.0.1:{self._port}/cad/calls",
                json=update,
                headers={"authorization": f"Bearer {CAD_KEY}"},
                timeout=60,
            ).status_code
        except httpx.TransportError:
            return 0


@pytest.mark.slow
@pytest.mark.parametrize("failpoint", ["store.before_commit", "store.after_commit"])
def test_an_api_killed_around_its_commit_loses_no_answer_and_doubles_nothing(
    watch_center: WatchCenter, tmp_path: Path, failpoint: str
) -> None:
    updates = [call_update() for _ in range(200)]
    api = Api(watch_center, tmp_path)
    with api.running(f"{failpoint}:12"), ThreadPoolExecutor(8) as callers:
        statuses = list(callers.map(api.send, updates))
    assert api.hits.read_text().split() == [failpoint]
    assert 200 in statuses
    assert 0 in statuses, "it was not killed under load"
    with api.running():
        for update, status in zip(updates, statuses, strict=True):
            if status != 200:
                assert api.send(update) == 200
    for update in updates:
        received = [event["type"].split(".")[-2] for event in watch_center.events(f"call-{update['call']}")]
        assert received == ["call_received"]
