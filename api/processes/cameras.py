"""`saferweho cameras`: an inventory taken in from a file, and cameras found on the network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from adapters.cameras import csv_inventory, onvif, sources
from adapters.geometry import CountyGeometry
from api.http import proof_of
from api.processes import wiring
from api.processes.setup import told, verified
from api.processes.tools import tool_settings
from application.accounts import Accounts
from application.cameras import Cameras, Fault, Step
from domain import checks
from domain.kernel import InvalidValue

COLUMN_OF = {"outline": "field_of_view", "": "the row"}


def take_in(
    file: Path, token: str, reason: str | None, *, dry_run: bool, tell: Callable[[str], None]
) -> dict[str, Any]:
    """What became of it: `result`, how many cameras are new, changed and unchanged, and every fault. `tell` is told how
    far it has come. Raises SignOnRefused and SignOnUnavailable."""
    inventory = csv_inventory.read(file)
    tell(f"{inventory.rows} rows read, {len(inventory.faults)} faults")
    settings = tool_settings(["DATABASE_URL"])
    try:
        why = checks.text("reason", reason or f"inventory {file.name}", at_least=3, at_most=500)
    except InvalidValue as wrong:
        raise click.UsageError(f"--reason: {wrong.message}; accepted: {wrong.accepted}") from None
    identity = verified(settings, token)
    with wiring.handler(settings) as handler:
        actor = Accounts(handler).sign_on(proof_of(identity), "")
        cameras = Cameras(handler)
        cameras.sight = CountyGeometry()
        if not handler.would_allow(actor, "keep_camera", "camera-"):
            if dry_run:
                raise click.ClickException("your roles do not permit 'keep_camera'")
            return told(cameras.take_in(actor, inventory.cameras, why))  # refused, on the record
        plan = cameras.plan(actor, inventory.cameras, why)
        read_at_all = inventory.faults and not inventory.cameras
        faults = inventory.faults if read_at_all else (*inventory.faults, *plan.faults)
        if faults:
            tell("nothing was taken in")
            return {
                "result": "at fault",
                "rows": inventory.rows,
                "faults": [_fault(fault) for fault in _sorted(faults)],
            }
        counted = Counter(map(_kind, plan.steps))
        figures = {"rows": inventory.rows, **{kind: counted[kind] for kind in ("new", "changed", "unchanged")}}
        tell(f"{inventory.rows} rows checked against the record")
        if dry_run:
            steps = [{"row": s.row, "camera": s.camera, "does": ", ".join(s.does) or "-"} for s in plan.steps]
            return {"result": "would be accepted", **figures, "steps": steps}
        if counted["unchanged"] == inventory.rows:
            return {"result": "as it should be", **figures}
        outcome = told(cameras.take_in(actor, inventory.cameras, why))
        return {**outcome, **figures} if outcome["result"] == "accepted" else outcome


def _sorted(faults: tuple[Fault, ...]) -> list[Fault]:
    return sorted(faults, key=lambda fault: fault.row)


def _fault(fault: Fault) -> dict[str, Any]:
    return {**asdict(fault), "column": COLUMN_OF.get(fault.column, fault.column)}


def _kind(step: Step) -> str:
    if not step.does:
        return "unchanged"
    return "new" if "camera_installed" in step.does else "changed"


# -- on the network --------------------------------------------------------------


def discover(
    interfaces: tuple[str, ...],
    addresses: tuple[str, ...],
    credentials: Path | None,
    *,
    seconds: float,
    write: Path | None,
    tell: Callable[[str], None],
) -> list[dict[str, Any]]:
    """A row for each device that answered: who it says it is, its largest stream without a password, and the name
    under which its address was put into `write`. Raises SourcesRefused and CredentialsRefused."""
    users = read_credentials(credentials) if credentials else {}
    found = onvif.discover(seconds, interfaces, addresses)
    tell(f"{len(found)} devices answered within {seconds:g} s")
    rows: list[dict[str, Any]] = []
    taken: dict[str, str] = {}
    for number, each in enumerate(found, 1):
        host = urlsplit(each.service).hostname or ""
        user, password = users.get(host) or users.get("*") or ("", "")
        row: dict[str, Any] = {"device": host, "name": each.name or each.hardware, "ok": False, "detail": ""}
        try:
            device = onvif.ask(each.service, user, password, seconds)
        except onvif.NotAnswered as why:
            row["detail"] = str(why)
        else:
            best = device.profiles[0]
            picture = f"{best.encoding} {best.width}x{best.height}, {best.frame_rate:g}/s"
            row |= {"ok": True, "detail": device.described, "picture": picture, "stream": best.shown}
            if write:
                row["secret"] = device.secret
                taken[device.secret] = onvif.with_password(best.address, user, password)
        rows.append({**dict.fromkeys(("picture", "stream", "secret")), **row})
        tell(f"{number} of {len(found)} asked: {host}, {'answered' if row['ok'] else row['detail']}")
    if write and taken:
        sources.write(write, taken)
        tell(f"{len(taken)} addresses are in {write}, which its owner alone may read")
    return rows


class CredentialsRefused(Exception):
    """The file of users and passwords cannot be used. No message repeats one."""


def read_credentials(file: Path) -> dict[str, tuple[str, str]]:
    """Host → user and password; `*` is for every other. A line is `HOST USER PASSWORD`. Raises CredentialsRefused."""
    accepted = "accepted: HOST USER PASSWORD, one a line; * as HOST is every other"
    try:
        mode, lines = file.stat().st_mode, file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CredentialsRefused(f"{file}: cannot be read ({type(error).__name__}); {accepted}") from None
    if mode & 0o077:
        raise CredentialsRefused(f"{file}: others can read these passwords; run: chmod 600 {file}")
    found: dict[str, tuple[str, str]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        words = line.strip().split(None, 2)
        if len(words) != 3:
            raise CredentialsRefused(f"{file}:{number}: has {len(words)} words; {accepted}")
        found[words[0]] = (words[1], words[2])
    return found
