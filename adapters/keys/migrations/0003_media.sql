-- Who shows footage opens it and makes none: it reads keys of footage, no key of a person, and of the installation's
-- secrets only the one without which nobody appends. It decodes what cameras sent, so it is to hold nothing else; what a
-- manifest must be it has from the record.

DO $$
BEGIN
    CREATE ROLE saferweho_keys_player;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END
$$;

SET LOCAL ROLE saferweho_keys_owner;
GRANT USAGE ON SCHEMA keys TO saferweho_keys_player;
GRANT SELECT ON keys.footage_keys, keys.secrets TO saferweho_keys_player;
CREATE POLICY knowing_commands_too ON keys.secrets FOR SELECT TO saferweho_keys_player USING (purpose = 'command');
