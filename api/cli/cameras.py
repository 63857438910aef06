"""The inventory of cameras."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from api.cli.showing import show


@click.group()
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
    show(told, json)
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
    show(rows, json)
    sys.exit(0 if rows and all(row["ok"] for row in rows) else 1)


VERBS: tuple[click.Command, ...] = (cameras,)
