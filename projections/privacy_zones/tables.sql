-- Privacy zones as they are now, and those that were retired.

CREATE TABLE zones (
    zone text PRIMARY KEY,
    name text NOT NULL,
    outline jsonb NOT NULL,            -- [{latitude, longitude}, …], WGS 84, the last point is the first again
    ceiling_agl_m double precision NOT NULL,
    rule text NOT NULL,                -- no_record | no_view | mask
    drawn_at timestamptz NOT NULL,
    drawn_by text NOT NULL,
    changed_at timestamptz,
    changed_by text,
    reason text NOT NULL,              -- of the last change
    retired_at timestamptz
);
CREATE INDEX zones_in_force ON zones (zone) WHERE retired_at IS NULL;
