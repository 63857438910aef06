"""Health, figures and traces of the running product, and what it says of its own interface."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaConsumer, TopicPartition
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from api.graphql.schema import build
from infra.stack.kafka import EmbeddedKafka
from tests.api.watch_center import WatchCenter, until

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def spans() -> Iterator[InMemorySpanExporter]:
    """What this process would send to a collector."""
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield exporter
    exporter.shutdown()


def record_in_kafka(watch_center: WatchCenter, bootstrap: str, position: int) -> dict[str, str]:
    """The headers of the record at a position, read by a plain consumer."""
    topic = f"{watch_center.settings.topic_prefix}.events"
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap, isolation_level="read_committed", auto_offset_reset="earliest", group_id=None
    )
    try:
        consumer.assign([TopicPartition(topic, partition) for partition in range(8)])
        for record in consumer:
            headers = {name: value.decode() for name, value in record.headers}
            if headers["position"] == str(position):
                return headers
    finally:
        consumer.close()
    raise AssertionError("unreachable")


def test_one_trace_from_the_request_to_the_read_models(
    watch_center: WatchCenter, kafka: EmbeddedKafka, spans: InMemorySpanExporter
) -> None:
    deputy = watch_center.as_role("watch_operator", step_up=True)
    asked = watch_center.launch()
    trace_id, parent_id = secrets.token_hex(16), secrets.token_hex(8)
    body = {
        "query": "mutation Ask($input: RequestLaunchInput!) { requestLaunch(input: $input) "
        "{ ... on Accepted { position stream } } }",
        "operationName": "Ask",
        "variables": {"input": asked},
    }
    told = deputy.send(body, traceparent=f"00-{trace_id}-{parent_id}-01").json()["data"]["requestLaunch"]

    event = watch_center.events(told["stream"])[-1]
    version, its_trace, its_span, flags = event["traceparent"].split("-")
    assert (version, its_trace, flags) == ("00", trace_id, "01")
    headers = record_in_kafka(watch_center, kafka.bootstrap, told["position"])
    assert headers["traceparent"] == event["traceparent"]
    assert headers["content-type"] == "application/cloudevents+json"

    def of_this_trace() -> list[ReadableSpan]:
        return [s for s in spans.get_finished_spans() if s.context and f"{s.context.trace_id:032x}" == trace_id]

    def at(span: ReadableSpan) -> object:
        return (span.attributes or {}).get("event.position")

    expected = {"graphql Ask", "command request_launch", "apply audit_trail", "apply live_board"}
    until(
        lambda: {span.name for span in of_this_trace() if at(span) in (None, told["position"])} >= expected,
        what="every span has ended",
    )
    by_name = {span.name: span for span in of_this_trace() if at(span) in (None, told["position"])}
    root, command = by_name["graphql Ask"], by_name["command request_launch"]
    parents = {f"{span.context.span_id:016x}" for span in of_this_trace() if span.context} | {parent_id}
    assert root.parent is not None and f"{root.parent.span_id:016x}" in parents
    assert command.context is not None and f"{command.context.span_id:016x}" == its_span
    for name in ("apply audit_trail", "apply live_board"):
        applied = by_name[name]
        assert applied.parent is not None and f"{applied.parent.span_id:016x}" == its_span, of_this_trace()


@pytest.mark.parametrize("header", ["", "nonsense", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "ff" * 40])
def test_a_bad_trace_header_is_no_fault(watch_center: WatchCenter, header: str) -> None:
    told = watch_center.as_role("auditor").send({"query": "{ viewer { id } }"}, traceparent=header)
    assert told.json()["data"]["viewer"]["id"] == "s.bhatt"


def test_it_says_that_it_lives_and_that_it_is_ready(watch_center: WatchCenter) -> None:
    http = watch_center.http()
    assert http.get("/health/live").json() == {"process": "api", "live": True}
    ready = http.get("/health/ready")
    assert ready.status_code == 200 and ready.json()["ready"] is True
    assert ready.json()["read_models"]["audit_trail"] > 0


def test_the_figures_speak_of_commands_and_questions(watch_center: WatchCenter) -> None:
    deputy = watch_center.as_role("city_analyst")
    before = _figure(watch_center, 'saferweho_commands_refused_total{code="not_permitted",command="ready_drone"}')
    deputy.order("readyDrone(droneId: $drone, batteryPercent: 90)", drone="skylark-1")
    after = _figure(watch_center, 'saferweho_commands_refused_total{code="not_permitted",command="ready_drone"}')
    assert after == before + 1
    text = watch_center.http().get("/metrics").text
    for name in ("saferweho_graphql_seconds_count", "saferweho_store_events_total", "saferweho_graphql_cached_total"):
        assert name in text


def _figure(watch_center: WatchCenter, name: str) -> float:
    for line in watch_center.http().get("/metrics").text.splitlines():
        if line.startswith(name):
            return float(line.rpartition(" ")[2])
    return 0.0


def test_a_page_is_served_with_headers_that_keep_strangers_out(watch_center: WatchCenter) -> None:
    answer = watch_center.http().get("/board")
    assert answer.status_code == 200 and "a page" in answer.text
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    for path in ("/persisted-documents.json", "/assets/..%2f..%2fcad-keys", "/none.js"):
        assert watch_center.http().get(path).status_code == 404, path
    for path in ("/..%2fcad-keys", "/..%2f..%2f..%2f..%2fetc%2fpasswd"):  # no file, so a page's own path
        assert watch_center.http().get(path).text == answer.text


def test_the_schema_in_the_docs_is_the_one_served() -> None:
    assert (ROOT / "docs" / "schema.graphql").read_text().strip() == build().as_str().strip()


def test_the_api_describes_what_dispatch_sends(watch_center: WatchCenter) -> None:
    described = watch_center.http().get("/openapi.json").json()
    operation = described["paths"]["/cad/calls"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/UpdateCall"}
    required = described["components"]["schemas"]["UpdateCall"]["required"]
    assert {"call", "update_number", "call_type", "priority", "place"} <= set(required)
    assert set(re.findall(r'"#/components/schemas/(\w+)"', str(described).replace("'", '"'))) <= set(
        described["components"]["schemas"]
    )
