-- Every version of the use policy, from draft to retirement. One stream writes them all.

CREATE TABLE versions (
    id text PRIMARY KEY,               -- the version's number
    version integer,
    amends integer,
    summary text,
    parameters jsonb,
    parameters_sha256 text,
    cedar_set_sha256 text,
    drafted_by text,
    drafted_at timestamptz,
    adopted_by text,                   -- the second person
    adopted_at timestamptz,
    in_force_from timestamptz,
    retirement_proposed_by text,
    retired_at timestamptz,
    retired_because text
);
