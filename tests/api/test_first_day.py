"""The first day as docs/how-to/first-day.md tells it, typed: from empty databases to a watch center with a policy."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
import pytest
from psycopg import sql

from adapters.event_store import LOGINS
from adapters.keys import LOGINS as LOGINS_OF_KEYS
from application.standing import SERVICES
from infra.stack.kafka import EmbeddedKafka
from tests.adapters.identity.issuers import ForeignIssuer, serving
from tests.api.watch_center import PASSWORD, typed
from tests.conftest import url_of_database

DOCS = Path(__file__).parents[2] / "docs"
FIRST_DAY = (DOCS / "how-to/first-day.md").read_text("utf-8")


@dataclass
class Installation:
    """Nothing but servers, an issuer and a folder."""

    environ: dict[str, str]
    issuer: ForeignIssuer
    home: Path

    def file(self, name: str, content: str, mode: int = 0o600) -> str:
        path = self.home / name
        path.write_text(content)
        path.chmod(mode)
        return str(path)

    def token(self, person: str) -> str:
        """A file with what the agency's issuer gave that person."""
        now = int(time())
        return self.file(
            f"{person}.jwt", self.issuer.sign(sub=person, sid=f"session-of-{person}", iat=now, exp=now + 3600) + "\n"
        )

    def propose(self, founding: object, person: str) -> Any:
        file = self.file("founding.json", json.dumps(founding))
        return typed(self.environ, "bootstrap", "propose", file, "--token-file", self.token(person), "--json")

    def confirm(self, person: str) -> Any:
        return typed(self.environ, "bootstrap", "confirm", "--token-file", self.token(person), "--json")


@pytest.fixture
def another_database(pg_admin_url: str) -> Iterator[str]:
    """As `database_url`: the key store has a database of its own."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(pg_admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield url_of_database(pg_admin_url, name)
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def installation(
    database_url: str, another_database: str, kafka: EmbeddedKafka, tmp_path: Path
) -> Iterator[Installation]:
    issuer = ForeignIssuer()
    issuer.publish("ES256")
    with serving(issuer.app()) as url:
        issuer.url = url
        environ = {
            "SAFERWEHO_ENV": "development",  # production takes an https issuer alone
            "SAFERWEHO_HOME": str(tmp_path),
            "OIDC_ISSUER": url,
            "DATABASE_URL": database_url,
            "SAFERWEHO_KEYS_DATABASE_URL": another_database,
            "SAFERWEHO_KEY_ENCRYPTION_KEYS": str(tmp_path / "key-encryption-keys"),
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap,
            "SAFERWEHO_TOPIC_PREFIX": f"t{secrets.token_hex(6)}",
        }
        yield Installation(environ, issuer, tmp_path)


def founding() -> dict[str, Any]:
    """The file that the page shows, with dates of today: nobody's training lasts as long as a page."""
    (block,) = re.findall(r"```json\n(.*?)```", FIRST_DAY, re.DOTALL)
    shown: dict[str, Any] = json.loads(block)
    today = datetime.now(UTC).date()
    for who in ("administrator", "commander"):
        shown[who] |= {"trained_on": str(today), "training_expires_on": str(today + timedelta(days=365))}
    return shown


def logins_shown() -> list[str]:
    """The logins of the file that the page shows."""
    return re.findall(r"^ +(saferweho_\w+) \.\.\.$", FIRST_DAY, re.MULTILINE)


def as_login(url: str, login: str) -> str:
    address = urlsplit(url)
    host = address.netloc.rpartition("@")[2]
    return address._replace(netloc=f"{login}:{quote(PASSWORD, safe='')}@{host}").geturl()


def test_the_first_day(installation: Installation) -> None:
    environ = installation.environ
    keys = typed(environ, "keys", "new-encryption-key", environ["SAFERWEHO_KEY_ENCRYPTION_KEYS"])
    assert keys.returncode == 0, keys.stderr

    # the schemas, and a login for each process; all tests on this server share the logins, and so the password
    assert logins_shown() == list(LOGINS)
    logins = installation.file("logins", "".join(f"{login} {PASSWORD}\n" for login in logins_shown()))
    migrated = typed(environ, "migrate", "--logins", logins, "--json")
    assert migrated.returncode == 0, migrated.stderr
    assert json.loads(migrated.stdout)["logins"] == list(LOGINS)
    assert PASSWORD not in migrated.stdout + migrated.stderr
    for login in LOGINS:
        with psycopg.connect(as_login(environ["DATABASE_URL"], login)) as connection:
            assert connection.execute("SELECT position FROM events.head").fetchone() == (0,)
    may_read = "SELECT has_schema_privilege('keys', 'USAGE')"
    for login in LOGINS:
        with psycopg.connect(as_login(environ["SAFERWEHO_KEYS_DATABASE_URL"], login)) as connection:
            assert connection.execute(may_read).fetchone() == (login in LOGINS_OF_KEYS,), login
    again = typed(environ, "migrate", "--logins", logins, "--json")
    assert json.loads(again.stdout) == {"applied": [], "logins": list(LOGINS)}

    assert typed(environ, "topics", "verify").returncode == 1
    created = typed(environ, "topics", "create", "--json")
    assert created.returncode == 0, created.stderr
    assert json.loads(created.stdout)["created"]
    verified = typed(environ, "topics", "verify", "--json")
    assert (verified.returncode, json.loads(verified.stdout)) == (0, {"differences": []})

    # the two persons; nobody alone, nobody else
    asked = founding()
    administrator, commander = asked["administrator"]["person"], asked["commander"]["person"]
    stranger = installation.propose(asked, "somebody.else")
    assert stranger.returncode == 1
    assert json.loads(stranger.stdout)["result"] == "refused"
    proposed = installation.propose(asked, administrator)
    assert proposed.returncode == 0, proposed.stdout + proposed.stderr
    assert json.loads(proposed.stdout)["result"] == "accepted"
    alone = installation.confirm(administrator)
    assert alone.returncode == 1
    assert json.loads(alone.stdout)["result"] == "refused"
    confirmed = installation.confirm(commander)
    assert confirmed.returncode == 0, confirmed.stdout + confirmed.stderr
    assert json.loads(confirmed.stdout)["result"] == "accepted"

    with psycopg.connect(environ["DATABASE_URL"]) as connection:
        rows = connection.execute("SELECT originator_id, topic FROM events.stored_events ORDER BY 1").fetchall()
    streams = {stream for stream, _ in rows}
    for person in (administrator, commander, *SERVICES):
        assert f"person-{person}" in streams, streams
    assert {topic for _, topic in rows} >= {"founding.founding_confirmed.v1", "policy.policy_adopted.v1"}

    # once
    for second in (installation.propose(asked, administrator), installation.confirm(commander)):
        assert second.returncode == 1
        assert "started before" in second.stdout
        assert "Traceback" not in second.stderr


def test_the_page_shows_the_citys_policy() -> None:
    city = json.loads((DOCS / "policies/city-record-all-keep-30-days.json").read_text("utf-8"))
    shown = founding()
    assert {name: shown[name] for name in ("summary", "parameters")} == city


def test_a_wrong_founding_file_or_token_is_refused_with_words(installation: Installation) -> None:
    assert typed(installation.environ, "migrate").returncode == 0
    keys = installation.environ["SAFERWEHO_KEY_ENCRYPTION_KEYS"]
    assert typed(installation.environ, "keys", "new-encryption-key", keys).returncode == 0
    asked = founding()
    administrator = asked["administrator"]["person"]

    incomplete = installation.propose({name: asked[name] for name in asked if name != "commander"}, administrator)
    assert incomplete.returncode == 1
    assert "not complete" in incomplete.stderr and "commander" in incomplete.stderr

    asked["commander"]["training_expires_on"] = "2020-01-01"
    expired = installation.propose(asked, administrator)
    assert expired.returncode == 1
    mistaken = json.loads(expired.stdout)
    assert (mistaken["result"], mistaken["field"]) == ("mistaken", "commander.training_expires_on")

    forged = installation.file("forged.jwt", Path(installation.token(administrator)).read_text()[:-5])
    file = installation.file("founding.json", json.dumps(founding()))
    refused = typed(installation.environ, "bootstrap", "propose", file, "--token-file", forged)
    assert refused.returncode == 1
    assert "the token is refused" in refused.stderr
    assert "Traceback" not in incomplete.stderr + expired.stderr + refused.stderr


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        ("saferweho_api a\n", 0o644, "chmod 600"),
        ("saferweho_api hidden\nsaferweho_visitor hidden\n", 0o600, ":2: begins with no login"),
        ("saferweho_api\n", 0o600, ":1: saferweho_api has no password"),
        ("saferweho_api hidden\n\nsaferweho_api hidden\n", 0o600, ":3: saferweho_api is named twice"),
        ("\n", 0o600, "names no login"),
    ],
)
def test_a_wrong_file_of_logins_is_refused_before_anything_is_done(
    tmp_path: Path, content: str, mode: int, words: str
) -> None:
    file = tmp_path / "logins"
    file.write_text(content)
    file.chmod(mode)
    away = {"SAFERWEHO_ENV": "development", "DATABASE_URL": "postgresql://somebody@127.0.0.1:1/nowhere"}
    told = typed(away, "migrate", "--logins", str(file))
    assert told.returncode == 1
    assert words in told.stderr
    assert "hidden" not in told.stdout + told.stderr
    assert "Traceback" not in told.stderr
