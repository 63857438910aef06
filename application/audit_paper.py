"""Records of the audit trail on paper: what the template `audit_export` is given.

Everything that somebody else wrote is shown as it is: what no typeface of the document has, or what a reader could not
see or would be misled by, stands there by its number, and words too long for their line break.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from domain.kernel import EVENT_TYPES

TITLE = "Export of the audit trail"
DESCRIPTION = "Records of the watch center's audit trail in the order of the log, with what was left out and by whom"
# Latin with its accents, Greek, Cyrillic, and the marks of print: what both typefaces have, without what is not seen.
_UNSEEN = re.compile("[^ -~¡-¬®-žΑ-ΡΣ-ώА-яѐ-ѓ–—‘’“”•…€]")
NARROW, WIDE = 24, 100  # how many characters of a word surely fit a line of a column, and one of the page
BREAK = "\u200b"  # zero width space: where a line may end


def content(
    stream: str,
    facts: Mapping[str, str],
    left_out: Sequence[Mapping[str, Any]],
    rows: Sequence[tuple[int, dict[str, Any], tuple[str, ...]]],
    names: Mapping[str, str],
) -> str:
    """JSON. `facts`: about the whole, in their order; `left_out`: element, times, section, reason and by; `rows`:
    position, event and the elements left out of it."""
    given = {
        "title": TITLE,
        "description": DESCRIPTION,
        "stream": stream,
        "facts": [{"name": name, "value": shown(value)} for name, value in facts.items()],
        "left_out": [{name: shown(str(value)) for name, value in each.items()} for each in left_out],
        "rows": [_row(*row, names) for row in rows],
    }
    return msgspec.json.encode(given).decode()


def shown(text: str, line: int = WIDE) -> str:
    """The text with what cannot be shown by its number, as \\u{202e}; words break where a line must end."""
    return _breakable(_UNSEEN.sub(lambda c: f"\\u{{{ord(c[0]):x}}}", text), line)


def _json(value: Any) -> str:
    """JSON in which what cannot be shown is escaped as JSON does, so that it still says the same."""

    def escaped(character: re.Match[str]) -> str:
        units = character[0].encode("utf-16-be")
        return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))

    written = msgspec.json.format(msgspec.json.encode(value), indent=0).decode()
    return _breakable(_UNSEEN.sub(escaped, written), WIDE)


def _breakable(text: str, line: int) -> str:
    return re.sub(rf"\S{{{line}}}(?=\S)", lambda part: part[0] + BREAK, text)


def _row(position: int, event: dict[str, Any], gone: tuple[str, ...], names: Mapping[str, str]) -> dict[str, str]:
    name = str(event["type"]).partition("weho.safer.")[2]
    person, rule = str(event["actorid"]), str(event.get("decidedby", ""))
    refused = name.rpartition(".v")[0].endswith("_refused")  # the domain's word for every refusal
    reasons = (event.get("data") or {}).get("reasons") or [] if refused else []
    told = {
        "position": str(position),
        "when": str(event["time"]).replace("T", " ").removesuffix("Z"),
        "who": f"{names[person]} ({person})" if person in names else person,
        "standing": " of ".join(filter(None, (_words(event.get("actorrole")), _words(event.get("actororg"))))),
        "what": what_happened(name),
        "type": f"{name}, {event['subject']} no. {event['streamversion']}",
        "where": event.get("sourceaddress") or "in the system itself",
        "session": event.get("sessionid", ""),
        "why": _words(event.get("purpose")) or ("–" if not event.get("casenumber") else ""),
        "case": event.get("casenumber", ""),
        "outcome": "refused" if refused else "granted" if rule else "recorded",
        "why_refused": "; ".join(str(reason.get("message", "")) for reason in reasons),
        "rule": rule or next((str(reason.get("rule", "")) for reason in reasons), ""),
        "policy": f"use policy {event['policyversion']}" if event.get("policyversion") else "",
        "left_out": ", ".join(gone),
    }
    return {**{key: shown(str(value), NARROW) for key, value in told.items()}, "event": _json(event)}


def _words(code: object) -> str:
    return str(code or "").replace("_", " ")


def what_happened(name: str) -> str:
    """What an event of this type says, in the domain's own words."""
    event = EVENT_TYPES.get(name)
    return (event.__doc__ or name).splitlines()[0].partition(";")[0].rstrip(".") if event else name
