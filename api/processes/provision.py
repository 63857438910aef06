"""`saferweho provision`: joiners, movers and leavers out of a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import psycopg

from api.processes import wiring
from api.processes.tools import tool_settings
from application.handling import Accepted, Handler
from application.people import Employee, Provisioning
from domain.kernel import PersonId
from domain.person import Organisation

COLUMNS = ("person", "name", "organisation", "email", "active")


def provision(file: Path, *, whole: bool) -> list[dict[str, Any]]:
    """A row for each line, and with `whole` for each leaver: person, what became of it, ok."""
    employees = list(read(file))
    settings = tool_settings(["DATABASE_URL"])
    with wiring.handler(settings) as handler:
        if whole:
            employees += leavers(handler, {employee.person for employee in employees}, settings.read_url or "")
        return [_apply(Provisioning(handler), employee) for employee in employees]


def read(file: Path) -> Iterator[Employee]:
    """Raises click.UsageError, which names the line; nothing is taken of a file with a line that cannot be read."""
    with file.open(newline="", encoding="utf-8-sig") as lines:
        rows = csv.DictReader(lines)
        if missing := set(COLUMNS) - {"active"} - set(rows.fieldnames or ()):
            raise click.UsageError(f"{file}: the columns {', '.join(sorted(missing))} are missing")
        seen: set[str] = set()
        for row in rows:
            where = f"{file}, line {rows.line_num}"
            if not row["person"] or row["person"] in seen:
                raise click.UsageError(f"{where}: 'person' is empty or named before")
            seen.add(row["person"])
            try:
                organisation = Organisation((row["organisation"] or "").strip())
            except ValueError:
                accepted = ", ".join(Organisation)
                raise click.UsageError(f"{where}: 'organisation' is not one of {accepted}") from None
            active = {"": True, "true": True, "false": False}.get((row.get("active") or "").strip().lower())
            if active is None:
                raise click.UsageError(f"{where}: 'active' is neither true nor false")
            yield Employee(PersonId(row["person"].strip()), row["name"] or "", organisation, row["email"] or "", active)


def leavers(handler: Handler, named: set[PersonId], read_url: str) -> Iterator[Employee]:
    """Everybody with an account who is not named; asked of the store, so that the newest account counts."""
    provisioning = Provisioning(handler)
    with psycopg.connect(read_url) as connection:
        rows = connection.execute("SELECT person FROM read.people_accounts WHERE name IS NOT NULL ORDER BY person")
        people = [person for (person,) in rows.fetchall()]
    for person in people:
        account = provisioning.known(person)
        if account is not None and not account.left and person not in named:
            yield Employee(PersonId(person), account.name, account.organisation, account.email, active=False)


def _apply(provisioning: Provisioning, employee: Employee) -> dict[str, Any]:
    told = provisioning.apply(employee)
    if isinstance(told, Accepted):
        return {"person": employee.person, "result": "as it should be", "position": told.position, "ok": True}
    said = getattr(told, "message", "") or "; ".join(reason.message for reason in getattr(told, "reasons", ()))
    return {"person": employee.person, "result": said, "position": None, "ok": False}
