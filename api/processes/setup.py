"""Setting up and looking after an installation: migrations, topics, the founding, development tokens, `doctor`."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg

from adapters import event_store, keys
from adapters.identity.development_issuer import IssuerForbidden, issue_token
from adapters.identity.issuer_documents import IssuerDocuments
from adapters.identity.verifier import Identity, TokenRefused, TokenVerifier
from adapters.kafka import topics
from api import settings as settings_
from api.processes import wiring
from api.processes.tools import HOME, tool_settings
from application.codec import to_builtins
from application.handling import Outcome
from application.policies import Policies
from application.service_accounts import service_founders
from domain.founding import Founder
from domain.policy import PolicyParameters
from projections import registry


class NotPossible(Exception):
    """What was asked cannot be had here, and why."""


def migrate(logins: Path | None = None) -> dict[str, Any]:
    """`logins`: file of the passwords of the processes' logins. Raises LoginsRefused before anything is applied."""
    settings = tool_settings(["DATABASE_URL"])
    assert settings.write_url
    passwords = read_logins(logins) if logins else {}
    applied = event_store.migrate(settings.write_url) + keys.migrate(settings.keys_url)
    registry.install(settings.write_url)
    event_store.login_roles(settings.write_url, passwords)
    keys.login_roles(settings.keys_url, passwords)
    return {"applied": applied, "logins": list(passwords)}


class LoginsRefused(Exception):
    """The file of logins cannot be used. No message repeats what may be a password."""


def read_logins(file: Path) -> dict[str, str]:
    """Login and password, one a line: `LOGIN PASSWORD`; the password is the rest of the line. Raises LoginsRefused."""
    known = f"accepted: LOGIN PASSWORD, where LOGIN is one of {', '.join(event_store.LOGINS)}"
    try:
        mode, lines = file.stat().st_mode, file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LoginsRefused(f"{file}: cannot be read ({type(error).__name__}); {known}, one a line") from None
    if mode & 0o077:
        raise LoginsRefused(f"{file}: others can read these passwords; run: chmod 600 {file}")
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        login, _, password = line.strip().partition(" ")
        password = password.strip()
        if login not in event_store.LOGINS:
            raise LoginsRefused(f"{file}:{number}: begins with no login; {known}")
        if not password:
            raise LoginsRefused(f"{file}:{number}: {login} has no password; {known}")
        if login in found:
            raise LoginsRefused(f"{file}:{number}: {login} is named twice; accepted: each login once")
        found[login] = password
    if not found:
        raise LoginsRefused(f"{file}: names no login; {known}, one a line")
    return found


def create_topics() -> dict[str, Any]:
    settings = tool_settings(["KAFKA_BOOTSTRAP_SERVERS"])
    assert settings.bootstrap_servers
    return {"created": topics.create(settings.bootstrap_servers, settings.topic_prefix)}


def verify_topics() -> list[str]:
    settings = tool_settings(["KAFKA_BOOTSTRAP_SERVERS"])
    assert settings.bootstrap_servers
    return [str(difference) for difference in topics.verify(settings.bootstrap_servers, settings.topic_prefix)]


# -- the founding ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FoundingFile:
    """What `saferweho bootstrap propose` reads: JSON of this shape; the processes' accounts are added."""

    administrator: Founder
    commander: Founder
    parameters: PolicyParameters
    summary: str


def propose(founding: Any, token: str) -> dict[str, Any]:
    try:
        file = msgspec.convert(founding, FoundingFile)
    except msgspec.ValidationError as error:
        raise SystemExit(f"the founding file is not complete: {error}") from None
    settings = tool_settings(["DATABASE_URL"])
    by = verified(settings, token).person_id
    with wiring.handler(settings) as handler:
        return told(
            Policies(handler).propose_founding(
                by, file.administrator, file.commander, service_founders(), file.parameters, file.summary
            )
        )


def confirm(token: str) -> dict[str, Any]:
    settings = tool_settings(["DATABASE_URL"])
    by = verified(settings, token).person_id
    with wiring.handler(settings) as handler:
        return told(Policies(handler).confirm_founding(by))


def told(outcome: Outcome) -> dict[str, Any]:
    """An outcome for the console: `result` and its facts."""
    facts: dict[str, Any] = to_builtins(outcome)
    return {"result": facts.pop("type"), **facts}


def verified(settings: settings_.Settings, token: str) -> Identity:
    """Who the token says is asking. Ends with what is wrong with it where it is refused."""

    async def ask() -> Identity:
        async with httpx.AsyncClient() as client:
            verifier = TokenVerifier(
                IssuerDocuments(settings.issuer, client),
                audience=settings.oidc_audience,
                person_claim=settings.oidc_person_claim,
                step_up_acr=settings.oidc_step_up_acr,
            )
            return await verifier.verify(token)

    try:
        return asyncio.run(ask())
    except TokenRefused as refused:
        raise SystemExit(f"the token is refused: {refused}") from None


# -- development -------------------------------------------------------------


def development_token(role: str, person: str | None, step_up: bool, hours: float) -> str:
    """A token of the development issuer for the demonstration's person of that role. Raises NotPossible."""
    from api.processes.demonstration import person_of

    if os.environ.get("OIDC_ISSUER"):
        raise NotPossible("OIDC_ISSUER is set: ask that issuer for a token")
    try:
        return issue_token(HOME, person or person_of(role), step_up, timedelta(hours=hours))
    except IssuerForbidden as no:
        raise NotPossible(str(no)) from None


def doctor() -> list[dict[str, Any]]:
    """Each thing this machine needs, whether it is there, and what to do where it is not."""
    rows: list[dict[str, Any]] = []

    def check(what: str, how: Callable[[], str]) -> None:
        try:
            rows.append({"what": what, "ok": True, "detail": how()})
        except Exception as error:
            rows.append({"what": what, "ok": False, "detail": f"{type(error).__name__}: {error}"})

    settings = tool_settings()
    rows.append({"what": "settings", "ok": True, "detail": settings.env.value})

    def database() -> str:
        if not settings.write_url:
            raise NotPossible("DATABASE_URL is not set")
        with psycopg.connect(settings.write_url, connect_timeout=5) as connection:
            row = connection.execute("SELECT version(), position FROM events.head").fetchone()
        assert row is not None
        return f"{row[0].split(' on ')[0]}, log at position {row[1]}"

    def broker() -> str:
        if not settings.bootstrap_servers:
            raise NotPossible("KAFKA_BOOTSTRAP_SERVERS is not set")
        differences = topics.verify(settings.bootstrap_servers, settings.topic_prefix)
        if differences:
            raise NotPossible("; ".join(map(str, differences)))
        return "topics as they must be"

    def disk() -> str:
        free = shutil.disk_usage(settings.home if settings.home.exists() else ".").free
        if free < 2 * 1024**3:
            raise NotPossible(f"only {free / 1024**3:.1f} GiB are free; 2 GiB are the least")
        return f"{free / 1024**3:.0f} GiB free"

    check("PostgreSQL", database)
    check("Kafka", broker)
    check("disk", disk)
    return rows
