"""A key goes once its destruction is on the record: never before, and also after a crash in between."""

from __future__ import annotations

from application.codec import Recorded
from application.reactions import IssuedCommand, Memory, issue
from domain.footage import FootageDestroyed, HeldCopyDestroyed, RestDestroyed
from domain.subject_key import SubjectKeyDestroyed


class DestroyKeys:
    """Its one command is to the key store, which destroys a key that is destroyed already as well."""

    name = "destroy_keys"
    handles: frozenset[type] = frozenset({SubjectKeyDestroyed})

    def react(self, recorded: Recorded, memory: Memory) -> list[IssuedCommand]:
        subject = recorded.event.subject
        return [issue(self.name, recorded, "subjectkey", subject, subject)]


class DestroyFootageKeys:
    """The same of footage, whose key has its name, and of what a hold kept, whose key has the copy's. A key is of one
    piece of footage alone, so no other goes with it."""

    name = "destroy_footage_keys"
    handles: frozenset[type] = frozenset({FootageDestroyed, RestDestroyed, HeldCopyDestroyed})

    def react(self, recorded: Recorded, memory: Memory) -> list[IssuedCommand]:
        copy = recorded.event.copy if isinstance(recorded.event, HeldCopyDestroyed) else None
        footage = copy or recorded.stream.partition("-")[2]
        return [issue(self.name, recorded, "footagekey", footage, footage)]
