"""Where logs, traces and figures of a process go, and the HTTP face that says whether it is well.

Logs are JSON lines on stderr (a person's colours on a terminal); traces go to OTEL_EXPORTER_OTLP_ENDPOINT when set.
"""

from __future__ import annotations

import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
import uvicorn
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

log = structlog.get_logger()

_SECRET_WORDS = ("password", "secret", "authorization", "token", "cookie", "key")


def _no_secrets(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    for name in event:
        if any(word in name.lower() for word in _SECRET_WORDS):
            event[name] = "…"
    return event


def configure(process: str, level: str = "INFO", otlp_endpoint: str | None = None) -> None:
    """Set up logging and tracing for this process. Call once, before anything else."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _no_secrets,
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            renderer,
        ],
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=level, force=True)
    # The broker's client tells every reconnect at warning level; its failures reach us as exceptions.
    logging.getLogger("kafka").setLevel(logging.ERROR)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    # Where nobody collects traces, only what whoever asks traces himself is more than its name.
    sampler = ParentBased(ALWAYS_ON if otlp_endpoint else ALWAYS_OFF)
    provider = TracerProvider(sampler, Resource.create({"service.name": f"saferweho-{process}"}))
    if otlp_endpoint:
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{otlp_endpoint.rstrip('/')}/v1/traces")))
    trace.set_tracer_provider(provider)


# -- health ------------------------------------------------------------------

Check = Callable[[], Mapping[str, Any]]


@dataclass
class Health:
    """What this process says of itself. A check returns facts for `/health/ready`; with `ok: False` among them, or by
    raising, it makes the process not ready."""

    process: str
    started: float = field(default_factory=time.time)
    checks: dict[str, Check] = field(default_factory=dict)

    def report(self) -> tuple[bool, dict[str, Any]]:
        ready = bool(self.checks)  # one that has none yet is only starting
        parts: dict[str, Any] = {}
        for name, check in list(self.checks.items()):
            try:
                facts = dict(check())
            except Exception as e:
                facts = {"ok": False, "error": f"{type(e).__name__}: {e}"}
            ready = ready and bool(facts.get("ok", True))
            parts[name] = facts
        return ready, {"process": self.process, "ready": ready, "uptime_s": round(time.time() - self.started), **parts}

    def routes(self) -> list[Route]:
        return [
            Route("/health/live", self._live),
            Route("/health/ready", self._ready),
            Route("/metrics", metrics),
        ]

    async def _live(self, _: Request) -> Response:
        return JSONResponse({"process": self.process, "live": True})

    def _ready(self, _: Request) -> Response:
        ready, report = self.report()
        return JSONResponse(report, status_code=200 if ready else 503)


def metrics(_: Request) -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def serve_health(health: Health, host: str, port: int) -> Callable[[], None]:
    """Serve the health routes in a thread of their own; returns what stops them. Port 0 takes any free one, and the log
    says which. Raises OSError where nobody can listen there."""
    listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=health.routes()), log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, args=([listener],), name="health", daemon=True)
    thread.start()
    shown = f"[{host}]" if ":" in host else host
    log.info("health", address=f"http://{shown}:{listener.getsockname()[1]}/health/ready")

    def stop() -> None:
        server.should_exit = True
        thread.join(5)

    return stop
