"""Reading the record is itself on the record, before the answer leaves: who asked what, under which rule, up to where.

Fails closed: what cannot be put on the record is not shown. The same question of one session within a quarter of an
hour is one consultation, so that turning pages, or a page that keeps itself fresh, does not fill the log with itself.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from uuid import NAMESPACE_URL, uuid5

from application.commands import Commands
from application.handling import Accepted, Actor, Attempt, Handler, Outcome, Recorded, Unavailable
from application.standing import authorise, outcome
from domain.kernel import PersonId
from domain.review import ONE_CONSULTATION, REVIEW, ConsultAuditTrail, Consulting

REMEMBERED = 16_384


@dataclass(frozen=True, slots=True)
class Reading:
    """What somebody is about to be shown. `filter`: as it was asked, `name=value` each; `up_to_position`: what the
    answer may show of the log; `action`, `resource`: the right it is read under."""

    question: str
    filter: tuple[str, ...]
    up_to_position: int
    action: str
    resource: str = ""


class Readings(Commands):
    """`record` and `attempted` may be called from many threads."""

    def __init__(self, handler: Handler) -> None:
        super().__init__(handler)
        # What is on the record already, so that most pages cost no append; the stream itself decides.
        self._recent: OrderedDict[tuple[str, ...], datetime] = OrderedDict()
        self._lock = Lock()

    def is_recorded(self, actor: Actor, reading: Reading) -> bool:
        """Whether this is still the consultation that was put on the record. Asks nobody."""
        return self._known(self._key(actor, reading.question, *reading.filter))

    def record(self, actor: Actor, reading: Reading) -> Outcome:
        """Put it on the record, where it is no part of a consultation that is there already."""
        key = stream_key(actor)
        consulted_at = self.handler.clock.now()

        def use(attempt: Attempt) -> Recorded:
            nonlocal consulted_at
            authorise(attempt, reading.action, reading.resource or REVIEW.stream(key))
            command = ConsultAuditTrail(
                reading.question, reading.filter, reading.up_to_position, PersonId(actor.person)
            )
            attempt.decide(REVIEW, key, command)
            state = attempt.state(REVIEW, key)
            if isinstance(state, Consulting):  # another process may have recorded it a while ago
                consulted_at = state.last[command.asked]
            return outcome(attempt, REVIEW.stream(key), key)

        told = self.run(actor, "consult_audit_trail", reading, None, use)
        if isinstance(told, Accepted):
            self._remember(self._key(actor, reading.question, *reading.filter), consulted_at)
        return told

    def attempted(self, actor: Actor, action: str, resource: str = "") -> Outcome | None:
        """Put on the record that somebody tried to read what they may not; None where it is there already."""
        key = self._key(actor, "refused", action, resource)
        if self._known(key):
            return None

        def use(attempt: Attempt) -> Recorded:
            authorise(attempt, action, resource)
            return Accepted("", "")

        told = self.run(actor, "read", [action, resource], None, use)
        if not isinstance(told, Unavailable):
            self._remember(key, self.handler.clock.now())
        return told

    # -- what is known ---------------------------------------------------------

    @staticmethod
    def _key(actor: Actor, *asked: str) -> tuple[str, ...]:
        return (actor.person, actor.session, *asked)

    def _known(self, key: tuple[str, ...]) -> bool:
        now = self.handler.clock.now()
        with self._lock:
            last = self._recent.get(key)
        return last is not None and last <= now < last + ONE_CONSULTATION

    def _remember(self, key: tuple[str, ...], at: datetime) -> None:
        with self._lock:
            self._recent[key] = at
            self._recent.move_to_end(key)
            while len(self._recent) > REMEMBERED:
                self._recent.popitem(last=False)


def stream_key(actor: Actor) -> str:
    """Of the stream of one session's reading; a service has no session, and reads under its own name."""
    return f"reading-{uuid5(NAMESPACE_URL, f'urn:saferweho:reading:{actor.session or actor.person}')}"
