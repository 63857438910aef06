"""Who leads: one row with an expiry. The lease only avoids two relays working against each other;
that nothing is written twice is Kafka's fence, so a lease that is held too long does no harm."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

YIELD_CHANNEL = "saferweho_relay"  # a NOTIFY here asks the leader to step aside for one lease


@dataclass(slots=True)
class Lease:
    """The lease of one holder, over an autocommit connection of its own. All times are the database's.

    `holder` must differ between processes; `seconds` is how long the lease lasts after each renewal.
    """

    connection: psycopg.Connection
    holder: str
    seconds: float
    epoch: int = 0

    def acquire(self) -> bool:
        """Take the lease when it is free, expired or ours already. A new `epoch` each time."""
        row = self.connection.execute(
            "UPDATE events.relay_lease SET holder = %(holder)s, epoch = epoch + 1,"
            " expires = clock_timestamp() + make_interval(secs => %(seconds)s)"
            " WHERE id = 1 AND (holder = %(holder)s OR expires < clock_timestamp()) RETURNING epoch",
            {"holder": self.holder, "seconds": self.seconds},
        ).fetchone()
        self.epoch = row[0] if row else 0
        return row is not None

    def renew(self) -> bool:
        """False when the lease has been taken over: stop leading."""
        renewed = self.connection.execute(
            "UPDATE events.relay_lease SET expires = clock_timestamp() + make_interval(secs => %(seconds)s)"
            " WHERE id = 1 AND holder = %(holder)s AND epoch = %(epoch)s",
            {"holder": self.holder, "epoch": self.epoch, "seconds": self.seconds},
        )
        return renewed.rowcount == 1

    def release(self) -> None:
        """Give the lease back, when it is still ours."""
        self.connection.execute(
            "UPDATE events.relay_lease SET expires = 'epoch' WHERE id = 1 AND holder = %s AND epoch = %s",
            (self.holder, self.epoch),
        )

    def leader(self) -> tuple[str, float] | None:
        """(holder, seconds left) of a lease in force."""
        row = self.connection.execute(
            "SELECT holder, extract(epoch FROM expires - clock_timestamp())::float8 FROM events.relay_lease"
            " WHERE id = 1 AND expires > clock_timestamp()"
        ).fetchone()
        return (row[0], row[1]) if row else None


def ask_to_yield(connection: psycopg.Connection) -> None:
    connection.execute("SELECT pg_notify(%s, 'yield')", (YIELD_CHANNEL,))
