"""Who may no longer look stops looking: views end with the session, the suspension, the role, or the incident that they
were let for.

The media plane asks for a permit itself and would stop within its 30 s; this ends the view on the record at once.
"""

from __future__ import annotations

from application.codec import Recorded
from application.reactions import IssuedCommand, Memory, issue
from domain.call import CallClosed, FeedSharingEnded
from domain.live_view import EndLiveView, EndReason, LiveViewEnded, LiveViewGranted, LiveViewRequested
from domain.person import RoleRevoked, Suspended
from domain.session import SessionLocked, SignedOff

_ENDED = (SignedOff, SessionLocked)


class EndViewsThatAreNoLongerLet:
    name = "looking"
    handles: frozenset[type] = frozenset(
        {
            LiveViewRequested,
            LiveViewGranted,
            LiveViewEnded,
            Suspended,
            RoleRevoked,
            CallClosed,
            FeedSharingEnded,
            *_ENDED,
        }
    )

    def react(self, recorded: Recorded, memory: Memory) -> list[IssuedCommand]:
        aggregate, _, key = recorded.stream.partition("-")
        match recorded.event:
            case LiveViewRequested(feed, person, session, _, call):
                # What would end this view: remembered with the request, which alone tells it, and used once granted.
                memory.add(f"view/{key}", f"person/{person}")
                memory.add(f"view/{key}", f"session/{session}")
                if call is not None:
                    memory.add(f"view/{key}", f"call/{call}")
                    memory.add(f"view/{key}", f"share/{call}/{feed}")
            case LiveViewGranted():
                for ender in memory.values(f"view/{key}"):
                    memory.add(ender, key)
            case LiveViewEnded():
                for ender in memory.values(f"view/{key}"):
                    memory.discard(ender, key)
                    memory.discard(f"view/{key}", ender)
            case FeedSharingEnded(feed):
                return self._end(recorded, memory, f"share/{key}/{feed}")
            case _:
                return self._end(recorded, memory, f"{aggregate}/{key}")
        return []

    def _end(self, because: Recorded, memory: Memory, ender: str) -> list[IssuedCommand]:
        return [
            issue(self.name, because, "liveview", view, EndLiveView(EndReason.REVOKED)) for view in memory.values(ender)
        ]
