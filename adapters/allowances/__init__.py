"""Token buckets in PostgreSQL, so that a limit holds however many processes answer.

Nobody's address is kept: a source is a keyed hash that is another one every day, and is forgotten once its bucket is
full.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

from adapters.event_store.pool import SmallPool
from application.ports import StoreUnavailable

_TAKE = """
INSERT INTO allowances.buckets AS b (source, tokens, at) VALUES (%(source)s, %(most)s - 1, %(now)s)
ON CONFLICT (source) DO UPDATE SET
    tokens = least(%(most)s, b.tokens + extract(epoch FROM greatest(%(now)s - b.at, interval '0')) / %(every_s)s) - 1,
    at = greatest(b.at, %(now)s)
WHERE least(%(most)s, b.tokens + extract(epoch FROM greatest(%(now)s - b.at, interval '0')) / %(every_s)s) >= 1
"""


@dataclass(frozen=True, slots=True)
class Rate:
    """`most` at once, and one more after each `every`."""

    most: int
    every: timedelta


class PostgresAllowances(SmallPool):
    """A context manager, one a process. Raises StoreUnavailable."""

    def __init__(self, url: str, secret: bytes) -> None:
        """`secret`: the same for all processes; without it nobody can tell whose a row is."""
        super().__init__(url, "allowances", _away)
        self._secret = secret

    def take(self, what: str, address: str, rate: Rate, now: datetime) -> bool:
        """Whether this address may have one more of `what` now; if so it has had it."""
        source = hmac.digest(self._secret, f"{now:%Y-%m-%d} {what} {network(address)}".encode(), "sha256")
        values = {"source": source, "most": rate.most, "every_s": rate.every.total_seconds(), "now": now}
        with self.connection() as connection:
            connection.execute("DELETE FROM allowances.buckets WHERE at < %s", (now - rate.most * rate.every,))
            return connection.execute(_TAKE, values).rowcount == 1


def _away() -> StoreUnavailable:
    return StoreUnavailable("nobody can say how often this was asked: PostgreSQL does not answer")


def network(address: str) -> str:
    """What one household has: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if not isinstance(known, IPv6Address):
        return str(known)
    return str(known.ipv4_mapped or IPv6Address(int(known) >> 64 << 64))
