"""Each process with a login of its own: what the projector and the readers may, and what they may not."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from adapters.event_store.migrate import login_roles
from projections.audit_trail import queries as audit
from projections.audit_trail.projection import AUDIT_TRAIL
from projections.engine import admin
from projections.engine.host import ProjectionHost
from projections.live_board import queries as board
from projections.registry import PROJECTIONS, install
from tests.adapters.event_store.appends import PASSWORD
from tests.projections.log import START, Log, store_feeds
from tests.projections.models import ask, wait_applied
from tests.projections.sortie import fleet, flown


def test_the_projector_writes_read_models_and_the_api_only_reads_them(log: Log) -> None:
    install(log.url)
    login_roles(log.url, {"saferweho_projector": PASSWORD, "saferweho_api": PASSWORD})
    projector, api = (
        make_conninfo(log.url, user=user, password=PASSWORD) for user in ("saferweho_projector", "saferweho_api")
    )
    last = log.append(*fleet(), *flown("f1"))
    with ProjectionHost(projector, store_feeds(log.url), PROJECTIONS, keys=log.keys) as host:
        wait_applied(host, log.url, last, "live_board", "audit_trail")
        *_, progress = admin.rebuild(projector, PROJECTIONS[0])
        assert progress.live
    assert len(ask(api, board.board, START).flights) == 1
    assert len(ask(api, audit.page, first=100).events) == last

    def refused(url: str, statement: str) -> None:
        with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())

    refused(api, "UPDATE projections.catalogue SET position = 0")
    refused(api, "DELETE FROM read.audit_trail_events")
    refused(api, f"SELECT * FROM audit_trail_v{AUDIT_TRAIL.version}_1.events")
    refused(projector, "INSERT INTO events.stored_events VALUES ('flight-x', 1, 'x', '', 99)")
