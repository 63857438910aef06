"""Who may no longer look stops looking: views end with the session, the suspension, the role, or the incident that they
were let for; those of a drone's picture when it comes to where nobody may look; and all of them when the use policy is
retired.

The media plane asks for a permit itself and would stop within its 30 s; this ends the view on the record at once.
"""

from __future__ import annotations

from application.codec import Recorded
from application.reactions import IssuedCommand, Memory, issue
from domain.call import CallClosed, FeedSharingEnded
from domain.flight_events import PrivacyZoneEntered, ZoneEffect, ZoneRule
from domain.live_view import EndLiveView, EndReason, LiveViewEnded, LiveViewGranted, LiveViewRequested
from domain.person import RoleRevoked, Suspended
from domain.policy import POLICY_KEY, PolicyRetired
from domain.session import SessionLocked, SignedOff
from domain.viewing import EndViewing, ViewingEnded, ViewingGranted, ViewingRequested

_ENDED = (SignedOff, SessionLocked)


class EndViewsThatAreNoLongerLet:
    name = "looking"
    handles: frozenset[type] = frozenset(
        {
            LiveViewRequested,
            LiveViewGranted,
            LiveViewEnded,
            ViewingRequested,
            ViewingGranted,
            ViewingEnded,
            Suspended,
            RoleRevoked,
            SignedOff,
            SessionLocked,
            CallClosed,
            FeedSharingEnded,
            PrivacyZoneEntered,
            PolicyRetired,
        }
    )

    def react(self, recorded: Recorded, memory: Memory) -> list[IssuedCommand]:
        stream = recorded.stream
        aggregate, _, key = stream.partition("-")
        match event := recorded.event:
            case LiveViewRequested() | ViewingRequested():
                # What would end it: remembered with the request, which alone tells it, and used once granted.
                memory.add(f"look/{stream}", f"person/{event.person}")
                memory.add(f"look/{stream}", f"session/{event.session}")
                memory.add(f"look/{stream}", f"policy/{POLICY_KEY}")
                call = getattr(event, "shared_by_call", None)
                if call is not None:
                    memory.add(f"look/{stream}", f"call/{call}")
                    memory.add(f"look/{stream}", f"share/{call}/{event.feed}")
                if isinstance(event, LiveViewRequested) and event.feed.startswith("flight-"):
                    memory.add(f"look/{stream}", f"covered/{event.feed}")
            case LiveViewGranted() | ViewingGranted():
                for ender in memory.values(f"look/{stream}"):
                    memory.add(ender, stream)
            case LiveViewEnded() | ViewingEnded():
                for ender in memory.values(f"look/{stream}"):
                    memory.discard(ender, stream)
                    memory.discard(f"look/{stream}", ender)
            case PrivacyZoneEntered(rule=rule, effect=effect):
                if rule is ZoneRule.NO_VIEW and effect is not ZoneEffect.OVERRIDDEN:
                    return self._end(recorded, memory, f"covered/{stream}", EndReason.PRIVACY_ZONE)
            case FeedSharingEnded(feed):
                return self._end(recorded, memory, f"share/{key}/{feed}")
            case _:
                return self._end(recorded, memory, f"{aggregate}/{key}")
        return []

    def _end(
        self, because: Recorded, memory: Memory, ender: str, why: EndReason = EndReason.REVOKED
    ) -> list[IssuedCommand]:
        commands = []
        for stream in memory.values(ender):
            aggregate, _, key = stream.partition("-")
            end = EndLiveView if aggregate == "liveview" else EndViewing
            commands.append(issue(self.name, because, aggregate, key, end(why)))
        return commands
