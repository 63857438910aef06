"""The development stack: an embedded PostgreSQL and Kafka, and the supervisor of `saferweho dev`."""
