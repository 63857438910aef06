"""Sorties from the authorisation to the archive: a real store, a real log, the gateway as a process, real MAVLink."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from kafka import TopicPartition

from adapters.kafka import topics
from adapters.kafka.clients import consumer
from adapters.mavlink.tlog import read_tlog
from api.processes import wiring
from application import codec
from application.deadlines import act_of, command_id
from application.flight_footage import FIRST_PICTURE, RECORDER_FIRST, Landings, stretches
from application.gateway import GatewayUnavailable
from application.handling import Accepted
from domain.drone import OrderOutcome, SafetyOrder
from domain.footage import FootageLost
from domain.kernel import FlightId
from infra.stack.kafka import EmbeddedKafka
from infra.stack.postgres import EmbeddedPostgres
from tests.adapters.drone_gateway.ground import DRONE, PILOT, GatewayProcess, Ground, ground
from tests.adapters.mavlink.conftest import Launch, free_port
from tests.api.watch_center import WatchCenter, installed, serving, settings_as, until
from tests.conftest import url_of_database

pytestmark = pytest.mark.slow

MAVSDK = "tests/adapters/mavlink/mavsdk_autopilot.py"
FLOWN = ["drone_launched", "arrived_on_scene", "return_ordered", "drone_landed"]

Gateways = Callable[..., GatewayProcess]


@pytest.fixture
def gateways(kafka: EmbeddedKafka) -> Iterator[Gateways]:
    running: list[GatewayProcess] = []

    def make(ground: Ground, link_port: int, **environ: str) -> GatewayProcess:
        links = f"{DRONE}@udpin:127.0.0.1:{link_port}#1"
        running.append(GatewayProcess(ground, links, KAFKA_BOOTSTRAP_SERVERS=kafka.bootstrap, **environ))
        return running[-1]

    yield make
    for each in running:
        each.stop()


@pytest.fixture(scope="module")
def own_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server that these tests stop and start."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("pg"), fsync=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def own_center(own_postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> WatchCenter:
    url = url_of_database(own_postgres.url, "postgres")
    return installed(url, tmp_path_factory.mktemp("own"))


@pytest.fixture
def own_station(own_postgres: EmbeddedPostgres, own_center: WatchCenter, tmp_path: Path) -> Iterator[Ground]:
    with ground({**own_center.environ, "SAFERWEHO_HOME": str(tmp_path), "SAFERWEHO_TOPIC_PREFIX": "nobody"}) as made:
        yield made
    own_postgres.restart()  # a test that failed may have left it stopped


def flown(station: Ground, flight: str) -> list[str]:
    """What of a flight's story these tests are about, in the record's order."""
    return [kind for kind in station.story(flight) if kind in FLOWN]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def tlog_of(station: Ground) -> Path:
    (file,) = (station.home / "gateway" / "tlogs").glob("*.tlog")
    return file


def on_its_way(gateway: GatewayProcess, station: Ground, flight: str) -> None:
    """Launched, as the API does it, and seen to be in the air."""
    gateway.ready()
    sent = gateway.launch(station.ordered(flight))
    assert sent.outcome is OrderOutcome.ACCEPTED, sent
    until(lambda: "drone_launched" in station.story(flight), 90, what="it is in the air")


def test_a_sortie_of_an_autopilot_that_is_not_ours(
    station: Ground, kafka: EmbeddedKafka, gateways: Gateways, launch: Launch
) -> None:
    topics.create(kafka.bootstrap, station.environ["SAFERWEHO_TOPIC_PREFIX"])
    port = free_port()
    launch(str(port), script=MAVSDK)
    gateway = gateways(station, port)
    gateway.start()
    flight = station.authorised()

    on_its_way(gateway, station, flight)
    until(lambda: "recording_started" in station.story(flight), 90, what="it has arrived, and is to be recorded")
    started = datetime.now(UTC)
    until(lambda: datetime.now(UTC) - started > FIRST_PICTURE, what="for longer than it may take to begin")
    pilot = station.signed_on(PILOT)
    sent = gateway.safety(flight, SafetyOrder.RETURN, pilot)
    assert (sent.outcome, sent.recorded is not None) == (OrderOutcome.ACCEPTED, True)
    until(lambda: "telemetry_archived" in station.story(flight), 90, what="it is home")

    assert flown(station, flight) == ["drone_launched", "arrived_on_scene", "return_ordered", "drone_landed"]
    assert station.story(flight)[:3] == ["launch_requested", "launch_authorised", "launch_ordered"]
    _clocks_are_kept(station, flight)
    (launched,), (landed,) = station.told(flight, "drone_launched"), station.told(flight, "drone_landed")
    assert launched["authorised"]
    assert 15 < landed["max_agl_m"] < 30
    (archived,) = station.told(flight, "telemetry_archived")
    content = tlog_of(station).read_bytes()
    assert hashlib.sha256(content).hexdigest() == archived["sha256"]
    assert len(content) == archived["size_bytes"]
    systems = [entry.frame.system for entry in read_tlog(content)]
    assert (systems.count(1), systems.count(255)) == (archived["frames_in"], archived["frames_out"])
    assert station.drone_story()[-2:] == ["drone_assigned", "drone_released"]
    _telemetry_is_on_its_topic(kafka, station.environ["SAFERWEHO_TOPIC_PREFIX"])
    assert gateway.stop() == 0
    _what_no_recorder_recorded_is_lost(station, flight)


def _what_no_recorder_recorded_is_lost(station: Ground, flight: str) -> None:
    """By the scheduler, with its own rights, when the time comes, and once."""
    with wiring.handler(settings_as("saferweho_scheduler", station.environ)) as handler:
        (due,) = [
            due
            for due in Landings(handler).due_until(datetime.now(UTC) + 2 * RECORDER_FIRST)
            if due.stream == f"flight-{flight}"
        ]
        for _ in range(2):
            told = act_of(due.kind)(handler, due, command_id(due))
            assert isinstance(told, Accepted), told
        events = [codec.recorded(stored).event for stored in handler.store.flight_footage(due.stream)]
    (span,) = stretches(station.handler, FlightId(flight))
    (lost,) = events
    assert isinstance(lost, FootageLost) and (lost.range.since, lost.range.until) == (span.since, span.until)


def _clocks_are_kept(station: Ground, flight: str) -> None:
    """The autopilot's (this one has none), ours, and the record's; the order by the pilot, named."""
    for event in station.events(f"flight-{flight}"):
        if "observed_at" in event["data"]:
            late = moment(event["time"]) - moment(event["data"]["observed_at"])
            assert timedelta() <= late < timedelta(minutes=2)
        if event["type"].endswith("return_ordered.v1"):
            assert event["actorid"] == PILOT
            assert not event["data"]["recorded_late"]
            assert moment(event["data"]["ordered_at"]) <= moment(event["time"])


def _telemetry_is_on_its_topic(kafka: EmbeddedKafka, prefix: str) -> None:
    reader = consumer(kafka.bootstrap, client_id="test", auto_offset_reset="earliest")
    partitions = [TopicPartition(f"{prefix}.telemetry", n) for n in reader.partitions_for_topic(f"{prefix}.telemetry")]
    reader.assign(partitions)
    reader.seek_to_beginning(*partitions)
    heights: list[float] = []

    def high() -> bool:
        polled: Any = reader.poll(timeout_ms=200)
        for record in (record for records in polled.values() for record in records):
            assert record.key == DRONE.encode()
            heights.append(json.loads(record.value)["altitude_above_home"] or 0.0)
        return max(heights, default=0.0) > 15

    until(high, 90, what="telemetry of the flight is on the topic")
    reader.close()


def test_a_drone_is_called_home_while_the_database_is_away(
    own_postgres: EmbeddedPostgres, own_station: Ground, gateways: Gateways, launch: Launch
) -> None:
    port = free_port()
    launch(str(port), script=MAVSDK)
    gateway = gateways(own_station, port)
    gateway.start()
    flight = own_station.authorised()
    on_its_way(gateway, own_station, flight)
    until(lambda: "arrived_on_scene" in own_station.story(flight), 90, what="it has arrived")
    pilot = own_station.signed_on(PILOT)

    own_postgres.stop()
    asked = monotonic()
    sent = gateway.safety(flight, SafetyOrder.RETURN, pilot)
    assert monotonic() - asked < 5  # the domain's own deadline for an order of safety
    assert (sent.outcome, sent.recorded) == (OrderOutcome.ACCEPTED, None)
    with pytest.raises(GatewayUnavailable) as refused:
        gateway.launch(flight)
    assert refused.value.code in ("halted", "store_unavailable")
    until(lambda: not gateway.drone()["airborne"], 90, what="it is home")
    until(lambda: gateway.health()["journal_waiting"] >= 3, 90, what="order, landing and log wait for the record")
    own_postgres.start()

    until(lambda: "telemetry_archived" in own_station.story(flight), 90, what="the record has caught up")
    until(lambda: gateway.health()["journal_waiting"] == 0, 90)
    assert flown(own_station, flight) == ["drone_launched", "arrived_on_scene", "return_ordered", "drone_landed"]
    (order,) = own_station.told(flight, "return_ordered")
    assert order["outcome"] == "accepted"
    assert order["recorded_late"]
    assert moment(order["ordered_at"]) == sent.sent_at
    assert own_station.drone_story()[-1] == "drone_released"


def test_a_return_asked_for_over_graphql_is_obeyed_while_the_database_is_away(
    own_postgres: EmbeddedPostgres, own_station: Ground, own_center: WatchCenter, gateways: Gateways, launch: Launch
) -> None:
    port = free_port()
    launch("--connect", f"udpout:127.0.0.1:{port}", "--speedup", "8")
    gateway = gateways(own_station, port)
    gateway.start()
    flight = own_station.authorised(cruise_agl_m=40)
    api = settings_as("saferweho_api", {**own_center.environ, "SAFERWEHO_GATEWAY_URL": gateway.url})
    with serving(own_center, api):
        on_its_way(gateway, own_station, flight)
        pilot = own_center.asker(PILOT)
        pilot.ask("{ __typename }")  # signed on
        own_postgres.stop()
        asked = monotonic()
        answer = pilot.accepted('returnDrone(flight: $flight, reason: "scene is clear")', flight=flight)
        assert monotonic() - asked < 5  # the domain's own deadline for an order of safety
        assert (answer["outcome"], answer["recorded"]) == ("accepted", False)
        until(lambda: not gateway.drone()["airborne"], 90, what="it is home")
        own_postgres.start()
        until(lambda: "telemetry_archived" in own_station.story(flight), 90, what="the record has caught up")
    (order,) = own_station.told(flight, "return_ordered")
    assert (order["ordered_by"], order["recorded_late"], order["detail"]) == (PILOT, True, "scene is clear")


def test_a_gateway_killed_while_the_database_is_away_forgets_nothing(
    own_postgres: EmbeddedPostgres, own_station: Ground, gateways: Gateways, launch: Launch
) -> None:
    port = free_port()
    launch("--connect", f"udpout:127.0.0.1:{port}", "--speedup", "8", "--ground-timeout", "0")
    gateway = gateways(own_station, port)
    gateway.start()
    flight = own_station.authorised(cruise_agl_m=40)
    on_its_way(gateway, own_station, flight)
    until(lambda: "arrived_on_scene" in own_station.story(flight), 90, what="it has arrived")
    pilot = own_station.signed_on(PILOT)

    own_postgres.stop()
    assert gateway.safety(flight, SafetyOrder.HOLD, pilot).outcome is OrderOutcome.ACCEPTED
    gateway.kill()
    gateway.start()
    until(lambda: gateway.drone()["airborne"], 90, what="the drone is found where it was")
    sent = gateway.safety(flight, SafetyOrder.RETURN, pilot)
    assert (sent.outcome, sent.recorded) == (OrderOutcome.ACCEPTED, None)
    until(lambda: not gateway.drone()["airborne"], 90, what="it is home")
    gateway.kill()
    own_postgres.start()
    gateway.start()

    until(lambda: own_station.story(flight).count("telemetry_archived") >= 2, 90, what="the record has caught up")
    until(lambda: gateway.health()["journal_waiting"] == 0, 90)
    story = own_station.story(flight)
    once = ["drone_launched", "arrived_on_scene", "hold_ordered", "return_ordered", "drone_landed"]
    assert [kind for kind in story if kind in once] == once
    logs = {hashlib.sha256(file.read_bytes()).hexdigest() for file in (own_station.home / "gateway/tlogs").iterdir()}
    assert {each["sha256"] for each in own_station.told(flight, "telemetry_archived")} == logs
    assert own_station.drone_story()[-1] == "drone_released"


def test_a_gateway_that_dies_between_sending_an_order_and_recording_it_has_not_hidden_it(
    station: Ground, gateways: Gateways, launch: Launch, tmp_path: Path
) -> None:
    port, hits = free_port(), tmp_path / "hits"
    launch("--connect", f"udpout:127.0.0.1:{port}", "--speedup", "8", "--ground-timeout", "0")
    gateway = gateways(station, port)
    failpoint = {"SAFERWEHO_FAILPOINT": "gateway.after_send", "SAFERWEHO_FAILPOINT_LOG": str(hits)}
    gateway.start(**failpoint)
    flight = station.authorised(cruise_agl_m=40)
    on_its_way(gateway, station, flight)
    asked = datetime.now(UTC)

    with pytest.raises(GatewayUnavailable):
        gateway.safety(flight, SafetyOrder.RETURN, station.signed_on(PILOT))
    assert gateway.died() == -9
    assert hits.read_text() == "gateway.after_send\n"
    gateway.start()

    until(lambda: "drone_landed" in station.story(flight), 90, what="it came home, for the order had left")
    (order,) = station.told(flight, "return_ordered")
    assert order["outcome"] == "unknown"
    assert "stopped before" in order["detail"]
    assert moment(order["ordered_at"]) >= asked
