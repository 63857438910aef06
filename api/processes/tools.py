"""Settings for the verbs that people type: out of the environment, and where that is silent out of what runs here."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import structlog

from adapters.kafka import clients
from api import settings as settings_

HOME = Path(os.environ.get("SAFERWEHO_HOME", ".saferweho"))


def tool_settings(needs: Sequence[str] = ()) -> settings_.Settings:
    """While `saferweho dev` runs in this home, its addresses fill what the environment leaves out.

    Ends with exit code 2 and a line per setting where something is missing.
    """
    run = HOME / "run.json"
    if run.exists() and "SAFERWEHO_ENV" not in os.environ:
        facts = json.loads(run.read_text())
        defaults = {
            "SAFERWEHO_ENV": "development",
            "SAFERWEHO_HOME": str(HOME),
            "SAFERWEHO_BASE_URL": facts["base_url"],
            "DATABASE_URL": facts["database_url"],
            "KAFKA_BOOTSTRAP_SERVERS": facts["kafka_bootstrap_servers"],
        }
        for name, value in defaults.items():
            os.environ.setdefault(name, value)
    try:
        chosen = settings_.load(needs)
    except settings_.SettingsError as error:
        click.echo(error, err=True)
        raise SystemExit(2) from None
    clients.secure(**chosen.kafka_security)
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))  # what is printed is the answer
    return chosen
