"""The words that a metric is defined in: its kind, what it may be broken down by, its clock."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """`duration`: median and 90th percentile (interpolated) of seconds; `share`: numerator of denominator; `count`;
    `total`: a sum; `rate`: one sum by another."""

    DURATION = "duration"
    SHARE = "share"
    COUNT = "count"
    TOTAL = "total"
    RATE = "rate"


class By(StrEnum):
    """What figures may be broken down by. Days, weeks and months are the city's."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    PURPOSE = "purpose"
    UNIT = "unit"
    CALL_TYPE = "call_type"  # as it was at launch
    CALL_TYPE_AT_CLOSE = "call_type_at_close"
    CELL = "cell"
    AUTHORITY = "authority"
    REASON = "reason"
    BASIS = "basis"
    WHAT = "what"
    HEADING = "heading"
    EQUIPMENT = "equipment"


TIME = (By.DAY, By.WEEK, By.MONTH)
OF_FLIGHT = (*TIME, By.PURPOSE, By.UNIT, By.CALL_TYPE, By.CALL_TYPE_AT_CLOSE, By.CELL, By.AUTHORITY, By.REASON)
OF_ACT = (*TIME, By.PURPOSE, By.UNIT, By.WHAT)
OF_EXPORT = (*TIME, By.PURPOSE, By.UNIT)
OF_OVERRIDE = (*TIME, By.PURPOSE, By.UNIT, By.BASIS)
OF_COST = (*TIME, By.HEADING, By.EQUIPMENT)
OF_THING = (*TIME, By.WHAT)


class Clock(StrEnum):
    SERVER = "server: when our gateway heard of it"
    CAD = "CAD: the dispatch system's"
    CAD_TO_SERVER = "from CAD (received) to server (on scene)"
    RECORDED = "server: when it was recorded"
    CHANNEL_TO_SERVER = "from the channel it came by (received) to server (answered)"
    CALENDAR = "the day the money was spent"


@dataclass(frozen=True, slots=True)
class Definition:
    """`sentence`, `numerator`, `denominator`, `exclusions`: for people. The rest makes the figure, in the columns of
    the relation `over` (`relations.py`): `keep` what counts, `holds` what is in the numerator, `value` what is measured
    or summed, `per` what a rate divides by."""

    code: str
    sentence: str
    kind: Kind
    unit: str
    clock: Clock
    denominator: str
    over: str
    by: tuple[By, ...]
    numerator: str = ""
    exclusions: tuple[str, ...] = ()
    keep: str = "true"
    holds: str = "true"
    value: str = "NULL::double precision"
    per: str = "NULL::double precision"
    observational: bool = False
    version: int = 1
