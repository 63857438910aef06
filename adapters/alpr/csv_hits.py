"""Hits of hot lists out of a CSV file: UTF-8, a line of column names, a hit a line.

Columns: reference, hot_list, plate, plate_state (may be empty), reader, seen_at (ISO 8601 with offset). Others are
ignored. A line that cannot be read is told by its number and by what is wrong, never by what it says.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import datetime

from application.plates import Hit
from domain.kernel import InvalidValue

COLUMNS = ("reference", "hot_list", "plate", "plate_state", "reader", "seen_at")
MOST_LINES = 10_000


@dataclass(frozen=True, slots=True)
class Faulty:
    """A line that is no hit. `line` counts from 1, the names of the columns being line 1."""

    line: int
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Numbered:
    line: int
    hit: Hit


def read_hits(content: bytes) -> list[Numbered | Faulty]:
    """Raises InvalidValue for what is no such file at all."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidValue("the file is not in UTF-8", field="file", accepted="CSV in UTF-8") from None
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    found: list[Numbered | Faulty] = []
    try:
        missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
        if missing:
            message = f"the file has no column {', '.join(missing)}"
            raise InvalidValue(message, field="file", accepted=f"columns {', '.join(COLUMNS)}")
        for row in rows:
            if len(found) == MOST_LINES:
                raise InvalidValue("the file is too long", field="file", accepted=f"at most {MOST_LINES} hits a file")
            found.append(_hit(rows.line_num, row))
    except csv.Error:
        found.append(Faulty(rows.line_num, "file", "this line is no CSV; what follows was not read"))
    return found


def _hit(line: int, row: dict[str, str | None]) -> Numbered | Faulty:
    said = {column: (row[column] or "").strip() for column in COLUMNS}
    for column, value in said.items():
        if not value and column != "plate_state":
            return Faulty(line, column, f"{column} is empty")
    try:
        seen_at = datetime.fromisoformat(said["seen_at"])
    except ValueError:
        return Faulty(line, "seen_at", "seen_at is no time: write 2026-06-01T20:09:51-07:00")
    if seen_at.tzinfo is None:
        return Faulty(line, "seen_at", "seen_at has no offset from UTC")
    state = said["plate_state"].upper() or None
    return Numbered(line, Hit(said["reference"], said["hot_list"], said["plate"], state, said["reader"], seen_at))
