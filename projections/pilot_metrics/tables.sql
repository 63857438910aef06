-- What the pilot's figures are made of. Rows are only ever added, each with the position of its event: a figure as of a
-- position is one over the rows up to there, whenever it is asked for. Nothing personal and no free text is kept.
--
-- `flights`, `calls`, `overrides`, `pilots`: the thing as it stood from that position on; the newest row up to a position
-- is the one that held then. `at`: when we recorded the event.

CREATE TABLE flights (
    flight text NOT NULL,
    position bigint NOT NULL,
    at timestamptz NOT NULL,
    purpose text,
    unit text,                       -- the organisation of who asked
    call_number text,                -- of the first job, like purpose, authorisation and cell
    case_number text,
    authorisation text,
    cell text,                       -- of the grid, where it was first sent
    launched_position bigint,
    launched_at timestamptz,         -- our clock, as the others here
    authorised boolean,
    arrived_at timestamptz,          -- first arrival
    landed_at timestamptz,
    duration_s double precision,
    diverted boolean,                -- given another job before it arrived
    other_jobs integer,
    links_lost integer,
    zone_entries integer,
    zone_entries_overridden integer,
    recordings_stopped integer,      -- for a privacy zone, as the next
    recordings_masked integer,
    outcomes jsonb,
    subjects_located integer,
    arrests_assisted integer,
    publication text,                -- published | withheld
    withheld_code text,
    clocks_apart boolean,            -- a clock differed from ours by over a second
    PRIMARY KEY (flight, position)
);
CREATE INDEX flights_by_position ON flights (position);
CREATE INDEX flights_of_call ON flights (call_number);

CREATE TABLE calls (
    call_number text NOT NULL,
    position bigint NOT NULL,
    at timestamptz NOT NULL,
    call_type text,
    received_at timestamptz,         -- the dispatch system's clock, as all of a call
    closed_at timestamptz,
    units jsonb,                     -- unit -> dispatched, arrived, cancelled
    units_sent integer,
    units_standing integer,          -- sent and not cancelled, or arrived
    first_unit_at timestamptz,       -- first arrival
    first_cancelled_at timestamptz,
    clocks_apart boolean,
    PRIMARY KEY (call_number, position)
);
CREATE INDEX calls_by_position ON calls (position);

CREATE TABLE overrides (
    override text NOT NULL,
    position bigint NOT NULL,
    at timestamptz NOT NULL,
    purpose text,
    unit text,
    basis text,
    emergency boolean,
    granted_at timestamptz,
    uses integer,
    review_by timestamptz,
    reviewed_at timestamptz,
    verdict text,
    PRIMARY KEY (override, position)
);
CREATE INDEX overrides_by_position ON overrides (position);

CREATE TABLE pilots (
    pilot text NOT NULL,
    position bigint NOT NULL,
    at timestamptz NOT NULL,
    title text,
    authority text,
    starts_on date,
    ends_on date,
    phase text,                      -- running | paused | concluded
    evaluations integer,
    PRIMARY KEY (pilot, position)
);
CREATE INDEX pilots_by_position ON pilots (position);

CREATE TABLE costs (
    position bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    pilot text NOT NULL,
    heading text NOT NULL,
    equipment text NOT NULL,
    amount_cents bigint NOT NULL,
    spent_on date NOT NULL,
    fund_source text NOT NULL
);

CREATE TABLE acts (                  -- what is counted by itself
    position bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    stream text NOT NULL,
    kind text NOT NULL,
    detail text,
    purpose text,
    unit text,
    seconds double precision
);
CREATE INDEX acts_by_kind ON acts (kind, position);
