"""Where cameras' streams are fetched, addresses and passwords: put into the recorder's file, and shown without what
opens them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from adapters.recorder import addresses

_TELLTALE = re.compile(r"pass|pwd|user|auth|token|key|secret|login", re.IGNORECASE)


def write(file: Path, more: Mapping[str, str]) -> None:
    """Put these into the file, name by name, in place of those of the same names; its owner alone may read it. Raises
    AddressFault."""
    kept: dict[str, str] = {each.camera: each.url for each in addresses.read(file)} if file.exists() else {}
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
    """Whether it is an address that the recorder can fetch a stream from."""
    try:
        parts = urlsplit(address)
        return parts.scheme == "rtsp" and bool(parts.hostname) and parts.port != 0 and not re.search(r"\s", address)
    except ValueError:
        return False
