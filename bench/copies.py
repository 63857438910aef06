"""How many bytes a process copies: within its memory, from sockets, and to files.

`copies.c` stands between the process and the C library. It is compiled when it is needed, by the machine's own
compiler; where there is none nothing is counted, and the figure says so by not being there.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

# The loops that count must not become the calls that are counted.
OPTIONS = ["-O3", "-fno-builtin", "-fno-tree-loop-distribute-patterns", "-shared", "-fPIC"]


@contextmanager
def counting() -> Iterator[bool]:
    """A process that is started meanwhile can tell what it copied. False: there is no compiler here."""
    compiler = shutil.which("cc")
    if compiler is None:
        print("copies: no C compiler (cc) is here; bytes copied are not counted", file=sys.stderr)
        yield False
        return
    with tempfile.TemporaryDirectory(prefix="saferweho-bench-") as folder:
        library = Path(folder) / "copies.so"
        source = Path(__file__).with_suffix(".c")
        subprocess.run([compiler, *OPTIONS, "-o", str(library), str(source), "-ldl"], check=True)
        os.environ["LD_PRELOAD"] = str(library)
        try:
            yield True
        finally:
            del os.environ["LD_PRELOAD"]


def copied() -> int:
    """Bytes since this process began; 0 where it was not started to count."""
    here = ctypes.CDLL(None)
    if not hasattr(here, "saferweho_copied"):
        return 0
    within = sum(ctypes.c_ulong.in_dll(here, name).value for name in ("saferweho_copied", "saferweho_received"))
    return within + int(psutil.Process().io_counters().write_chars)
