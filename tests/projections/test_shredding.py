"""What is personal in read models goes with its key, in every build; rebuilt ones come out the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql

from application.codec import NotDeclared
from application.sealing import Keyring, personal_values
from domain import plate_search as p
from domain.kernel import EVENT_TYPES, Personal, PersonId, PolicyVersion, StreamId, SubjectId
from domain.subject_key import DestructionGround, SubjectKeyCreated, SubjectKeyDestroyed
from infra.stack.processes import wait_until
from projections.engine import admin, catalogue
from projections.engine.host import ProjectionHost
from projections.engine.projection import AnyProjection, Park
from projections.engine.selection import selection_of
from projections.plates.projection import PLATES
from projections.registry import PROJECTIONS
from tests.golden.make import event_of, sample
from tests.projections.log import START, Log, store_feeds
from tests.projections.models import live, rows, wait_applied

PLATE = "8ABC123"


def hit(n: int, subject: str) -> tuple[str, Any]:
    plate = Personal(subject, PLATE)
    return f"platesearch-{n}", p.HotListHitReceived("readers", f"h-{n}", "stolen", plate, "CA", "west", START)


def destroyed(log: Log, subject: str) -> tuple[str, SubjectKeyDestroyed]:
    gone = START + timedelta(days=35)
    ground, by = DestructionGround.RETENTION_OVER, PersonId("p-ana")
    event = SubjectKeyDestroyed(
        StreamId(subject), ground, "Gov. Code §34090.6", PolicyVersion(1), by, PersonId("p-cai"), gone
    )
    return f"subjectkey-{subject}", event


def erase(log: Log, subject: str) -> None:
    """What the reactor does once the destruction is on the record."""
    log.keys.store.destroy(subject)
    log.keys.forget(subject)


@contextmanager
def hosted(log: Log, projection: AnyProjection = PLATES, keys: Keyring | None = None) -> Iterator[ProjectionHost]:
    with ProjectionHost(log.url, store_feeds(log.url), [projection], keys=keys or log.keys) as host:
        yield host


def hashes(log: Log, schema: str = "read", table: str = "plates_hits") -> dict[str, str | None]:
    return {row["hit"]: row["plate_hash"] for row in rows(log.url, table, schema)}


@pytest.mark.rule("record.key_destroyed")
def test_a_plate_is_found_by_its_keyed_hash_until_its_key_is_destroyed(log: Log) -> None:
    last = log.append(hit(1, "plate-a"), hit(2, "plate-b"), hit(3, "plate-c"))
    with hosted(log) as host:
        wait_applied(host, log.url, last, "plates")
        found = hashes(log)
        assert set(found.values()) == {log.keys.keyed_hash("plate", PLATE)}
        last = log.append(destroyed(log, "plate-b"))
        wait_applied(host, log.url, last, "plates")
        assert hashes(log) == {**found, "2": None}
        erase(log, "plate-b")
    assert b"plate_hash" not in b"".join(log.contents()) and found["1"] is not None
    assert not any(str(found["1"]).encode() in content for content in log.contents())


def test_a_rebuilt_read_model_is_the_same_as_the_one_that_was_emptied(log: Log) -> None:
    last = log.append(hit(1, "plate-a"), hit(2, "plate-b"), destroyed(log, "plate-b"), hit(3, "plate-c"))
    with hosted(log) as host:
        wait_applied(host, log.url, last, "plates")
    erase(log, "plate-b")
    first = live(log.url, "plates")
    with hosted(log, replace(PLATES, version=PLATES.version + 1)) as host:
        assert wait_until(lambda: live(log.url, "plates") != first, 60), host.statuses()
        assert wait_until(lambda: live(log.url, "plates").version == PLATES.version + 1, 60)  # type: ignore[union-attr]
    second = live(log.url, "plates")
    assert first is not None and second is not None
    for table in ("hits", "searches"):
        assert rows(log.url, table, first.key) == rows(log.url, table, second.key)


@pytest.mark.rule("record.key_destroyed")
def test_every_build_that_is_left_is_emptied_also_of_a_version_that_nobody_runs(log: Log) -> None:
    last = log.append(hit(1, "plate-a"), hit(2, "plate-b"))
    with hosted(log) as host:
        wait_applied(host, log.url, last, "plates")
    old = live(log.url, "plates")
    assert old is not None and hashes(log, old.key, "hits")["2"]
    with hosted(log, replace(PLATES, version=PLATES.version + 1)) as host:
        assert wait_until(lambda: live(log.url, "plates").version == PLATES.version + 1, 60)  # type: ignore[union-attr]
        last = log.append(destroyed(log, "plate-b"))
        wait_applied(host, log.url, last, "plates")
        assert hashes(log, old.key, "hits")["2"] is None and hashes(log, old.key, "hits")["1"]
        assert hashes(log)["2"] is None


def test_what_is_sealed_a_moment_after_the_destruction_is_emptied_too(log: Log) -> None:
    """A process that asked for the key a second ago goes on using it; the read model does not keep what it wrote."""
    last = log.append(hit(1, "plate-a"), destroyed(log, "plate-a"), hit(2, "plate-a"))
    with hosted(log) as host:
        wait_applied(host, log.url, last, "plates")
        last = log.append(hit(3, "plate-a"))
        wait_applied(host, log.url, last, "plates")
    assert set(hashes(log).values()) == {None}


def test_what_was_parked_before_the_destruction_comes_back_empty(log: Log) -> None:
    def refuse(changes: Any) -> Any:
        raise RuntimeError("not now")

    broken = replace(PLATES, changes=refuse, on_error=lambda failure: Park())
    last = log.append(hit(1, "plate-a"), destroyed(log, "plate-a"))
    with hosted(log, broken) as host:
        wait_applied(host, log.url, last, "plates")
        assert len(admin.parked(log.url, "plates")) == 1
        retried = admin.retry(log.url, PLATES, log.keys)
        assert (retried.applied, retried.still_parked) == (1, 0)
    assert hashes(log) == {"1": None}


def test_a_process_without_keys_does_not_run_what_keeps_something_personal(log: Log) -> None:
    with pytest.raises(ValueError, match="plates keeps something personal"):
        ProjectionHost(log.url, store_feeds(log.url), [PLATES])


def test_the_key_store_away_keeps_the_read_model_waiting_and_blanks_nothing(log: Log) -> None:
    last = log.append(hit(1, "plate-a"))
    with psycopg.connect(log.url, autocommit=True) as connection:
        connection.execute("ALTER TABLE keys.subject_keys RENAME TO away")
        log.keys.forget("plate-a")
        with hosted(log) as host:
            assert wait_until(lambda: any("trying again" in (s.fault or "") for s in host.statuses()), 30)
            connection.execute("ALTER TABLE keys.away RENAME TO subject_keys")
            wait_applied(host, log.url, last, "plates")
    assert hashes(log)["1"]


# -- declared or not at all --------------------------------------------------


def test_a_read_model_that_declares_nothing_cannot_open_what_is_personal(log: Log) -> None:
    def open_it(batch: Any) -> Any:
        for recorded in batch:
            for personal in personal_values(recorded.event):
                recorded.text(personal)

    log.append(hit(1, "plate-a"))
    (recorded,) = log.recorded()
    with pytest.raises(NotDeclared):
        open_it([recorded])
    undeclared = [projection for projection in PROJECTIONS if not projection.personal]
    assert undeclared and all(selection_of(projection, log.keys)._keys is None for projection in undeclared)


SECRET = "zqx-said-by-the-public-"


def everything_personal() -> list[tuple[str, object]]:
    """An event of every type that holds personal values, each of which is unmistakable."""
    events = []
    for number, name in enumerate(sorted(EVENT_TYPES)):
        event = event_of(name)
        if any(True for _ in personal_values(event)):
            events.append((f"{name.partition('.')[0]}-{number}", marked(event, f"subject-{number}")))
    return events


def marked(value: Any, subject: str) -> Any:
    if isinstance(value, Personal):
        return Personal(subject, PLATE if value.value == sample(str, "plate") else f"{SECRET}{value.value}")
    if isinstance(value, tuple):
        return tuple(marked(item, subject) for item in value)
    if hasattr(value, "__dataclass_fields__"):
        return replace(value, **{name: marked(getattr(value, name), subject) for name in value.__dataclass_fields__})
    return value


@pytest.mark.rule("record.public_sealed")
def test_no_column_of_any_read_model_holds_something_personal_but_the_declared_ones(log: Log) -> None:
    for stream, event in everything_personal():
        for personal in personal_values(event):
            log.append((f"subjectkey-{personal.subject}", SubjectKeyCreated(SubjectId(personal.subject))))
            break
        last = log.append((stream, event))
    with ProjectionHost(log.url, store_feeds(log.url), PROJECTIONS, keys=log.keys) as host:
        wait_applied(host, log.url, last, *(projection.name for projection in PROJECTIONS))
    plate_hash = log.keys.keyed_hash("plate", PLATE)
    declared = {
        (projection.name, columns.table, column)
        for projection in PROJECTIONS
        for columns in projection.personal
        for column in columns.columns
    }
    assert found_in(log, SECRET, PLATE, plate_hash) <= declared
    assert ("plates", "hits", "plate_hash") in found_in(log, plate_hash)


def found_in(log: Log, *texts: str) -> set[tuple[str, str, str]]:
    """(read model, table, column) of every value, of whichever type, in which one of the texts stands."""
    found = set()
    with psycopg.connect(log.url) as connection:
        columns = connection.execute(
            "SELECT c.name, c.key, t.table_name, t.column_name FROM projections.catalogue c"
            " JOIN information_schema.columns t ON t.table_schema = c.key"
        ).fetchall()
        for name, schema, table, column in columns:
            values = connection.execute(
                sql.SQL("SELECT {}::text FROM {} WHERE {} IS NOT NULL").format(
                    sql.Identifier(column), sql.Identifier(schema, table), sql.Identifier(column)
                )
            ).fetchall()
            for (value,) in values:
                text = bytes.fromhex(value[2:]).decode("utf-8", "replace") if value.startswith("\\x") else value
                if any(sought in text for sought in texts):
                    found.add((name, table, column))
    return found


def test_an_event_in_the_audit_trail_shows_its_personal_values_sealed(log: Log) -> None:
    last = log.append(hit(1, "plate-a"))
    audit_trail = next(projection for projection in PROJECTIONS if projection.name == "audit_trail")
    with hosted(log, audit_trail) as host:
        wait_applied(host, log.url, last, "audit_trail")
    (row,) = rows(log.url, "audit_trail_events")
    plate = json.loads(bytes(row["content"]))["data"]["plate"]
    assert plate.keys() == {"subject", "alg", "kid", "sealed"}


def test_a_change_of_what_is_declared_needs_a_new_version(log: Log) -> None:
    log.append(hit(1, "plate-a"))
    with hosted(log) as host:
        wait_applied(host, log.url, 1, "plates")
    with catalogue.connect(log.url) as connection, pytest.raises(catalogue.TablesChanged):
        catalogue.ensure(connection, replace(PLATES, personal=PLATES.personal[:1]))
