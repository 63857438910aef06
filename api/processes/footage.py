"""`saferweho footage`: is what the vault holds what was sealed and what the record says?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from adapters.event_store import PostgresEventStore
from adapters.recorder import notes
from adapters.vault import Vault, layout
from adapters.vault.checking import Check, Finding, OnRecord, in_the_vault
from adapters.vault.layout import ReelName
from adapters.vault.manifest import Verifier
from api.processes import wiring
from api.processes.tools import tool_settings
from application import codec
from application.handling import Accepted
from application.ports import EventStore
from application.retention import Retention
from domain.footage import (
    FootageDestroyed,
    FootageLost,
    FootageRecorded,
    HeldCopyDestroyed,
    HeldRangeCopied,
    RestDestroyed,
)
from domain.kernel import EVENT_NAMES, FeedId, FootageId, StreamId
from domain.privacy_override_events import Range

BATCH = 5_000
_TYPES = {
    EVENT_NAMES[kind]
    for kind in (FootageRecorded, FootageDestroyed, RestDestroyed, FootageLost, HeldRangeCopied, HeldCopyDestroyed)
}


@dataclass(slots=True)
class Asked:
    """Which footage; without any, all. `key`: a verifier key. Raises ValueError for one that is none."""

    feed: str | None = None
    footage: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    key: str | None = None
    verifier: Verifier | None = None

    def __post_init__(self) -> None:
        self.since, self.until = _utc(self.since), _utc(self.until)
        if self.key is not None:
            self.verifier = Verifier.from_text(self.key)

    @property
    def everything(self) -> bool:
        return not (self.feed or self.footage or self.since or self.until)

    def touches(self, row: Mapping[str, Any]) -> bool:
        """Whether a row of `listed` is of that time."""
        begins, ends = datetime.fromisoformat(row["since"]), datetime.fromisoformat(row["until"])
        return (self.until is None or begins < self.until) and (self.since is None or ends > self.since)

    def reels(self, vault: Vault) -> list[ReelName]:
        feed = FeedId(StreamId(self.feed)) if self.feed else None
        named = vault.reels(feed, self.since, self.until)
        return [name for name in named if self.footage in (None, name.footage)]


def _utc(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at and at.tzinfo is None else at


def verify(asked: Asked, *, say: bool = False, progress: bool = False) -> dict[str, Any]:
    """What was looked at, and a row for each finding. `say`: what is missing or broken goes on the record as lost.
    `progress`: shown on standard error. Raises click.ClickException where nobody can say that this is the vault."""
    with _vault() as (vault, url), PostgresEventStore(url) as events:
        if say and not vault.is_ours():
            said = f"{vault.storage} is not known to be the vault: nothing is put on the record"
            raise click.ClickException(f"{said}. Is its disk mounted? If it is the vault, 'saferweho footage mark'")
        record = on_record(events)
        check = Check(vault, asked.verifier or vault.signer.verifier, datetime.now(UTC), record)
        names = asked.reels(vault)
        with _shown(names, progress) as step:
            for name in names:
                check.reel(name)
                step(name)
        if asked.everything or asked.footage:
            check.missing(FootageId(asked.footage) if asked.footage else None)
        checked = check.checked
    lost = {"put_on_record": _put_on_record(checked.findings)} if say else {}
    return {
        **lost,
        "footage": checked.reels,
        "segments": checked.segments,
        "bytes": checked.size,
        "segments_of_destroyed_keys": checked.shut,
        "findings": [_row(finding) for finding in checked.findings],
    }


def _put_on_record(findings: Sequence[Finding]) -> int:
    """How many losses are on the record now, or were already. Raises StoreUnavailable."""
    losses = [finding for finding in findings if finding.range is not None]
    if losses:
        with wiring.handler(tool_settings(["DATABASE_URL"]), checked=False) as handler:
            retention = Retention(handler)
            for finding in losses:
                assert finding.range is not None
                feed = layout.original(finding.feed)
                told = notes.lost(retention, feed, finding.range, in_the_vault(finding))
                if not isinstance(told, Accepted):
                    raise click.ClickException(f"{finding.footage} is not on the record as lost: {told}")
    return len(losses)


def mark() -> str:
    """Say that this is the vault: somebody looked. Raises OtherVault."""
    with _vault() as (vault, _):
        vault.mark(lambda: False, surely=True)
        return repr(vault.storage)


def in_words(found: dict[str, Any]) -> list[str]:
    """What `verify` gave, a line for each finding and one for the whole."""
    lines = []
    for row in found["findings"]:
        where = f", segment {row['segment']}" if row["segment"] else ""
        when = f" ({row['since'][:23]} to {row['until'][:23]} UTC)" if row["since"] else ""
        lines.append(f"{row['footage']}{where}{when}: {row['what']} [{row['code']}]")
    looked = f"{found['footage']} pieces of footage, {found['segments']} segments, {found['bytes'] / 1e6:,.1f} MB"
    shut = found["segments_of_destroyed_keys"]
    destroyed = f"; {shut} segments can be opened by nobody: their keys are destroyed" if shut else ""
    verdict = f"{len(lines)} findings" if lines else "nothing was changed and nothing is missing"
    if found.get("put_on_record"):
        verdict += f", {found['put_on_record']} of them on the record as lost"
    return [*lines, f"{looked}{destroyed}: {verdict}"]


def verifier_key() -> str:
    with _vault() as (vault, _):
        return vault.signer.verifier.text


def listed(asked: Asked) -> list[dict[str, Any]]:
    """Footage on the record that touches a time, in order of feed and time; also what is gone."""
    settings = tool_settings(["DATABASE_URL"])
    assert settings.write_url
    rows: dict[FootageId, dict[str, Any]] = {}
    with PostgresEventStore(settings.write_url) as events:
        for footage, happened in _of_footage(events):
            match happened:
                case FootageRecorded():
                    rows[footage] = _listed(footage, happened.feed, happened.range, "kept")
                    rows[footage] |= {"segments": happened.segments, "bytes": happened.size_bytes}
                case FootageLost():
                    found = rows.setdefault(footage, _listed(footage, happened.feed, happened.range, "lost"))
                    found["state"] = "lost"
                case RestDestroyed():
                    rows[footage]["state"] = "held"
                case FootageDestroyed():
                    rows[footage]["state"] = "destroyed"
    chosen = [row for row in rows.values() if asked.feed in (None, row["feed"]) and asked.touches(row)]
    return sorted(chosen, key=lambda row: (row["feed"], row["since"]))


def _listed(footage: FootageId, feed: FeedId, span: Range, state: str) -> dict[str, Any]:
    since, until = span.since.isoformat(), span.until.isoformat()
    return {"footage": footage, "feed": feed, "since": since, "until": until, "state": state, "segments": 0, "bytes": 0}


def on_record(events: EventStore) -> dict[FootageId, OnRecord]:
    """Of the whole log, what it says of each piece of footage."""
    found: dict[FootageId, OnRecord] = {}
    for footage, happened in _of_footage(events):
        if isinstance(happened, HeldRangeCopied | HeldCopyDestroyed):
            _copy(found, footage, happened)
        else:
            found[footage] = _after(found.get(footage), happened)
    return found


def _of_footage(events: EventStore) -> Iterator[tuple[FootageId, Any]]:
    """What was recorded, destroyed and lost, out of the whole log."""
    position = 0
    while batch := events.notifications(position, BATCH):
        for stored in batch:
            if stored.type in _TYPES:
                yield FootageId(stored.stream.partition("-")[2]), codec.recorded(stored).event
        position = batch[-1].position


def _copy(found: dict[FootageId, OnRecord], footage: FootageId, event: HeldRangeCopied | HeldCopyDestroyed) -> None:
    copy, feed = FootageId(event.copy), found[footage].feed
    if isinstance(event, HeldRangeCopied):
        found[copy] = OnRecord(feed, event.manifest_root_sha256, range=event.range)
    else:
        found[copy] = replace(found.get(copy) or OnRecord(feed, None), gone=True)


def _after(before: OnRecord | None, happened: Any) -> OnRecord:
    match happened:
        case FootageRecorded():
            return OnRecord(happened.feed, happened.manifest_root_sha256, range=happened.range)
        case FootageLost():
            return OnRecord(happened.feed, before.root if before else None, gone=True)
        case _:
            assert before is not None
            return OnRecord(before.feed, before.root, gone=True)


def _row(finding: Finding) -> dict[str, Any]:
    span = finding.range
    return {
        "feed": finding.feed,
        "footage": finding.footage,
        "segment": finding.segment,
        "code": finding.code,
        "what": finding.what,
        "since": span.since.isoformat() if span else None,
        "until": span.until.isoformat() if span else None,
    }


@contextmanager
def _shown(names: Sequence[ReelName], progress: bool) -> Iterator[Callable[[ReelName], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not progress) as bar:
        task = bar.add_task("footage", total=len(names))
        yield lambda name: bar.update(task, advance=1, description=name.footage)


@contextmanager
def _vault() -> Iterator[tuple[Vault, str]]:
    settings = tool_settings(["DATABASE_URL"])
    assert settings.write_url
    with wiring.vault(settings) as vault:
        yield vault, settings.write_url
