"""`saferweho export`: is a file what left the watch center? Needs nothing of an installation but the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from adapters.exports import checking
from adapters.exports.checking import Checked
from adapters.exports.papers import (
    ClipSaid,
    Paper,
    Person,
    Stretch,
    basis_in_words,
    category_in_words,
    telemetry_in_words,
)
from adapters.exports.papers import in_words as at
from adapters.vault import NotThere
from api.processes import wiring
from api.processes.setup import NotPossible
from api.processes.tools import tool_settings

SAID_OF_CLIPS = {
    "Trusted": "content credentials are the agency's",
    "Valid": "content credentials are intact; who signed them is not confirmed",
    "Invalid": "content credentials do not hold",
}


def verify(file: Path, root: Path | None) -> Checked:
    """Raises ValueError for what is no root certificate."""
    return checking.check(file, checking.root_of(root) if root is not None else None)


def root() -> str:
    """Raises NotPossible before an exporter has run here."""
    settings = tool_settings([])
    with wiring.shelf(settings) as shelf:
        try:
            return shelf.root().decode()
        except NotThere:
            said = f"{settings.kept_exports} has no root certificate yet: 'saferweho exporter' writes it when it starts"
            raise NotPossible(said) from None


def as_rows(found: Checked) -> dict[str, Any]:
    return {
        "file": found.file,
        "good": found.good,
        "intact": found.intact,
        "signed_under_root": found.under_root,
        "signer": found.signer or None,
        "root_fingerprint_sha256": found.root or None,
        "clips": found.clips,
        "findings": [{"file": wrong.file, "what": wrong.what} for wrong in found.wrong],
        "manifest": msgspec.to_builtins(found.paper) if found.paper is not None else None,
    }


def in_words(found: Checked) -> list[str]:
    """What `verify` found, for somebody who has to rely on it."""
    lines = [_verdict(found), ""]
    lines += [f"  {wrong.file}: {wrong.what}" for wrong in found.wrong]
    if found.paper is not None and not found.wrong:
        lines += [*_said(found.paper), "", *_looked_at(found, found.paper)]
    elif found.paper is not None:
        lines += ["", "What the file says of itself is not to be relied on."]
    # What a stranger wrote does not move the cursor of who reads it.
    return ["".join(c if c.isprintable() else "?" for c in line) for line in lines]


def _verdict(found: Checked) -> str:
    if not found.intact:
        return f"NOT GOOD: {found.file} is not what was handed over."
    if found.under_root is None:
        return f"NOT CONFIRMED: nothing in {found.file} was changed since it was signed, but nobody says who signed it."
    if not found.under_root:
        return f"NOT GOOD: {found.file} is intact, but it was not signed by the agency of this root certificate."
    return f"GOOD: {found.file} is what the agency signed; not a byte of it was changed."


def _said(paper: Paper) -> list[str]:
    footage, records = paper.footage, paper.public_records
    rows = [
        ("Agency", paper.agency),
        ("Export", f"{paper.export}, made {at(paper.made_at)}"),
        ("For", paper.recipient),
        ("Legal basis", basis_in_words(paper.legal_basis)),
        ("Concerning", ", ".join(_concerning(paper))),
        ("Camera", f"{footage.name} ({footage.feed})"),
        ("Footage", _stretch(paper.asked_for)),
        ("Masks", "applied" if paper.masked else f"NOT applied, under {paper.override}"),
        ("Asked for by", f"{_person(paper.requested.by)}, {at(paper.requested.at)}"),
        ("Approved by", f"{_person(paper.approved.by)}, {at(paper.approved.at)}"),
        ("Use policy", f"version {paper.use_policy_version}"),
    ]
    if records is not None:
        words = category_in_words(records.category)
        rows.append(("Public records", f"{words}, decided by {_person(records.decided_by)}: {records.reason}"))
    for clip in paper.clips:
        covered = f", {clip.covered_entirely} of them black all over" if clip.covered_entirely else ""
        rows.append((clip.file, f"{_stretch(clip)}, {clip.pictures} pictures{covered}"))
        rows += [("Does not decode", f"{_stretch(dark)}, and is black") for dark in clip.not_decoded]
    rows += [("No footage", _stretch(gap)) for gap in paper.without_footage]
    if paper.telemetry is not None:
        rows.append(("Telemetry", telemetry_in_words(paper.telemetry.poses, views=paper.telemetry.views)))
    rows += [(f"Step {number}", step.what) for number, step in enumerate(paper.steps, 1)]
    return [f"  {name + ':':20}{value}" for name, value in rows]


def _looked_at(found: Checked, paper: Paper) -> list[str]:
    lines = ["Files, each with the SHA-256 that the manifest gives:"]
    for name, each in sorted(paper.files.items()):
        more = f"; {SAID_OF_CLIPS[found.clips[name]]}" if name in found.clips else ""
        lines.append(f"  {name}, {each.bytes:,} bytes{more}")
    lines += [
        "",
        f"The vault's list of sealed segments ({paper.footage.segments}) is whole. Its root, which is on the agency's"
        " record, is",
        f"  {paper.footage.manifest_root_sha256}",
        "",
        f"Signed by {found.signer}",
        f"Root certificate, SHA-256: {found.root}",
        f"Time stamp: {paper.time_stamp_authority}",
    ]
    if found.under_root is None:
        lines += [
            "",
            "Anybody can make a file that is intact and signed by somebody. Ask the agency for its root certificate,",
            "by another way than the one this file came by, and check again with --root.",
        ]
    return lines


def _concerning(paper: Paper) -> list[str]:
    named = (("call", paper.call), ("case", paper.case), ("authorisation", paper.authorisation))
    return [f"{what} {number}" for what, number in named if number]


def _stretch(of: Stretch | ClipSaid) -> str:
    return f"{at(of.since)} to {at(of.until)}"


def _person(person: Person) -> str:
    return f"{person.name} ({person.id})"
