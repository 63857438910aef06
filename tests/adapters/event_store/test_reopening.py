"""A restore can't fork the log: after a copy, a restore or a promotion appends wait for proof."""

import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from adapters.event_store import (
    LogsDisagree,
    PostgresEventStore,
    login_roles,
    migrate,
    open_for_appends,
    reopen,
    restore,
)
from adapters.event_store.audit import EMPTY, audit, log
from application.ports import Head, StoredEvent, StoreUnavailable
from infra.stack.postgres import EmbeddedPostgres
from tests.adapters.event_store.appends import PASSWORD, append, as_user, assert_whole


@pytest.fixture
def server(stack_home: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(stack_home / f"promoted-{uuid.uuid4().hex[:8]}", fsync=False) as server:
        yield server


@pytest.fixture
def original(store_url: str) -> str:
    """A log of five events."""
    fill(store_url, 1, 5)
    return store_url


@pytest.fixture
def another(pg_admin_url: str) -> Iterator[str]:
    """The URL of a database that does not exist yet."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    yield make_conninfo(pg_admin_url, dbname=name)
    with psycopg.connect(pg_admin_url, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def fill(url: str, first: int, last: int) -> None:
    with PostgresEventStore(url) as store:
        for version in range(first, last + 1):
            store.append(append(("call-1", version)))


def create(url: str, template: str = "template0") -> None:
    with psycopg.connect(make_conninfo(url, dbname="postgres"), autocommit=True) as admin:
        name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")


def copy_of(url: str, copy: str) -> str:
    create(copy, str(psycopg.conninfo.conninfo_to_dict(url)["dbname"]))
    return copy


def assert_closed(url: str) -> None:
    with pytest.raises(StoreUnavailable, match="saferweho reconcile"):
        open_for_appends(url)
    with PostgresEventStore(url) as store:
        with pytest.raises(StoreUnavailable, match=r"appends are closed.*restore --from-kafka"):
            store.append(append(("call-2", 1)))
        assert len(store.read(["call-1"])["call-1"]) > 0  # reading goes on


def assert_open(url: str) -> None:
    open_for_appends(url)
    with PostgresEventStore(url) as store:
        store.append(append((f"call-{uuid.uuid4()}", 1)))
    assert_whole(url)


def test_a_promoted_server_stays_closed_until_the_ends_agree(server: EmbeddedPostgres) -> None:
    migrate(server.url)
    fill(server.url, 1, 3)
    end = audit(server.url).head
    server.stop()
    (server.data / "cluster" / "standby.signal").touch()
    server.start()
    with psycopg.connect(server.url, autocommit=True) as conn:
        with PostgresEventStore(server.url) as store, pytest.raises(StoreUnavailable):
            store.append(append(("call-1", 4)))  # a standby takes nothing
        assert conn.execute("SELECT pg_promote()").fetchone() == (True,)
    assert_closed(server.url)
    with pytest.raises(LogsDisagree, match="stay closed"):
        reopen(server.url, Head(4, end.rolling_hash))
    with pytest.raises(LogsDisagree, match="stay closed"):
        reopen(server.url, Head(3, bytes(32)))
    assert_closed(server.url)
    reopen(server.url, end)
    assert_open(server.url)


def test_a_copy_of_the_database_is_closed_and_the_original_is_not(original: str, another: str) -> None:
    copy_of(original, another)
    assert_closed(another)
    assert_open(original)
    reopen(another, audit(another).head)
    assert_open(another)


def test_a_copy_of_an_empty_log_is_open(store_url: str, another: str) -> None:
    assert_open(copy_of(store_url, another))


def test_only_the_migrator_reopens(original: str, another: str) -> None:
    copy_of(original, another)
    login_roles(another, {"saferweho_api": PASSWORD, "saferweho_migration": PASSWORD})
    end = audit(another).head
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reopen(as_user(another, "saferweho_api"), end)
    reopen(as_user(another, "saferweho_migration"), end)
    assert_open(as_user(another, "saferweho_api"))


# -- restore from another copy of the log --------------------------------------


def test_an_old_backup_gets_what_it_lacks(original: str, another: str) -> None:
    copy_of(original, another)
    fill(original, 6, 9)
    end = audit(original).head
    assert restore(another, log(original), end) == 4
    assert list(log(another)) == list(log(original))
    assert audit(another).head == end
    assert_open(another)


def test_an_empty_database_gets_the_whole_log(original: str, another: str) -> None:
    create(another)
    migrate(another)
    assert restore(another, log(original), audit(original).head) == 5
    assert list(log(another)) == list(log(original))
    assert_open(another)


def test_a_complete_copy_is_only_opened(original: str, another: str) -> None:
    copy_of(original, another)
    assert restore(another, log(original), audit(original).head) == 0
    assert_open(another)


def forged(events: list[StoredEvent]) -> list[StoredEvent]:
    return [events[0]._replace(content=b"forged"), *events[1:]]


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(forged, id="a forged event"),
        pytest.param(lambda events: [*events[:6], *events[7:]], id="a gap"),
        pytest.param(lambda events: events[5:], id="no beginning"),
        pytest.param(lambda events: events[:-1], id="no end"),
        pytest.param(lambda events: events[:3], id="fewer than are here"),
        pytest.param(lambda events: [*events[:-1], events[-1]._replace(content=b"forged")], id="a forged last event"),
    ],
)
def test_events_that_do_not_agree_change_nothing(original: str, another: str, wrong: object) -> None:
    assert callable(wrong)
    copy_of(original, another)
    before = audit(another)
    fill(original, 6, 9)
    with pytest.raises(LogsDisagree):
        restore(another, wrong(list(log(original))), audit(original).head)
    assert audit(another) == before
    assert_closed(another)


# -- the audit itself ----------------------------------------------------------


def test_an_empty_log_holds(store_url: str) -> None:
    found = audit(store_url)
    assert found.holds
    assert (found.events, found.head, found.computed) == (0, EMPTY, EMPTY)


def test_the_log_is_read_in_pages_and_from_anywhere(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[audit.__module__], "_PAGE", 7)
    fill(store_url, 1, 30)
    assert [event.position for event in log(store_url)] == list(range(1, 31))
    assert [event.position for event in log(store_url, after=25)] == [26, 27, 28, 29, 30]
    heard: list[int] = []
    assert audit(store_url, heard.append).holds
    assert heard == [7, 14, 21, 28, 30]


@pytest.mark.parametrize(
    ("damage", "finds"),
    [
        ("DELETE FROM events.stored_events WHERE notification_id IN (2, 3)", "gaps"),
        ("DELETE FROM events.stored_events WHERE notification_id = 5", "computed"),
        ("UPDATE events.stored_events SET state = 'x' WHERE notification_id = 4", "computed"),
        ("UPDATE events.stored_events SET originator_version = 99 WHERE notification_id = 5", "broken_streams"),
        ("INSERT INTO events.stored_events VALUES ('call-9', 1, 't', 'x', 8)", "gaps"),
    ],
)
def test_damage_behind_the_triggers_is_found(original: str, damage: str, finds: str) -> None:
    with psycopg.connect(original, autocommit=True) as superuser:
        superuser.execute("ALTER TABLE events.stored_events DISABLE TRIGGER append_only")
        superuser.execute(damage)
    found = audit(original)
    assert not found.holds
    if finds == "computed":
        assert found.computed != found.head
    elif finds == "gaps":
        assert found.gaps == (((2, 3),) if "DELETE" in damage else ((6, 7),))
    else:
        assert found.broken_streams == ("call-1",)
