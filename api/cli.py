"""`saferweho`: every process and every task of running the watch center.

Exit codes: 0 good, 1 the checked thing is not good, 2 wrong use. Figures are printed as JSON with `--json`.
"""

from __future__ import annotations

import json as json_
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

EPILOG = "Settings come from the environment; the README lists every one."


_TIMES = ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ")
OURS = ("adapters", "api", "application", "domain", "infra", "projections")


def _in_words(error: Exception) -> str | None:
    """What is wrong and what to do, where that is known; None for what only a traceback explains."""
    import psycopg
    from kafka.errors import KafkaError

    from adapters.event_store.connection import explain

    if isinstance(error, psycopg.OperationalError):
        return f"PostgreSQL (DATABASE_URL): {explain(error)}"
    if isinstance(error, psycopg.Error):
        return f"PostgreSQL: {explain(error)}"
    if isinstance(error, KafkaError):
        return f"Kafka (KAFKA_BOOTSTRAP_SERVERS): {error}"
    if isinstance(error, OSError) or type(error).__module__.partition(".")[0] in OURS:
        return str(error)
    return None


class _Verbs(click.Group):
    """What is away or not as it must be is told in a line, with exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            words = _in_words(error)
            if words is None:
                raise
            raise click.ClickException(words) from error


@click.group(
    cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}, epilog=EPILOG
)
@click.version_option(package_name="saferweho")
def main() -> None:
    """Safer WeHo's watch center: nobody sees anything without leaving a record that anyone can verify.

    \b
    saferweho dev                         everything on this machine, with a demonstration
    saferweho token --as watch_operator   a bearer token for scripts (development)
    saferweho reconcile                   do store, log and read models agree?
    """


# -- processes ---------------------------------------------------------------


@main.command()
@click.option("--demo/--no-demo", default=True, help="Play a call and a sortie, again and again.")
def dev(demo: bool) -> None:
    """Everything on this machine: PostgreSQL, Kafka, all processes and a demonstration. Ctrl-C stops it."""
    from api.processes.tools import HOME
    from infra.stack.dev import run_dev

    sys.exit(run_dev(HOME, demo=demo))


@main.command()
def api() -> None:
    """The API and the pages: GraphQL, CAD intake, sign-in."""
    from api.processes import api as process

    process.run()


@main.command()
def relay() -> None:
    """Carries the store's events to Kafka, in order, once."""
    from api.processes import relay as process

    process.run()


@main.command()
@click.option("--only", multiple=True, metavar="NAME", help="Only this read model (repeatable).")
def projector(only: tuple[str, ...]) -> None:
    """Builds the read models out of Kafka."""
    from api.processes import projector as process

    process.run(only)


@main.command()
def reactor() -> None:
    """Issues the commands that follow from events, once each."""
    from api.processes import reactor as process

    process.run()


@main.command()
def scheduler() -> None:
    """Does what is due: ends what has run out, reminds of what will."""
    from api.processes import scheduler as process

    process.run()


@main.command("drone-gateway")
def drone_gateway() -> None:
    """Speaks MAVLink with the drones, and records what they do."""
    from api.processes import drone_gateway as process

    process.run()


@main.command()
def media() -> None:
    """Shows pictures to whom they were granted, live; away from GraphQL, for what cameras send may be anything."""
    from api.processes import media as process

    process.run()


@main.command()
def recorder() -> None:
    """Records the cameras into the vault, and what was recorded and lost onto the record."""
    from api.processes import recorder as process

    process.run()


@main.command()
def exporter() -> None:
    """Makes the files of exports that were approved."""
    from api.processes import exporter as process

    process.run()


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--whole", is_flag=True, help="The file names everybody: who is not in it has left.")
@click.option("--json", is_flag=True, help="Print as JSON.")
def provision(file: Path, whole: bool, json: bool) -> None:
    """Take joiners, movers and leavers out of a CSV file. Exit code 1 where a line was refused.

    \b
    person,name,organisation,email,active
    d517,Jordan Lee,lasd_west_hollywood,jlee@lasd.example,true
    """
    from api.processes import provision as process

    rows = process.provision(file, whole=whole)
    _print(rows, json)
    sys.exit(0 if all(row["ok"] for row in rows) else 1)


@main.group(invoke_without_command=True)
@click.pass_context
def demonstration(context: click.Context) -> None:
    """Plays calls and sorties through the API, as people would (development)."""
    from api.processes import demonstration as process

    if context.invoked_subcommand is None:
        process.run()


@demonstration.command("prepare")
def demonstration_prepare() -> None:
    """Put the demonstration's people, dock and drone on the record. Only on an empty log."""
    from api.processes import demonstration as process

    process.prepare()


@demonstration.command("links")
def demonstration_links() -> None:
    """Print a single-use sign-in link for each role."""
    from api.processes import demonstration as process

    process.links()


# -- set-up ------------------------------------------------------------------


@main.command()
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

    _print(setup.migrate(logins), json)


@main.group()
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

    _print({"rewrapped": process.rewrap()}, json)


@keys.command("check")
@click.option("--mend", is_flag=True, help="Destroy again what a restored key store brought back.")
@click.option("--json", is_flag=True, help="Print as JSON.")
def keys_check(mend: bool, json: bool) -> None:
    """Do the record and the key store agree? Needs DATABASE_URL and SAFERWEHO_KEYS_DATABASE_URL of the owner."""
    from api.processes import keys as process

    found = process.check(mend)
    _print(found, json)
    sys.exit(1 if found["missing"] or (found["back_again"] and not mend) else 0)


@main.group()
def footage() -> None:
    """The vault of sealed footage."""


@footage.command("verify")
@click.option("--feed", metavar="STREAM", help="Only of this camera or flight: camera-… or flight-….")
@click.option("--footage", "footage_id", metavar="ID", help="Only this piece of footage.")
@click.option("--since", type=click.DateTime(_TIMES), help="Only footage from then on, in UTC.")
@click.option("--until", type=click.DateTime(_TIMES), help="Only footage before then, in UTC.")
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
        _print(found, json)
    else:
        click.echo("\n".join(process.in_words(found)))
    sys.exit(1 if found["findings"] else 0)


@footage.command("list")
@click.option("--feed", metavar="STREAM", help="Only of this camera or flight: camera-… or flight-….")
@click.option("--since", type=click.DateTime(_TIMES), help="Only footage from then on, in UTC.")
@click.option("--until", type=click.DateTime(_TIMES), help="Only footage before then, in UTC.")
@click.option("--json", is_flag=True, help="Print as JSON.")
def footage_list(feed: str | None, since: datetime | None, until: datetime | None, json: bool) -> None:
    """What footage is on the record, also what was destroyed or lost. No picture of it.

    \b
    saferweho footage list --feed camera-plummer-park-north --since 2026-11-26T14:00
    """
    from api.processes import footage as process

    _print(process.listed(process.Asked(feed, None, since, until)), json)


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
    _print(found, json)
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


@main.group()
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
        _print(process.as_rows(found), json)
    else:
        click.echo("\n".join(process.in_words(found)))
    sys.exit(0 if found.good else 1)


@export.command("root")
def export_root() -> None:
    """Print the agency's root certificate, for whoever is to check its exports."""
    from api.processes import export as process

    click.echo(process.root(), nl=False)


@main.group()
def topics() -> None:
    """The Kafka topics and their settings."""


@topics.command("create")
@click.option("--json", is_flag=True, help="Print as JSON.")
def topics_create(json: bool) -> None:
    """Create what is missing, with explicit settings."""
    from api.processes import setup

    _print(setup.create_topics(), json)


@topics.command("verify")
@click.option("--json", is_flag=True, help="Print as JSON.")
def topics_verify(json: bool) -> None:
    """Do the topics have the settings they must have?"""
    from api.processes import setup

    differences = setup.verify_topics()
    _print({"differences": differences}, json)
    sys.exit(1 if differences else 0)


@main.group()
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
    _print_outcome(setup.propose(content, token_file.read_text().strip()), json)


@bootstrap.command("confirm")
@click.option("--token-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option("--json", is_flag=True, help="Print as JSON.")
def bootstrap_confirm(token_file: Path, json: bool) -> None:
    """Confirm, as the second person. From then on the system can be used."""
    from api.processes import setup

    _print_outcome(setup.confirm(token_file.read_text().strip()), json)


# -- cameras -----------------------------------------------------------------


@main.group()
def cameras() -> None:
    """The inventory of cameras.

    \b
    saferweho token --as administrator > me.jwt
    saferweho cameras import cameras.csv --token-file me.jwt --dry-run
    saferweho cameras discover --credentials users --write cameras
    """


@cameras.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--token-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="File of the bearer token of the person who takes it in: it goes on the record in their name.",
)
@click.option("--reason", help="Why cameras that are there already change. Default: the file's name.")
@click.option("--dry-run", is_flag=True, help="Say what would be done and what is wrong; record nothing.")
@click.option("--json", is_flag=True, help="Print as JSON.")
def cameras_import(file: Path, token_file: Path, reason: str | None, dry_run: bool, json: bool) -> None:
    """Bring the cameras in line with a CSV file: all of it or nothing. Exit code 1 where a row is at fault.

    What is as it should be is left alone, so the same file taken in again does nothing; cameras that the file does not
    name are left as they are. Columns: camera, name, latitude, longitude, height_m, bearing_deg; and if you like
    view_angle_deg and view_range_m, or field_of_view (WKT); secret; note.

    \b
    camera,name,latitude,longitude,height_m,bearing_deg,view_angle_deg,view_range_m
    plummer-1,Santa Monica Blvd & Plummer Pl,34.0907,-118.3511,6.5,270,90,60
    """
    from api.processes import cameras as process

    told = process.take_in(
        file, token_file.read_text().strip(), reason, dry_run=dry_run, tell=lambda line: click.echo(line, err=True)
    )
    _print(told, json)
    sys.exit(0 if told["result"] in ("accepted", "as it should be", "would be accepted") else 1)


@cameras.command("discover")
@click.option(
    "--interface", "interfaces", multiple=True, metavar="IP", help="Ask from this address of ours (repeatable)."
)
@click.option(
    "--address", "addresses", multiple=True, metavar="HOST[:PORT]", help="Ask this camera alone (repeatable)."
)
@click.option(
    "--credentials",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Users and passwords: a file of mode 0600, 'HOST USER PASSWORD' a line, * for every other host.",
)
@click.option(
    "--write",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Put the streams' addresses into FILE, as the recorder reads it.",
)
@click.option("--seconds", type=click.FloatRange(0.5, 60), default=4, show_default=True, help="How long to wait.")
@click.option("--json", is_flag=True, help="Print as JSON.")
def cameras_discover(
    interfaces: tuple[str, ...],
    addresses: tuple[str, ...],
    credentials: Path | None,
    write: Path | None,
    seconds: float,
    json: bool,
) -> None:
    """Which cameras are on the network, by ONVIF (WS-Discovery, Profile S). Exit code 1 where one did not say.

    Passwords are in no output, log or event: --write puts each address into a file that its owner alone may read, under
    the name that is printed, which the inventory then has as the camera's secret.
    """
    from api.processes import cameras as process

    rows = process.discover(
        interfaces,
        addresses,
        credentials,
        seconds=seconds,
        write=write,
        tell=lambda line: click.echo(line, err=True),
    )
    _print(rows, json)
    sys.exit(0 if rows and all(row["ok"] for row in rows) else 1)


# -- looking after it --------------------------------------------------------


@main.group()
def projections() -> None:
    """The read models: how far they are, and rebuilding them beside the live ones."""


@projections.command("list")
@click.option("--json", is_flag=True, help="Print as JSON.")
def projections_list(json: bool) -> None:
    """Every read model: version, position, lag, parked streams."""
    from api.processes import projector as process

    _print(process.listing(), json)


@projections.command("status")
@click.argument("name", required=False)
@click.option("--json", is_flag=True, help="Print as JSON.")
def projections_status(name: str | None, json: bool) -> None:
    """Is every read model (or NAME) complete and well? Exit code 1 when not."""
    from api.processes import projector as process

    rows = [row for row in process.listing() if name in (None, row["name"])]
    if not rows:
        raise click.UsageError(f"there is no read model '{name}'; 'saferweho projections list' names them")
    _print(rows, json)
    sys.exit(0 if all(row["ok"] for row in rows) else 1)


@projections.command("rebuild")
@click.argument("name")
def projections_rebuild(name: str) -> None:
    """Build NAME anew beside the live one and switch when it has caught up. Boards are never dark."""
    from api.processes import projector as process

    process.rebuild(name)


@projections.command("parked")
@click.argument("name", required=False)
@click.option("--json", is_flag=True, help="Print as JSON.")
def projections_parked(name: str | None, json: bool) -> None:
    """Events set aside because a board could not take them, and why."""
    from api.processes import projector as process

    _print(process.parked(name), json)


@projections.command("retry")
@click.argument("name")
@click.option("--json", is_flag=True, help="Print as JSON.")
def projections_retry(name: str, json: bool) -> None:
    """Apply NAME's parked events again, in order."""
    from api.processes import projector as process

    result = process.retry(name)
    _print(result, json)
    sys.exit(0 if not result["left"] else 1)


@main.command()
def schema() -> None:
    """Print the GraphQL schema."""
    from api.graphql.schema import build

    click.echo(build().as_str())


@main.command()
@click.option("--resend", is_flag=True, help="Send again what the log misses.")
@click.option("--open", "open_appends", is_flag=True, help="Open appends after a restore, where all agree.")
@click.option("--json", is_flag=True, help="Print as JSON.")
def reconcile(resend: bool, open_appends: bool, json: bool) -> None:
    """Do store, Kafka and read models agree, by count and rolling hash? Exit code 1 when not."""
    from api.processes import reconcile as process

    report = process.reconcile(resend=resend, open_appends=open_appends)
    _print(report, json)
    sys.exit(0 if report["agree"] else 1)


@main.command()
@click.option("--from-kafka", is_flag=True, required=True, help="Take what the store lacks out of Kafka.")
@click.option("--json", is_flag=True, help="Print as JSON.")
def restore(from_kafka: bool, json: bool) -> None:
    """Rebuild the event store's missing end out of the log, after a restore from an older backup."""
    from api.processes import reconcile as process

    report = process.restore()
    _print(report, json)
    sys.exit(0 if report["restored"] else 1)


@main.command()
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


@main.command()
@click.option("--json", is_flag=True, help="Print as JSON.")
def doctor(json: bool) -> None:
    """Is everything this machine needs there, and does it answer? Exit code 1 when not."""
    from api.processes import setup

    checks = setup.doctor()
    _print(checks, json)
    sys.exit(0 if all(row["ok"] for row in checks) else 1)


# -- printing ----------------------------------------------------------------

NO_WIDTH = 100_000  # characters


def _print(value: Any, as_json: bool) -> None:
    if as_json:
        click.echo(json_.dumps(value, default=str))
        return
    from rich.console import Console
    from rich.table import Column, Table

    # A terminal folds what is too long for it; a pipe has no width, and a name that is cut is no name.
    console = Console() if sys.stdout.isatty() else Console(width=NO_WIDTH)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        table = Table(*(Column(name, overflow="fold") for name in value[0]))
        for row in value:
            table.add_row(*(str(cell) for cell in row.values()))
        console.print(table)
    elif isinstance(value, dict):
        for name, fact in value.items():
            if isinstance(fact, list) and fact and isinstance(fact[0], dict):
                console.print(f"{name}:")
                _print(fact, False)
            else:
                console.print(f"{name}: {fact}", highlight=False)
    else:
        console.print(value if value else "nothing", highlight=False)


def _print_outcome(outcome: dict[str, Any], as_json: bool) -> None:
    _print(outcome, as_json)
    sys.exit(0 if outcome["result"] == "accepted" else 1)


if __name__ == "__main__":
    main()
