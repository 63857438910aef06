"""`saferweho cameras`: an inventory taken in from a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from adapters.cameras import csv_inventory
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
