"""What the verbs say where something is away or wrong: a line that names it and what to do, never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from api.cli import main
from infra.stack.processes import free_port


def typed(*words: str, **environment: str) -> Result:
    away = free_port()
    return CliRunner().invoke(
        main,
        words,
        env={
            "SAFERWEHO_ENV": "development",
            "DATABASE_URL": f"postgresql://somebody:hidden@127.0.0.1:{away}/nowhere",
            "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{away}",
            **environment,
        },
    )


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("migrate",), "DATABASE_URL"),
        (("projections", "list"), "DATABASE_URL"),
        (("topics", "verify"), "KAFKA_BOOTSTRAP_SERVERS"),
    ],
)
def test_what_is_away_is_named(words: tuple[str, ...], named: str) -> None:
    told = typed(*words)
    assert told.exit_code == 1
    assert told.stderr.startswith("Error: ")
    assert named in told.stderr
    assert "Traceback" not in told.output
    assert "hidden" not in told.output


def test_a_founding_file_that_is_no_json_is_wrong_use(tmp_path: Path) -> None:
    founding, token = tmp_path / "founding.json", tmp_path / "token.jwt"
    founding.write_text("{no")
    token.write_text("token")
    told = typed("bootstrap", "propose", str(founding), "--token-file", str(token))
    assert told.exit_code == 2
    assert "is no JSON" in told.stderr


def test_doctor_tells_of_each_part() -> None:
    told = typed("doctor", "--json")
    assert told.exit_code == 1
    for part in ("PostgreSQL", "Kafka", "disk"):
        assert part in told.stdout
    assert "hidden" not in told.output
