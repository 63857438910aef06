"""The inventory of cameras: its rows against the aggregate itself, its pages and history, what the public is told."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import fields
from datetime import timedelta
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql

from application import codec
from application.codec import Recorded, to_builtins
from domain import camera as c
from domain.kernel import PersonId, Place
from projections.cameras import queries
from projections.cameras.projection import CAMERAS
from projections.engine.host import ProjectionHost
from tests.keys import FixedKeys
from tests.projections.log import START, Log, envelope, store_feeds
from tests.projections.models import Row, ask, wait_applied

QUAN = PersonId("r.quan")
HERE = Place(34.0927, -118.3511)
SEEN = (HERE, Place(34.0927, -118.3515), Place(34.0931, -118.3515), HERE)
SHAPE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
TODAY = START.date()
DAY = timedelta(days=1)
FIRST = [(f"camera-{key}", c.CameraInstalled(f"Corner {key}", HERE, 5.0, 90.0, QUAN)) for key in "ab"]
MOMENTS = st.integers(0, 3600).map(lambda s: START + timedelta(seconds=s))
LATER = st.tuples(
    st.sampled_from(["camera-a", "camera-b"]),
    st.one_of(
        st.builds(lambda b: c.CameraMoved(Place(34.0, -118.0), 5.5, b, "tree", QUAN), st.floats(0, 360)),
        st.integers(0, 99).map(lambda n: c.CameraRenamed(f"Corner {n}", "signs", QUAN)),
        st.just(c.FieldOfViewDrawn(SEEN, "surveyed", QUAN)),
        st.integers(0, 9).map(lambda n: c.StreamSourceNamed(f"secret-{n}", "Axis", QUAN)),
        st.sampled_from([None, TODAY + DAY]).map(lambda due: c.CameraMaintained("cleaned", TODAY, due, QUAN)),
        MOMENTS.map(c.CameraOnline),
        MOMENTS.map(lambda at: c.CameraOffline(at, "no packets")),
        st.integers(0, 3).map(lambda n: c.CameraMaskChanged((SHAPE,) * n, "windows", QUAN)),
        st.just(c.CameraRetired("replaced", QUAN)),
    ),
)


@pytest.fixture(scope="module")
def inventory_database(pg_admin_url: str) -> Iterator[psycopg.Connection]:
    schema = f"cameras_{secrets.token_hex(4)}"
    with psycopg.connect(pg_admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {0}").format(sql.Identifier(schema)))
        connection.execute(sql.SQL("SET search_path TO {0}").format(sql.Identifier(schema)))
        connection.execute(CAMERAS.tables.encode())
        yield connection
        connection.execute(sql.SQL("DROP SCHEMA {0} CASCADE").format(sql.Identifier(schema)))


@given(later=st.lists(LATER, max_size=30), batch=st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_the_inventory_is_what_the_streams_say_however_they_are_batched(
    inventory_database: psycopg.Connection, later: list[tuple[str, Any]], batch: int
) -> None:
    history: list[tuple[str, Any]] = [*FIRST, *later]
    recorded = [_recorded(n, stream, event) for n, (stream, event) in enumerate(history, 1)]
    with inventory_database.transaction(force_rollback=True), inventory_database.cursor() as cursor:
        for start in range(0, len(recorded), batch):
            CAMERAS.apply(cursor, recorded[start : start + batch])
        found = {row["camera"]: row for row in _rows(cursor, "cameras")}
        for key in "ab":
            own = [event for stream, event in history if stream == f"camera-{key}"]
            state, row = c.CAMERA.fold(own), found[key]
            assert (row["retired_at"] is not None) == isinstance(state, c.Retired)
            if isinstance(state, c.Installed):
                shown = (row["name"], Place(row["latitude"], row["longitude"]), row["height_m"], row["bearing_deg"])
                assert shown == (state.name, state.place, state.height_m, state.bearing_deg)
                assert (row["online"], row["secret"]) == (state.online, state.secret)
                assert (row["mask"], row["field_of_view"]) == (in_json(state.outlines), in_json(state.field_of_view))
        assert len(_rows(cursor, "happened")) == len(history)


def in_json(value: object) -> Any:
    return msgspec.json.decode(msgspec.json.encode(to_builtins(value)))


def _recorded(position: int, stream: str, event: Any) -> Recorded:
    head = envelope(event, stream, position, START + timedelta(seconds=position))
    return codec.decode(codec.encode(head, event, FixedKeys()), position)


def _rows(cursor: psycopg.Cursor, table: str) -> list[Row]:
    cursor.execute(f"SELECT * FROM {table}".encode())
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def test_pages_go_by_name_and_count_the_outages_of_a_while(log: Log) -> None:
    outage: list[tuple[str, Any]] = [
        ("camera-a", c.CameraOnline(START)),
        ("camera-a", c.CameraOffline(START, "no packets")),
        ("camera-a", c.CameraMaintained("cleaned", TODAY, TODAY + DAY, QUAN)),
        ("camera-b", c.CameraRetired("replaced", QUAN)),
    ]
    more = [(f"camera-{n}", c.CameraInstalled("Same corner", HERE, 5.0, 90.0, QUAN)) for n in range(3)]
    last = log.append(*FIRST, *outage, *more)
    with ProjectionHost(log.url, store_feeds(log.url), [CAMERAS]) as host:
        wait_applied(host, log.url, last, "cameras")
    page = ask(log.url, queries.cameras, START - DAY, first=2)
    assert ([row.camera for row in page.cameras], page.has_next) == (["a", "0"], True)
    hung = page.cameras[0]
    assert (hung.online, hung.detail, hung.outages, hung.maintenance_due_on) == (False, "no packets", 1, TODAY + DAY)
    page = ask(log.url, queries.cameras, START + DAY, first=9, after="0", retired=True)
    assert ([row.camera for row in page.cameras], page.has_next) == (["1", "2"], False)
    (one,) = ask(log.url, queries.cameras, START + DAY, first=1, one="a").cameras
    assert (one.camera, one.outages) == ("a", 0)
    assert [row.camera for row in ask(log.url, queries.cameras, START, first=9, retired=True, one="b").cameras] == ["b"]
    newest = ask(log.url, queries.history, "a", first=2)
    assert ([row.what for row in newest.happened], newest.has_next) == (["camera_maintained", "camera_offline"], True)
    rest = ask(log.url, queries.history, "a", first=9, before=newest.happened[-1].position)
    assert [(row.what, row.person) for row in rest.happened] == [("camera_online", None), ("camera_installed", QUAN)]
    assert ask(log.url, queries.names, ["camera-a", "flight-a", "camera-z"]) == {"camera-a": "Corner a"}


@pytest.mark.rule("camera.public")
def test_the_public_is_told_of_cameras_that_are_up_and_no_more_than_it_can_see(log: Log) -> None:
    last = log.append(*FIRST, ("camera-b", c.CameraRetired("replaced", QUAN)))
    with ProjectionHost(log.url, store_feeds(log.url), [CAMERAS]) as host:
        wait_applied(host, log.url, last, "cameras")
    told = ask(log.url, queries.public)
    assert ([shown.name for shown in told.cameras], told.retired) == (["Corner a"], 1)
    assert {field.name for field in fields(queries.Shown)} == {"name", "latitude", "longitude", "installed_at"}
