"""The broker is away when processes start, and again while they run: they wait, say so, and come up by themselves."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from adapters.kafka import topics
from adapters.kafka.clients import admin
from api.processes import wiring
from application.calls import Calls
from application.handling import Accepted
from application.standing import service
from domain.call import UpdateCall
from infra.stack.jars import default_cache
from infra.stack.kafka import EmbeddedKafka
from infra.stack.processes import wait_until
from tests.api.watch_center import WatchCenter, call_update, installed, settings_as, typed
from tests.projections.test_processes import Process, process

pytestmark = pytest.mark.slow
VERBS = ("relay", "projector", "reactor")
LONG_S = 180.0  # a broker's start and three processes', on a busy machine


def environ_of(center: WatchCenter, verb: str) -> dict[str, str]:
    """What the process is given, with its own login."""
    url = settings_as(f"saferweho_{verb}", center.environ).write_url
    assert url
    return {**center.environ, "DATABASE_URL": url}


def comes(each: Process, condition: Callable[[], bool]) -> None:
    assert wait_until(condition, LONG_S, every=0.2), each.log.read_text()


def received(center: WatchCenter) -> None:
    """A call, put on the record by what one API process has."""
    update = msgspec.convert(call_update(), UpdateCall)
    with wiring.handler(center.settings) as handler:
        assert isinstance(Calls(handler).update(service("service-dispatch"), update), Accepted)


class Three:
    """Relay, projector and reactor, and what each says of itself."""

    def __init__(self, relay: Process, projector: Process, reactor: Process) -> None:
        self.relay, self.projector, self.reactor = relay, projector, reactor
        self.all = (relay, projector, reactor)
        self._rows = ((projector, "read_models", "models"), (reactor, "reactions", "reactions"))

    def wait_for_a_broker(self, bootstrap: str) -> None:
        for each in self.all:

            def waits(each: Process = each) -> bool:
                code, report = each.ready()
                return code == 503 and f"Kafka at {bootstrap} does not answer" in (report["topics"]["error"] or "")

            comes(each, waits)
            assert each.said("waiting_for_broker")

    def are_ready_at(self, head: int) -> None:
        def relayed() -> bool:
            code, report = self.relay.ready()
            told = report.get("relay", {})
            return code == 200 and (told["position"], told["lag_events"], told["lag_seconds"]) == (head, 0, 0)

        comes(self.relay, relayed)
        for each, part, rows in self._rows:

            def applied(each: Process = each, part: str = part, rows: str = rows) -> bool:
                code, report = each.ready()
                found = report.get(part, {}).get(rows, ())
                return code == 200 and all((row["position"], row["lag_events"]) == (head, 0) for row in found)

            comes(each, applied)
            assert each.ready()[1]["topics"] == {"ok": True}

    def say_that_the_broker_is_gone(self) -> None:
        for each, part, rows in self._rows:

            def trying_again(each: Process = each, part: str = part, rows: str = rows) -> bool:
                code, report = each.ready()
                return code == 503 and all("trying again" in (row["fault"] or "") for row in report[part][rows])

            comes(each, trying_again)


@pytest.mark.timeout(900)
def test_processes_wait_for_the_broker_and_say_how_far_behind_they_are(database_url: str, tmp_path: Path) -> None:
    prefix = f"t{secrets.token_hex(6)}"
    with ExitStack() as stack:
        broker = stack.enter_context(EmbeddedKafka(tmp_path / "kafka", default_cache(), heap_mb=256))
        topics.create(broker.bootstrap, prefix)
        broker.stop()
        named = {"KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap, "SAFERWEHO_TOPIC_PREFIX": prefix}
        center = installed(database_url, tmp_path, **named)
        stack.callback(center.close)
        three = Three(*(stack.enter_context(process(verb, environ_of(center, verb), tmp_path)) for verb in VERBS))
        three.wait_for_a_broker(broker.bootstrap)

        broker.start()
        three.are_ready_at(center.head())

        broker.stop()
        for _ in range(3):
            received(center)
        relay = three.relay

        def is_behind(than: float = 0.0) -> bool:
            code, report = relay.ready()
            told = report["relay"]
            return code == 503 and told["lag_events"] >= 3 and told["lag_seconds"] > than

        comes(relay, is_behind)
        age = relay.ready()[1]["relay"]["lag_seconds"]
        comes(relay, lambda: is_behind(age))  # what waits grows older
        figures = relay.figures()
        assert figures["saferweho_relay_lag_events", ""] >= 3
        assert figures["saferweho_relay_lag_seconds", ""] > 0
        assert figures["saferweho_relay_leading_state", ""] == 0
        three.say_that_the_broker_is_gone()

        broker.start()
        three.are_ready_at(center.head())


@pytest.mark.timeout(600)
def test_topics_that_are_set_otherwise_end_a_process_at_its_start(
    watch_center: WatchCenter, kafka: EmbeddedKafka, tmp_path: Path
) -> None:
    """Waiting would not mend them."""
    prefix = f"t{secrets.token_hex(6)}"
    events = topics.name(prefix, "events")
    client = admin(kafka.bootstrap)
    client.create_topics({events: {"num_partitions": 3, "replication_factor": 1, "configs": {}}})
    client.close()
    topics.create(kafka.bootstrap, prefix)
    with ExitStack() as stack:
        environ = {verb: environ_of(watch_center, verb) | {"SAFERWEHO_TOPIC_PREFIX": prefix} for verb in VERBS}
        for each in [stack.enter_context(process(verb, environ[verb], tmp_path)) for verb in VERBS]:
            assert each.child.wait(LONG_S) == 1
            said = [line for line in each.log.read_text().splitlines() if line.startswith("Error: ")]
            assert len(said) == 1 and f"topic {events}: partitions is 3, must be 8" in said[0], each.log.read_text()


def test_topics_that_nobody_made_are_named_with_the_way_out(watch_center: WatchCenter) -> None:
    told = typed({**watch_center.environ, "SAFERWEHO_TOPIC_PREFIX": f"t{secrets.token_hex(6)}"}, "relay")
    assert told.returncode == 1
    assert "run 'saferweho topics create'" in told.stderr
