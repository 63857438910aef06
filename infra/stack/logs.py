"""What a person at the console sees of the services' logs: warnings and errors, told once."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

LOUD = {"warning", "error", "critical"}
QUIET_S = 10.0  # the same message of a service is shown again after so long
KEEP_BYTES = 8 << 20
_PLUMBING = {"event", "level", "timestamp", "process", "logger", "exception"}


@dataclass
class LogFollower:
    """Reads what is appended to `NAME.log` files in `folder`, in a thread, until `stop`."""

    folder: Path
    tell: Callable[[str, str, str], None]  # level, name, text
    _offsets: dict[Path, int] = field(default_factory=dict)
    _shown: dict[tuple[str, str], float] = field(default_factory=dict)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Put the logs of the last run aside when they are big, and follow from here."""
        for log in self.folder.glob("*.log"):
            if log.stat().st_size > KEEP_BYTES:
                log.replace(log.with_suffix(".log.1"))
            else:
                self._offsets[log] = log.stat().st_size
        self._thread = threading.Thread(target=self._run, name="logs", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Show what there is and end."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(0.25):
            self.read()
        self.read()

    def read(self) -> None:
        """Show the loud lines that are new since the last call."""
        for log in sorted(self.folder.glob("*.log")):
            with log.open("rb") as file:
                file.seek(self._offsets.get(log, 0))
                new = file.read()
            whole = new[: new.rfind(b"\n") + 1]  # the rest of a line comes next time
            self._offsets[log] = self._offsets.get(log, 0) + len(whole)
            for line in whole.splitlines():
                self._line(log.stem, line)

    def _line(self, name: str, line: bytes) -> None:
        try:
            entry = json.loads(line)
            level, event = str(entry["level"]), str(entry["event"])
        except (ValueError, KeyError, TypeError):
            return  # not of our logging: the file has it
        now = monotonic()
        if level not in LOUD or now - self._shown.get((name, event), -QUIET_S) < QUIET_S:
            return
        self._shown[name, event] = now
        facts = " ".join(f"{key}={value}" for key, value in entry.items() if key not in _PLUMBING)
        self.tell("warning" if level == "warning" else "error", name, f"{event} {facts}".rstrip())
