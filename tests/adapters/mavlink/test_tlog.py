"""Telemetry logs: what was written is what is read, and the hash is that of the file."""

import hashlib
import resource
from pathlib import Path

import pytest
from pymavlink import mavutil

from adapters.mavlink.frames import FrameScanner
from adapters.mavlink.tlog import TlogWriter, read_tlog
from tests.adapters.mavlink.conftest import recording

ENTRIES = list(read_tlog(recording("ardupilot_sitl_signed_sortie")))[:200]


def write(path: Path) -> TlogWriter:
    writer = TlogWriter(path)
    for entry in ENTRIES:
        writer.write(entry.at, entry.frame.raw, outbound=entry.frame.system == 250)
    return writer


def test_a_log_holds_both_directions_and_says_what_it_holds(tmp_path: Path) -> None:
    record = write(tmp_path / "flights" / "one.tlog").close()
    out = sum(entry.frame.system == 250 for entry in ENTRIES)
    assert (record.frames_in, record.frames_out, record.complete) == (200 - out, out, True)
    assert record.sha256 == hashlib.sha256(record.path.read_bytes()).hexdigest()
    assert list(read_tlog(record.path.read_bytes())) == ENTRIES


def test_pymavlink_reads_what_we_wrote(tmp_path: Path) -> None:
    record = write(tmp_path / "one.tlog").close()
    reader = mavutil.mavlink_connection(str(record.path))
    read = []
    while (message := reader.recv_msg()) is not None:
        read.append((round(message._timestamp * 1e6), bytes(message.get_msgbuf())))
    assert read == [(entry.at, entry.frame.raw) for entry in ENTRIES]


def test_damage_costs_only_what_it_hit(tmp_path: Path) -> None:
    data = bytearray(write(tmp_path / "one.tlog").close().path.read_bytes())
    first, second = 8 + len(ENTRIES[0].frame.raw), 8 + len(ENTRIES[1].frame.raw)
    data[first + 20] ^= 0xFF
    data[first + second : first + second] = b"EKF3 IMU0 initialised\n"
    scanner = FrameScanner()
    assert list(read_tlog(bytes(data), scanner)) == [ENTRIES[0], *ENTRIES[2:]]


def test_a_log_is_never_written_over(tmp_path: Path) -> None:
    write(tmp_path / "one.tlog").close()
    with pytest.raises(FileExistsError):
        TlogWriter(tmp_path / "one.tlog")


def test_no_room_leaves_an_incomplete_log_and_no_error(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    writer = TlogWriter(tmp_path / "one.tlog")
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        for entry in ENTRIES * 20:
            writer.write(entry.at, entry.frame.raw, outbound=False)
        record = writer.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not record.complete
    assert record.path.stat().st_size <= 20_000
    assert record.sha256 == hashlib.sha256(record.path.read_bytes()).hexdigest()
