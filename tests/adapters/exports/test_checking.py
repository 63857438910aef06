"""A file that left is checked by itself: whatever is changed of it is found, and whoever signed it is told apart."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.exports import archive, checking, papers
from adapters.exports.archive import Writer
from adapters.exports.keeping import Shelf
from adapters.exports.making import Maker
from adapters.exports.papers import FileSaid
from adapters.exports.signing import AgencySigner, SignerRefused
from adapters.vault import LocalFiles, Vault
from api.cli import main
from application.sealing import SubjectKey
from tests.adapters.exports.filming import EXPORT, filmed, on_record, order, zip_of

SECRET = bytes(range(32))


class Keys:
    """A key store that is there at once: what is checked here has left it behind."""

    def find(self, subjects: Any) -> dict[str, SubjectKey]:
        return dict.fromkeys(subjects, SubjectKey("k", SECRET))

    make = find

    def destroy(self, subject: str) -> bool:
        raise AssertionError(subject)

    def secret_of(self, purpose: str) -> bytes:
        return SECRET


@dataclass
class Handed:
    """A file that was handed over."""

    path: Path
    root: Path
    whole: bytes = field(repr=False)
    folder: Path
    signer: AgencySigner = field(repr=False)

    def check(self, content: bytes | None = None, *, rooted: bool = True) -> checking.Checked:
        path = self.path
        if content is not None:
            path = self.folder / "other.zip"
            path.write_bytes(content)
        return checking.check(path, checking.root_of(self.root) if rooted else None)

    def files(self) -> dict[str, bytes]:
        with zipfile.ZipFile(self.path) as export:
            return {name: export.read(name) for name in export.namelist()}


def written(files: dict[str, bytes]) -> bytes:
    parts: list[bytes] = []
    writer = Writer(parts.append)
    for name, content in files.items():
        writer.add(name, content)
    writer.close()
    return b"".join(parts)


@pytest.fixture(scope="module")
def handed(tmp_path_factory: pytest.TempPathFactory) -> Handed:
    folder = tmp_path_factory.mktemp("handed")
    vault, shelf = Vault(LocalFiles(folder / "vault"), Keys()), Shelf(LocalFiles(folder / "exports"), Keys())
    signer = AgencySigner.self_made(SECRET)
    closed = filmed(vault, 2, size=(160, 96))
    Maker(vault, shelf, signer).make(order(closed), on_record(closed), lambda *_: lambda at: ())
    path = zip_of(shelf, folder)
    (folder / "root.pem").write_bytes(signer.root_pem)
    return Handed(path, folder / "root.pem", path.read_bytes(), folder, signer)


# -- as it was handed over -----------------------------------------------------------


def test_what_was_handed_over_is_good_under_the_agencys_root(handed: Handed) -> None:
    found = handed.check()
    assert found.good and found.under_root and found.clips == {"clips/clip-01.mp4": "Trusted"}
    assert handed.check(written(handed.files())).good, "the same files give the same bytes"


def test_without_a_root_nobody_says_who_signed_it(handed: Handed) -> None:
    found = handed.check(rooted=False)
    assert found.intact and not found.good and found.under_root is None
    assert found.clips == {"clips/clip-01.mp4": "Valid"}


def test_under_another_root_it_is_somebody_elses(handed: Handed) -> None:
    other = x509.load_pem_x509_certificate(AgencySigner.self_made(bytes(32)).root_pem)
    found = checking.check(handed.path, other)
    assert found.intact and found.under_root is False and not found.good


def test_a_signature_is_checked_as_long_as_its_certificate_lasts(handed: Handed) -> None:
    root = checking.root_of(handed.root)
    assert checking.check(handed.path, root, datetime(2049, 1, 1, tzinfo=UTC)).good
    late = checking.check(handed.path, root, datetime(2050, 1, 1, tzinfo=UTC))
    assert not late.good and "not valid" in late.wrong[0].what


# -- changed ---------------------------------------------------------------------------


@given(data=st.data())
@settings(max_examples=250, deadline=None)
def test_whichever_byte_is_changed_it_is_found_and_a_file_is_named(handed: Handed, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(handed.whole) - 1))
    bits = data.draw(st.integers(1, 255))
    changed = bytearray(handed.whole)
    changed[at] ^= bits
    found = handed.check(bytes(changed))
    assert not found.intact and not found.good
    assert all(wrong.file == "other.zip" or archive.is_a_name(wrong.file) for wrong in found.wrong)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_byte_of_a_file_in_it_is_found_as_that_files(handed: Handed, data: st.DataObject) -> None:
    files = handed.files()
    name = data.draw(st.sampled_from(sorted(files)))
    at = data.draw(st.integers(0, len(files[name]) - 1))
    changed = bytearray(files[name])
    changed[at] ^= data.draw(st.integers(1, 255))
    found = handed.check(written({**files, name: bytes(changed)}))
    assert not found.intact
    assert name in {wrong.file for wrong in found.wrong} or name in (archive.SIGNATURE, archive.CERTIFICATES)


@given(length=st.integers(0, 100_000_000))
@settings(max_examples=60, deadline=None)
def test_a_file_that_was_cut_off_is_found(handed: Handed, length: int) -> None:
    found = handed.check(handed.whole[: length % len(handed.whole)])
    assert not found.intact


@given(more=st.binary(min_size=1, max_size=50), where=st.sampled_from(["before", "behind"]))
@settings(max_examples=40, deadline=None)
def test_a_file_that_something_was_added_to_is_found(handed: Handed, more: bytes, where: str) -> None:
    found = handed.check(more + handed.whole if where == "before" else handed.whole + more)
    assert not found.intact


def test_a_file_that_is_left_out_or_put_in_is_named(handed: Handed) -> None:
    for name in handed.files():
        found = handed.check(written({n: content for n, content in handed.files().items() if n != name}))
        assert not found.intact
        assert any(name in (wrong.file, wrong.what.removeprefix("has no ")) for wrong in found.wrong), found.wrong
    found = handed.check(written({**handed.files(), "clips/clip-02.mp4": b"more"}))
    assert ("clips/clip-02.mp4", "is in the archive, and the manifest does not name it") in [
        (wrong.file, wrong.what) for wrong in found.wrong
    ]


def test_another_order_of_the_same_files_is_another_archive(handed: Handed) -> None:
    found = handed.check(written(dict(reversed(handed.files().items()))))
    assert [wrong.file for wrong in found.wrong] == ["other.zip"]


def test_a_clip_of_another_export_is_found_even_where_it_is_signed_anew(handed: Handed) -> None:
    """Whoever holds the key could do it by mistake; the credentials inside say of which export they are."""
    files = handed.files()
    paper = papers.paper_of(files[archive.MANIFEST])
    other = signed_anew(handed, files, export="another")
    found = handed.check(other)
    assert [wrong.what for wrong in found.wrong] == ["has the content credentials of another clip"]
    assert paper.export == EXPORT


def test_segments_that_the_vault_did_not_seal_are_found(handed: Handed) -> None:
    files = handed.files()
    paper = papers.paper_of(files[archive.MANIFEST])
    (clip,) = paper.clips
    part = clip.segments[0]
    lied = msgspec.structs.replace(part, sealed_sha256="0" * 64)
    clips = (msgspec.structs.replace(clip, segments=(lied, *clip.segments[1:])),)
    found = handed.check(signed_anew(handed, files, clips=clips))
    assert [wrong.file for wrong in found.wrong] == ["clips/clip-01.mp4"]
    footage = msgspec.structs.replace(paper.footage, manifest_root_sha256="0" * 64)
    found = handed.check(signed_anew(handed, files, footage=footage))
    assert "not the list of segments" in found.wrong[0].what


def signed_anew(handed: Handed, of: dict[str, bytes], **changed: Any) -> bytes:
    """With another manifest, and a genuine signature of it."""
    said = msgspec.structs.replace(papers.paper_of(of[archive.MANIFEST]), **changed).encoded()
    files = {**of, archive.MANIFEST: said, archive.SIGNATURE: handed.signer.sign(said)}
    sums = {name: _sum(content) for name, content in files.items() if name != archive.SUMS}
    return written({**files, archive.SUMS: archive.sums_of(sums)})


def test_who_signs_with_a_key_of_their_own_is_not_the_agency(handed: Handed) -> None:
    forger = AgencySigner.self_made(b"f" * 32)
    files = handed.files()
    certificates = forger.chain_pem
    paper = papers.paper_of(files[archive.MANIFEST])
    sha256, size = _sum(certificates)
    listed = {**paper.files, archive.CERTIFICATES: FileSaid(sha256, size)}
    files[archive.CERTIFICATES] = certificates
    handed_by = Handed(handed.path, handed.root, handed.whole, handed.folder, forger)
    content = signed_anew(handed_by, files, files=listed)
    found = handed.check(content)
    assert found.intact and found.under_root is False and not found.good
    assert not handed.check(content, rooted=False).good


# -- what was never an export -------------------------------------------------------------


def archive_of(folder: Path, entries: list[tuple[zipfile.ZipInfo | str, bytes]], how: int = zipfile.ZIP_STORED) -> Path:
    path = folder / "hostile.zip"
    with zipfile.ZipFile(path, "w", how) as export:
        for name, content in entries:
            export.writestr(name, content)
    return path


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "clips/../../x.mp4", "clips/clip-01.mp4\0", "C:\\x"]
)
def test_a_path_that_leads_elsewhere_is_refused_before_anything_is_read(tmp_path: Path, name: str) -> None:
    found = checking.check(archive_of(tmp_path, [(name, b"x"), ("manifest.json", b"{}")]))
    assert not found.intact and found.paper is None
    assert not (tmp_path / "x.mp4").exists()


def test_what_would_grow_is_refused_before_it_does(tmp_path: Path) -> None:
    bomb = archive_of(tmp_path, [("manifest.json", bytes(50_000_000))], zipfile.ZIP_DEFLATED)
    assert bomb.stat().st_size < 100_000
    found = checking.check(bomb)
    assert [wrong.what for wrong in found.wrong] == ["holds 'manifest.json' compressed, and in an export nothing is"]


def test_more_than_it_can_hold_is_refused(tmp_path: Path) -> None:
    many = archive_of(tmp_path, [(f"clips/clip-{n:04d}.mp4", b"") for n in range(1_001)])
    assert "1001 files" in checking.check(many).wrong[0].what
    with pytest.warns(UserWarning, match="Duplicate"):
        twice = archive_of(tmp_path, [("manifest.json", b"{}"), ("manifest.json", b"{}")])
    assert "twice" in checking.check(twice).wrong[0].what


@pytest.mark.parametrize("content", [b"", b"no zip at all", b"PK\x05\x06" + bytes(18), b"PK\x03\x04" + bytes(40)])
def test_what_is_no_export_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "some.zip"
    path.write_bytes(content)
    found = checking.check(path)
    assert not found.intact and found.wrong[0].file == "some.zip"


@given(
    said=st.one_of(
        st.binary(max_size=200), st.recursive(st.none() | st.text(), st.lists).map(lambda x: json.dumps(x).encode())
    )
)
@settings(max_examples=50, deadline=None)
def test_a_manifest_that_is_none_is_said_to_be_none(handed: Handed, said: bytes) -> None:
    files = handed.files() | {archive.MANIFEST: said}
    found = handed.check(written(files))
    assert archive.MANIFEST in {wrong.file for wrong in found.wrong}


# -- what people see -----------------------------------------------------------------------


def asked(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["export", "verify", *map(str, words)])


def test_the_verdict_is_said_first_and_the_exit_code_with_it(handed: Handed, tmp_path: Path) -> None:
    good = asked(handed.path, "--root", handed.root)
    assert good.exit_code == 0 and good.output.startswith("GOOD: "), good.output
    for words in ("warrant 26-SW-118, Superior Court", "Capt. Jordan Lee (d214)", "Masks:", "no time-stamp authority"):
        assert words in good.output
    unknown = asked(handed.path)
    assert unknown.exit_code == 1 and unknown.output.startswith("NOT CONFIRMED: ") and "--root" in unknown.output
    changed = tmp_path / "changed.zip"
    changed.write_bytes(handed.whole.replace(b"warrant", b"consent"))
    bad = asked(changed, "--root", handed.root)
    assert bad.exit_code == 1 and bad.output.startswith("NOT GOOD: ") and "manifest.json: " in bad.output
    assert "Superior Court" not in bad.output, "what it says is not repeated as if it were so"


def test_a_program_is_told_the_same(handed: Handed) -> None:
    told = json.loads(asked(handed.path, "--root", handed.root, "--json").output)
    assert (told["good"], told["intact"], told["signed_under_root"], told["findings"]) == (True, True, True, [])
    assert told["manifest"]["legal_basis"]["number"] == "26-SW-118"


def test_wrong_use_is_told_apart_from_a_bad_file(handed: Handed, tmp_path: Path) -> None:
    assert asked(tmp_path / "nowhere.zip").exit_code == 2
    assert asked(handed.path, "--root", handed.path).exit_code == 2
    leaf = tmp_path / "leaf.pem"
    leaf.write_bytes(handed.signer.chain_pem)
    refused = asked(handed.path, "--root", leaf)
    assert refused.exit_code == 2 and "no root certificate" in refused.output


def test_what_a_stranger_wrote_moves_no_cursor(handed: Handed) -> None:
    evil = handed.folder / "evil.zip"
    evil.write_bytes(signed_anew(handed, handed.files(), recipient="\x1b[2J\x1b[HGOOD: all is well\nGOOD"))
    told = asked(evil, "--root", handed.root).output
    assert "\x1b" not in told and not any(line.startswith("GOOD: all") for line in told.splitlines())


# -- the signer -------------------------------------------------------------------------------


def test_an_installation_always_has_the_same_certificates_and_no_other_has_them() -> None:
    one, again, other = (AgencySigner.self_made(secret) for secret in (SECRET, SECRET, bytes(32)))
    assert one.chain_pem == again.chain_pem and one.root_pem != other.root_pem
    assert one.chain[0].not_valid_after_utc - datetime.now(UTC) > timedelta(days=365 * 5)


def test_an_agency_may_bring_a_key_of_its_own_and_a_file_that_cannot_sign_is_refused(tmp_path: Path) -> None:
    made = AgencySigner.self_made(SECRET)
    key = made._key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = tmp_path / "signer.pem"

    def read(content: bytes, mode: int = 0o600) -> AgencySigner:
        file.write_bytes(content)
        file.chmod(mode)
        return AgencySigner.read(file)

    assert read(key + made.chain_pem).chain_pem == made.chain_pem
    with pytest.raises(SignerRefused, match="chmod 600"):
        read(key + made.chain_pem, 0o644)
    with pytest.raises(SignerRefused, match="is no PEM file"):
        read(b"nonsense")
    with pytest.raises(SignerRefused, match="is no PEM file"):
        read(key)
    with pytest.raises(SignerRefused, match="not the key's"):
        read(key + AgencySigner.self_made(bytes(32)).chain_pem)
    with pytest.raises(SignerRefused, match="was not issued by"):
        read(
            key
            + made.chain_pem.partition(b"-----END CERTIFICATE-----\n")[0]
            + b"-----END CERTIFICATE-----\n"
            + AgencySigner.self_made(bytes(32)).root_pem
        )
    with pytest.raises(SignerRefused, match="cannot be read"):
        AgencySigner.read(tmp_path / "nowhere")


def _sum(content: bytes) -> tuple[str, int]:
    return hashlib.sha256(content).hexdigest(), len(content)
