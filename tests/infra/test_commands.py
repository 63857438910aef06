"""The commands a newcomer types: make, and what it hands to the environment's programs."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_make_alone_lists_what_can_be_made() -> None:
    answer = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("run", "test", "check", "bench", "clean"):
        assert f"make {target} " in answer


def test_a_machine_without_a_fitting_python_is_told_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "python3").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "python3").chmod(0o755)
    for tool in ("make", "sh"):
        (tmp_path / tool).symlink_to(f"/usr/bin/{tool}")
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    answer = subprocess.run(
        ["make", ".venv/bin/python"], cwd=tmp_path, env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert answer.returncode == 2
    assert "No Python 3.11, 3.12 or 3.13 was found" in answer.stderr


def test_make_clean_keeps_the_data(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    for kept in (".saferweho/postgres", "ui/src"):
        (tmp_path / kept).mkdir(parents=True)
    for built in (".venv/bin", "ui/dist", "domain/__pycache__"):
        (tmp_path / built).mkdir(parents=True)
    subprocess.run(["make", "clean"], cwd=tmp_path, check=True, capture_output=True)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_dir()}
    assert left == {".saferweho", ".saferweho/postgres", "ui", "ui/src", "domain"}


def test_npm_and_node_come_from_the_environment() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "infra.node", "npm", "exec", "--offline", "-c", "node --version"],
        cwd=ROOT, env={**os.environ, "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert answer.stdout.startswith("v24.")
