"""The read model of retention: against the aggregate itself over random histories, and its lists."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from domain import footage as f
from domain.footage_import import IMPORT, ImportFile, Original, Received, Sound
from domain.kernel import CaseNumber, FeedId, FootageId, Mistake, PersonId, PolicyVersion, StreamId
from domain.legal_basis import BasisKind, LegalBasis
from domain.policy import RECORD_ALL_KEEP_30_DAYS, PolicyInForce
from domain.privacy_override_events import Range
from projections.engine.host import ProjectionHost
from projections.retention import queries
from projections.retention.projection import RETENTION
from projections.retention.queries import Which
from tests.projections.log import START, Log, store_feeds
from tests.projections.models import ask, wait_applied

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
POLICY = PolicyInForce(PolicyVersion(3), RECORD_ALL_KEEP_30_DAYS, "0" * 64, START)
DAYS = {rule.category: rule.days for rule in RECORD_ALL_KEEP_30_DAYS.retention}
LEE, CAPTAIN = PersonId("p-lee"), PersonId("p-cap")
WARRANT = LegalBasis(BasisKind.WARRANT, "26-SW-0417", "Superior Court")
FEED = FeedId(StreamId("camera-plummer-park-1"))


def history(seed: int, hours: int, steps: int) -> tuple[list[tuple[datetime, str, Any]], dict[str, f.State], datetime]:
    """Some hours of one camera, and what the aggregate makes of random commands over two years."""
    chance, at = random.Random(seed), START
    states: dict[str, f.State] = {f"h{n}": f.Unrecorded() for n in range(hours)}
    happened: list[tuple[datetime, str, Any]] = []
    for n in range(steps):
        at += chance.choice([HOUR, DAY, 9 * DAY])
        key = f"h{n}" if n < hours else chance.choice(list(states))
        footage, hold = FootageId(key), chance.choice("ab")
        range_ = Range(START + int(key[1:]) * HOUR, START + (int(key[1:]) + 1) * HOUR)
        record = f.RecordFootage(FEED, range_, 1800, 900, "a" * 64, f"key-{key}")
        options: list[f.Command] = [
            f.TagFootage(footage, chance.choice(list(DAYS)), LEE, POLICY),
            f.PlaceLegalHold(footage, hold, WARRANT, "homicide case", at.date() + 90 * DAY, LEE),
            f.VerifyLegalHold(footage, hold, "it goes on", at.date() + 180 * DAY, LEE),
            f.ReleaseLegalHold(footage, hold, "it is over", LEE),
            f.RequestExtension(footage, at + 300 * DAY, "the appeal", LEE, POLICY),
            f.AnswerExtension(CAPTAIN, POLICY),
            f.AnswerExtension(CAPTAIN, POLICY, "it was decided"),
            f.DestroyFootage(POLICY, CAPTAIN, at + 35 * DAY),
            f.DestroyFootage(POLICY, CAPTAIN, at + 35 * DAY),
        ]
        if isinstance(states[key], f.Kept | f.HeldApart) and hold in states[key].holds:  # type: ignore[union-attr]
            copied = f.HeldRangeCopied(hold, f"held-{hold}~{key}", range_, 9, 900, "b" * 64, f"key-{hold}-{key}")
            options.append(f.NoteHeldCopy(copied, POLICY, LEE, at + 35 * DAY))
        command = record if n < hours else chance.choice(options)
        if chance.random() < 0.03:
            command = f.ReportLoss(FEED, range_, "disk failed")
        try:
            events = f.decide(command, states[key], at)
        except Mistake:
            continue
        for event in events:
            states[key] = f.evolve(states[key], event)
            happened.append((at, f"footage-{key}", event))
    return happened, states, at


def pages(url: str, which: Which, now: datetime, days: Mapping[str, int] = DAYS) -> list[queries.Footage]:
    found: list[queries.Footage] = []
    while True:
        after = found[-1].footage if found else None
        page = ask(url, queries.footage, which, days, now, first=3, after=after)
        found += page.footage
        if not page.has_next:
            return found


@pytest.mark.parametrize(("seed", "batch"), [(1, 1), (2, 11), (3, 500)])
def test_what_is_kept_due_held_destroyed_and_lost_is_what_the_streams_say(log: Log, seed: int, batch: int) -> None:
    happened, states, now = history(seed, hours=14, steps=130)
    for at, stream, event in happened:
        last = log.append((stream, event), time=at)
    with ProjectionHost(log.url, store_feeds(log.url, batch), [RETENTION]) as host:
        wait_applied(host, log.url, last, "retention")
    kept = {key: state for key, state in states.items() if isinstance(state, f.Kept)}
    due = {key: f.destruction_due(state, RECORD_ALL_KEEP_30_DAYS) for key, state in kept.items()}
    shown = {row.footage: row for row in pages(log.url, Which.KEPT, now)}
    assert {key: (row.due_at, row.holds, row.categories) for key, row in shown.items()} == {
        key: (due[key], len(state.holds), tuple(sorted(state.categories))) for key, state in kept.items()
    }
    expected: dict[Which, Callable[[str], object]] = {
        Which.DUE: lambda key: key in kept and due[key] is not None and due[key] <= now,  # type: ignore[operator]
        Which.ASKED: lambda key: key in kept and kept[key].asked,
        Which.HELD: lambda key: isinstance(states[key], f.HeldApart),
        Which.DESTROYED: lambda key: isinstance(states[key], f.Destroyed),
        Which.LOST: lambda key: isinstance(states[key], f.Lost),
    }
    for which, holds in expected.items():
        assert {row.footage for row in pages(log.url, which, now)} == {key for key in states if holds(key)}, which
    order = [row.due_at for row in pages(log.url, Which.DUE, now) if row.due_at]
    assert order == sorted(order)
    for row in pages(log.url, Which.DESTROYED, now):
        assert (row.destroyed_policy, row.destroyed_by) == (3, CAPTAIN) and row.unrecoverable_after


def test_footage_in_a_category_without_a_length_is_listed_last_and_never_due(log: Log) -> None:
    for n in range(3):
        range_ = Range(START + n * HOUR, START + (n + 1) * HOUR)
        recorded = f.FootageRecorded(FEED, range_, 1800, 900, "a" * 64, f"key-h{n}", "routine")
        last = log.append((f"footage-h{n}", recorded), time=START)
    last = log.append(("footage-h0", f.FootageTagged("evidence", None, LEE)), time=START)
    with ProjectionHost(log.url, store_feeds(log.url), [RETENTION]) as host:
        wait_applied(host, log.url, last, "retention")
    amended = {category: days for category, days in DAYS.items() if category != "evidence"}
    much_later = START + 10_000 * DAY
    assert [row.footage for row in pages(log.url, Which.DUE, much_later, amended)] == ["h1", "h2"]
    kept = pages(log.url, Which.KEPT, much_later, amended)
    assert [(row.footage, row.due_at is None) for row in kept] == [("h1", False), ("h2", False), ("h0", True)]
    assert {row.footage for row in pages(log.url, Which.DUE, much_later)} == {"h0", "h1", "h2"}


def test_holds_are_listed_the_next_to_verify_first(log: Log) -> None:
    happened, states, _ = history(5, hours=10, steps=120)
    for at, stream, event in happened:
        last = log.append((stream, event), time=at)
    with ProjectionHost(log.url, store_feeds(log.url), [RETENTION]) as host:
        wait_applied(host, log.url, last, "retention")
    found: list[queries.Hold] = []
    while True:
        page = ask(log.url, queries.holds, first=2, after=found[-1].id if found else None)
        found += page.holds
        if not page.has_next:
            break
    # A hold outlives footage that was lost: what was to be kept and is not is looked into.
    open_ = {f"{key}/{hold}" for key, s in states.items() if isinstance(s, f.Kept | f.HeldApart) for hold in s.holds}
    assert {hold.id for hold in found if not isinstance(states[hold.footage], f.Lost)} == open_
    assert [hold.verify_again_on for hold in found] == sorted(hold.verify_again_on for hold in found)
    middle: date = found[len(found) // 2].verify_again_on
    to_verify = ask(log.url, queries.holds, first=100, verify_by=middle).holds
    assert to_verify == tuple(hold for hold in found if hold.verify_again_on <= middle)
    everything = ask(log.url, queries.holds, first=100, released=True).holds
    placed = {f"{stream[8:]}/{e.hold}" for _, stream, e in happened if isinstance(e, f.LegalHoldPlaced)}
    assert {hold.id for hold in everything} == placed


def test_what_others_recorded_is_listed_with_whose_it_was_and_counts_from_when_it_came(log: Log) -> None:
    received, of = START + 900 * DAY, StreamId("import-" + "7f8a" * 8)
    span = Range(START, START + HOUR)
    key = FootageId(f"{of}-20260601T1200Z")
    file = ImportFile(
        Original("7f8a" * 16, 1_843_200, "MP4, H.264 1920x1080", Sound.DROPPED),
        "LA Metro",
        "Sgt. M. Ibarra",
        received,
        Received.MEDIUM,
        CaseNumber("926-01234"),
        span,
        (key,),
        LEE,
    )
    piece = f.ImportFootage(f.RecordFootage(FeedId(of), span, 9, 900, "a" * 64, "k"), of, received)
    for event in f.decide(piece, f.Unrecorded(), received):
        log.append((f"footage-{key}", event), time=received)
    (imported,) = IMPORT.decide(file, IMPORT.initial, received)
    last = log.append((of, imported), time=received)
    with ProjectionHost(log.url, store_feeds(log.url), [RETENTION]) as host:
        wait_applied(host, log.url, last, "retention")
    (row,) = pages(log.url, Which.KEPT, received)
    assert (row.imported_as, row.received_at, row.due_at) == (of, received, received + DAYS["routine"] * DAY)
    (listed,) = ask(log.url, queries.imports, first=5).imports
    assert (listed.imported, listed.sha256, listed.footage) == (of, "7f8a" * 16, (key,))
    assert (listed.agency, listed.received_how, listed.sound) == ("LA Metro", "medium", "dropped")
    assert ask(log.url, queries.imports, first=5, before=listed.position).imports == ()
    assert ask(log.url, queries.imports, first=5, sha256="0" * 64).imports == ()
