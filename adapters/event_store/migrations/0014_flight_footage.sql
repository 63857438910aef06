-- Half an hour after each landing the scheduler asks what the record has of the flight's footage.

CREATE INDEX stored_events_landings ON events.stored_events (notification_id)
    WHERE topic = 'flight.drone_landed.v1';

CREATE INDEX stored_events_flight_footage ON events.stored_events (originator_id text_pattern_ops)
    WHERE topic IN ('footage.footage_recorded.v1', 'footage.footage_lost.v1')
    AND originator_id LIKE 'footage-flight-%';
