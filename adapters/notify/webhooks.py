"""Webhooks signed as the Standard Webhooks specification says (v1: HMAC-SHA256 over `id.timestamp.body`).

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import stat
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from application.notices import NotDelivered

TIMEOUT_S = 10.0
GONE = 410  # the receiver wants no more, says the specification


class WebhooksFault(Exception):
    """The file of webhooks cannot be used."""


@dataclass(frozen=True)
class Webhook:
    name: str
    url: str
    key: bytes = field(repr=False)

    def send(self, notice: str, kind: str, content: Mapping[str, Any], clock: Callable[[], float] = time.time) -> str:
        """Raises NotDelivered."""
        at = int(clock())
        body = msgspec.json.encode({"type": kind, "timestamp": at, "data": content})
        headers = {
            "content-type": "application/json",
            "webhook-id": notice,
            "webhook-timestamp": str(at),
            "webhook-signature": signature(self.key, notice, at, body),
        }
        try:
            answer = httpx.post(self.url, content=body, headers=headers, timeout=TIMEOUT_S, follow_redirects=False)
        except httpx.HTTPError as error:
            raise NotDelivered(f"{self.name} does not answer: {type(error).__name__}") from None
        if not answer.is_success:
            raise NotDelivered(f"{self.name} answered {answer.status_code}", final=answer.status_code == GONE)
        return f"{self.name} answered {answer.status_code}"


def signature(key: bytes, id_: str, timestamp: int, body: bytes) -> str:
    signed = hmac.digest(key, b".".join((id_.encode(), str(timestamp).encode(), body)), hashlib.sha256)
    return f"v1,{base64.b64encode(signed).decode()}"


def read_webhooks(file: Path | None) -> dict[str, Webhook]:
    """One a line: `NAME URL whsec_BASE64`; '#' begins a comment. Raises WebhooksFault."""
    if file is None:
        return {}
    if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise WebhooksFault(f"{file} can be read by others than its owner: chmod 600 {file}")
    found: dict[str, Webhook] = {}
    for number, line in enumerate(file.read_text().splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            name, url, secret = words
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except (ValueError, binascii.Error):
            raise WebhooksFault(f"{file}, line {number}: accepted: NAME URL whsec_BASE64") from None
        local = urlsplit(url).hostname in ("127.0.0.1", "::1", "localhost")
        if len(key) < 24 or urlsplit(url).scheme not in ("https", *(("http",) if local else ())):
            raise WebhooksFault(f"{file}, line {number}: accepted: an https address and a secret of 24 to 64 bytes")
        found[name] = Webhook(name, url, key)
    return found
