"""The product itself, as `saferweho dev` starts it: store, relay, projector and API as processes of their own."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from adapters.event_store import LOGINS
from adapters.identity.development_issuer import issue_token
from adapters.kafka import topics
from adapters.kafka.clients import admin
from api.processes.demonstration import person_of
from bench.stack import Stack
from infra.stack.plan import Call, Context, Plan, saferweho, the_product
from infra.stack.processes import free_port, wait_until
from infra.stack.supervisor import Service, Supervisor

PARTS = ("relay", "projector", "api")


@dataclass(frozen=True, slots=True)
class Product:
    """A running watch center with the demonstration's people. `database_url`: of the superuser."""

    base_url: str
    database_url: str
    home: Path
    pids: Mapping[str, int]

    def token(self, role: str, step_up: bool = False) -> str:
        """A bearer token of the demonstration's person of that role."""
        return issue_token(self.home, person_of(role), step_up, base_url=self.base_url)

    def shown(self, model: str, position: int) -> None:
        """Wait until a read model has come so far. Raises TimeoutError."""
        query = b"SELECT FROM projections.catalogue WHERE name = %s AND state = 'live' AND position >= %s"
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            if not wait_until(lambda: connection.execute(query, (model, position)).rowcount, 120):
                raise TimeoutError(f"{model} did not come to position {position} in 120 s")


@contextmanager
def product(
    stack: Stack, parts: Sequence[str] = PARTS, more: Callable[[Context, Plan], Sequence[Service]] = lambda *_: ()
) -> Iterator[Product]:
    """In a database and under topics of its own; all gone afterwards. `more`: services beside those of the plan."""
    name = f"bench_{secrets.token_hex(4)}"
    home = stack.home / name
    (home / "logs").mkdir(parents=True)
    with psycopg.connect(stack.postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        context = _context(stack, name, home)
        plan = the_product(context)
        for task in plan.prepare:
            if isinstance(task, Call):
                task.function()
            else:
                _run(task.argv, task.env)
        _run(saferweho("demonstration", "prepare"), {**context.env, "DATABASE_URL": context.database_url})
        services = [service for service in plan.services if service.name in parts]
        services += more(context, plan)
        supervisor = Supervisor(services, home / "logs", lambda *_: None)
        try:
            supervisor.start()
            yield Product(context.base_url, context.database_url, home, supervisor.pids())
        finally:
            supervisor.stop()
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            client = admin(stack.bootstrap)
            client.delete_topics([topics.name(name, topic.name) for topic in topics.TOPICS])
            client.close()


@contextmanager
def plain(watch_center: Product) -> Iterator[str]:
    """The base URL of `bench.plain`, a process of its own on the same database."""
    port = free_port()
    env = {"DATABASE_URL": watch_center.database_url, "PORT": str(port), "PYTHONPATH": str(_ROOT)}
    url = f"http://127.0.0.1:{port}"
    service = Service("plain", [sys.executable, "-m", "bench.plain"], env, f"{url}/openapi.json")
    supervisor = Supervisor([service], watch_center.home / "logs", lambda *_: None)
    try:
        supervisor.start()
        yield url
    finally:
        supervisor.stop()


def _context(stack: Stack, name: str, home: Path) -> Context:
    port = free_port()
    return Context(
        home=home,
        port=port,
        database_url=stack.postgres_url.removesuffix("/postgres") + f"/{name}",
        bootstrap=stack.bootstrap,
        passwords={login: secrets.token_hex(16) for login in LOGINS},
        gateway_key=secrets.token_hex(32),
        media_key=secrets.token_hex(32),
        drone_key=secrets.token_hex(32),
        cad_key=secrets.token_hex(32),
        env={
            "SAFERWEHO_ENV": "development",
            "SAFERWEHO_HOME": str(home),
            "SAFERWEHO_PORT": str(port),
            "SAFERWEHO_BASE_URL": f"http://127.0.0.1:{port}",
            "SAFERWEHO_TOPIC_PREFIX": name,
            "SAFERWEHO_LOG_LEVEL": "warning",
            "KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap,
        },
        demo=False,
    )


def _run(argv: Sequence[str], env: Mapping[str, str]) -> None:
    done = subprocess.run(argv, env=dict(env), capture_output=True, text=True, check=False, cwd=_ROOT)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)} failed:\n{done.stdout}{done.stderr}")


_ROOT = Path(__file__).resolve().parents[1]
