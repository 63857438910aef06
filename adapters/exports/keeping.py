"""Finished files, kept sealed until they are fetched.

    <export>/000001.sealed …    pieces of the ZIP, each AES-256-GCM under a key of the export's own
    <export>/complete.json      written last: without it nothing was finished, and what is there is begun anew

Invariants: no clear byte of it touches a disk; a piece opens in its own place alone; once the key is destroyed nobody
opens it, whatever copy of the disk they have.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.vault.storage import AlreadyThere, NotThere, Storage, StorageFault
from application.failpoints import failpoint
from application.sealing import Destroyed, SubjectKey

PIECE = 4 << 20  # bytes
NONCE = 12
ROOT = "agency-root.pem"
_COMPLETE = "complete.json"


class ExportKeys(Protocol):
    """Keys by `export-<id>`. Raises `application.sealing.KeysUnavailable`."""

    def find(self, subjects: Collection[str]) -> Mapping[str, SubjectKey | Destroyed]: ...

    def make(self, subjects: Collection[str]) -> Mapping[str, SubjectKey | Destroyed]: ...

    def destroy(self, subject: str) -> bool: ...


class Gone(Exception):
    """The file is not kept any more, or never was."""


@dataclass(frozen=True, slots=True)
class File:
    """A finished file: SHA-256 and bytes of the ZIP, in how many pieces it is kept, and which masks are burnt in."""

    sha256: str
    size: int
    pieces: int
    masks: str


class Draft:
    """A file being written; it counts when `finish` has returned."""

    def __init__(self, export: str, storage: Storage, cipher: AESGCM) -> None:
        self.export, self._storage, self._cipher = export, storage, cipher
        self._held, self._whole, self._size, self._pieces = bytearray(), sha256(), 0, 0

    def write(self, content: bytes) -> None:
        self._held += content
        while len(self._held) > PIECE:
            self._put(bytes(self._held[:PIECE]), last=False)
            del self._held[:PIECE]

    def finish(self, masks: str) -> File:
        self._put(bytes(self._held), last=True)
        file = File(self._whole.hexdigest(), self._size, self._pieces, masks)
        failpoint("export.before_complete")
        said = {"sha256": file.sha256, "bytes": file.size, "pieces": file.pieces, "masks": file.masks}
        self._storage.put(f"{self.export}/{_COMPLETE}", [json.dumps(said).encode()])
        failpoint("export.complete")
        return file

    def _put(self, piece: bytes, *, last: bool) -> None:
        self._whole.update(piece)
        self._size += len(piece)
        self._pieces += 1
        nonce = os.urandom(NONCE)
        box = self._cipher.encrypt(nonce, piece, _bound(self.export, self._pieces, last=last))
        self._storage.put(_name(self.export, self._pieces), [nonce, box])
        failpoint("export.piece")


class Shelf:
    """Safe to use from many threads. Raises StorageFault and KeysUnavailable."""

    def __init__(self, storage: Storage, keys: ExportKeys) -> None:
        self.storage, self._keys = storage, keys

    def begin(self, export: str) -> Draft:
        """What was begun or made before is thrown away. Raises Gone where its key was destroyed."""
        self._throw_away(export)
        key = self._keys.make([_subject(export)])[_subject(export)]
        if isinstance(key, Destroyed):
            raise Gone(f"the key of {export} was destroyed")
        return Draft(export, self.storage, AESGCM(key.secret))

    def finished(self, export: str) -> File | None:
        try:
            said = json.loads(self.storage.get(f"{export}/{_COMPLETE}"))
        except NotThere:
            return None
        return File(said["sha256"], said["bytes"], said["pieces"], said.get("masks", ""))

    def read(self, export: str) -> Iterator[bytes]:
        """The ZIP, piece by piece. Raises Gone before the first."""
        file, key = self.finished(export), self._keys.find([_subject(export)]).get(_subject(export))
        if file is None or not isinstance(key, SubjectKey):
            raise Gone("the file is not kept any more")
        return self._pieces(export, file, AESGCM(key.secret))

    def _pieces(self, export: str, file: File, cipher: AESGCM) -> Iterator[bytes]:
        for number in range(1, file.pieces + 1):
            sealed = self.storage.get(_name(export, number))
            bound = _bound(export, number, last=number == file.pieces)
            try:
                yield cipher.decrypt(sealed[:NONCE], sealed[NONCE:], bound)
            except InvalidTag:
                raise StorageFault(f"piece {number} of {export} is not what was sealed") from None

    def kept(self) -> Sequence[str]:
        """Exports of which anything is kept."""
        return self.storage.folders("")

    def remove(self, export: str) -> None:
        """The key first: from then on nobody opens what is left."""
        self._keys.destroy(_subject(export))
        self._throw_away(export)

    def _throw_away(self, export: str) -> None:
        # The last word first: what is half removed looks unfinished.
        for name in sorted(self.storage.files(export), key=lambda name: not name.endswith(_COMPLETE)):
            self.storage.remove(name)

    # -- the agency's root, for everybody ------------------------------------

    def show_root(self, pem: bytes) -> None:
        try:
            if self.storage.get(ROOT) == pem:
                return
            self.storage.remove(ROOT)
        except NotThere:
            pass
        try:
            self.storage.put(ROOT, [pem])
        except AlreadyThere:
            return  # another exporter was quicker

    def root(self) -> bytes:
        """Raises NotThere before the exporter has run."""
        return self.storage.get(ROOT)


def _subject(export: str) -> str:
    return f"export-{export}"


def _name(export: str, number: int) -> str:
    return f"{export}/{number:06d}.sealed"


def _bound(export: str, number: int, *, last: bool) -> bytes:
    return f"saferweho-export-v1\n{export}\n{number}\n{'last' if last else 'more'}\n".encode()
