"""Start a program that ends with the process that asked for it: `leash.py PARENT SIGNAL USER ARGV...`.

Run by `spawn` as a script, before the program, in the same process. It
- asks the kernel to send SIGNAL when the thread that forked us dies, so that a SIGKILLed parent leaves no process;
- gives root away for PostgreSQL, which refuses to run as root. USER is `same`; `namespace`: a user namespace in which
  root is called 1000, so that no file changes its owner and no folder its mode; or `nobody`, where the kernel
  or the container forbids namespaces.
`leash.py probe` exits 0 where namespaces are allowed.
"""

import ctypes
import os
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000  # linux/sched.h
PR_SET_PDEATHSIG = 1  # linux/prctl.h
NAMESPACE_UID = 1000
NOBODY = 65534

libc = ctypes.CDLL(None, use_errno=True)


def enter_namespace() -> None:
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWUSER) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"a user namespace is not allowed here: {os.strerror(error)}")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{NAMESPACE_UID} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{NAMESPACE_UID} {gid} 1")


def become_nobody() -> None:
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def main() -> None:
    if sys.argv[1] == "probe":
        enter_namespace()
        return
    parent, signal, user, *argv = sys.argv[1:]
    if user == "namespace":
        enter_namespace()
    elif user == "nobody":
        become_nobody()
    # After the change of user: that clears it.
    if libc.prctl(PR_SET_PDEATHSIG, int(signal), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != int(parent):
        return  # the parent died before the kernel knew of the wish
    try:
        os.execv(argv[0], argv)
    except OSError as error:
        sys.exit(f"{argv[0]} can't be started: {error.strerror}")


main()
