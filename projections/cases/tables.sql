-- Case numbers that somebody gave as grounds and dispatch had not told, and what came of them. One row a stream.

CREATE TABLE uses (
    stream text PRIMARY KEY,       -- of the request that named the case
    case_number text NOT NULL,
    person text NOT NULL,
    used_at timestamptz NOT NULL,
    position bigint NOT NULL
);
CREATE INDEX uses_of_case ON uses (case_number, position);

CREATE TABLE cases (
    case_number text PRIMARY KEY,
    told_at timestamptz,           -- by dispatch, for the last of its calls
    verdict text,                  -- found | not_found, by oversight
    examined_at timestamptz,
    examined_by text,
    examined_position bigint
);
