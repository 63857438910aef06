-- Who searched for plates, when, for which purpose and for whom (Civ. Code §1798.90.52), and hits of hot lists.
-- No plate stands here, nor any description of a vehicle: both are sealed in the log. A plate's keyed hash finds what is
-- recorded of it, and goes with the key of its subject. Each row belongs to one stream.

CREATE TABLE searches (
    search text PRIMARY KEY,
    position bigint,
    accessed_at timestamptz,
    person text,                   -- username
    organisation text,
    role text,
    purpose text,
    call_number text,
    case_number text,
    score integer,                 -- of the reason, 0 to 100
    vague boolean,
    plate_subject text,            -- whose key seals the plate
    plate_hash text,               -- keyed, of what was asked for; null once that key is destroyed
    by_plate boolean,              -- what was asked for: a plate, whole or in part
    by_description boolean,        -- other query data, such as make and colour
    plate_state text,
    seen_from timestamptz,
    seen_until timestamptz,
    readers jsonb,                 -- none: all
    for_agency text,               -- who else gets to know
    disclosure text,
    hit text,                      -- the hit that led to it
    state text,                    -- recorded, answered, failed, refused
    provider text,
    sightings integer,             -- how many were shown
    cut boolean,
    answered_at timestamptz,
    failure text,
    reasons jsonb                  -- of a refusal
);
CREATE INDEX searches_by_position ON searches (position);
CREATE INDEX searches_of_person ON searches (person, position);
CREATE INDEX searches_by_time ON searches (accessed_at);
CREATE INDEX searches_of_plate ON searches (plate_hash) WHERE plate_hash IS NOT NULL;
CREATE INDEX searches_of_subject ON searches (plate_subject);

CREATE TABLE hits (
    hit text PRIMARY KEY,
    position bigint,
    received_at timestamptz,
    provider text,
    reference text,
    hot_list text,
    plate_subject text,            -- as of a search
    plate_hash text,
    plate_state text,
    reader text,
    seen_at timestamptz,           -- by the reader's clock
    state text,                    -- waiting, confirmed, rejected
    decided_by text,
    decided_at timestamptz,
    why text,                      -- of a rejection
    checked_with text              -- of a confirmation
);
CREATE INDEX hits_by_state ON hits (state, position);
CREATE INDEX hits_of_plate ON hits (plate_hash) WHERE plate_hash IS NOT NULL;
CREATE INDEX hits_of_subject ON hits (plate_subject);
