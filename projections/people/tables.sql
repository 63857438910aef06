-- Accounts, what they may do, what they have learned, and where they have signed on. Each row belongs to one stream.

CREATE TABLE accounts (
    person text PRIMARY KEY,
    name text,
    organisation text,
    email text,
    enrolled_at timestamptz,
    enrolled_by text,
    roles jsonb NOT NULL DEFAULT '{}',         -- role → when it was given; null: taken away
    courses jsonb NOT NULL DEFAULT '{}',       -- course → day it expires
    certificates jsonb NOT NULL DEFAULT '{}',  -- kind → {number, expires_on}
    medical_hold boolean NOT NULL DEFAULT false,
    suspended_at timestamptz,
    suspended_because text,
    left_at timestamptz,                       -- suspended by the personnel system, which alone lifts it
    left_because text,
    asked jsonb                                -- of oversight: {change, reason, by, at, answer_by} that waits
);

CREATE TABLE sessions (
    session text PRIMARY KEY,
    person text,
    signed_on_at timestamptz,
    ends_at timestamptz,
    method text,
    source_address text,
    locked boolean,
    ended_at timestamptz,
    ended_because text,
    refused_at timestamptz         -- a sign-on that was refused
);
CREATE INDEX sessions_of_person ON sessions (person, signed_on_at);
CREATE INDEX sessions_open ON sessions (signed_on_at) WHERE ended_at IS NULL AND refused_at IS NULL;

CREATE TABLE handovers (
    shift text PRIMARY KEY,
    handed_at timestamptz,
    handed_by text,
    handed_to text,
    open_count integer,
    as_of_position bigint
);
CREATE INDEX handovers_by_time ON handovers (handed_at);

CREATE TABLE handed_over (         -- what was open then
    id text PRIMARY KEY,           -- '<shift>/<number>'
    shift text NOT NULL,
    number integer NOT NULL,       -- from 1
    kind text NOT NULL,
    stream text NOT NULL
);
CREATE INDEX handed_over_with ON handed_over (shift, number);
