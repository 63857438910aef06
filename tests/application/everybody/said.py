"""One event as the log has it, read out of its bytes by a JSON parser and nothing of the product's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


class Broken(AssertionError):
    """A promise of the watch center is broken."""


def holds(is_so: object, promise: str) -> None:
    """Raises Broken."""
    if not is_so:
        raise Broken(promise)


@dataclass(frozen=True, slots=True)
class Said:
    """`kind`: `flight.drone_launched`, whichever the version; `by`, `role`, `purpose`, `policy`: of the envelope."""

    position: int
    stream: str
    kind: str
    at: datetime
    data: dict[str, Any]
    by: str = ""
    role: str = ""
    purpose: str = ""
    policy: int = 0

    @property
    def key(self) -> str:
        return self.stream.partition("-")[2]

    def moment(self, field: str) -> datetime:
        return moment(self.data[field])


def said(content: bytes, position: int) -> Said:
    event = json.loads(content)
    kind = event["type"].removeprefix("org.weho.safer.").rpartition(".v")[0]
    return Said(
        position,
        event["subject"],
        kind,
        moment(event["time"]),
        event["data"],
        event["actorid"],
        event["actorrole"],
        event.get("purpose", ""),
        event.get("policyversion", 0),
    )


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def when(text: str | None) -> datetime | None:
    return None if text is None else moment(text)
