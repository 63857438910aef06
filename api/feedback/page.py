"""The public page as HTML: no scripts, no files of others, nothing but what it says."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from html import escape

from starlette.responses import HTMLResponse

from api.feedback.words import LANGUAGES, PHASES, RESOLUTIONS, TOPICS, WORDS
from application.complaints import Progress
from domain.complaint import LONGEST

STYLE = """
:root{color-scheme:light dark;--ink:#16202b;--paper:#fbfaf7;--soft:#55616d;--line:#8a949e;--act:#0b5f8a;
--bad:#a3241b;--box:#f0ede5}
@media(prefers-color-scheme:dark){:root{--ink:#e8edf2;--paper:#10151c;--soft:#aab5c0;--line:#76828e;
--act:#7cc4ee;--bad:#ff9d92;--box:#1b232d}
}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:1.0625rem/1.55 system-ui,sans-serif}
main{max-width:40rem;margin:0 auto;padding:1.5rem 1.25rem 4rem}
nav{text-align:right}
a{color:var(--act)}
h1{font-size:1.75rem;line-height:1.2;margin:.5rem 0 .75rem}
h2{font-size:1.15rem;margin:0 0 .35rem}
label,legend{display:block;font-weight:600;margin:1.4rem 0 .3rem}
.hint,.soft{color:var(--soft);font-weight:400;margin:.1rem 0 .4rem}
input[type=text],select,textarea{width:100%;font:inherit;color:inherit;background:transparent;
border:1px solid var(--line);border-radius:.3rem;padding:.55rem .65rem}
select option{color:#16202b;background:#fff}
textarea{min-height:11rem;resize:vertical}
.tick{display:flex;gap:.6rem;align-items:center;font-weight:400}
.tick input{width:1.25rem;height:1.25rem}
button{font:inherit;font-weight:650;margin-top:1.4rem;padding:.7rem 1.8rem;border:0;border-radius:.3rem;
background:var(--act);color:var(--paper);cursor:pointer}
:focus-visible{outline:3px solid var(--act);outline-offset:2px}
[aria-invalid=true]{border:2px solid var(--bad)}
.box{background:var(--box);border-radius:.4rem;padding:1rem 1.1rem;margin:1.5rem 0}
.box p{margin:.2rem 0}
.bad{border-left:.35rem solid var(--bad)}
.receipt{font:600 1.5rem/1.4 ui-monospace,monospace;letter-spacing:.04em;overflow-wrap:anywhere}
.trap{position:absolute;left:-100vw;width:1px;height:1px;overflow:hidden}
.answer{white-space:pre-wrap;overflow-wrap:anywhere}
table{width:100%;border-collapse:collapse;margin:1.5rem 0}
th,td{text-align:left;padding:.4rem .6rem .4rem 0;border-bottom:1px solid var(--line)}
td:last-child,th:last-child{text-align:right;padding-right:0;font-variant-numeric:tabular-nums;white-space:nowrap}
"""
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    # Not 'no-referrer': with that a browser says of its own form that it comes from nowhere.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
FORM, RECEIPT = "/feedback", "/feedback/receipt"


def framed(language: str, at: str, title: str, body: str, status: int = 200) -> HTMLResponse:
    """A page for the public, with a link to itself in the other languages."""
    others = " ".join(
        f'<a href="{at}?lang={code}" lang="{code}" hreflang="{code}">{name}</a>'
        for code, name in LANGUAGES.items()
        if code != language
    )
    return HTMLResponse(
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        f"<title>{escape(title)} · Safer WeHo</title>"
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
        f"<body><main><nav>{others}</nav><h1>{escape(title)}</h1>{body}</main></body></html>",
        status,
        {**HEADERS, "content-language": language},
    )


def _errors(language: str, errors: Sequence[str]) -> str:
    """A list that is read out at once, each line leading to its field."""
    if not errors:
        return ""
    words = WORDS[language]
    lines = "".join(
        f'<p><a href="#{code}">{escape(words[f"error.{code}"])}</a></p>'
        if code in _FIELDS
        else f"<p>{escape(words[f'error.{code}'])}</p>"
        for code in errors
    )
    return f'<div class="box bad" role="alert"><h2>{escape(words["error_title"])}</h2>{lines}</div>'


_FIELDS = ("topic", "said", "name", "contact", "trap", "receipt")


def _wrong(name: str, errors: Sequence[str]) -> str:
    return ' aria-invalid="true"' if name in errors else ""


def form(
    language: str, token: str, given: Mapping[str, str], errors: Sequence[str] = (), status: int = 200
) -> HTMLResponse:
    """`token`: seals that the form is ours; `given`: what was typed already, by the names of the fields."""
    words = WORDS[language]

    def said(name: str) -> str:
        return escape(given.get(name, ""))

    topics = "".join(
        f'<option value="{topic}"{" selected" if given.get("topic") == topic else ""}>{escape(name)}</option>'
        for topic, name in TOPICS[language].items()
    )

    def line(name: str, hint: str = "", autocomplete: str = "off") -> str:
        described = f' aria-describedby="{name}-hint"' if hint else ""
        below = f'<p class="hint" id="{name}-hint">{escape(words[hint])}</p>' if hint else ""
        return (
            f'<label for="{name}">{escape(words[name])}</label>{below}<input type="text" id="{name}" name="{name}"'
            f' value="{said(name)}" maxlength="200" autocomplete="{autocomplete}"{described}{_wrong(name, errors)}>'
        )

    wanted = " checked" if given.get("wants_answer") else ""
    body = f"""<p>{escape(words["lead"])}</p><p><strong>{escape(words["emergency"])}</strong></p>
{_errors(language, errors)}
<form method="post" action="{FORM}"><input type="hidden" name="form" value="{escape(token)}">
<input type="hidden" name="lang" value="{language}">
<label for="topic">{escape(words["topic"])}</label>
<select id="topic" name="topic"{_wrong("topic", errors)}>{topics}</select>
<label for="said">{escape(words["said"])}</label><p class="hint" id="said-hint">{escape(words["said_hint"])}</p>
<textarea id="said" name="said" required maxlength="{LONGEST}" aria-describedby="said-hint"{_wrong("said", errors)}>
{said("said")}</textarea>
{line("name", autocomplete="name")}
{line("contact", "contact_hint", "email")}
<label class="tick">
<input type="checkbox" name="wants_answer" value="yes"{wanted}>{escape(words["wants_answer"])}</label>
<div class="trap" aria-hidden="true"><label for="trap">{escape(words["trap"])}</label>
<input type="text" id="trap" name="trap" tabindex="-1" autocomplete="off"></div>
<div class="box"><h2>{escape(words["kept_title"])}</h2><p>{escape(words["kept"])}</p></div>
<p>{escape(words["consent"])}</p><button>{escape(words["send"])}</button></form>
<p><a href="{RECEIPT}?lang={language}">{escape(words["have_receipt"])}</a></p>"""
    return framed(language, FORM, words["title"], body, status)


def received(language: str, receipt: str) -> HTMLResponse:
    words = WORDS[language]
    body = f"""<div class="box" role="status"><h2>{escape(words["receipt_is"])}</h2>
<p class="receipt">{escape(receipt)}</p></div><p>{escape(words["receipt_why"])}</p>
<p><a href="{RECEIPT}?lang={language}">{escape(words["have_receipt"])}</a></p>
<p><a href="{FORM}?lang={language}">{escape(words["another"])}</a></p>"""
    return framed(language, FORM, words["received_title"], body)


def lookup(
    language: str, receipt: str = "", found: Progress | None = None, errors: Sequence[str] = (), status: int = 200
) -> HTMLResponse:
    words = WORDS[language]
    body = f"""{_errors(language, errors)}{_progress(language, found) if found else ""}
<form method="post" action="{RECEIPT}"><input type="hidden" name="lang" value="{language}">
<label for="receipt">{escape(words["receipt"])}</label>
<p class="hint" id="receipt-hint">{escape(words["receipt_hint"])}</p>
<input type="text" id="receipt" name="receipt" value="{escape(receipt)}" maxlength="64" autocomplete="off"
 aria-describedby="receipt-hint"{_wrong("receipt", errors)}>
<button>{escape(words["look"])}</button></form><p><a href="{FORM}?lang={language}">{escape(words["another"])}</a></p>"""
    return framed(language, RECEIPT, words["lookup_title"], body, status)


def _progress(language: str, found: Progress) -> str:
    words = WORDS[language]
    lines = [f"<h2>{escape(PHASES[language][found.phase])}</h2>"]
    lines.append(f'<p class="soft">{escape(words["received_on"])} {found.received_at:%Y-%m-%d}.</p>')
    if found.answer_by is not None:
        lines.append(f"<p>{escape(words['answer_by'])} {found.answer_by:%Y-%m-%d}.</p>")
    if found.resolution is not None:
        lines.append(f"<p>{escape(RESOLUTIONS[language][found.resolution])}</p>")
        if found.answer is None:
            lines.append(f"<p>{escape(words['unreadable'])}</p>")
        else:
            lines.append(f'<h2>{escape(words["our_answer"])}</h2><p class="answer">{escape(found.answer)}</p>')
    return f'<div class="box" role="status">{"".join(lines)}</div>'


def plain(language: str, code: str, status: int) -> HTMLResponse:
    """Where there is no form to show again."""
    words = WORDS[language]
    again = f'<p><a href="{FORM}?lang={language}">{escape(words["another"])}</a></p>'
    return framed(language, FORM, words["title"], _errors(language, [code]) + again, status)
