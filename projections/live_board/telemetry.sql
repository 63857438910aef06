-- The newest telemetry of each drone, at most a few times a second. It is no read model of events: it has no
-- checkpoint, is not rebuilt, and outlives every version of the board.
CREATE UNLOGGED TABLE IF NOT EXISTS projections.telemetry_latest (
    drone text PRIMARY KEY,
    received_at timestamptz NOT NULL,
    device_time timestamptz,
    linked boolean NOT NULL,
    authentication text NOT NULL,
    armed boolean NOT NULL,
    airborne boolean NOT NULL,
    mode text,
    latitude double precision,
    longitude double precision,
    amsl_m double precision,
    agl_m double precision,
    heading_deg double precision,
    ground_speed_mps double precision,
    climb_mps double precision,
    battery_percent double precision,
    camera_pitch_deg double precision
) WITH (fillfactor = 20);
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'saferweho_projector') THEN
        ALTER TABLE projections.telemetry_latest OWNER TO saferweho_projector;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'saferweho_reader') THEN
        GRANT SELECT ON projections.telemetry_latest TO saferweho_reader;
    END IF;
END $$;
