-- What is to happen at a time: one row for each deadline that is set, gone when it is cleared.

CREATE TABLE open (
    id text PRIMARY KEY,               -- '<stream>/<kind>'
    stream text NOT NULL,
    kind text NOT NULL,
    due_at timestamptz NOT NULL
);
CREATE INDEX open_by_time ON open (due_at, id);
