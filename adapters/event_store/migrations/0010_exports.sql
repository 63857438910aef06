-- Which exports were approved: the exporter asks it again and again, and must not be told late by a read model.

CREATE INDEX stored_events_exports ON events.stored_events (notification_id)
    WHERE topic = 'export.export_approved.v1';

-- How far the file of each is made, which is no event. Lost with a crash, as it may be: then it is begun anew.
CREATE UNLOGGED TABLE watching.exports (
    export text PRIMARY KEY,
    done real NOT NULL,                   -- 0 to 1
    at timestamptz NOT NULL
);
ALTER TABLE watching.exports OWNER TO saferweho_migrator;
GRANT SELECT, INSERT, UPDATE, DELETE ON watching.exports TO saferweho_writer;
