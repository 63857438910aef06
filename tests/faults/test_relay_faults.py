"""What a relay may suffer: killed anywhere, paused past its lease, the broker or the database gone. Nothing is lost,
nothing doubled: afterwards the log equals the store."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from adapters.kafka.feed import KafkaFeed
from adapters.kafka.reconcile import reconcile
from application.ports import StoreError
from infra.stack.jars import default_cache
from infra.stack.kafka import EmbeddedKafka
from infra.stack.postgres import EmbeddedPostgres
from projections.engine.feed import FeedState
from tests.adapters.kafka.log import Log, open_log, relay_once, relayed, running, until

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow
FAILPOINTS = ("relay.before_send", "relay.after_send", "relay.before_commit", "relay.after_commit")


class RelayProcess:
    """A relay that can be killed. `status` is what it said last."""

    def __init__(
        self, log: Log, holder: str, *, failpoint: str = "", hits: Path | None = None, **settings: Any
    ) -> None:
        settings = {
            "database_url": log.url,
            "bootstrap": log.bootstrap,
            "topic_prefix": log.prefix,
            "holder": holder,
            "lease_seconds": 2.0,
            "batch": 50,
        } | settings
        env = {**os.environ, "PYTHONPATH": str(ROOT), "SAFERWEHO_FAILPOINT": failpoint}
        if hits is not None:
            env["SAFERWEHO_FAILPOINT_LOG"] = str(hits)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.relay_process", json.dumps(settings)],
            stdout=subprocess.PIPE,
            env=env,
            cwd=ROOT,
            text=True,
        )
        self.status: dict[str, Any] = {"state": "", "position": 0, "epoch": 0}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with suppress(json.JSONDecodeError):
                self.status = json.loads(line)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def close(self) -> None:
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()
        self._reader.join()


@contextmanager
def relay_process(log: Log, holder: str, **settings: Any) -> Iterator[RelayProcess]:
    process = RelayProcess(log, holder, **settings)
    try:
        yield process
    finally:
        process.close()


@contextmanager
def load(log: Log) -> Iterator[None]:
    """Appends all the while, a few events at a time; what a lost database refuses is not counted."""
    stop = threading.Event()

    def append() -> None:
        while not stop.wait(0.005):
            with suppress(StoreError):
                log.append(7, per_append=3)

    thread = threading.Thread(target=append)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("place", FAILPOINTS)
def test_killed_at(place: str, log: Log, tmp_path: Path) -> None:
    hits = tmp_path / "hits"
    with load(log):
        with relay_process(log, "victim", failpoint=f"{place}:4", hits=hits) as victim:
            assert victim.process.wait(120) == -signal.SIGKILL
        assert hits.read_text() == f"{place}\n"
        with running(successor := log.relay("successor")):
            until(lambda: successor.status().state == "leading")
            until(relayed(successor, log.store.head().position))
    relay_once(log)
    log.assert_equals_store()
    report = reconcile(log.bootstrap, log.prefix, log.url)
    assert (report.good, report.repeated, report.rolling_hash) == (True, 0, log.store.head().rolling_hash)


def test_paused_past_its_lease_and_continued(log: Log) -> None:
    with relay_process(log, "paused") as paused, load(log):
        until(lambda: paused.status["state"] == "leading" and paused.status["position"] > 100)
        paused.signal(signal.SIGSTOP)
        with running(second := log.relay("second", batch=50)):
            until(lambda: second.status().state == "leading", what="the lease of the paused one ran out")
            took_over_at = second.status().position
            until(lambda: second.status().position > took_over_at + 100)
            paused.signal(signal.SIGCONT)
            until(lambda: paused.status["state"] == "standby", what="it noticed that it no longer leads")
            assert second.status().epoch > paused.status["epoch"]
            before = second.status().position
            until(lambda: max(second.status().position, paused.status["position"]) > before + 50)
    relay_once(log)
    log.assert_equals_store()


def test_two_processes_at_once(log: Log) -> None:
    with relay_process(log, "one") as one, relay_process(log, "two") as two:
        with load(log):
            until(lambda: one.status["position"] + two.status["position"] > 200)
        head = log.store.head().position
        until(lambda: max(one.status["position"], two.status["position"]) >= head)
        until(lambda: sorted((one.status["state"], two.status["state"])) == ["leading", "standby"])
    log.assert_equals_store()


def test_a_broker_that_is_there_and_answers_nothing(log: Log, kafka: EmbeddedKafka) -> None:
    with running(relay := log.relay(broker_seconds=1.5)), load(log):
        until(lambda: relay.status().position > 50)
        os.kill(kafka.pid, signal.SIGSTOP)
        try:
            until(lambda: relay.status().state == "failing", what="every wait for the broker ends by itself")
        finally:
            os.kill(kafka.pid, signal.SIGCONT)
        before = relay.status().position
        until(lambda: relay.status().position > before + 50)
    relay_once(log)
    log.assert_equals_store()


def test_the_broker_killed_and_started_again_under_load(database_url: str, tmp_path: Path) -> None:
    with (
        EmbeddedKafka(tmp_path / "kafka", default_cache(), heap_mb=256) as broker,
        open_log(database_url, broker.bootstrap, "own") as log,
        running(relay := log.relay(broker_seconds=3)),
        load(log),
    ):
        until(lambda: relay.status().position > 100)
        source = KafkaFeed(broker.bootstrap, FeedState(), topic_prefix="own")
        until(lambda: source.poll(0.5) is not None)
        broker.kill()
        while source.poll(0.1) is not None:
            pass  # what it had fetched before
        until(lambda: relay.status().state == "failing")
        until(lambda: relay.status().lag_events > 20, what="lag is counted while the broker is away")
        broker.start()
        until(relayed(relay, log.append(20)))
        until(lambda: source.poll(0.5) is not None, what="a reader goes on by itself, too")
        source.close()
        report = reconcile(log.bootstrap, log.prefix, log.url)
        assert (report.good, report.missing, report.faults) == (True, [], [])


def test_the_database_restarted_under_load(kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path) -> None:
    with (
        EmbeddedPostgres(tmp_path / "postgres", fsync=False) as server,
        open_log(server.url, kafka.bootstrap, topic_prefix) as log,
        running(relay := log.relay()),
    ):
        with load(log):
            until(lambda: relay.status().position > 100)
            server.restart()
            before = relay.status().position
            until(lambda: relay.status().position > before + 100)
        with psycopg.connect(server.url) as admin:
            row = admin.execute("SELECT position FROM events.head").fetchone()
        assert row is not None
        until(relayed(relay, row[0]))
        assert reconcile(log.bootstrap, log.prefix, log.url).good
