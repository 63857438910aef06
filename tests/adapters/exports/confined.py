"""Signs a clip in a process that can write no file: `python -m tests.adapters.exports.confined`.

The clip is its standard input, and the signed one its standard output. An argument is how much of it is kept in memory
instead of as much as it takes."""

from __future__ import annotations

import resource
import sys
from datetime import UTC, datetime

from adapters.exports import credentials
from adapters.exports.credentials import Told, credited
from adapters.exports.signing import AgencySigner


def main() -> None:
    # Whoever writes a file is told that it is too large: Python has SIGXFSZ ignored.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    credentials.IN_MEMORY_MB = int(sys.argv[1]) if len(sys.argv) > 1 else credentials.IN_MEMORY_MB
    steps = [("c2pa.transcoded", "encoded anew")]
    told = Told("a clip", "footage", "camera-1", steps, datetime(2026, 6, 1, tzinfo=UTC), "1", {"file": "clip"})
    sys.stdout.buffer.write(credited(sys.stdin.buffer.read(), told, AgencySigner.self_made(bytes(32))))


if __name__ == "__main__":
    main()
