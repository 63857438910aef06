"""A process to kill: `process.py board|audit|reaction|keys DATABASE_URL [BOOTSTRAP TOPIC_PREFIX]`.

Keeps one read model, or runs the reaction on suspensions or the one that destroys keys, until it dies. Without a broker
it reads the store.
"""

from __future__ import annotations

import sys
import threading

from adapters.event_store.store import PostgresEventStore
from adapters.kafka.feed import feed_factory
from application.reactions import IssuedCommand
from application.reactions.destroying import DestroyKeys
from application.reactions.suspension import EndSessionsOfSuspended
from projections.audit_trail.projection import AUDIT_TRAIL
from projections.engine.host import ProjectionHost
from projections.engine.projection import AnyProjection
from projections.engine.reactor import Reactor
from projections.live_board.projection import LIVE_BOARD
from tests.keys import keyring
from tests.projections.issuing import issue_into
from tests.projections.log import store_feeds

BATCH = 20


def main() -> None:
    what, url, *kafka = sys.argv[1:]
    feeds = feed_factory(*kafka) if kafka else store_feeds(url, BATCH)
    if what == "reaction":
        with PostgresEventStore(url) as store:
            Reactor(url, feeds, EndSessionsOfSuspended(), issue_into(store), batch=BATCH).run(threading.Event())
    if what == "keys":
        with keyring(url) as keys:

            def destroy(command: IssuedCommand) -> None:
                keys.store.destroy(command.key)

            Reactor(url, feeds, DestroyKeys(), destroy, batch=BATCH).run(threading.Event())
    projection: AnyProjection = LIVE_BOARD if what == "board" else AUDIT_TRAIL
    with ProjectionHost(url, feeds, [projection], batch=BATCH):
        threading.Event().wait()


if __name__ == "__main__":
    main()
