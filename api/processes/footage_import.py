"""`saferweho footage import`: a file that somebody else recorded, into the vault and onto the record."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from adapters.footage_files.reading import FileRefused, FootageFile, Found, Sealing
from adapters.vault import Closed
from api.http import proof_of
from api.processes import wiring
from api.processes.setup import told, verified
from api.processes.tools import tool_settings
from application.accounts import Accounts
from application.handling import Actor
from application.imports import Imports, Piece
from domain.footage import RecordFootage
from domain.footage_import import ImportFile, Original, Received, Sound, feed_of
from domain.kernel import CaseNumber, FootageId, PersonId
from domain.privacy_override_events import Range


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What is said of a file by whoever takes it in. `taken_at`: its first picture."""

    taken_at: datetime
    agency: str
    handed_over_by: str
    received_how: Received
    received_at: datetime
    case: str
    category: str
    device: str | None = None
    time_known_by: str | None = None


def take_in(
    path: Path, token: str, said: HandedOver, *, dry_run: bool, progress: Callable[[str, timedelta], None]
) -> dict[str, Any]:
    """What became of it. `progress` is told how much of it was read. Raises SignOnRefused, StorageFault, ReelBroken and
    KeysUnavailable."""
    settings = tool_settings(["DATABASE_URL"])
    identity = verified(settings, token)
    with wiring.handler(settings) as handler, path.open("rb") as opened, ExitStack() as stack:
        actor, imports = Accounts(handler).sign_on(proof_of(identity), ""), Imports(handler)
        try:
            file = FootageFile(opened)
        except FileRefused as refused:
            return {"result": "mistaken", "field": "file", "message": str(refused), "accepted": refused.accepted}
        asked = _asked(actor, said, file)
        try:
            if not imports.would_take_in(actor, asked, said.category):
                return told(imports.take_in(actor, asked, [], said.category))  # refused, on the record
            found, pieces = stack.enter_context(file.read(keep_sound=imports.keeps_sound()))
            if dry_run:
                until = timedelta(0)
                for piece in pieces:
                    until = piece.until
                    progress(found.found, until)
                return _would_be(asked, found, Range(said.taken_at, said.taken_at + until))
            vault = stack.enter_context(wiring.vault(settings, writer="import"))
            sealing = Sealing(vault, feed_of(file.sha256), said.taken_at, found.media)
            try:
                for piece in pieces:
                    sealing.add(piece)
                    progress(found.found, piece.until)
            except FileRefused:
                sealing.discard()
                raise
            closed = sealing.end()
        except FileRefused as refused:
            return told(imports.refuse(actor, asked, str(refused), refused.accepted))
        range_ = Range(closed[0].manifest.since, closed[-1].manifest.until)
        names = tuple(each.manifest.footage for each in closed)
        original = replace(asked.original, found=found.found, sound=found.sound)
        whole = replace(asked, original=original, range=range_, footage=names)
        outcome = told(imports.take_in(actor, whole, [_piece(each, said.category) for each in closed], said.category))
        return {**outcome, **_facts(whole)} if outcome["result"] == "accepted" else outcome


def _asked(actor: Actor, said: HandedOver, file: FootageFile) -> ImportFile:
    """Before the file is looked into: as if it were a second long."""
    return ImportFile(
        Original(file.sha256, file.size_bytes, "not looked at", Sound.NONE),
        said.agency,
        said.handed_over_by,
        said.received_at,
        said.received_how,
        CaseNumber(said.case),
        Range(said.taken_at, said.taken_at + timedelta(seconds=1)),
        (FootageId("not-made-yet"),),
        PersonId(actor.person),
        said.device,
        said.time_known_by,
    )


def _piece(closed: Closed, category: str) -> Piece:
    whole = closed.manifest
    span = Range(whole.since, whole.until)
    record = RecordFootage(whole.feed, span, len(whole.entries), whole.size, closed.root, whole.key, category)
    return Piece(whole.footage, record)


def _would_be(asked: ImportFile, found: Found, range_: Range) -> dict[str, Any]:
    original = replace(asked.original, found=found.found, sound=found.sound)
    facts = _facts(replace(asked, original=original, range=range_, footage=()))
    del facts["footage"]
    return {"result": "would be accepted", **facts}


def _facts(file: ImportFile) -> dict[str, Any]:
    return {
        "file_sha256": file.original.sha256,
        "found": file.original.found,
        "sound": str(file.original.sound),
        "feed": feed_of(file.original.sha256),
        "since": file.range.since.isoformat(),
        "until": file.range.until.isoformat(),
        "footage": list(file.footage),
    }
