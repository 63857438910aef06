"""Records leaving the audit trail: nothing changed but what is redacted by name, in the order of the log."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st
from pypdf import PdfReader

from adapters.reports import TypstPress
from application import audit_paper
from application.audit_export import (
    COLUMNS,
    MOST_ON_PAPER,
    MOST_RECORDS,
    Asked,
    AuditExports,
    Extract,
    File,
    Maker,
    file_of,
    paper,
    row_of,
)
from application.handling import Actor, Mistaken, Refused
from domain.kernel import PersonId
from domain.person import Organisation, Role
from domain.review_events import ExportFormat
from tests.application.small_center import CAPTAIN, SmallCenter, done, small_center
from tests.application.test_oversight import enrolled
from tests.golden.make import FOLDER

SECTION = "Gov. Code §7927.700"
AUDREY = PersonId("audrey")
ROLLING_HASH = "ab" * 32
NOON = datetime(2026, 6, 1, 12, 0, 0, 345678, tzinfo=UTC)
BY = Maker(
    Actor(AUDREY, "Audrey Ng", "oversight", frozenset({"auditor"}), "session-7", "198.51.100.23"), "auditor", NOON, "e1"
)
PRESS = TypstPress()
GOLDENS = [(n, path.read_bytes()) for n, path in enumerate(sorted(FOLDER.glob("*.json")), start=1)]


def asked(format_: ExportFormat = ExportFormat.JSON_LINES) -> Asked:
    return Asked(format_, ("person=lee",), "inquiry of the council", SECTION, "members of the public")


def extract(records: Sequence[tuple[int, bytes]] = GOLDENS) -> Extract:
    return Extract(records, 900, ROLLING_HASH, {"d517": "Dep. Dana Ortiz"})


def made(format_: ExportFormat, records: Sequence[tuple[int, bytes]] = GOLDENS) -> File:
    return file_of(asked(format_), extract(records), BY, PRESS)


def read(content: bytes) -> tuple[PdfReader, str]:
    """A PDF as another program reads it, and its text."""
    reader = PdfReader(io.BytesIO(content))
    return reader, "\n".join(page.extract_text() for page in reader.pages)


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


@pytest.mark.rule("oversight.export")
def test_an_export_changes_neither_content_nor_order_but_for_what_it_names() -> None:
    file = made(ExportFormat.JSON_LINES, list(reversed(GOLDENS)))
    lines = [json.loads(line) for line in file.content.splitlines()]
    assert [line["position"] for line in lines] == [n for n, _ in GOLDENS]
    for line, (_, content) in zip(lines, GOLDENS, strict=True):
        original = json.loads(content)
        assert restored(line["event"], original) == original
        assert ("redacted" in line) == (line["event"] != original)
        if "redacted" in line:
            assert (line["redacted"]["section"], line["redacted"]["by"]) == (SECTION, AUDREY)
    assert sum(r.times for r in file.redactions) == sum(
        len(x["redacted"]["elements"]) for x in lines if "redacted" in x
    )


@pytest.mark.parametrize("format_", ExportFormat)
def test_nothing_about_members_of_the_public_is_in_an_export(format_: ExportFormat) -> None:
    file = made(format_)
    text = read(file.content)[1] if format_ is ExportFormat.PDF else file.content.decode()
    assert "Ana Pérez" not in text and "red jacket" not in text and "Santa Monica" not in text
    (caller,) = [r for r in file.redactions if r.element == "call.call_received.caller"]
    assert (caller.section, caller.redacted_by, caller.times) == (SECTION, AUDREY, 1)


def test_a_csv_has_a_row_an_event_with_what_was_redacted_by_whom_under_which_section() -> None:
    rows = list(csv.DictReader(io.StringIO(made(ExportFormat.CSV).content.decode(), newline="")))
    assert tuple(rows[0]) == COLUMNS and len(rows) == len(GOLDENS)
    for row, (position, content) in zip(rows, GOLDENS, strict=True):
        original = json.loads(content)
        assert (row["position"], row["id"], row["time"]) == (str(position), original["id"], original["time"])
        assert restored(json.loads(row["data"]), original["data"]) == original["data"]
        assert bool(row["redacted"]) == (row["section"] == SECTION) == (row["redacted_by"] == AUDREY)


# -- on paper ----------------------------------------------------------------


@pytest.mark.rule("oversight.export")
def test_a_pdf_says_what_was_asked_by_whom_as_of_where_and_what_was_left_out_by_whom_under_which_section() -> None:
    reader, text = read(made(ExportFormat.PDF, GOLDENS[:30]).content)
    for said in (
        "Audrey Ng (audrey), auditor of oversight",
        "2026-06-01T12:00:00.345678+00:00",
        "session-7, from 198.51.100.23",
        "inquiry of the council",
        "Question asked person=lee",
        "Complete up to position 900",
        ROLLING_HASH,
        "30, from position 1 to 30",
        "Left out here: call.call_received.address",
        "End of the export. The SHA-256 of this file is on the record in review-e1.",
    ):
        assert said in text, said
    row = text.partition("\ncall.call_received.caller ")[2].partition("\n")[0]
    assert row == f"1 {SECTION} members of the public Audrey Ng"
    pages = len(reader.pages)
    for number, page in enumerate(reader.pages, start=1):
        assert f"review-e1 page {number} of {pages}" in page.extract_text()


def test_a_pdf_tells_of_each_event_who_what_when_where_why_with_what_outcome_by_which_rule() -> None:
    (refused,) = [(n, c) for n, c in GOLDENS if b"flight.launch_refused" in c]
    text = read(made(ExportFormat.PDF, [refused]).content)[1]
    for said in (
        "Dep. Dana Ortiz (d517)",
        "watch operator of lasd west",
        "2026-06-01",
        "20:16:31.250911",
        "flight.launch_refused.v1",
        "198.51.100.23",
        "call for service",
        "WH26-004217",
        "refused",
        "the Part 107 certificate has expired",
        "operators_request_launch",
        "use policy 2",
    ):
        assert said in text, said


@pytest.mark.rule("oversight.export")
def test_a_pdf_keeps_the_order_of_the_log_and_every_event_whole() -> None:
    text = read(made(ExportFormat.PDF, list(reversed(GOLDENS))).content)[1]
    ids = [json.loads(content)["id"] for _, content in GOLDENS]
    places = [text.index(f'"id": "{id_}"') for id_ in ids]
    assert places == sorted(places)
    rows = file_rows(list(reversed(GOLDENS)))
    assert [row["position"] for row in rows] == [str(n) for n, _ in GOLDENS]
    for row, (_, content) in zip(rows, GOLDENS, strict=True):
        original = json.loads(content)
        assert restored(json.loads(row["event"].replace(audit_paper.BREAK, "")), original) == original


def file_rows(records: Sequence[tuple[int, bytes]]) -> list[dict[str, str]]:
    """What the template is given of each event."""

    rows_of = [row_of(position, content, SECTION) for position, content in sorted(records)]
    content = json.loads(paper(rows_of, asked(ExportFormat.PDF), extract(records), BY, ()))
    rows: list[dict[str, str]] = content["rows"]
    return rows


def test_the_same_records_give_the_same_bytes() -> None:
    assert made(ExportFormat.PDF, GOLDENS[:9]).content == made(ExportFormat.PDF, GOLDENS[:9]).content


def test_a_pdf_is_made_to_be_kept_and_to_be_read_by_everybody() -> None:
    reader, _ = read(made(ExportFormat.PDF, GOLDENS[:3]).content)
    root = reader.trailer["/Root"]
    xmp = root["/Metadata"].get_object().get_data().decode()
    assert "<pdfaid:part>2</pdfaid:part>" in xmp and "<pdfaid:conformance>A</pdfaid:conformance>" in xmp
    assert "<pdfuaid:part>1</pdfuaid:part>" in xmp and root["/MarkInfo"]["/Marked"]
    assert reader.metadata is not None
    assert (reader.metadata.title, reader.metadata.author) == ("Export of the audit trail", "Safer WeHo watch center")
    assert reader.metadata.creation_date == NOON.replace(microsecond=0)
    used = {
        font.get_object()["/BaseFont"].partition("+")[2].removesuffix("-Identity-H")
        for page in reader.pages
        for font in page["/Resources"]["/Font"].values()
    }
    assert used <= {"LibertinusSerif-Regular", "LibertinusSerif-Bold", "LibertinusSerif-Semibold", "DejaVuSansMono"}


HOSTILE = [
    '#panic("set") #read("/etc/passwd") $x^2$ *b* _i_ `r` <l> @r [c] // /* \\ ~ --',
    "\u202eright to left\u202c, \u200bnot seen\u00ad, \x1b[2J bell \x07",
    "中文 ﷽ 😀 \U0010ffff",
    "x" * 5000,
    "{" * 900,
    "\ud7ff\ufeff\u2028\u2029line",
]


@pytest.mark.parametrize("said", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.rule("oversight.export")
def test_whatever_somebody_wrote_is_set_as_text_and_what_cannot_be_seen_by_its_number(said: str) -> None:
    event = json.loads(GOLDENS[0][1])
    event |= {"purpose": said[:1000], "sourceaddress": said[:1000], "casenumber": said, "sessionid": said}
    event["data"] = {"note": said, said[:100]: [said]}
    content = json.dumps(event).encode()
    question = Asked(ExportFormat.PDF, (f"subject={said}",), said, said, said)
    file = file_of(question, Extract([(1, content)], 9, ROLLING_HASH, {event["actorid"]: said}), BY, PRESS)
    text = read(file.content)[1].replace("\n", "")
    assert "End of the export." in text
    if "#panic" in said:
        assert said[:40] in text
    if "\u202e" in said:
        assert "\\u{202e}right to left\\u{202c}" in text and "\u202e" not in text


@for_any(st.text(max_size=200))
def test_no_text_is_lost_or_without_a_glyph(said: str) -> None:
    """The standards refuse a character that no typeface has."""
    assert PRESS.pdf("audit_export", audit_paper.content("review-1", {"Said": said}, [], [], {}), NOON)
    row = audit_paper.shown(said, 24).replace(audit_paper.BREAK, "")
    assert re.sub(r"\\u\{([0-9a-f]+)\}", lambda c: chr(int(c[1], 16)), row) == said or "\\u{" in said


def test_every_character_that_stands_as_itself_has_a_glyph_in_both_typefaces() -> None:
    everything = "".join(c for c in map(chr, range(0x110000)) if audit_paper.shown(c) == c)
    assert len(everything) > 400
    event = json.loads(GOLDENS[0][1]) | {"casenumber": everything}
    assert made(ExportFormat.PDF, [(1, json.dumps(event).encode())]).content


# -- on the record -----------------------------------------------------------


def test_an_export_is_on_the_record_with_its_hash_and_only_oversight_makes_one(center: SmallCenter) -> None:
    exports = AuditExports(center.handler, PRESS)
    refused = exports.export(center.signed_on(CAPTAIN), asked(), extract([]))
    assert isinstance(refused, Refused) and refused.reasons[0].code == "not_permitted"
    audrey = enrolled(center, "audrey", Organisation.OVERSIGHT, Role.AUDITOR)
    for format_ in ExportFormat:
        told = done(exports.export(audrey, asked(format_), extract()))
        kept = exports.exported(told.key)
        assert kept is not None
        event, file = kept
        assert event.file_sha256 == hashlib.sha256(file.content).hexdigest() == file.sha256.hex()
        assert (event.format, event.size_bytes, event.exported_by) == (format_, len(file.content), "audrey")
        assert (event.records, event.as_of_position) == (len(GOLDENS), 900)
        by = Maker(audrey, "auditor", center.clock.now(), told.key)
        assert file.content == file_of(asked(format_), extract(), by, PRESS).content
        most = MOST_ON_PAPER if format_ is ExportFormat.PDF else MOST_RECORDS
        many = exports.export(audrey, asked(format_), extract(GOLDENS[:1] * (most + 1)))
        assert isinstance(many, Mistaken) and many.field == "filter"
    assert exports.exported("nothing") is None


@pytest.mark.parametrize("field", ["purpose", "section", "reason"])
def test_an_export_says_what_for_and_under_which_section(center: SmallCenter, field: str) -> None:
    audrey = enrolled(center, "audrey", Organisation.OVERSIGHT, Role.AUDITOR)
    told = AuditExports(center.handler, PRESS).export(audrey, replace(asked(), **{field: " "}), extract())
    assert isinstance(told, Mistaken) and told.field == field
