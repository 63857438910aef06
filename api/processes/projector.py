"""`saferweho projector`, and what `saferweho projections` shows and does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from adapters.kafka.feed import feed_factory
from adapters.kafka.parked import ParkedWriter
from adapters.kafka.telemetry import TelemetryTail
from api.processes import wiring
from api.processes.running import in_threads, running, topics_ready
from api.processes.tools import tool_settings
from projections.engine import admin
from projections.engine.host import ProjectionHost
from projections.engine.projection import AnyProjection
from projections.live_board.telemetry import TelemetryBoard
from projections.registry import PROJECTIONS, projection


def run(only: Sequence[str] = ()) -> None:
    chosen = [_named(name) for name in only] or list(PROJECTIONS)
    needs = ["DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS"]
    with running("projector", needs) as process, wiring.keyring(process.settings) as keys:
        settings = process.settings
        assert settings.write_url and settings.bootstrap_servers
        host = ProjectionHost(
            settings.write_url,
            feed_factory(settings.bootstrap_servers, settings.topic_prefix),
            chosen,
            on_parked=ParkedWriter(settings.bootstrap_servers, settings.topic_prefix),
            keys=keys,
        )

        def check() -> dict[str, Any]:
            statuses = host.statuses()
            live = {status.name for status in statuses if status.state == "live" and status.fault is None}
            return {
                "ok": live >= {each.name for each in chosen},
                "models": [
                    {
                        "name": status.name,
                        "build": status.key,
                        "state": status.state,
                        "position": status.position,
                        "lag_events": status.lag,
                        "lag_seconds": round(status.lag_seconds, 3),
                        "parked_streams": status.parked_streams,
                        "fault": status.fault,
                    }
                    for status in statuses
                ],
            }

        process.health.checks["read_models"] = check
        bootstrap, prefix = settings.bootstrap_servers, settings.topic_prefix
        telemetry = TelemetryBoard(settings.write_url, lambda: TelemetryTail(bootstrap, prefix))
        if not topics_ready(process):
            return
        with host:
            in_threads(process.stop, {"telemetry": telemetry.run})


def _named(name: str) -> AnyProjection:
    try:
        return projection(name)
    except KeyError as unknown:
        raise click.UsageError(unknown.args[0]) from None


def _url() -> str:
    settings = tool_settings(["DATABASE_URL"])
    assert settings.write_url
    return settings.write_url


def listing() -> list[dict[str, Any]]:
    return [
        {
            "name": build.name,
            "build": build.key,
            "state": build.state,
            "position": build.position,
            "lag": max(0, build.log_end - build.position),
            "parked_streams": build.parked_streams,
            "ok": build.fault is None and build.parked_streams == 0,
            "fault": build.fault or "",
        }
        for build in admin.status(_url())
    ]


def rebuild(name: str) -> None:
    chosen = _named(name)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}")
    with Progress(*columns, TimeRemainingColumn()) as bar:
        task = bar.add_task(f"rebuild {name}", rate="")
        try:
            for step in admin.rebuild(_url(), chosen):
                bar.update(task, completed=step.done, total=step.total, rate=f"{step.rate:,.0f} events/s")
        except (admin.NobodyBuilds, admin.RebuildStopped) as no:
            raise click.ClickException(str(no)) from None
    click.echo(f"{name} is rebuilt and live")


def parked(name: str | None) -> list[dict[str, Any]]:
    names = [_named(name).name] if name else [each.name for each in PROJECTIONS]
    return [
        {"name": each, "position": record.position, "stream": record.stream, "error": record.error}
        for each in names
        for record in admin.parked(_url(), each)
    ]


def retry(name: str) -> dict[str, Any]:
    with wiring.keyring(tool_settings(["DATABASE_URL"])) as keys:
        retried = admin.retry(_url(), _named(name), keys)
    return {"applied": retried.applied, "left": retried.still_parked}
