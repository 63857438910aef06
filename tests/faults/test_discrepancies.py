"""A store that was tampered with is found by comparing, and those who must know are told."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import psycopg
import pytest

from adapters.kafka import topics
from adapters.kafka.relay import Relay
from application.notices import RULES
from domain.person import Role
from domain.review_events import Discrepancy, DiscrepancyFound
from infra.stack.kafka import EmbeddedKafka
from infra.stack.processes import wait_until
from tests.application.small_center import ADMIN, SmallCenter, small_center
from tests.faults.test_restore import saferweho
from tests.keys import key_encryption_file


@pytest.mark.rule("oversight.discrepancy")
@pytest.mark.slow
def test_a_discrepancy_found_by_comparing_store_and_log_is_recorded_and_told(
    database_url: str, kafka: EmbeddedKafka, tmp_path: Path
) -> None:
    def reconcile() -> tuple[int, dict[str, object]]:
        keys = str(key_encryption_file(tmp_path))
        return saferweho(database_url, kafka, prefix, "reconcile", SAFERWEHO_KEY_ENCRYPTION_KEYS=keys)

    prefix = f"discrepancy{os.getpid()}"
    topics.create(kafka.bootstrap, prefix)
    with small_center(database_url) as center:
        session = center.signed_on(ADMIN).session
        _relayed(center, kafka, prefix)
        assert reconcile()[0] == 0
        _tamper(database_url, f"session-{session}")
        code, report = reconcile()
        assert (code, report["agree"]) == (1, False)
        again = reconcile()[1]
        found = [r for r in center.all_events() if isinstance(r.event, DiscrepancyFound)]
    (told,) = found
    assert report["recorded"] == again["recorded"] == told.stream
    assert told.event.kind is Discrepancy.COUNT and "differ at the positions" in told.event.detail
    (rule,) = [rule for rule in RULES if rule.event is DiscrepancyFound]
    assert set(rule.roles) == {Role.AUDITOR, Role.ADMINISTRATOR}


def _relayed(center: SmallCenter, kafka: EmbeddedKafka, prefix: str) -> None:
    head = center.handler.store.head().position
    relay, stop = Relay(center.url, kafka.bootstrap, topic_prefix=prefix, holder="test"), threading.Event()
    thread = threading.Thread(target=relay.run, args=(stop,))
    thread.start()
    try:
        assert wait_until(lambda: relay.status().position == head, 60)
    finally:
        stop.set()
        thread.join()


def _tamper(url: str, stream: str) -> None:
    """As somebody who owns the database could."""
    with psycopg.connect(url) as connection:
        connection.execute("ALTER TABLE events.stored_events DISABLE TRIGGER ALL")
        changed = connection.execute(
            "UPDATE events.stored_events SET state = convert_to(replace(convert_from(state, 'UTF8'), '198.51.100.23',"
            " '198.51.100.24'), 'UTF8') WHERE originator_id = %s",
            (stream,),
        )
        assert changed.rowcount > 0
