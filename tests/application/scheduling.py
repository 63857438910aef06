"""A scheduler to kill: `scheduling.py DATABASE_URL TIME`. Its clock stands still; it acts until it dies."""

from __future__ import annotations

import sys
import threading
from datetime import datetime

from api.processes.scheduler import Scheduling
from tests.application.small_center import small_center


def main() -> None:
    url, at = sys.argv[1:]
    with small_center(url, datetime.fromisoformat(at), found=False) as center:
        Scheduling(center.handler, url).run(threading.Event())


if __name__ == "__main__":
    main()
