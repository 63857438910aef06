"""`saferweho reconcile`: do store, Kafka and read models tell the same history?"""

from __future__ import annotations

from typing import Any

from adapters.event_store.audit import audit
from adapters.kafka import reconcile as kafka
from api.processes.tools import tool_settings
from projections.engine import admin


def reconcile(*, resend: bool = False) -> dict[str, Any]:
    """Count and rolling hash of each. `agree` is true when the log is whole and the same everywhere, up to what each
    read model has applied; a read model or a log that is merely behind agrees as far as it goes."""
    settings = tool_settings(["DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS"])
    assert settings.write_url and settings.bootstrap_servers
    url, bootstrap, prefix = settings.write_url, settings.bootstrap_servers, settings.topic_prefix
    log = kafka.reconcile(bootstrap, prefix, database_url=url)
    resent = 0
    if resend and log.last and not log.resume:
        kafka.renew_resume_point(url, bootstrap, prefix=prefix)
        log = kafka.reconcile(bootstrap, prefix, database_url=url)
    if resend and log.missing:
        missing = [position for span in log.missing for position in range(span.first, span.last + 1)]
        resent = kafka.resend(url, bootstrap, missing, prefix=prefix)
        log = kafka.reconcile(bootstrap, prefix, database_url=url)
    store = audit(url)
    hashes = _hashes(url, [build.position for build in admin.status(url)])
    models = [
        {
            "name": build.name,
            "build": build.key,
            "position": build.position,
            "rolling_hash": build.rolling_hash.hex(),
            "agrees": hashes[build.position] == build.rolling_hash,
            "behind": max(0, store.head.position - build.position),
            "parked_streams": build.parked_streams,
        }
        for build in admin.status(url)
        if build.position in hashes
    ]
    agree = store.holds and log.good and all(model["agrees"] for model in models)
    return {
        "agree": agree,
        "store": {
            "events": store.events,
            "position": store.head.position,
            "rolling_hash": store.head.rolling_hash.hex(),
            "agrees": store.holds,
            "gaps": list(store.gaps),
            "broken_streams": list(store.broken_streams),
        },
        "kafka": {
            "records": log.records,
            "position": log.last,
            "rolling_hash": log.rolling_hash.hex() if log.rolling_hash else None,
            "agrees": log.good,
            "behind": log.behind,
            "missing": [str(span) for span in log.missing],
            "repeated": log.repeated,
            "faults": log.faults,
            "differing": log.differing,
        },
        "read_models": models,
        "resent": resent,
    }


def _hashes(url: str, positions: list[int]) -> dict[int, bytes]:
    """The rolling hash of the store's log at each of these positions."""
    from adapters.event_store.audit import EMPTY, log, rolling

    wanted, found = set(positions), {0: EMPTY.rolling_hash}
    rolling_hash = EMPTY.rolling_hash
    last = max(wanted, default=0)
    for event in log(url):
        if event.position > last:
            break
        rolling_hash = rolling(rolling_hash, event.content)
        if event.position in wanted:
            found[event.position] = rolling_hash
    return found
