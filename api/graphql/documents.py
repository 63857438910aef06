"""The documents our own pages send, known by hash, and how every document is parsed: once.

`ui/dist/persisted-documents.json` maps SHA-256 to document text; it is written when the pages are built.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from graphql import DocumentNode, FieldNode, GraphQLError, OperationDefinitionNode, OperationType, parse, visit
from graphql.language import Visitor

TOKEN_LIMIT = 4000


class UnknownDocument(GraphQLError):
    def __init__(self) -> None:
        super().__init__(
            "no document is known under this hash: send the document itself, or reload the page after an update",
            extensions={"code": "PERSISTED_QUERY_NOT_FOUND"},
        )


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed document. `models`: read models an answer depends on, or None where it must not be kept."""

    text: str
    sha256: str
    ast: DocumentNode
    persisted: bool
    models: tuple[str, ...] | None


# Root fields whose answer is a function of one read model at a position, and of what the reader may see.
_MODEL_OF = {"auditTrail": "audit_trail", "auditEvent": "audit_trail", "flights": "live_board"}
_MOVING = {"telemetry"}  # moves without a position
_OPENED = {"personal"}  # what was opened is kept nowhere: its key may be destroyed before any model moves


class _FieldNames(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_field(self, node: FieldNode, *_: object) -> None:
        self.names.add(node.name.value)


def _models(ast: DocumentNode) -> tuple[str, ...] | None:
    names = _FieldNames()
    visit(ast, names)
    if names.names & (_MOVING | _OPENED):
        return None
    models: set[str] = set()
    for definition in ast.definitions:
        if not isinstance(definition, OperationDefinitionNode):
            continue
        if definition.operation is not OperationType.QUERY:
            return None
        for node in definition.selection_set.selections:
            if not isinstance(node, FieldNode) or node.name.value not in _MODEL_OF:
                return None
            models.add(_MODEL_OF[node.name.value])
    if "events" in names.names:
        models.add("audit_trail")
    if "actor" in names.names:
        models.add("live_board")  # people's names
    return tuple(sorted(models))


class Documents:
    """All documents this process answers. `persisted` are ours; others are parsed and kept in a bounded cache."""

    def __init__(self, persisted: Path | None = None) -> None:
        known: dict[str, str] = json.loads(persisted.read_text()) if persisted and persisted.exists() else {}
        for sha256, text in known.items():
            if hashlib.sha256(text.encode()).hexdigest() != sha256:
                raise ValueError(f"{persisted}: the document under {sha256} has another hash; build the pages again")
        self._persisted = {sha256: self._parse(text, persisted=True) for sha256, text in known.items()}
        self._free_form = lru_cache(maxsize=256)(self._parse)

    @staticmethod
    def _parse(text: str, persisted: bool = False) -> Document:
        ast = parse(text, max_tokens=TOKEN_LIMIT)
        return Document(text, hashlib.sha256(text.encode()).hexdigest(), ast, persisted, _models(ast))

    def find(self, text: str | None, sha256: str | None) -> Document:
        """Raises UnknownDocument, or GraphQLError where the text is no document."""
        if sha256 is not None and (found := self._persisted.get(sha256)):
            return found
        if not text:
            raise UnknownDocument()
        return self._persisted.get(hashlib.sha256(text.encode()).hexdigest()) or self._free_form(text)
