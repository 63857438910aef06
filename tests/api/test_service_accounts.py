"""An installation that is older than a process, as its people meet it: what does not start, and what they type then."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from api.cli import main
from api.processes import demonstration
from application.service_accounts import service_founders
from tests.api.live import WITHIN_S, Process
from tests.api.watch_center import Json, WatchCenter, installed, serving, settings_as, typed, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
NEWER = {"media": "service-media", "recorder": "service-recorder", "exporter": "service-exporter"}


@pytest.fixture
def older(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WatchCenter]:
    """A watch center that was founded before it recorded anything."""
    of_its_day = [each for each in service_founders() if each.person not in NEWER.values()]
    monkeypatch.setattr(demonstration, "service_founders", lambda: of_its_day)
    home, addresses = tmp_path / "home", tmp_path / "cameras"
    home.mkdir()
    addresses.touch(0o600)
    made = installed(database_url, home, SAFERWEHO_CAMERAS=str(addresses))
    with serving(made):
        yield made
    made.close()


def started(center: WatchCenter, verb: str) -> tuple[int, str]:
    """Exit code and last words of a process that cannot start."""
    told = typed({**center.environ, "DATABASE_URL": url(center, verb)}, verb)
    return told.returncode, told.stderr


def url(center: WatchCenter, verb: str) -> str:
    return settings_as(f"saferweho_{verb}", center.environ).write_url or ""


def asked(center: WatchCenter, *words: str, by: str = "", step_up: bool = False) -> tuple[int, dict[str, Json]]:
    """Exit code, and what is said of each account."""
    if by:
        file = center.home / f"{by}.jwt"
        file.write_text(center.token(by, step_up=step_up))
        words = (*words, "--token-file", str(file))
    told = CliRunner().invoke(main, ["accounts", *words, "--json"], env=center.environ)
    assert told.stdout, (told.stderr, told.exception)
    return told.exit_code, {row["account"]: row for row in json.loads(told.stdout)}


def test_a_process_without_an_account_says_what_to_type_and_two_persons_type_it(
    older: WatchCenter, tmp_path: Path
) -> None:
    admin, captain = demonstration.person_of("administrator"), demonstration.person_of("station_commander")
    for verb, account in NEWER.items():
        code, said = started(older, verb)
        assert code == 1
        last = said.strip().splitlines()[-1]
        assert last.startswith(f"Error: {account} has no account here")
        assert "'saferweho accounts enrol-services'" in last and "'saferweho accounts confirm-services'" in last
    code, rows = asked(older, "services")
    assert code == 1
    assert {account for account, row in rows.items() if not row["ok"]} == set(NEWER.values())
    code, rows = asked(older, "enrol-services", by=captain, step_up=True)
    assert code == 1 and "permit" in "".join(row["told"] for row in rows.values()), "each has a part of their own"
    code, rows = asked(older, "enrol-services", by=admin)
    assert code == 0 and {account for account, row in rows.items() if row["told"] == "done"} == set(NEWER.values())
    code, rows = asked(older, "confirm-services", by=admin, step_up=True)
    assert code == 1, "who enrolled it does not give it its role"
    assert "who enrolled this account may not give it a role" in "".join(row["told"] for row in rows.values())
    assert "has no role here" in started(older, "media")[1]
    code, rows = asked(older, "confirm-services", by=captain, step_up=True)
    assert code == 0 and all(row["ok"] for row in rows.values())
    assert asked(older, "services")[0] == 0
    for account in NEWER.values():
        kinds = [(event["type"].split(".")[-2], event["actorid"]) for event in older.events(f"person-{account}")]
        assert (kinds[0], kinds[-1]) == (("enrolled", admin), ("role_assigned", captain))
    media = Process("media", "saferweho_media", older, tmp_path)
    media.start()
    try:
        until(lambda: media.ready(), WITHIN_S, what="it starts now")
    finally:
        media.stop()
