-- When each open live view was last heard of: the pulse of those who watch, which is no event. A view whose row is
-- late is ended on the record. Lost with a crash, as it may be: who still watches is heard of again within seconds.

CREATE SCHEMA watching AUTHORIZATION saferweho_migrator;
GRANT USAGE ON SCHEMA watching TO saferweho_writer;

CREATE UNLOGGED TABLE watching.heartbeats (
    view text PRIMARY KEY,
    beat_at timestamptz NOT NULL
);
ALTER TABLE watching.heartbeats OWNER TO saferweho_migrator;
GRANT SELECT, INSERT, UPDATE, DELETE ON watching.heartbeats TO saferweho_writer;
