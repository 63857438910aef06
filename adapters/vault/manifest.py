"""The manifest of a reel: its segments in order, each line chained to the one before, the last one closing it.

    {"feed":…,"footage":…,"format":"saferweho-manifest-v1","key":…,"previous":"00…"}
    {"bytes":…,"previous":…,"segment":1,"sha256":…,"since":…,"until":…}
    …
    {"bytes":…,"closed":true,"previous":…,"segments":…,"since":…,"until":…}

Every line is canonical; `previous` is the SHA-256 of the line before it, without its end. The SHA-256 of the last line
is the **root**, which goes on the record in `FootageRecorded`: whoever has it can check every line and every segment.
The note beside it is a signed note (C2SP signed-note, Ed25519 of RFC 8032) of footage, number of segments, bytes and
root.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from adapters.vault import canonical
from adapters.vault.canonical import NotCanonical
from adapters.vault.segment import NOTHING_BEFORE
from domain.kernel import FeedId, FootageId, StreamId

FORMAT = "saferweho-manifest-v1"
PURPOSE = "footage manifests"  # of the installation's secret that signs
SIGNER = "saferweho-vault"
_ED25519 = b"\x01"  # signed-note's number of the algorithm


class ManifestBroken(Exception):
    """A manifest or its note that is not what was written. Says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A sealed segment: `size` in bytes as it is kept, `sha256` of the whole of it."""

    number: int
    size: int
    sha256: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Manifest:
    feed: FeedId
    footage: FootageId
    key: str
    entries: Sequence[Entry]

    @property
    def size(self) -> int:
        return sum(entry.size for entry in self.entries)

    @property
    def since(self) -> datetime:
        return self.entries[0].since

    @property
    def until(self) -> datetime:
        return self.entries[-1].until

    def lines(self) -> list[bytes]:
        first = {"feed": self.feed, "footage": self.footage, "format": FORMAT, "key": self.key}
        lines = [canonical.encode({**first, "previous": NOTHING_BEFORE})]
        for entry in self.entries:
            fields = {
                "bytes": entry.size,
                "segment": entry.number,
                "sha256": entry.sha256,
                "since": canonical.moment(entry.since),
                "until": canonical.moment(entry.until),
            }
            lines.append(canonical.encode({**fields, "previous": _sha256(lines[-1])}))
        last = {
            "bytes": self.size,
            "closed": True,
            "segments": len(self.entries),
            "since": canonical.moment(self.since),
            "until": canonical.moment(self.until),
        }
        lines.append(canonical.encode({**last, "previous": _sha256(lines[-1])}))
        return lines

    def encoded(self) -> tuple[bytes, str]:
        """The file, and the root."""
        lines = self.lines()
        return b"\n".join(lines) + b"\n", _sha256(lines[-1])


def _sha256(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def read(content: bytes) -> tuple[Manifest, str]:
    """The manifest in a file, and its root. Raises ManifestBroken."""
    lines = content.split(b"\n")
    if len(lines) < 4 or lines.pop():
        raise ManifestBroken("the manifest is cut off")
    try:
        first, *between = [canonical.decode(line) for line in lines[:-1]]
        entries = [
            Entry(
                fields["segment"],
                fields["bytes"],
                fields["sha256"],
                canonical.moment_of(fields["since"]),
                canonical.moment_of(fields["until"]),
            )
            for fields in between
        ]
        found = Manifest(FeedId(StreamId(first["feed"])), FootageId(first["footage"]), first["key"], entries)
        again = found.lines()
    except (NotCanonical, KeyError, TypeError, ValueError) as error:
        raise ManifestBroken(f"the manifest is not understood: {error}") from None
    # What is written anew out of what was read is the same, or a line, a link of the chain or a sum was changed.
    for number, (line, expected) in enumerate(zip(lines, again, strict=True), start=1):
        if line != expected:
            raise ManifestBroken(f"line {number} of the manifest does not follow from those before it")
    return found, _sha256(lines[-1])


# -- the note ----------------------------------------------------------------


class Signer:
    """Signs manifests. `seed`: 32 bytes, the installation's secret for PURPOSE."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = Verifier(self._key.public_key())

    def note(self, manifest: Manifest, root: str) -> bytes:
        text = _text(manifest, root)
        signature = base64.b64encode(self.verifier.key_hash + self._key.sign(text)).decode()
        return text + f"\n— {SIGNER} {signature}\n".encode()


class Verifier:
    """Checks notes with the public key alone."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key
        self._bytes = key.public_bytes_raw()
        self.key_hash = hashlib.sha256(SIGNER.encode() + b"\n" + _ED25519 + self._bytes).digest()[:4]

    @classmethod
    def from_text(cls, text: str) -> Verifier:
        """Raises ValueError."""
        name, hashed, key = text.strip().split("+", 2)
        whole = base64.b64decode(key, validate=True)
        if name != SIGNER or whole[:1] != _ED25519:
            raise ValueError(f"is no verifier key of {SIGNER}")
        found = cls(Ed25519PublicKey.from_public_bytes(whole[1:]))
        if found.key_hash.hex() != hashed:
            raise ValueError("its hash is not the key's")
        return found

    @property
    def text(self) -> str:
        """As signed-note writes a verifier key: for who checks with other programs."""
        return f"{SIGNER}+{self.key_hash.hex()}+{base64.b64encode(_ED25519 + self._bytes).decode()}"

    def check(self, note: bytes, manifest: Manifest, root: str) -> None:
        """Raises ManifestBroken."""
        text = _text(manifest, root)
        start = text + f"\n— {SIGNER} ".encode()
        if not note.startswith(start) or not note.endswith(b"\n"):
            raise ManifestBroken("the note beside the manifest is not of this manifest")
        try:
            signature = base64.b64decode(note[len(start) : -1], validate=True)
            if signature[:4] != self.key_hash:
                raise ManifestBroken("the note beside the manifest is signed by another key")
            self._key.verify(signature[4:], text)
        except (ValueError, InvalidSignature):
            raise ManifestBroken("the signature of the manifest is not genuine") from None


def _text(manifest: Manifest, root: str) -> bytes:
    facts = (FORMAT, manifest.footage, len(manifest.entries), manifest.size, root)
    return "".join(f"{fact}\n" for fact in facts).encode()


def size_in(note: bytes) -> int:
    """Bytes of the sealed segments, as the note says; to count with, not to trust. Raises ManifestBroken."""
    try:
        return int(note.split(b"\n", 4)[3])
    except (IndexError, ValueError):
        raise ManifestBroken("the note beside the manifest is not understood") from None


def in_order(entries: Iterable[Entry]) -> str | None:
    """What is wrong with the order of segments; None where nothing is."""
    last: Entry | None = None
    for number, entry in enumerate(entries, start=1):
        if entry.number != number:
            return f"segment {number} is missing: {entry.number} comes in its place"
        if entry.since >= entry.until:
            return f"segment {number} ends before it begins"
        if last is not None and entry.since < last.until:
            return f"segment {number} begins before the one in front of it ends"
        last = entry
    return None
