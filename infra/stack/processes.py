"""Child processes that never outlive us, and small facts about processes and ports."""

import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from time import monotonic, sleep
from typing import Literal, TypeVar

T = TypeVar("T")

User = Literal["same", "namespace", "nobody"]

LOWEST_PORT = 15_000  # above those that well-known services have, and that browsers refuse

_LEASH = [sys.executable, "-I", "-S", str(Path(__file__).with_name("leash.py"))]

# The kernel ties a child to the *thread* that forked it, so one thread that lives as long as we do forks them all.
_spawner = ThreadPoolExecutor(1, thread_name_prefix="spawner")


class StackError(Exception):
    """Part of the development stack can't start or died; the text is for the person at the console."""


def spawn(
    argv: Sequence[str | Path],
    log: Path,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    death_signal: signal.Signals = signal.SIGKILL,
    user: User = "same",
) -> subprocess.Popen[bytes]:
    """Start `argv` in a session of its own (Ctrl-C at the console reaches us alone), output appended to `log`.

    When we die, however we die, the child gets `death_signal`. `argv[0]` is an absolute path.
    """
    command = [*_LEASH, str(os.getpid()), str(int(death_signal)), user, *map(str, argv)]

    def start() -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(env) if env is not None else None,
                cwd=cwd,
                start_new_session=True,
            )

    return _spawner.submit(start).result()


def stop(process: subprocess.Popen[bytes], *signals: tuple[signal.Signals, float]) -> int:
    """Send each signal in turn and wait its seconds; then SIGKILL. Returns the exit code."""
    for number, seconds in signals:
        if process.poll() is not None:
            break
        process.send_signal(number)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
    process.kill()
    return process.wait()


def wait_until(condition: Callable[[], T], seconds: float, every: float = 0.05) -> T | None:
    """The first true answer of `condition`, or None when `seconds` have passed."""
    deadline = monotonic() + seconds
    while not (answer := condition()):
        if monotonic() >= deadline:
            return None
        sleep(every)
    return answer


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of 127.0.0.1 that nobody uses: for whoever listens on it a little later, or again after a restart.

    Of TCP, unless told otherwise. Below the ones that the system gives to outgoing connections, which may take any of
    theirs meanwhile.
    """
    while True:
        port = secrets.choice(range(LOWEST_PORT, _first_of_outgoing()))
        with socket.socket(type=kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def _first_of_outgoing() -> int:
    """ip(7), ip_local_port_range."""
    try:
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except OSError:
        first = 32768
    return first if first > LOWEST_PORT + 1000 else 65536


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this TCP port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: TIME_WAIT is no obstacle
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@cache
def unprivileged_user() -> User:
    """How a program that refuses root is to be run here."""
    if os.geteuid() != 0:
        return "same"
    probe = subprocess.run([*_LEASH, "probe"], capture_output=True, check=False)
    return "namespace" if probe.returncode == 0 else "nobody"


def last_lines(log: Path, count: int = 15) -> str:
    """The end of a log file, indented for an error message."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    return "\n".join(f"  | {line}" for line in lines[-count:]) or "  | (nothing was logged)"
