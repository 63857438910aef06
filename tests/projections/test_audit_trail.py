"""The audit trail, kept by the real engine in a real database."""

import psycopg

from domain.session import SignedOn, SteppedUp
from infra.stack.processes import wait_until
from projections.audit_trail.projection import AUDIT_TRAIL
from projections.engine.host import ProjectionHost
from tests.projections.log import START, Log, store_feeds


def applied(url: str, name: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT position FROM projections.catalogue WHERE name = %s AND state = 'live'", (name,)
        ).fetchone()
    return row[0] if row else 0


def test_every_event_is_on_the_audit_trail(log: Log) -> None:
    signed_on = SignedOn("p-adams", "https://issuer", "pwd", "10.0.0.7", START)
    last = log.append(*[(f"session-{n}", event) for n in range(50) for event in (signed_on, SteppedUp(START, "otp"))])
    with ProjectionHost(log.url, store_feeds(log.url, 7), [AUDIT_TRAIL]) as host:
        assert wait_until(lambda: host.statuses()[0].key != "" and applied(log.url, "audit_trail") == last, 20), (
            host.statuses()
        )
    with psycopg.connect(log.url) as connection:
        rows = connection.execute("SELECT position, content FROM read.audit_trail_events ORDER BY 1").fetchall()
        (rolling,) = connection.execute("SELECT rolling_hash FROM read.audit_trail_checkpoint").fetchone()
    assert [content for _, content in rows] == log.contents()
    assert [position for position, _ in rows] == list(range(1, last + 1))
    assert rolling == log.store.head().rolling_hash
