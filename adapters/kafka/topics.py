"""The topics and what each must be set to: nothing is left to a broker's defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import TopicAlreadyExistsError

from adapters.kafka.clients import admin

DEFAULT_PREFIX = "saferweho"
EVENT_PARTITIONS = 8  # fixed for ever: a stream's partition follows from it
_FOREVER = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
_WEEK_MS = str(7 * 24 * 3600 * 1000)


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic under a prefix. `config` holds Kafka's own names."""

    name: str
    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)


TOPICS = (
    Topic("events", EVENT_PARTITIONS, _FOREVER),
    Topic("telemetry", EVENT_PARTITIONS, {"cleanup.policy": "delete", "retention.ms": _WEEK_MS}),
    Topic("checkpoints", 1, _FOREVER),
    Topic("parked", 1, _FOREVER),
    # The resume point is the last record; small segments keep the compacted topic short.
    Topic("relay", 1, {"cleanup.policy": "compact", "segment.bytes": str(16 << 20)}),
)
_COMMON = {
    "message.timestamp.type": "CreateTime",
    "compression.type": "producer",
    "unclean.leader.election.enable": "false",  # a leader that lacks committed records would rewrite the log
    "max.message.bytes": str(1 << 20),
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting that is not as the design needs it. `found` is empty for a topic that does not exist."""

    topic: str
    setting: str
    expected: str
    found: str

    def __str__(self) -> str:
        if self.setting == "exists":
            return f"topic {self.topic} does not exist: run 'saferweho topics create'"
        return f"topic {self.topic}: {self.setting} is {self.found}, must be {self.expected}"


class TopicsNotReady(Exception):
    """A process must not start on these topics."""

    def __init__(self, differences: Sequence[Difference]) -> None:
        super().__init__("; ".join(map(str, differences)))
        self.differences = tuple(differences)


def name(prefix: str, topic: str) -> str:
    return f"{prefix}.{topic}"


def _settings(topic: Topic, replication: int) -> dict[str, str]:
    # With three copies a write needs two, so that one broker may die; a single development broker has one of each.
    return {**_COMMON, **topic.config, "min.insync.replicas": "2" if replication >= 3 else "1"}


def create(bootstrap: str, prefix: str = DEFAULT_PREFIX) -> list[str]:
    """Create the topics that are missing and return their names. Existing ones are left alone: see `verify`.

    Three replicas where the cluster has three brokers or more. Raises KafkaError.
    """
    client = admin(bootstrap)
    try:
        replication = min(3, len(client.describe_cluster()["brokers"]))
        wanted = {
            name(prefix, topic.name): {
                "num_partitions": topic.partitions,
                "replication_factor": replication,
                "configs": _settings(topic, replication),
            }
            for topic in TOPICS
        }
        created: list[str] = []
        while missing := [topic for topic in wanted if topic not in set(client.list_topics())]:
            try:
                client.create_topics({topic: wanted[topic] for topic in missing}, wait_for_metadata=True)
                created += missing
            except TopicAlreadyExistsError:
                continue  # another process of ours was faster; look again what is left
        return created
    finally:
        client.close()


def verify(bootstrap: str, prefix: str = DEFAULT_PREFIX) -> list[Difference]:
    """How the topics differ from what they must be; empty when all is well. Raises KafkaError."""
    client = admin(bootstrap)
    try:
        existing = set(client.list_topics())
        names = [name(prefix, topic.name) for topic in TOPICS]
        present = [full for full in names if full in existing]
        differences = [Difference(full, "exists", "yes", "") for full in names if full not in existing]
        if not present:
            return differences
        described = {topic["name"]: topic for topic in client.describe_topics(present)}
        configured = _configs(client, present)
        for topic in TOPICS:
            if (full := name(prefix, topic.name)) in described:
                differences += _compare(topic, full, described[full], configured[full])
        return differences
    finally:
        client.close()


def require(bootstrap: str, prefix: str = DEFAULT_PREFIX) -> None:
    """Raises TopicsNotReady when a topic is missing or set otherwise; KafkaError when no broker answers."""
    if differences := verify(bootstrap, prefix):
        raise TopicsNotReady(differences)


def log_id(client: Any, topic: str) -> str:
    """'<cluster id>/<topic id>' by an admin client: two logs with the same are the same log."""
    cluster = client.describe_cluster()["cluster_id"]
    (described,) = client.describe_topics([topic])
    if described.get("error_code"):
        raise TopicsNotReady([Difference(topic, "exists", "yes", "")])
    return f"{cluster}/{described['topic_id']}"


def _compare(topic: Topic, full: str, described: Mapping[str, Any], config: Mapping[str, str]) -> list[Difference]:
    partitions = described["partitions"]
    replication = min((len(partition["replica_nodes"]) for partition in partitions), default=0)
    expected = {"partitions": str(topic.partitions), **_settings(topic, replication)}
    found = {"partitions": str(len(partitions)), **config}
    return [
        Difference(full, setting, wanted, found.get(setting, "not set"))
        for setting, wanted in expected.items()
        if found.get(setting) != wanted
    ]


def _configs(client: Any, topics: Sequence[str]) -> dict[str, dict[str, str]]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic) for topic in topics]
    answer = client.describe_configs(resources, config_filter="all")
    return {
        topic: {key: entry["value"] for key, entry in entries.items()} for topic, entries in answer["topic"].items()
    }
