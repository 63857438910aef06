"""The sessions of who was suspended, or had access revoked, end: who may no longer look must not go on looking.

The use cases ask the person's stream themselves, so this doesn't guard anything; it closes what is open.
"""

from __future__ import annotations

from application.codec import Recorded
from application.reactions import IssuedCommand, Memory, issue
from domain.person import AccessRevoked, Suspended
from domain.session import SignedOff, SignedOn, SignOff, SignOffReason


class EndSessionsOfSuspended:
    name = "suspension"
    handles: frozenset[type] = frozenset({SignedOn, SignedOff, Suspended, AccessRevoked})

    def react(self, recorded: Recorded, memory: Memory) -> list[IssuedCommand]:
        match recorded.event:
            case SignedOn(person=person):
                memory.add(f"open/{person}", _key(recorded))
                memory.add(f"person/{_key(recorded)}", person)
            case SignedOff():
                for signed_on in memory.values(f"person/{_key(recorded)}"):
                    memory.discard(f"open/{signed_on}", _key(recorded))
                    memory.discard(f"person/{_key(recorded)}", signed_on)
            case Suspended() | AccessRevoked():
                revoked = isinstance(recorded.event, AccessRevoked)
                reason = SignOffReason.REVOKED if revoked else SignOffReason.SUSPENDED
                return [
                    issue(self.name, recorded, "session", session, SignOff(reason))
                    for session in memory.values(f"open/{_key(recorded)}")
                ]
        return []


def _key(recorded: Recorded) -> str:
    return recorded.stream.partition("-")[2]
