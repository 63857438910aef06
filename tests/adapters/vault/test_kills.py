"""kill -9 of who writes, at every named place, and a full disk: what was said to be kept is, and nothing half."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.keys import PostgresFootageKeys
from adapters.vault import LocalFiles, Vault
from tests.adapters.vault.filming import findings

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]


def written(url: str, folder: Path, count: int, minute: int = 0, **environment: str) -> tuple[int, list[str]]:
    """Exit code, and what it said was kept."""
    process = subprocess.run(
        [sys.executable, "-m", "tests.adapters.vault.writer", url, str(folder), str(count), str(minute)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return process.returncode, process.stdout.split()


@pytest.mark.parametrize(
    ("failpoint", "kept"),
    [
        ("vault.before_write:3", {2}),
        ("vault.half_written:5", {2}),  # two parts a segment: in the middle of the third
        ("vault.before_rename:3", {2}),
        ("vault.after_rename:3", {3}),  # kept, and not said any more
        ("vault.before_rename:5", {4}),  # in the middle of the manifest
        ("vault.manifest_written", {4}),
        ("vault.closed", {4}),
    ],
)
def test_who_writes_is_killed_and_the_next_goes_on(
    keys_url: str, footage_keys: PostgresFootageKeys, folder: Path, tmp_path: Path, failpoint: str, kept: set[int]
) -> None:
    hits = tmp_path / "hits"
    place = {"SAFERWEHO_FAILPOINT": failpoint, "SAFERWEHO_FAILPOINT_LOG": str(hits)}
    code, said = written(keys_url, folder, 4, **place)
    assert code == -9 and hits.read_text() == f"{failpoint.partition(':')[0]}\n"

    vault = Vault(LocalFiles(folder), footage_keys)
    assert findings(vault) == [], "what is there is sound, and nothing half counts"
    (name,) = vault.reels()
    begun = vault.begun(name)
    there = len(begun._entries) if begun else len(vault.manifest(name)[0].entries)
    assert {there} == kept and there >= len(said)

    code, _ = written(keys_url, folder, 2, minute=1)
    assert code == 0
    again = Vault(LocalFiles(folder), footage_keys)
    assert findings(again) == []
    total = sum(len(again.manifest(reel)[0].entries) for reel in again.reels())
    assert total == there + 2
    assert not list(folder.rglob("*.partial")) or failpoint.startswith("vault.h") or "before_rename" in failpoint


def test_a_full_disk_is_told_and_half_of_nothing_is_kept(keys_url: str, tmp_path: Path) -> None:
    """On a file system of 4 MB, mounted where this test alone sees it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    script = 'mount -t tmpfs -o size=4m tmpfs "$1" && shift && exec "$@"'
    module = [sys.executable, "-m", "tests.adapters.vault.full_disk", keys_url, str(disk)]
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", str(disk), *module],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "No space left" in done.stdout and "is free" in done.stdout
