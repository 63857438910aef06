"""Is an export what left the watch center? Asked of the file alone, without any network, with the public C2PA reader.

Everything in it is checked against the manifest, the manifest against its signature, the signature against the root
that the asker was given by another way; and the archive itself is written anew and compared, so that no byte is free.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from adapters.exports import archive, credentials, papers
from adapters.exports.archive import NotAnExport, Reader
from adapters.exports.credentials import NoCredentials
from adapters.exports.papers import FileSaid, NotUnderstood, Paper
from adapters.exports.signing import fingerprint, issued_by, leads_to, pem, signed
from adapters.exports.telemetry import NoTelemetry, is_of_a_drone, says_views, telemetry_of
from adapters.vault import manifest as manifests
from adapters.vault.manifest import ManifestBroken, Verifier

_UNSIGNED = {archive.MANIFEST, archive.SIGNATURE, archive.SUMS}  # which the manifest does not list


@dataclass(frozen=True, slots=True)
class Wrong:
    """`file`: the file in the archive, or the archive's own name."""

    file: str
    what: str


@dataclass(slots=True)
class Checked:
    """`paper`: the manifest, to be believed where nothing is wrong; `root`: fingerprint of the root that the file
    came with; `clips`: what the C2PA reader said of each."""

    file: str
    wrong: list[Wrong] = field(default_factory=list)
    paper: Paper | None = None
    signer: str = ""
    root: str = ""
    under_root: bool | None = None  # None: no root was given
    clips: dict[str, str] = field(default_factory=dict)

    @property
    def intact(self) -> bool:
        return not self.wrong

    @property
    def good(self) -> bool:
        """Intact, and by whom it must be."""
        return self.intact and self.under_root is True


def root_of(file: Path) -> x509.Certificate:
    """The root certificate in a PEM file. Raises ValueError."""
    try:
        found = x509.load_pem_x509_certificates(file.read_bytes())
    except ValueError:
        raise ValueError(f"{file} holds no certificate; accepted: the agency's root certificate in PEM") from None
    if len(found) != 1 or not issued_by(found[0], found[0]):
        raise ValueError(f"{file} is no root certificate: one that is signed by itself, and no other beside it")
    return found[0]


def check(path: Path, root: x509.Certificate | None = None, at: datetime | None = None) -> Checked:
    """Raises OSError where the file cannot be read."""
    checked = Checked(path.name)
    try:
        with archive.opened(path) as export:
            _Check(export, checked, root, at or datetime.now(UTC)).run()
    except NotAnExport as found:
        checked.wrong.append(Wrong(path.name, str(found)))
    return checked


class _Check:
    def __init__(self, export: Reader, checked: Checked, root: x509.Certificate | None, at: datetime) -> None:
        self._export, self._checked, self._root, self._at = export, checked, root, at

    def run(self) -> None:
        for name in (archive.MANIFEST, archive.SIGNATURE, archive.CERTIFICATES, archive.SUMS, archive.README):
            if name not in self._export.names:
                self._wrong(self._checked.file, f"has no {name}")
        if self._checked.wrong:
            return
        said = self._export.text(archive.MANIFEST)
        self._signature(said)
        try:
            paper = papers.paper_of(said)
        except NotUnderstood as error:
            self._wrong(archive.MANIFEST, f"is not understood: {error}")
            return
        self._checked.paper = paper
        self._sums(self._files(paper.files))
        self._vault(paper)
        self._telemetry(paper)
        for clip in paper.clips:
            self._clip(clip.file, paper)
        if self._checked.intact and not self._export.is_canonical():
            self._wrong(self._checked.file, "was changed between its files: it is not the archive that was made")

    def _wrong(self, file: str, what: str) -> None:
        self._checked.wrong.append(Wrong(file, what))

    # -- who says it ---------------------------------------------------------

    def _signature(self, said: bytes) -> None:
        try:
            self._certified(said, x509.load_pem_x509_certificates(self._export.text(archive.CERTIFICATES)))
        except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension):
            self._wrong(archive.CERTIFICATES, "holds no certificates that can be read")

    def _certified(self, said: bytes, chain: list[x509.Certificate]) -> None:
        if b"".join(map(pem, chain)) != self._export.text(archive.CERTIFICATES):
            self._wrong(archive.CERTIFICATES, "holds something beside certificates")
        self._checked.signer = chain[0].subject.rfc4514_string()
        self._checked.root = fingerprint(chain[-1])
        if not signed(chain[0], said, self._export.text(archive.SIGNATURE)):
            self._wrong(archive.MANIFEST, f"is not what was signed, or {archive.SIGNATURE} is not its signature")
        if not leads_to(chain, chain[-1], self._at):
            self._wrong(archive.CERTIFICATES, "do not follow from each other, or are not valid today")
        if self._root is not None:
            self._checked.under_root = leads_to(chain, self._root, self._at)

    # -- the files -----------------------------------------------------------

    def _files(self, listed: dict[str, FileSaid]) -> dict[str, tuple[str, int]]:
        names, sums = set(self._export.names), dict[str, tuple[str, int]]()
        for name in sorted(names - listed.keys() - _UNSIGNED):
            self._wrong(name, "is in the archive, and the manifest does not name it")
        for name in sorted(listed.keys() - names):
            self._wrong(name, "is missing")
        for name in sorted(names):
            sums[name] = self._export.sha256(name)
            if name in listed and sums[name] != (listed[name].sha256, listed[name].bytes):
                self._wrong(name, "was changed: its SHA-256 is not the one in the manifest")
        return sums

    def _sums(self, sums: dict[str, tuple[str, int]]) -> None:
        others = {name: each for name, each in sums.items() if name != archive.SUMS}
        if self._export.text(archive.SUMS) != archive.sums_of(others):
            self._wrong(archive.SUMS, "was changed: it does not list the files as they are")

    # -- where it is from ----------------------------------------------------

    def _vault(self, paper: Paper) -> None:
        footage = paper.footage
        name, note = papers.vault_file(footage.id, "jsonl"), papers.vault_file(footage.id, "note")
        if name not in self._export.names or note not in self._export.names:
            self._wrong(name, "or its signature is missing")
            return
        try:
            whole, root = manifests.read(self._export.text(name))
            Verifier.from_text(footage.verifier_key).check(self._export.text(note), whole, root)
        except (ManifestBroken, ValueError) as broken:
            self._wrong(name, str(broken))
            return
        if root != footage.manifest_root_sha256 or (whole.footage, whole.feed) != (footage.id, footage.feed):
            self._wrong(name, "is not the list of segments that the manifest names")
        sealed = {entry.number: (entry.sha256, entry.size) for entry in whole.entries}
        for clip in paper.clips:
            for part in clip.segments:
                if sealed.get(part.number) != (part.sealed_sha256, part.sealed_bytes):
                    self._wrong(clip.file, f"names a segment {part.number} that the vault's list has not, or not so")

    def _telemetry(self, paper: Paper) -> None:
        """Of the clips, and of nothing more than the manifest says that it tells."""
        said, there = paper.telemetry, archive.TELEMETRY in self._export.names
        if (said is not None) != is_of_a_drone(paper.footage.feed) or (said is None and there):
            self._wrong(archive.MANIFEST, f"must name {archive.TELEMETRY} of a drone's footage, and of no other")
        if said is None or not there:
            return
        try:
            found = telemetry_of(self._export.text(archive.TELEMETRY))
        except NoTelemetry as error:
            self._wrong(archive.TELEMETRY, f"is not understood: {error}")
            return
        footage, times = paper.footage, [pose.at for pose in found.poses]
        if (found.export, found.footage, found.feed) != (paper.export, footage.id, footage.feed):
            self._wrong(archive.TELEMETRY, "is of another export")
        if (said.file, said.poses, said.views) != (archive.TELEMETRY, len(times), found.views):
            self._wrong(archive.TELEMETRY, "is not what the manifest says of it")
        if times != sorted(set(times)) or not all(any(c.since <= at < c.until for c in paper.clips) for at in times):
            self._wrong(archive.TELEMETRY, "has a moment that is in no clip, or is out of order")
        if not found.views and says_views(found.poses):
            self._wrong(archive.TELEMETRY, "says whither the camera looked, which is to be left out of it")

    def _clip(self, name: str, paper: Paper) -> None:
        if name not in self._export.names:
            return  # said already
        try:
            with self._export.window(name) as file:
                found = credentials.read(file, pem(self._root) if self._root is not None else None)
        except NoCredentials as none:
            self._wrong(name, str(none))
            return
        self._checked.clips[name] = found.state
        if found.wrong or found.state == "Invalid":
            self._wrong(name, f"has content credentials that do not hold ({', '.join(found.wrong) or 'invalid'})")
        if (found.ours.get("export"), found.ours.get("file")) != (paper.export, name):
            self._wrong(name, "has the content credentials of another clip")
        if found.thumbnails:
            self._wrong(name, "has a thumbnail in its content credentials")
        if self._root is not None and self._checked.under_root and found.state != "Trusted":
            self._wrong(name, "has content credentials that are not the agency's")
