"""The last span of a request's trace: the event it recorded became visible in a read model."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from opentelemetry import trace

from application.observability import context_of
from projections.engine.feed import FeedRecord

LIVE_BATCH = 100  # a build that catches up with the log follows nobody's request

tracer = trace.get_tracer("saferweho.projections")


class _Trace(msgspec.Struct):
    traceparent: str = ""


_trace = msgspec.json.Decoder(_Trace)


def applied(projection: str, records: Sequence[FeedRecord], began_ns: int) -> None:
    """A span from `began_ns` (nanoseconds since 1970) to now for each record of a small batch, in its own trace."""
    if len(records) > LIVE_BATCH:
        return
    for record in records:
        try:
            header = _trace.decode(record.content).traceparent
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if header:
            about: dict[str, str | int] = {"event.position": record.position, "event.stream": record.stream}
            tracer.start_span(f"apply {projection}", context_of(header), attributes=about, start_time=began_ns).end()
