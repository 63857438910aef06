-- What is kept and until when: footage with its categories and holds. Each row belongs to the stream of its footage; no
-- free text is kept here. When footage is due follows from the policy in force, so it is asked, not stored.

CREATE TABLE footage (
    footage text PRIMARY KEY,
    state text NOT NULL,               -- kept | held (the rest is destroyed) | destroyed | lost
    feed text NOT NULL,
    range_since timestamptz NOT NULL,
    range_until timestamptz NOT NULL,
    size_bytes bigint,
    imported_as text,                  -- the stream of the file that somebody else recorded
    received_at timestamptz,           -- then its days count from there
    keep_until timestamptz,            -- an extension
    asked_until timestamptz,           -- an extension that waits for the station commander
    asked_by text,
    asked_at timestamptz,
    due_since timestamptz,             -- of destroyed footage
    destroyed_at timestamptz,
    destroyed_categories jsonb,
    destroyed_policy bigint,
    destroyed_by text,                 -- who approved it
    unrecoverable_after timestamptz,
    lost_at timestamptz                -- when the loss was noticed
);
CREATE INDEX footage_kept ON footage (range_until, footage) WHERE state = 'kept';
CREATE INDEX footage_held ON footage (footage) WHERE state = 'held';
CREATE INDEX footage_destroyed ON footage (destroyed_at, footage) WHERE state = 'destroyed';
CREATE INDEX footage_lost ON footage (lost_at, footage) WHERE state = 'lost';
CREATE INDEX footage_asked ON footage (asked_at, footage) WHERE asked_until IS NOT NULL;

CREATE TABLE categories (
    id text PRIMARY KEY,               -- '<footage>/<category>'
    footage text NOT NULL,
    category text NOT NULL
);
CREATE INDEX categories_of_footage ON categories (footage);

CREATE TABLE holds (
    id text PRIMARY KEY,               -- '<footage>/<hold>'
    footage text NOT NULL,
    hold text NOT NULL,
    range_since timestamptz NOT NULL,
    range_until timestamptz NOT NULL,
    basis_kind text NOT NULL,
    basis_number text,
    basis_issuer text,
    verify_again_on date NOT NULL,
    placed_by text NOT NULL,
    placed_at timestamptz NOT NULL,
    verified_by text,
    verified_at timestamptz,
    released_by text,
    released_at timestamptz,
    copied_at timestamptz,             -- into a copy of its own
    copy_since timestamptz,
    copy_until timestamptz,
    copy_size_bytes bigint,
    copy_destroyed_at timestamptz,
    copy_unrecoverable_after timestamptz
);
CREATE INDEX holds_of_footage ON holds (footage);
CREATE INDEX holds_to_verify ON holds (verify_again_on, id) WHERE released_at IS NULL;

CREATE TABLE imports (
    import text PRIMARY KEY,           -- the stream
    sha256 text NOT NULL,              -- of the file as it was handed over
    size_bytes bigint NOT NULL,
    found text NOT NULL,
    sound text NOT NULL,
    agency text NOT NULL,
    device text,
    case_number text NOT NULL,
    received_at timestamptz NOT NULL,
    received_by text NOT NULL,
    received_how text NOT NULL,
    range_since timestamptz NOT NULL,
    range_until timestamptz NOT NULL,
    footage jsonb NOT NULL,
    imported_at timestamptz NOT NULL,
    position bigint NOT NULL
);
CREATE INDEX imports_newest ON imports (position);
