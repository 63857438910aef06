"""The canonical form of what the vault hashes and signs: JSON as RFC 8785 (JCS) has it.

Keys sorted, no white space, and nothing but strings of printable ASCII, whole numbers below 2^53 and booleans, for
which Python's own encoder gives RFC 8785's bytes. What is read must be these bytes again, so that nothing can be said
in two ways.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


class NotCanonical(ValueError):
    """Bytes that are no object in canonical form."""


def encode(fields: Mapping[str, Any]) -> bytes:
    """One line, without its end."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def decode(line: bytes) -> dict[str, Any]:
    """Raises NotCanonical."""
    try:
        fields = json.loads(line)
    except ValueError as error:
        raise NotCanonical(f"is no JSON: {error}") from None
    if not isinstance(fields, dict) or encode(fields) != line:
        raise NotCanonical("is no object in canonical form (RFC 8785)")
    return fields


def moment(at: datetime) -> str:
    """UTC to the microsecond."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def moment_of(text: object) -> datetime:
    """Raises NotCanonical."""
    try:
        return datetime.strptime(str(text), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        raise NotCanonical(f"'{text}' is no time in UTC") from None
