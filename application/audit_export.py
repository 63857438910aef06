"""Records leaving the audit trail as a file: in the order of the log, unchanged but for what is redacted by name.

What members of the public are protected in is left out; each gap says under which section and by whom (CJIS AU-7: a
report changes neither content nor time order). The file is kept by its hash, which is in the event.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from application import codec
from application.commands import Commands
from application.handling import Actor, Attempt, Outcome, Recorded
from application.ports import Document
from application.standing import authorise, outcome
from domain import checks
from domain.kernel import InvalidValue, PersonId
from domain.review import REVIEW, RecordAuditExport
from domain.review_events import AuditExported, ExportFormat, Redaction

MOST_RECORDS = 10_000
MEDIA_TYPES = {ExportFormat.CSV: "text/csv; charset=utf-8", ExportFormat.JSON_LINES: "application/jsonl"}
ATTRIBUTES = (
    *("id", "type", "subject", "streamversion", "time", "actorid", "actororg", "actorrole", "sessionid"),
    *("sourceaddress", "purpose", "casenumber", "policyversion", "decidedby", "correlationid", "causationid"),
)
COLUMNS = ("position", *ATTRIBUTES, "data", "redacted", "section", "redacted_by")


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
class File:
    content: bytes
    redactions: tuple[Redaction, ...]


def file_of(asked: Asked, records: Sequence[tuple[int, bytes]], by: PersonId) -> File:
    """The file of these events (position, bytes as stored), in the order of positions."""
    counted: Counter[str] = Counter()
    rows = []
    for position, content in sorted(records):
        event: dict[str, Any] = msgspec.json.decode(content)
        name = str(event["type"]).removeprefix(codec.TYPE_PREFIX).rpartition(".v")[0]
        gone: list[str] = []
        event["data"] = _redacted(event.get("data"), name, asked.section, gone)
        counted.update(gone)
        rows.append((position, event, gone))
    redactions = tuple(Redaction(e, asked.section, asked.reason, n, by) for e, n in sorted(counted.items()))
    render = _csv if asked.format is ExportFormat.CSV else _json_lines
    return File(render(rows, asked, by), redactions)


def _redacted(value: Any, path: str, section: str, gone: list[str]) -> Any:
    """The value with every personal one replaced by the section it is left out under."""
    if isinstance(value, dict):
        if len(value) == 2 and "subject" in value and value.keys() & {"value", "sealed", "shredded"}:
            gone.append(path)
            return {"redacted": section}
        return {key: _redacted(inner, f"{path}.{key}", section, gone) for key, inner in value.items()}
    if isinstance(value, list):
        return [_redacted(inner, path, section, gone) for inner in value]
    return value


Row = tuple[int, dict[str, Any], list[str]]


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


class AuditExports(Commands):
    def export(
        self,
        actor: Actor,
        asked: Asked,
        records: Sequence[tuple[int, bytes]],
        as_of_position: int,
        command_id: UUID | None = None,
    ) -> Outcome:
        """Make the file, keep it, and put the export on the record. Its id is the command's."""
        ticket = self.handler.ticket("export_audit_trail", asked, actor, command_id)
        key, by = str(ticket.command_id), PersonId(actor.person)

        def use(attempt: Attempt) -> Recorded:
            authorise(attempt, "export_audit_trail", REVIEW.stream(key))
            if asked.format not in MEDIA_TYPES:
                accepted = ", ".join(sorted(MEDIA_TYPES))
                raise InvalidValue("the file cannot be made in this format", field="format", accepted=accepted)
            if len(records) > MOST_RECORDS:
                accepted = f"at most {MOST_RECORDS} records: a narrower filter"
                raise InvalidValue("this is too much for one file", field="filter", accepted=accepted)
            checks.text("section", asked.section, at_least=3)
            checks.text("reason", asked.reason, at_least=3)
            made = file_of(asked, records, by)
            digest = hashlib.sha256(made.content)
            command = RecordAuditExport(
                asked.format,
                asked.filter,
                asked.purpose,
                min((position for position, _ in records), default=0),
                as_of_position,
                len(records),
                digest.hexdigest(),
                len(made.content),
                made.redactions,
                by,
            )
            attempt.decide(REVIEW, key, command)
            attempt.documents.append(Document(digest.digest(), MEDIA_TYPES[asked.format], made.content))
            return outcome(attempt, REVIEW.stream(key), key)

        return self.handler.handle(actor, ticket, use)

    def exported(self, key: str) -> tuple[AuditExported, bytes] | None:
        """What is on the record of an export, and its file; None where there is none."""
        stream = REVIEW.stream(key)
        for stored in self.handler.store.read([stream])[stream]:
            event = codec.recorded(stored).event
            if isinstance(event, AuditExported):
                kept = self.handler.store.document(bytes.fromhex(event.file_sha256))
                return None if kept is None else (event, kept.content)
        return None
