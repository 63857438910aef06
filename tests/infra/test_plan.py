"""What `saferweho dev` runs: each process with rights and ports of its own."""

from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from adapters.event_store import LOGINS
from infra.stack.plan import Context, Task, the_product

OUTSIDE = ("vehicle", "cameras", "drone-camera")  # what is simulated has no health of ours


def context(home: Path, demo: bool) -> Context:
    return Context(
        home=home,
        port=8080,
        database_url="postgresql://postgres:owner@127.0.0.1:5433/saferweho",
        bootstrap="127.0.0.1:9092",
        passwords={login: f"p@ss/{login}" for login in LOGINS},
        gateway_key="key",
        media_key="key",
        drone_key="00" * 32,
        cad_key="key of dispatch",
        env={"SAFERWEHO_ENV": "development"},
        demo=demo,
    )


def test_no_service_has_the_owners_database_login(tmp_path: Path) -> None:
    plan = the_product(context(tmp_path, demo=True))
    users = {
        service.name: conninfo_to_dict(service.env["DATABASE_URL"])["user"]
        for service in plan.services
        if "DATABASE_URL" in service.env
    }
    assert users["relay"] == "saferweho_relay"
    assert set(users.values()) <= set(LOGINS)


def test_a_password_with_signs_of_its_own_survives_the_address(tmp_path: Path) -> None:
    parts = conninfo_to_dict(context(tmp_path, demo=False).url_as("saferweho_api"))
    assert (parts["password"], parts["host"], parts["port"]) == ("p@ss/saferweho_api", "127.0.0.1", "5433")


def test_every_service_says_when_it_is_ready_on_a_port_of_its_own(tmp_path: Path) -> None:
    services = the_product(context(tmp_path, demo=True)).services
    ports = [service.env["SAFERWEHO_HEALTH_PORT"] for service in services if service.name not in OUTSIDE]
    assert len(ports) == len(set(ports))
    assert all(service.ready for service in services if service.name not in OUTSIDE)


def test_without_the_demonstration_nothing_flies(tmp_path: Path) -> None:
    bare = the_product(context(tmp_path, demo=False))
    assert {service.name for service in bare.services} == {
        "relay",
        "projector",
        "reactor",
        "scheduler",
        "drone-gateway",
        "media",
        "exporter",
        "api",
    }
    assert [task.name for task in bare.prepare if isinstance(task, Task)] == ["migrate", "topics"]
