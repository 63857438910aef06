"""What the watch center promises, held against the record alone: every event in the order of its position.

A bookkeeping of its own, out of the events' bytes, which asks no aggregate and no read model. Whoever breaks a promise
fails at the event that breaks it.
"""

from __future__ import annotations

from datetime import datetime

from tests.application.everybody.city import Disclosures, Overseeing, Plates, Programme, Public, Street
from tests.application.everybody.deadlines import Deadlines
from tests.application.everybody.facts import Facts
from tests.application.everybody.flying import Flying
from tests.application.everybody.lifted import Liftings
from tests.application.everybody.looking import Keeping, Looking
from tests.application.everybody.rights import Rights
from tests.application.everybody.said import Said, holds


class Promises:
    def __init__(self) -> None:
        self.facts = Facts()
        self.liftings = Liftings()
        self.flying = Flying(self.facts, self.liftings)
        self.looking = Looking(self.facts, self.liftings, self.flying)
        self.plates = Plates()
        self.overseeing = Overseeing()
        self.deadlines = Deadlines()
        self.position = 0
        self._parts = (
            self.liftings,
            self.flying,
            self.looking,
            Keeping(self.facts, self.liftings),
            Rights(self.facts),
            self.plates,
            Disclosures(),
            Street(self.facts),
            Public(self.facts),
            Programme(),
            self.overseeing,
            self.deadlines,
        )

    @property
    def met(self) -> set[str]:
        """Which kinds of promises have been put to the test."""
        return set().union(*(part.met for part in self._parts))

    def take(self, said: Said) -> None:
        holds(said.position == self.position + 1, "positions have no gap")
        self.position = said.position
        for part in self._parts:
            part.take(said)
        # A promise is held against what was so before; only then does the event change what is so.
        self.facts.take(said)

    def nothing_goes_on(self, now: datetime) -> None:
        self.looking.nothing_goes_on(now)

    def overdue(self, now: datetime) -> None:
        self.deadlines.check(now)
