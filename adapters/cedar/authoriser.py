"""Asks the Cedar policies: nothing is allowed that no rule permits, one forbidding rule is enough, and doubt denies.

Cedar skips a rule that fails to evaluate. A skipped `forbid` would open what it guards, so any such failure denies.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cedarpy
import structlog

from application.ports import Decision, Question

FOLDER = Path(__file__).parent
DEFAULT_DENY = "default-deny"
FILE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,60}\.cedar")
OVERSEEING = ("read_audit_trail", "commit_audit_seed", "draw_audit_sample", "review_access", "record_finding")
REMEMBERED_PRINCIPALS = 4096
REMEMBERED_ANSWERS = 16384

Principal = tuple[str, frozenset[str], str]  # person, roles, organisation

log = structlog.get_logger(__name__)


class PolicyFault(Exception):
    """A policy set that cannot be used. Names the file or rule and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class PolicyFiles:
    """The policies as text by file name. `set_hash`: SHA-256 over the files in the order of their names, each as
    name and content with their lengths before them, in hexadecimal digits."""

    texts: Mapping[str, str]

    @classmethod
    def read(cls, folder: Path = FOLDER / "policies") -> PolicyFiles:
        """All `*.cedar` of a folder. Raises PolicyFault when there is none."""
        texts = {path.name: path.read_text("utf-8") for path in sorted(folder.glob("*.cedar"))}
        if not texts:
            raise PolicyFault(f"{folder} holds no *.cedar file: nobody could do anything")
        return cls(texts)

    @property
    def content(self) -> bytes:
        parts = [part.encode() for file in sorted(self.texts.items()) for part in file]
        return b"".join(len(part).to_bytes(8, "big") + part for part in parts)

    @property
    def set_hash(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def rules(self) -> dict[str, str]:
        """Each rule's id with the file it is in. Raises PolicyFault for a rule without an id of its own."""
        found: dict[str, str] = {}
        for name, text in sorted(self.texts.items()):
            try:
                policies = json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"]
            except ValueError as error:
                raise PolicyFault(f"{name} is not Cedar: {error}") from error
            for policy in policies.values():
                rule = policy.get("annotations", {}).get("id")
                if not rule:
                    raise PolicyFault(f'a rule in {name} has no name; begin it with @id("…")')
                if rule in found:
                    raise PolicyFault(f"the rule {rule} is in {found[rule]} and again in {name}; names must differ")
                found[rule] = name
        return found


class CedarAuthoriser:
    """Implements `application.ports.Authoriser`. Thread-safe: what is shared is immutable or only remembered.

    A decision depends on nothing but the question and this set, so answers are remembered for as long as the set lives.
    """

    def __init__(self, files: PolicyFiles | None = None) -> None:
        """Raises PolicyFault when the set is not good as a whole."""
        self.files = files or PolicyFiles.read()
        self.files.rules()
        self.set_hash = self.files.set_hash
        self._mark = f"@{self.set_hash[:12]}"
        self._policies = cedarpy.PolicySet.from_str("\n".join(text for _, text in sorted(self.files.texts.items())))
        self._principal = lru_cache(REMEMBERED_PRINCIPALS)(_principal)
        self._answer = lru_cache(REMEMBERED_ANSWERS)(self._evaluate)

    def other_set(self, texts: Mapping[str, str]) -> bytes:
        """As in `application.ports.Authoriser`: what can be installed, leaves a way to yet another policy, and lets
        oversight oversee."""
        for name, text in texts.items():
            if not FILE_NAME.fullmatch(name) or "\r" in text:
                raise ValueError("a file is not named NAME.cedar, or has line ends other than \\n")
        files = PolicyFiles(dict(texts))
        try:
            other = CedarAuthoriser(files)
        except PolicyFault as fault:
            raise ValueError(str(fault)) from fault
        for role, action in (("administrator", "draft_policy"), ("station_commander", "adopt_policy")):
            facts = {"stepped_up": True, "own_request": False}
            question = Question("somebody", frozenset({role}), "lasd_west_hollywood", action, "policy-use", facts)
            if not other.decide(question).allowed:
                raise ValueError(f"under these rules no {role} could {action}: there would be no way to other rules")
        for action in OVERSEEING:
            question = Question("somebody", frozenset({"auditor"}), "oversight", action, "review-1", {})
            if not other.decide(question).allowed:
                raise ValueError(f"under these rules no auditor could {action}: no rules may mute oversight")
        return files.content

    def decide(self, question: Question) -> Decision:
        """`rule` names the permitting or forbidding rule; where several agree, the first in the order of names."""
        facts = {**question.context, "own_record": question.resource == f"person-{question.person}"}
        return self._answer(
            (question.person, question.roles, question.organisation),
            question.action,
            question.resource,
            json.dumps(facts, sort_keys=True, default=list),
        )

    def _evaluate(self, principal: Principal, action: str, resource: str, facts: str) -> Decision:
        result = cedarpy.is_authorized(
            {
                "principal": {"type": "Person", "id": principal[0]},
                "action": {"type": "Action", "id": action},
                "resource": {"type": "Stream", "id": resource},
                "context": facts,
            },
            self._policies,
            self._principal(principal),
        )
        if result.diagnostics.errors:
            log.error("policy_not_evaluated", action=action, errors=result.diagnostics.errors)
            return Decision(False, DEFAULT_DENY)
        rules = sorted(result.diagnostics.id_annotations_by_reason.values())
        return Decision(result.allowed, rules[0] + self._mark if rules else DEFAULT_DENY)


def _principal(principal: Principal) -> cedarpy.Entities:
    person, roles, organisation = principal
    entity = {
        "uid": {"type": "Person", "id": person},
        "attrs": {"organisation": organisation},
        "parents": [{"type": "Role", "id": role} for role in sorted(roles)],
    }
    return cedarpy.Entities.from_json_str(json.dumps([entity]))
