-- Keys of the files that were made of footage, one for each export: the exporter makes and destroys them, the API opens
-- with them what it hands over, and neither can read the other's keys: the API none of footage, the exporter none of people.

DO $$
BEGIN
    CREATE ROLE saferweho_keys_exporter;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END
$$;

SET LOCAL ROLE saferweho_keys_owner;
GRANT USAGE ON SCHEMA keys TO saferweho_keys_exporter;

CREATE TABLE keys.export_keys (   -- the same columns mean the same as in subject_keys
    subject text PRIMARY KEY,     -- 'export-<id>'
    id text NOT NULL,
    kek text,
    wrapped bytea,
    made_at timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    CHECK ((wrapped IS NULL) = (kek IS NULL)),
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);
ALTER TABLE keys.export_keys CLUSTER ON export_keys_pkey;
CREATE INDEX export_keys_destroyed ON keys.export_keys (destroyed_at) WHERE destroyed_at IS NOT NULL;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON keys.export_keys FOR EACH ROW EXECUTE FUNCTION keys.guard();
ALTER TABLE keys.export_keys ENABLE ALWAYS TRIGGER guard;

CREATE FUNCTION keys.destroy_export(of_subject text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO keys.export_keys (subject, id, destroyed_at) VALUES (of_subject, '', clock_timestamp())
    ON CONFLICT (subject) DO UPDATE SET kek = NULL, wrapped = NULL, destroyed_at = clock_timestamp()
        WHERE export_keys.wrapped IS NOT NULL;
    RETURN FOUND;
END
$$;

-- As before, of every table of keys that can be destroyed, whichever there are.
CREATE OR REPLACE FUNCTION keys.sweep() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    last timestamptz;
    newest timestamptz;
    of_table timestamptz;
    name text;
    names text[];
BEGIN
    SELECT swept_at INTO last FROM keys.sweep FOR UPDATE;
    SELECT array_agg(c.relname ORDER BY c.relname) INTO names
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_attribute AS a ON a.attrelid = c.oid
    WHERE n.nspname = 'keys' AND c.relkind = 'r' AND a.attname = 'destroyed_at' AND NOT a.attisdropped;
    FOREACH name IN ARRAY names LOOP
        EXECUTE format('SELECT max(destroyed_at) FROM keys.%I WHERE destroyed_at IS NOT NULL', name) INTO of_table;
        newest := greatest(newest, of_table);
    END LOOP;
    IF newest IS NULL OR last > newest + interval '10 minutes'
       OR (last > newest AND clock_timestamp() < newest + interval '10 minutes') THEN
        RETURN false;
    END IF;
    FOREACH name IN ARRAY names LOOP
        EXECUTE format('CLUSTER keys.%I', name);
    END LOOP;
    UPDATE keys.sweep SET swept_at = clock_timestamp();
    RETURN true;
END
$$;

-- The secret that signs what leaves is the exporter's alone.
ALTER POLICY everything ON keys.secrets
    USING (purpose <> 'export signing') WITH CHECK (purpose <> 'export signing');
CREATE POLICY exporting ON keys.secrets TO saferweho_keys_exporter
    USING (purpose IN ('export signing', 'footage manifests', 'command'))
    WITH CHECK (purpose IN ('export signing', 'footage manifests', 'command'));

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA keys FROM PUBLIC;
GRANT SELECT ON keys.footage_keys, keys.export_keys, keys.secrets TO saferweho_keys_exporter;
GRANT INSERT ON keys.secrets TO saferweho_keys_exporter;
GRANT INSERT (subject, id, kek, wrapped) ON keys.export_keys TO saferweho_keys_exporter;
GRANT EXECUTE ON FUNCTION keys.destroy_export(text) TO saferweho_keys_exporter;
GRANT SELECT ON keys.export_keys TO saferweho_keys_maker;
