"""`docs/coverage-of-rules.md`: each rule with the tests that hold it: `python -m infra.coverage_of_rules [--check]`.

The rules are in `tests/rules.toml`; a test says in its source which it holds, by `@pytest.mark.rule("<name>", …)`.
Fails where no test holds a rule, a test holds what is no rule, or the domain refuses by a rule that is not listed.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "coverage-of-rules.md"
RULES = ROOT / "tests" / "rules.toml"

HEAD = """# The rules, and the tests that hold them

Made by `python -m infra.coverage_of_rules` out of `tests/rules.toml` and the tests; do not edit.

Each rule in a sentence, and under it the tests that hold it, whose names are the sentences that they prove. A rule
without a test, and a refusal of the domain by a rule that is not in here, fail the build.
"""


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    says: str
    law: str = ""
    refused_as: tuple[str, ...] = ()

    @property
    def chapter(self) -> str:
        return self.name.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Held:
    """A test, and the rule it says it holds. `file`: from the root of the tree."""

    rule: str
    file: str
    test: str

    @property
    def sentence(self) -> str:
        return self.test.removeprefix("test_").replace("_", " ")


def rules() -> tuple[Mapping[str, str], tuple[Rule, ...]]:
    """The titles of the chapters, and the rules in their order."""
    table = tomllib.loads(RULES.read_text("utf-8"))
    listed = [Rule(**{**entry, "refused_as": tuple(entry.get("refused_as", ()))}) for entry in table["rule"]]
    return table["chapters"], tuple(listed)


def held() -> tuple[Held, ...]:
    found = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                for name in _marked(node):
                    found.append(Held(name, path.relative_to(ROOT).as_posix(), node.name))
    return tuple(found)


def _marked(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> Iterator[str]:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.rule":
            yield from (argument.value for argument in decorator.args if isinstance(argument, ast.Constant))  # type: ignore[misc]


def refused_by_the_domain() -> dict[str, str]:
    """Each rule that a refusal of the domain names on the record, with the file it is in."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "domain").glob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        for scope in ast.walk(tree):
            if isinstance(scope, ast.FunctionDef | ast.Module):
                found |= dict.fromkeys(_named_by_reasons(scope, tree), path.name)
    return found


def _named_by_reasons(scope: ast.FunctionDef | ast.Module, tree: ast.Module) -> Iterator[str]:
    texts = {**_texts(tree.body), **_texts(list(ast.walk(scope)) if isinstance(scope, ast.FunctionDef) else [])}
    for node in ast.walk(scope) if isinstance(scope, ast.FunctionDef) else ():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Reason":
            given = [*node.args[2:3], *(keyword.value for keyword in node.keywords if keyword.arg == "rule")]
            for said in given:
                if isinstance(said, ast.Constant) and isinstance(said.value, str):
                    yield said.value
                elif isinstance(said, ast.Name) and said.id in texts:
                    yield texts[said.id]


def _texts(nodes: list[ast.stmt] | list[ast.AST]) -> dict[str, str]:
    """Names that are given a text once."""
    return {
        target.id: node.value.value
        for node in nodes
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def problems() -> list[str]:
    chapters, listed = rules()
    names = [rule.name for rule in listed]
    tested = {test.rule for test in held()}
    claimed = [text for rule in listed for text in rule.refused_as]
    spoken = refused_by_the_domain()
    return [
        *(f"the rule {name} is listed twice" for name in sorted(set(names)) if names.count(name) > 1),
        *(f"the rule {rule.name} is of no chapter" for rule in listed if rule.chapter not in chapters),
        *(f"no test holds the rule {name}" for name in names if name not in tested),
        *(f"{test.file}: {test.test} holds {test.rule}, which is no rule" for test in held() if test.rule not in names),
        *(
            f"domain/{file} refuses by '{text}', which no rule lists"
            for text, file in spoken.items()
            if text not in claimed
        ),
        *(f"the domain refuses nothing by '{text}'" for text in claimed if text not in spoken),
    ]


def page() -> str:
    chapters, listed = rules()
    tests = held()
    lines = [HEAD]
    for chapter, title in chapters.items():
        lines.append(f"## {title}\n")
        for rule in listed:
            if rule.chapter == chapter:
                law = f" [{rule.law}]" if rule.law else ""
                lines.append(f"**{rule.says}**{law} `{rule.name}`\n")
                lines += [f"- [{test.sentence}](../{test.file})" for test in tests if test.rule == rule.name]
                lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def main(arguments: list[str]) -> int:
    wrong = problems()
    for problem in wrong:
        print(problem, file=sys.stderr)
    if "--check" not in arguments:
        TARGET.write_text(page(), "utf-8")
        return 1 if wrong else 0
    if TARGET.exists() and TARGET.read_text("utf-8") == page():
        return 1 if wrong else 0
    print(f"{TARGET.name} differs from the tests. Run: python -m infra.coverage_of_rules", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
