"""`saferweho relay`."""

from __future__ import annotations

import os
import socket
from typing import Any

from adapters.kafka.relay import Relay
from api.processes.running import running, topics_ready


def run() -> None:
    with running("relay", ["DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS"]) as process:
        settings = process.settings
        assert settings.write_url and settings.bootstrap_servers
        relay = Relay(
            settings.write_url,
            settings.bootstrap_servers,
            topic_prefix=settings.topic_prefix,
            holder=f"{socket.gethostname()}:{os.getpid()}",
        )

        def check() -> dict[str, Any]:
            status = relay.status()
            return {
                "ok": status.state in ("leading", "standby"),
                "state": status.state,
                "position": status.position,
                "lag_events": status.lag_events,
                "lag_seconds": round(status.lag_seconds, 3),
                "error": status.error,
            }

        process.health.checks["relay"] = check
        if topics_ready(process):
            relay.run(process.stop)
