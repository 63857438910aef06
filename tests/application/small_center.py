"""A watch center with a founder, a captain, the services and a stepped clock, on the real store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count

import psycopg

from adapters.cedar import CedarAuthoriser
from adapters.event_store import PostgresEventStore, migrate
from api.processes.wiring import RandomIds
from application import codec
from application.accounts import Accounts, Proof
from application.handling import Accepted, Actor, Handler, Outcome
from application.policies import Policies
from application.sealing import Keyring
from application.service_accounts import service_founders
from application.standing import record_attempt
from domain.founding import Founder
from domain.kernel import PersonId
from domain.person import AssignRole, Enrol, Organisation, RecordTraining, Role
from domain.policy import RECORD_ALL_KEEP_30_DAYS
from tests.application.clock import SteppedClock
from tests.keys import keyring

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
ADMIN, CAPTAIN = "ann", "cai"
_sessions = count(1)  # also a copy of a center's database takes no session's name twice


class SmallCenter:
    def __init__(self, url: str, store: PostgresEventStore, at: datetime, keys: Keyring) -> None:
        self.url = url
        self.clock = SteppedClock(at)
        self.handler = Handler(store, self.clock, RandomIds(), CedarAuthoriser(), record_attempt, keys)
        self.accounts = Accounts(self.handler)

    def found(self, services: Sequence[Founder] | None = None) -> None:
        """`services`: the accounts of the processes that there were on that day; None: those of today."""
        policies = Policies(self.handler)
        today = self.clock.now().date()

        def founder(person: str) -> Founder:
            at = Organisation.LASD_WEST_HOLLYWOOD
            return Founder(PersonId(person), person, at, f"{person}@weho.example", today, today + timedelta(days=365))

        admin, captain = founder(ADMIN), founder(CAPTAIN)
        summary = "the first policy"
        known = service_founders() if services is None else services
        done(policies.propose_founding(ADMIN, admin, captain, known, RECORD_ALL_KEEP_30_DAYS, summary))
        done(policies.confirm_founding(CAPTAIN))

    def signed_on(self, person: str, lasts: timedelta = timedelta(hours=8), *, step_up: bool = True) -> Actor:
        ends_at = self.clock.now() + lasts
        proof = Proof(person, f"session-{person}-{next(_sessions)}", "https://id.test", "otp", ends_at, step_up)
        return self.accounts.sign_on(proof, "198.51.100.23")

    def enrolled(
        self,
        person: str,
        role: Role,
        trained_until: timedelta = timedelta(days=365),
        organisation: Organisation = Organisation.LASD_WEST_HOLLYWOOD,
    ) -> str:
        admin, captain = self.signed_on(ADMIN), self.signed_on(CAPTAIN)
        by, id_, today = PersonId(ADMIN), PersonId(person), self.clock.now().date()
        done(self.accounts.change(admin, Enrol(id_, person, organisation, f"{person}@weho.example", by)))
        course = RecordTraining(id_, "watch_center_use", today, today + trained_until, by)
        done(self.accounts.change(admin, course))
        done(self.accounts.change(captain, AssignRole(id_, role, PersonId(CAPTAIN))))
        return person

    def events(self, stream: str) -> list[codec.Recorded]:
        return [codec.recorded(stored) for stored in self.handler.store.read([stream])[stream]]

    def all_events(self, after: int = 0) -> list[codec.Recorded]:
        """Those behind a position."""
        with psycopg.connect(self.url) as connection:
            rows = connection.execute(
                "SELECT state, notification_id FROM events.stored_events WHERE notification_id > %s"
                " ORDER BY notification_id",
                (after,),
            ).fetchall()
        return [codec.decode(bytes(content), position) for content, position in rows]


def done(outcome: Outcome) -> Accepted:
    assert isinstance(outcome, Accepted), outcome
    return outcome


@contextmanager
def small_center(url: str, at: datetime = NOON, *, found: bool = True) -> Iterator[SmallCenter]:
    """`found`: on an empty database; otherwise it is there already."""
    migrate(url)
    # A busy machine may pause for longer than anybody waits for an answer: that is shown elsewhere.
    with PostgresEventStore(url, commit_timeout=60) as store, keyring(url) as keys:
        center = SmallCenter(url, store, at, keys)
        if found:
            center.found()
        yield center
