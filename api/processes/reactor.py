"""`saferweho reactor`: reactions to events, each on its own checkpoint."""

from __future__ import annotations

from typing import Any

from adapters.kafka import topics
from adapters.kafka.feed import feed_factory
from api.processes import wiring
from api.processes.running import in_threads, running
from api.settings import Settings
from application.accounts import Accounts
from application.handling import Handler, Unavailable
from application.reactions import IssuedCommand
from application.reactions.suspension import EndSessionsOfSuspended
from application.standing import service
from projections.engine.reactor import Reactor, TryAgain


def run() -> None:
    with running("reactor", ["DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS"]) as process:
        settings = process.settings
        assert settings.write_url and settings.bootstrap_servers
        topics.require(settings.bootstrap_servers, settings.topic_prefix)
        with wiring.handler(settings) as handler:
            reactors = reactors_of(settings, handler)

            def check() -> dict[str, Any]:
                statuses = [reactor.status() for reactor in reactors]
                return {
                    "ok": all(status.fault is None for status in statuses),
                    "reactions": [
                        {"name": s.name, "position": s.position, "lag_events": s.lag, "fault": s.fault}
                        for s in statuses
                    ],
                }

            process.health.checks["reactions"] = check
            in_threads(process.stop, {reactor.status().name: reactor.run for reactor in reactors})


def reactors_of(settings: Settings, handler: Handler) -> list[Reactor]:
    """One for each rule. Needs DATABASE_URL and KAFKA_BOOTSTRAP_SERVERS."""
    assert settings.write_url and settings.bootstrap_servers
    accounts = Accounts(handler)
    actor = service("service-reactor")

    def end_session(command: IssuedCommand) -> None:
        told = accounts.sign_off_person(
            actor,
            command.key,
            command.command_id,
            causation_id=str(command.because.envelope.id),
            correlation_id=command.because.envelope.correlationid,
        )
        if isinstance(told, Unavailable):
            raise TryAgain(told.message)

    feeds = feed_factory(settings.bootstrap_servers, settings.topic_prefix)
    return [Reactor(settings.write_url, feeds, EndSessionsOfSuspended(), end_session)]
