-- The live board: what is happening now and has just happened. Each row belongs to one stream, whose key is its key.

CREATE TABLE people (
    person text PRIMARY KEY,
    name text NOT NULL
);

CREATE TABLE calls (
    call_number text PRIMARY KEY,
    call_type text,
    priority integer,
    latitude double precision,
    longitude double precision,
    received_at timestamptz,       -- the dispatch system's clock
    closed_at timestamptz,
    disposition text,
    last_closed bigint             -- the position at which it was closed last, also if it was opened again
);
CREATE INDEX calls_open ON calls (received_at) WHERE closed_at IS NULL;
CREATE INDEX calls_closed ON calls (closed_at) WHERE closed_at IS NOT NULL;

CREATE TABLE units (               -- of the stream of their call
    id text PRIMARY KEY,           -- '<call number>/<unit>'
    call_number text NOT NULL,
    unit text NOT NULL,
    dispatched_at timestamptz,
    arrived_at timestamptz,
    cancelled_at timestamptz
);
CREATE INDEX units_of_call ON units (call_number);

CREATE TABLE observations (        -- of the stream of their call; what was said stays there
    observation text PRIMARY KEY,
    call_number text NOT NULL,
    kind text NOT NULL,
    latitude double precision,
    longitude double precision,
    observed_at timestamptz NOT NULL,
    reported_by text NOT NULL
);
CREATE INDEX observations_of_call ON observations (call_number);

CREATE TABLE shared_feeds (        -- of the stream of their call; open while the call has not been closed since
    id text PRIMARY KEY,           -- '<call number>/<feed>'
    call_number text NOT NULL,
    feed text NOT NULL,
    shared_at timestamptz,
    shared_position bigint,
    ended boolean NOT NULL
);
CREATE INDEX shared_feeds_of_call ON shared_feeds (call_number) WHERE NOT ended;

CREATE TABLE docks (
    dock text PRIMARY KEY,
    name text,
    latitude double precision,
    longitude double precision,
    amsl_m double precision
);

CREATE TABLE drones (
    drone text PRIMARY KEY,
    registration text,
    remote_id_serial text,
    model text,
    dock text,
    ready boolean,
    grounded_reason text,
    flight text,                   -- the authorised flight that has it
    battery_percent double precision
);

CREATE TABLE flights (
    flight text PRIMARY KEY,
    phase text,                    -- see PHASES in projection.py
    purpose text,
    call_number text,
    case_number text,
    pilot text,
    requested_by text,
    drone text,
    dock text,
    destination_latitude double precision,
    destination_longitude double precision,
    cruise_agl_m double precision,
    policy_version bigint,
    requested_at timestamptz,
    authorised_at timestamptz,
    authorised_by text,
    authorisation_expires_at timestamptz,
    launched_at timestamptz,       -- when we saw it, our clock
    launch_authorised boolean,
    arrived_at timestamptz,
    return_ordered_at timestamptz,
    landed_at timestamptz,
    duration_s double precision,
    max_agl_m double precision,
    latitude double precision,     -- where its last event says it was
    longitude double precision,
    amsl_m double precision,
    agl_m double precision,
    link_lost boolean,
    recording boolean,
    reasons jsonb                  -- of the refusal
);
CREATE INDEX flights_active ON flights (requested_at)
    WHERE phase NOT IN ('refused', 'lapsed', 'withdrawn', 'landed');
CREATE INDEX flights_landed ON flights (landed_at) WHERE landed_at IS NOT NULL;
CREATE INDEX flights_by_call ON flights (call_number) WHERE call_number IS NOT NULL;
CREATE INDEX flights_by_request ON flights (requested_at, flight);
