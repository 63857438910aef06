"""An event that a read model cannot take: its stream is put aside, answers say so, and it is made whole again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from tests.api.watch_center import Json, WatchCenter, call_update, typed

BOARD = """query($at: Position!) { board(afterPosition: $at) {
    position incompleteStreams calls { number priority } } }"""
TRAIL = """query($at: Position!, $case: String!) { auditTrail(afterPosition: $at, filter: {caseNumber: $case}) {
    incompleteStreams edges { node { type } } } }"""


@contextmanager
def refusing(watch_center: WatchCenter, call: str) -> Iterator[None]:
    """The live board's own table takes no row of this call."""
    with psycopg.connect(watch_center.url, autocommit=True) as admin:
        row = admin.execute(
            "SELECT key FROM projections.catalogue WHERE name = 'live_board' AND state = 'live'"
        ).fetchone()
        assert row is not None
        calls = sql.Identifier(row[0], "calls")
        rule = sql.SQL("ALTER TABLE {} ADD CONSTRAINT not_this_one CHECK (call_number <> {}) NOT VALID")
        admin.execute(rule.format(calls, sql.Literal(call)))
        try:
            yield
        finally:
            admin.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT not_this_one").format(calls))


def sent(watch_center: WatchCenter, update: Json) -> int:
    answer = watch_center.dispatch(update)
    assert answer.status_code == 200, answer.text
    return int(answer.json()["position"])


def verb(watch_center: WatchCenter, *words: str) -> tuple[int, Any]:
    told = typed(watch_center.environ, "projections", *words, "--json")
    return told.returncode, json.loads(told.stdout)


def test_answers_name_the_streams_that_are_incomplete_until_they_are_whole(watch_center: WatchCenter) -> None:
    reader, auditor = watch_center.as_role("watch_supervisor"), watch_center.as_role("auditor")
    bad, good = call_update(priority=2), call_update(priority=4)
    stream = f"call-{bad['call']}"
    with refusing(watch_center, bad["call"]):
        sent(watch_center, bad)
        sent(watch_center, {**bad, "update_number": 2, "priority": 1})  # what comes later for the stream waits, too
        last = sent(watch_center, good)
        board = reader.ask(BOARD, at=last)["board"]
        assert board["incompleteStreams"] == [stream]
        priorities = {call["number"]: call["priority"] for call in board["calls"]}
        assert priorities[good["call"]] == 4 and bad["call"] not in priorities
        trail = auditor.ask(TRAIL, at=last, case=bad["call"])["auditTrail"]
        assert len(trail["edges"]) == 2 and trail["incompleteStreams"] == []

        code, parked = verb(watch_center, "parked", "live_board")
        assert code == 0
        assert [row["stream"] for row in parked] == [stream, stream]
        code, models = verb(watch_center, "status")
        assert code == 1
        assert [row["name"] for row in models if not row["ok"]] == ["live_board"]
        assert verb(watch_center, "retry", "live_board") == (1, {"applied": 0, "left": 2})

    assert verb(watch_center, "retry", "live_board") == (0, {"applied": 2, "left": 0})
    mended = reader.ask(BOARD, at=last)["board"]  # the same question: not the answer that was kept
    assert mended["incompleteStreams"] == []
    assert {call["number"]: call["priority"] for call in mended["calls"]}[bad["call"]] == 1
