"""What must happen at a time: deadlines as data, drawn from events, and the command each leads to when it is due.

Pure rules say which event sets or clears which deadline of its stream; a projection keeps them; the scheduler issues
the command of each that is due, with an id made of the stream, the kind and the time, so that it happens once however
often the scheduler starts.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from application.codec import Recorded
from application.handling import Handler, Outcome


@dataclass(frozen=True, slots=True)
class Due:
    """Set (or move) the deadline `kind` of the event's own stream. `at`: UTC. Where a stream has several deadlines of
    one kind, `kind` goes on behind a colon: `expiry:part_107`."""

    kind: str
    stream: str
    at: datetime


@dataclass(frozen=True, slots=True)
class NotDue:
    """Clear the deadline `kind` of a stream."""

    kind: str
    stream: str


Change = Due | NotDue
Rule = Callable[[Recorded], Sequence[Change]]
Act = Callable[[Handler, Due, UUID], Outcome]

_RULES: dict[type, list[Rule]] = {}
_ACTS: dict[str, Act] = {}


def drawn_from(*events: type) -> Callable[[Rule], Rule]:
    """Register which deadlines follow from events of these classes."""

    def register(rule: Rule) -> Rule:
        for event in events:
            _RULES.setdefault(event, []).append(rule)
        return rule

    return register


def when_due(kind: str) -> Callable[[Act], Act]:
    """Register what is done when a deadline of this kind is due. It must be idempotent by the command id."""

    def register(act: Act) -> Act:
        if kind in _ACTS:
            raise ValueError(f"deadline {kind} has two acts")
        _ACTS[kind] = act
        return act

    return register


def load_all() -> None:
    """Import every module of the application, so that every rule is registered."""
    import application

    for module in pkgutil.walk_packages(application.__path__, "application."):
        importlib.import_module(module.name)


def changes(recorded: Recorded) -> list[Change]:
    """What this event does to the deadlines of its stream. Raises ValueError where a rule speaks of another stream's:
    a read model that sets one stream aside must not leave another one's deadlines wrong."""
    found = [change for rule in _RULES.get(type(recorded.event), ()) for change in rule(recorded)]
    for change in found:
        if change.stream != recorded.stream:
            raise ValueError(f"an event of {recorded.stream} sets the deadline {change.kind} of {change.stream}")
    return found


def handled() -> frozenset[type[Any]]:
    return frozenset(_RULES)


def kinds() -> frozenset[str]:
    """The kinds somebody acts on."""
    return frozenset(_ACTS)


def act_of(kind: str) -> Act:
    """Raises KeyError for a kind nobody acts on."""
    return _ACTS[kind.partition(":")[0]]


def command_id(due: Due) -> UUID:
    moment = due.at.astimezone(UTC).isoformat()
    return uuid5(NAMESPACE_URL, f"urn:saferweho:due:{due.stream}:{due.kind}:{moment}")
