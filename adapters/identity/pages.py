"""The few plain pages around signing in. They work without scripts and without the application's own files."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from starlette.responses import HTMLResponse

_STYLE = (
    "body{background:#10151c;color:#e8edf2;font:1rem/1.5 system-ui,sans-serif;margin:0;display:grid;min-height:100vh;"
    "place-items:center}main{max-width:34rem;padding:2rem}h1{font-size:1.4rem;margin:0 0 .6rem}"
    "code{background:#1c2530;padding:.1rem .3rem;border-radius:.2rem}"
    "button{font:inherit;padding:.6rem 1.2rem;border:0;border-radius:.3rem;background:#f2b84b;color:#10151c;"
    "font-weight:600;cursor:pointer}a{color:#f2b84b}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def page(title: str, *paragraphs: str, status: int = 200, form: str = "") -> HTMLResponse:
    """`paragraphs` are text; `form` is HTML of our own."""
    body = "".join(f"<p>{escape(text)}</p>" for text in paragraphs)
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)} · Safer WeHo</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><main><h1>{escape(title)}</h1>{body}{form}</main></body></html>",
        status_code=status,
        headers=HEADERS,
    )
