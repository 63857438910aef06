"""`saferweho accounts`: the accounts of the processes, also where the installation is older than one of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.http import proof_of
from api.processes import wiring
from api.processes.setup import verified
from api.processes.tools import tool_settings
from application.accounts import Accounts
from application.handling import Accepted, Outcome, Refused
from application.service_accounts import Lacks, ServiceAccounts
from domain.kernel import PersonId


def services() -> list[dict[str, Any]]:
    """A row for each process: its account, and what it lacks. Raises StoreUnavailable."""
    with wiring.handler(tool_settings(["DATABASE_URL"]), checked=False) as handler:
        return _rows(ServiceAccounts(handler), {}, set(Lacks))


def enrol(token: str) -> list[dict[str, Any]]:
    """Raises SignOnRefused, SignOnUnavailable and StoreUnavailable."""
    settings = tool_settings(["DATABASE_URL"])
    identity = verified(settings, token)
    with wiring.handler(settings, checked=False) as handler:
        accounts = ServiceAccounts(handler)
        told = accounts.enrol(Accounts(handler).sign_on(proof_of(identity), ""))
        return _rows(accounts, told, {Lacks.ACCOUNT})


def confirm(token: str) -> list[dict[str, Any]]:
    """Raises SignOnRefused, SignOnUnavailable and StoreUnavailable."""
    settings = tool_settings(["DATABASE_URL"])
    identity = verified(settings, token)
    with wiring.handler(settings, checked=False) as handler:
        accounts = ServiceAccounts(handler)
        told = accounts.confirm(Accounts(handler).sign_on(proof_of(identity), ""))
        return _rows(accounts, told, set(Lacks))


def _rows(accounts: ServiceAccounts, told: Mapping[PersonId, Outcome], faults: set[Lacks]) -> list[dict[str, Any]]:
    """`ok`: it lacks none of these any more."""
    return [
        {
            "account": each.person,
            "process": each.name,
            "ok": each.lacks not in faults,
            "lacks": str(each.lacks or "nothing"),
            "told": _words(told[each.person]) if each.person in told else "",
        }
        for each in accounts.all()
    ]


def _words(told: Outcome) -> str:
    match told:
        case Accepted():
            return "done"
        case Refused():
            return "; ".join(reason.message for reason in told.reasons)
        case _:
            return told.message
