-- The roles. Each process logs in as a user of its own that has just the roles it needs (see LOGINS in migrate.py).
-- Roles belong to the whole server: another database of this server may have made them already.

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['saferweho_migrator', 'saferweho_writer', 'saferweho_relay',
                                'saferweho_projector', 'saferweho_reader']
    LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I', role);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
    IF NOT pg_has_role(current_user, 'saferweho_migrator', 'SET') THEN
        EXECUTE format('GRANT saferweho_migrator TO %I', current_user);
    END IF;
    EXECUTE format('GRANT CREATE, TEMPORARY ON DATABASE %I TO saferweho_migrator, saferweho_projector', current_database());
END
$$;

CREATE SCHEMA events AUTHORIZATION saferweho_migrator;
GRANT USAGE ON SCHEMA events TO saferweho_writer, saferweho_relay, saferweho_projector, saferweho_reader;

CREATE TABLE events.migrations (
    name text PRIMARY KEY,
    sha256 bytea NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE events.migrations OWNER TO saferweho_migrator;
