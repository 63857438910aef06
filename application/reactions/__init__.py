"""Reactions (process managers): what the system does by itself when something has happened.

Invariant: a command's id is a function of the event that caused it and of the rule, so that a reaction that dies
between issuing a command and keeping its checkpoint issues the same command again, and the store answers the first one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID, uuid5

from application.codec import Recorded


@dataclass(frozen=True, slots=True)
class IssuedCommand:
    """A command to one aggregate's stream, and the event that caused it (causation and correlation come from that)."""

    command_id: UUID
    rule: str
    aggregate: str  # "session"
    key: str
    command: Any
    because: Recorded


class Memory(Protocol):
    """What a reaction has to know of earlier events, kept with its checkpoint: for each key a set of values."""

    def add(self, key: str, value: str) -> None: ...

    def discard(self, key: str, value: str) -> None: ...

    def values(self, key: str) -> Sequence[str]:
        """In a stable order."""
        ...


class Reaction(Protocol):
    """One rule. `react` sees every event of the classes in `handles` once, in order, and does nothing but remember."""

    @property
    def name(self) -> str: ...

    @property
    def handles(self) -> frozenset[type]: ...

    def react(self, recorded: Recorded, memory: Memory) -> list[IssuedCommand]: ...


def issue(rule: str, because: Recorded, aggregate: str, key: str, command: Any) -> IssuedCommand:
    """The command that `rule` draws from an event. The same event, rule and target always give the same id."""
    return IssuedCommand(
        uuid5(because.envelope.id, f"{rule}:{aggregate}-{key}"), rule, aggregate, key, command, because
    )
