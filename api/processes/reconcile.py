"""`saferweho reconcile`: do store, Kafka and read models tell the same history?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import psycopg

from adapters import event_store
from adapters.event_store.audit import Audit, audit
from adapters.kafka import reconcile as kafka
from api.processes import wiring
from api.processes.tools import tool_settings
from api.settings import Settings
from application.codec import TYPE_PREFIX, decode_envelope
from application.handling import Accepted
from application.oversight import Oversight
from application.ports import Head, StoredEvent, StoreError, StoreUnavailable
from application.standing import service
from domain.review_events import Discrepancy
from projections.engine import admin
from projections.engine.feed import FeedRecord

MOST = 10  # of each that is named


def restore() -> dict[str, Any]:
    """Add to the store what Kafka has and it lacks, and open it for appends. Nothing that is there is changed: the
    part that both have is compared first, by rolling hash."""
    settings = tool_settings(["DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS"])
    assert settings.write_url and settings.bootstrap_servers
    bootstrap, prefix = settings.bootstrap_servers, settings.topic_prefix
    log = kafka.reconcile(bootstrap, prefix)
    if log.rolling_hash is None or log.fault_count:
        return {"restored": False, "because": "; ".join(log.lines())}
    expected = Head(log.last, log.rolling_hash)
    try:
        added = event_store.restore(settings.write_url, _stored(kafka.iter_events(bootstrap, prefix)), expected)
    except event_store.LogsDisagree as no:
        return {"restored": False, "because": str(no)}
    return {"restored": True, "added": added, "position": expected.position, "rolling_hash": log.rolling_hash.hex()}


def _stored(records: Iterable[FeedRecord]) -> Iterator[StoredEvent]:
    for record in records:
        envelope = decode_envelope(record.content)
        yield StoredEvent(
            record.position,
            record.stream,
            envelope.streamversion,
            envelope.type.removeprefix(TYPE_PREFIX),
            record.content,
        )


def _opened(url: str, log: kafka.LogReport, agree: bool) -> bool:
    """Open appends where the store was restored or promoted and its end is Kafka's."""
    if not agree or log.rolling_hash is None or log.behind:
        return False
    event_store.reopen(url, Head(log.last, log.rolling_hash))
    return True


def reconcile(*, resend: bool = False, open_appends: bool = False) -> dict[str, Any]:
    """Count and rolling hash of each. `agree` is true when the log is whole and the same everywhere, up to what each
    read model has applied; a read model or a log that is merely behind agrees as far as it goes. What disagrees is put
    on the record, where that is possible, and so told to those who must know."""
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
    opened = open_appends and _opened(url, log, agree)
    wrong = found(store, log, models)
    return {
        "agree": agree,
        "recorded": _record(settings, *wrong) if wrong else None,
        "appends": "opened" if opened else _appends(url),
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


# -- what disagrees is told ------------------------------------------------------


def found(store: Audit, log: kafka.LogReport, models: Sequence[dict[str, Any]]) -> tuple[Discrepancy, str] | None:
    """What disagrees, in words that stay the same as long as it does."""
    said: list[tuple[Discrepancy, str]] = []
    if store.gaps:
        said.append((Discrepancy.MISSING, f"the store lacks the positions {_spans(store.gaps)}"))
    if store.broken_streams:
        said.append((Discrepancy.COUNT, f"streams with broken versions: {', '.join(store.broken_streams[:MOST])}"))
    if store.computed != store.head and not store.gaps:
        said.append((Discrepancy.COUNT, "the store's events do not add up to its rolling hash"))
    if log.missing:
        said.append((Discrepancy.MISSING, f"Kafka lacks the positions {_spans(log.missing)}"))
    if log.differing:
        places = ", ".join(map(str, log.differing[:MOST]))
        said.append((Discrepancy.COUNT, f"store and Kafka differ at the positions {places}"))
    if log.fault_count:
        said.append((Discrepancy.UNRECORDED, f"records in Kafka that no relay wrote: {'; '.join(log.faults[:MOST])}"))
    if log.ahead:
        said.append((Discrepancy.UNRECORDED, "Kafka has events that the store lacks: it was set back"))
    if wrong := [model["build"] for model in models if not model["agrees"]]:
        said.append((Discrepancy.COUNT, f"read models of another history: {', '.join(wrong)}"))
    return (said[0][0], "; ".join(text for _, text in said)) if said else None


def _spans(spans: Iterable[tuple[int, int]]) -> str:
    told = [str(kafka.Span(*span)) for span in spans]
    return ", ".join(told[:MOST]) + (f" and {len(told) - MOST} more" if len(told) > MOST else "")


def _record(settings: Settings, kind: Discrepancy, detail: str) -> str:
    """Put it on the record, once a day, from where those who must know are told. The stream, or why there is none."""
    day = datetime.now(UTC).date()
    command_id = uuid5(NAMESPACE_URL, f"urn:saferweho:discrepancy:{day}:{kind}:{detail}")
    try:
        with wiring.handler(settings, checked=False) as handler:
            told = Oversight(handler).report_discrepancy(
                service("service-reconcile"), kind, None, detail[:1000], command_id
            )
    except (StoreError, psycopg.Error) as error:
        return f"not recorded: {str(error).strip()}"
    return told.stream if isinstance(told, Accepted) else f"not recorded: {told}"


def _appends(url: str) -> str:
    try:
        event_store.open_for_appends(url)
    except StoreUnavailable as closed:
        return str(closed)
    return "open"


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
