"""`saferweho reactor`: reactions to events, each on its own checkpoint."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import psycopg
import structlog

from adapters.heartbeats import PostgresHeartbeats
from adapters.kafka.feed import feed_factory
from api.processes import wiring
from api.processes.running import in_threads, running, topics_ready
from api.settings import Settings
from application.accounts import Accounts
from application.handling import Handler, Unavailable
from application.notices import Carry, Notices, Tell
from application.ports import StoreUnavailable
from application.reactions import IssuedCommand
from application.reactions.destroying import DestroyFootageKeys, DestroyKeys
from application.reactions.looking import EndViewsThatAreNoLongerLet
from application.reactions.suspension import EndSessionsOfSuspended
from application.sealing import KeyStore
from application.standing import service
from application.viewings import Viewings
from application.views import EndingViews, Views
from projections.engine.reactor import Reactor, TryAgain

REACTOR = "service-reactor"
LISTEN_S = 1.0
SWEEP_S = 30.0
log = structlog.get_logger()


def run() -> None:
    with running("reactor", ["DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS"]) as process:
        settings = process.settings
        assert settings.write_url and settings.bootstrap_servers
        with wiring.handler(settings, acts_as=REACTOR) as handler, ExitStack() as stack:
            footage_keys = stack.enter_context(wiring.footage_keys(settings))
            reactors = reactors_of(settings, handler, footage_keys)
            heartbeats = stack.enter_context(PostgresHeartbeats(settings.write_url))

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
            work: dict[str, Callable[[threading.Event], None]] = {
                reactor.status().name: reactor.run for reactor in reactors
            }
            work |= {"heartbeats": Listener(Views(handler, heartbeats)).run, "sweep": Sweeper(handler.keys.store).run}
            if topics_ready(process):
                in_threads(process.stop, work)


class Sweeper:
    """Clears the files of the key store of what was destroyed."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store

    def run(self, stop: threading.Event) -> None:
        while not stop.wait(SWEEP_S):
            try:
                if self._store.sweep():
                    log.info("key_store_swept")
            except (StoreUnavailable, psycopg.Error) as error:
                log.warning("sweep.retry", error=repr(error))


class Listener:
    """Ends the views that are not heard of any more."""

    def __init__(self, views: Views) -> None:
        self._views = views

    def run(self, stop: threading.Event) -> None:
        actor = service(REACTOR)
        while not stop.wait(LISTEN_S):
            try:
                self._views.end_lost(actor)
            except (StoreUnavailable, psycopg.Error) as error:
                log.warning("heartbeats.retry", error=repr(error))


def reactors_of(settings: Settings, handler: Handler, footage_keys: KeyStore) -> list[Reactor]:
    """One for each rule. Needs DATABASE_URL and KAFKA_BOOTSTRAP_SERVERS."""
    assert settings.write_url and settings.bootstrap_servers
    accounts, views, viewings = Accounts(handler), EndingViews(handler), Viewings(handler)
    actor = service(REACTOR)

    def end_session(command: IssuedCommand) -> None:
        told = accounts.sign_off_person(
            actor,
            command.key,
            command.command_id,
            causation_id=str(command.because.envelope.id),
            correlation_id=command.because.envelope.correlationid,
            reason=command.command.reason,
        )
        if isinstance(told, Unavailable):
            raise TryAgain(told.message)

    def end_look(command: IssuedCommand) -> None:
        told = (views if command.aggregate == "liveview" else viewings).end(
            actor,
            command.key,
            command.command,
            command.command_id,
            str(command.because.envelope.id),
            command.because.envelope.correlationid,
        )
        if isinstance(told, Unavailable):
            raise TryAgain(told.message)

    notices, messenger = Notices(handler), wiring.messenger(settings)

    def tell(command: IssuedCommand) -> None:
        if isinstance(told := notices.send(actor, command), Unavailable):
            raise TryAgain(told.message)

    def carry(command: IssuedCommand) -> None:
        if isinstance(told := notices.carry(actor, messenger, command), Unavailable):
            raise TryAgain(told.message)

    telling = Tell(mail=messenger.mail_server is not None, endpoints=sorted(messenger.webhooks))

    def destroy(command: IssuedCommand) -> None:
        handler.keys.store.destroy(command.key)
        handler.keys.forget(command.key)

    def destroy_footage(footage: str) -> None:
        footage_keys.destroy(footage)

    feeds = feed_factory(settings.bootstrap_servers, settings.topic_prefix)
    return [
        Reactor(settings.write_url, feeds, DestroyKeys(), destroy),
        Reactor(settings.write_url, feeds, DestroyFootageKeys(), lambda command: destroy_footage(command.key)),
        Reactor(settings.write_url, feeds, telling, tell),
        Reactor(settings.write_url, feeds, Carry(), carry),
        Reactor(settings.write_url, feeds, EndSessionsOfSuspended(), end_session),
        Reactor(settings.write_url, feeds, EndViewsThatAreNoLongerLet(), end_look),
    ]
