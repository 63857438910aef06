"""A gateway's figures for Prometheus: what its links carried, good and bad, and which drones are authenticated."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from adapters.mavlink.gateway import Gateway
from adapters.mavlink.state import Authentication

COUNTED = {
    "frames": "Frames with a right checksum",
    "bad_crc": "Damaged frames: the checksum is wrong",
    "skipped_bytes": "Bytes outside any good frame",
    "unknown": "Frame starts that the dialect does not know",
    "bad_signature": "Forged frames: the signature is wrong",
    "replayed": "Frames that were signed, and believed, before",
    "unsigned": "Unsigned frames that claim to be of a drone with a key",
    "strangers": "Good frames of systems that are not configured",
    "parser_errors": "Frames whose content could not be read",
    "dropped": "Chunks that a full buffer lost",
}


class GatewayFigures(Collector):
    """Read when asked, out of the gateway's own counts. `saferweho_link_*` counts a link with all its drones, and
    `saferweho_drone_*` what came of one of them."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def collect(self) -> Iterator[Metric]:
        counts, crafts = self._gateway.counts(), self._gateway.crafts
        for name, what in COUNTED.items():
            by_link = CounterMetricFamily(f"saferweho_link_{name}", f"{what}, by link", labels=["link"])
            by_drone = CounterMetricFamily(f"saferweho_drone_{name}", f"{what}, by drone", labels=["drone"])
            for source, counted in counts.items():
                (by_drone if source in crafts else by_link).add_metric([source], counted[name])
            yield by_link
            yield by_drone
        up = GaugeMetricFamily("saferweho_link_up_state", "1 while the link is open", labels=["link"])
        for address, error in self._gateway.links().items():
            up.add_metric([address], error is None)
        yield up
        linked = GaugeMetricFamily("saferweho_drone_linked_state", "1 while the drone is heard", labels=["drone"])
        proven = GaugeMetricFamily(
            "saferweho_drone_authenticated_state",
            "1 while the drone's frames are signed and believed",
            labels=["drone"],
        )
        for name, craft in crafts.items():
            linked.add_metric([name], craft.state.linked)
            proven.add_metric([name], craft.state.authentication is Authentication.AUTHENTICATED)
        yield linked
        yield proven
