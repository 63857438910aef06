"""`saferweho dev` seen from outside: one command, one line `ready`, one Ctrl-C."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from infra.stack.kafka import EmbeddedKafka
from infra.stack.processes import free_port, wait_until

pytestmark = pytest.mark.slow

Dev = subprocess.Popen[bytes]
ROOT = Path(__file__).parents[2]


class Started:
    """A run of the stack in a home of its own."""

    def __init__(self, home: Path, env: dict[str, str], *arguments: str) -> None:
        self.home = home
        self._output = home.with_suffix(f".{free_port()}.out")
        with self._output.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.infra.small_stack", str(home), *arguments],
                cwd=ROOT, env={**os.environ, **env}, stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip

    @property
    def output(self) -> str:
        return self._output.read_text()

    def until_ready(self) -> str:
        """The base URL."""
        assert wait_until(lambda: "\nready " in self.output or self.process.poll() is not None, 200)
        found = re.search(r"^ready (http://127\.0\.0\.1:\d+)$", self.output, re.M)
        assert found, self.output
        return found[1]

    @property
    def facts(self) -> dict[str, object]:
        answer: dict[str, object] = json.loads((self.home / "run.json").read_text())
        return answer

    @property
    def pids(self) -> dict[str, int]:
        pids = self.facts["pids"]
        assert isinstance(pids, dict)
        return pids

    def family(self) -> list[psutil.Process]:
        return [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]


@pytest.fixture
def servers(database_url: str, kafka: EmbeddedKafka) -> dict[str, str]:
    """The session's servers in place of embedded ones: a start of a second."""
    return {"DATABASE_URL": database_url, "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap}


@pytest.fixture
def run(stack_home: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Started]]:
    runs: list[Started] = []

    def start(env: dict[str, str], *arguments: str) -> Started:
        runs.append(Started(stack_home / request.node.name[:50], env, *arguments))
        return runs[-1]

    yield start
    for one in runs:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def test_an_empty_folder_becomes_a_running_product_and_keeps_its_data(run: Callable[..., Started]) -> None:
    first = run({}, "0")
    base_url = first.until_ready()
    with urllib.request.urlopen(base_url) as answer:
        assert answer.status == 200
    assert first.facts["base_url"] == base_url
    assert first.pids.keys() == {"supervisor", "postgres", "kafka", "first", "pages"}
    assert all(psutil.pid_exists(pid) for pid in first.pids.values())
    assert (first.home / "run.json").stat().st_mode & 0o077 == 0
    assert first.output.index("sign in: a link") < first.output.index("\nready ")
    with psycopg.connect(str(first.facts["database_url"])) as connection:
        connection.execute("CREATE TABLE kept (n int)")
    family = first.family()
    first.process.send_signal(signal.SIGINT)
    assert first.process.wait(90) == 0
    assert psutil.wait_procs(family, timeout=60)[1] == []
    assert not (first.home / "run.json").exists()

    second = run({}, "0")
    second.until_ready()
    with psycopg.connect(str(second.facts["database_url"])) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    postgres = second.pids["postgres"]
    os.kill(postgres, signal.SIGKILL)
    assert wait_until(lambda: second.pids.get("postgres", postgres) != postgres, 90)
    family = second.family()
    second.process.kill()
    second.process.wait()
    assert psutil.wait_procs(family, timeout=60)[1] == []


def test_sigterm_stops_as_ctrl_c_does(run: Callable[..., Started], servers: dict[str, str]) -> None:
    dev = run(servers, "0")
    dev.until_ready()
    family = dev.family()
    dev.process.send_signal(signal.SIGTERM)
    dev.process.send_signal(signal.SIGTERM)
    assert dev.process.wait(90) == 0
    assert psutil.wait_procs(family, timeout=60)[1] == []
    # What a service last wrote may be told after it was stopped: its pipe is read by another thread.
    assert ["·", "first", "stopped"] in [line.split() for line in dev.output.splitlines()]


def test_a_service_that_dies_comes_back_and_the_console_says_so(
    run: Callable[..., Started], servers: dict[str, str]
) -> None:
    dev = run(servers, "0")
    dev.until_ready()
    before = dev.pids["first"]
    os.kill(before, signal.SIGKILL)
    assert wait_until(lambda: dev.pids.get("first", before) != before, 90)
    assert "first            was ended by SIGKILL; starts again in 0.25 s" in dev.output
    assert wait_until(lambda: "first            drone_link_unsigned link=udpin" in dev.output, 90)


def test_a_home_in_use_is_refused_with_the_process_that_has_it(
    run: Callable[..., Started], servers: dict[str, str]
) -> None:
    dev = run(servers, "0")
    dev.until_ready()
    second = run(servers, "0")
    assert second.process.wait(90) == 1
    assert f"{dev.home} is in use by process {dev.process.pid}" in second.output
    assert dev.pids["supervisor"] == dev.process.pid


def test_a_taken_port_is_refused_with_the_setting_that_changes_it(
    run: Callable[..., Started], servers: dict[str, str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        dev = run({**servers, "SAFERWEHO_PORT": str(port)})
        assert dev.process.wait(90) == 1
    assert f"Port {port} of 127.0.0.1 is taken. Set SAFERWEHO_PORT" in dev.output


def test_a_port_that_is_no_port_is_refused(run: Callable[..., Started], servers: dict[str, str]) -> None:
    dev = run({**servers, "SAFERWEHO_PORT": "http"})
    assert dev.process.wait(90) == 1
    assert "SAFERWEHO_PORT is 'http'; accepted: a port from 1 to 65535" in dev.output


def test_ctrl_c_during_the_start_leaves_nothing(run: Callable[..., Started]) -> None:
    dev = run({}, "0")
    assert wait_until(lambda: (dev.home / "kafka" / "kafka.log").exists(), 90)
    family = dev.family()
    dev.process.send_signal(signal.SIGINT)
    assert dev.process.wait(90) == 130
    assert psutil.wait_procs(family, timeout=60)[1] == []


def test_a_second_ctrl_c_waits_for_nobody(run: Callable[..., Started], servers: dict[str, str]) -> None:
    dev = run({**servers, "SMALL_SERVICE": "deaf"}, "0")
    dev.until_ready()
    family = dev.family()
    dev.process.send_signal(signal.SIGINT)
    assert wait_until(lambda: "pages            stopped" in dev.output, 90)

    def interrupt_again() -> bool:
        dev.process.send_signal(signal.SIGINT)
        return dev.process.poll() is not None

    assert wait_until(interrupt_again, 90, every=0.2)
    assert psutil.wait_procs(family, timeout=60)[1] == []
    assert ["!", "first", "killed"] in [line.split() for line in dev.output.splitlines()]


def test_a_failing_task_ends_the_start_with_its_output(run: Callable[..., Started], servers: dict[str, str]) -> None:
    dev = run({**servers, "SMALL_TASK": "raise SystemExit('the schema is from a later version')"}, "0")
    assert dev.process.wait(90) == 1
    assert "a task failed with 1" in dev.output
    assert "| the schema is from a later version" in dev.output
