"""Footage made into a file: exactly what was approved, masked to the last pixel, marked, and signed by the agency."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import av
import c2pa
import numpy as np
import pytest

from adapters.exports import checking
from adapters.exports.archive import Writer
from adapters.exports.keeping import Gone, Shelf
from adapters.exports.making import CannotBeMade, Maker
from adapters.exports.signing import AgencySigner
from adapters.keys import PostgresFootageKeys
from adapters.vault import Closed, Vault
from api.processes.export import in_words
from domain.camera import WHOLE_PICTURE, Outline
from domain.privacy_override_events import Range
from tests.adapters.exports import filming
from tests.adapters.exports.filming import (
    EXPORT,
    NOON,
    RATE,
    SECOND,
    decoded,
    filmed,
    on_record,
    order,
    undecodable,
    zip_of,
)
from tests.adapters.video import recorded as camera
from tests.keys import ENCRYPTION

# The left half of the picture's middle.
MASK: Outline = ((0.1, 0.2), (0.5, 0.2), (0.5, 0.8), (0.1, 0.8))
WIDTH, HEIGHT = 320, 192
# Well inside of it: what is around it bleeds some pixels into it when it is encoded, and not further.
INSIDE = (slice(int(0.2 * HEIGHT) + 12, int(0.8 * HEIGHT) - 12), slice(int(0.1 * WIDTH) + 12, int(0.5 * WIDTH) - 12))
OUTSIDE = (slice(8, HEIGHT - 8), slice(int(0.6 * WIDTH), WIDTH - 8))


def masked(_: Any, __: bytes) -> Any:
    return lambda at: (MASK,)


def made(maker: Maker, shelf: Shelf, folder: Path, closed: Closed, *, export: str = EXPORT, **how: Any) -> Path:
    mask_of = how.pop("mask_of", masked)
    maker.make(order(closed, export=export, **how), on_record(closed), mask_of)
    return zip_of(shelf, folder, export)


def clips_of(path: Path) -> list[bytes]:
    with zipfile.ZipFile(path) as export:
        return [export.read(name) for name in sorted(export.namelist()) if name.startswith("clips/")]


def manifest_of(path: Path) -> Any:
    with zipfile.ZipFile(path) as export:
        return json.loads(export.read("manifest.json"))


# -- what is in it ---------------------------------------------------------------


def test_an_export_says_what_it_is_for_whom_and_on_which_ground(
    maker: Maker, shelf: Shelf, vault: Vault, tmp_path: Path
) -> None:
    closed = filmed(vault)
    said = manifest_of(made(maker, shelf, tmp_path, closed))
    assert said["legal_basis"] == {"kind": "warrant", "number": "26-SW-118", "issuer": "Superior Court, Los Angeles"}
    assert said["public_records"] == {
        "category": "investigatory_file",
        "decided_by": {"id": "d214", "name": "Capt. Jordan Lee"},
        "reason": "part of the file of an open robbery",
    }
    assert (said["recipient"], said["call"]) == ("District Attorney, Los Angeles County", "26-004512")
    assert said["approved"]["by"]["id"] == "d214" and said["requested"]["by"]["id"] == "d517"
    assert said["masked"] is True and said["override"] is None
    assert [step["action"] for step in said["steps"]] == [
        "c2pa.trimmed",
        "c2pa.edited",
        "c2pa.edited",
        "c2pa.transcoded",
    ]
    assert said["footage"]["manifest_root_sha256"] == closed.root, "as on the record"
    (clip,) = said["clips"]
    sealed = [(part["number"], part["sealed_sha256"]) for part in clip["segments"]]
    assert sealed == [(entry.number, entry.sha256) for entry in closed.manifest.entries]


def test_another_tool_finds_the_same_hashes_and_signature(
    maker: Maker, shelf: Shelf, vault: Vault, tmp_path: Path, signer: AgencySigner
) -> None:
    path = made(maker, shelf, tmp_path, filmed(vault))
    kept = shelf.finished(EXPORT)
    (told,) = _run("sha256sum", str(path)).split()[:1]
    assert kept is not None and told == kept.sha256
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(path) as export:
        export.extractall(folder)
    checked = _run("sha256sum", "-c", "SHA256SUMS", cwd=folder)
    assert checked.count(": OK") == len(list(folder.rglob("*.*"))), checked
    (folder / "root.pem").write_bytes(signer.root_pem)
    (folder / "key.pem").write_text(
        _run("openssl", "x509", "-in", "agency-certificates.pem", "-pubkey", "-noout", cwd=folder)
    )
    sign = ("-verify", "key.pem", "-signature", "manifest.sig", "manifest.json")
    assert "Verified OK" in _run("openssl", "dgst", "-sha256", *sign, cwd=folder)
    assert "OK" in _run("openssl", "verify", "-CAfile", "root.pem", "agency-certificates.pem", cwd=folder)


def test_the_public_reader_trusts_a_clip_under_our_root_and_not_without(
    maker: Maker, shelf: Shelf, vault: Vault, tmp_path: Path, signer: AgencySigner
) -> None:
    (clip,) = clips_of(made(maker, shelf, tmp_path, filmed(vault)))
    trusted, untrusted = _read(clip, signer.root_pem), _read(clip, None)
    assert trusted["validation_state"] == "Trusted"
    assert untrusted["validation_state"] == "Valid"
    wrong = {each["code"] for each in untrusted["validation_results"]["activeManifest"]["failure"]}
    assert wrong == {"signingCredential.untrusted"}
    other = AgencySigner.self_made(bytes(32))
    assert _read(clip, other.root_pem)["validation_state"] == "Valid"
    active = trusted["manifests"][trusted["active_manifest"]]
    (actions,) = (each["data"]["actions"] for each in active["assertions"] if each["label"] == "c2pa.actions.v2")
    assert [each["action"] for each in actions][:3] == ["c2pa.opened", "c2pa.trimmed", "c2pa.edited"]
    assert "masked" in actions[2]["description"]
    (source,) = active["ingredients"]
    assert source["relationship"] == "parentOf"
    assert "thumbnail" not in json.dumps(trusted) and b"\xff\xd8\xff\xe0" not in clip, "no picture beside the pictures"


def test_the_paper_beside_it_is_for_people(maker: Maker, shelf: Shelf, vault: Vault, tmp_path: Path) -> None:
    with zipfile.ZipFile(made(maker, shelf, tmp_path, filmed(vault))) as export:
        text = export.read("README.txt").decode()
    for words in ("warrant 26-SW-118", "Dep. Ana Torres (d517)", "Masks:", "openssl verify", "No time-stamp"):
        assert words in " ".join(text.split()), words
    assert max(map(len, text.splitlines())) <= 100


# -- which pictures ----------------------------------------------------------------


def test_a_clip_holds_the_pictures_of_the_range_and_no_other(
    maker: Maker, shelf: Shelf, vault: Vault, tmp_path: Path
) -> None:
    closed = filmed(vault, 4)
    wanted = Range(NOON + timedelta(milliseconds=2500), NOON + timedelta(milliseconds=6200))
    path = made(maker, shelf, tmp_path, closed, range_=wanted, mask_of=None, masked=False)
    (said,), (clip,) = manifest_of(path)["clips"], clips_of(path)
    pictures = decoded(clip)
    assert len(pictures) == said["pictures"] == 37
    assert (
        datetime.fromisoformat(said["since"]) == wanted.since and datetime.fromisoformat(said["until"]) == wanted.until
    )
    assert [(part["number"], part["whole"]) for part in said["segments"]] == [(2, False), (3, True), (4, False)]
    for number, (seconds, luma) in enumerate(pictures):
        assert abs(seconds - number / RATE) < 0.001, "each is shown when it was taken"
        assert _likeness(luma[OUTSIDE], filming.noise(1, 25 + number, WIDTH, HEIGHT)[OUTSIDE]) > 0.8


def test_a_gap_begins_another_clip_and_is_told(maker: Maker, shelf: Shelf, vault: Vault, tmp_path: Path) -> None:
    closed = filmed(vault, 3, gap_before=(2,))
    path = made(maker, shelf, tmp_path, closed, range_=Range(NOON, NOON + 20 * SECOND))
    said = manifest_of(path)
    assert [clip["pictures"] for clip in said["clips"]] == [4 * RATE, 2 * RATE]
    stretches = [(_seconds(gap["since"]), _seconds(gap["until"])) for gap in said["without_footage"]]
    assert stretches == [(4, 14), (16, 20)]
    with zipfile.ZipFile(path) as export:
        assert export.read("README.txt").decode().count("There is no footage") == 2


def test_footage_that_begins_within_a_group_of_pictures_is_in_the_file_like_any(
    maker: Maker, shelf: Shelf, vault: Vault, tmp_path: Path
) -> None:
    """Of a camera that sends too few key frames: a segment is decoded with what was before it, which is not shown."""
    film = camera.noise(1, 13 * camera.RATE, 160, 96)
    cuts = camera.cuts(film, NOON, g="1000", keyint_min="1000", sc_threshold="0")
    assert [cut.on_key_frame for cut in cuts] == [True, False]
    closed = camera.sealed(vault, filming.FEED, cuts)
    begins = closed.manifest.entries[1].since
    path = made(maker, shelf, tmp_path, closed, range_=Range(begins + SECOND / 2, begins + 2 * SECOND))
    (said,), (clip,) = manifest_of(path)["clips"], clips_of(path)
    assert [(part["number"], part["whole"]) for part in said["segments"]] == [(2, False)]
    shown = decoded(clip)
    assert said["covered_entirely"] == 0 and len(shown) == said["pictures"]
    assert abs(len(shown) - 1.5 * camera.RATE) <= 1
    assert all(luma[8:88, 104:152].std() > 4 for _, luma in shown)


def test_a_picture_of_another_size_begins_another_clip(
    maker: Maker, shelf: Shelf, vault: Vault, tmp_path: Path
) -> None:
    reel = vault.reel(filming.FEED, NOON)
    for number, size in enumerate(((320, 192), (160, 96))):
        at = NOON + number * filming.LENGTH
        content = filming.segment(1, 0, *size)
        reel.add(filming.Segment(content, at, at + filming.LENGTH, "video/mp4"))
    closed = reel.close()
    said = manifest_of(made(maker, shelf, tmp_path, closed))
    assert [(clip["width"], clip["pictures"]) for clip in said["clips"]] == [(320, 20), (160, 20)]


# -- what does not decode ----------------------------------------------------------


def no_film(_: bytes) -> bytes:
    return b"this is no film at all"


def dark(said: Any) -> list[tuple[float, float]]:
    """The stretches that a manifest says do not decode, in seconds."""
    return [
        (_seconds(each["since"]), _seconds(each["until"])) for clip in said["clips"] for each in clip["not_decoded"]
    ]


@pytest.mark.rule("mask.fails_closed")
@pytest.mark.parametrize("hidden", [True, False])
def test_what_does_not_decode_is_black_for_its_length_and_everything_says_so(
    maker: Maker, shelf: Shelf, vault: Vault, tmp_path: Path, signer: AgencySigner, hidden: bool
) -> None:
    """Sealed as it came and authentic, in the middle of footage that is well: what is around it is handed over."""
    closed = filmed(vault, 3, broken={1: undecodable})
    path = made(maker, shelf, tmp_path, closed, masked=hidden, mask_of=masked if hidden else None)
    said, (clip,) = manifest_of(path), clips_of(path)
    (of_clip,) = said["clips"]
    assert (of_clip["pictures"], of_clip["covered_entirely"]) == (60, 20)
    assert dark(said) == [(2, 4)]
    assert [(part["number"], part["whole"]) for part in of_clip["segments"]] == [(1, True), (2, True), (3, True)]
    pictures = decoded(clip)
    assert [round(seconds * RATE) for seconds, _ in pictures] == list(range(60)), "each for as long as it was"
    for number, (_, luma) in enumerate(pictures):
        original = filming.noise(1, number, WIDTH, HEIGHT)
        if 20 <= number < 40:
            assert np.median(luma[:HEIGHT]) < 24 and abs(_likeness(luma[OUTSIDE], original[OUTSIDE])) < 0.12
        else:
            assert _likeness(luma[OUTSIDE], original[OUTSIDE]) > 0.8
    when = "2026-06-01 12:00:02.000 UTC to 2026-06-01 12:00:04.000 UTC"
    step = f"made black where the original, as it was recorded, does not decode: {when}"
    assert said["steps"][1] == {"action": "c2pa.edited", "what": step}
    with zipfile.ZipFile(path) as export:
        text = " ".join(export.read("README.txt").decode().split())
    assert f"2. {step}." in text and f"What the clips show is {step}." in text
    assert "pictures are black all over" not in text, "none of them is for a mask"
    root = tmp_path / "root.pem"
    root.write_bytes(signer.root_pem)
    found = checking.check(path, checking.root_of(root))
    assert found.good, found.wrong
    assert any(line.split(":")[0].strip() == "Does not decode" for line in in_words(found))
    credentials = _read(clip, signer.root_pem)
    active = credentials["manifests"][credentials["active_manifest"]]
    told = {each["label"]: each["data"] for each in active["assertions"]}
    assert step in [each.get("description") for each in told["c2pa.actions.v2"]["actions"]]
    assert told["org.weho.safer.export"]["not_decoded"] == [
        ["2026-06-01T12:00:02.000000Z", "2026-06-01T12:00:04.000000Z"]
    ]


@pytest.mark.rule("mask.fails_closed")
def test_from_where_it_stops_to_decode_it_is_black_until_it_does_again(
    maker: Maker, shelf: Shelf, vault: Vault, tmp_path: Path
) -> None:
    """The picture before does not stand still in its place."""
    closed = filmed(vault, 3, broken={0: lambda content: undecodable(content, 12)})
    path = made(maker, shelf, tmp_path, closed)
    (clip,), said = clips_of(path), manifest_of(path)
    pictures = decoded(clip)
    assert len(pictures) == 60
    clear = [number for number, (_, luma) in enumerate(pictures) if np.median(luma[OUTSIDE]) > 24]
    assert set(range(12)) >= {number for number in clear if number < 20} >= set(range(8)), "a decoder may notice late"
    assert [number for number in clear if number >= 20] == list(range(20, 60))
    assert dark(said) == [(pytest.approx(max(n for n in clear if n < 20) / RATE + 0.1), 2)]
    assert said["clips"][0]["covered_entirely"] == 60 - len(clear)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_what_is_no_film_is_black_for_its_length_too(
    maker: Maker, shelf: Shelf, vault: Vault, tmp_path: Path, which: int
) -> None:
    path = made(maker, shelf, tmp_path, filmed(vault, 3, broken={which: no_film}))
    said = manifest_of(path)
    assert dark(said) == [(2 * which, 2 * which + 2)] and not said["without_footage"]
    black = [picture for clip in clips_of(path) for picture in decoded(clip) if np.median(picture[1][OUTSIDE]) < 24]
    assert len(black) == 10, "five a second: nobody knows when its pictures were taken"
    # Of what is first nobody knows the size either, and a clip has one.
    assert [clip["pictures"] for clip in said["clips"]] == ([10, 40] if which == 0 else [50])


def test_what_needs_what_does_not_decode_goes_on_with_the_next_key_frame(
    maker: Maker, shelf: Shelf, vault: Vault, tmp_path: Path
) -> None:
    """Of a camera that sends too few key frames the segments are decoded with those before them."""
    film = camera.noise(1, 21 * camera.RATE, 160, 96)
    cuts = camera.cuts(film, NOON, g="275", keyint_min="275", sc_threshold="0")
    assert [cut.on_key_frame for cut in cuts[:2]] == [True, False]
    reel = vault.reel(filming.FEED, NOON)
    for cut, content in zip(cuts, (no_film(b""), cuts[1].content), strict=False):
        media = 'video/mp4; codecs="avc1.42c00d"'
        reel.add(filming.Segment(content, cut.since, cut.until, media, on_key_frame=cut.on_key_frame))
    closed = reel.close()
    path = made(maker, shelf, tmp_path, closed)
    assert dark(manifest_of(path)) == [(0, pytest.approx(10, abs=0.1)), (pytest.approx(10, abs=0.1), 11)]


# -- masks -------------------------------------------------------------------------


def test_under_a_mask_nothing_of_the_original_is_left(maker: Maker, shelf: Shelf, vault: Vault, tmp_path: Path) -> None:
    """Two films of different noise come out alike under the mask, and like themselves beside it."""
    clips = []
    for seed, at in ((1, NOON), (2, NOON + timedelta(hours=1))):
        closed = filmed(vault, 3, seed, at=at)
        export = f"01975f3d-0000-7000-8000-00000000000{seed}"
        (clip,) = clips_of(made(maker, shelf, tmp_path, closed, export=export))
        clips.append(decoded(clip))
    for number, ((_, one), (_, other)) in enumerate(zip(*clips, strict=True)):
        originals = [filming.noise(seed, number, WIDTH, HEIGHT) for seed in (1, 2)]
        for luma, original in zip((one, other), originals, strict=True):
            assert abs(_likeness(luma[INSIDE], original[INSIDE])) < 0.12
            assert _likeness(luma[OUTSIDE], original[OUTSIDE]) > 0.8
            assert np.median(luma[INSIDE]) < 24, "black, and the mark faintly over it"
        assert np.abs(_smooth(one[INSIDE]) - _smooth(other[INSIDE])).max() < 12


def test_a_mask_that_cannot_be_told_covers_everything_and_is_counted(
    maker: Maker, shelf: Shelf, vault: Vault, tmp_path: Path
) -> None:
    def unsure(_: Any, __: bytes) -> Any:
        def at(moment: datetime) -> Sequence[Outline] | None:
            if moment < NOON + SECOND:
                return (MASK,)
            if moment < NOON + 2 * SECOND:
                return None
            raise ValueError("no pose")

        return at

    path = made(maker, shelf, tmp_path, filmed(vault, 2), mask_of=unsure)
    ((clip,), (said,)) = clips_of(path), manifest_of(path)["clips"]
    assert said["covered_entirely"] == 30
    for seconds, luma in decoded(clip):
        if seconds >= 1.05:
            assert np.median(luma[:HEIGHT]) < 24
            original = filming.noise(1, round(seconds * RATE), WIDTH, HEIGHT)
            assert abs(_likeness(luma[OUTSIDE], original[OUTSIDE])) < 0.12
    with zipfile.ZipFile(path) as export:
        assert "30 pictures are black all over" in export.read("README.txt").decode()


def test_a_mask_over_everything_leaves_nothing(maker: Maker, shelf: Shelf, vault: Vault, tmp_path: Path) -> None:
    path = made(maker, shelf, tmp_path, filmed(vault, 1), mask_of=lambda *_: lambda at: (WHOLE_PICTURE,))
    (clip,) = clips_of(path)
    assert all(np.median(luma[:HEIGHT]) < 24 for _, luma in decoded(clip))


def test_unmasked_is_what_was_approved_unmasked_alone(maker: Maker, vault: Vault) -> None:
    closed = filmed(vault, 1)
    for masked_, mask_of in ((True, None), (False, masked)):
        with pytest.raises(ValueError, match="masked"):
            maker.make(order(closed, masked=masked_), on_record(closed), mask_of)


# -- the mark ----------------------------------------------------------------------


def test_the_mark_is_below_every_picture_and_faintly_across_it(
    maker: Maker, shelf: Shelf, vault: Vault, tmp_path: Path
) -> None:
    path = made(maker, shelf, tmp_path, filmed(vault, 2), mask_of=lambda *_: lambda at: (WHOLE_PICTURE,))
    (clip,) = clips_of(path)
    pictures = decoded(clip)
    strips = [luma[HEIGHT:] for _, luma in pictures]
    assert all(strip.shape[0] >= 24 and (strip > 180).mean() > 0.02 for strip in strips), "white letters on it"
    assert np.abs(strips[0] - strips[5]).max() < 80, "the same within a second"
    assert np.abs(strips[0] - strips[15]).max() > 120, "and another time in the next"
    assert all((luma[:HEIGHT] > 30).mean() > 0.01 for _, luma in pictures), "person and case across the picture"


# -- what cannot be made ---------------------------------------------------------------


def test_of_destroyed_footage_no_file_is_made(shelf: Shelf, vault: Vault, keys_url: str) -> None:
    closed = filmed(vault, 2)
    with PostgresFootageKeys(keys_url, ENCRYPTION) as store:
        store.destroy(closed.name.footage)
        afterwards = Maker(Vault(vault.storage, store), shelf, AgencySigner.self_made(bytes(32)))
        with pytest.raises(CannotBeMade) as never:
            afterwards.make(order(closed), on_record(closed), masked)
    assert never.value.reason.code == "footage_destroyed"
    assert shelf.finished(EXPORT) is None
    with pytest.raises(Gone):
        shelf.read(EXPORT)


@pytest.mark.parametrize("harm", ["changed", "missing", "other root"])
def test_of_damaged_footage_no_file_is_made(
    maker: Maker, shelf: Shelf, vault: Vault, tmp_path: Path, harm: str
) -> None:
    closed = filmed(vault, 2)
    footage = on_record(closed)
    name = tmp_path / "vault" / closed.name.segment(2, NOON + filming.LENGTH)
    if harm == "changed":
        name.write_bytes(name.read_bytes()[:-1] + b"x")
    elif harm == "missing":
        name.unlink()
    else:
        footage = replace(footage, manifest_root_sha256="0" * 64)
    with pytest.raises(CannotBeMade) as never:
        maker.make(order(closed), footage, masked)
    assert never.value.reason.code == "footage_damaged"
    assert shelf.finished(EXPORT) is None


@pytest.mark.parametrize("broken", [undecodable, no_film])
@pytest.mark.parametrize("hidden", [True, False])
def test_of_footage_that_does_not_decode_at_all_no_file_is_made(
    maker: Maker, shelf: Shelf, vault: Vault, broken: Callable[[bytes], bytes], hidden: bool
) -> None:
    closed = filmed(vault, 2, broken={0: broken, 1: broken})
    with pytest.raises(CannotBeMade, match="no picture of this stretch decodes") as never:
        maker.make(order(closed, masked=hidden), on_record(closed), masked if hidden else None)
    assert never.value.reason.code == "footage_undecodable"
    assert shelf.finished(EXPORT) is None


def test_who_signs_a_clip_puts_no_clear_byte_of_it_on_a_disk() -> None:
    """Nor into a temporary file that nobody sees: a disk keeps what was in it."""
    clip = filming.segment(1, 0, 1280, 704)
    assert len(clip) > 1_000_000

    def confined(*in_memory_mb: str) -> subprocess.CompletedProcess[bytes]:
        argv = [sys.executable, "-m", "tests.adapters.exports.confined", *in_memory_mb]
        return subprocess.run(argv, input=clip, capture_output=True, cwd=Path(__file__).parents[3], timeout=120)

    signed = confined()
    assert signed.returncode == 0, signed.stderr.decode()
    assert len(signed.stdout) > len(clip)
    assert b"File too large" in confined("1").stderr, "so the library does with what is larger than it keeps"


def test_what_ends_the_making_leaves_no_file(maker: Maker, shelf: Shelf, vault: Vault) -> None:
    closed = filmed(vault, 3)
    asked = []

    def go_on() -> None:
        asked.append(1)
        if len(asked) == 3:
            raise CannotBeMade("override_over", "the override is over")

    with pytest.raises(CannotBeMade):
        maker.make(order(closed, masked=False), on_record(closed), None, go_on=go_on)
    assert shelf.finished(EXPORT) is None


# -- how it is kept ----------------------------------------------------------------------


def test_what_is_kept_is_sealed_and_gone_with_its_key(maker: Maker, shelf: Shelf, vault: Vault, tmp_path: Path) -> None:
    whole = made(maker, shelf, tmp_path, filmed(vault, 2)).read_bytes()
    pieces = list((tmp_path / "exports" / EXPORT).glob("*.sealed"))
    sealed = [piece.read_bytes() for piece in pieces]
    assert sum(map(len, sealed)) >= len(whole)
    for clear in (b"ftyp", b"PK\x03\x04", b"manifest.json", b"District Attorney"):
        assert clear in whole and not any(clear in each for each in sealed)
    shelf.remove(EXPORT)
    assert shelf.finished(EXPORT) is None and not shelf.kept()
    (tmp_path / "exports" / EXPORT).mkdir()
    for piece, content in zip(pieces, sealed, strict=True):
        piece.write_bytes(content)  # out of a copy of the disk
    (tmp_path / "exports" / EXPORT / "complete.json").write_text(
        json.dumps({"sha256": "0" * 64, "bytes": len(whole), "pieces": len(pieces)})
    )
    with pytest.raises(Gone):
        shelf.read(EXPORT)
    with pytest.raises(Gone):
        shelf.begin(EXPORT)


def test_a_clip_is_in_memory_once_more_while_it_is_written_and_not_twice(shelf: Shelf) -> None:
    content = random.Random(1).randbytes(32 << 20)
    draft = shelf.begin(EXPORT)
    writer = Writer(draft.write)
    tracemalloc.start()
    try:
        writer.add("clips/clip-01.mp4", content)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 2 * len(content)
    writer.close()
    kept = draft.finish("")
    with zipfile.ZipFile(io.BytesIO(b"".join(shelf.read(EXPORT)))) as file:
        assert file.read("clips/clip-01.mp4") == content and kept.size > len(content)


# -- helpers -----------------------------------------------------------------------------


def _run(*words: str, cwd: Path | None = None) -> str:
    return subprocess.run(words, cwd=cwd, check=True, capture_output=True, text=True).stdout


def _read(clip: bytes, root: bytes | None) -> Any:
    """As any reader of C2PA does."""
    settings: dict[str, Any] = {"version": 1, "verify": {"verify_trust": True}}
    if root is not None:
        settings["trust"] = {"trust_anchors": root.decode()}
    with (
        c2pa.Context.from_dict(settings) as context,
        c2pa.Reader("video/mp4", io.BytesIO(clip), context=context) as reader,
    ):
        found = json.loads(reader.json())
    with av.open(io.BytesIO(clip)) as container:
        assert sum(1 for _ in container.decode(video=0)) > 0, "and it still plays"
    return found


def _likeness(one: Any, other: Any) -> float:
    """Correlation: 1 the same but for brightness and contrast, 0 nothing in common."""
    return float(np.corrcoef(one.reshape(-1), other.reshape(-1))[0, 1])


def _smooth(luma: Any) -> Any:
    """In blocks of four by four, so that the noise of the codec itself is no difference."""
    height, width = (side // 4 * 4 for side in luma.shape)
    return luma[:height, :width].reshape(height // 4, 4, width // 4, 4).mean((1, 3))


def _seconds(moment: str) -> float:
    return (datetime.fromisoformat(moment) - NOON).total_seconds()
