"""Relay and projector as processes on their defaults: where they say how they are, and what they say."""

from __future__ import annotations

import base64
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families
from psycopg.sql import SQL, Identifier

from adapters.kafka import topics
from infra.stack.kafka import EmbeddedKafka
from infra.stack.processes import free_port, spawn, stop, wait_until
from projections.registry import install
from tests.projections.log import Log
from tests.projections.sortie import fleet, flown
from tests.projections.test_projector import newer_code

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


class Process:
    """`saferweho VERB` with nothing set but its store and its log."""

    def __init__(self, verb: str, environ: dict[str, str], folder: Path) -> None:
        self.log = folder / f"{verb}.log"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SAFERWEHO_")}
        self.child = spawn([sys.executable, "-m", "api.cli", verb], self.log, env=inherited | environ, cwd=ROOT)

    def said(self, event: str) -> dict[str, Any] | None:
        """The first line of the log that is about it."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        found = (json.loads(line) for line in lines if line.startswith("{"))
        return next((line for line in found if line["event"] == event), None)

    @property
    def address(self) -> str:
        def told() -> bool:
            assert self.child.poll() is None, self.log.read_text()
            return self.said("health") is not None

        assert wait_until(told, 120), self.log.read_text()
        line = self.said("health")
        assert line is not None
        return str(line["address"])

    def ready(self) -> tuple[int, Any]:
        answer = httpx.get(self.address, timeout=60)
        return answer.status_code, answer.json()

    def figures(self) -> dict[tuple[str, str], float]:
        """What Prometheus would scrape, by name and read model."""
        text = httpx.get(self.address.replace("/health/ready", "/metrics"), timeout=60).text
        return {
            (sample.name, sample.labels.get("projection", "")): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }


@pytest.fixture
def environ(log: Log, kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path) -> dict[str, str]:
    install(log.url)
    prefix = topic_prefix.rstrip(".")
    topics.create(kafka.bootstrap, prefix)
    keys = tmp_path / "encryption-keys"  # those of the log's own keyring
    keys.touch(0o600)
    keys.write_text(f"test {base64.b64encode(bytes(range(32))).decode()}\n")
    return {
        "SAFERWEHO_ENV": "development",
        "SAFERWEHO_HOME": str(tmp_path),
        "SAFERWEHO_KEY_ENCRYPTION_KEYS": str(keys),
        "SAFERWEHO_TOPIC_PREFIX": prefix,
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap,
        "DATABASE_URL": log.url,
    }


@contextmanager
def process(verb: str, environ: dict[str, str], folder: Path) -> Iterator[Process]:
    started = Process(verb, environ, folder)
    try:
        yield started
    finally:
        stop(started.child, (signal.SIGTERM, 60))


def model(report: Any, name: str) -> Any:
    (found,) = (each for each in report["read_models"]["models"] if each["name"] == name)
    return found


def test_relay_and_projector_say_how_far_behind_they_are(log: Log, environ: dict[str, str], tmp_path: Path) -> None:
    last = log.append(*fleet(), *flown("good"))
    with ExitStack() as stack:
        relay = stack.enter_context(process("relay", environ, tmp_path))
        projector = stack.enter_context(process("projector", environ, tmp_path))
        assert wait_until(lambda: relay.ready()[1].get("relay", {}).get("position") == last, 120), relay.log.read_text()
        code, report = relay.ready()
        assert (code, report["ready"], report["process"]) == (200, True, "relay")
        told = {name: report["relay"][name] for name in ("state", "lag_events", "lag_seconds")}
        assert told == {"state": "leading", "lag_events": 0, "lag_seconds": 0}
        figures = relay.figures()
        assert figures["saferweho_relay_lag_events", ""] == 0
        assert figures["saferweho_relay_lag_seconds", ""] == 0
        assert figures["saferweho_relay_leading_state", ""] == 1

        def caught_up() -> bool:
            _, report = projector.ready()
            models = report.get("read_models", {}).get("models", ())
            return bool(models) and all(each["position"] == last for each in models)

        assert wait_until(caught_up, 120), projector.log.read_text()
        code, report = projector.ready()
        assert (code, report["process"]) == (200, "projector"), report
        build = model(report, "audit_trail")["build"]
        assert model(report, "audit_trail")["lag_events"] == 0
        assert model(report, "audit_trail")["lag_seconds"] == 0
        figures = projector.figures()
        for name in ("audit_trail", "live_board"):
            assert figures["saferweho_projection_position", name] == last
            assert figures["saferweho_projection_lag_events", name] == 0
            assert figures["saferweho_projection_lag_seconds", name] == 0

        with psycopg.connect(log.url) as held:  # as somebody's long look at it would
            held.execute(SQL("LOCK TABLE {} IN SHARE MODE").format(Identifier(build, "events")))
            log.append(*flown("held up"))

            def behind() -> bool:
                told = model(projector.ready()[1], "audit_trail")
                return bool(told["lag_events"] > 0 and told["lag_seconds"] > 0)

            assert wait_until(behind, 60), projector.log.read_text()
            figures = projector.figures()
            assert figures["saferweho_projection_lag_events", "audit_trail"] > 0
            before = figures["saferweho_projection_lag_seconds", "audit_trail"]
            assert projector.figures()["saferweho_projection_lag_seconds", "audit_trail"] > before > 0
        assert wait_until(lambda: not behind(), 60)

        with newer_code() as unknown:
            log.append(("flight-bad", unknown()))
        last = log.append(*flown("later"))

        def stopped() -> bool:
            code, report = projector.ready()
            return code == 503 and bool(model(report, "audit_trail")["fault"])

        assert wait_until(stopped, 120), projector.log.read_text()
        assert wait_until(lambda: projector.figures()["saferweho_projection_lag_events", "audit_trail"] > 0, 60)
        figures = projector.figures()
        assert figures["saferweho_projection_stopped_state", "audit_trail"] == 1
        assert figures["saferweho_projection_lag_seconds", "audit_trail"] > 0
        assert model(projector.ready()[1], "audit_trail")["lag_seconds"] > 0
        assert wait_until(lambda: projector.figures()["saferweho_projection_position", "live_board"] == last, 60)
        assert projector.figures()["saferweho_projection_parked_streams", "live_board"] == 1
        assert projector.figures()["saferweho_projection_lag_events", "live_board"] == 0


def test_a_port_that_is_taken_is_named_before_anything_starts(environ: dict[str, str], tmp_path: Path) -> None:
    port = str(free_port())
    with process("relay", {**environ, "SAFERWEHO_HEALTH_PORT": port}, tmp_path) as first:
        assert first.address == f"http://127.0.0.1:{port}/health/ready"
        folder = tmp_path / "second"
        folder.mkdir()
        with process("relay", {**environ, "SAFERWEHO_HEALTH_PORT": port}, folder) as second:
            assert second.child.wait(120) == 2
            assert f"SAFERWEHO_HEALTH_PORT: nobody can listen at 127.0.0.1 port {port}" in second.log.read_text()
