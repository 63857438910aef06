"""The verbs of looking after it, typed on their good path, with their exit codes: 0 good, 1 not good, 2 wrong use."""

from __future__ import annotations

import json
import secrets
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg

from adapters import event_store
from adapters import keys as key_store
from adapters.event_store import PostgresEventStore
from adapters.kafka.resume import ResumePoint
from adapters.kafka.transactions import LogWriter, Outgoing
from infra.stack.kafka import EmbeddedKafka
from projections.engine import catalogue
from projections.engine.parking import ParkedRecord, keep
from projections.registry import PROJECTIONS, projection
from tests.api.watch_center import Json, WatchCenter, installed, typed

GOLDEN = Path(__file__).parents[1] / "golden/policy.policy_adopted.v1.json"
ROW = {"name", "build", "state", "position", "lag", "parked_streams", "ok", "fault"}


def printed(environ: dict[str, str], *words: str, code: int = 0) -> Any:
    """What the verb prints as JSON."""
    told = typed(environ, *words, "--json")
    assert told.returncode == code, told.stdout + told.stderr
    return json.loads(told.stdout)


def test_the_read_models_of_a_running_watch_center(watch_center: WatchCenter) -> None:
    environ = watch_center.environ
    watch_center.applied(watch_center.head())
    rows = printed(environ, "projections", "list")
    assert all(row.keys() == ROW for row in rows)
    assert {row["name"] for row in rows if row["state"] == "live"} >= {each.name for each in PROJECTIONS}

    assert all(row["ok"] for row in printed(environ, "projections", "status"))
    (people,) = printed(environ, "projections", "status", "people")
    assert (people["name"], people["ok"], people["fault"]) == ("people", True, "")
    unknown = typed(environ, "projections", "status", "nobody")
    assert unknown.returncode == 2 and "no read model 'nobody'" in unknown.stderr

    table = typed({**environ, "COLUMNS": "80"}, "projections", "list").stdout  # into a pipe: nothing is cut
    for row in rows:
        assert any(row["name"] in line and f" {row['build']} " in line for line in table.splitlines()), table

    assert printed(environ, "projections", "parked") == []
    assert printed(environ, "projections", "parked", "people") == []
    assert printed(environ, "projections", "retry", "people") == {"applied": 0, "left": 0}


def test_a_read_model_is_built_anew_while_it_serves(watch_center: WatchCenter) -> None:
    def live() -> Json:
        (row,) = [row for row in printed(watch_center.environ, "projections", "status", "plates") if row["ok"]]
        assert row["state"] == "live"
        return dict(row)

    before = live()
    head = watch_center.head()
    rebuilt = typed(watch_center.environ, "projections", "rebuild", "plates")
    assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr
    assert "plates is rebuilt and live" in rebuilt.stdout
    watch_center.applied(head)
    assert live()["build"] != before["build"]
    unknown = typed(watch_center.environ, "projections", "rebuild", "nobody")
    assert unknown.returncode == 2 and "Traceback" not in unknown.stderr


def test_what_is_parked_is_named_and_applied_again(database_url: str, tmp_path: Path) -> None:
    event_store.migrate(database_url)
    key_store.migrate(database_url)
    environ = {"SAFERWEHO_ENV": "development", "SAFERWEHO_HOME": str(tmp_path), "DATABASE_URL": database_url}
    parked = [
        ParkedRecord(1, "policy-1", GOLDEN.read_bytes(), "UndefinedTable (42P01)"),
        ParkedRecord(2, "policy-2", b"{no", "unreadable"),
    ]
    catalogue.install(database_url)
    with catalogue.connect(database_url) as connection:
        (build,) = catalogue.ensure(connection, projection("audit_trail"))
        with connection.transaction(), connection.cursor() as cursor:
            keep(cursor, build.key, parked)
            cursor.execute("UPDATE projections.catalogue SET parked_streams = 2 WHERE key = %s", (build.key,))

    (row,) = printed(environ, "projections", "status", code=1)
    assert (row["ok"], row["parked_streams"]) == (False, 2)
    named = printed(environ, "projections", "parked", "audit_trail")
    assert [(row["name"], row["position"], row["stream"]) for row in named] == [
        ("audit_trail", 1, "policy-1"),
        ("audit_trail", 2, "policy-2"),
    ]
    assert printed(environ, "projections", "retry", "audit_trail", code=1) == {"applied": 1, "left": 1}
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE projections.parked SET content = %s", (GOLDEN.read_bytes(),))
    assert printed(environ, "projections", "retry", "audit_trail") == {"applied": 1, "left": 0}
    (row,) = printed(environ, "projections", "status")
    assert (row["ok"], row["parked_streams"]) == (True, 0)


def test_the_topics_are_made_once_and_verified(watch_center: WatchCenter) -> None:
    environ = watch_center.environ
    assert printed(environ, "topics", "verify") == {"differences": []}
    assert printed(environ, "topics", "create") == {"created": []}
    fresh = {**environ, "SAFERWEHO_TOPIC_PREFIX": f"t{secrets.token_hex(6)}"}
    missing = printed(fresh, "topics", "verify", code=1)["differences"]
    assert missing and all("run 'saferweho topics create'" in line for line in missing)
    created = printed(fresh, "topics", "create")["created"]
    assert len(created) == len(missing)
    assert printed(fresh, "topics", "verify") == {"differences": []}


def test_a_whole_log_needs_nothing_sent_again(watch_center: WatchCenter) -> None:
    watch_center.applied(watch_center.head())
    report = printed(watch_center.environ, "reconcile", "--resend")
    assert (report["agree"], report["resent"], report["kafka"]["missing"]) == (True, 0, [])


def test_what_the_log_misses_is_sent_again(database_url: str, kafka: EmbeddedKafka, tmp_path: Path) -> None:
    prefix = f"t{secrets.token_hex(6)}"
    center = installed(database_url, tmp_path, KAFKA_BOOTSTRAP_SERVERS=kafka.bootstrap, SAFERWEHO_TOPIC_PREFIX=prefix)
    assert typed(center.environ, "topics", "create").returncode == 0
    with PostgresEventStore(database_url) as store:
        head, stored = store.head(), store.notifications(0, 5000)
    writer = LogWriter(kafka.bootstrap, prefix)
    writer.write(
        [Outgoing(e.position, e.stream, e.content) for e in stored if e.position not in (4, 5, 6)],
        ResumePoint(head.position, head.rolling_hash.hex(), sha256(stored[-1].content).hexdigest()),
    )
    writer.close()

    found = printed(center.environ, "reconcile", code=1)
    assert found["agree"] is False
    assert found["kafka"]["missing"] == ["4…6"]
    mended = printed(center.environ, "reconcile", "--resend")
    assert (mended["agree"], mended["resent"], mended["kafka"]["missing"]) == (True, 3, [])
    assert printed(center.environ, "reconcile")["agree"] is True
