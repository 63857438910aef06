"""A relay in a process of its own, to be stopped and killed: `python -m tests.faults.relay_process '{"holder": …}'`."""

from __future__ import annotations

import json
import signal
import sys
import threading

from adapters.kafka.relay import Relay


def main() -> None:
    settings = json.loads(sys.argv[1])
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    relay = Relay(settings.pop("database_url"), settings.pop("bootstrap"), **settings)

    def tell() -> None:
        while not stop.wait(0.02):
            status = relay.status()
            print(json.dumps({"state": status.state, "position": status.position, "epoch": status.epoch}), flush=True)

    threading.Thread(target=tell, daemon=True).start()
    relay.run(stop)


if __name__ == "__main__":
    main()
