"""Named places where a process may be told to die, so that a test can show what a kill -9 there leaves behind.

`SAFERWEHO_FAILPOINT=relay.after_send:3` kills the process with SIGKILL at the third hit; before that a line is appended
to the file named by `SAFERWEHO_FAILPOINT_LOG`, so that the test knows the place was really hit. Without the variable a
failpoint costs one comparison. A production start refuses the variable (see `api/settings.py`).
"""

from __future__ import annotations

import os
import signal

_name, _, _count = os.environ.get("SAFERWEHO_FAILPOINT", "").partition(":")
_remaining = int(_count or 1)


def failpoint(name: str) -> None:
    global _remaining
    if name != _name:
        return
    _remaining -= 1
    if _remaining > 0:
        return
    log = os.environ.get("SAFERWEHO_FAILPOINT_LOG")
    if log:
        fd = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(fd, f"{name}\n".encode())
        os.fsync(fd)
    os.kill(os.getpid(), signal.SIGKILL)
