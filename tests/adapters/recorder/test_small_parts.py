"""When a picture was taken, whether a camera is there: the small parts, each at its limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from adapters.recorder.clock import StreamClock
from adapters.recorder.codecs import media_type
from adapters.recorder.presence import Presence, WentOffline, WentOnline

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOON_US = int(NOON.timestamp() * 1e6)
SECOND = 1_000_000

# -- clock -------------------------------------------------------------------


def test_a_camera_that_says_nothing_is_timed_by_arrival_without_its_jitter() -> None:
    clock = StreamClock()
    late = [0, 80_000, 20_000, 300_000, 0, 150_000]
    taken = [clock.taken(n * 40_000, NOON_US + n * 40_000 + wait, None) for n, wait in enumerate(late)]
    assert [t.at for t in taken] == [NOON + timedelta(milliseconds=40 * n) for n in range(6)]
    assert {(t.clock, t.ahead_us) for t in taken} == {("arrival", None)}


def test_a_clock_that_agrees_to_a_second_counts_and_another_is_noted() -> None:
    clock = StreamClock()
    clock.taken(0, NOON_US, None)
    for ahead, counts in ((-400_000, True), (SECOND, True), (SECOND + 1, False), (-3600 * SECOND, False)):
        taken = clock.taken(SECOND, NOON_US + SECOND, NOON_US + SECOND + ahead)
        assert (taken.clock, taken.ahead_us) == ("rtcp" if counts else "arrival", ahead)
        assert taken.at == NOON + timedelta(seconds=1, microseconds=ahead if counts else 0)


def test_a_stall_that_is_caught_up_moves_no_time_and_a_clock_set_forward_does() -> None:
    clock = StreamClock()
    for n in range(20):
        clock.taken(n * 500_000, NOON_US + n * 500_000, None)
    stalled = clock.taken(10 * SECOND, NOON_US + 13 * SECOND, None)
    assert stalled.at == NOON + timedelta(seconds=10), "it was taken then, and came late"
    for n in range(1, 40):
        last = clock.taken(10 * SECOND + n * 500_000, NOON_US + 3610 * SECOND + n * 500_000, None)
    assert last.at == NOON + timedelta(seconds=3610 + 39 / 2), "an hour for good is the clock"


def test_a_clock_set_back_counts_at_once() -> None:
    clock = StreamClock()
    clock.taken(0, NOON_US, None)
    assert clock.taken(SECOND, NOON_US - 3600 * SECOND, None).at == NOON - timedelta(hours=1)


def test_pictures_whose_own_time_leaps_are_of_when_they_came() -> None:
    clock, leap = StreamClock(), 11 * 3600 * SECOND
    for n in range(30):
        clock.taken(n * 500_000, NOON_US + n * 500_000, None)
    for n in range(30, 60):
        taken = clock.taken(n * 500_000 + leap, NOON_US + n * 500_000, None)
        assert taken.at == NOON + n * timedelta(milliseconds=500)


# -- presence ----------------------------------------------------------------


def test_a_camera_is_online_after_three_seconds_of_pictures_and_offline_after_ten_without() -> None:
    presence = Presence(0.0)
    told = [presence.picture(NOON + timedelta(seconds=n / 10), n / 10) for n in range(40)]
    assert [went for went in told if went] == [WentOnline(NOON)]
    at = NOON + timedelta(seconds=20)
    assert presence.look(at, 13.8, "gone") is None
    assert presence.look(at, 14.0, "gone") == WentOffline(NOON + timedelta(seconds=3.9), "gone")
    assert presence.look(at, 99.0, "gone") is None, "once"


def test_a_camera_that_flickers_says_nothing() -> None:
    presence = Presence(0.0, online=True, _last=0.0, _last_at=NOON)
    for n in range(1, 20):  # a picture every nine seconds
        assert presence.look(NOON, n * 9 - 0.1, "x") is None and presence.picture(NOON, n * 9.0) is None
    offline = Presence(0.0, online=False)
    assert not any(offline.picture(NOON, n * 2.5) for n in range(20)), "pauses of more than two seconds are no stretch"


def test_a_camera_that_never_came_is_offline_since_it_was_looked_for() -> None:
    assert Presence(100.0).look(NOON, 109.9, "refused") is None
    assert Presence(100.0).look(NOON, 110.0, "refused") == WentOffline(NOON, "refused")


# -- codecs ------------------------------------------------------------------


def test_the_media_type_is_what_a_browser_asks_for() -> None:
    h264 = bytes.fromhex("6764001facd9405005bb016a0202028000000300800000190478c18cb0")
    assert media_type("h264", h264) == 'video/mp4; codecs="avc1.64001f"'
    h265 = bytes.fromhex("420101016000000300900000030000030078a00280802d165995")
    assert media_type("hevc", h265) == 'video/mp4; codecs="hvc1.1.6.L120.90"'
    assert media_type("hevc", None) == 'video/mp4; codecs="hvc1"'
