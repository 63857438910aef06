"""Looking after a running installation: its read models, and whether store and log agree."""

from __future__ import annotations

import sys

import click

from api.cli.showing import show


@click.group()
def projections() -> None:
    """The read models: how far they are, and rebuilding them beside the live ones."""


@projections.command("list")
@click.option("--json", is_flag=True, help="Print as JSON.")
def projections_list(json: bool) -> None:
    """Every read model: version, position, lag, parked streams."""
    from api.processes import projector as process

    show(process.listing(), json)


@projections.command("status")
@click.argument("name", required=False)
@click.option("--json", is_flag=True, help="Print as JSON.")
def projections_status(name: str | None, json: bool) -> None:
    """Is every read model (or NAME) complete and well? Exit code 1 when not."""
    from api.processes import projector as process

    rows = [row for row in process.listing() if name in (None, row["name"])]
    if not rows:
        raise click.UsageError(f"there is no read model '{name}'; 'saferweho projections list' names them")
    show(rows, json)
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

    show(process.parked(name), json)


@projections.command("retry")
@click.argument("name")
@click.option("--json", is_flag=True, help="Print as JSON.")
def projections_retry(name: str, json: bool) -> None:
    """Apply NAME's parked events again, in order."""
    from api.processes import projector as process

    result = process.retry(name)
    show(result, json)
    sys.exit(0 if not result["left"] else 1)


@click.command()
def schema() -> None:
    """Print the GraphQL schema."""
    from api.graphql.schema import build

    click.echo(build().as_str())


@click.command()
@click.option("--resend", is_flag=True, help="Send again what the log misses.")
@click.option("--open", "open_appends", is_flag=True, help="Open appends after a restore, where all agree.")
@click.option("--json", is_flag=True, help="Print as JSON.")
def reconcile(resend: bool, open_appends: bool, json: bool) -> None:
    """Do store, Kafka and read models agree, by count and rolling hash? Exit code 1 when not."""
    from api.processes import reconcile as process

    report = process.reconcile(resend=resend, open_appends=open_appends)
    show(report, json)
    sys.exit(0 if report["agree"] else 1)


@click.command()
@click.option("--from-kafka", is_flag=True, required=True, help="Take what the store lacks out of Kafka.")
@click.option("--json", is_flag=True, help="Print as JSON.")
def restore(from_kafka: bool, json: bool) -> None:
    """Rebuild the event store's missing end out of the log, after a restore from an older backup."""
    from api.processes import reconcile as process

    report = process.restore()
    show(report, json)
    sys.exit(0 if report["restored"] else 1)


VERBS: tuple[click.Command, ...] = (projections, schema, reconcile, restore)
