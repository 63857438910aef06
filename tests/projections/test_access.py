"""The record of access: its rows against a naive fold written here, its queries, and nothing personal in it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql

from application import codec, deadlines
from application.codec import Recorded
from domain import disclosure, export, footage, live_view, viewing
from domain.flight_events import RecordCategory
from domain.grounds import StatedGrounds
from domain.kernel import CallNumber, FeedId, FootageId, Personal, PersonId, Reason, StreamId
from domain.legal_basis import BasisKind, LegalBasis
from domain.live_view import EndReason
from domain.privacy_override_events import Range
from domain.reason_quality import ReasonQuality
from domain.session import AttemptRefused
from projections.access import queries
from projections.access.projection import ACCESS
from projections.engine.host import ProjectionHost
from tests.keys import FixedKeys
from tests.projections.log import START, Log, envelope, store_feeds
from tests.projections.models import Row, ask, rows, wait_applied

Events = list[tuple[str, Any]]
ANN, BEN = PersonId("p-adams"), PersonId("p-brook")
FEED, FOOTAGE = FeedId(StreamId("camera-c1")), FootageId("f1")
HOUR = Range(START, START + timedelta(hours=1))
SECRET = "the man in the red jacket lives at number 12"
GROUNDS = StatedGrounds(
    "call_for_service", CallNumber("26-1"), None, None, Personal("call-26-1", SECRET), ReasonQuality(85, False, ("x",))
)
WHY = (Reason("feed_offline", "no picture", "a view is of a picture that is there"),)


def watched(key: str, by: PersonId = ANN, shared: CallNumber | None = None) -> Events:
    stream = f"liveview-{key}"
    return [
        (stream, live_view.LiveViewRequested(FEED, by, "s1", GROUNDS, shared)),
        (stream, live_view.LiveViewGranted(FEED, by, START, START + timedelta(minutes=30))),
    ]


def looked_at(key: str, by: PersonId = ANN) -> Events:
    stream = f"viewing-{key}"
    return [
        (stream, viewing.ViewingRequested(FOOTAGE, FEED, HOUR, by, "s1", GROUNDS)),
        (stream, viewing.ViewingGranted(FOOTAGE, by, START, START + timedelta(minutes=30))),
    ]


# -- a naive fold: one event at a time, one dictionary a row -------------------


@dataclass
class NaiveRecord:
    looks: dict[str, Row] = field(default_factory=dict)
    refusals: int = 0
    recordings: dict[str, Row] = field(default_factory=dict)
    exports: dict[str, Row] = field(default_factory=dict)

    def see(self, stream: str, event: Any) -> None:
        kind = stream.partition("-")[0]
        name = type(event).__name__
        if "Refused" in name:
            self.refusals += 1
        if kind in ("liveview", "viewing", "export", "disclosure"):
            self.see_look(stream, name, event)
        if kind == "export":
            self.see_export(stream, name, event)
        if kind == "footage":
            state = {"FootageRecorded": "kept", "FootageDestroyed": "destroyed", "FootageLost": "lost"}[name]
            self.recordings.setdefault(stream, {})["state"] = state

    def see_export(self, stream: str, name: str, event: Any) -> None:
        row = self.exports.setdefault(stream, {})
        if name == "ExportRequested":
            row |= {"basis_kind": "warrant", "basis_number": "26-SW-1", "file_sha256": None, "delivered_by": None}
        if name == "ExportCategorised":
            row |= {"category": event.category, "categorised_by": event.decided_by, "category_reason": event.reason}
        if name == "FootageExported":
            row["file_sha256"] = event.file_sha256
        if name == "ExportDownloaded":
            row["downloaded_by"] = event.downloaded_by
        if name == "ExportDelivered":
            row |= {"delivered_by": event.handed_over_by, "method": event.method}

    def see_look(self, stream: str, name: str, event: Any) -> None:
        if name.endswith("Requested"):
            masked = None if "Live" in name or "Disclosure" in name else getattr(event, "masked", True)
            self.looks[stream] = {"state": "requested", "person": event.person, "score": 85, "masked": masked}
            return
        row = self.looks[stream]
        states = {
            "LiveViewGranted": "open",
            "ViewingGranted": "open",
            "LiveViewRefused": "refused",
            "ViewingRefused": "refused",
            "ExportRefused": "refused",
            "DisclosureRefused": "refused",
            "LiveViewEnded": "ended",
            "ViewingEnded": "ended",
            "ExportApproved": "approved",
            "FootageExported": "exported",
            "ExportDelivered": "delivered",
            "DisclosureMade": "made",
        }
        row["state"] = states.get(name, row["state"])
        if name == "LiveViewRenewed":
            row["until"] = event.until
        if name == "LiveViewEnded":
            row["seconds"] = event.watched_s
        if name == "LivePicturesServed":
            row["bytes"] = event.total_bytes
            row["masked"] = False if event.override else row["masked"]
        if name == "ViewingEnded":
            row["seconds"], row["bytes"] = event.seen_s, event.size_bytes
        if name == "SegmentsReserved" and not event.masked:
            row["masked"] = False


# -- any events at all, of a few streams -----------------------------------------

MOMENTS = st.integers(0, 3600).map(lambda s: START + timedelta(seconds=s))
SECONDS = st.floats(0, 3600, allow_nan=False)
LIVE = st.one_of(
    MOMENTS.map(lambda at: live_view.LiveViewRenewed(FEED, ANN, GROUNDS.reason, GROUNDS.quality, at)),
    st.just(live_view.RenewalRefused(FEED, ANN, WHY)),
    st.just(live_view.LiveViewRefused(FEED, ANN, WHY)),
    st.builds(
        lambda override, total: live_view.LivePicturesServed(FEED, ANN, START, START, not override, override, 5, total),
        st.sampled_from([None, StreamId("override-o1")]),
        st.integers(5, 10**12),
    ),
    st.builds(
        lambda why, at, s: live_view.LiveViewEnded(FEED, ANN, why, at, s),
        st.sampled_from(list(EndReason)),
        MOMENTS,
        SECONDS,
    ),
)
VIEWED = st.one_of(
    st.builds(lambda masked: viewing.SegmentsReserved(FOOTAGE, ANN, 1, HOUR, masked, None), st.booleans()),
    st.just(viewing.SegmentsServed(FOOTAGE, ANN, 1, (HOUR,), True, 5)),
    st.just(viewing.ViewingRefused(FOOTAGE, ANN, WHY)),
    st.builds(lambda s: viewing.ViewingEnded(FOOTAGE, ANN, EndReason.CLOSED, START, s, 7, 0), SECONDS),
)
FILED = st.sampled_from(
    [
        export.ExportCategorised(RecordCategory.INVESTIGATION, BEN, "it is of an open case"),
        export.ExportApproved(BEN),
        export.ExportRefused(BEN, WHY),
        export.ApprovalRefused(ANN, WHY),
        export.FootageExported(FOOTAGE, "a" * 64, 9, True),
        export.ExportDownloaded("a" * 64, 9, ANN),
        export.ExportDelivered("DA", ANN, "portal"),
    ]
)
TOLD = st.sampled_from(
    [
        disclosure.DisclosureMade(StreamId("footage-f1"), "DA", None, BEN),
        disclosure.DisclosureRefused(StreamId("footage-f1"), "DA", None, WHY),
        disclosure.DecisionRefused(ANN, WHY),
    ]
)
KEPT = st.sampled_from(
    [
        footage.FootageDestroyed(START, ("routine",), 1, BEN, START),  # type: ignore[arg-type]
        footage.FootageLost(FEED, HOUR, START, "disk"),
    ]
)
TRIED = st.just(AttemptRefused("request_live_view", "camera-c1", WHY, "default-deny"))
BASIS = LegalBasis(BasisKind.WARRANT, "26-SW-1", "Superior Court")
FIRST: Events = [
    *watched("1"),
    *watched("2", BEN)[:1],
    *looked_at("1"),
    ("export-1", export.ExportRequested(FOOTAGE, HOUR, "DA", True, None, ANN, GROUNDS, BASIS)),
    ("disclosure-1", disclosure.DisclosureRequested(StreamId("footage-f1"), "DA", BASIS, GROUNDS, ANN)),
    ("footage-f1", footage.FootageRecorded(FEED, HOUR, 1800, 1, "a" * 64, "k", "routine")),
]
ANY_OF = {
    "liveview-1": LIVE,
    "liveview-2": LIVE,
    "viewing-1": VIEWED,
    "export-1": FILED,
    "disclosure-1": TOLD,
    "footage-f1": KEPT,
    "session-s1": TRIED,
}
LATER = st.sampled_from(sorted(ANY_OF)).flatmap(lambda s: st.tuples(st.just(s), ANY_OF[s]))
HISTORIES = st.lists(LATER, max_size=40).map(lambda later: [*FIRST, *later])


@pytest.fixture(scope="module")
def access_database(pg_admin_url: str) -> Iterator[psycopg.Connection]:
    schema = f"access_{secrets.token_hex(4)}"
    with psycopg.connect(pg_admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {0}").format(sql.Identifier(schema)))
        connection.execute(sql.SQL("SET search_path TO {0}").format(sql.Identifier(schema)))
        connection.execute(ACCESS.tables.encode())
        yield connection
        connection.execute(sql.SQL("DROP SCHEMA {0} CASCADE").format(sql.Identifier(schema)))


@given(history=HISTORIES, batch=st.integers(1, 50))
@settings(max_examples=40, deadline=None)
def test_the_record_is_the_fold_of_the_events_however_they_are_batched(
    access_database: psycopg.Connection, history: Events, batch: int
) -> None:
    naive = NaiveRecord()
    for stream, event in history:
        naive.see(stream, event)
    recorded = [_recorded(n, stream, event) for n, (stream, event) in enumerate(history, 1)]
    with access_database.transaction(force_rollback=True), access_database.cursor() as cursor:
        for start in range(0, len(recorded), batch):
            ACCESS.apply(cursor, recorded[start : start + batch])
        for table, key in (("looks", "stream"), ("recordings", "footage"), ("exports", "stream")):
            expected = getattr(naive, table)
            found = {row[key]: row for row in _rows(cursor, table)}
            assert found.keys() == expected.keys()
            for id_, columns in expected.items():
                assert {name: found[id_][name] for name in columns} == columns, (table, id_)
        assert len(_rows(cursor, "refusals")) == naive.refusals


def _recorded(position: int, stream: str, event: Any) -> Recorded:
    head = envelope(event, stream, position, START + timedelta(seconds=position))
    return codec.decode(codec.encode(head, event, FixedKeys()), position)


def _rows(cursor: psycopg.Cursor, table: str) -> list[Row]:
    cursor.execute(f"SELECT * FROM {table}".encode())
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor]


# -- queries ---------------------------------------------------------------------


def test_who_looks_now_and_who_looked(log: Log) -> None:
    ended = ("liveview-1", live_view.LiveViewEnded(FEED, ANN, EndReason.CLOSED, START, 12.5))
    last = log.append(*FIRST, *watched("3", BEN), ended)
    with ProjectionHost(log.url, store_feeds(log.url), [ACCESS]) as host:
        wait_applied(host, log.url, last, "access")
    (now,) = ask(log.url, queries.open_views)
    assert (now.stream, now.person) == ("liveview-3", BEN)
    (count,) = ask(log.url, queries.watched)
    assert (count.feed, count.watchers) == (FEED, 1)
    audience, more = ask(log.url, queries.looks, first=2, subject=FEED)
    assert ([look.stream for look in audience], more) == (["liveview-3", "viewing-1"], True)
    rest, more = ask(log.url, queries.looks, first=5, subject=FEED, before=audience[-1].requested_position)
    assert ([look.stream for look in rest], more) == (["liveview-2", "liveview-1"], False)
    of_footage, _ = ask(log.url, queries.looks, first=5, subject="footage-f1")
    assert [look.kind for look in of_footage] == ["disclosure", "export", "viewing"]
    mine, _ = ask(log.url, queries.looks, first=9, person=BEN)
    assert {look.stream for look in mine} == {"liveview-2", "liveview-3"}
    found = ask(log.url, queries.recordings, feed=FEED, since=START, until=START + timedelta(minutes=1), limit=5)
    assert [recording.footage for recording in found] == ["footage-f1"]
    (file,), more = ask(log.url, queries.exports, first=5)
    assert (file.stream, file.feed, file.basis_number, file.state, more) == (
        "export-1",
        FEED,
        "26-SW-1",
        "requested",
        False,
    )
    assert ask(log.url, queries.exports, first=5, state="exported") == ([], False)
    with psycopg.connect(log.url) as connection:
        earlier = queries.EarlierLooks(lambda: nullcontext(connection))
        assert earlier.of(BEN, 1) == ["liveview-3"]
        assert earlier.of("nobody", 5) == []


def test_nothing_personal_is_in_the_record_of_access(log: Log) -> None:
    last = log.append(*FIRST)
    with ProjectionHost(log.url, store_feeds(log.url), [ACCESS]) as host:
        wait_applied(host, log.url, last, "access")
    shown = str([rows(log.url, f"access_{table}") for table in ("looks", "refusals", "recordings", "exports")])
    assert "26-1" in shown and SECRET not in shown


# -- deadlines -------------------------------------------------------------------


def test_a_view_has_a_deadline_until_it_ends_and_a_renewal_moves_it() -> None:
    deadlines.load_all()
    later = START + timedelta(hours=1)
    renewed = live_view.LiveViewRenewed(FEED, ANN, GROUNDS.reason, GROUNDS.quality, later)
    ended = live_view.LiveViewEnded(FEED, ANN, EndReason.CLOSED, START, 1.0)

    def drawn(stream: str, event: Any) -> list[deadlines.Change]:
        return list(deadlines.changes(_recorded(1, stream, event)))

    (_, granted) = watched("1")
    assert drawn(*granted) == [deadlines.Due("live_view_expiry", "liveview-1", START + timedelta(minutes=30))]
    assert drawn("liveview-1", renewed) == [deadlines.Due("live_view_expiry", "liveview-1", later)]
    assert drawn("liveview-1", ended) == [deadlines.NotDue("live_view_expiry", "liveview-1")]
    (_, seeing) = looked_at("1")
    assert drawn(*seeing) == [deadlines.Due("viewing_expiry", "viewing-1", START + timedelta(minutes=30))]
