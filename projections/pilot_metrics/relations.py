"""What the definitions count over, as SQL on the rows up to a position: `{t}` is where the tables are, `%(as_of)s` the
position. Every relation has `stream`, `position`, `counted_at` (what puts a case into a period) and `clocks_apart`."""

from __future__ import annotations

from projections.pilot_metrics.definitions import By

CITY = "America/Los_Angeles"


def _newest(table: str, key: str) -> str:
    return (
        f"SELECT DISTINCT ON ({key}) * FROM {{t}}{table} WHERE position <= %(as_of)s"  # noqa: S608
        f" ORDER BY {key}, position DESC"
    )


# The time of the newest record counted.
_AS_OF_TIME = " UNION ALL ".join(
    f"(SELECT at FROM {{t}}{table} WHERE position <= %(as_of)s ORDER BY position DESC LIMIT 1)"  # noqa: S608
    for table in ("flights", "calls", "overrides", "pilots", "costs", "acts")
)

COMMON = f"""
as_of AS (SELECT max(at) AS as_of_time FROM ({_AS_OF_TIME}) newest),
the_calls AS MATERIALIZED ({_newest("calls", "call_number")}),
flown AS MATERIALIZED (
    SELECT 'flight-' || f.flight AS stream, f.position, f.launched_at AS counted_at,
           coalesce(f.clocks_apart, false) OR coalesce(c.clocks_apart, false) AS clocks_apart,
           f.purpose, f.unit, f.cell, f.call_number, f.launched_position, f.launched_at, f.authorised, f.arrived_at,
           f.landed_at, f.duration_s, coalesce(f.diverted, false) AS diverted, coalesce(f.other_jobs, 0) AS other_jobs,
           coalesce(f.links_lost, 0) AS links_lost, f.zone_entries, f.zone_entries_overridden, f.recordings_stopped,
           f.recordings_masked, f.outcomes, f.subjects_located, f.arrests_assisted, f.publication, f.withheld_code,
           CASE WHEN f.call_number IS NOT NULL THEN 'call' WHEN f.case_number IS NOT NULL THEN 'case'
                ELSE f.authorisation END AS authority,
           (SELECT l.call_type FROM {{t}}calls l WHERE l.call_number = f.call_number
              AND l.position <= f.launched_position ORDER BY l.position DESC LIMIT 1) AS call_type,
           CASE WHEN c.closed_at IS NOT NULL THEN c.call_type END AS call_type_at_close,
           c.received_at, c.closed_at, coalesce(c.units_sent, 0) AS units_sent,
           coalesce(c.units_standing, 0) AS units_standing, c.first_unit_at, c.first_cancelled_at
    FROM ({_newest("flights", "flight")}) f LEFT JOIN the_calls c USING (call_number)
    WHERE f.launched_at IS NOT NULL
)
"""  # noqa: S608

RELATIONS = {
    "flown": "SELECT * FROM flown",
    "answered": "SELECT DISTINCT ON (call_number) * FROM flown WHERE call_number IS NOT NULL"
    " ORDER BY call_number, launched_position",
    "unflown": "SELECT 'call-' || c.call_number AS stream, c.position, c.received_at AS counted_at,"
    " coalesce(c.clocks_apart, false) AS clocks_apart, c.call_type, c.received_at, c.first_unit_at FROM the_calls c"
    " WHERE c.call_type IN (SELECT call_type FROM flown)"
    " AND NOT EXISTS (SELECT FROM flown WHERE flown.call_number = c.call_number)",
    "granted": "SELECT 'override-' || override AS stream, position, granted_at AS counted_at, false AS clocks_apart,"  # noqa: S608
    " purpose, unit, basis, emergency, review_by, reviewed_at, verdict, as_of_time"
    " FROM (" + _newest("overrides", "override") + ") o, as_of WHERE granted_at IS NOT NULL",
    "acts": "SELECT stream, position, at AS counted_at, false AS clocks_apart, kind, detail, purpose, unit, seconds"
    " FROM {t}acts WHERE position <= %(as_of)s",
    # From an outage to what ends it; told twice, it is one.
    "outages": "SELECT stream, position, at AS counted_at, false AS clocks_apart, detail,"
    " extract(epoch FROM coalesce(ended_at, as_of_time) - at) AS seconds FROM ("
    "  SELECT *, lag(kind) OVER w AS before,"
    "   min(at) FILTER (WHERE kind = 'available') OVER (w ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS ended_at"
    "  FROM {t}acts WHERE position <= %(as_of)s AND kind IN ('available', 'unavailable')"
    "  WINDOW w AS (PARTITION BY stream ORDER BY position)) turns, as_of"
    " WHERE kind = 'unavailable' AND before IS DISTINCT FROM 'unavailable'",
    "spending": "SELECT 'pilot-' || pilot AS stream, position,"  # noqa: S608
    " spent_on::timestamp AT TIME ZONE '" + CITY + "' AS counted_at, false AS clocks_apart, heading, equipment,"
    " amount_cents AS cents, NULL::double precision AS hours FROM {t}costs WHERE position <= %(as_of)s"
    " UNION ALL SELECT stream, position, landed_at, clocks_apart, NULL, 'drone', NULL, duration_s / 3600"
    " FROM flown WHERE landed_at IS NOT NULL",
}

GROUPS = {
    **{
        by: f"to_char(date_trunc('{by}', counted_at AT TIME ZONE '{CITY}'), 'YYYY-MM-DD')"
        for by in (By.DAY, By.WEEK, By.MONTH)
    },
    **{by: str(by) for by in (By.PURPOSE, By.UNIT, By.CALL_TYPE, By.CALL_TYPE_AT_CLOSE, By.CELL, By.AUTHORITY)},
    **{by: str(by) for by in (By.BASIS, By.HEADING, By.EQUIPMENT)},
    By.REASON: "withheld_code",
    By.WHAT: "detail",
}
