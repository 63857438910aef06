"""The metrics, as data: what each figure says, over which cases, by which clock, without what. A definition travels
with every figure made by it; a change of what it counts is a new version of it."""

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
OF_OVERRIDE = (*TIME, By.PURPOSE, By.UNIT, By.BASIS)
OF_COST = (*TIME, By.HEADING, By.EQUIPMENT)


class Clock(StrEnum):
    SERVER = "server: when our gateway heard of it"
    CAD = "CAD: the dispatch system's"
    CAD_TO_SERVER = "from CAD (received) to server (on scene)"
    RECORDED = "server: when it was recorded"
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


FIRST_FLIGHT = "calls to which a drone flew, each with the first flight to it"
NOT_DIVERTED = "flights given another job before they arrived"
UNKNOWN_TIMES = "calls of which one of the two times is not known"

DEFINITIONS: tuple[Definition, ...] = (
    # -- response
    Definition(
        "response_from_call",
        "From the receipt of a call to the drone's arrival on scene.",
        Kind.DURATION,
        "s",
        Clock.CAD_TO_SERVER,
        FIRST_FLIGHT,
        "answered",
        OF_FLIGHT,
        exclusions=(NOT_DIVERTED, UNKNOWN_TIMES),
        keep="NOT diverted AND arrived_at IS NOT NULL AND received_at IS NOT NULL",
        value="extract(epoch FROM arrived_at - received_at)",
    ),
    Definition(
        "response_from_launch",
        "From the launch of the drone to its arrival on scene.",
        Kind.DURATION,
        "s",
        Clock.SERVER,
        "flights that arrived on scene",
        "flown",
        OF_FLIGHT,
        exclusions=(NOT_DIVERTED,),
        keep="NOT diverted AND arrived_at IS NOT NULL",
        value="extract(epoch FROM arrived_at - launched_at)",
    ),
    Definition(
        "first_on_scene",
        "The drone arrived before the first patrol unit.",
        Kind.SHARE,
        "share",
        Clock.CAD_TO_SERVER,
        FIRST_FLIGHT,
        "answered",
        OF_FLIGHT,
        numerator="the drone arrived first",
        exclusions=(NOT_DIVERTED, UNKNOWN_TIMES),
        keep="NOT diverted AND arrived_at IS NOT NULL AND first_unit_at IS NOT NULL",
        holds="arrived_at < first_unit_at",
    ),
    Definition(
        "cleared_without_patrol",
        "No patrol unit was sent to the call, or all were cancelled after the drone had arrived.",
        Kind.SHARE,
        "share",
        Clock.CAD_TO_SERVER,
        FIRST_FLIGHT,
        "answered",
        OF_FLIGHT,
        numerator="no unit was sent, or none was left standing, the first of them cancelled after the drone's arrival",
        exclusions=(NOT_DIVERTED, "flights that did not arrive", "calls that are still open"),
        keep="NOT diverted AND arrived_at IS NOT NULL AND closed_at IS NOT NULL",
        holds="units_sent = 0 OR (units_standing = 0 AND first_cancelled_at > arrived_at)",
    ),
    Definition(
        "patrol_response_with_drone",
        "From the receipt of a call to the arrival of the first patrol unit, where a drone flew.",
        Kind.DURATION,
        "s",
        Clock.CAD,
        FIRST_FLIGHT,
        "answered",
        OF_FLIGHT,
        exclusions=(UNKNOWN_TIMES,),
        keep="first_unit_at IS NOT NULL AND received_at IS NOT NULL",
        value="extract(epoch FROM first_unit_at - received_at)",
        observational=True,
    ),
    Definition(
        "patrol_response_without_drone",
        "The same where no drone flew, for calls of types to which drones fly. Observational: which calls get a drone"
        " is no accident.",
        Kind.DURATION,
        "s",
        Clock.CAD,
        "calls to which no drone flew, of a type that a call had when a drone was launched to it",
        "unflown",
        (*TIME, By.CALL_TYPE),
        exclusions=(UNKNOWN_TIMES,),
        keep="first_unit_at IS NOT NULL AND received_at IS NOT NULL",
        value="extract(epoch FROM first_unit_at - received_at)",
        observational=True,
    ),
    # -- flights
    Definition("flights", "Flights flown.", Kind.COUNT, "flights", Clock.SERVER, "flights", "flown", OF_FLIGHT),
    Definition(
        "flight_hours",
        "Time in the air, of flights that have landed.",
        Kind.TOTAL,
        "h",
        Clock.SERVER,
        "flights that landed",
        "flown",
        OF_FLIGHT,
        keep="landed_at IS NOT NULL",
        value="duration_s / 3600",
    ),
    Definition(
        "flights_without_call",
        "Flights that no call stood behind; by authority, what did.",
        Kind.SHARE,
        "share",
        Clock.SERVER,
        "flights",
        "flown",
        OF_FLIGHT,
        numerator="no CAD number was named at the launch",
        holds="call_number IS NULL",
    ),
    Definition(
        "flights_repurposed",
        "Flights that were given another job in the air.",
        Kind.SHARE,
        "share",
        Clock.SERVER,
        "flights",
        "flown",
        OF_FLIGHT,
        numerator="given at least one other job",
        holds="other_jobs > 0",
    ),
    Definition(
        "flights_unauthorised",
        "Flights that began without an authorisation on the record.",
        Kind.SHARE,
        "share",
        Clock.SERVER,
        "flights",
        "flown",
        OF_FLIGHT,
        numerator="launched without authorisation",
        holds="NOT authorised",
    ),
    Definition(
        "calls_reclassified",
        "Calls whose type at close is another than when the drone was launched.",
        Kind.SHARE,
        "share",
        Clock.CAD,
        FIRST_FLIGHT,
        "answered",
        OF_FLIGHT,
        numerator="the type at close differs",
        exclusions=("calls that are still open",),
        keep="closed_at IS NOT NULL AND call_type IS NOT NULL",
        holds="call_type <> call_type_at_close",
    ),
    # -- outcomes
    *(
        Definition(
            code,
            sentence,
            Kind.TOTAL,
            "people" if code == "subjects_located" else "arrests",
            Clock.RECORDED,
            "flights with an outcome on the record",
            "flown",
            OF_FLIGHT,
            keep="outcomes IS NOT NULL",
            value=code,
        )
        for code, sentence in (
            ("subjects_located", "People whom flights located, as reported afterwards."),
            ("arrests_assisted", "Arrests that flights assisted, as reported afterwards."),
        )
    ),
    *(
        Definition(
            f"outcome_{outcome}",
            f"Flights of which '{outcome.replace('_', ' ')}' was reported afterwards.",
            Kind.SHARE,
            "share",
            Clock.RECORDED,
            "flights with an outcome on the record",
            "flown",
            OF_FLIGHT,
            numerator="the newest report names it",
            exclusions=("flights without a report",),
            keep="outcomes IS NOT NULL",
            holds=f"outcomes ? '{outcome}'",
        )
        for outcome in ("evidence_used", "de_escalation", "nothing_found")
    ),
    # -- looking
    Definition(
        "live_views",
        "Live views that were granted, of cameras and of drones.",
        Kind.COUNT,
        "views",
        Clock.RECORDED,
        "granted views",
        "acts",
        OF_ACT,
        keep="kind = 'view_granted'",
    ),
    Definition(
        "live_view_length",
        "How long one person watched one picture.",
        Kind.DURATION,
        "s",
        Clock.SERVER,
        "ended views",
        "acts",
        OF_ACT,
        exclusions=("views that still last",),
        keep="kind = 'view_ended'",
        value="seconds",
    ),
    Definition(
        "vague_reasons",
        "Reasons given for a live view that explain nothing, by the rules published.",
        Kind.SHARE,
        "share",
        Clock.RECORDED,
        "live views asked for, refused ones included",
        "acts",
        OF_ACT,
        numerator="scored as vague when it was given",
        keep="kind = 'view_asked'",
        holds="detail = 'vague'",
    ),
    # -- privacy
    *(
        Definition(
            code,
            sentence,
            Kind.TOTAL,
            unit,
            Clock.SERVER,
            "flights",
            "flown",
            OF_FLIGHT,
            value=f"coalesce({code}, 0)",
        )
        for code, sentence, unit in (
            ("zone_entries", "Times a drone's camera came into a privacy zone.", "entries"),
            ("zone_entries_overridden", "Of these, with an override in effect.", "entries"),
            ("recordings_stopped", "Recordings stopped on entering a privacy zone.", "recordings"),
            ("recordings_masked", "Recordings masked on entering a privacy zone.", "recordings"),
        )
    ),
    Definition(
        "overrides",
        "Privacy overrides that were in effect, break-glass included.",
        Kind.COUNT,
        "overrides",
        Clock.RECORDED,
        "overrides approved or invoked",
        "granted",
        OF_OVERRIDE,
    ),
    Definition(
        "emergency_overrides",
        "Overrides that one person invoked alone, a life being at risk.",
        Kind.SHARE,
        "share",
        Clock.RECORDED,
        "overrides approved or invoked",
        "granted",
        OF_OVERRIDE,
        numerator="invoked as an emergency",
        holds="emergency",
    ),
    Definition(
        "overrides_abused",
        "Overrides that oversight found to be abuse.",
        Kind.SHARE,
        "share",
        Clock.RECORDED,
        "reviewed overrides",
        "granted",
        OF_OVERRIDE,
        numerator="the verdict is abuse",
        exclusions=("overrides not reviewed yet",),
        keep="reviewed_at IS NOT NULL",
        holds="verdict = 'abuse'",
    ),
    Definition(
        "reviews_overdue",
        "Overrides whose review was late, or is overdue at the time of the newest record counted.",
        Kind.SHARE,
        "share",
        Clock.RECORDED,
        "overrides that were due for review by then, or reviewed",
        "granted",
        OF_OVERRIDE,
        numerator="not reviewed by its deadline",
        keep="reviewed_at IS NOT NULL OR review_by < as_of_time",
        holds="coalesce(reviewed_at, as_of_time) > review_by",
    ),
    # -- oversight and reliability
    Definition(
        "refused_attempts",
        "Attempts that a rule refused, whoever made them; `what` is the kind of record.",
        Kind.COUNT,
        "attempts",
        Clock.RECORDED,
        "refusals on the record",
        "acts",
        OF_ACT,
        keep="kind = 'refused'",
    ),
    Definition(
        "lost_links",
        "Flights that were out of touch at least once.",
        Kind.SHARE,
        "share",
        Clock.SERVER,
        "flights",
        "flown",
        OF_FLIGHT,
        numerator="at least one lost link",
        holds="links_lost > 0",
    ),
    Definition(
        "outages",
        "How long cameras were dark and drones grounded; what is out still is counted up to the newest record.",
        Kind.DURATION,
        "s",
        Clock.RECORDED,
        "outages; `what` is camera or drone",
        "outages",
        (*TIME, By.WHAT),
        value="seconds",
    ),
    # -- money
    Definition(
        "costs",
        "What was spent, corrections included, by the headings of AB 481.",
        Kind.TOTAL,
        "US cents",
        Clock.CALENDAR,
        "costs on the record",
        "spending",
        OF_COST,
        keep="cents IS NOT NULL",
        value="cents",
    ),
    Definition(
        "cost_per_flight_hour",
        "What was spent by the hour in the air.",
        Kind.RATE,
        "US cents/h",
        Clock.CALENDAR,
        "hours in the air of flights that landed",
        "spending",
        TIME,
        numerator="costs on the record, corrections included, of drones",
        keep="equipment = 'drone'",
        value="coalesce(cents, 0)",
        per="coalesce(hours, 0)",
    ),
    # -- publication
    Definition(
        "flights_withheld",
        "Flights that are counted and not shown in the public flight log; by reason, why.",
        Kind.SHARE,
        "share",
        Clock.RECORDED,
        "flights published or withheld",
        "flown",
        OF_FLIGHT,
        numerator="withheld",
        exclusions=("flights that landed and await the decision",),
        keep="publication IS NOT NULL",
        holds="publication = 'withheld'",
    ),
)
BY_CODE = {definition.code: definition for definition in DEFINITIONS}
