-- The log. Positions are gapless because they are given under the lock of the one row of `head`, in the transaction
-- that inserts the events; no table is ever locked, so VACUUM and index builds never hold an append up.

SET LOCAL ROLE saferweho_migrator;

CREATE TABLE events.stored_events (
    originator_id text NOT NULL,          -- the stream
    originator_version bigint NOT NULL,   -- from 1
    topic text NOT NULL,                  -- 'flight.drone_launched.v1'
    state bytea NOT NULL,                 -- the event's one byte string
    notification_id bigint NOT NULL,      -- the position, from 1
    PRIMARY KEY (originator_id, originator_version)
);
CREATE UNIQUE INDEX stored_events_notification_id_idx ON events.stored_events (notification_id);

CREATE TABLE events.head (
    id int PRIMARY KEY CHECK (id = 1),
    position bigint NOT NULL,
    rolling_hash bytea NOT NULL CHECK (length(rolling_hash) = 32),  -- h(n) = sha256(h(n-1) || sha256(event n))
    identity text NOT NULL                -- which server's log this is: see server_identity()
) WITH (fillfactor = 10);                 -- room for HOT updates: the row changes with every append
INSERT INTO events.head VALUES (1, 0, decode(repeat('00', 32), 'hex'), '');

CREATE TABLE events.commands (
    command_id uuid PRIMARY KEY,
    digest bytea NOT NULL CHECK (length(digest) = 32),
    answer bytea NOT NULL,
    first_position bigint NOT NULL,
    last_position bigint NOT NULL,        -- first_position - 1: the command wrote no event
    submission bigint NOT NULL            -- tells the first answer that got lost from a real repetition
);

CREATE TABLE events.documents (
    sha256 bytea PRIMARY KEY,
    media_type text NOT NULL,
    content bytea NOT NULL CHECK (sha256 = pg_catalog.sha256(content))
);

CREATE TABLE events.relay_lease (
    id int PRIMARY KEY CHECK (id = 1),
    holder text,
    expires timestamptz NOT NULL DEFAULT 'epoch',
    epoch bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10);
INSERT INTO events.relay_lease (id) VALUES (1);

-- Append-only by privilege, and by a trigger that stops the owner too.
GRANT SELECT, INSERT ON events.stored_events, events.commands, events.documents TO saferweho_writer;
GRANT SELECT, UPDATE ON events.head TO saferweho_writer;
GRANT SELECT ON events.stored_events, events.head TO saferweho_relay;
GRANT SELECT, UPDATE ON events.relay_lease TO saferweho_relay;
GRANT SELECT ON events.head TO saferweho_projector, saferweho_reader;
GRANT SELECT ON events.documents TO saferweho_reader;

CREATE FUNCTION events.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on %.% is refused: what was recorded stays', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['stored_events', 'commands', 'documents'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events.%I '
                       'FOR EACH STATEMENT EXECUTE FUNCTION events.refuse_change()', name);
        EXECUTE format('ALTER TABLE events.%I ENABLE ALWAYS TRIGGER append_only', name);
    END LOOP;
END
$$;

-- Which log this is: server, database and timeline. A restore, a promotion or a copy changes it.
-- The timeline is asked of the WAL being written: pg_control's lags behind a promotion until the next checkpoint. The
-- rest can't change under a session, and is kept in it: reading pg_control for each batch would show.
CREATE FUNCTION events.server_identity() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    server text := current_setting('saferweho.server', true);
BEGIN
    IF server IS NULL OR server = '' THEN
        SELECT concat_ws('/', s.system_identifier, d.oid) INTO server
        FROM pg_control_system() s, pg_database d WHERE d.datname = current_database();
        PERFORM set_config('saferweho.server', server, false);
    END IF;
    RETURN server || '/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8);
END
$$;

-- `head` moves forward only; another log's identity is accepted by the migrator alone (after `saferweho reconcile`).
CREATE FUNCTION events.guard_head() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' THEN
        RAISE EXCEPTION '% on events.head is refused: it is the end of the log', TG_OP
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.position < OLD.position THEN
        RAISE EXCEPTION 'events.head may not go back from % to %', OLD.position, NEW.position
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.identity <> OLD.identity AND OLD.position > 0
       AND NOT pg_has_role(current_user, 'saferweho_migrator', 'USAGE') THEN
        RAISE EXCEPTION 'only saferweho_migrator may reopen the log on another server'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER forward_only BEFORE INSERT OR UPDATE OR DELETE ON events.head
    FOR EACH ROW EXECUTE FUNCTION events.guard_head();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON events.head
    FOR EACH STATEMENT EXECUTE FUNCTION events.refuse_change();
ALTER TABLE events.head ENABLE ALWAYS TRIGGER forward_only;
ALTER TABLE events.head ENABLE ALWAYS TRIGGER no_truncate;
