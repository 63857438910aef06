-- Of whom something personal is recorded, and what became of it. Each row belongs to the stream of one subject's key.

CREATE TABLE subjects (
    subject text PRIMARY KEY,      -- an incident, a complaint, a plate under a random name
    state text NOT NULL,           -- kept | asked | destroyed
    created_at timestamptz NOT NULL,
    ground text,                   -- of the last request, as the next
    reference text,
    requested_by text,
    requested_at timestamptz,
    refused_by text,
    refused_at timestamptz,
    reasons jsonb,
    approved_by text,
    destroyed_at timestamptz,
    policy bigint,
    unrecoverable_after timestamptz
);
CREATE INDEX subjects_asked ON subjects (requested_at, subject) WHERE state = 'asked';
CREATE INDEX subjects_destroyed ON subjects (destroyed_at, subject) WHERE state = 'destroyed';
CREATE INDEX subjects_kept ON subjects (created_at, subject) WHERE state = 'kept';
