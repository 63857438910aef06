-- The engine's own tables: which builds of a read model exist, how far each has come, and what was put aside.
CREATE SCHEMA IF NOT EXISTS projections;
CREATE SCHEMA IF NOT EXISTS read;

CREATE TABLE IF NOT EXISTS projections.catalogue (
    key text PRIMARY KEY,  -- the build's schema, or 'reaction:<name>'
    name text NOT NULL,
    version integer NOT NULL,
    build integer NOT NULL,
    state text NOT NULL CHECK (state IN ('building', 'live', 'retired')),
    tables_sha256 text NOT NULL,
    -- the fence: whoever claimed last may write
    generation bigint NOT NULL DEFAULT 0,
    holder text,
    -- the checkpoint
    position bigint NOT NULL DEFAULT 0,
    offsets jsonb NOT NULL DEFAULT '{}',
    log_id text NOT NULL DEFAULT '',
    rolling_hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
    -- the log's end as last seen by the consumer, for progress and lag
    log_end bigint NOT NULL DEFAULT 0,
    -- rows of one position change only with this number (a retry of what was parked)
    revision bigint NOT NULL DEFAULT 0,
    parked_streams integer NOT NULL DEFAULT 0,
    fault text,
    fault_position bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz
) WITH (fillfactor = 10);
-- where a build keeps something personal: [[table, column of the subject, [columns]], …]
ALTER TABLE projections.catalogue ADD COLUMN IF NOT EXISTS personal jsonb NOT NULL DEFAULT '[]';
CREATE UNIQUE INDEX IF NOT EXISTS catalogue_one_live ON projections.catalogue (name) WHERE state = 'live';
CREATE UNIQUE INDEX IF NOT EXISTS catalogue_one_building ON projections.catalogue (name) WHERE state = 'building';

CREATE TABLE IF NOT EXISTS projections.parked (
    key text NOT NULL REFERENCES projections.catalogue ON DELETE CASCADE,
    position bigint NOT NULL,
    stream text NOT NULL,
    content bytea NOT NULL,
    error text NOT NULL,
    parked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (key, position)
);
CREATE INDEX IF NOT EXISTS parked_by_stream ON projections.parked (key, stream);

-- Subjects whose keys are destroyed, as far as any read model has come.
CREATE TABLE IF NOT EXISTS projections.destroyed_subjects (subject text PRIMARY KEY);

CREATE TABLE IF NOT EXISTS projections.reaction_memory (
    reaction text NOT NULL,
    key text NOT NULL,
    value text NOT NULL,
    PRIMARY KEY (reaction, key, value)
);

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'saferweho_projector') THEN
        ALTER SCHEMA projections OWNER TO saferweho_projector;
        ALTER SCHEMA read OWNER TO saferweho_projector;
        ALTER TABLE projections.catalogue OWNER TO saferweho_projector;
        ALTER TABLE projections.parked OWNER TO saferweho_projector;
        ALTER TABLE projections.reaction_memory OWNER TO saferweho_projector;
        ALTER TABLE projections.destroyed_subjects OWNER TO saferweho_projector;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'saferweho_reader') THEN
        GRANT USAGE ON SCHEMA projections, read TO saferweho_reader;
        GRANT SELECT ON projections.catalogue, projections.parked TO saferweho_reader;
    END IF;
END $$;
