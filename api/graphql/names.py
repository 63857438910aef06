"""People's names, which nearly every answer shows and hardly any event changes."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection

from projections.engine.wait import AppliedPositions
from projections.live_board import queries


class Names:
    """Names as the live board has them, remembered until it moves."""

    def __init__(self, applied: AppliedPositions) -> None:
        self._applied = applied
        self._known: dict[str, str] = {}
        self._at: tuple[int, int] | None = None

    async def of(self, connection: AsyncConnection[Any], people: set[str]) -> dict[str, str]:
        """Names by id; one who was never enrolled is called by the id."""
        at = self._applied.state("live_board")
        if at is None or at != self._at:
            self._known, self._at = {}, at
        known = self._known
        if missing := people - known.keys():
            found = await queries.names(connection, missing)
            # Into the dictionary of then: if the board has moved meanwhile, nobody will look there again.
            known.update((person, found.get(person, person)) for person in missing)
        return known
