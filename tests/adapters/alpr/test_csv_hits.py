"""Hits out of CSV files: the lines that are hits, and what is said of those that are none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adapters.alpr.csv_hits import MOST_LINES, Faulty, Numbered, read_hits
from application.plates import Hit
from domain.kernel import InvalidValue

HEAD = "reference,hot_list,plate,plate_state,reader,seen_at,camera_model\r\n"
GOOD = 'h-1,"Stolen, vehicles",8ABC123,ca,smb-west,2026-06-01T05:09:51-07:00,X\r\n'


def one(line: str) -> Numbered | Faulty:
    (found,) = read_hits((HEAD + line).encode())
    return found


def test_a_line_is_a_hit() -> None:
    at = datetime(2026, 6, 1, 12, 9, 51, tzinfo=UTC)
    assert one(GOOD) == Numbered(2, Hit("h-1", "Stolen, vehicles", "8ABC123", "CA", "smb-west", at))


def test_a_file_of_a_spreadsheet_with_its_mark_is_read_and_a_state_may_be_missing() -> None:
    (found,) = read_hits(b"\xef\xbb\xbf" + (HEAD + GOOD.replace(",ca,", ",,")).encode())
    assert isinstance(found, Numbered) and found.hit.plate_state is None


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (GOOD.replace("h-1", ""), "reference"),
        (GOOD.replace("8ABC123", "  "), "plate"),
        (GOOD.replace("2026-06-01T05:09:51-07:00", "8ABC123"), "seen_at"),
        (GOOD.replace("-07:00", ""), "seen_at"),
        ("h-1\r\n", "hot_list"),
    ],
)
def test_a_faulty_line_is_told_by_its_number_and_field_never_by_what_it_says(line: str, field: str) -> None:
    found = one(line)
    assert isinstance(found, Faulty) and (found.line, found.field) == (2, field)
    assert "8ABC" not in found.message


def test_good_lines_count_beside_faulty_ones() -> None:
    found = read_hits((HEAD + GOOD + GOOD.replace("h-1", "") + GOOD.replace("h-1", "h-2")).encode())
    assert [type(each) for each in found] == [Numbered, Faulty, Numbered]
    assert [each.line for each in found] == [2, 3, 4]


def test_what_is_no_such_file_is_refused_whole() -> None:
    for content in (b"", b"plate,reader\r\n", HEAD.encode("utf-16"), (HEAD + GOOD * (MOST_LINES + 1)).encode()):
        with pytest.raises(InvalidValue) as raised:
            read_hits(content)
        assert raised.value.field == "file"


def test_a_quote_left_open_ends_the_reading() -> None:
    found = read_hits((HEAD + GOOD + 'h-2,"open').encode())
    assert isinstance(found[0], Numbered) and isinstance(found[-1], Faulty)
