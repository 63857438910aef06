"""`docs/mutation.md` out of what `make mutants` left in `mutants/`: `python -m infra.mutation`.

A mutant is the domain with one thing changed. It is killed where a test of `tests/domain` then fails; one that survives
is a rule whose removal nobody would notice, or a change that makes no difference. Each survivor is listed by its class.
"""

from __future__ import annotations

import ast
import difflib
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "mutation.md"
MUTANTS = ROOT / "mutants" / "domain"
SURVIVED = 0  # pytest's exit code when all tests passed

HEAD = """# Would a test notice?

Made by `make mutants` (`ONLY=live_view` for one file); do not edit.

Each file of the domain is changed in one place at a time by [mutmut](https://mutmut.readthedocs.io): a comparison
turned round, a branch of a `match` taken out, a value left away. Then the tests of the domain run, and a change that
none of them notices has survived. Lines that hold a sentence for people are left as they are; the condition above them
is not. The state machines are left out, so that each rule is held by a test that says it.

"""

# What survives for a reason that holds: the first whose pattern is found in the change.
CLASSES: tuple[tuple[str, str, str], ...] = (
    (
        "cannot be reached",
        "The branch behind all others, which the types rule out; it is there for the type checker and the reader.",
        r"assert_never|AssertionError|^-\s*case _:\s*\n-\s*return state$",
    ),
    (
        "kept for the reader",
        "A closed state keeps what it was about, and nothing is decided on it any more.",
        r"(?m)^\+\s*return (Refused|Ended|Closed|Destroyed|Delivered)\(None",
    ),
    (
        "answers alike",
        "A request and its refusal are one append: nobody meets the state between, and it answers as the one after.",
        r"^-\s*case (LiveView|Viewing)Refused\(",
    ),
    (
        "read elsewhere",
        "Kept for the use cases, which name it on the record; their own tests, on the store, hold it.",
        r"(?m)^\+.*(Grant\(None|Reviewed\(grant, None)",
    ),
    (
        "makes no difference",
        "How good a reason is decides nothing, so its words may be missing where only the rules are asked.",
        r"(?m)^\+.*again = Grounds\(said.purpose, None",
    ),
    (
        "rounding",
        "Rounded further than the tests look, or not at all: figures are of thousandths of a second.",
        r"(?m)^\+.*round\(",
    ),
    (
        "what a person reads",
        "The field named in a mistake, what would be accepted, or how long a text may be.",
        r"(?m)^[+-].*(checks\.|_sealed\(|height_refusals\(|field=|accepted=|message|rule =|Reason\()",
    ),
)
OTHER = ("not explained", "A test is missing, or the change makes no difference; each is to be looked at.")


@dataclass(frozen=True, slots=True)
class Survivor:
    file: str
    function: str
    change: str

    def side(self, sign: str) -> str:
        """The first lines taken out (`-`) or put in (`+`)."""
        found = [line[1:] for line in self.change.splitlines() if line.startswith(sign)]
        return " ".join(found[:2])[:140]

    @property
    def kind(self) -> str:
        return next((kind for kind, _, pattern in CLASSES if re.search(pattern, self.change)), OTHER[0])


def results(file: Path) -> Mapping[str, int | None]:
    """The exit code of the tests by mutant; None where it was not tried."""
    codes: dict[str, int | None] = json.loads(file.read_text("utf-8"))["exit_code_by_key"]
    return codes


def survivors(meta: Path) -> Iterator[Survivor]:
    source = meta.with_suffix("")
    text = source.read_text("utf-8")
    lines = text.splitlines()
    functions = {n.name: n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef)}
    for mutant, code in results(meta).items():
        name = mutant.rpartition(".")[2]
        original = name.rpartition("__mutmut_")[0] + "__mutmut_orig"
        if code == SURVIVED and name in functions and original in functions:
            before, after = (
                [line.strip() for line in lines[functions[n].lineno : functions[n].end_lineno]]
                for n in (original, name)
            )
            changed = [
                line
                for line in difflib.unified_diff(before, after, lineterm="", n=0)
                if line[0] in "+-" and not line.startswith(("+++", "---"))
            ]
            yield Survivor(source.name, original.removeprefix("x_").removesuffix("__mutmut_orig"), "\n".join(changed))


def page() -> str:
    lines = [HEAD, "| file | mutants | killed | survived | not tried |", "|---|--:|--:|--:|--:|"]
    left: dict[str, list[Survivor]] = defaultdict(list)
    sums: Counter[str] = Counter()
    for meta in sorted(MUTANTS.glob("*.py.meta")):
        codes = results(meta)
        count = Counter(
            "untried" if code is None else "survived" if code == SURVIVED else "killed" for code in codes.values()
        )
        if codes and count["untried"] < len(codes):
            sums += count
            name = meta.name.removesuffix(".meta")
            lines.append(
                f"| `{name}` | {len(codes)} | {count['killed']} | {count['survived']} | {count['untried'] or ''} |"
            )
            for survivor in survivors(meta):
                left[survivor.kind].append(survivor)
    noticed = f"{sums['killed']} were noticed ({sums['killed'] / max(sums.total(), 1):.0%})"
    lines.append(
        f"\nOf {sums.total()} changes {noticed}; {sums['survived']} survived, {sums['untried']} were not tried."
    )
    for kind, why, _ in (*CLASSES, (*OTHER, "")):
        if left[kind]:
            lines.append(f"\n## Survived: {kind} ({len(left[kind])})\n\n{why}\n")
            lines += _grouped(left[kind])
    return "\n".join(lines) + "\n"


def _grouped(alike: list[Survivor]) -> Iterator[str]:
    """A line for each place, with all that it was changed to."""
    places: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for survivor in alike:
        places[survivor.file, survivor.function, survivor.side("-")].append(survivor.side("+"))
    for (file, function, before), after in places.items():
        became = "; ".join(f"`{line}`" if line else "taken out" for line in dict.fromkeys(after))
        yield f"- `{file}` `{function}`: `{before}` → {became}"


def main() -> int:
    if not MUTANTS.exists():
        print("There are no mutants. Run: make mutants", file=sys.stderr)
        return 1
    TARGET.write_text(page(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
