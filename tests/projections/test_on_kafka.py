"""The same engine on the real log: store, relay, broker, feed, read models; and who waits for them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from adapters.kafka import topics
from adapters.kafka.feed import feed_factory
from adapters.kafka.relay import Relay
from infra.stack.kafka import EmbeddedKafka
from infra.stack.processes import wait_until
from projections.engine import admin
from projections.engine.host import ProjectionHost
from projections.engine.wait import AppliedPositions, NotYetApplied
from projections.registry import PROJECTIONS, install
from tests.projections.log import Log
from tests.projections.models import live, rows, wait_applied
from tests.projections.sortie import fleet, flown, interleaved
from tests.projections.test_kills import Mortal

pytestmark = pytest.mark.slow

NAMES = tuple(projection.name for projection in PROJECTIONS)


@pytest.fixture
def prefix(kafka: EmbeddedKafka, topic_prefix: str) -> str:
    topics.create(kafka.bootstrap, topic_prefix)
    return topic_prefix


@contextmanager
def relayed(log: Log, bootstrap: str, prefix: str) -> Iterator[None]:
    stop = threading.Event()
    relay = Relay(log.url, bootstrap, topic_prefix=prefix, holder="test", lease_seconds=2)
    thread = threading.Thread(target=relay.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_what_is_committed_is_in_every_read_model(log: Log, kafka: EmbeddedKafka, prefix: str) -> None:
    install(log.url)
    feeds = feed_factory(kafka.bootstrap, prefix)
    with relayed(log, kafka.bootstrap, prefix):
        last = log.append(*fleet(), *interleaved(*(flown(f"f{n}") for n in range(20))))
        with ProjectionHost(log.url, feeds, PROJECTIONS, keys=log.keys) as host:
            wait_applied(host, log.url, last, *NAMES)
        last = log.append(*interleaved(*(flown(f"g{n}") for n in range(20))))
        with ProjectionHost(
            log.url, feeds, PROJECTIONS, keys=log.keys
        ) as host:  # a new process goes on from the checkpoint
            wait_applied(host, log.url, last, *NAMES)
            for projection in PROJECTIONS:
                *_, progress = admin.rebuild(log.url, projection)
                assert (progress.done, progress.live) == (last, True)
    assert [row["content"] for row in rows(log.url, "audit_trail_events")] == log.contents()
    assert {row["phase"] for row in rows(log.url, "live_board_flights")} == {"landed"}
    for name in NAMES:
        build = live(log.url, name)
        assert build is not None
        assert (build.build, build.rolling_hash) == (2, log.store.head().rolling_hash)


def test_a_replaced_log_stops_the_read_model_until_it_is_rebuilt(log: Log, kafka: EmbeddedKafka, prefix: str) -> None:
    last = log.append(*fleet())
    with (
        relayed(log, kafka.bootstrap, prefix),
        ProjectionHost(log.url, feed_factory(kafka.bootstrap, prefix), PROJECTIONS, keys=log.keys) as host,
    ):
        wait_applied(host, log.url, last, *NAMES)
    other = f"{prefix}other"
    topics.create(kafka.bootstrap, other)
    with (
        relayed(log, kafka.bootstrap, other),
        ProjectionHost(log.url, feed_factory(kafka.bootstrap, other), PROJECTIONS, keys=log.keys) as host,
    ):
        assert wait_until(lambda: all("projections rebuild" in str(s.fault) for s in host.statuses()), 120)
        for projection in PROJECTIONS:
            *_, progress = admin.rebuild(log.url, projection)
            assert progress.live
        wait_applied(host, log.url, log.append(*flown("late")), *NAMES)


def test_a_projector_killed_on_the_log_goes_on_without_loss(
    log: Log, kafka: EmbeddedKafka, prefix: str, tmp_path: Path
) -> None:
    mortal, numbers = Mortal("audit", log, tmp_path, kafka.bootstrap, prefix), count()
    log.append(*fleet())
    with relayed(log, kafka.bootstrap, prefix):
        for failpoint in ("projector.before_commit:2", "projector.after_commit:2"):
            with mortal.running(failpoint) as process:
                mortal.await_death(process, lambda: log.append(*flown(f"f{next(numbers)}")))
        last = log.store.head().position
        with mortal.running():
            assert wait_until(lambda: live(log.url, "audit_trail").position == last, 120)  # type: ignore[union-attr]
    assert mortal.hits() == ["projector.before_commit", "projector.after_commit"]
    assert [row["content"] for row in rows(log.url, "audit_trail_events")] == log.contents()


def test_a_reader_waits_for_its_own_write_and_a_subscriber_hears_of_every_change(
    log: Log, kafka: EmbeddedKafka, prefix: str
) -> None:
    async def story() -> None:
        async with AppliedPositions(log.url) as applied:
            first = await asyncio.to_thread(log.append, *fleet())
            assert await applied.wait_for("live_board", first, 60) >= first
            heard: list[int] = []

            async def subscriber() -> None:
                async for position in applied.changes("live_board"):
                    heard.append(position)
                    if position >= first + 3:
                        return

            listening = asyncio.create_task(subscriber())
            for event in flown("f1")[:3]:
                last = await asyncio.to_thread(log.append, event)
                await applied.wait_for("live_board", last, 60)
            await asyncio.wait_for(listening, 60)
            assert heard == sorted(heard)  # one position may be heard twice, read and notified; none goes back
            assert heard[-1] == last
            with pytest.raises(NotYetApplied, match=f"not yet at {last + 1}"):
                await applied.wait_for("live_board", last + 1, 0.1)
            assert applied.position("audit_trail") <= last

    install(log.url)
    with (
        relayed(log, kafka.bootstrap, prefix),
        ProjectionHost(log.url, feed_factory(kafka.bootstrap, prefix), PROJECTIONS, keys=log.keys),
    ):
        asyncio.run(story())
