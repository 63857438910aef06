"""`saferweho dev`: everything on one machine, from an empty folder to a page that shows a drone in flight."""

import fcntl
import json
import os
import secrets
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from types import FrameType
from typing import Protocol

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from rich.console import Console
from rich.markup import escape

from adapters.event_store import LOGINS

from .jars import default_cache
from .kafka import EmbeddedKafka
from .logs import LogFollower
from .plan import Call, Context, Plan, Task, the_product
from .postgres import EmbeddedPostgres
from .processes import StackError, free_port, last_lines, port_is_free, spawn, stop
from .supervisor import Level, Supervisor

DATABASE = "saferweho"
TASK_S = 300.0
_SIGNS: dict[Level, str] = {"good": "[green]✓[/]", "note": "[dim]·[/]", "warning": "[yellow]![/]", "error": "[red]✗[/]"}


def run_dev(
    home: Path, port: int | None = None, demo: bool = True, *, plan: Callable[[Context], Plan] = the_product
) -> int:
    """Run the product until Ctrl-C or SIGTERM; returns the exit code. Call it in the main thread.

    `home` holds all data and is made when missing. `port` of the pages: None takes SAFERWEHO_PORT or 8080, 0 any free
    one. DATABASE_URL (of a superuser) and KAFKA_BOOTSTRAP_SERVERS take the place of the embedded servers.
    """
    run = _Run(home.expanduser().absolute(), demo, plan)
    try:
        with run.signals():
            run.start(_port_of_the_pages(port))
            run.watch()
    except _Stopped:
        run.tell("note", "saferweho", "stopping")
        return 0 if run.is_ready else 130
    except StackError as error:
        run.console.print(f"[red]saferweho can't run:[/] {escape(str(error))}", soft_wrap=True, highlight=False)
        return 1
    finally:
        run.stop()
    return 0


class _Stopped(BaseException):
    """Someone asked us to stop."""


class _Server(Protocol):
    last_resort: signal.Signals

    @property
    def pid(self) -> int: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def poll(self) -> int | None: ...


@dataclass
class _Run:
    home: Path
    demo: bool
    plan: Callable[[Context], Plan]
    console: Console = field(default_factory=lambda: Console(soft_wrap=True, highlight=False))
    is_ready: bool = False

    def __post_init__(self) -> None:
        self._servers: dict[str, _Server] = {}
        self._supervisor: Supervisor | None = None
        self._context: Context | None = None
        self._follower: LogFollower | None = None
        self._held = ExitStack()
        self._hurry = threading.Event()
        self._stopping = False
        self._first_interrupt = 0.0

    def tell(self, level: Level, name: str, text: str) -> None:
        """One line for the person at the console."""
        self.console.print(f"{_SIGNS[level]} [bold]{escape(name):<16}[/] {escape(text)}")

    # -- signals -------------------------------------------------------------------
    @contextmanager
    def signals(self) -> Iterator[None]:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._signalled)
        yield

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        if not self._stopping:
            self._stopping, self._first_interrupt = True, monotonic()
            raise _Stopped
        # `make` passes SIGTERM on to us beside our own, and a terminal may repeat an interrupt: neither is impatience.
        if number == signal.SIGINT and monotonic() - self._first_interrupt > 0.5:
            self._hurry.set()
            for server in self._servers.values():
                with suppress(StackError, ProcessLookupError):
                    os.kill(server.pid, server.last_resort)

    # -- start ---------------------------------------------------------------------
    def start(self, port: int) -> None:
        self._claim_home()
        started = monotonic()
        self.tell("note", "saferweho", f"data in {self.home}")
        self._start_servers()
        self._context = context = self._make_context(port)
        plan = self.plan(context)
        for task in plan.prepare:
            self._do(task)
        self._follower = LogFollower(self._logs(), lambda level, name, text: self.tell(_level(level), name, text))
        self._follower.start()
        self._supervisor = Supervisor(plan.services, self._logs(), self.tell, self._write_run, self._hurry)
        self._supervisor.start()
        self._write_run()
        self.tell("good", "pages", context.base_url)
        self.tell("good", "PostgreSQL", str(conninfo_to_dict(context.database_url).get("host", "")) + self._pg_port())
        self.tell("good", "Kafka", context.bootstrap)
        for task in plan.announce:
            self._do(task)
        self.tell("note", "saferweho", f"started in {monotonic() - started:.0f} s; Ctrl-C stops everything")
        self.is_ready = True
        print(f"ready {context.base_url}", flush=True)

    def _claim_home(self) -> None:
        try:
            self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = self._held.enter_context((self.home / "dev.lock").open("a+"))
        except OSError as error:
            raise StackError(f"The folder {self.home} can't be used: {error.strerror}. Set SAFERWEHO_HOME.") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise StackError(
                f"{self.home} is in use by process {lock.read().strip() or '?'}. Stop that, or set SAFERWEHO_HOME to "
                "another folder (and SAFERWEHO_PORT to another port)."
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._logs().mkdir(mode=0o700, exist_ok=True)
        (self.home / "run.json").unlink(missing_ok=True)

    def _start_servers(self) -> None:
        if not os.environ.get("DATABASE_URL"):
            self._servers["postgres"] = EmbeddedPostgres(self.home / "postgres")
        if not os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
            self._servers["kafka"] = EmbeddedKafka(self.home / "kafka", default_cache())
        failures: list[Exception] = []

        def bring_up(name: str, server: _Server) -> None:
            begun = monotonic()
            try:
                server.start()
                self.tell("good", name, f"answers after {monotonic() - begun:.1f} s, pid {server.pid}")
            except Exception as error:
                failures.append(error)

        # Daemons, so that Ctrl-C during the first download ends us and not only this wait.
        threads = [threading.Thread(target=bring_up, args=pair, daemon=True) for pair in self._servers.items()]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads) and not failures:
            sleep(0.05)
        if failures:
            raise failures[0]

    def _make_context(self, port: int) -> Context:
        kept = self._secrets()
        database_url = os.environ.get("DATABASE_URL", "")
        if isinstance(server := self._servers.get("postgres"), EmbeddedPostgres):
            database_url = _create_database(server.url)
        kafka = self._servers.get("kafka")
        bootstrap = kafka.bootstrap if isinstance(kafka, EmbeddedKafka) else os.environ["KAFKA_BOOTSTRAP_SERVERS"]
        env = {
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH", "")])),
            "SAFERWEHO_ENV": "development",
            "SAFERWEHO_EMBEDDED": ",".join(self._servers),
            "SAFERWEHO_HOME": str(self.home),
            "SAFERWEHO_PORT": str(port),
            "SAFERWEHO_BASE_URL": f"http://127.0.0.1:{port}",
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        }
        return Context(
            home=self.home,
            port=port,
            database_url=database_url,
            bootstrap=bootstrap,
            passwords={login: kept[login] for login in LOGINS},
            gateway_key=kept["gateway_key"],
            media_key=kept["media_key"],
            drone_key=kept["drone_key"],
            cad_key=kept["cad_key"],
            env=env,
            demo=self.demo,
        )

    def _secrets(self) -> dict[str, str]:
        """Passwords and keys of this home, made once, readable by its owner alone."""
        file = self.home / "dev-secrets.json"
        kept: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
        if missing := {*LOGINS, "gateway_key", "media_key", "cad_key", "drone_key"} - kept.keys():
            kept |= {name: secrets.token_hex(32) for name in missing}
            _write_privately(file, kept)
        return kept

    def _do(self, task: Task | Call) -> None:
        begun = monotonic()
        if isinstance(task, Call):
            try:
                task.function()
            except Exception as error:
                raise StackError(f"{task.name}: {type(error).__name__}: {error}") from error
        else:
            log = self._logs() / f"{task.name.replace(' ', '-')}.log"
            log.unlink(missing_ok=True)
            process = spawn(task.argv, log, env=task.env)
            try:
                code = process.wait(TASK_S)
            except subprocess.TimeoutExpired:
                raise StackError(f"{task.name} took more than {TASK_S:.0f} s:\n{last_lines(log)}") from None
            finally:
                stop(process)
            if code != 0:
                raise StackError(f"{task.name} failed with {code} ({' '.join(task.argv)}):\n{last_lines(log, 30)}")
            if task.shown:
                print(log.read_text(errors="replace").rstrip(), flush=True)
                log.unlink()  # a link that signs someone in is for the console alone
                return
        self.tell("good", task.name, f"done in {monotonic() - begun:.1f} s")

    # -- while it runs -------------------------------------------------------------
    def watch(self) -> None:
        assert self._supervisor is not None
        while True:
            for name, server in self._servers.items():
                if (code := server.poll()) is not None:
                    self.tell("warning", name, f"ended with {code}; starts again")
                    server.stop()
                    server.start()
                    self._write_run()
                    self.tell("good", name, f"answers again, pid {server.pid}")
            self._supervisor.watch()
            sleep(0.1)

    def _write_run(self) -> None:
        """Tell scripts where everything is; see docs on `run.json`."""
        if self._context is None or self._stopping:
            return
        pids = {name: server.pid for name, server in self._servers.items() if server.poll() is None}
        pids |= self._supervisor.pids() if self._supervisor is not None else {}
        facts = {
            "base_url": self._context.base_url,
            "kafka_bootstrap_servers": self._context.bootstrap,
            "database_url": self._context.database_url,
            "pids": {"supervisor": os.getpid(), **pids},
        }
        _write_privately(self.home / "run.json", facts)

    # -- stop ----------------------------------------------------------------------
    def stop(self) -> None:
        self._stopping = True
        if self._supervisor is not None:
            self._supervisor.stop()
        if self._follower is not None:
            self._follower.stop()
        for name, server in reversed(self._servers.items()):
            server.stop()
            self.tell("note", name, "stopped")
        if self._context is not None:
            (self.home / "run.json").unlink(missing_ok=True)
        self._held.close()

    def _logs(self) -> Path:
        return self.home / "logs"

    def _pg_port(self) -> str:
        assert self._context is not None
        return f":{conninfo_to_dict(self._context.database_url).get('port', 5432)}"


_ROOT = Path(__file__).resolve().parents[2]


def _port_of_the_pages(port: int | None) -> int:
    if port is None:
        given = os.environ.get("SAFERWEHO_PORT") or "8080"
        if not (given.isdigit() and int(given) < 65536):
            raise StackError(f"SAFERWEHO_PORT is {given!r}; accepted: a port from 1 to 65535, or 0 for any free one.")
        port = int(given)
    if port == 0:
        return free_port()
    if not port_is_free(port):
        raise StackError(f"Port {port} of 127.0.0.1 is taken. Set SAFERWEHO_PORT to another one, or to 0 for any free.")
    return port


def _create_database(url: str) -> str:
    with psycopg.connect(url, autocommit=True) as connection:
        if connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).rowcount == 0:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
    return url.removesuffix("/postgres") + f"/{DATABASE}"


def _write_privately(file: Path, facts: Mapping[str, object]) -> None:
    """Replace the file as a whole; its owner alone may read it."""
    new = file.with_suffix(".new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        json.dump(facts, out, indent=2)
        out.write("\n")
    new.replace(file)


def _level(word: str) -> Level:
    return "warning" if word == "warning" else "error"
