-- Keys of footage, one for each camera and hour, apart from those of people: whoever records makes and reads these and
-- no other, so that a recorder taken over by what a camera sends cannot read who was protected or complained.

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['saferweho_keys_sealer', 'saferweho_keys_opener']
    LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I', role);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
END
$$;

SET LOCAL ROLE saferweho_keys_owner;
GRANT USAGE ON SCHEMA keys TO saferweho_keys_sealer, saferweho_keys_opener;

CREATE TABLE keys.footage_keys (  -- the same columns mean the same as in subject_keys
    subject text PRIMARY KEY,     -- the footage
    id text NOT NULL,
    kek text,
    wrapped bytea,
    made_at timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    CHECK ((wrapped IS NULL) = (kek IS NULL)),
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);
ALTER TABLE keys.footage_keys CLUSTER ON footage_keys_pkey;
CREATE INDEX footage_keys_destroyed ON keys.footage_keys (destroyed_at) WHERE destroyed_at IS NOT NULL;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON keys.footage_keys FOR EACH ROW EXECUTE FUNCTION keys.guard();
ALTER TABLE keys.footage_keys ENABLE ALWAYS TRIGGER guard;

CREATE FUNCTION keys.destroy_footage(of_subject text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO keys.footage_keys (subject, id, destroyed_at) VALUES (of_subject, '', clock_timestamp())
    ON CONFLICT (subject) DO UPDATE SET kek = NULL, wrapped = NULL, destroyed_at = clock_timestamp()
        WHERE footage_keys.wrapped IS NOT NULL;
    RETURN FOUND;
END
$$;

-- As before, of both tables.
CREATE OR REPLACE FUNCTION keys.sweep() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    last timestamptz;
    newest timestamptz;
BEGIN
    SELECT swept_at INTO last FROM keys.sweep FOR UPDATE;
    SELECT max(destroyed_at) INTO newest FROM (
        SELECT destroyed_at FROM keys.subject_keys WHERE destroyed_at IS NOT NULL
        UNION ALL SELECT destroyed_at FROM keys.footage_keys WHERE destroyed_at IS NOT NULL) AS gone;
    IF newest IS NULL OR last > newest + interval '10 minutes'
       OR (last > newest AND clock_timestamp() < newest + interval '10 minutes') THEN
        RETURN false;
    END IF;
    CLUSTER keys.subject_keys;
    CLUSTER keys.footage_keys;
    UPDATE keys.sweep SET swept_at = clock_timestamp();
    RETURN true;
END
$$;

-- Of the installation's secrets a sealer or opener sees the one that signs manifests, and a sealer the one without which
-- nobody appends: by it a command that comes again is known.
ALTER TABLE keys.secrets ENABLE ROW LEVEL SECURITY;
CREATE POLICY everything ON keys.secrets TO saferweho_keys_reader, saferweho_keys_maker USING (true) WITH CHECK (true);
CREATE POLICY signing_manifests ON keys.secrets TO saferweho_keys_sealer, saferweho_keys_opener
    USING (purpose = 'footage manifests') WITH CHECK (purpose = 'footage manifests');
CREATE POLICY knowing_commands ON keys.secrets TO saferweho_keys_sealer
    USING (purpose = 'command') WITH CHECK (purpose = 'command');

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA keys FROM PUBLIC;
GRANT SELECT ON keys.footage_keys, keys.secrets TO saferweho_keys_sealer, saferweho_keys_opener;
GRANT INSERT ON keys.secrets TO saferweho_keys_sealer;
GRANT INSERT (subject, id, kek, wrapped) ON keys.footage_keys TO saferweho_keys_sealer;
GRANT SELECT (subject, id, made_at, destroyed_at) ON keys.footage_keys TO saferweho_keys_destroyer;
GRANT EXECUTE ON FUNCTION keys.destroy_footage(text), keys.sweep() TO saferweho_keys_destroyer;
