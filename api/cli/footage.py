"""Footage in the vault, and what of it left the watch center."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from api.cli.showing import TIMES, show


@click.group()
def footage() -> None:
    """The vault of sealed footage."""


@footage.command("verify")
@click.option("--feed", metavar="STREAM", help="Only of this camera or flight: camera-… or flight-….")
@click.option("--footage", "footage_id", metavar="ID", help="Only this piece of footage.")
@click.option("--since", type=click.DateTime(TIMES), help="Only footage from then on, in UTC.")
@click.option("--until", type=click.DateTime(TIMES), help="Only footage before then, in UTC.")
@click.option("--record", is_flag=True, help="Put what is missing or broken on the record as lost.")
@click.option("--key", metavar="VKEY", help="Check signatures with this key, and not with the key store's.")
@click.option("--json", is_flag=True, help="Print as JSON.")
def footage_verify(
    feed: str | None,
    footage_id: str | None,
    since: datetime | None,
    until: datetime | None,
    record: bool,
    key: str | None,
    json: bool,
) -> None:
    """Is the footage what was sealed: every byte, in order, nothing missing, as the record says? Exit code 1 when not.

    \b
    saferweho footage verify --feed camera-plummer-park-north --since 2026-11-26T14:00
    """
    from api.processes import footage as process

    try:
        asked = process.Asked(feed, footage_id, since, until, key)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    found = process.verify(asked, say=record, progress=sys.stderr.isatty())
    if json:
        show(found, json)
    else:
        click.echo("\n".join(process.in_words(found)))
    sys.exit(1 if found["findings"] else 0)


@footage.command("list")
@click.option("--feed", metavar="STREAM", help="Only of this camera or flight: camera-… or flight-….")
@click.option("--since", type=click.DateTime(TIMES), help="Only footage from then on, in UTC.")
@click.option("--until", type=click.DateTime(TIMES), help="Only footage before then, in UTC.")
@click.option("--json", is_flag=True, help="Print as JSON.")
def footage_list(feed: str | None, since: datetime | None, until: datetime | None, json: bool) -> None:
    """What footage is on the record, also what was destroyed or lost. No picture of it.

    \b
    saferweho footage list --feed camera-plummer-park-north --since 2026-11-26T14:00
    """
    from api.processes import footage as process

    show(process.listed(process.Asked(feed, None, since, until)), json)


@footage.command("mark")
def footage_mark() -> None:
    """Say that SAFERWEHO_VAULT is the vault of this installation, where nothing in it says so. Look before."""
    from api.processes import footage as process

    click.echo(f"{process.mark()} is marked as the vault of this installation")


@footage.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--token-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="File of the bearer token of the person who takes it in: it goes on the record in their name.",
)
@click.option("--taken-at", required=True, metavar="TIME", help="When its first picture was taken, with time zone.")
@click.option("--source-agency", required=True, help="Whose footage it is.")
@click.option("--device", help="What it was recorded with.")
@click.option("--handed-over-by", required=True, help="Who gave it to us; kept where it can be destroyed.")
@click.option("--received", required=True, type=click.Choice(["sent", "medium", "fetched"]), help="How it came here.")
@click.option("--received-at", metavar="TIME", help="When, with time zone. Default: now.")
@click.option("--case", required=True, metavar="NUMBER", help="The case that it is for.")
@click.option("--category", default="investigation", show_default=True, help="Of the policy's retention schedule.")
@click.option("--time-known-by", help="How the clock of what it was recorded with was compared.")
@click.option("--dry-run", is_flag=True, help="Say what it is and how long; seal and record nothing.")
@click.option("--json", is_flag=True, help="Print as JSON.")
def footage_import(
    file: Path,
    token_file: Path,
    taken_at: str,
    source_agency: str,
    device: str | None,
    handed_over_by: str,
    received: str,
    received_at: str | None,
    case: str,
    category: str,
    time_known_by: str | None,
    dry_run: bool,
    json: bool,
) -> None:
    """Take in a file that somebody else recorded: MP4, MKV or TS with H.264 or H.265. Exit code 1 where it is not.

    It is sealed as it is, and then kept, held, seen and destroyed like any footage. Broken off, the same command goes
    on where it was.

    \b
    saferweho footage import clip.mp4 --token-file me.jwt --taken-at 2026-05-30T21:14:05-07:00 \\
        --source-agency 'LA Metro' --handed-over-by 'Sgt. Ibarra' --received medium --case 926-01234
    """
    from api.processes import footage_import as process
    from domain.footage_import import Received

    said = process.HandedOver(
        _moment("--taken-at", taken_at),
        source_agency,
        handed_over_by,
        Received(received),
        _moment("--received-at", received_at) if received_at else datetime.now(UTC),
        case,
        category,
        device,
        time_known_by,
    )
    found = process.take_in(file, token_file.read_text().strip(), said, dry_run=dry_run, progress=_import_progress())
    show(found, json)
    sys.exit(0 if found["result"] in ("accepted", "would be accepted") else 1)


def _import_progress() -> Callable[[str, timedelta], None]:
    """A line on standard error, where somebody looks on."""
    if not sys.stderr.isatty():
        return lambda found, until: None
    return lambda found, until: click.echo(f"\r{found}: {until}", nl=False, err=True)


def _moment(option: str, text: str) -> datetime:
    at: datetime | None = None
    with suppress(ValueError):
        at = datetime.fromisoformat(text)
    if at is None or at.tzinfo is None:
        accepted = "such as 2026-05-30T21:14:05-07:00, or with Z for UTC"
        raise click.BadParameter(f"'{text}' is no time with its time zone; accepted: {accepted}", param_hint=option)
    return at


@footage.command("key")
def footage_key() -> None:
    """Print the public key that manifests are signed with, as C2SP signed-note writes it."""
    from api.processes import footage as process

    click.echo(process.verifier_key())


@click.group()
def export() -> None:
    """Files of footage that left the watch center."""


@export.command("verify")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--root",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The agency's root certificate (PEM), had from the agency by another way than the file.",
)
@click.option("--json", is_flag=True, help="Print as JSON.")
def export_verify(file: Path, root: Path | None, json: bool) -> None:
    """Is FILE what left the watch center, byte for byte? Asks nobody: no network, no database.

    Exit code 0: nothing was changed, and the agency whose root certificate was given signed it. Exit code 1: something
    was changed, or, without --root, nobody says who signed it.

    \b
    saferweho export verify export-0198c0de.zip --root agency-root.pem
    """
    from api.processes import export as process

    try:
        found = process.verify(file, root)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--root") from None
    if json:
        show(process.as_rows(found), json)
    else:
        click.echo("\n".join(process.in_words(found)))
    sys.exit(0 if found.good else 1)


@export.command("root")
def export_root() -> None:
    """Print the agency's root certificate, for whoever is to check its exports."""
    from api.processes import export as process

    click.echo(process.root(), nl=False)


VERBS: tuple[click.Command, ...] = (footage, export)
