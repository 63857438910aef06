"""Ways to tell people and machines: mail over SMTP, webhooks signed by the Standard Webhooks specification."""

from adapters.notify.messenger import OutsideMessenger
from adapters.notify.smtp import MailServer
from adapters.notify.webhooks import Webhook, WebhooksFault, read_webhooks, signature

__all__ = ["MailServer", "OutsideMessenger", "Webhook", "WebhooksFault", "read_webhooks", "signature"]
