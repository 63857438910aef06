"""An ONVIF device of others' making (ipycam), as a process: `python -m tests.adapters.cameras.onvif_device PORT`.

It answers WS-Discovery on the loopback and Profile S over HTTP, and knows its user by a digest. Prints `ready`.
"""

from __future__ import annotations

import sys
import threading
from types import ModuleType

USER, PASSWORD = "operator", "pass word/:@#"
LOOPBACK = "127.0.0.1"


def main() -> None:
    # It draws no pictures here, so it does without OpenCV, which wants a graphics library that not every machine has.
    sys.modules["cv2"] = ModuleType("cv2")
    from ipycam import CameraConfig, IPCamera

    config = CameraConfig(
        name="Plummer_Gate",
        manufacturer="Acme",
        model="Bullet 4",
        serial_number="SN-0417",
        firmware_version="1.2.3",
        local_ip=LOOPBACK,
        onvif_port=int(sys.argv[1]),
        username=USER,
        password=PASSWORD,
    )
    camera = IPCamera(config)
    camera.start()
    print("ready", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
