"""The broker's jars: resolved once from Maven coordinates, kept in a cache per user, checked against pinned hashes."""

import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import fasteners
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from .processes import StackError, last_lines, spawn, stop, wait_until

# Two calls: joined, the logging BOM pulls kafka-clients down to 3.9.1 and the broker dies with NoSuchMethodError.
COORDINATES = ("org.apache.kafka:kafka_2.13:4.3.1", "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4")
DOWNLOAD_S = 600.0
_PINNED = Path(__file__).with_name("kafka-jars.sha256")


def default_cache() -> Path:
    """Folder for downloads that any home may share: SAFERWEHO_CACHE, or `saferweho` in the user's cache folder."""
    if chosen := os.environ.get("SAFERWEHO_CACHE"):
        return Path(chosen).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "saferweho"


def broker_jars(cache: Path) -> list[Path]:
    """Paths of the broker's jars, downloaded when the cache lacks them.

    Every file is compared with the hash pinned in this repository, so neither a repository nor a damaged cache can slip
    in another one. Raises StackError when a download fails or a hash differs.
    """
    pinned = _pinned()
    folder = cache / "kafka-jars" / hashlib.sha256(_PINNED.read_bytes()).hexdigest()[:16]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with fasteners.InterProcessLock(folder.with_suffix(".lock")):
        if bad := _differing(folder, pinned):
            _download(folder, pinned)
            bad = _differing(folder, pinned)
        if bad:
            raise StackError(
                f"The downloaded {bad[0]} is not the file pinned in {_PINNED.name}. Something between here and the "
                f"Maven repository changed it. Remove {cache} and try again; if it stays so, do not run it."
            )
    return [folder / name for name in pinned]


def _pinned() -> dict[str, str]:
    lines = (line.split() for line in _PINNED.read_text().splitlines())
    return {name: digest for digest, name in lines}


def _differing(folder: Path, pinned: dict[str, str]) -> list[str]:
    """Names that are missing or are another file than pinned."""
    return [name for name, digest in pinned.items() if sha256(folder / name) != digest]


def sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def _download(folder: Path, pinned: dict[str, str]) -> None:
    work = folder.with_suffix(".download")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()

    def arrived() -> int:
        return len({jar.name for jar in (work / "repository").rglob("*.jar")} & pinned.keys())

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total} jars"))
    console = Console(stderr=True)
    if not console.is_terminal:  # a bar is drawn on terminals alone
        console.print("Downloading Apache Kafka (44 MB, once) …")
    with Progress(*columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("Downloading Apache Kafka (44 MB, once)", total=len(pinned))
        for coordinate in COORDINATES:
            resolve(coordinate, work, lambda: progress.update(task, completed=arrived()))
    folder.mkdir(exist_ok=True)
    for jar in work.rglob("*.jar"):
        if jar.name in pinned:
            shutil.copyfile(jar, folder / jar.name)
    shutil.rmtree(work)


def resolve(coordinate: str, work: Path, tick: Callable[[], None]) -> None:
    """Run jgo for one coordinate, with a Maven repository of its own below `work`."""
    log = work / "jgo.log"
    options = ["--ignore-config", "--system-java", "--resolver", "python", "--links", "hard"]
    folders = ["--cache-dir", str(work / "jgo"), "--repo-cache", str(work / "repository")]
    argv = [sys.executable, "-m", "jgo", *options, *folders, "info", "classpath", coordinate]
    process = spawn(argv, log)

    def finished() -> bool:
        tick()
        return process.poll() is not None

    if not wait_until(finished, DOWNLOAD_S, every=0.2):
        stop(process)
        raise StackError(f"Downloading {coordinate} took more than {DOWNLOAD_S:.0f} s. Is the network up?")
    if process.returncode != 0:
        raise StackError(
            f"{coordinate} could not be downloaded from Maven Central. Is the network up? "
            f"With KAFKA_BOOTSTRAP_SERVERS set, no broker is needed here. jgo said:\n{last_lines(log, 2)}"
        )
