"""Small files that are replaced whole: after a crash there is the old one or the new one, never half of either."""

from __future__ import annotations

import os
from pathlib import Path


def replaced(file: Path, content: bytes, *, lasting: bool = True) -> None:
    """`lasting`: wait until the disk has it; otherwise it outlives this process, not a power cut. Raises OSError."""
    new = file.with_name(f"{file.name}.new")
    out = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(out, view) :]
        if lasting:
            os.fsync(out)
    finally:
        os.close(out)
    new.replace(file)
    if lasting:
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
