-- Feedback and complaints: what waits to be looked at, what waits for an answer. One row a stream; nothing that anybody
-- of the public said or is called, that stays in the stream.

CREATE TABLE complaints (
    complaint text PRIMARY KEY,
    phase text NOT NULL,           -- received | closed | open | assigned | resolved
    channel text NOT NULL,
    topic text NOT NULL,           -- as received, then as opened
    wants_answer boolean NOT NULL,
    received_at timestamptz NOT NULL,
    look_by timestamptz NOT NULL,  -- by when somebody says whether it is a complaint
    disposal text,                 -- of what is no complaint
    about text,
    concerns text,
    opened_at timestamptz,
    opened_by text,
    answer_by timestamptz,
    assigned_to text,
    assigned_at timestamptz,
    closed_at timestamptz,         -- when it was closed or answered
    closed_by text,
    resolution text,
    late boolean
);
CREATE INDEX complaints_new ON complaints (look_by) WHERE phase = 'received';
CREATE INDEX complaints_unanswered ON complaints (answer_by) WHERE phase IN ('open', 'assigned');
CREATE INDEX complaints_by_arrival ON complaints (received_at, complaint);
