-- Which privacy zones were ever drawn: what is to be hidden of a drone's picture is asked here, never of a read model.

CREATE INDEX stored_events_zones ON events.stored_events (originator_id)
    WHERE topic = 'zone.privacy_zone_drawn.v1';
