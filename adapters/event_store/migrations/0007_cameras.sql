-- Which cameras were ever put up: the recorder asks it again and again, and must not be told late by a read model.

CREATE INDEX stored_events_cameras ON events.stored_events (originator_id)
    WHERE topic = 'camera.camera_installed.v1';
