-- Which footage ever had a legal hold: the recorder asks it again and again, and copies what is held.

CREATE INDEX stored_events_held_footage ON events.stored_events (originator_id)
    WHERE topic = 'footage.legal_hold_placed.v1';
