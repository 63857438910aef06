-- The inventory of cameras: where each hangs, what it sees, whether it works, who looked after it, and how it came so.

CREATE TABLE cameras (
    camera text PRIMARY KEY,
    name text,                     -- is public: the corner it stands at
    latitude double precision,
    longitude double precision,
    height_m double precision,     -- above the ground
    bearing_deg double precision,  -- clockwise from true north
    field_of_view jsonb,           -- [{latitude, longitude}, …], the last point is the first again; null: not known
    mask jsonb,                    -- [[[x, y], …], …] in parts of the picture
    masked_at timestamptz,
    secret text,                   -- the name under which address and password are kept elsewhere
    device text,                   -- as the camera itself tells: maker, model, serial, firmware
    online boolean,
    since timestamptz,             -- online or offline; null: no picture ever came in
    detail text,                   -- of the outage, while there is one
    maintained_on date,
    maintenance_due_on date,
    installed_at timestamptz,
    moved_at timestamptz,
    retired_at timestamptz
);

CREATE TABLE happened (            -- to each camera, one row an event
    id text PRIMARY KEY,           -- '<camera>/<version of its stream>'
    camera text NOT NULL,
    position bigint NOT NULL,
    at timestamptz NOT NULL,
    what text NOT NULL,            -- the event's name: camera_moved, …
    said text NOT NULL,            -- reason, work or detail
    person text                    -- null: the recorder
);
CREATE INDEX happened_to ON happened (camera, position);
CREATE INDEX outages ON happened (camera, at) WHERE what = 'camera_offline';
