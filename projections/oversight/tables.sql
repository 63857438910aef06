-- What oversight does, and what it waits for. Free text (it may speak of people) stays in the streams.

CREATE TABLE samples (
    review text PRIMARY KEY,       -- week-2026-W23
    week text NOT NULL,
    nonce_sha256 text,             -- none, nor the next two: nobody committed to one
    committed_at timestamptz,
    committed_by text,
    missed_at timestamptz,         -- when it was noted that nobody did
    week_ends_at timestamptz NOT NULL,
    reveal_by timestamptz NOT NULL,
    nonce text,                    -- from here on: once drawn
    drawn_at timestamptz,
    drawn_by text,
    drawn_late boolean,
    position bigint,
    root_sha256 text,
    drawing_method text,
    population_size bigint,
    population_sha256 text,
    sample_size integer
);
CREATE INDEX samples_by_week ON samples (week_ends_at);

CREATE TABLE accesses (
    access text PRIMARY KEY,       -- <review>:<position>
    review text NOT NULL,
    draw integer NOT NULL,         -- which one it was, from 0
    position bigint NOT NULL,
    stream text NOT NULL,
    person text NOT NULL,
    review_by timestamptz NOT NULL,
    verdict text,
    reviewed_at timestamptz,
    reviewed_by text,
    late boolean
);
CREATE INDEX accesses_of_review ON accesses (review, draw);
CREATE INDEX accesses_unreviewed ON accesses (review_by) WHERE verdict IS NULL;

CREATE TABLE findings (
    finding text PRIMARY KEY,      -- <review>:<number>
    review text NOT NULL,
    number integer NOT NULL,
    kind text NOT NULL,
    about text NOT NULL,
    position bigint,
    person text,
    recorded_at timestamptz NOT NULL,
    recorded_by text NOT NULL,
    action_by timestamptz NOT NULL,
    taken_at timestamptz,
    taken_by text,
    late boolean
);
CREATE INDEX findings_by_time ON findings (recorded_at, finding);
CREATE INDEX findings_unanswered ON findings (action_by) WHERE taken_at IS NULL;

-- What the record of others asks of oversight or of the watch: overrides and disclosures, each with its deadline.
CREATE TABLE duties (
    duty text PRIMARY KEY,         -- <kind>:<stream>
    kind text NOT NULL,            -- review_override, justify_override, review_disclosure, answer_oversight_change, look_at_feedback
    stream text NOT NULL,
    about text,                    -- the stream of what is protected, or was disclosed
    person text,                   -- who asked for it
    due_at timestamptz,            -- none until it was in effect, or made
    done_at timestamptz
);
CREATE INDEX duties_waiting ON duties (due_at) WHERE due_at IS NOT NULL AND done_at IS NULL;

-- Who read the record.
CREATE TABLE consultations (
    consultation text PRIMARY KEY, -- the event's id
    position bigint NOT NULL,
    consulted_at timestamptz NOT NULL,
    person text NOT NULL,
    role text NOT NULL,
    session text NOT NULL,
    question text NOT NULL,
    filter text[] NOT NULL,
    up_to_position bigint NOT NULL,
    rule text NOT NULL
);
CREATE INDEX consultations_by_position ON consultations (position);
CREATE INDEX consultations_by_person ON consultations (person, position);

CREATE TABLE exports (
    export text PRIMARY KEY,
    position bigint NOT NULL,
    exported_at timestamptz NOT NULL,
    person text NOT NULL,
    format text NOT NULL,
    purpose text NOT NULL,
    as_of_position bigint NOT NULL,
    records integer NOT NULL,
    size_bytes bigint NOT NULL,
    file_sha256 text NOT NULL
);
CREATE INDEX exports_by_position ON exports (position);

CREATE TABLE discrepancies (
    discrepancy text PRIMARY KEY,
    position bigint NOT NULL,
    found_at timestamptz NOT NULL,
    found_by text NOT NULL,
    kind text NOT NULL,
    about text,
    detail text NOT NULL
);
CREATE INDEX discrepancies_by_position ON discrepancies (position);
