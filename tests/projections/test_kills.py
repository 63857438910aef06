"""kill -9 of projectors and reactors under load, at named places, each shown to have been hit."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from application.sealing import DESTROYED
from domain.kernel import PersonId
from domain.person import Suspended
from domain.session import SignedOff, SignedOn, SignOffReason
from infra.stack.processes import wait_until
from projections.audit_trail.projection import AUDIT_TRAIL
from projections.engine.host import ProjectionHost
from projections.live_board.projection import LIVE_BOARD
from tests.projections.log import START, Log, store_feeds
from tests.projections.models import applied, live, rows, tables
from tests.projections.sortie import fleet, flown, received
from tests.projections.test_projector import AUDIT_TABLES, BOARD_TABLES
from tests.projections.test_shredding import destroyed, hit

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]


class Mortal:
    """Runs `process.py` and counts how often it died at its failpoint."""

    def __init__(self, what: str, log: Log, folder: Path, *kafka: str) -> None:
        self._argv = [sys.executable, "-m", "tests.projections.process", what, log.url, *kafka]
        self._hits = folder / "failpoints"

    @contextmanager
    def running(self, failpoint: str = "") -> Iterator[subprocess.Popen[bytes]]:
        environment = dict(os.environ, SAFERWEHO_FAILPOINT=failpoint, SAFERWEHO_FAILPOINT_LOG=str(self._hits))
        process = subprocess.Popen(self._argv, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def await_death(self, process: subprocess.Popen[bytes], meanwhile: Callable[[], object]) -> None:
        """Under load: `meanwhile` is done fifty times a second at most, until the process is dead."""
        while process.poll() is None:
            meanwhile()
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.02)
        assert process.returncode == -9

    def hits(self) -> list[str]:
        return self._hits.read_text().split() if self._hits.exists() else []


@pytest.mark.parametrize(
    ("what", "projection", "names"),
    [("board", LIVE_BOARD, BOARD_TABLES), ("audit", AUDIT_TRAIL, AUDIT_TABLES)],
    ids=["board", "audit"],
)
def test_a_projector_killed_around_its_commit_loses_nothing_and_doubles_nothing(
    log: Log, tmp_path: Path, what: str, projection: object, names: tuple[str, ...]
) -> None:
    assert projection in (LIVE_BOARD, AUDIT_TRAIL)
    model = LIVE_BOARD if projection is LIVE_BOARD else AUDIT_TRAIL
    mortal = Mortal(what, log, tmp_path)
    log.append(*fleet(), *received("26-0"))
    numbers = count()
    for failpoint in ("projector.before_commit:2", "projector.after_commit:3"):
        with mortal.running(failpoint) as process:
            mortal.await_death(process, lambda: log.append(*flown(f"f{next(numbers)}")))
    assert mortal.hits() == ["projector.before_commit", "projector.after_commit"]
    last = log.store.head().position
    with mortal.running():
        assert wait_until(lambda: applied(log.url, model.name) == last, 90)

    first = live(log.url, model.name)
    assert first is not None
    assert first.rolling_hash == log.store.head().rolling_hash
    # A build of one process that nobody kills has the same rows.
    with ProjectionHost(log.url, store_feeds(log.url), [replace(model, version=model.version + 1)]) as host:
        assert wait_until(lambda: live(log.url, model.name).version == model.version + 1, 90), host.statuses()  # type: ignore[union-attr]
    second = live(log.url, model.name)
    assert second is not None
    assert tables(log.url, first.key, *names) == tables(log.url, second.key, *names)


def test_reactions_fire_exactly_once_however_often_the_reactor_is_killed(log: Log, tmp_path: Path) -> None:
    """Ten people with three sessions each, of which one is over, are suspended."""
    for p in range(10):
        person = PersonId(f"p{p}")
        for s in range(3):
            log.append((f"session-{p}-{s}", SignedOn(person, "https://issuer", "pwd", "10.0.0.7", START)))
        log.append((f"session-{p}-0", SignedOff(SignOffReason.CLOSED)))
        log.append((f"person-p{p}", Suspended(PersonId("p-cook"), "under investigation")))
    mortal = Mortal("reaction", log, tmp_path)
    places = ("reactor.after_issue:1", "reactor.after_issue:2", "reactor.before_commit:1", "reactor.after_issue:5")
    for place in places:
        with mortal.running(place) as process:
            process.wait(120)
            assert process.returncode == -9
    assert mortal.hits() == [place.partition(":")[0] for place in places]
    last = log.store.head().position
    with mortal.running():
        assert wait_until(lambda: applied(log.url, "reaction:suspension") >= log.store.head().position > last, 90)
    ended = Counter(r.stream for r in log.recorded() if r.event == SignedOff(SignOffReason.SUSPENDED))
    assert ended == {f"session-{p}-{s}": 1 for p in range(10) for s in (1, 2)}
    closed = [r for r in log.recorded() if r.event == SignedOff(SignOffReason.CLOSED)]
    assert len(closed) == 10


def test_a_suspension_ends_the_sessions_that_are_open(log: Log, tmp_path: Path) -> None:
    ann, ben = PersonId("ann"), PersonId("ben")
    log.append(
        ("session-a1", SignedOn(ann, "https://issuer", "pwd", "10.0.0.7", START)),
        ("session-b1", SignedOn(ben, "https://issuer", "pwd", "10.0.0.8", START)),
        ("person-ann", Suspended(PersonId("p-cook"), "under investigation")),
    )
    cause = next(r.envelope.id for r in log.recorded() if isinstance(r.event, Suspended))
    with Mortal("reaction", log, tmp_path).running():
        assert wait_until(lambda: applied(log.url, "reaction:suspension") >= 4, 90)
    last = list(log.recorded())[-1]
    assert (last.stream, last.event) == ("session-a1", SignedOff(SignOffReason.SUSPENDED))
    assert last.envelope.causationid == str(cause)
    assert rows(log.url, "reaction_memory", "projections")


def test_a_key_whose_destruction_is_on_the_record_goes_whenever_the_reactor_is_killed(log: Log, tmp_path: Path) -> None:
    """Killed between the event and the key, and between the key and the checkpoint."""
    subjects = [f"plate-{n}" for n in range(6)]
    for subject in subjects:
        log.append(hit(0, subject), destroyed(log, subject))
    assert DESTROYED not in log.keys.store.find(subjects).values(), "the event alone destroys nothing"
    mortal = Mortal("keys", log, tmp_path)
    places = ("reactor.after_issue:1", "reactor.after_issue:3", "reactor.before_commit:1")
    for place in places:
        with mortal.running(place) as process:
            process.wait(120)
            assert process.returncode == -9
    assert mortal.hits() == [place.partition(":")[0] for place in places]
    with mortal.running():
        gone = dict.fromkeys(subjects, DESTROYED)
        assert wait_until(lambda: log.keys.store.find(subjects) == gone, 60)
