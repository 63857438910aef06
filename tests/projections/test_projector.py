"""The engine: order, restart, fence, poison, parking, rebuild, versions; in a real database."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from application.codec import Recorded
from domain.kernel import EVENT_NAMES, EVENT_TYPES, event
from domain.person import Enrolled
from infra.stack.postgres import EmbeddedPostgres
from infra.stack.processes import wait_until
from projections.audit_trail import queries
from projections.audit_trail.projection import AUDIT_TRAIL
from projections.engine import admin, catalogue
from projections.engine.feed import FeedBatch, FeedState, MissingPosition
from projections.engine.host import ProjectionHost
from projections.engine.projection import AnyProjection, Cursor, Fenced, Park, Projection, Stop
from projections.engine.projector import Projector
from projections.engine.reading import checkpoint, incomplete_streams
from projections.live_board.projection import LIVE_BOARD
from tests.projections.log import Log, StoreFeed, store_feeds
from tests.projections.models import Row, applied, ask, live, rows, tables, wait_applied
from tests.projections.sortie import Events, fleet, flown, interleaved, received

pytestmark = pytest.mark.slow

BOARD_TABLES = ("calls", "units", "docks", "drones", "flights", "people")
AUDIT_TABLES = ("events", "subjects", "hours")


def sorties(count: int) -> Events:
    return [*fleet(), *interleaved(*(flown(f"f{n}", f"26-{n}") for n in range(count)), received("26-0"))]


@contextmanager
def hosted(log: Log, *projections: AnyProjection, batch: int = 7, **options: Any) -> Iterator[ProjectionHost]:
    with ProjectionHost(log.url, store_feeds(log.url, batch), projections, **options) as host:
        yield host


def start(log: Log, projection: AnyProjection) -> str:
    """The key of a new live build."""
    catalogue.install(log.url)
    with catalogue.connect(log.url) as connection:
        return catalogue.ensure(connection, projection)[0].key


class StopsAfter(StoreFeed):
    """Ends the run after so many batches, wherever that is."""

    def __init__(self, log: Log, start: FeedState, stop: threading.Event, batches: int) -> None:
        super().__init__(log.url, start, 7)
        self._stop, self._left = stop, batches

    def poll(self, timeout: float, limit: int = 5000) -> FeedBatch | None:
        self._left -= 1
        if self._left <= 0:
            self._stop.set()
        return super().poll(timeout if self._left > 0 else 0, limit)


# -- order and restart -----------------------------------------------------------


@pytest.mark.parametrize("projection", [LIVE_BOARD, AUDIT_TRAIL], ids=lambda p: p.name)
def test_a_projector_that_ends_anywhere_goes_on_from_there(log: Log, projection: AnyProjection) -> None:
    last = log.append(*sorties(6))
    key = start(log, projection)
    for _ in range(40):
        stop = threading.Event()
        Projector(
            log.url,
            lambda state, stop=stop: StopsAfter(log, state, stop, 2),
            projection,
            key,
        ).run(stop)
        if applied(log.url, projection.name) == last:
            break
    names = BOARD_TABLES if projection is LIVE_BOARD else AUDIT_TABLES
    found = tables(log.url, key, *names)
    build = live(log.url, projection.name)
    assert build is not None
    assert (build.position, build.rolling_hash) == (last, log.store.head().rolling_hash)

    with hosted(log, projection, batch=1000):  # in one go
        with catalogue.connect(log.url) as connection:
            other = catalogue.request_rebuild(connection, projection)
        assert wait_until(lambda: live(log.url, projection.name).key == other.key, 60)  # type: ignore[union-attr]
    assert tables(log.url, other.key, *names) == found


class Repeats(StoreFeed):
    """Gives every record twice, as a log after an unclear send does; each batch begins before the checkpoint."""

    def poll(self, timeout: float, limit: int = 5000) -> FeedBatch | None:
        batch = super().poll(timeout, limit)
        return batch and replace(batch, records=[*getattr(self, "last", []), *self._keep(batch)])

    def _keep(self, batch: FeedBatch) -> Sequence[Any]:
        self.last = batch.records
        return batch.records


def test_a_record_that_comes_again_is_applied_once(log: Log) -> None:
    last = log.append(*sorties(3))
    with ProjectionHost(log.url, lambda start: Repeats(log.url, start, 5), [AUDIT_TRAIL]) as host:
        wait_applied(host, log.url, last, "audit_trail")
    assert [row["position"] for row in rows(log.url, "audit_trail_events")] == list(range(1, last + 1))


def test_a_gap_is_told_and_heals_by_itself(log: Log) -> None:
    last = log.append(*sorties(2))
    mended = threading.Event()

    class Gap(StoreFeed):
        def poll(self, timeout: float, limit: int = 5000) -> FeedBatch | None:
            if self._state.position >= 10 and not mended.is_set():
                raise MissingPosition(self._state.position + 1, last)
            return super().poll(timeout, limit)

    with ProjectionHost(log.url, lambda start: Gap(log.url, start, 5), [AUDIT_TRAIL]) as host:
        assert wait_until(lambda: "is missing in the log" in str(host.statuses()[0].fault), 60), host.statuses()
        assert "is missing in the log" in str(live(log.url, "audit_trail").fault)  # type: ignore[union-attr]
        mended.set()
        wait_applied(host, log.url, last, "audit_trail")
        assert wait_until(lambda: host.statuses()[0].fault is None, 60)


def test_the_database_may_restart_under_a_projector(log: Log, postgres_server: EmbeddedPostgres) -> None:
    last = log.append(*sorties(2))
    with hosted(log, AUDIT_TRAIL, LIVE_BOARD) as host:
        wait_applied(host, log.url, last, "audit_trail", "live_board")
        with psycopg.connect(log.url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'saferweho projector' AND datname = current_database()"
            )
        last = log.append(*flown("late"))
        wait_applied(host, log.url, last, "audit_trail", "live_board")
        assert wait_until(lambda: all(status.fault is None for status in host.statuses()), 60)


# -- the fence -------------------------------------------------------------------


def test_a_projector_with_an_old_fence_cannot_write(log: Log) -> None:
    log.append(*sorties(2))
    key = start(log, AUDIT_TRAIL)
    stop = threading.Event()
    claimed: list[catalogue.Build] = []

    class TakenOver(StoreFeed):
        def poll(self, timeout: float, limit: int = 5000) -> FeedBatch | None:
            batch = super().poll(timeout, limit)
            if not claimed:  # another process claims the build between the read and the write
                with catalogue.connect(log.url) as connection:
                    claimed.append(catalogue.claim(connection, key))
            return batch

    with pytest.raises(Fenced):
        Projector(log.url, lambda start: TakenOver(log.url, start), AUDIT_TRAIL, key).run(stop)
    assert rows(log.url, "audit_trail_events") == []
    assert applied(log.url, "audit_trail") == 0


def test_what_a_read_model_has_no_use_for_moves_its_checkpoint_and_no_row(log: Log) -> None:
    log.append(*sorties(3))
    last = log.append(*interleaved(*(flown(f"g{n}", f"26-{n}") for n in range(3))))
    written: list[int] = []
    named: Projection[list[int]] = Projection(
        name="named",
        version=1,
        tables="CREATE TABLE people (position bigint PRIMARY KEY)",
        handles=frozenset({Enrolled}),
        changes=lambda events: [recorded.position for recorded in events],
        write=lambda cursor, positions: written.extend(positions),
        on_error=lambda failure: Stop(),
    )
    enrolled = [r.position for r in log.recorded() if isinstance(r.event, Enrolled)]
    with hosted(log, named) as host:
        wait_applied(host, log.url, last, "named")
    build = live(log.url, "named")
    assert build is not None
    assert enrolled
    assert (written, build.rolling_hash) == (enrolled, log.store.head().rolling_hash)


def test_a_projector_with_an_old_fence_cannot_even_move_its_checkpoint(log: Log) -> None:
    log.append(*sorties(2))
    behind_people = max(r.position for r in log.recorded() if isinstance(r.event, Enrolled))
    log.append(*interleaved(*(flown(f"g{n}", f"26-{n}") for n in range(3))))
    unmoved: Projection[list[int]] = Projection(
        name="unmoved",
        version=1,
        tables="CREATE TABLE people (position bigint PRIMARY KEY)",
        handles=frozenset({Enrolled}),
        changes=lambda events: [recorded.position for recorded in events],
        write=lambda cursor, positions: None,
        on_error=lambda failure: Stop(),
    )
    key = start(log, unmoved)
    claimed: list[int] = []

    class TakenOver(StoreFeed):
        def poll(self, timeout: float, limit: int = 5000) -> FeedBatch | None:
            batch = super().poll(timeout, limit)
            if batch is not None and batch.records[0].position > behind_people and not claimed:
                with catalogue.connect(log.url) as connection:
                    catalogue.claim(connection, key)
                claimed.append(batch.records[0].position - 1)
            return batch

    with pytest.raises(Fenced):
        Projector(log.url, lambda start: TakenOver(log.url, start, 3), unmoved, key).run(threading.Event())
    assert [applied(log.url, "unmoved")] == claimed


def test_of_two_hosts_the_later_one_works_and_the_other_says_so(log: Log) -> None:
    last = log.append(*sorties(2))
    with hosted(log, AUDIT_TRAIL) as first:
        wait_applied(first, log.url, last, "audit_trail")
        with hosted(log, AUDIT_TRAIL) as second:
            assert wait_until(lambda: any("another process" in str(s.fault) for s in first.statuses()), 60)
            last = log.append(*flown("late"))
            wait_applied(second, log.url, last, "audit_trail")
    assert len(rows(log.url, "audit_trail_events")) == last


# -- poison ----------------------------------------------------------------------


@contextmanager
def newer_code() -> Iterator[type]:
    """Code that knows an event which this code doesn't."""

    @event("flight.beamed_up")
    class BeamedUp:
        """Not yet."""

    try:
        yield BeamedUp
    finally:
        del EVENT_TYPES[EVENT_NAMES.pop(BeamedUp)]


def poisoned(log: Log) -> tuple[int, int]:
    """A sortie whose middle holds an event nobody can read. Returns its position and the last one."""
    log.append(*fleet(), *received("26-1"), *flown("good"))
    middle = flown("bad")
    log.append(*middle[:4])
    with newer_code() as beamed_up:
        poison = log.append(("flight-bad", beamed_up()))
    return poison, log.append(*middle[4:], *flown("later"))


def test_a_poison_event_stops_the_audit_trail_with_a_clear_error(log: Log) -> None:
    poison, last = poisoned(log)
    with hosted(log, AUDIT_TRAIL) as host:
        assert wait_until(lambda: host.statuses()[0].fault and applied(log.url, "audit_trail") == poison - 1, 60)
        fault = host.statuses()[0].fault
        build = live(log.url, "audit_trail")
    assert fault is not None
    assert build is not None
    assert f"stopped at position {poison}" in fault
    assert "flight-bad" in fault
    assert "saferweho projections retry" in fault
    assert (build.fault, build.fault_position) == (fault, poison)
    assert [row["position"] for row in rows(log.url, "audit_trail_events")] == list(range(1, poison))
    assert applied(log.url, "audit_trail") < last


def test_a_poison_event_parks_its_stream_on_the_board_and_a_retry_heals_it(log: Log) -> None:
    poison, last = poisoned(log)
    told: list[int] = []
    with hosted(log, LIVE_BOARD, on_parked=lambda name, parked: told.extend(p.position for p in parked)) as host:
        wait_applied(host, log.url, last, "live_board")
        phases = {row["flight"]: row["phase"] for row in rows(log.url, "live_board_flights")}
        assert phases == {"good": "landed", "bad": "en_route", "later": "landed"}
        assert ask(log.url, incomplete_streams, "live_board") == ("flight-bad",)
        parked = admin.parked(log.url, "live_board")
        assert [p.stream for p in parked] == ["flight-bad"] * 6
        assert parked[0].position == poison
        assert "not in the registry" in parked[0].error
        assert sorted(set(told)) == [p.position for p in parked]
        before = ask(log.url, checkpoint, "live_board")

        retried = admin.retry(log.url, LIVE_BOARD)  # the event is still unknown
        assert (retried.applied, retried.still_parked) == (0, 6)

        with newer_code():
            retried = admin.retry(log.url, LIVE_BOARD)
        assert (retried.applied, retried.still_parked) == (6, 0)
        after = ask(log.url, checkpoint, "live_board")
        assert (after.incomplete, after.position) == ((), before.position)
        assert after.revision > before.revision  # so that no kept answer of this position is given any more

        last = log.append(("flight-bad", flown("bad")[6][1]))  # the projector knows that it isn't parked any more
        wait_applied(host, log.url, last, "live_board")
    phases = {row["flight"]: row["phase"] for row in rows(log.url, "live_board_flights")}
    assert phases["bad"] == "landed"
    assert admin.parked(log.url, "live_board") == []


def test_an_event_that_the_database_refuses_is_found_in_its_batch(log: Log) -> None:
    def write(cursor: Cursor, streams: list[tuple[int, str]]) -> None:
        cursor.executemany("INSERT INTO seen VALUES (%s, %s)", streams)

    fussy = Projection(
        name="fussy",
        version=1,
        tables="CREATE TABLE seen (position bigint, stream text CHECK (stream <> 'flight-f2'));",
        handles=None,
        changes=lambda batch: [(recorded.position, recorded.stream) for recorded in batch],
        write=write,
        on_error=lambda failure: Park(),
    )
    events = [(f"flight-f{n}", flown("x")[0][1]) for n in (1, 2, 3, 2, 1)]
    last = log.append(*events)
    with hosted(log, fussy, batch=100) as host:
        wait_applied(host, log.url, last, "fussy")
        (first, second) = admin.parked(log.url, "fussy")
    assert [row["position"] for row in rows(log.url, "fussy_seen")] == [1, 3, 5]
    assert (first.position, second.position) == (2, 4)
    assert "CheckViolation" in first.error
    assert "earlier event" in second.error


def test_a_stopped_audit_trail_goes_on_when_told_to_try_again(log: Log) -> None:
    poison, last = poisoned(log)
    with hosted(log, AUDIT_TRAIL) as host:
        assert wait_until(lambda: applied(log.url, "audit_trail") == poison - 1 and host.statuses()[0].fault, 60)
        with newer_code():
            admin.retry(log.url, AUDIT_TRAIL)
            wait_applied(host, log.url, last, "audit_trail")
            assert wait_until(lambda: host.statuses()[0].fault is None, 60)
    assert len(rows(log.url, "audit_trail_events")) == last


def test_a_missing_table_stops_a_board_instead_of_parking_every_stream(log: Log) -> None:
    key = start(log, LIVE_BOARD)
    with psycopg.connect(log.url) as connection:
        connection.execute(f"ALTER TABLE {key}.drones RENAME TO hidden".encode())
    last = log.append(*sorties(2))
    with hosted(log, LIVE_BOARD, batch=100) as host:
        assert wait_until(lambda: "UndefinedTable" in str(host.statuses()[0].fault), 60)
        assert admin.parked(log.url, "live_board") == []
        with psycopg.connect(log.url) as connection:
            connection.execute(f"ALTER TABLE {key}.hidden RENAME TO drones".encode())
        admin.retry(log.url, LIVE_BOARD)
        wait_applied(host, log.url, last, "live_board")


def test_more_poisoned_streams_than_the_limit_stop_the_projector(log: Log) -> None:
    for n in range(4):
        last = log.raw(f"flight-{n}", b"noise")
    cautious = replace(LIVE_BOARD, on_error=lambda failure: Park(limit=2))
    with hosted(log, cautious) as host:
        assert wait_until(lambda: "2 streams are parked already" in str(host.statuses()[0].fault), 60)
        assert applied(log.url, "live_board") == 2 < last


# -- rebuilding and versions -----------------------------------------------------


def test_a_rebuild_goes_on_beside_the_live_board_and_gives_equal_rows(log: Log) -> None:
    last = log.append(*sorties(8))
    with hosted(log, LIVE_BOARD) as host:
        wait_applied(host, log.url, last, "live_board")
        before = live(log.url, "live_board")
        assert before is not None
        seen: list[int] = []
        for progress in admin.rebuild(log.url, LIVE_BOARD, every=0.01):
            seen.append(len(rows(log.url, "live_board_flights")))  # never dark, never half built
            if not progress.live and progress.done > 20:
                log.append(*flown(f"meanwhile{progress.done}")[:1])
        after = live(log.url, "live_board")
        assert after is not None
        assert (after.build, after.key) == (2, f"live_board_v{LIVE_BOARD.version}_2")
        assert progress.live
        assert min(seen) >= 8
        wait_applied(host, log.url, log.store.head().position, "live_board")
        names = tables(log.url, after.key, *BOARD_TABLES)
        expected = tables(log.url, before.key, *BOARD_TABLES)
        for table in BOARD_TABLES:
            assert [r for r in names[table] if not came_meanwhile(r)] == [
                r for r in expected[table] if not came_meanwhile(r)
            ]


def came_meanwhile(row: Row) -> bool:
    """The old build may not have seen it any more."""
    return str(row.get("flight")).startswith("meanwhile")


def test_a_newer_version_is_built_beside_and_an_older_program_keeps_away(log: Log) -> None:
    last = log.append(*sorties(3))
    with hosted(log, LIVE_BOARD) as host:
        wait_applied(host, log.url, last, "live_board")
    version = LIVE_BOARD.version + 1
    newer = replace(LIVE_BOARD, version=version, tables=LIVE_BOARD.tables + "ALTER TABLE flights ADD COLUMN note text;")
    with hosted(log, newer) as host:
        assert wait_until(lambda: live(log.url, "live_board").version == version, 60)  # type: ignore[union-attr]
        assert "note" in rows(log.url, "live_board_flights")[0]
        with hosted(log, LIVE_BOARD) as older:
            assert wait_until(lambda: "newer than this code" in str(older.statuses()), 60)
        wait_applied(host, log.url, log.append(*flown("late")), "live_board")
    with catalogue.connect(log.url) as connection:
        assert catalogue.drop_retired(connection, timedelta(0)) == [f"live_board_v{LIVE_BOARD.version}_1"]


def test_tables_changed_without_a_new_version_are_refused(log: Log) -> None:
    start(log, LIVE_BOARD)
    changed = replace(LIVE_BOARD, tables=LIVE_BOARD.tables + "-- a thought\n")
    with hosted(log, changed) as host:
        assert wait_until(lambda: "raise its version" in str(host.statuses()), 60)


def test_a_rebuild_that_nobody_fills_says_so(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    start(log, LIVE_BOARD)
    monkeypatch.setattr(admin, "PROJECTOR_IDLE_S", 0.1)
    with pytest.raises(admin.NobodyBuilds, match="saferweho projector"):
        list(admin.rebuild(log.url, LIVE_BOARD, every=0.05))


def test_a_stopped_audit_trail_can_be_rebuilt_with_better_code(log: Log) -> None:
    """What stops the line stops only the build that met it."""
    log.append(*fleet())
    refuses = replace(AUDIT_TRAIL, changes=_refuse_enrolments, on_error=lambda failure: Stop())
    with hosted(log, refuses) as host:
        assert wait_until(lambda: "stopped at position 1" in str(host.statuses()[0].fault), 60)
        assert applied(log.url, "audit_trail") == 0
    with hosted(log, AUDIT_TRAIL) as host:
        wait_applied(host, log.url, 4, "audit_trail")
        assert live(log.url, "audit_trail").fault is None  # type: ignore[union-attr]


def _refuse_enrolments(batch: Sequence[Recorded]) -> Any:
    if any(isinstance(recorded.event, Enrolled) for recorded in batch):
        raise RuntimeError("not prepared for enrolments")
    return AUDIT_TRAIL.changes(batch)


def test_readers_see_rows_and_checkpoint_of_one_moment(log: Log) -> None:
    """While batches are applied and builds switch, the number of rows is always the checkpoint's position."""
    log.append(*sorties(4))
    with hosted(log, AUDIT_TRAIL, batch=3) as host:
        wait_applied(host, log.url, 1, "audit_trail")
        for _ in admin.rebuild(log.url, AUDIT_TRAIL, every=0.0):
            page = ask(log.url, queries.page, last=1)
            assert page.events[-1].position == page.checkpoint.position
