"""What the gateway must still know after it was killed: which drone flies what."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec
import structlog

from adapters.drone_gateway.files import replaced

log = structlog.get_logger(__name__)


class Sortie(msgspec.Struct, omit_defaults=True):
    """A flight that a drone has, as the gateway knows it. `flight` None: it was seen in the air without one."""

    flight: str | None
    commanded_at: datetime | None = None  # the take-off
    max_agl_m: float = 0.0
    flown: bool = False
    outbound: bool = False  # taken off by us and not yet on the way to the scene
    orders: int = 0  # of safety
    silent: bool = False  # the loss of its link was reported
    target: tuple[float, float] | None = None
    tlog: str | None = None
    inside: dict[str, str | None] = {}  # privacy zone -> the override it was entered under
    approached: set[str] = set()
    rules: dict[str, str] = {}  # privacy zone -> what it asked for when it was entered


class Notes(msgspec.Struct):
    """By drone: the flight it has, and the last one it ended."""

    active: dict[str, Sortie] = {}
    over: dict[str, str] = {}


class Notebook:
    """Keeps notes in one file. A disk that fails is logged, never fatal."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = home / "flights.json"
        self._written = b""

    def flights(self) -> Notes:
        """What was kept, as far as it can be read."""
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Notes)
        except FileNotFoundError:
            return Notes()
        except (OSError, msgspec.MsgspecError) as error:
            log.critical("note_unreadable", file=str(self._file), error=str(error))
            return Notes()

    def keep(self, notes: Notes) -> None:
        content = msgspec.json.encode(notes)
        if content == self._written:
            return
        try:
            replaced(self._file, content)
            self._written = content
        except OSError as error:
            log.critical("note_not_written", file=str(self._file), error=str(error))
