"""Services are kept running, told apart from hopeless ones, and stopped in reverse."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from infra.stack import supervisor as supervisor_module
from infra.stack.logs import LogFollower
from infra.stack.processes import StackError, free_port, wait_until
from infra.stack.supervisor import Level, Service, Supervisor
from tests.infra.small_stack import SERVICE

pytestmark = pytest.mark.slow

Start = Callable[..., Supervisor]
told: list[tuple[Level, str, str]] = []


def tell(level: Level, name: str, text: str) -> None:
    told.append((level, name, text))


def service(name: str, *behaviour: str, wave: int = 0) -> Service:
    port = free_port()
    return Service(name, [sys.executable, SERVICE, str(port), *behaviour], {}, f"http://127.0.0.1:{port}/", wave)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Start]:
    made: list[Supervisor] = []
    told.clear()

    def build(*services: Service, changed: Callable[[], None] = lambda: None) -> Supervisor:
        made.append(Supervisor(services, tmp_path, tell, changed))
        return made[-1]

    yield build
    for one in made:
        one.hurry.set()
        one.stop()


def test_a_wave_starts_when_the_one_before_is_ready_and_stops_before_it(make: Start) -> None:
    supervisor = make(service("page", wave=1), service("relay"), service("store"))
    supervisor.start()
    assert {name for _, name, _ in told[:2]} == {"relay", "store"}
    assert [name for level, name, _ in told if level == "good"][-1] == "page"
    assert supervisor.pids().keys() == {"page", "relay", "store"}
    pids = supervisor.pids()
    told.clear()
    supervisor.stop()
    assert told[0][1] == "page"
    assert [pid for pid in pids.values() if psutil.pid_exists(pid)] == []


def test_a_killed_service_starts_again_and_its_new_pid_is_told(make: Start) -> None:
    changes: list[dict[str, int]] = []
    supervisor: Supervisor = make(service("relay"), changed=lambda: changes.append(supervisor.pids()))
    supervisor.start()
    before = supervisor.pids()["relay"]
    psutil.Process(before).kill()

    def is_back() -> bool:
        supervisor.watch()
        return supervisor.pids().get("relay", before) != before

    assert wait_until(is_back, 60)
    assert changes[-2:] == [{}, supervisor.pids()]
    assert any(level == "warning" and "was ended by SIGKILL" in text for level, _, text in told)


def test_a_service_that_dies_at_its_first_start_is_tried_again(make: Start, tmp_path: Path) -> None:
    supervisor = make(service("relay", "flaky", str(tmp_path / "died-once")))
    supervisor.start()
    assert any("exited with 1; starts again in 0.25 s" in text for _, _, text in told)


def test_a_service_that_keeps_dying_is_tried_ever_later(make: Start, tmp_path: Path) -> None:
    supervisor = make(Service("relay", [sys.executable, "-c", "raise SystemExit(1)"], {}))
    supervisor.start()

    def tried_four_times() -> bool:
        supervisor.watch()
        return len([1 for level, _, _ in told if level == "warning"]) == 4

    assert wait_until(tried_four_times, 60)
    pauses = [text.split(" in ")[1].split(" (")[0] for level, _, text in told if level == "warning"]
    assert pauses == ["0.25 s", "0.5 s", "1 s", "2 s"]


def test_wrong_settings_end_the_start_with_the_reason(make: Start) -> None:
    with pytest.raises(StackError, match=r"(?s)relay refuses to start.*SAFERWEHO_ENV: is wrong"):
        make(service("relay", "refuse")).start()


def test_a_service_that_never_gets_ready_is_named_with_what_it_said(
    make: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_module, "READY_S", 0.5)
    sleeper = Service("relay", [sys.executable, "-c", "import time; time.sleep(60)"], {}, "http://127.0.0.1:1/")
    with pytest.raises(StackError, match=r"relay was not ready in 0 s: http://127\.0\.0\.1:1/ gave no answer"):
        make(sleeper).start()


def test_a_deaf_service_is_killed_after_the_grace(make: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "GRACE_S", 0.3)
    supervisor = make(service("deaf", "deaf"))
    supervisor.start()
    process = psutil.Process(supervisor.pids()["deaf"])
    supervisor.stop()
    assert not process.is_running()
    assert told[-1] == ("warning", "deaf", "killed: not gone after 0 s")


def test_two_services_of_one_name_are_a_mistake(make: Start) -> None:
    with pytest.raises(ValueError, match="two services have the name relay"):
        make(service("relay"), service("relay"))


def test_the_console_shows_warnings_once_and_whole_lines_alone(tmp_path: Path) -> None:
    shown: list[tuple[str, str, str]] = []
    log = tmp_path / "relay.log"
    log.write_text('{"event": "of the last run", "level": "error"}\n')
    follower = LogFollower(tmp_path, lambda *line: shown.append(line))
    follower.start()
    with log.open("a") as file:
        file.write('{"event": "ready", "level": "info"}\nTraceback, not JSON\n')
        file.write('{"event": "broker away", "level": "warning", "seconds": 3, "timestamp": "t"}\n' * 2)
        file.write('{"event": "half a li')
    assert wait_until(lambda: shown, 60)
    with log.open("a") as file:
        file.write('ne", "level": "error"}\n')
    follower.stop()
    assert shown == [("warning", "relay", "broker away seconds=3"), ("error", "relay", "half a line")]
