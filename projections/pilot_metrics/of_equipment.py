"""Figures of equipment: whether it could be used, and what it costs."""

from __future__ import annotations

from projections.pilot_metrics.vocabulary import OF_COST, OF_FLIGHT, OF_THING, TIME, By, Clock, Definition, Kind

OF_EQUIPMENT: tuple[Definition, ...] = (
    # -- reliability
    Definition(
        "availability",
        "Of the time that equipment was in service, how much it could be used: a camera sent its picture, a drone was"
        " ready or in the air; `what` is camera or drone.",
        Kind.RATE,
        "share",
        Clock.RECORDED,
        "time in service within the period asked for, from installation or registration to retirement or the newest"
        " record counted",
        "service",
        (By.WHAT,),
        numerator="time from being online, or readied, to being dark, grounded or back from a flight",
        value="CASE WHEN available THEN seconds ELSE 0 END",
        per="seconds",
    ),
    Definition(
        "outages",
        "How long cameras were dark and drones grounded; what is out still is counted up to the newest record.",
        Kind.DURATION,
        "s",
        Clock.RECORDED,
        "outages; `what` is camera or drone",
        "outages",
        OF_THING,
        value="seconds",
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
        "footage_losses",
        "Stretches of footage that should exist and do not; `what` is camera or drone.",
        Kind.COUNT,
        "stretches",
        Clock.SERVER,
        "losses on the record",
        "acts",
        OF_THING,
        keep="kind = 'footage' AND held",
    ),
    Definition(
        "footage_lost",
        "Of the footage that should exist, how much does not; `what` is camera or drone.",
        Kind.RATE,
        "share",
        Clock.SERVER,
        "length of footage recorded and lost",
        "acts",
        OF_THING,
        numerator="length of footage lost",
        keep="kind = 'footage'",
        value="CASE WHEN held THEN amount ELSE 0 END",
        per="amount",
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
)
