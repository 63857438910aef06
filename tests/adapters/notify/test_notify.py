"""Mail on a real mail server, webhooks on a real HTTP server: what is taken, what will mend, what will not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path

import pytest

from adapters.notify import MailServer, OutsideMessenger, Webhook, WebhooksFault, read_webhooks, signature
from application.notices import NotDelivered
from infra.stack.processes import free_port
from tests.adapters.notify.receivers import http_server, mail_server

KEY = bytes(range(32))


def server(port: int) -> MailServer:
    return MailServer(f"smtp://127.0.0.1:{port}", "watch@weho.example")


def test_a_mail_arrives_with_the_id_of_its_notification() -> None:
    with mail_server() as box:
        server(box.port).send("n-1", "lee@lasd.example", "Break-glass was invoked", "override-o1, Señora Pérez’ door")
    (message,) = box.messages
    assert message["To"] == "lee@lasd.example" and message["From"] == "watch@weho.example"
    assert message["Subject"] == "[Safer WeHo] Break-glass was invoked"
    assert message["Message-ID"] == "<n-1@weho.example>" and message["Auto-Submitted"] == "auto-generated"
    assert "Señora Pérez’ door" in message.get_content()


def test_a_mail_server_that_refuses_for_now_or_is_away_may_mend() -> None:
    with mail_server(answers=["451 4.3.0 try later"]) as box, pytest.raises(NotDelivered, match="451") as later:
        server(box.port).send("n-1", "lee@lasd.example", "s", "t")
    assert not later.value.final
    with pytest.raises(NotDelivered, match="does not answer") as away:
        server(free_port()).send("n-1", "lee@lasd.example", "s", "t")
    assert not away.value.final


def test_a_mailbox_that_does_not_exist_will_not_mend() -> None:
    unknown = frozenset({"gone@lasd.example"})
    with mail_server(unknown=unknown) as box, pytest.raises(NotDelivered, match="no such mailbox") as gone:
        server(box.port).send("n-1", "gone@lasd.example", "s", "t")
    assert gone.value.final


def test_what_is_not_set_up_is_said() -> None:
    with pytest.raises(NotDelivered, match="SAFERWEHO_SMTP_URL") as no_mail:
        OutsideMessenger().mail("n-1", "lee@lasd.example", "s", "t")
    with pytest.raises(NotDelivered, match="no webhook dispatch") as no_machine:
        OutsideMessenger().call("n-1", "dispatch", {"rule": "expiry"})
    assert no_mail.value.final and no_machine.value.final


def test_a_webhook_is_signed_so_that_its_receiver_can_check_it() -> None:
    with http_server() as machine:
        hook = Webhook("dispatch", machine.url, KEY)
        OutsideMessenger(None, {"dispatch": hook}).call("n-1", "dispatch", {"rule": "break_glass", "text": "é"})
    (headers, body) = machine.requests[0]
    # What the specification tells a receiver to do.
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}" and headers["webhook-id"] == "n-1"
    assert json.loads(body)["type"] == "saferweho.break_glass" and json.loads(body)["data"]["text"] == "é"


def test_the_signature_is_that_of_the_specification_s_own_example() -> None:
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    told = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert told == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(("status", "final"), [(503, False), (404, False), (302, False), (410, True)])
def test_a_machine_that_does_not_take_it(status: int, final: bool) -> None:
    with http_server() as machine:
        machine.answers.append(status)
        with pytest.raises(NotDelivered, match=str(status)) as refused:
            Webhook("dispatch", machine.url, KEY).send("n-1", "k", {})
    assert refused.value.final is final
    with pytest.raises(NotDelivered, match="does not answer"):
        Webhook("dispatch", f"http://127.0.0.1:{free_port()}/", KEY).send("n-1", "k", {})


def test_webhooks_come_from_a_file_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "webhooks"
    secret = base64.b64encode(KEY).decode()
    file.write_text(f"# ours\ndispatch https://cad.example/hook whsec_{secret}\n")
    file.chmod(0o600)
    assert read_webhooks(file)["dispatch"].key == KEY
    assert secret not in repr(read_webhooks(file))
    for wrong in ("dispatch https://cad.example", f"d http://cad.example whsec_{secret}", "d https://x whsec_c2hvcnQ="):
        file.write_text(wrong)
        with pytest.raises(WebhooksFault, match="line 1"):
            read_webhooks(file)
    file.chmod(0o644)
    with pytest.raises(WebhooksFault, match="chmod 600"):
        read_webhooks(file)
    assert read_webhooks(None) == {}
