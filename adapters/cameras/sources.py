"""Where cameras' streams are fetched, addresses and passwords: a file that its owner alone may read, and nothing else.

A line is `NAME ADDRESS`: NAME as in the inventory, ADDRESS `rtsp://` or `rtsps://` with user and password in it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

ACCEPTED = "accepted: NAME rtsp://USER:PASSWORD@HOST/PATH, one a line; '#' begins a remark"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_TELLTALE = re.compile(r"pass|pwd|user|auth|token|key|secret|login", re.IGNORECASE)


class SourcesRefused(Exception):
    """The file cannot be used. No message repeats an address."""


def read(file: Path) -> dict[str, str]:
    """Name → address. Raises SourcesRefused."""
    try:
        mode, lines = file.stat().st_mode, file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourcesRefused(f"{file}: cannot be read ({type(error).__name__}); {ACCEPTED}") from None
    if mode & 0o077:
        raise SourcesRefused(f"{file}: others can read these passwords; run: chmod 600 {file}")
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, _, address = line.strip().partition(" ")
        address = address.strip()
        if not _NAME.fullmatch(name):
            raise SourcesRefused(f"{file}:{number}: begins with no name; {ACCEPTED}")
        if name in found:
            raise SourcesRefused(f"{file}:{number}: {name} is named twice; accepted: each name once")
        if not is_stream(address):
            raise SourcesRefused(f"{file}:{number}: {name} has no stream's address; {ACCEPTED}")
        found[name] = address
    return found


def write(file: Path, more: Mapping[str, str]) -> None:
    """Put these into the file, in place of those of the same names. Raises SourcesRefused."""
    kept = read(file) if file.exists() else {}
    lines = "".join(f"{name} {address}\n" for name, address in sorted({**kept, **more}.items()))
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(lines)
    beside.replace(file)


def shown(address: str) -> str:
    """An address for people to see: without user and password, also where they are in its query."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        at = f"[{host}]" if ":" in host else host
        at += f":{parts.port}" if parts.port else ""
    except ValueError:
        return "(no address)"
    query = urlencode([(k, "***" if _TELLTALE.search(k) else v) for k, v in parse_qsl(parts.query)], safe="*")
    return urlunsplit((parts.scheme, at, parts.path, query, ""))


def is_stream(address: str) -> bool:
    """Whether it is an address that a stream can be fetched from by RTSP."""
    try:
        parts = urlsplit(address)
        return parts.scheme in ("rtsp", "rtsps") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
