-- The audit trail: who, what, when, where, why, with what outcome, by which rule; one row an event, never changed.
-- Every index ends in the position, so that a page of any filter is read in the order of the log without sorting.

CREATE TABLE events (
    position bigint NOT NULL,
    event_id uuid NOT NULL,
    recorded_at timestamptz NOT NULL,      -- when: the event's time, UTC
    type text NOT NULL,                    -- what: 'flight.drone_launched', of whichever version
    type_version integer NOT NULL,
    stream text NOT NULL,
    stream_version bigint NOT NULL,
    person text NOT NULL,                  -- who
    role text NOT NULL,
    organisation text NOT NULL,
    session text NOT NULL,
    source text NOT NULL,                  -- where: the process that recorded it, the address it was asked from
    source_address text NOT NULL,
    purpose text NOT NULL,                 -- why
    case_number text,
    call_number text,
    policy_version bigint NOT NULL,
    outcome text NOT NULL,                 -- granted, refused or recorded (nobody had to be asked)
    rule text NOT NULL,                    -- which rule decided
    correlation_id text NOT NULL,
    causation_id text NOT NULL,
    content bytea NOT NULL,                -- the whole event as it is in the log
    CONSTRAINT events_pkey PRIMARY KEY (position)
);
ALTER TABLE events ALTER COLUMN content SET STORAGE EXTERNAL;  -- JSON of a kilobyte: not worth the time to compress
CREATE INDEX events_by_person ON events (person, position);
CREATE INDEX events_by_role ON events (role, position);
CREATE INDEX events_by_organisation ON events (organisation, position);
CREATE INDEX events_by_type ON events (type, position);
CREATE INDEX events_by_case ON events (case_number, position) WHERE case_number IS NOT NULL;
CREATE INDEX events_by_refusal ON events (position) WHERE outcome = 'refused';

-- 'Who saw this footage': each stream that an event is of, or speaks of.
CREATE TABLE subjects (
    subject text NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (subject, position)
);
-- Without statistics the planner takes every subject for a common one, and reads its page in order from the index.
-- With them it would take one of ten thousand events for one of four, and gather and sort them all.
ALTER TABLE subjects ALTER COLUMN subject SET STATISTICS 0;

-- Where in the log an hour lies, whatever the clocks did: a filter by time becomes a range of positions.
CREATE TABLE hours (
    hour timestamptz PRIMARY KEY,
    first_position bigint NOT NULL,
    last_position bigint NOT NULL
);
