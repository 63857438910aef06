"""The engine's figures for Prometheus; `projection` is a read model's or a reaction's name."""

from prometheus_client import Counter, Gauge, Histogram

_NAME = ["projection"]
POSITION = Gauge("saferweho_projection_position", "Last position applied", _NAME)
LAG_EVENTS = Gauge("saferweho_projection_lag_events", "Events in the log that are not applied yet", _NAME)
LAG_SECONDS = Gauge(
    "saferweho_projection_lag_seconds", "Age of the last event applied while others wait, else 0", _NAME
)
EVENTS = Counter("saferweho_projection_events", "Events applied", _NAME)
BATCH_SECONDS = Histogram(
    "saferweho_projection_batch_seconds",
    "From a batch's arrival to its commit",
    _NAME,
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)
PARKED = Gauge("saferweho_projection_parked_streams", "Streams put aside because of a poison event", _NAME)
STOPPED = Gauge("saferweho_projection_stopped_state", "1 while a fault keeps it from applying events", _NAME)
RETRIES = Counter("saferweho_projection_retries", "Batches begun again after a fault of database or network", _NAME)
COMMANDS = Counter("saferweho_reaction_commands", "Commands issued by reactions", ["reaction"])
