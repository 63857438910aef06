"""`python -m tests.infra.small_stack HOME [PORT]`: the real `saferweho dev`, with two small services as its plan.

SMALL_SERVICE: behaviour of the first, see small_service.py. SMALL_TASK: Python to run before them.
"""

import os
import sys
from pathlib import Path

from infra.stack.dev import run_dev
from infra.stack.plan import Call, Context, Plan, Task
from infra.stack.processes import free_port
from infra.stack.supervisor import Service

SERVICE = str(Path(__file__).with_name("small_service.py"))


def plan(context: Context) -> Plan:
    health = free_port()
    behaviour = os.environ.get("SMALL_SERVICE", "").split()
    task = os.environ.get("SMALL_TASK", "print('done')")
    say = [sys.executable, "-c", "print('sign in: a link')"]
    return Plan(
        [Task("a task", [sys.executable, "-c", task], context.env), Call("a call", lambda: None)],
        [
            Service(
                "first", [sys.executable, SERVICE, str(health), *behaviour], context.env, f"http://127.0.0.1:{health}/"
            ),
            Service("pages", [sys.executable, SERVICE, str(context.port)], context.env, context.base_url, wave=1),
        ],
        [Task("links", say, context.env, shown=True)],
    )


if __name__ == "__main__":
    home, *port = sys.argv[1:]
    sys.exit(run_dev(Path(home), int(port[0]) if port else None, plan=plan))
