-- Keys of the people and incidents that events speak of, each wrapped by a key-encryption key that is not in the database.
-- A subject has at most one key, ever: destroying it leaves a row without it, so that no second one is made.

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['saferweho_keys_owner', 'saferweho_keys_reader', 'saferweho_keys_maker',
                                'saferweho_keys_destroyer']
    LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I', role);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
    IF NOT pg_has_role(current_user, 'saferweho_keys_owner', 'SET') THEN
        EXECUTE format('GRANT saferweho_keys_owner TO %I', current_user);
    END IF;
    EXECUTE format('GRANT CREATE ON DATABASE %I TO saferweho_keys_owner', current_database());
END
$$;

SET LOCAL ROLE saferweho_keys_owner;
CREATE SCHEMA keys;
GRANT USAGE ON SCHEMA keys TO saferweho_keys_reader, saferweho_keys_maker, saferweho_keys_destroyer;

CREATE TABLE keys.migrations (
    name text PRIMARY KEY,
    sha256 bytea NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE keys.subject_keys (
    subject text PRIMARY KEY,
    id text NOT NULL,             -- what events name the key by
    kek text,                     -- which key-encryption key wrapped it
    wrapped bytea,                -- none: destroyed
    made_at timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    CHECK ((wrapped IS NULL) = (kek IS NULL)),
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);
ALTER TABLE keys.subject_keys CLUSTER ON subject_keys_pkey;
CREATE INDEX subject_keys_destroyed ON keys.subject_keys (destroyed_at) WHERE destroyed_at IS NOT NULL;

CREATE TABLE keys.secrets (       -- of the installation: nobody's, so never destroyed
    purpose text PRIMARY KEY,
    kek text NOT NULL,
    wrapped bytea NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE keys.sweep (         -- when the files last held nothing of what was destroyed before
    id int PRIMARY KEY CHECK (id = 1),
    swept_at timestamptz NOT NULL
);
INSERT INTO keys.sweep VALUES (1, now());

-- A destroyed key does not come back, whoever writes.
CREATE FUNCTION keys.guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' OR OLD.wrapped IS NULL OR NEW.subject <> OLD.subject OR NEW.id <> OLD.id THEN
        RAISE EXCEPTION '% of the key of % is refused', TG_OP, OLD.subject USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON keys.subject_keys FOR EACH ROW EXECUTE FUNCTION keys.guard();
ALTER TABLE keys.subject_keys ENABLE ALWAYS TRIGGER guard;

CREATE FUNCTION keys.destroy(of_subject text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO keys.subject_keys (subject, id, destroyed_at) VALUES (of_subject, '', clock_timestamp())
    ON CONFLICT (subject) DO UPDATE SET kek = NULL, wrapped = NULL, destroyed_at = clock_timestamp()
        WHERE subject_keys.wrapped IS NOT NULL;
    RETURN FOUND;
END
$$;

-- Write the table anew, without the versions of its rows that held what was destroyed; the old file is unlinked.
-- Ten minutes later once more: a transaction that was open at the first time may have kept some alive.
CREATE FUNCTION keys.sweep() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    last timestamptz;
    newest timestamptz;
BEGIN
    SELECT swept_at INTO last FROM keys.sweep FOR UPDATE;
    SELECT max(destroyed_at) INTO newest FROM keys.subject_keys WHERE destroyed_at IS NOT NULL;
    IF newest IS NULL OR last > newest + interval '10 minutes'
       OR (last > newest AND clock_timestamp() < newest + interval '10 minutes') THEN
        RETURN false;
    END IF;
    CLUSTER keys.subject_keys;
    UPDATE keys.sweep SET swept_at = clock_timestamp();
    RETURN true;
END
$$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA keys FROM PUBLIC;
GRANT SELECT ON keys.subject_keys, keys.secrets TO saferweho_keys_reader, saferweho_keys_maker;
GRANT INSERT ON keys.secrets TO saferweho_keys_reader, saferweho_keys_maker;
GRANT INSERT (subject, id, kek, wrapped) ON keys.subject_keys TO saferweho_keys_maker;
GRANT SELECT (subject, id, made_at, destroyed_at) ON keys.subject_keys TO saferweho_keys_destroyer;
GRANT EXECUTE ON FUNCTION keys.destroy(text), keys.sweep() TO saferweho_keys_destroyer;
