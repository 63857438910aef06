"""Signatures: the genuine vehicle is believed, and nobody else."""

import hashlib
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.mavlink.dialect import mavlink
from adapters.mavlink.frames import Frame, FrameScanner
from adapters.mavlink.signing import NEW_STREAM_TOLERANCE, Signatures, Verdict, signing_timestamp
from adapters.mavlink.tlog import TlogEntry, read_tlog
from tests.adapters.mavlink.conftest import recording

KEY = hashlib.sha256(b"saferweho test key").digest()
LOG: list[TlogEntry] = list(read_tlog(recording("ardupilot_sitl_signed_sortie")))
SIGNED = [entry.frame for entry in LOG if entry.frame.signed]
START = signing_timestamp(next(entry.at for entry in LOG if entry.frame.signed) / 1e6)


def at_the_start(key: bytes = KEY) -> Signatures:
    return Signatures(key, lambda: START)


def signed_by(key: bytes, timestamp: int, link: int = 0) -> Frame:
    packer = mavlink.MAVLink(None, 11, 1)
    packer.signing.secret_key, packer.signing.sign_outgoing = key, True
    packer.signing.timestamp, packer.signing.link_id = timestamp, link
    raw = mavlink.MAVLink_heartbeat_message(2, 3, 209, 4, 4, 3).pack(packer)
    return FrameScanner().feed(raw)[0]


def test_every_signed_frame_of_the_recording_verifies() -> None:
    keyed = at_the_start()
    verdicts = Counter((entry.frame.system, keyed.check(entry.frame)) for entry in LOG)
    assert verdicts[11, Verdict.GENUINE] == 3_280
    assert verdicts[250, Verdict.GENUINE] == 107
    assert {verdict for _, verdict in verdicts} == {Verdict.GENUINE, Verdict.UNSIGNED}


def test_another_key_believes_none_of_it() -> None:
    keyed = at_the_start(bytes(32))
    assert {keyed.check(frame) for frame in SIGNED} == {Verdict.FORGED}
    assert not keyed.streams


def test_a_second_playing_is_a_replay() -> None:
    keyed = at_the_start()
    assert {keyed.check(frame) for frame in SIGNED} == {Verdict.GENUINE}
    assert {keyed.check(frame) for frame in SIGNED} == {Verdict.REPLAYED}


def test_a_replay_after_a_restart_is_refused_once_it_is_a_minute_old() -> None:
    newest = int.from_bytes(SIGNED[-1].raw[-12:-6], "little")
    restarted = Signatures(KEY, lambda: newest + NEW_STREAM_TOLERANCE + 1)
    assert restarted.check(SIGNED[-1]) is Verdict.REPLAYED


def test_a_replay_after_a_restart_with_its_memory_is_refused_at_once() -> None:
    before = at_the_start()
    for frame in SIGNED:
        before.check(frame)
    after = at_the_start()
    after.streams.update(before.streams)
    assert after.check(SIGNED[-1]) is Verdict.REPLAYED


def test_a_forgery_from_the_future_does_not_shut_out_the_genuine_vehicle() -> None:
    keyed = at_the_start()
    assert keyed.check(SIGNED[0]) is Verdict.GENUINE
    assert keyed.check(signed_by(bytes(32), 2**47)) is Verdict.FORGED
    assert {keyed.check(frame) for frame in SIGNED[1:]} == {Verdict.GENUINE}


def test_each_link_of_a_vehicle_has_its_own_order() -> None:
    keyed = at_the_start()
    assert keyed.check(signed_by(KEY, START + 500, link=1)) is Verdict.GENUINE
    assert keyed.check(signed_by(KEY, START + 400, link=2)) is Verdict.GENUINE
    assert keyed.check(signed_by(KEY, START + 400, link=1)) is Verdict.REPLAYED


@given(st.sampled_from(SIGNED), st.data())
@settings(max_examples=300, deadline=None)
def test_no_altered_copy_is_believed(frame: Frame, data: st.DataObject) -> None:
    altered = bytearray(frame.raw)
    altered[data.draw(st.integers(0, len(altered) - 1))] ^= data.draw(st.integers(1, 255))
    keyed = at_the_start()
    for survivor in FrameScanner().feed(bytes(altered)):
        assert keyed.check(survivor) is not Verdict.GENUINE
    assert not keyed.streams


def test_what_we_sign_never_goes_back_in_time() -> None:
    keyed = at_the_start()
    ahead = keyed.check(signed_by(KEY, START + 1_000))
    assert ahead is Verdict.GENUINE
    stamps = [keyed.next_timestamp() for _ in range(3)]
    assert stamps == [START + 1_001, START + 1_002, START + 1_003]


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes; this one has 31"):
        at_the_start(bytes(31))
