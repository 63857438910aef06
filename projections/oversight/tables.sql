-- What oversight does, and what it waits for. Free text (it may speak of people) stays in the streams.

CREATE TABLE samples (
    review text PRIMARY KEY,       -- week-2026-W23
    week text NOT NULL,
    nonce_sha256 text NOT NULL,
    committed_at timestamptz NOT NULL,
    committed_by text NOT NULL,
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
