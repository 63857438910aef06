"""Traces and figures that the use cases give. The processes decide where they go (`api/observability.py`)."""

from __future__ import annotations

from opentelemetry import context, trace
from opentelemetry.propagate import extract
from prometheus_client import Counter

REFUSALS = Counter("saferweho_commands_refused_total", "Commands refused, by reason", ["command", "code"])
RETRIES = Counter("saferweho_commands_retried_total", "Commands decided again after a conflict", ["command"])


def traceparent() -> str:
    """The current span as a W3C Trace Context header, empty when there is none."""
    span = trace.get_current_span().get_span_context()
    if not span.is_valid:
        return ""
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{int(span.trace_flags):02x}"


def context_of(header: str) -> context.Context:
    """The trace an event was born in, so that the relay's and the projector's spans join it."""
    return extract({"traceparent": header}) if header else context.Context()
