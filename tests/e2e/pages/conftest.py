"""The pages in a real Chromium, on the whole product: PostgreSQL, Kafka, all services, the demonstration's drone.

It is started once for all of them.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from infra.browser import find_chromium
from tests.e2e.pages.product import PATIENCE_MS, ROOT, People, Product, media_origins, until

START_S = 480  # broker, database and services on a busy machine
STOP_S = 180
# WebGL without a graphics card, and a browser that may run as root in a container.
BROWSER = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
LINK = re.compile(r"^\s*(\w+)\s.*?(http\S+/sign-in\?ticket=\S+)$", re.MULTILINE)


@pytest.fixture(scope="package")
def product() -> Iterator[Product]:
    """Started as in the README and ended by Ctrl-C, which must leave no process."""
    with tempfile.TemporaryDirectory(prefix="saferweho-e2e-") as folder:
        home = Path(folder)
        log = home / "console.log"
        with log.open("w") as console:
            running = subprocess.Popen(
                [sys.executable, "-m", "api.cli", "dev"],
                cwd=ROOT,
                env={**os.environ, "SAFERWEHO_HOME": str(home / "data"), "SAFERWEHO_PORT": "0", "COLUMNS": "400"},
                stdout=console,
                stderr=subprocess.STDOUT,
            )
        try:

            def ready() -> bool:
                assert running.poll() is None, f"saferweho dev ended:\n{log.read_text()[-3000:]}"
                return re.search(r"^ready http", log.read_text(), re.MULTILINE) is not None

            until("the product is ready", ready, START_S)
            said = log.read_text()
            base_url = said.rpartition("ready ")[2].strip()
            started = Product(base_url, home / "data", dict(LINK.findall(said)))
            yield started
            supervisor = psutil.Process(running.pid)
            family = {each.pid: each for each in [supervisor, *supervisor.children(recursive=True)]}
            parts = {
                "postgres",
                "kafka",
                "api",
                "drone-gateway",
                "vehicle",
                "recorder",
                "media",
                "cameras",
                "drone-camera",
            }
            assert parts <= started.pids().keys()
            assert set(started.pids().values()) <= family.keys()
            running.send_signal(signal.SIGINT)
            assert running.wait(STOP_S) == 0, log.read_text()[-3000:]
            assert psutil.wait_procs(family.values(), timeout=60)[1] == [], log.read_text()[-3000:]
            assert not (started.home / "run.json").exists()
        finally:
            if running.poll() is None:  # then something else went wrong, and is told
                running.kill()
                running.wait()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(find_chromium()), args=BROWSER, timeout=120_000)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def signed_in(product: Product, browser: Browser) -> Iterator[People]:
    expect.set_options(timeout=PATIENCE_MS)
    made = People(product, browser, pictures_from=media_origins(product))
    yield made
    for context in made.contexts.values():
        context.close()


@pytest.fixture
def people(signed_in: People) -> Iterator[People]:
    """Whatever the test does, its pages ask nobody else and break no rule of their own."""
    yield signed_in
    strangers, faults = signed_in.strangers[:], signed_in.faults[:]
    signed_in.strangers.clear()
    signed_in.faults.clear()
    assert strangers == []
    assert faults == []
