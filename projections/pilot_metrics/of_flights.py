"""Figures of flights: how soon, what for, with what outcome, over whose ground, and what was shown of them."""

from __future__ import annotations

from projections.pilot_metrics.vocabulary import OF_FLIGHT, TIME, By, Clock, Definition, Kind

FIRST_FLIGHT = "calls to which a drone flew, each with the first flight to it"
NOT_DIVERTED = "flights given another job before they arrived"
UNKNOWN_TIMES = "calls of which one of the two times is not known"
# What figures of flights are held against: name, in words, which calls, without what, version of the response time.
COMPARED = (
    ("without_drone", "to which no drone flew", "NOT before_pilot", ("calls from before the pilot",), 2),
    ("before_pilot", "received before the first day of the pilot", "before_pilot", (), 1),
)

OF_FLIGHTS: tuple[Definition, ...] = (
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
    *(
        Definition(
            f"patrol_response_{when}",
            f"From the receipt of a call to the arrival of the first patrol unit, {where}, for calls of types to which"
            " drones fly. Observational: which calls get a drone is no accident.",
            Kind.DURATION,
            "s",
            Clock.CAD,
            f"calls {where}, of a type that a call had when a drone was launched to it",
            "unflown",
            (*TIME, By.CALL_TYPE),
            exclusions=(UNKNOWN_TIMES, *left_out),
            keep=f"{keep} AND first_unit_at IS NOT NULL AND received_at IS NOT NULL",
            value="extract(epoch FROM first_unit_at - received_at)",
            observational=True,
            version=version,
        )
        for when, where, keep, left_out, version in COMPARED
    ),
    *(
        Definition(
            f"cleared_without_patrol_{when}",
            f"No patrol unit was sent to the call, or all were cancelled, {where}, for calls of types to which drones"
            " fly. Observational: which calls get a drone is no accident.",
            Kind.SHARE,
            "share",
            Clock.CAD,
            f"calls {where}, of a type that a call had when a drone was launched to it",
            "unflown",
            (*TIME, By.CALL_TYPE),
            numerator="no unit was sent, or none was left standing",
            exclusions=("calls that are still open", *left_out),
            keep=f"{keep} AND closed_at IS NOT NULL",
            holds="units_standing = 0",
            observational=True,
        )
        for when, where, keep, left_out, _ in COMPARED
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
