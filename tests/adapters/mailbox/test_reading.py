"""Mails as anybody may write them: read as far as they can be, and never trusted."""

from __future__ import annotations

import quopri
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.mailbox.reading import READ_AT_MOST, Read, Unreadable, read
from domain import checks
from domain.complaint import LONGEST


def letter(text: str = "The drone stood over our yard.", **headers: str) -> EmailMessage:
    message = EmailMessage()
    for name, value in {"From": "Ana Pérez <ana@example.org>", "Subject": "Your drone", **headers}.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message


def told(message: EmailMessage | bytes) -> Read:
    raw = message if isinstance(message, bytes) else message.as_bytes()
    return read(raw[:READ_AT_MOST], len(raw))


def test_who_writes_what_is_read_and_nothing_else() -> None:
    found = told(letter(Message_ID="<1@example.org>"))
    assert (found.said, found.name, found.contact) == (
        "Your drone\n\nThe drone stood over our yard.",
        "Ana Pérez",
        "ana@example.org",
    )
    assert (found.message_id, found.answer_to, found.automatic) == ("<1@example.org>", "ana@example.org", False)


def test_html_alone_is_read_as_text() -> None:
    message = letter()
    message.set_content(
        "<head><title>x</title><style>p{}</style></head><p>It was <b>loud</b>&nbsp;&amp; low.</p><script>bad()</script>"
        "<div>Ana</div>",
        subtype="html",
    )
    assert told(message).said == "Your drone\n\nIt was loud & low.\nAna"


def test_the_text_is_preferred_to_its_html() -> None:
    message = letter("as text")
    message.add_alternative("<p>as HTML</p>", subtype="html")
    assert told(message).said == "Your drone\n\nas text"


def test_attachments_are_left_and_the_text_says_which() -> None:
    message = letter()
    message.add_attachment(b"\xff\xd8" * 40_000, maintype="image", subtype="jpeg", filename="yard.jpg")
    message.add_attachment(letter("another"), filename=None)
    said = told(message).said
    assert "Left in the mailbox" in said and "yard.jpg (image/jpeg)" in said and "message/rfc822" in said
    assert "another" not in said.partition("[")[0]


def test_a_picture_alone_is_feedback_too() -> None:
    message = EmailMessage()
    message.add_attachment(b"\xff\xd8", maintype="image", subtype="jpeg", filename="x.jpg")
    assert "x.jpg" in told(message).said


def test_what_is_too_long_or_too_large_is_cut_and_says_so() -> None:
    found = told(letter("x" * 20_000)).said
    assert len(found) == LONGEST and "20012 characters in all" in found
    huge = letter("short")
    huge.add_attachment(b"\0" * 2_000_000, maintype="application", subtype="zip", filename="bomb.zip")
    said = told(huge).said
    assert said.startswith("Your drone\n\nshort") and "larger than what is read" in said


@pytest.mark.parametrize("charset", ["x-klingon", "utf-16", "utf-8"])
def test_a_text_in_a_charset_that_does_not_fit_is_read_all_the_same(charset: str) -> None:
    body = quopri.encodestring("Müll, ñandú".encode("latin-1")).decode()
    raw = f"From: a@b.example\nContent-Type: text/plain; charset={charset}\n".encode()
    raw += f"Content-Transfer-Encoding: quoted-printable\n\n{body}".encode()
    assert told(raw).said


def test_marks_that_turn_writing_round_are_left_out_rather_than_refused() -> None:
    said = told(letter("pay \u202egnp.exe\u202c now\x07")).said
    assert checks.text("said", said, at_most=LONGEST) == said == "Your drone\n\npay gnp.exe now"


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated; owner-email=x@y.example"},
        {"Return_Path": "<>"},
    ],
)
def test_what_machines_write_is_known_for_it(headers: dict[str, str]) -> None:
    assert told(letter(**headers)).automatic


@pytest.mark.parametrize(
    "headers", [{"Precedence": "bulk"}, {"List_Id": "<neighbours.example>"}, {"From": "nobody"}, {"From": "a b@c d"}]
)
def test_lists_and_those_without_an_address_are_not_answered(headers: dict[str, str]) -> None:
    found = told(letter(**headers))
    assert found.answer_to is None and not found.automatic


def test_the_answer_goes_where_the_mail_came_from_and_not_where_it_says() -> None:
    assert told(letter(Return_Path="<bounce@example.net>")).answer_to == "bounce@example.net"
    assert told(letter(Reply_To="victim@example.net")).answer_to == "ana@example.org"


def test_a_header_cannot_put_another_into_ours() -> None:
    raw = b"From: =?utf-8?q?x=0D=0ABcc=3A_all=40example=2Eorg?= <a@b.example>\nSubject: =?utf-8?q?a=0D=0AX=3A_y?=\n\nhi"
    found = told(raw)
    assert not {"\r", "\n"} & {*found.name, *found.message_id, *found.contact}
    assert found.said.startswith("a") and "hi" in found.said


def nested(depth: int) -> bytes:
    raw = b"From: a@b.example\nSubject: deep\n"
    for n in range(depth):
        raw += f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n".encode()
    return raw + b"Content-Type: text/plain\n\nat the bottom\n"


def test_a_mail_of_mails_of_mails_ends_the_reading_and_not_the_reader() -> None:
    assert "deep" in told(nested(5)).said
    with pytest.raises(Unreadable):
        told(nested(5_000))
    wide = b"From: a@b.example\nSubject: wide\nContent-Type: multipart/mixed; boundary=b\n\n"
    wide += b"--b\nContent-Type: image/png\n\nx\n" * 5_000
    assert "and" in told(wide).said and len(told(wide).said) < 1500


def test_an_empty_mail_is_unreadable() -> None:
    for raw in (b"", b"\n", b"From: a@b.example\n\n  \n"):
        with pytest.raises(Unreadable):
            told(raw)


@given(
    st.binary(max_size=2000), st.sampled_from([b"", b"Subject: x\n", b"Content-Type: multipart/mixed; boundary=b\n"])
)
@settings(max_examples=300, deadline=None)
def test_any_bytes_at_all_are_read_or_told_unreadable(raw: bytes, head: bytes) -> None:
    try:
        found = told(head + raw)
    except Unreadable:
        return
    assert checks.text("said", found.said, at_most=LONGEST) == found.said
