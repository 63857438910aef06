"""What every process does at its start and end: settings, logs, health, and a clean stop on SIGTERM or Ctrl-C."""

from __future__ import annotations

import resource
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import click
import structlog
from kafka.errors import KafkaError
from tenacity import RetryCallState, Retrying, retry_if_exception, sleep_using_event, wait_exponential

from adapters.kafka import clients, topics
from api import observability, settings

ASK_BROKER_S = (0.25, 5.0)  # between two looks for an absent broker: first, longest

log = structlog.get_logger()


@dataclass
class Running:
    """A started process: wait on `stop`, add to `health`."""

    settings: settings.Settings
    health: observability.Health
    stop: threading.Event


@contextmanager
def running(process: str, needs: Sequence[str]) -> Iterator[Running]:
    """Exit code 2 and a line per setting where the settings do not allow a start."""
    _leave_no_core()
    try:
        chosen = settings.load(needs)
    except settings.SettingsError as error:
        click.echo(error, err=True)
        raise SystemExit(2) from None
    observability.configure(process, chosen.log_level.value.upper(), chosen.otlp_endpoint)
    clients.secure(**chosen.kafka_security)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    health = observability.Health(process)
    try:
        stop_health = observability.serve_health(health, chosen.health_host, chosen.health_port)
    except OSError as error:
        at = f"{chosen.health_host} port {chosen.health_port}"
        click.echo(
            f"SAFERWEHO_HEALTH_HOST, SAFERWEHO_HEALTH_PORT: nobody can listen at {at} ({error.strerror or error}); "
            "accepted: an address of this machine, and a free port or 0",
            err=True,
        )
        raise SystemExit(2) from None
    log.info("started")
    try:
        yield Running(chosen, health, stop)
    except Exception:
        log.exception("stopped_by_error")
        raise
    finally:
        stop_health()
        log.info("stopped")


def _leave_no_core() -> None:
    """What a process has in memory, pictures and keys in the clear, is on no disk after a crash either. A limit of one
    byte is too small for a file, and the kernel's word for giving it to no program (core(5), fs/coredump.c)."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    least = 0 if most == 0 else 1
    resource.setrlimit(resource.RLIMIT_CORE, (least, least))


def topics_ready(process: Running) -> bool:
    """Wait until a broker answers, however long it is away, and say so in `/health/ready`; False when told to stop.

    Raises TopicsNotReady and whatever else no waiting mends: it ends the process.
    """
    chosen, away = process.settings, "nobody was asked yet"
    assert chosen.bootstrap_servers
    bootstrap, prefix = chosen.bootstrap_servers, chosen.topic_prefix
    process.health.checks["topics"] = lambda: {"ok": False, "error": away} if away else {"ok": True}

    def look() -> bool:
        if process.stop.is_set():
            return False
        topics.require(bootstrap, prefix)
        return True

    def tell(attempt: RetryCallState) -> None:
        nonlocal away
        assert attempt.outcome is not None
        away = f"Kafka at {bootstrap} does not answer, or not us ({attempt.outcome.exception()}); trying again"
        log.warning("waiting_for_broker", error=away, after_s=attempt.upcoming_sleep)

    patiently = Retrying(
        retry=retry_if_exception(_is_away),
        wait=wait_exponential(ASK_BROKER_S[0], max=ASK_BROKER_S[1]),
        sleep=sleep_using_event(process.stop),
        before_sleep=tell,
    )
    found = patiently(look)
    away = ""
    return found


def _is_away(error: BaseException) -> bool:
    """Nobody listens there, no name leads there, or what listens is not yet ready."""
    return isinstance(error, KafkaError) and bool(error.retriable)


def in_threads(stop: threading.Event, work: dict[str, Callable[[threading.Event], None]]) -> None:
    """Run each piece of work in a thread; the first that ends or fails stops all. Raises what it raised."""
    failures: list[BaseException] = []

    def run(name: str, what: Callable[[threading.Event], None]) -> None:
        try:
            what(stop)
        except BaseException as error:
            log.exception("failed", part=name)
            failures.append(error)
        finally:
            stop.set()

    threads = [threading.Thread(target=run, args=item, name=item[0]) for item in work.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
