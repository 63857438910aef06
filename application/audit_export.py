"""Records leaving the audit trail as a file: in the order of the log, unchanged but for what is redacted by name.

What members of the public are protected in is left out; each gap says under which section and by whom (CJIS AU-7: a
report changes neither content nor time order). The file is kept by its hash, which is in the event.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import msgspec

from application import audit_paper, codec
from application.commands import Commands
from application.handling import Actor, Attempt, Handler, Outcome, Recorded
from application.ports import Document
from application.standing import authorise, outcome
from domain import checks
from domain.kernel import InvalidValue, PersonId
from domain.review import REVIEW, RecordAuditExport
from domain.review_events import AuditExported, ExportFormat, Redaction

MOST_RECORDS = 10_000
MOST_ON_PAPER = 1_000  # some hundred pages; setting them takes a core some seconds
MEDIA_TYPES = {
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.JSON_LINES: "application/jsonl",
    ExportFormat.PDF: "application/pdf",
}
ATTRIBUTES = (
    *("id", "type", "subject", "streamversion", "time", "actorid", "actororg", "actorrole", "sessionid"),
    *("sourceaddress", "purpose", "casenumber", "policyversion", "decidedby", "correlationid", "causationid"),
)
COLUMNS = ("position", *ATTRIBUTES, "data", "redacted", "section", "redacted_by")


class Press(Protocol):
    def pdf(self, template: str, content: str, at: datetime) -> bytes:
        """A document of one of the templates there are, with this content (JSON), made `at` this time. The same input
        gives the same bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be exported. `filter`: as it was asked, `name=value` each; `section` and `reason`: under which, and
    why, the personal data of members of the public is left out."""

    format: ExportFormat
    filter: tuple[str, ...]
    purpose: str
    section: str
    reason: str


@dataclass(frozen=True, slots=True)
class Extract:
    """What matched: (position, bytes as stored) of each, out of a log that ended at `as_of_position` with this rolling
    hash (hexadecimal). `names`: of people, by id."""

    records: Sequence[tuple[int, bytes]]
    as_of_position: int
    rolling_hash: str
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Maker:
    """Who makes an export, when, and under which id it goes on the record."""

    actor: Actor
    role: str
    at: datetime
    key: str

    @property
    def person(self) -> PersonId:
        return PersonId(self.actor.person)


@dataclass(frozen=True, slots=True)
class File:
    content: bytes
    redactions: tuple[Redaction, ...]


class Row(NamedTuple):
    """One event with what is left out of it replaced; `gone`: the elements that are."""

    position: int
    event: dict[str, Any]
    gone: tuple[str, ...]


def file_of(asked: Asked, extract: Extract, by: Maker, press: Press | None = None) -> File:
    """The file of these events, in the order of positions. Only a PDF needs the press."""
    rows = [row_of(position, content, asked.section) for position, content in sorted(extract.records)]
    counted = Counter(element for row in rows for element in row.gone)
    redactions = tuple(Redaction(e, asked.section, asked.reason, n, by.person) for e, n in sorted(counted.items()))
    match asked.format:
        case ExportFormat.CSV:
            content = _csv(rows, asked, by.person)
        case ExportFormat.JSON_LINES:
            content = _json_lines(rows, asked, by.person)
        case ExportFormat.PDF:
            assert press is not None
            content = press.pdf("audit_export", paper(rows, asked, extract, by, redactions), by.at)
    return File(content, redactions)


def row_of(position: int, content: bytes, section: str) -> Row:
    """The event with what is personal to members of the public replaced by the section it is left out under."""
    event: dict[str, Any] = msgspec.json.decode(content)
    name = str(event["type"]).removeprefix(codec.TYPE_PREFIX).rpartition(".v")[0]
    gone: list[str] = []
    event["data"] = _redacted(event.get("data"), name, section, gone)
    return Row(position, event, tuple(gone))


def _redacted(value: Any, path: str, section: str, gone: list[str]) -> Any:
    if isinstance(value, dict):
        if "subject" in value and value.keys() & {"sealed", "shredded"}:
            gone.append(path)
            return {"redacted": section}
        return {key: _redacted(inner, f"{path}.{key}", section, gone) for key, inner in value.items()}
    if isinstance(value, list):
        return [_redacted(inner, path, section, gone) for inner in value]
    return value


def _csv(rows: Sequence[Row], asked: Asked, by: PersonId) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")  # RFC 4180
    writer.writerow(COLUMNS)
    for position, event, gone in rows:
        said = (" ".join(gone), asked.section, by) if gone else ("", "", "")
        data = msgspec.json.encode(event["data"]).decode()
        writer.writerow((position, *(event.get(name, "") for name in ATTRIBUTES), data, *said))
    return out.getvalue().encode()


def _json_lines(rows: Sequence[Row], asked: Asked, by: PersonId) -> bytes:
    """One line an event: its position, itself, and what was redacted of it."""
    lines = []
    for position, event, gone in rows:
        line: dict[str, Any] = {"position": position, "event": event}
        if gone:
            line["redacted"] = {"elements": gone, "section": asked.section, "reason": asked.reason, "by": by}
        lines.append(msgspec.json.encode(line) + b"\n")
    return b"".join(lines)


def paper(rows: Sequence[Row], asked: Asked, extract: Extract, by: Maker, redactions: Sequence[Redaction]) -> str:
    """What the template is given, as JSON."""
    names = {**extract.names, by.actor.person: by.actor.name}
    left_out = [
        {"element": r.element, "times": r.times, "section": r.section, "reason": r.reason, "by": names[r.redacted_by]}
        for r in redactions
    ]
    facts = {
        "Made by": f"{by.actor.name} ({by.person}), {by.role} of {by.actor.organisation}",
        "Made at": by.at.isoformat(),
        "Session, address": f"{by.actor.session}, from {by.actor.source_address or 'an unknown address'}",
        "For": asked.purpose,
        "Question asked": ", ".join(asked.filter) or "every event",
        "Complete up to position": str(extract.as_of_position),
        "Rolling hash there": extract.rolling_hash,
        "Records": f"{len(rows)}" + (f", from position {rows[0].position} to {rows[-1].position}" if rows else ""),
    }
    return audit_paper.content(REVIEW.stream(by.key), facts, left_out, rows, names)


class AuditExports(Commands):
    def __init__(self, handler: Handler, press: Press) -> None:
        super().__init__(handler)
        self._press = press

    def export(self, actor: Actor, asked: Asked, extract: Extract, command_id: UUID | None = None) -> Outcome:
        """Make the file, keep it, and put the export on the record. Its id is the command's."""
        ticket = self.handler.ticket("export_audit_trail", asked, actor, command_id)
        key = str(ticket.command_id)

        def use(attempt: Attempt) -> Recorded:
            authorise(attempt, "export_audit_trail", REVIEW.stream(key))
            most = MOST_ON_PAPER if asked.format is ExportFormat.PDF else MOST_RECORDS
            if len(extract.records) > most:
                accepted = f"at most {most} records as {asked.format}: a narrower filter"
                raise InvalidValue("this is too much for one file", field="filter", accepted=accepted)
            for name in ("purpose", "section", "reason"):
                checks.text(name, getattr(asked, name), at_least=3, at_most=500)
            by = Maker(attempt.actor, attempt.role, attempt.at, key)
            made = file_of(asked, extract, by, self._press)
            digest = hashlib.sha256(made.content)
            command = RecordAuditExport(
                asked.format,
                asked.filter,
                asked.purpose,
                min((position for position, _ in extract.records), default=0),
                extract.as_of_position,
                len(extract.records),
                digest.hexdigest(),
                len(made.content),
                made.redactions,
                by.person,
            )
            attempt.decide(REVIEW, key, command)
            attempt.documents.append(Document(digest.digest(), MEDIA_TYPES[asked.format], made.content))
            return outcome(attempt, REVIEW.stream(key), key)

        return self.handler.handle(actor, ticket, use)

    def exported(self, key: str) -> tuple[AuditExported, Document] | None:
        """What is on the record of an export, and its file; None where there is none."""
        stream = REVIEW.stream(key)
        for stored in self.handler.store.read([stream])[stream]:
            event = codec.recorded(stored).event
            if isinstance(event, AuditExported):
                kept = self.handler.store.document(bytes.fromhex(event.file_sha256))
                return None if kept is None else (event, kept)
        return None
