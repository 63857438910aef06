"""The pilot's figures: equal to those computed the plain way, as of any position, rebuilt or not."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import astuple
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application.codec import Recorded
from domain import call, pilot
from domain import flight_events as f
from projections.engine.host import ProjectionHost
from projections.pilot_metrics import queries
from projections.pilot_metrics.cells import suppressed
from projections.pilot_metrics.definitions import BY_CODE, DEFINITIONS, By, Definition, Kind
from projections.pilot_metrics.projection import PILOT_METRICS
from projections.pilot_metrics.queries import Figure, NotBrokenDown, Wanted
from tests.conftest import url_of_database
from tests.projections.log import START, Log, store_feeds
from tests.projections.models import ask, wait_applied
from tests.projections.pilot_history import ANA, Case, Plain, history, percentile, period
from tests.projections.pilot_watch import Watch
from tests.projections.sortie import SCENE, flown

SEEDS = (1, 2)
Key = str | None


@pytest.fixture(scope="module")
def metrics_url(pg_admin_url: str) -> Iterator[str]:
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(pg_admin_url, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        url = url_of_database(pg_admin_url, name)
        for seed in SEEDS:
            build(url, f"whole_{seed}", history(seed), 7)
        yield url
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def build(url: str, schema: str, events: Sequence[Recorded], batch: int) -> None:
    """The read model's tables in a schema of their own, with these events applied."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE; CREATE SCHEMA "{schema}"'.encode())
        cursor.execute(f'SET search_path TO "{schema}"'.encode())
        cursor.execute(PILOT_METRICS.tables.encode())
        handled = [e for e in events if PILOT_METRICS.handles is None or type(e.event) in PILOT_METRICS.handles]
        for start in range(0, len(handled), batch):
            PILOT_METRICS.apply(cursor, handled[start : start + batch])


def plainly(definition: Definition, cases: Sequence[Case], by: By | None) -> dict[Key, tuple[Any, ...]]:
    """key → n, numerator, denominator, value, median, 90th percentile, cases with clocks apart."""
    groups: dict[Key, list[Case]] = defaultdict(list)
    if by is None:
        groups[None] = list(cases)
    else:
        for case in cases:
            groups[period(case, by) if by in (By.DAY, By.WEEK, By.MONTH) else case.dims.get(by)].append(case)
    return {key: _plain(definition.kind, group) for key, group in groups.items()}


def _plain(kind: Kind, group: Sequence[Case]) -> tuple[Any, ...]:
    values = [case.value for case in group if case.value is not None]
    n, held, total, per = len(group), sum(c.holds for c in group), sum(values), sum(c.per for c in group)
    apart = sum(case.apart for case in group)
    match kind:
        case Kind.SHARE:
            return n, held, n, held / n if n else None, None, None, apart
        case Kind.RATE:
            return n, total, per, total / per if per else None, None, None, apart
        case Kind.COUNT:
            return n, None, None, n, None, None, apart
        case Kind.TOTAL:
            return n, None, None, total, None, None, apart
        case Kind.DURATION:
            return n, None, None, total, percentile(values, 0.5), percentile(values, 0.9), apart


def shown(figures: Sequence[Figure]) -> dict[Key, tuple[Any, ...]]:
    assert len({figure.key for figure in figures}) == len(figures)
    return {figure.key: astuple(figure)[1:-1] for figure in figures}


def assert_equal(found: dict[Key, tuple[Any, ...]], plain: dict[Key, tuple[Any, ...]], what: object) -> None:
    assert found.keys() == plain.keys(), what
    for key, figures in plain.items():
        about = tuple(x if x is None else pytest.approx(x, rel=1e-6, abs=1e-6) for x in figures)
        assert found[key] == about, (what, key)


def answers(url: str, schema: str, as_of: int, asked: Sequence[tuple[Definition, By | None]]) -> list[list[Figure]]:
    async def all_of_them() -> list[list[Figure]]:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            return [await queries.figures(connection, d, as_of, by, tables=f"{schema}.") for d, by in asked]

    return asyncio.run(all_of_them())


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(SEEDS), st.integers(1, 10_000), st.sampled_from((1, 5, 1000)), st.randoms(use_true_random=False))
@pytest.mark.rule("pilot.figures")
def test_every_figure_can_be_rebuilt_as_of_a_stated_position(
    metrics_url: str, seed: int, cut: int, batch: int, chance: random.Random
) -> None:
    events = history(seed)
    cut = cut % len(events) + 1
    plain = Plain(events[:cut])
    asked: list[tuple[Definition, By | None]] = [(d, chance.choice([None, *d.by])) for d in DEFINITIONS]
    build(metrics_url, "rebuilt", events[:cut], batch)
    of_all = answers(metrics_url, f"whole_{seed}", cut, asked)
    assert answers(metrics_url, "rebuilt", cut, asked) == of_all
    for (definition, by), figures in zip(asked, of_all, strict=True):
        expected = plainly(definition, plain.cases(definition.code), by)
        assert_equal(shown(figures), expected, (definition.code, by, seed, cut))


@pytest.mark.parametrize("seed", SEEDS)
def test_at_the_end_every_metric_is_right_in_every_breakdown(metrics_url: str, seed: int) -> None:
    events = history(seed)
    plain = Plain(events)
    asked = [(definition, by) for definition in DEFINITIONS for by in (None, *definition.by)]
    for (definition, by), figures in zip(asked, answers(metrics_url, f"whole_{seed}", len(events), asked), strict=True):
        assert_equal(shown(figures), plainly(definition, plain.cases(definition.code), by), (definition.code, by))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_cases_behind_a_figure_are_as_many_as_it_says_and_are_read_page_by_page(
    metrics_url: str, seed: int
) -> None:
    end = len(history(seed))
    tables = f"whole_{seed}."
    for definition in DEFINITIONS:
        (figure,) = ask(metrics_url, queries.figures, definition, end, tables=tables)
        found: list[queries.Case] = []
        while page := ask(
            metrics_url,
            queries.cases,
            definition,
            end,
            first=5,
            after=found[-1].position if found else 0,
            tables=tables,
        ):
            found += page
        assert len({case.position for case in found}) == len(found) == figure.n, definition.code
        if definition.kind is Kind.SHARE:
            assert sum(case.in_numerator for case in found) == figure.numerator


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.rule("pilot.reconciled")
def test_flown_is_published_and_withheld_and_what_awaits_its_decision(metrics_url: str, seed: int) -> None:
    events = history(seed)
    for cut in range(1, len(events), 9):
        told = ask(metrics_url, queries.reconciliation, cut, tables=f"whole_{seed}.")
        flights = Plain(events[:cut]).flights
        withheld = sum(n for _, n in told.withheld)
        assert told.flown == len(flights) == told.published + withheld + len(told.undecided) + told.in_the_air
        assert told.published == sum(isinstance(x["decided"], f.FlightPublished) for x in flights)
        assert told.balanced == (not told.undecided and not told.in_the_air)


def test_a_late_correction_changes_later_figures_alone(log: Log) -> None:
    """Through the engine and the live views, as the API asks."""
    stamp = (2, START, None)
    sortie = flown("f1", "W1")
    early = START - timedelta(minutes=3)
    last = log.append(
        ("call-W1", call.CallReceived("459", 2, SCENE, None, None, None, START, 1, START, None)),
        *sortie,
        ("flight-f1", f.FlightPublished(ANA)),
    )
    corrected = log.append(("call-W1", call.CallCorrected(SCENE, None, None, None, early, *stamp)))
    renamed = log.append(("call-W1", call.CallReclassified("415", 3, 3, START, 4.5)))
    with ProjectionHost(log.url, store_feeds(log.url, 3), [PILOT_METRICS]) as host:
        wait_applied(host, log.url, renamed, "pilot_metrics")
    response, flights = BY_CODE["response_from_call"], BY_CODE["flights"]

    def seconds(as_of: int) -> tuple[float | None, int | None]:
        (figure,) = ask(log.url, queries.figures, response, as_of)
        return figure.median, figure.clocks_apart

    assert [seconds(at) for at in (last, corrected, renamed)] == [(60, 0), (240, 0), (240, 1)]
    for as_of in (last, renamed):  # what it was when the drone was launched stays so
        (figure,) = ask(log.url, queries.figures, flights, as_of, By.CALL_TYPE)
        assert (figure.key, figure.n) == ("459", 1)
    assert ask(log.url, queries.checkpoint).position == renamed
    assert ask(log.url, queries.reconciliation, renamed).balanced


def test_a_period_includes_its_start_and_not_its_end(metrics_url: str) -> None:
    events = history(1)
    launches = sorted(x["launch"].observed_at for x in Plain(events).flights)
    since, until = launches[2], launches[6]
    wanted = Wanted(since=since, until=until)
    (figure,) = ask(metrics_url, queries.figures, BY_CODE["flights"], len(events), None, wanted, tables="whole_1.")
    assert figure.n == sum(since <= at < until for at in launches)
    wanted = Wanted(purpose="training")
    (figure,) = ask(metrics_url, queries.figures, BY_CODE["flights"], len(events), None, wanted, tables="whole_1.")
    assert figure.n == sum(x["request"].purpose == "training" for x in Plain(events).flights)


@pytest.mark.rule("pilot.figures")
@pytest.mark.parametrize("seed", SEEDS)
def test_availability_is_of_the_time_within_the_period_asked_for(metrics_url: str, seed: int) -> None:
    events, definition = history(seed), BY_CODE["availability"]
    begin, end = events[0].envelope.time, events[-1].envelope.time
    for first, last in ((0.2, 0.7), (0.0, 0.4), (0.5, 2.0), (0.4, 0.41)):
        since, until = begin + first * (end - begin), begin + last * (end - begin)
        wanted = Wanted(since=since, until=until)
        found = ask(metrics_url, queries.figures, definition, len(events), By.WHAT, wanted, tables=f"whole_{seed}.")
        plain = plainly(definition, list(Watch(events).available(since, until)), By.WHAT)
        assert_equal(shown(found), plain, (first, last))


@pytest.mark.rule("pilot.comparison")
def test_calls_from_before_the_pilot_are_held_against_those_of_it(metrics_url: str) -> None:
    """That there are any in the random histories, too."""
    for when in ("before_pilot", "without_drone"):
        assert any(Plain(history(seed)).cases(f"cleared_without_patrol_{when}") for seed in SEEDS), when
    compared = [definition for definition in DEFINITIONS if definition.over == "unflown"]
    assert len(compared) == 4 and all(definition.observational for definition in compared)


def test_a_metric_is_broken_down_only_by_what_its_cases_have(metrics_url: str) -> None:
    with pytest.raises(NotBrokenDown, match="costs"):
        ask(metrics_url, queries.figures, BY_CODE["costs"], 1, By.CELL, tables="whole_1.")
    with pytest.raises(NotBrokenDown, match="purpose"):
        ask(metrics_url, queries.figures, BY_CODE["costs"], 1, None, Wanted(purpose="x"), tables="whole_1.")


def test_small_cells_are_suppressed(metrics_url: str) -> None:
    end = len(history(1))
    open_ = ask(metrics_url, queries.figures, BY_CODE["flights"], end, By.CELL, tables="whole_1.")
    told = ask(metrics_url, queries.figures, BY_CODE["flights"], end, By.CELL, smallest_cell=3, tables="whole_1.")
    assert [figure.key for figure in told] == [figure.key for figure in open_]
    for figure, known in zip(told, open_, strict=True):
        assert figure.suppressed or figure == known
        assert figure.suppressed or (known.n or 0) >= 3
        assert not figure.suppressed or set(astuple(figure)[1:-1]) == {None}
    assert any(figure.suppressed for figure in told)


@given(st.dictionaries(st.text("abcdefgh", min_size=1, max_size=2), st.integers(1, 20)), st.integers(0, 8))
def test_what_is_suppressed_cannot_be_had_from_the_total(counts: dict[str, int], smallest: int) -> None:
    hidden = suppressed(counts, smallest)
    assert {cell for cell, n in counts.items() if n < smallest} <= hidden
    if hidden and hidden != counts.keys():
        assert len(hidden) > 1 and sum(counts[cell] for cell in hidden) >= smallest
    if all(n >= smallest for n in counts.values()):
        assert not hidden


@pytest.mark.rule("pilot.figures")
def test_a_definition_says_what_its_figure_is(metrics_url: str) -> None:
    assert len(BY_CODE) == len(DEFINITIONS)
    for definition in DEFINITIONS:
        assert definition.sentence and definition.denominator and definition.unit and definition.clock
        assert bool(definition.numerator) == (definition.kind in (Kind.SHARE, Kind.RATE)), definition.code


def test_a_programme_is_shown_as_it_stood(metrics_url: str) -> None:
    events = history(1)
    (started,) = [r.position for r in events if isinstance(r.event, pilot.PilotStarted)]
    assert ask(metrics_url, queries.programmes, started - 1, tables="whole_1.") == []
    (programme,) = ask(metrics_url, queries.programmes, len(events), tables="whole_1.")
    assert (programme.pilot, programme.phase, programme.title) == ("p", "running", "Safer WeHo")
    assert ask(metrics_url, queries.as_of_time, len(events), tables="whole_1.") == events[-1].envelope.time
