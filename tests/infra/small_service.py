"""A service for the supervisor's tests: `small_service.py HEALTH_PORT [deaf|refuse|flaky FILE]`.

Answers every path with 200. `deaf` ignores SIGTERM, `refuse` ends as one with wrong settings does, `flaky` dies at its
first start, which it marks in FILE.
"""

import json
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def stop(number: int, frame: object) -> None:
    raise SystemExit(0)


port, *behaviour = sys.argv[1:]
signal.signal(signal.SIGTERM, signal.SIG_IGN if behaviour == ["deaf"] else stop)
if behaviour == ["refuse"]:
    print("SAFERWEHO_ENV: is wrong")
    sys.exit(2)
if behaviour[:1] == ["flaky"] and not Path(behaviour[1]).exists():
    Path(behaviour[1]).touch()
    sys.exit(1)
print(json.dumps({"event": "drone_link_unsigned", "level": "warning", "link": "udpin", "timestamp": "t"}), flush=True)
ThreadingHTTPServer(("127.0.0.1", int(port)), Health).serve_forever()
