"""The log: topics, the relay that fills it, the feed that reads it in total order, and what checks and mends it."""
