"""`docs/who-may-do-what.md` out of the Cedar policies: `python -m infra.who_may [--check]`.

The table is not read out of the rules' text; every cell is asked of the rules, as a process would.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from adapters.cedar import CedarAuthoriser
from adapters.cedar.authoriser import FOLDER
from application.ports import Question

TARGET = Path(__file__).parents[1] / "docs" / "who-may-do-what.md"
IN_ORDER = {"stepped_up": True, "own_request": False}
# What else may be so, and then opens what is closed otherwise.
CIRCUMSTANCES = ("shared_with_open_incident", "commands_flight", "review_access")

HEAD = """# Who may do what

Made by `python -m infra.who_may` out of the rules in `adapters/cedar/policies/`; do not edit.

Nothing is allowed that no rule permits, and one forbidding rule is enough to deny. Roles come from a person's own
record (enrolment, training, certificate), never from the sign-on. Every decision names its rule in the event it led to,
as `<rule>@<first digits of the set's hash>`; a set that was not adopted with the use policy is not used.

Set in this version: `{set_hash}`

## By role

✓ may; ✓² may right after a step-up (a second factor shown again); ✓³ the same, and not for one's own request; (✓) may
in the circumstance that the rule states; own: one's own alone. Everyone may read their own record. What a rule allows
can still be refused by the use policy (purpose, certificate, weather), and then the refusal is recorded with all its
reasons.

"""


def actions() -> list[str]:
    """As the schema lists them."""
    text = (FOLDER / "schema.cedarschema").read_text("utf-8")
    return text.partition("\naction ")[2].partition("appliesTo")[0].replace(",", " ").split()


def roles() -> list[str]:
    text = (FOLDER / "schema.cedarschema").read_text("utf-8")
    return re.findall(r'"(\w+)"', text.partition("entity Role enum")[2].partition(";")[0])


def page() -> str:
    authoriser = CedarAuthoriser()

    def allowed(role: str, action: str, **facts: bool) -> bool:
        question = Question("someone", frozenset({role}), "", action, "something", {**IN_ORDER, **facts})
        return authoriser.decide(question).allowed

    def cell(role: str, action: str) -> str:
        if not allowed(role, action):
            if allowed(role, action, own_request=True):
                return "own"
            return "(✓)" if any(allowed(role, action, **{fact: True}) for fact in CIRCUMSTANCES) else ""
        if not allowed(role, action, own_request=True):
            return "✓³"
        return "✓" if allowed(role, action, stepped_up=False) else "✓²"

    lines = [HEAD.format(set_hash=authoriser.set_hash)]
    lines.append("| | " + " | ".join(role.replace("_", " ") for role in roles()) + " |")
    lines.append("|---|" + ":-:|" * len(roles()))
    for action in actions():
        lines.append(f"| {action.replace('_', ' ')} | " + " | ".join(cell(role, action) for role in roles()) + " |")
    lines.append("\n## The rules")
    for name, text in sorted(authoriser.files.texts.items()):
        lines.append(_chapter(name, text))
    return "\n".join(lines) + "\n"


def _chapter(name: str, text: str) -> str:
    """A file's rules, each with the comment above it and whether it permits or forbids."""
    title, *rules = text.split("\n\n")
    parts = [f"\n### {_words(title)}\n\n`{name}`\n"]
    for rule in rules:
        found = re.search(r'@id\("([^"]+)"\)\s*(permit|forbid)', rule)
        if found:
            parts.append(f"- **{found[1]}** ({found[2]}s): {_words(rule.partition('@id')[0])}")
    return "\n".join(parts)


def _words(comment: str) -> str:
    return " ".join(line.removeprefix("//").strip() for line in comment.splitlines() if line.startswith("//"))


def main(arguments: list[str]) -> int:
    made = page()
    if "--check" not in arguments:
        TARGET.parent.mkdir(exist_ok=True)
        TARGET.write_text(made, "utf-8")
        return 0
    if TARGET.exists() and TARGET.read_text("utf-8") == made:
        return 0
    print(f"{TARGET.name} differs from the rules. Run: python -m infra.who_may", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
