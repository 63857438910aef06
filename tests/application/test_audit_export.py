"""Records leaving the audit trail: nothing changed but what is redacted by name, in the order of the log."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator

import pytest

from application.audit_export import COLUMNS, MOST_RECORDS, Asked, AuditExports, file_of
from application.handling import Mistaken, Refused
from domain.kernel import PersonId
from domain.person import Organisation, Role
from domain.review_events import ExportFormat
from tests.application.small_center import CAPTAIN, SmallCenter, done, small_center
from tests.application.test_oversight import enrolled
from tests.golden.make import FOLDER

SECTION = "Gov. Code §7927.700"
AUDREY = PersonId("audrey")
GOLDENS = [(n, path.read_bytes()) for n, path in enumerate(sorted(FOLDER.glob("*.json")), start=1)]


def asked(format_: ExportFormat = ExportFormat.JSON_LINES) -> Asked:
    return Asked(format_, ("person=lee",), "inquiry of the council", SECTION, "members of the public")


@pytest.fixture
def center(database_url: str) -> Iterator[SmallCenter]:
    with small_center(database_url) as made:
        yield made


def restored(exported: object, original: object) -> object:
    """The exported value with what was redacted put back."""
    if isinstance(exported, dict):
        if exported == {"redacted": SECTION}:
            return original
        assert isinstance(original, dict) and exported.keys() == original.keys()
        return {key: restored(value, original[key]) for key, value in exported.items()}
    if isinstance(exported, list):
        assert isinstance(original, list) and len(exported) == len(original)
        return [restored(one, other) for one, other in zip(exported, original, strict=True)]
    return exported


def test_an_export_changes_neither_content_nor_order_but_for_what_it_names() -> None:
    made = file_of(asked(), list(reversed(GOLDENS)), AUDREY)
    lines = [json.loads(line) for line in made.content.splitlines()]
    assert [line["position"] for line in lines] == [n for n, _ in GOLDENS]
    for line, (_, content) in zip(lines, GOLDENS, strict=True):
        original = json.loads(content)
        assert restored(line["event"], original) == original
        assert ("redacted" in line) == (line["event"] != original)
        if "redacted" in line:
            assert (line["redacted"]["section"], line["redacted"]["by"]) == (SECTION, AUDREY)
    assert sum(r.times for r in made.redactions) == sum(
        len(x["redacted"]["elements"]) for x in lines if "redacted" in x
    )


@pytest.mark.parametrize("format_", [ExportFormat.CSV, ExportFormat.JSON_LINES])
def test_nothing_about_members_of_the_public_is_in_an_export(format_: ExportFormat) -> None:
    made = file_of(asked(format_), GOLDENS, AUDREY)
    text = made.content.decode()
    assert "Ana Pérez" not in text and "red jacket" not in text and "Santa Monica" not in text
    (caller,) = [r for r in made.redactions if r.element == "call.call_received.caller"]
    assert (caller.section, caller.redacted_by, caller.times) == (SECTION, AUDREY, 1)


def test_a_csv_has_a_row_an_event_with_what_was_redacted_by_whom_under_which_section() -> None:
    made = file_of(asked(ExportFormat.CSV), GOLDENS, AUDREY)
    rows = list(csv.DictReader(io.StringIO(made.content.decode(), newline="")))
    assert tuple(rows[0]) == COLUMNS and len(rows) == len(GOLDENS)
    for row, (position, content) in zip(rows, GOLDENS, strict=True):
        original = json.loads(content)
        assert (row["position"], row["id"], row["time"]) == (str(position), original["id"], original["time"])
        assert restored(json.loads(row["data"]), original["data"]) == original["data"]
        assert bool(row["redacted"]) == (row["section"] == SECTION) == (row["redacted_by"] == AUDREY)


def test_an_export_is_on_the_record_with_its_hash_and_only_oversight_makes_one(center: SmallCenter) -> None:
    exports = AuditExports(center.handler)
    refused = exports.export(center.signed_on(CAPTAIN), asked(), [], 1)
    assert isinstance(refused, Refused) and refused.reasons[0].code == "not_permitted"
    audrey = enrolled(center, "audrey", Organisation.OVERSIGHT, Role.AUDITOR)
    told = done(exports.export(audrey, asked(ExportFormat.CSV), GOLDENS, 900))
    kept = exports.exported(told.key)
    assert kept is not None
    event, content = kept
    assert event.file_sha256 == hashlib.sha256(content).hexdigest() and event.size_bytes == len(content)
    assert (event.records, event.as_of_position, event.exported_by) == (len(GOLDENS), 900, "audrey")
    assert content == file_of(asked(ExportFormat.CSV), GOLDENS, AUDREY).content
    many = exports.export(audrey, asked(), GOLDENS[:1] * (MOST_RECORDS + 1), 900)
    assert isinstance(many, Mistaken) and many.field == "filter"
    paper = exports.export(audrey, asked(ExportFormat.PDF), GOLDENS, 900)
    assert isinstance(paper, Mistaken) and paper.field == "format"
    assert exports.exported("nothing") is None
