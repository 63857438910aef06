"""What left of live pictures: counted at the socket, put on the record.

Invariants: a piece is counted before it is handed to its connection, so that the record never says less than what left,
and more by no more than a hang-up leaves under way; the command that tells it follows from the connection and from how
often it told before, so that what is told again counts once; without the store it waits here, in order. A kill loses
what was counted and not told, less than a minute of it: of such a view all that was granted counts as seen.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

import structlog

from application.handling import Accepted, Outcome, Unavailable
from application.mask_states import MaskState
from application.ports import StoreUnavailable
from domain.live_view import AccountForPictures
from domain.privacy_override import OVERRIDE

TOLD_EVERY = timedelta(seconds=45)  # with what it takes to tell, at least once a minute
MOST_WAITING = 10_000  # without the store every picture ends within half a minute, so that more do not come
AGAIN_S = 1.0
CLOSING_S = 5.0
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Counted:
    """What left over a connection in a stretch of time, to be told under that id."""

    view: str
    command_id: UUID
    served: AccountForPictures


@dataclass(slots=True)
class Tally:
    """Of one connection, which `connection` names among all that ever were. Belongs to the event loop."""

    view: str
    connection: str
    told: int = 0
    served: AccountForPictures | None = None

    def leaves(self, size: int, hidden: MaskState, at: datetime) -> None:
        """So many bytes of a picture are about to. What is hidden is the same until it is `taken`."""
        if (before := self.served) is not None:
            self.served = replace(before, until=max(before.until, at), size_bytes=before.size_bytes + size)
            return
        override = OVERRIDE.stream(hidden.lifted_by) if hidden.lifted_by is not None else None
        self.served = AccountForPictures(at, at, size, not hidden.nothing_hidden, override)

    def due(self, now: datetime) -> bool:
        return self.served is not None and now - self.served.since >= TOLD_EVERY

    def taken(self) -> Counted | None:
        """What left since the last time; None: nothing did."""
        served, self.served = self.served, None
        if served is None:
            return None
        self.told += 1
        said = f"urn:saferweho:served:{self.view}:{self.connection}:{self.told}"
        return Counted(self.view, uuid5(NAMESPACE_URL, said), served)


class Tallies:
    """What is not on the record yet, told by a thread of its own, which nobody who watches waits for."""

    def __init__(self, tell: Callable[[Counted], Outcome]) -> None:
        self._tell = tell
        self._waiting: deque[Counted] = deque()
        self._some = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="tallies", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, counted: Counted) -> None:
        with self._some:
            if len(self._waiting) >= MOST_WAITING:
                _not_accounted(counted, why="too much waits for the store")
                return
            self._waiting.append(counted)
            self._some.notify()

    def close(self) -> None:
        """Tells what waits, as far as the store takes it within CLOSING_S."""
        with self._some:
            self._closing = True
            self._some.notify()
        self._thread.join(CLOSING_S)
        for counted in list(self._waiting):
            _not_accounted(counted, why="the process ends, and the store did not answer")

    def _run(self) -> None:
        while True:
            with self._some:
                self._some.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
                counted = self._waiting[0]
            if self._is_told(counted):
                self._waiting.popleft()
            else:
                time.sleep(AGAIN_S)

    def _is_told(self, counted: Counted) -> bool:
        """False: not yet."""
        try:
            told = self._tell(counted)
        except StoreUnavailable as away:
            told = Unavailable("store_unavailable", str(away))
        except Exception as fault:  # what cannot be told must not keep all that comes after it from the record
            _not_accounted(counted, why=repr(fault))
            return True
        if isinstance(told, Unavailable):
            log.warning("account_waits", waiting=len(self), why=told.message)
            return False
        if not isinstance(told, Accepted):
            _not_accounted(counted, why=str(told))
        return True


def _not_accounted(counted: Counted, why: str) -> None:
    """All that was granted of the view counts as seen."""
    log.error("not_accounted", view=counted.view, bytes=counted.served.size_bytes, why=why)
