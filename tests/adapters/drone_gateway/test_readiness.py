"""The gateway as a process: it is ready when it may let a drone take off, and says why not until then."""

from __future__ import annotations

import httpx
import pytest

from api.processes import demonstration
from application.policies import Policies
from domain.policy import RECORD_ALL_KEEP_30_DAYS, parameters_sha256
from infra.stack.kafka import EmbeddedKafka
from tests.adapters.drone_gateway.ground import DRONE, GatewayProcess, Ground, done
from tests.adapters.mavlink.conftest import free_port
from tests.api.watch_center import until

pytestmark = pytest.mark.slow


def adopted(station: Ground, rules: str) -> None:
    """The use policy once more, adopted with access rules of this hash."""
    policies, parameters = Policies(station.handler), RECORD_ALL_KEEP_30_DAYS
    administrator = station.signed_on(demonstration.ADMINISTRATOR.id)
    done(policies.draft(administrator, parameters, "once more", cedar_set_sha256=rules))
    captain = station.signed_on(demonstration.COMMANDER.id)
    done(policies.adopt(captain, len(policies.book().drafts), parameters_sha256(parameters), rules))


def test_a_gateway_with_rules_that_nobody_adopted_is_not_ready_and_says_so(
    station: Ground, kafka: EmbeddedKafka
) -> None:
    ours = station.handler.authoriser.set_hash
    adopted(station, "ab" * 32)
    link = f"udpin:127.0.0.1:{free_port()}"
    gateway = GatewayProcess(station, f"{DRONE}@{link}#1", KAFKA_BOOTSTRAP_SERVERS=kafka.bootstrap)
    gateway.start()
    try:
        until(lambda: "nothing takes off" in str(gateway.health()["error"]), 60, what="it has compared the rules")
        answer = httpx.get(f"{gateway.url}/health/ready", timeout=60)
        assert (answer.status_code, answer.json()["ready"]) == (503, False)
        assert "abababababab" in answer.json()["gateway"]["error"]
        station.handler.authoriser.set_hash = "ab" * 32  # who runs with the adopted rules may adopt others
        adopted(station, ours)
        until(lambda: httpx.get(f"{gateway.url}/health/ready", timeout=60).status_code == 200, 60, what="it is ready")
        assert gateway.health()["error"] is None
        figures = httpx.get(f"{gateway.url}/metrics", timeout=60).text
        assert f'saferweho_link_bad_signature_total{{link="{link}"}} 0.0' in figures
        assert f'saferweho_drone_authenticated_state{{drone="{DRONE}"}} 0.0' in figures
    finally:
        gateway.stop()
