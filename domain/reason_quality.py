"""How good a stated reason is, by rules that anyone can read: length, vague words, a call or case that dispatch knows,
boilerplate.

The vague reason is an enemy of every audit: 'investigation' explains nothing, however often it is written. A poor
reason does not refuse by itself; it is said at entry, kept with the request, and published as a rate.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass

RULES = 2  # version of what is below; kept with every score, so that rates can be compared
VAGUE_BELOW = 50  # of 100
WORDS_WANTED = 4
CHARACTERS_WANTED = 15
CASE_UNVERIFIED = "case_unverified"
REPEATS_ALLOWED = 1  # the same text once more is a slip, then it is boilerplate
LOOK_BACK = 10  # earlier reasons of the same person that are compared

# Words that fit every request alike. A reason made of nothing else says nothing.
VAGUE = frozenset(
    """
    access activity area assist asap background business case check checking clearance concern cop course crime
    criminal detail details duty enforcement fyi general gen generic incident info information inquiry intel inv
    invest investigate investigating investigation investigative issue job law legal look looking matter misc monitor
    monitoring n/a na need needed none observation observe observing official ok ongoing other patrol per police
    policy proactive purpose purposes qol reason reasons recon related request requested required research review
    routine safety search security see situation situational something stuff subject sup surveillance suspicious test
    testing tbd unknown update various view viewing watch watching work
    """.split()  # noqa: SIM905
)
FILLERS = frozenset(
    "a an and at be by do for from i in is it of on or the this that to up was we will with".split()  # noqa: SIM905
)

# What is wrong, and what to write instead.
ADVICE = {
    "too_short": f"say in at least {WORDS_WANTED} words what you expect to see",
    "vague_words": "these words fit every request: name what happened, where, or whom you look for",
    "says_only_the_purpose": "the purpose is stated already: add what is particular to this request",
    "no_known_call": "name the call or case that dispatch knows, where there is one",
    CASE_UNVERIFIED: "dispatch has told of no such case: the number is on the record as unverified, and is looked up",
    "boilerplate": "you wrote the same for your last requests: say what is different now",
}
COSTS = {
    "too_short": 30,
    "vague_words": 60,
    "says_only_the_purpose": 40,
    "no_known_call": 15,
    CASE_UNVERIFIED: 20,
    "boilerplate": 45,
}


@dataclass(frozen=True, slots=True)
class ReasonQuality:
    """`score`: 0 to 100; `flaws`: codes of `ADVICE`; `rules`: the version of the rules it was scored by."""

    score: int
    vague: bool
    flaws: tuple[str, ...]
    rules: int = RULES


def quality(
    reason: str,
    *,
    purpose: str = "",
    call_known: bool = False,
    case_verified: bool | None = None,
    earlier: Sequence[str] = (),
    title: str = "",
) -> ReasonQuality:
    """Score a reason. `title`: the purpose in words; `earlier`: the person's last reasons, newest first;
    `case_verified`: whether dispatch told of the case that is named, None where none is."""
    words = _words(reason)
    telling = [word for word in words if word not in FILLERS]
    stated = set(_words(purpose.replace("_", " "))) | set(_words(title))
    flaws = []
    if len(words) < WORDS_WANTED or len(reason.strip()) < CHARACTERS_WANTED:
        flaws.append("too_short")
    if not telling or all(word in VAGUE for word in telling):
        flaws.append("vague_words")
    elif _within(telling, stated | VAGUE):
        flaws.append("says_only_the_purpose")
    if not call_known and not case_verified:
        flaws.append("no_known_call")
    if case_verified is False:
        flaws.append(CASE_UNVERIFIED)
    if sum(_words(other) == words for other in earlier[:LOOK_BACK]) > REPEATS_ALLOWED:
        flaws.append("boilerplate")
    score = max(0, 100 - sum(COSTS[flaw] for flaw in flaws))
    return ReasonQuality(score, score < VAGUE_BELOW, tuple(flaws))


def _within(words: Collection[str], said: Collection[str]) -> bool:
    return all(word in said for word in words)


def _words(text: str) -> list[str]:
    """Lower case, without accents and punctuation, so that 'Investigation!!' is 'investigation'."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return re.findall(r"[\w/]+", plain)
