"""A browser is found in the documented order, and the one that is found can do what the pages need."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from infra.browser import BrowserMissing, find_chromium

pytestmark = pytest.mark.slow


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No browser anywhere; the folder holds all the places that are looked at."""
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "playwright"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("SAFERWEHO_CACHE", str(tmp_path / "cache"))
    return tmp_path


def test_playwrights_own_comes_before_the_systems_before_the_unpacked_one(empty_machine: Path) -> None:
    with pytest.raises(BrowserMissing, match="Run infra/test-tools"):
        find_chromium()
    unpacked = program(empty_machine / "cache" / "chromium" / "153.0.0" / "start")
    assert find_chromium() == unpacked
    system = program(empty_machine / "bin" / "chromium")
    assert find_chromium() == system
    program(empty_machine / "playwright" / "chromium-1200" / "chrome-linux" / "chrome")
    newer = program(empty_machine / "playwright" / "chromium-1234" / "chrome-linux64" / "chrome")
    assert find_chromium() == newer


def test_a_program_that_may_not_be_run_is_no_browser(empty_machine: Path) -> None:
    (empty_machine / "bin").mkdir()
    (empty_machine / "bin" / "chromium").touch(mode=0o644)
    with pytest.raises(BrowserMissing):
        find_chromium()


@pytest.fixture
def browser() -> Iterator[Browser]:
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(find_chromium()), args=options, timeout=120_000)
        yield browser
        browser.close()


def test_the_browser_draws_maps_and_plays_h264(browser: Browser) -> None:
    page = browser.new_page()
    assert page.evaluate("!!document.createElement('canvas').getContext('webgl2')")
    assert page.evaluate("""MediaSource.isTypeSupported('video/mp4; codecs="avc1.42E01E"')""")
