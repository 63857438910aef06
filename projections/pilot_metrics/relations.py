"""What the definitions count over, as SQL on the rows up to a position: `{t}` is where the tables are, `%(as_of)s` the
position, `%(since)s` and `%(until)s` the period asked for. Every relation has `stream`, `position`, `counted_at` (what
puts a case into a period) and `clocks_apart`."""

from __future__ import annotations

from projections.pilot_metrics.vocabulary import By

CITY = "America/Los_Angeles"
TABLES = (
    "flights",
    "calls",
    "overrides",
    "pilots",
    "viewings",
    "exports",
    "footage",
    "complaints",
    "samples",
    "costs",
    "acts",
)


def _newest(table: str, key: str) -> str:
    return (
        f"SELECT DISTINCT ON ({key}) * FROM {{t}}{table} WHERE position <= %(as_of)s"  # noqa: S608
        f" ORDER BY {key}, position DESC"
    )


# The time of the newest record counted.
_AS_OF_TIME = " UNION ALL ".join(
    f"(SELECT at FROM {{t}}{table} WHERE position <= %(as_of)s ORDER BY position DESC LIMIT 1)"  # noqa: S608
    for table in TABLES
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
    "unflown": "SELECT 'call-' || c.call_number AS stream, c.position, c.received_at AS counted_at,"  # noqa: S608
    " coalesce(c.clocks_apart, false) AS clocks_apart, c.call_type, c.received_at, c.closed_at, c.first_unit_at,"
    " coalesce(c.units_standing, 0) AS units_standing,"
    " coalesce(c.received_at < (SELECT min(starts_on) FROM {t}pilots WHERE position <= %(as_of)s)::timestamp"
    "  AT TIME ZONE '" + CITY + "', false) AS before_pilot FROM the_calls c"
    " WHERE c.call_type IN (SELECT call_type FROM flown)"
    " AND NOT EXISTS (SELECT FROM flown WHERE flown.call_number = c.call_number)",
    "granted": "SELECT 'override-' || override AS stream, position, granted_at AS counted_at, false AS clocks_apart,"  # noqa: S608
    " purpose, unit, basis, emergency, review_by, reviewed_at, verdict, as_of_time"
    " FROM (" + _newest("overrides", "override") + ") o, as_of WHERE granted_at IS NOT NULL",
    "viewed": "SELECT 'viewing-' || v.viewing AS stream, v.position, v.granted_at AS counted_at,"  # noqa: S608
    " false AS clocks_apart, v.purpose, v.unit, v.detail, v.seen_s, coalesce(f.evidence, false) OR EXISTS (SELECT FROM"
    " {t}exports e WHERE e.footage = v.footage AND e.delivered_at IS NOT NULL AND e.position <= %(as_of)s) AS evidence"
    " FROM (" + _newest("viewings", "viewing") + ") v LEFT JOIN (" + _newest("footage", "footage") + ") f"
    " USING (footage) WHERE v.granted_at IS NOT NULL",
    "exported": "SELECT 'export-' || e.export AS stream, e.position, e.exported_at AS counted_at,"  # noqa: S608
    " false AS clocks_apart, e.purpose, e.unit, e.masked, coalesce(f.evidence, false) AS evidence"
    " FROM (" + _newest("exports", "export") + ") e LEFT JOIN (" + _newest("footage", "footage") + ") f"
    " USING (footage) WHERE e.exported_at IS NOT NULL",
    "complained": "SELECT 'complaint-' || complaint AS stream, position, opened_at AS counted_at,"  # noqa: S608
    " false AS clocks_apart, topic AS detail, received_at, answer_by, resolved_at, resolution, as_of_time"
    " FROM (" + _newest("complaints", "complaint") + ") c, as_of WHERE opened_at IS NOT NULL",
    "samples": "SELECT 'review-' || sample AS stream, position, drawn_at AS counted_at, false AS clocks_apart,"  # noqa: S608
    " population, sampled, review_by, coalesce(reviewed, 0) AS reviewed, coalesce(late, 0) AS late, as_of_time"
    " FROM (" + _newest("samples", "sample") + ") s, as_of WHERE drawn_at IS NOT NULL",
    "acts": "SELECT stream, position, at AS counted_at, false AS clocks_apart, kind, detail, purpose, unit, held,"
    " amount FROM {t}acts WHERE position <= %(as_of)s",
    # From an outage to what ends it; told twice, it is one.
    "outages": "SELECT stream, position, at AS counted_at, false AS clocks_apart, detail,"
    " extract(epoch FROM coalesce(ended_at, as_of_time) - at) AS seconds FROM ("
    "  SELECT *, lag(kind) OVER w AS before,"
    "   min(at) FILTER (WHERE kind <> 'unavailable') OVER (w ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)"
    "    AS ended_at"
    "  FROM {t}acts WHERE position <= %(as_of)s AND kind IN ('available', 'unavailable', 'retired')"
    "  WINDOW w AS (PARTITION BY stream ORDER BY position)) turns, as_of"
    " WHERE kind = 'unavailable' AND before IS DISTINCT FROM 'unavailable'",
    # From each turn of a thing in service to its next, as far as that lies within the period.
    "service": "SELECT stream, position, since AS counted_at, false AS clocks_apart, detail, available,"
    " extract(epoch FROM until - since) AS seconds FROM ("
    "  SELECT stream, position, kind, detail, kind = 'available' AS available,"
    "   greatest(at, %(since)s::timestamptz) AS since,"
    "   least(lead(at, 1, as_of_time) OVER (PARTITION BY stream ORDER BY position), %(until)s::timestamptz) AS until"
    "  FROM {t}acts, as_of WHERE position <= %(as_of)s"
    "   AND kind IN ('in_service', 'available', 'unavailable', 'used', 'retired')) turns"
    " WHERE kind <> 'retired' AND until > since",
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
