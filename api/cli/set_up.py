"""Setting up an installation: its databases, keys and topics, its first day, and what a machine needs."""

from __future__ import annotations

import json as json_
import sys
from pathlib import Path
from typing import Any

import click

from api.cli.showing import show, show_outcome


@click.command()
@click.option(
    "--logins",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Give each process its login: a file of mode 0600, 'LOGIN PASSWORD' a line.",
)
@click.option("--json", is_flag=True, help="Print as JSON.")
def migrate(logins: Path | None, json: bool) -> None:
    """Bring the schema and roles of event store and key store up to date.

    Needs DATABASE_URL and SAFERWEHO_KEYS_DATABASE_URL of the owner.

    \b
    saferweho migrate --logins logins
    """
    from api.processes import setup

    show(setup.migrate(logins), json)


@click.group()
def keys() -> None:
    """The key store of personal data, and the keys that wrap it."""


@keys.command("new-encryption-key")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def keys_new(file: Path) -> None:
    """Make FILE with a key-encryption key, or put a new key in front of those in it."""
    from adapters.keys.encryption import new_key

    click.echo(f"{new_key(file)} wraps from now on, in every process that reads {file}")


@keys.command("rewrap")
@click.option("--json", is_flag=True, help="Print as JSON.")
def keys_rewrap(json: bool) -> None:
    """Wrap every key by the current key-encryption key. Needs SAFERWEHO_KEYS_DATABASE_URL of the owner."""
    from api.processes import keys as process

    show({"rewrapped": process.rewrap()}, json)


@keys.command("check")
@click.option("--mend", is_flag=True, help="Destroy again what a restored key store brought back.")
@click.option("--json", is_flag=True, help="Print as JSON.")
def keys_check(mend: bool, json: bool) -> None:
    """Do the record and the key store agree? Needs DATABASE_URL and SAFERWEHO_KEYS_DATABASE_URL of the owner."""
    from api.processes import keys as process

    found = process.check(mend)
    show(found, json)
    sys.exit(1 if found["missing"] or (found["back_again"] and not mend) else 0)


@click.group()
def topics() -> None:
    """The Kafka topics and their settings."""


@topics.command("create")
@click.option("--json", is_flag=True, help="Print as JSON.")
def topics_create(json: bool) -> None:
    """Create what is missing, with explicit settings."""
    from api.processes import setup

    show(setup.create_topics(), json)


@topics.command("verify")
@click.option("--json", is_flag=True, help="Print as JSON.")
def topics_verify(json: bool) -> None:
    """Do the topics have the settings they must have?"""
    from api.processes import setup

    differences = setup.verify_topics()
    show({"differences": differences}, json)
    sys.exit(1 if differences else 0)


@click.group()
def bootstrap() -> None:
    """The first day: the first administrator and the first use policy, by two persons, on the record.

    \b
    saferweho bootstrap propose founding.json --token-file first.jwt
    saferweho bootstrap confirm --token-file second.jwt
    """


@bootstrap.command("propose")
@click.argument("founding", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--token-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option("--json", is_flag=True, help="Print as JSON.")
def bootstrap_propose(founding: Path, token_file: Path, json: bool) -> None:
    """Propose the first two persons and the first policy. Only while the log is empty."""
    from api.processes import setup

    try:
        content = json_.loads(founding.read_text("utf-8"))
    except ValueError as error:
        raise click.BadParameter(f"{founding} is no JSON: {error}", param_hint="FOUNDING") from None
    show_outcome(setup.propose(content, token_file.read_text().strip()), json)


@bootstrap.command("confirm")
@click.option("--token-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option("--json", is_flag=True, help="Print as JSON.")
def bootstrap_confirm(token_file: Path, json: bool) -> None:
    """Confirm, as the second person. From then on the system can be used."""
    from api.processes import setup

    show_outcome(setup.confirm(token_file.read_text().strip()), json)


@click.group()
def accounts() -> None:
    """The accounts of the processes: those that came after the first day get theirs by two persons, on the record.

    \b
    saferweho accounts services
    saferweho accounts enrol-services --token-file administrator.jwt
    saferweho accounts confirm-services --token-file commander.jwt
    """


@accounts.command("services")
@click.option("--json", is_flag=True, help="Print as JSON.")
def accounts_services(json: bool) -> None:
    """Can each process act under its account? Exit code 1 when not."""
    from api.processes import accounts as process

    _show_all(process.services(), json)


@accounts.command("enrol-services")
@click.option("--token-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option("--json", is_flag=True, help="Print as JSON.")
def accounts_enrol(token_file: Path, json: bool) -> None:
    """Enrol the processes that have no account yet, as an administrator. Exit code 1 where one was refused."""
    from api.processes import accounts as process

    _show_all(process.enrol(token_file.read_text().strip()), json)


@accounts.command("confirm-services")
@click.option("--token-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option("--json", is_flag=True, help="Print as JSON.")
def accounts_confirm(token_file: Path, json: bool) -> None:
    """Give those their role, as the second person, with a second factor. Exit code 1 where one was refused.

    From then on their processes can act.
    """
    from api.processes import accounts as process

    _show_all(process.confirm(token_file.read_text().strip()), json)


def _show_all(rows: list[dict[str, Any]], json: bool) -> None:
    show(rows, json)
    sys.exit(0 if all(row["ok"] for row in rows) else 1)


@click.command()
@click.option("--as", "role", required=True, metavar="ROLE", help="A coded role, for example watch_operator.")
@click.option("--person", metavar="ID", help="A named person of that role; default: the demonstration's.")
@click.option("--step-up", is_flag=True, help="As after showing a second factor: needed for a launch.")
@click.option("--hours", type=click.FloatRange(0.01, 24), default=8, show_default=True, help="How long it is good for.")
def token(role: str, person: str | None, step_up: bool, hours: float) -> None:
    """A bearer token of the development issuer, on one line.

    \b
    curl -H "Authorization: Bearer $(saferweho token --as auditor)" …/graphql
    """
    from api.processes import setup

    try:
        click.echo(setup.development_token(role, person, step_up, hours))
    except setup.NotPossible as no:
        raise click.UsageError(str(no)) from None


@click.command()
@click.option("--json", is_flag=True, help="Print as JSON.")
def doctor(json: bool) -> None:
    """Is everything this machine needs there, and does it answer? Exit code 1 when not."""
    from api.processes import setup

    checks = setup.doctor()
    show(checks, json)
    sys.exit(0 if all(row["ok"] for row in checks) else 1)


VERBS: tuple[click.Command, ...] = (migrate, keys, topics, bootstrap, accounts, token, doctor)
