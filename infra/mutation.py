"""`docs/mutation.md` out of what `make mutants` left in `mutants/`: `python -m infra.mutation`.

A mutant is the domain with one thing changed. It is killed where a test of `tests/domain` then fails; one that survives
is a rule whose removal nobody would notice, or a change that makes no difference. Each survivor is listed by its class.

A run may be of a few files: what was found is kept by file in `tests/mutation.json`, and the page is
made of that.
"""

from __future__ import annotations

import ast
import difflib
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "mutation.md"
FOUND = ROOT / "tests" / "mutation.json"
MUTANTS = ROOT / "mutants" / "domain"
ALL_PASSED = 0  # pytest's exit codes
FAILED = frozenset({1, 3})
NO_TEST = frozenset({5, 33})  # the second is mutmut's: no test runs through this function

HEAD = """# Would a test notice?

Made by `make mutants` (`ONLY="call camera"` for some files); do not edit.

Each file of the domain is changed in one place at a time by [mutmut](https://mutmut.readthedocs.io): a comparison
turned round, a branch of a `match` taken out, a value left away. Then the tests of the domain that run through it are
run, and a change that none of them notices has survived. Lines that hold a sentence for people are left as they are;
the condition above them is not. The state machines are left out, so that each rule is held by a test that says it.

What was found is kept by file in `tests/mutation.json`, with the day: a file that has changed since is tried again when
somebody next runs it.

"""

# What survives for a reason that holds: the first whose pattern is found in the change.
CLASSES: tuple[tuple[str, str, str], ...] = (
    (
        "cannot be reached",
        "The branch behind all others, which the types rule out; it is there for the type checker and the reader.",
        r"assert_never|AssertionError",
    ),
    (
        "makes no difference",
        "How good a reason is decides nothing, so its words may be missing where only the rules are asked.",
        r"(?m)^\+.*again = Grounds\(said.purpose, None",
    ),
    (
        "not looked at again",
        "The plan of a request is put together anew to be checked once more, and these parts cannot have changed.",
        r"^-(drone|pilot|destination|reason|conditions|separation|accepted_unknowns)=(request\.|\"\")",
    ),
    (
        "means the same",
        "What is no is no as `None` too; an outline of three points that closes has two corners, which is refused "
        "behind it; a question asked one consultation ago is put on the record again either way; no cost is called "
        "so, or by nothing; of what is known of a unit, its name and its dispatch are not looked at again; where there "
        "is no policy or no airspace authority, a reason says so; a length of 200 is what it is where none is said; no "
        "address has fewer than three characters; what becomes of a change that oversight confirmed does not say whose "
        "account it is in, which the stream says, and only a revocation says when.",
        r'adopted=None|FEWEST_CORNERS <= len|corners <= len|<= ONE_CONSULTATION|corrects or "XX|^-before = |'
        r'reasons or policy is None and|\+.*checks.text\("(subject|title|authority)", [^=]*(, at_least=3)?, \)|'
        r'checks.text\("email", email, at_most=254\)|'
        r"\+.*(_done\(None, asked|_done\(command.person, asked, state, None\)|ChangeDetails\(None|"
        r"_decide\((Suspend|Leave|RevokeAccess)\(None|_decide\(Suspend\(.*state, None|_decide\(Leave\(.*state, None|"
        r"_decide\(RevokeAccess\(.*None, at|_decide\(changed, state, None|_decide\(command, state, None\) else)",
    ),
)
UNREACHED = (
    "not run under a mutant",
    "No test of this run goes through it. The policies are made when their module is loaded, before there is a mutant, "
    "and tests hold them to the letter; anything else listed here is held by the tests of the use cases, if at all.",
)
OTHER = ("not explained", "A test is missing, or the change makes no difference; each is to be looked at.")


@dataclass(frozen=True, slots=True)
class Survivor:
    """`change`: the lines taken out (`-`) and put in (`+`); `reached`: tests ran through the function."""

    function: str
    change: str
    reached: bool

    def side(self, sign: str) -> str:
        """The first lines of one side."""
        found = [line[1:] for line in self.change.splitlines() if line.startswith(sign)]
        return " ".join(found[:2])[:140]

    @property
    def kind(self) -> str:
        if not self.reached:
            return UNREACHED[0]
        return next((kind for kind, _, pattern in CLASSES if re.search(pattern, self.change)), OTHER[0])


@dataclass(frozen=True, slots=True)
class Tried:
    """One file of the domain, on the day it was last tried. `untried`: mutants whose tests did not come to an end."""

    on: str
    mutants: int
    untried: int
    survivors: list[Survivor]

    @property
    def killed(self) -> int:
        return self.mutants - self.untried - len(self.survivors)


def tried(meta: Path) -> Tried | None:
    """What mutmut left of one file; None where it has no mutants or none was tried."""
    codes: Mapping[str, int | None] = json.loads(meta.read_text("utf-8"))["exit_code_by_key"]
    if all(code is None for code in codes.values()):
        return None
    lived = {mutant: code == ALL_PASSED for mutant, code in codes.items() if code == ALL_PASSED or code in NO_TEST}
    untried = sum(code not in FAILED for code in codes.values()) - len(lived)
    return Tried(datetime.now(UTC).date().isoformat(), len(codes), untried, list(_survivors(meta, lived)))


def _survivors(meta: Path, lived: Mapping[str, bool]) -> Iterator[Survivor]:
    text = meta.with_suffix("").read_text("utf-8")
    lines = text.splitlines()
    functions = {n.name: n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef)}
    for mutant, reached in lived.items():
        name = mutant.rpartition(".")[2]
        original = name.rpartition("__mutmut_")[0] + "__mutmut_orig"
        before, after = (
            [line.strip() for line in lines[functions[n].lineno : functions[n].end_lineno]] for n in (original, name)
        )
        changed = [
            line
            for line in difflib.unified_diff(before, after, lineterm="", n=0)
            if line[0] in "+-" and not line.startswith(("+++", "---"))
        ]
        yield Survivor(_written(original.removesuffix("__mutmut_orig")), "\n".join(changed), reached)


def _written(mangled: str) -> str:
    """A function's name as the source has it: mutmut writes `x_decide`, and `xǁAccountǁleft` for a method."""
    return mangled.removeprefix("x_") if "ǁ" not in mangled else ".".join(mangled.split("ǁ")[1:])


def kept() -> dict[str, Tried]:
    """What earlier runs found, by file."""
    known = json.loads(FOUND.read_text("utf-8")) if FOUND.exists() else {}
    return {
        name: Tried(was["on"], was["mutants"], was["untried"], [Survivor(**lived) for lived in was["survivors"]])
        for name, was in known.items()
    }


def found() -> dict[str, Tried]:
    """What this run found."""
    metas = {meta.name.removesuffix(".meta"): tried(meta) for meta in MUTANTS.glob("*.py.meta")}
    return {name: now for name, now in metas.items() if now}


def page(known: Mapping[str, Tried]) -> str:
    lines = [HEAD, "| file | tried on | mutants | killed | survived | not tried |", "|---|---|--:|--:|--:|--:|"]
    left: dict[str, list[tuple[str, Survivor]]] = defaultdict(list)
    for name, file in known.items():
        counts = f"{file.mutants} | {file.killed} | {len(file.survivors)} | {file.untried or ''}"
        lines.append(f"| `{name}` | {file.on} | {counts} |")
        for survivor in file.survivors:
            left[survivor.kind].append((name, survivor))
    mutants, killed = sum(file.mutants for file in known.values()), sum(file.killed for file in known.values())
    untried = sum(file.untried for file in known.values())
    survived = mutants - killed - untried
    noticed = f"{killed} were noticed ({killed / max(mutants, 1):.0%})"
    lines.append(f"\nOf {mutants} changes {noticed}; {survived} survived, {untried} were not tried.")
    if missing := sorted(_with_functions() - set(known)):
        lines.append("\nNot tried at all: " + ", ".join(f"`{name}`" for name in missing) + ".")
    else:
        lines.append("\nEvery file of the domain that decides anything was tried; the others only declare.")
    for kind, why, _ in (*CLASSES, (*UNREACHED, ""), (*OTHER, "")):
        if left[kind]:
            lines.append(f"\n## Survived: {kind} ({len(left[kind])})\n\n{why}\n")
            lines += _grouped(left[kind])
    return "\n".join(lines) + "\n"


def _with_functions() -> set[str]:
    return {
        file.name
        for file in (ROOT / "domain").glob("*.py")
        if any(isinstance(node, ast.FunctionDef) for node in ast.walk(ast.parse(file.read_text("utf-8"))))
    }


def _grouped(alike: list[tuple[str, Survivor]]) -> Iterator[str]:
    """A line for each place, with all that it was changed to."""
    places: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for file, survivor in alike:
        places[file, survivor.function, survivor.side("-")].append(survivor.side("+"))
    for (file, function, before), after in places.items():
        became = "; ".join(f"`{line}`" if line else "taken out" for line in dict.fromkeys(after))
        yield f"- `{file}` `{function}`: `{before}` → {became}"


def main(arguments: list[str]) -> int:
    known = kept()
    if "--check" in arguments:
        if TARGET.read_text("utf-8") == page(known):
            return 0
        print(f"{TARGET.name} is not of {FOUND.name}. Run: python -m infra.mutation", file=sys.stderr)
        return 1
    known = dict(sorted({**known, **found()}.items()))
    FOUND.write_text(json.dumps({name: asdict(file) for name, file in known.items()}, indent=1) + "\n", "utf-8")
    TARGET.write_text(page(known), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
