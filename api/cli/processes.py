"""The processes, and what is played to them."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from api.cli.showing import show


@click.command()
@click.option("--demo/--no-demo", default=True, help="Play a call and a sortie, again and again.")
def dev(demo: bool) -> None:
    """Everything on this machine: PostgreSQL, Kafka, all processes and a demonstration. Ctrl-C stops it."""
    from api.processes.tools import HOME
    from infra.stack.dev import run_dev

    sys.exit(run_dev(HOME, demo=demo))


@click.command()
def api() -> None:
    """The API and the pages: GraphQL, CAD intake, sign-in."""
    from api.processes import api as process

    process.run()


@click.command()
def relay() -> None:
    """Carries the store's events to Kafka, in order, once."""
    from api.processes import relay as process

    process.run()


@click.command()
@click.option("--only", multiple=True, metavar="NAME", help="Only this read model (repeatable).")
def projector(only: tuple[str, ...]) -> None:
    """Builds the read models out of Kafka."""
    from api.processes import projector as process

    process.run(only)


@click.command()
def reactor() -> None:
    """Issues the commands that follow from events, once each."""
    from api.processes import reactor as process

    process.run()


@click.command()
def scheduler() -> None:
    """Does what is due: ends what has run out, reminds of what will."""
    from api.processes import scheduler as process

    process.run()


@click.command("drone-gateway")
def drone_gateway() -> None:
    """Speaks MAVLink with the drones, and records what they do."""
    from api.processes import drone_gateway as process

    process.run()


@click.command()
def media() -> None:
    """Shows pictures to whom they were granted, live; away from GraphQL, for what cameras send may be anything."""
    from api.processes import media as process

    process.run()


@click.command()
def recorder() -> None:
    """Records the cameras into the vault, and what was recorded and lost onto the record."""
    from api.processes import recorder as process

    process.run()


@click.command()
def exporter() -> None:
    """Makes the files of exports that were approved."""
    from api.processes import exporter as process

    process.run()


@click.command()
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
    show(rows, json)
    sys.exit(0 if all(row["ok"] for row in rows) else 1)


@click.group(invoke_without_command=True)
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


VERBS: tuple[click.Command, ...] = (
    dev,
    api,
    relay,
    projector,
    reactor,
    scheduler,
    drone_gateway,
    media,
    recorder,
    exporter,
    provision,
    demonstration,
)
