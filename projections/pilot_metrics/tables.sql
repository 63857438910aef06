-- What the pilot's figures are made of. Rows are only ever added, each with the position of its event: a figure as of a
-- position is one over the rows up to there, whenever it is asked for. Nothing personal and no free text is kept.
--
-- All but `costs` and `acts`: the thing as it stood from that position on; the newest row up to a position
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

CREATE TABLE viewings (
    viewing text NOT NULL,
    position bigint NOT NULL,
    at timestamptz NOT NULL,
    footage text,
    detail text,                     -- camera | drone
    purpose text,
    unit text,
    granted_at timestamptz,
    seen_s double precision,
    PRIMARY KEY (viewing, position)
);
CREATE INDEX viewings_by_position ON viewings (position);

CREATE TABLE exports (
    export text NOT NULL,
    position bigint NOT NULL,
    at timestamptz NOT NULL,
    footage text,
    purpose text,
    unit text,                       -- the organisation of who asked
    masked boolean,
    exported_at timestamptz,
    delivered_at timestamptz,
    PRIMARY KEY (export, position)
);
CREATE INDEX exports_by_position ON exports (position);
CREATE INDEX exports_of_footage ON exports (footage);

CREATE TABLE footage (
    footage text NOT NULL,
    position bigint NOT NULL,
    at timestamptz NOT NULL,
    evidence boolean,                -- put into that category
    PRIMARY KEY (footage, position)
);
CREATE INDEX footage_by_position ON footage (position);

CREATE TABLE complaints (
    complaint text NOT NULL,
    position bigint NOT NULL,
    at timestamptz NOT NULL,
    topic text,
    received_at timestamptz,         -- the clock of the channel that it came by
    opened_at timestamptz,
    answer_by timestamptz,
    resolved_at timestamptz,
    resolution text,
    PRIMARY KEY (complaint, position)
);
CREATE INDEX complaints_by_position ON complaints (position);

CREATE TABLE samples (               -- of a week's accesses
    sample text NOT NULL,
    position bigint NOT NULL,
    at timestamptz NOT NULL,
    drawn_at timestamptz,
    population integer,
    sampled integer,
    review_by timestamptz,
    reviewed integer,
    late integer,
    PRIMARY KEY (sample, position)
);
CREATE INDEX samples_by_position ON samples (position);

CREATE TABLE acts (                  -- what is counted by itself; an event may be several
    position bigint NOT NULL,
    at timestamptz NOT NULL,
    stream text NOT NULL,
    kind text NOT NULL,
    detail text,
    purpose text,
    unit text,
    held boolean,                    -- what a share of this kind asks
    amount double precision,         -- seconds
    PRIMARY KEY (position, kind)
);
CREATE INDEX acts_by_kind ON acts (kind, position);
