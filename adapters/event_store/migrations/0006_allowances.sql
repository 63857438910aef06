-- How much of something each source may still ask for: token buckets, which are no events. A source is known by a keyed
-- hash that changes every day, and forgotten within hours. Lost with a crash, as it may be.

CREATE SCHEMA allowances AUTHORIZATION saferweho_migrator;
GRANT USAGE ON SCHEMA allowances TO saferweho_writer;

CREATE UNLOGGED TABLE allowances.buckets (
    source bytea PRIMARY KEY,
    tokens double precision NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX buckets_by_time ON allowances.buckets (at);
ALTER TABLE allowances.buckets OWNER TO saferweho_migrator;
GRANT SELECT, INSERT, UPDATE, DELETE ON allowances.buckets TO saferweho_writer;
