"""The event store on PostgreSQL: gapless positions, group commit, append-only by privilege."""

from adapters.event_store.migrate import LOGINS, MigrationRefused, login_roles, migrate
from adapters.event_store.recorder import GaplessRecorder, datastore
from adapters.event_store.reopening import LogsDisagree, open_for_appends, reopen, restore
from adapters.event_store.store import PostgresEventStore

__all__ = [
    "LOGINS",
    "GaplessRecorder",
    "LogsDisagree",
    "MigrationRefused",
    "PostgresEventStore",
    "datastore",
    "login_roles",
    "migrate",
    "open_for_appends",
    "reopen",
    "restore",
]
