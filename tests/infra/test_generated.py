"""What is generated out of the code says what the code says now."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def printed(*command: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_readme_lists_every_setting() -> None:
    table = (ROOT / "README.md").read_text().partition("<!-- settings -->")[2].partition("<!-- /settings -->")[0]
    assert table.strip() == printed("infra.settings_reference")


def test_the_graphql_schema_in_the_docs_is_the_one_served() -> None:
    assert (ROOT / "docs" / "schema.graphql").read_text().strip() == printed("api.cli", "schema")


@pytest.mark.parametrize(
    "generator",
    [
        "infra.who_may",
        "infra.catalogue",
        "infra.sample_policies",
        "infra.sample_cameras",
        "infra.metrics_reference",
        "infra.coverage_of_rules",
        "infra.mutation",
    ],
)
def test_generated_pages_are_as_the_generator_makes_them(generator: str) -> None:
    printed(generator, "--check")


def test_every_decision_and_how_to_that_is_linked_exists() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for link in page.read_text().split("](")[1:]:
            target = link.partition(")")[0].partition("#")[0]
            if target and "://" not in target:
                assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"
