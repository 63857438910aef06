"""Services as child processes: started in waves, restarted when they die, stopped in reverse."""

import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Literal

import httpx

from .processes import StackError, last_lines, spawn, wait_until

READY_S = 180.0  # a first start on a slow machine imports, compiles and connects a dozen processes at once
GRACE_S = 10.0
STEADY_S = 30.0  # up for so long, a service's next death is a first one
LONGEST_PAUSE_S = 10.0
WRONG_USE = 2  # exit code of a process that was given settings it can't work with: starting it again won't help

Level = Literal["good", "note", "warning", "error"]
Tell = Callable[[Level, str, str], None]  # level, name of the part, text


@dataclass(frozen=True, slots=True)
class Service:
    """A process to keep running.

    `ready` is the URL that answers 200 when the service can be used; None: as soon as it runs.
    Services of a wave start together, when all of the waves before are ready.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    ready: str | None = None
    wave: int = 0


@dataclass(slots=True)
class _Child:
    service: Service
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0
    due: float = 0.0  # when to start it again
    ready: bool = False


@dataclass
class Supervisor:
    """Runs `services`; `tell` shows what happens, `changed` is called when a process id changed.

    Not thread-safe, but for `hurry`: setting it makes `stop` kill at once.
    """

    services: Sequence[Service]
    logs: Path
    tell: Tell
    changed: Callable[[], None] = lambda: None
    hurry: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        names = [service.name for service in self.services]
        if doubled := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two services have the name {', '.join(sorted(doubled))}")
        self._children = {service.name: _Child(service) for service in self.services}

    def pids(self) -> dict[str, int]:
        """Process ids by name, of those that run now."""
        return {name: child.process.pid for name, child in self._children.items() if child.process is not None}

    def log_of(self, name: str) -> Path:
        """File with the output of that service."""
        return self.logs / f"{name}.log"

    def start(self) -> None:
        """Start wave after wave and wait until each is ready.

        Raises StackError, with the end of its log, for a service that isn't within READY_S or refuses its settings.
        """
        for wave in sorted({service.wave for service in self.services}):
            children = [child for child in self._children.values() if child.service.wave == wave]
            for child in children:
                self._launch(child)
            self.changed()
            if not wait_until(lambda children=children: self._all_ready(children), READY_S, every=0.1):  # type: ignore[misc]
                late = next(child.service for child in children if not child.ready)
                raise StackError(
                    f"{late.name} was not ready in {READY_S:.0f} s: {_why_not(late)}. "
                    f"Its log, {self.log_of(late.name)}, ends:\n{last_lines(self.log_of(late.name))}"
                )

    def watch(self) -> None:
        """Look after every service once: see who died, start again who is due."""
        for child in self._children.values():
            if child.process is not None and (code := child.process.poll()) is not None:
                self._bury(child, code)
            elif child.process is None and child.started and monotonic() >= child.due:
                self._launch(child)
                self.changed()

    def stop(self) -> None:
        """SIGTERM, last wave first, SIGKILL to those still there after GRACE_S or when `hurry` is set."""
        for wave in sorted({service.wave for service in self.services}, reverse=True):
            running = {
                child.service.name: child.process
                for child in self._children.values()
                if child.service.wave == wave and child.process is not None
            }
            for process in running.values():
                process.send_signal(signal.SIGTERM)
            deadline = monotonic() + GRACE_S
            while running and monotonic() < deadline and not self.hurry.wait(0.05):
                for name in [name for name, process in running.items() if process.poll() is not None]:
                    del running[name]
                    self.tell("note", name, "stopped")
            for name, process in running.items():
                process.kill()
                process.wait()
                self.tell(
                    "warning", name, "killed" if self.hurry.is_set() else f"killed: not gone after {GRACE_S:.0f} s"
                )
            for child in self._children.values():
                if child.service.wave == wave:
                    child.process, child.started = None, 0.0
            self.changed()

    # -- parts ---------------------------------------------------------------------
    def _launch(self, child: _Child) -> None:
        service = child.service
        child.process = spawn(service.argv, self.log_of(service.name), env=service.env)
        child.started, child.ready = monotonic(), False

    def _bury(self, child: _Child, code: int) -> None:
        name = child.service.name
        if monotonic() - child.started > STEADY_S:
            child.deaths = 0
        pause = min(0.25 * 2**child.deaths, LONGEST_PAUSE_S)
        child.process, child.deaths, child.due, child.ready = None, child.deaths + 1, monotonic() + pause, False
        self.tell("warning", name, f"{_ending(code)}; starts again in {pause:g} s (log: {self.log_of(name)})")
        self.changed()

    def _all_ready(self, children: Sequence[_Child]) -> bool:
        for child in children:
            if child.ready:
                continue
            process, service = child.process, child.service
            if process is not None and process.poll() == WRONG_USE:
                raise StackError(f"{service.name} refuses to start:\n{last_lines(self.log_of(service.name))}")
            if process is not None and process.poll() is None and _why_not(service) is None:
                child.ready = True
                self.tell("good", service.name, f"ready after {monotonic() - child.started:.1f} s, pid {process.pid}")
        self.watch()
        return all(child.ready for child in children)


def _why_not(service: Service) -> str | None:
    """None when the service says it is ready."""
    if service.ready is None:
        return None
    try:
        answer = httpx.get(service.ready, timeout=2, trust_env=False)
    except httpx.HTTPError as error:
        return f"{service.ready} gave no answer ({error})"
    return None if answer.status_code == 200 else f"{service.ready} said {answer.status_code}: {answer.text[:300]}"


def _ending(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"
