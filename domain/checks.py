"""Checks of what a caller hands in. Each raises InvalidValue naming the field and what is accepted, never the value."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime, timedelta

from domain.kernel import InvalidValue, Place

_CODE = re.compile(r"[a-z][a-z0-9_]{1,39}")
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,127}")
_SHA256 = re.compile(r"[0-9a-f]{64}")

_UNFIT = frozenset({"Cc", "Cf", "Cn", "Co", "Cs"})  # Unicode general categories
_FIT_ALL_THE_SAME = "\n\t\u00ad\u200c\u200d"  # soft hyphen, and what joins or parts letters in some scripts

CLOCK_TOLERANCE = timedelta(seconds=1)  # clocks that differ by more are flagged


def text(field: str, value: str, *, at_least: int = 1, at_most: int = 200) -> str:
    """The text without surrounding blanks.

    Not accepted are control characters other than line feed and tab, halves of surrogate pairs, and the marks that
    turn the direction of writing round, with which a record can be made to read as another.
    """
    accepted = f"{at_least} to {at_most} printable characters"
    stripped = value.strip()
    if not at_least <= len(stripped) <= at_most:
        raise InvalidValue(f"{field} has {len(stripped)} characters", field=field, accepted=accepted)
    if any(unicodedata.category(c) in _UNFIT and c not in _FIT_ALL_THE_SAME for c in stripped):
        raise InvalidValue(f"{field} holds control characters", field=field, accepted=accepted)
    return stripped


def cleaned(said: str, at_most: int = 300) -> str:
    """What a machine said, cut and without control characters: it happened, so it is never refused."""
    return "".join(c if c.isprintable() else " " for c in said).strip()[:at_most]


def fit(said: str) -> str:
    """What somebody wrote elsewhere, without what `text` does not accept: a letter is not refused for its marks."""
    fit = (c for c in said.replace("\r\n", "\n") if unicodedata.category(c) not in _UNFIT or c in _FIT_ALL_THE_SAME)
    return "".join(fit).strip()


def code(field: str, value: str) -> str:
    if not _CODE.fullmatch(value):
        raise InvalidValue(f"{field} is not a code", field=field, accepted="2 to 40 of a-z, 0-9 and _, a letter first")
    return value


def identifier(field: str, value: str) -> str:
    if not _IDENTIFIER.fullmatch(value):
        accepted = "1 to 128 letters, digits and . _ : @ / + -, a letter or digit first"
        raise InvalidValue(f"{field} is not an identifier", field=field, accepted=accepted)
    return value


def sha256(field: str, value: str) -> str:
    if not _SHA256.fullmatch(value):
        raise InvalidValue(f"{field} is not a SHA-256", field=field, accepted="64 lower-case hexadecimal digits")
    return value


def aware(field: str, value: datetime) -> datetime:
    if value.tzinfo is None:
        raise InvalidValue(f"{field} has no time zone", field=field, accepted="a time with its offset from UTC")
    return value


def within(field: str, value: float, low: float, high: float, unit: str) -> float:
    if not math.isfinite(value) or not low <= value <= high:
        raise InvalidValue(f"{field} is out of range", field=field, accepted=f"{low:g} to {high:g} {unit}")
    return value


def closed(field: str, outline: tuple[Place, ...], corners: int, points: int) -> None:
    """A ring of at least so many corners and at most so many points, whose last one is the first again."""
    accepted = f"at least {corners} corners, at most {points} points, the last one the first again"
    if not corners < len(outline) <= points:
        raise InvalidValue(f"the {field} has {len(outline)} points", field=field, accepted=accepted)
    if outline[0] != outline[-1]:
        raise InvalidValue(f"the {field} is not closed", field=field, accepted=accepted)
    if len(set(outline)) < corners:
        raise InvalidValue(f"the {field} encloses nothing", field=field, accepted=accepted)


def one_of(field: str, value: str, accepted: Iterable[str]) -> str:
    choices = sorted(accepted)
    if value not in choices:
        raise InvalidValue(f"{field} is not one of those known", field=field, accepted=", ".join(choices))
    return value


def clock_difference_s(theirs: datetime | None, ours: datetime) -> float | None:
    """Seconds that another clock is ahead of ours, where that is more than a second; None where they agree or
    theirs is unknown."""
    if theirs is None or abs(theirs - ours) <= CLOCK_TOLERANCE:
        return None
    return round((theirs - ours).total_seconds(), 3)
