-- Who looked at what, by whose leave, from when to when: one row each request to see something, and each refusal.
-- Each row belongs to one stream. Reasons in free text are in the log alone; here is how good they were.

CREATE TABLE looks (
    stream text PRIMARY KEY,
    kind text,                     -- live_view, viewing, export, disclosure
    person text,
    session text,
    feed text,                     -- the stream of a camera or of a flight
    footage text,                  -- the stream of the footage, where it is not live
    what text,                     -- the stream of what was disclosed
    footage_from timestamptz,
    footage_until timestamptz,
    purpose text,
    call_number text,
    case_number text,
    score integer,                 -- of the reason, 0 to 100
    vague boolean,
    shared_by_call text,           -- the incident that the feed was shared with, where that is why
    role text,                     -- in which role the person asked
    state text,                    -- requested, open, refused, ended, approved, exported, delivered, made
    masked boolean,                -- false: an override lifted a mask; of a live view null until one does
    requested_at timestamptz,
    requested_position bigint,
    granted_at timestamptz,
    until timestamptz,
    renewed_at timestamptz,
    ended_at timestamptz,
    end_reason text,
    seconds double precision,      -- seen: live from grant to end, of footage what was served or reserved
    bytes bigint,
    decided_by text,               -- the person who approved
    recipient text                 -- the agency, of a disclosure or a delivered export
);
CREATE INDEX looks_of_person ON looks (person, requested_position);
CREATE INDEX looks_at_feed ON looks (feed, requested_position);
CREATE INDEX looks_at_footage ON looks (footage, requested_position) WHERE footage IS NOT NULL;
CREATE INDEX looks_open ON looks (feed) WHERE kind = 'live_view' AND state = 'open';
CREATE INDEX looks_by_request ON looks (requested_position);
CREATE INDEX looks_as_files ON looks (requested_position) WHERE kind = 'export';

CREATE TABLE refusals (
    id text PRIMARY KEY,           -- '<stream>/<version>'
    position bigint,
    at timestamptz,
    stream text,                   -- where the refusal is recorded
    person text,
    role text,
    action text,                   -- what was asked for
    target text,                   -- the stream it was aimed at, where that is known
    rule text,
    reasons jsonb
);
CREATE INDEX refusals_by_position ON refusals (position);
CREATE INDEX refusals_of_person ON refusals (person, position);
CREATE INDEX refusals_of_target ON refusals (target, position);

CREATE TABLE exports (             -- what is said of a file beside the request for it, which is in looks
    stream text PRIMARY KEY,
    override text,                 -- the stream of the override under which it is not masked
    basis_kind text,
    basis_number text,
    basis_issuer text,
    category text,                 -- what it is to the public records act
    category_reason text,
    categorised_by text,
    decided_at timestamptz,        -- approved or refused
    reasons jsonb,                 -- why it was refused
    file_sha256 text,
    made_at timestamptz,
    downloaded_at timestamptz,     -- the last time
    downloaded_by text,
    delivered_at timestamptz,
    delivered_by text,
    method text
);

CREATE TABLE recordings (          -- for search: what there is to be looked at
    footage text PRIMARY KEY,
    feed text,
    since timestamptz,             -- by the recorder's clock
    until timestamptz,
    size_bytes bigint,
    state text                     -- kept, destroyed, lost
);
CREATE INDEX recordings_of_feed ON recordings (feed, since);
