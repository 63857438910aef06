"""What `make check` refuses does not pass `make test` either, so that `.ci/run` lets it land nowhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.node import environment

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
_CHECK = re.search(r"^check:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
assert _CHECK
LINES = re.findall(r"^\t@\$\(BIN\)/(.+)$", _CHECK[1], re.MULTILINE)  # the fast tests are no such line


def test_make_check_formats_lints_types_and_looks_at_imports() -> None:
    assert LINES == ["ruff format --check .", "ruff check .", "mypy", "lint-imports"]


@pytest.mark.slow  # `make check` has done it
@pytest.mark.timeout(900)  # types without a cache, on a busy machine
@pytest.mark.parametrize("line", LINES)
def test_the_code_is_as_make_check_wants_it(line: str) -> None:
    program, *words = line.split()
    told = subprocess.run([BIN / program, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_pages_are_formatted_and_typed() -> None:
    assert (ROOT / "ui/src/graphql/generated").is_dir(), "run 'make pages'"
    told = subprocess.run(
        ["npm", "run", "check"], cwd=ROOT / "ui", env=environment(), capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr
