"""Files of footage as others bring them: told by their content, cut without decoding, by a process with no rights."""

from __future__ import annotations

import hashlib
import io
import os
import random
import socket
import threading
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import av
import pytest

from adapters.footage_files import reading
from adapters.footage_files.reading import FileRefused, FootageFile, Found, Piece
from tests.adapters.footage_files.clips import RATE, clip, pictures_in

pytestmark = pytest.mark.slow


def read(path: Path) -> tuple[Found, list[Piece]]:
    with path.open("rb") as opened, FootageFile(opened).read() as (found, pieces):
        return found, list(pieces)


def brought(folder: Path, content: bytes, name: str = "evidence.bin") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("container", "codec", "found"),
    [
        ("mp4", "libx264", "MP4, H.264 320x180"),
        ("mkv", "libx264", "Matroska, H.264 320x180"),
        ("ts", "libx264", "MPEG transport stream, H.264 320x180"),
        ("mp4", "libx265", "MP4, H.265 320x180"),
        ("mkv", "libx265", "Matroska, H.265 320x180"),
        ("ts", "libx265", "MPEG transport stream, H.265 320x180"),
    ],
)
def test_a_film_is_told_by_its_content_and_cut_without_losing_a_picture(
    tmp_path: Path, container: str, codec: str, found: str
) -> None:
    """Under a name that says nothing, and with pictures that are shown in another order than they are coded."""
    path = brought(tmp_path, clip(container, codec, seconds=7))
    what, pieces = read(path)
    assert (what.found, what.sound) == (found, "none")
    assert what.media.startswith('video/mp4; codecs="' + ("avc1." if codec == "libx264" else "hvc1.1.6."))
    assert sum(pictures_in(piece.content) for piece in pieces) == 7 * RATE
    assert pieces[0].since == timedelta(0) and all(piece.on_key_frame for piece in pieces)
    assert all(before.until == after.since for before, after in pairwise(pieces))
    assert abs(pieces[-1].until - timedelta(seconds=7)) < timedelta(seconds=0.3)
    assert all(piece.until - piece.since >= timedelta(seconds=2) for piece in pieces[:-1])


def test_the_same_file_is_cut_the_same_way_again(tmp_path: Path) -> None:
    path = brought(tmp_path, clip(seconds=6))
    first, second = read(path)[1], read(path)[1]
    assert [(p.since, p.until, p.on_key_frame) for p in first] == [(p.since, p.until, p.on_key_frame) for p in second]


def test_its_hash_is_that_of_the_file(tmp_path: Path) -> None:
    path = brought(tmp_path, clip(seconds=2))
    with path.open("rb") as opened:
        file = FootageFile(opened)
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest() and file.size_bytes == path.stat().st_size


def test_sound_is_left_out_and_that_it_was_there_is_told(tmp_path: Path) -> None:
    what, pieces = read(brought(tmp_path, clip(seconds=4, sound=True)))
    assert what.sound == "dropped" and sum(pictures_in(piece.content) for piece in pieces) == 4 * RATE


@pytest.mark.parametrize("container", ["mp4", "ts"])
def test_sound_is_kept_where_the_policy_has_it(tmp_path: Path, container: str) -> None:
    path = brought(tmp_path, clip(container, seconds=5, sound=True))
    with path.open("rb") as opened, FootageFile(opened).read(keep_sound=True) as (what, pieces):
        assert what.sound == "kept" and what.media.endswith(',mp4a.40.2"')
        heard = 0.0
        for piece in pieces:
            with av.open(io.BytesIO(piece.content)) as file:
                heard += sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0))
    assert abs(heard - 75 * 1024 / 16_000) < 0.3


def test_a_stretch_that_was_not_filmed_is_a_gap_and_no_picture_shown_for_minutes(tmp_path: Path) -> None:
    _, pieces = read(brought(tmp_path, clip("mkv", seconds=6, pause=(3, 120), b_frames=0)))
    (gap,) = [n for n, piece in enumerate(pieces) if piece.gap]
    assert pieces[gap].gap == "the file holds no picture"
    assert pieces[gap].since - pieces[gap - 1].until > timedelta(seconds=115)
    assert abs(pieces[gap].since - timedelta(seconds=123)) < timedelta(seconds=0.2)
    assert sum(pictures_in(piece.content) for piece in pieces) == 6 * RATE


def test_films_put_one_behind_the_other_go_on_where_the_first_ended(tmp_path: Path) -> None:
    """As recorders join their files: the second one's time begins anew."""
    joined = clip("ts", seconds=4, start_s=7200, b_frames=0) + clip("ts", seconds=4, b_frames=0)
    _, pieces = read(brought(tmp_path, joined))
    assert all(before.until <= after.since for before, after in pairwise(pieces))
    assert abs(pieces[-1].until - timedelta(seconds=8)) < timedelta(seconds=1)
    assert sum(pictures_in(piece.content) for piece in pieces) >= 8 * RATE - 2


# -- what is no footage ------------------------------------------------------

PLAYLIST = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b"the minutes of a meeting, and more of them\n" * 40, "it is text"),
        (b"%PDF-1.7\n" + bytes(4000), "a PDF document"),
        (b"PK\x03\x04" + bytes(4000), "a ZIP archive"),
        (b"\x89PNG\r\n\x1a\n" + bytes(4000), "a PNG picture"),
        (random.Random(1).randbytes(40_000), "it begins with"),
        (PLAYLIST.format("other.ts").encode(), "a playlist"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "it is text"),
    ],
    ids=["nothing", "text", "PDF", "ZIP", "PNG", "noise", "playlist", "list of files"],
)
def test_what_is_no_video_is_refused_with_what_was_found(tmp_path: Path, content: bytes, said: str) -> None:
    for name in ("evidence.mp4", "evidence"):  # whatever it is called
        with pytest.raises(FileRefused, match=said) as refused:
            read(brought(tmp_path, content, name))
        assert refused.value.accepted


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lambda: clip("avi", "mpeg4", seconds=2, b_frames=0), "a RIFF file"),
        (lambda: clip("mp4", "mpeg4", seconds=2, b_frames=0), "it is MP4 and holds video mpeg4"),
        (lambda: clip(seconds=3)[:2000], "it is cut off"),
    ],
    ids=["AVI", "another coding", "cut off"],
)
def test_a_video_of_another_kind_is_refused_with_what_it_is(tmp_path: Path, content: object, said: str) -> None:
    with pytest.raises(FileRefused, match=said) as refused:
        read(brought(tmp_path, content()))  # type: ignore[operator]
    assert "H.264" in refused.value.accepted


def test_no_address_that_a_file_names_is_ever_asked(tmp_path: Path) -> None:
    """A playlist is not opened; nor is a server that it names, or a file beside it."""
    (tmp_path / "beside.ts").write_bytes(clip("ts", seconds=2))
    asked = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        where = f"http://127.0.0.1:{server.getsockname()[1]}/a.ts"
        for named in (where, "beside.ts", "file:beside.ts"):
            for written in (PLAYLIST.format(named), f"ffconcat version 1.0\nfile '{named}'\n", f"[playlist]\n{named}"):
                with pytest.raises(FileRefused):
                    read(brought(tmp_path, written.encode()))
        try:
            server.accept()
            asked.set()
        except TimeoutError:
            pass
    assert not asked.is_set()


def test_a_file_too_large_or_changed_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = brought(tmp_path, clip(seconds=4))
    with path.open("rb") as opened:
        file = FootageFile(opened)
        os.utime(path, ns=(0, 0))
        with file.read() as (_, pieces), pytest.raises(FileRefused, match="changed while it was read"):
            list(pieces)
    monkeypatch.setattr(reading, "MOST_BYTES", 1000)
    with pytest.raises(FileRefused, match="it has"):
        read(path)


def test_damage_in_the_middle_never_harms_who_reads(tmp_path: Path) -> None:
    """Bytes turned over anywhere: it is refused in words, or read as far as it goes; nothing else happens."""
    sound, told, chance = bytearray(clip(seconds=4)), list[tuple[str, str]](), random.Random(1)
    for at in range(40, len(sound), len(sound) // 25):
        changed = bytearray(sound)
        changed[at : at + 40] = chance.randbytes(40)
        try:
            _, pieces = read(brought(tmp_path, bytes(changed)))
        except FileRefused as refused:
            told.append((str(refused), refused.accepted))
        else:
            assert all(before.until <= after.since for before, after in pairwise(pieces))
    assert all(found and accepted for found, accepted in told)


def test_who_reads_has_no_settings_and_writes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the process is given, as the system itself tells it."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://somebody:secret@127.0.0.1/nowhere")
    path = brought(tmp_path, clip(seconds=20))
    with path.open("rb") as opened, FootageFile(opened).read() as (_, pieces):
        next(pieces)
        (child,) = [int(pid) for pid in _children() if b"cutting" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        assert b"DATABASE_URL" not in Path(f"/proc/{child}/environ").read_bytes()
        limits = Path(f"/proc/{child}/limits").read_text()
        assert any(line.startswith("Max file size") and line.split()[3] == "0" for line in limits.splitlines())


def _children() -> list[str]:
    found = []
    for task in Path("/proc/self/task").iterdir():
        found += (task / "children").read_text().split()
    return found


SAYS = {
    "more bytes than it has": b'{"bytes": 900}\n' + bytes(20),
    "far too many bytes": b'{"bytes": 99999999999}\n',
    "a time that goes back": b'{"bytes": 1, "since_us": 9, "until_us": 5}\nx',
    "days": b'{"bytes": 1, "since_us": 9, "until_us": 86400000001}\nx',
    "nothing": b"",
    "no JSON": b"\xff\xff\xff\n",
    "another kind": b'{"bytes": "1"}\n',
}


@pytest.mark.parametrize("said", SAYS.values(), ids=SAYS.keys())
def test_who_reads_a_strangers_file_is_not_believed(tmp_path: Path, said: bytes) -> None:
    """Were it taken over by what it reads, it could hand back pictures of its own, and do nothing else."""
    with brought(tmp_path, b"x" * 100).open("rb") as opened:
        file = FootageFile(opened)
        with pytest.raises(FileRefused):
            list(file._pieces(io.BytesIO(said)))


def test_a_media_type_that_is_none_is_not_taken(tmp_path: Path) -> None:
    line = b'{"found": "MP4", "media": "text/html; codecs=\\"x\\"", "sound": "none"}\n'
    with pytest.raises(FileRefused):
        reading._said(io.BytesIO(line))
