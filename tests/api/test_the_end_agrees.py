"""After all that the tests of this package did: store, log and read models tell one history. Runs last, by its name."""

from __future__ import annotations

import json

from click.testing import CliRunner

from api.cli import main
from tests.api.watch_center import WatchCenter, environment


def test_store_log_and_read_models_agree(watch_center: WatchCenter) -> None:
    head = watch_center.head()
    watch_center.applied(head)
    with environment(watch_center.environ):
        told = CliRunner().invoke(main, ["reconcile", "--json"])
    report = json.loads(told.stdout)
    assert told.exit_code == 0 and report["agree"] is True, report
    assert report["store"]["events"] == report["kafka"]["records"] == report["store"]["position"] >= head
    assert report["store"]["rolling_hash"] == report["kafka"]["rolling_hash"]
    names = {model["name"] for model in report["read_models"]}
    assert names >= {"audit_trail", "live_board", "reaction:suspension"}
    assert all(model["agrees"] and model["parked_streams"] == 0 for model in report["read_models"])
