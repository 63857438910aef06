"""Mail and webhooks behind one port."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.notify.smtp import MailServer
from adapters.notify.webhooks import Webhook
from application.notices import NotDelivered


@dataclass(frozen=True)
class OutsideMessenger:
    """Implements `application.notices.Messenger`."""

    mail_server: MailServer | None = None
    webhooks: Mapping[str, Webhook] = field(default_factory=dict)

    def mail(self, notice: str, address: str, subject: str, text: str) -> str:
        if self.mail_server is None:
            raise NotDelivered("no mail server is set: SAFERWEHO_SMTP_URL", final=True)
        return self.mail_server.send(notice, address, subject, text)

    def call(self, notice: str, endpoint: str, content: Mapping[str, Any]) -> str:
        webhook = self.webhooks.get(endpoint)
        if webhook is None:
            raise NotDelivered(f"there is no webhook {endpoint} any more", final=True)
        return webhook.send(notice, f"saferweho.{content['rule']}", content)
