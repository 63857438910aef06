"""The gateway as a process: it is ready when it may let a drone take off, and says why not until then."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from adapters.cedar import PolicyFiles
from api.processes import demonstration
from application.gateway import GatewayUnavailable
from application.policies import Policies
from domain.drone import OrderOutcome, SafetyOrder
from domain.policy import RECORD_ALL_KEEP_30_DAYS, parameters_sha256, policy_last_in_force
from infra.stack.kafka import EmbeddedKafka
from tests.adapters.drone_gateway.ground import DRONE, PILOT, GatewayProcess, Ground, done
from tests.adapters.mavlink.conftest import free_port
from tests.api.watch_center import until

pytestmark = pytest.mark.slow


def adopted(station: Ground, next_release: PolicyFiles | None = None) -> None:
    """The use policy once more, with the access rules that are here, or in a moment with those of another release."""
    policies, parameters = Policies(station.handler), RECORD_ALL_KEEP_30_DAYS
    texts, rules, begins = None, station.handler.authoriser.set_hash, None
    if next_release is not None:
        texts, rules = next_release.texts, next_release.set_hash
        begins = station.handler.clock.now() + timedelta(seconds=2)
    administrator = station.signed_on(demonstration.ADMINISTRATOR.id)
    done(policies.draft(administrator, parameters, "once more", next_rules=texts))
    captain = station.signed_on(demonstration.COMMANDER.id)
    done(policies.adopt(captain, len(policies.book().drafts), parameters_sha256(parameters), rules, begins))


def binding(station: Ground) -> str:
    """The hash of the access rules that bind now."""
    policy = policy_last_in_force(Policies(station.handler).book(), station.handler.clock.now())
    assert policy is not None
    return policy.cedar_set_sha256


def test_a_gateway_with_rules_that_nobody_adopted_is_not_ready_and_says_so(
    station: Ground, kafka: EmbeddedKafka
) -> None:
    coming = PolicyFiles({**PolicyFiles.read().texts, "99-next.cedar": "// The next release says one thing more.\n"})
    adopted(station, coming)
    until(lambda: binding(station) == coming.set_hash, 30, what="the next release's rules bind")
    link = f"udpin:127.0.0.1:{free_port()}"
    gateway = GatewayProcess(station, f"{DRONE}@{link}#1", KAFKA_BOOTSTRAP_SERVERS=kafka.bootstrap)
    gateway.start()
    try:
        until(lambda: "nothing takes off" in str(gateway.health()["error"]), 60, what="it has compared the rules")
        answer = httpx.get(f"{gateway.url}/health/ready", timeout=60)
        assert (answer.status_code, answer.json()["ready"]) == (503, False)
        assert coming.set_hash[:12] in answer.json()["gateway"]["error"]
        adopted(station)  # the way back, by two persons
        until(lambda: httpx.get(f"{gateway.url}/health/ready", timeout=60).status_code == 200, 60, what="it is ready")
        assert gateway.health()["error"] is None
        figures = httpx.get(f"{gateway.url}/metrics", timeout=60).text
        assert f'saferweho_link_bad_signature_total{{link="{link}"}} 0.0' in figures
        assert f'saferweho_drone_authenticated_state{{drone="{DRONE}"}} 0.0' in figures
    finally:
        gateway.stop()


def test_a_gateway_that_cannot_read_its_zones_is_not_ready_and_lets_nothing_take_off(
    station: Ground, kafka: EmbeddedKafka
) -> None:
    zones = station.home / "gateway" / "zones.json"
    zones.write_bytes(b"half of it")
    flight = station.ordered(station.authorised())
    link = f"udpin:127.0.0.1:{free_port()}"
    gateway = GatewayProcess(station, f"{DRONE}@{link}#1", KAFKA_BOOTSTRAP_SERVERS=kafka.bootstrap)
    gateway.start()
    try:
        until(lambda: gateway.health()["rules_adopted"], 60, what="it has compared the rules")
        answer = httpx.get(f"{gateway.url}/health/ready", timeout=60)
        told = answer.json()["gateway"]
        assert (answer.status_code, told["ok"], told["zones_known"]) == (503, False, False)
        assert "zones.json cannot be read" in told["error"]
        with pytest.raises(GatewayUnavailable, match="zones") as refused:
            gateway.launch(flight)
        assert refused.value.code == "zones_unknown"
        # An order of safety asks for no zones: it is refused for the link alone, which is down here.
        sent = gateway.safety(flight, SafetyOrder.RETURN, station.signed_on(PILOT))
        assert sent.outcome is OrderOutcome.UNKNOWN
    finally:
        gateway.stop()
