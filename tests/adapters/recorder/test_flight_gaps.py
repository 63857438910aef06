"""What is sealed of a flight, what is not, and what the record is told of it, moment by moment."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import av
import pytest

from adapters.keys import PostgresFootageKeys
from adapters.recorder.flights import DroneAddress, FlightRecording, Permits
from adapters.recorder.recording import AWAY, NOT_RECORDING
from adapters.recorder.segmenting import Packet
from adapters.recorder.source import Picture, SourceFault
from adapters.recorder.tap import Tap
from adapters.vault.segment import Header
from adapters.video.coded import CodecParameters
from application.flight_footage import Stretch
from application.poses import IN_A_ZONE, NO_POSE, Track
from domain.footage import FootageLost, FootageRecorded
from domain.kernel import DroneId, FlightId
from infra.stack.processes import wait_until
from tests.adapters.recorder.test_long_films import MIDNIGHT, SECOND, Film
from tests.adapters.recorder.test_recording import Station
from tests.application.small_center import small_center
from tests.keys import ENCRYPTION

pytestmark = pytest.mark.slow
FLIGHT = FlightId("f1")
ADDRESS = DroneAddress(DroneId("skylark-1"), FLIGHT, "rtsp://film/")
Says = Callable[[float], str | None]  # at a second of the film


class Where(Track):
    """As if somebody had told it."""

    def __init__(self, says: Says) -> None:
        super().__init__(FLIGHT)
        self._says = says

    def may_keep(self, at: datetime) -> str | None:
        return self._says((at - MIDNIGHT).total_seconds())

    def may_show(self, at: datetime) -> str | None:
        said = self.may_keep(at)
        return None if said == NOT_RECORDING else said


class Offered(Tap):
    """What left for who looks on, by the second of the film, and what was said in between."""

    def __init__(self) -> None:
        super().__init__("flight-f1")
        self.seen: list[float | str] = []

    def begins(self, parameters: CodecParameters) -> None:
        self.seen.append("begins")

    def ends(self, why: str) -> None:
        self.seen.append(why)

    def picture(self, packet: Packet, at: datetime) -> None:
        self.seen.append((at - MIDNIGHT).total_seconds())


class Recorded(Permits):
    """A flight that is recorded all the while, or of which it was said differently `turned` times."""

    turned = 0

    def why_not(self, flight: FlightId) -> str | None:
        return None

    def turns(self, flight: FlightId) -> int:
        return self.turned


class Part(Film):
    """Five pictures a second from one second to another, each fifth a key frame; then the camera breaks off."""

    def __init__(self, since: float, until: float, breaks: bool = True) -> None:
        pictures = [(n / 5, n % 5 == 0) for n in range(round(since * 5), round(until * 5))]
        super().__init__([(MIDNIGHT + s * SECOND, (s - since) * SECOND, key) for s, key in pictures])
        self.now, self._breaks = MIDNIGHT + since * SECOND, breaks

    def pictures(self) -> Iterator[Picture]:
        yield from super().pictures()
        if self._breaks:
            raise SourceFault("the camera ended the stream")


@pytest.fixture
def station(database_url: str, tmp_path: Path) -> Iterator[Station]:
    with small_center(database_url, MIDNIGHT) as center, PostgresFootageKeys(database_url, ENCRYPTION) as keys:
        yield Station(center, keys, tmp_path / "vault")


class Flown:
    """One run of the recorder over parts of a film."""

    def __init__(self, station: Station, says: Says, *parts: tuple[float, float]) -> None:
        self.station, self._films = station, [Part(*part, breaks=part != parts[-1]) for part in parts]
        self._next = iter(self._films)
        self.permits = Recorded(station.center.handler)
        self._now = self._films[0]
        self.offered = Offered()
        told = (Where(says), self.permits, self._connect)
        self.recording = FlightRecording(
            ADDRESS, station.vault, station.notes, *told, clock=self._clock, tap=self.offered
        )

    def _connect(self, _: object) -> Film:
        self._now = next(self._next)
        return self._now

    def _clock(self) -> datetime:
        return self._now.now

    def fly(self, recorded: Sequence[Stretch], over: Sequence[Stretch] | None) -> None:
        self.recording.settle_flight(lambda _: [], recorded)
        with self.station.working(self.recording, lambda: None if over is None else self.recording.finish(over)):
            self.station.receiving.join(100)
            assert not self.station.receiving.is_alive()


def stretch(since: float, until: float | None) -> Stretch:
    return Stretch(MIDNIGHT + since * SECOND, None if until is None else MIDNIGHT + until * SECOND)


def flown(
    station: Station,
    says: Says,
    *parts: tuple[float, float],
    recorded: Sequence[Stretch] = (),
    over: Sequence[Stretch] | None = (),
) -> None:
    Flown(station, says, *parts).fly(recorded, over)


def sealed(station: Station) -> list[tuple[float, float, str | None]]:
    """Stretches of footage, in seconds of the film, with why nothing is before each."""
    found: list[tuple[float, float, str | None]] = []
    for head, _ in station.segments():
        since, until = ((each - MIDNIGHT).total_seconds() for each in (head.since, head.until))
        if found and abs(found[-1][1] - since) < 0.01:
            found[-1] = (found[-1][0], until, found[-1][2])
        else:
            found.append((since, until, head.gap))
    return [(round(since, 2), round(until, 2), gap) for since, until, gap in found]


def lost(station: Station) -> list[tuple[float, float, str]]:
    return [
        (
            round((each.range.since - MIDNIGHT).total_seconds(), 2),
            round((each.range.until - MIDNIGHT).total_seconds(), 2),
            each.detail,
        )
        for each in station.events(FootageLost)
    ]


class Late(Part):
    """The pictures of its first seconds come late, as they do on a busy machine."""

    def __init__(self, since: float, until: float, late: float, seconds: float, killed: Callable[[], None]) -> None:
        super().__init__(since, until, breaks=False)
        self._killed = killed
        self._times = [
            (at + late * SECOND if in_stream < seconds * SECOND else at, in_stream, key)
            for at, in_stream, key in self._times
        ]

    def pictures(self) -> Iterator[Picture]:
        yield from super().pictures()
        self._killed()


def shown(station: Station) -> list[tuple[Header, datetime]]:
    """The pictures of all segments, each with when it is shown."""
    found = []
    for head, content in station.segments():
        with av.open(io.BytesIO(content)) as file:
            for packet in file.demux(video=0):
                if packet.size:
                    assert packet.pts is not None
                    found.append((head, head.since + float(packet.pts * packet.time_base) * SECOND))
    return found


def between(*spans: tuple[float, float, str]) -> Says:
    return lambda second: next((why for since, until, why in spans if since <= second < until), None)


def test_what_lies_in_a_zone_is_not_there_and_what_follows_begins_with_a_key_frame(station: Station) -> None:
    says = between((0, 4, NOT_RECORDING), (10.4, 17.4, IN_A_ZONE), (25, 40, NOT_RECORDING))
    flown(station, says, (0, 30))
    assert sealed(station) == [(4.0, 10.4, NOT_RECORDING), (18.0, 25.0, IN_A_ZONE)]
    assert all(head.on_key_frame for head, _ in station.segments())
    assert not lost(station)
    (recorded,) = station.events(FootageRecorded)
    assert recorded.feed == "flight-f1" and recorded.segments == len(station.segments())
    assert station.sound(MIDNIGHT)


def test_what_nobody_may_look_into_is_offered_to_nobody(station: Station) -> None:
    film = Flown(station, between((0, 2, NOT_RECORDING), (3.4, 6.2, IN_A_ZONE)), (0, 9))
    film.fly((), ())
    seen = film.offered.seen
    cut = seen.index(IN_A_ZONE)
    assert seen[:2] == ["begins", 0.0], "also what is not recorded"
    assert seen[cut - 1 : cut + 3] == [3.2, IN_A_ZONE, "begins", 7.0], "it goes on with a key frame"
    assert seen[-1] == 8.8


def test_what_nobody_could_place_is_lost_and_told(station: Station) -> None:
    flown(station, between((5, 9.5, NO_POSE)), (0, 20))
    assert sealed(station) == [(0.0, 5.0, NOT_RECORDING), (10.0, 20.0, NO_POSE)]
    assert lost(station) == [(5.0, 10.0, NO_POSE)]


def test_a_camera_that_breaks_off_while_the_flight_is_recorded_has_lost_it(station: Station) -> None:
    flown(station, between(), (0, 8), (15, 25))
    assert sealed(station) == [(0.0, 8.0, NOT_RECORDING), (15.0, 25.0, "the camera ended the stream")]
    assert lost(station) == [(8.0, 15.0, "the camera ended the stream")]


def test_a_camera_that_breaks_off_while_nothing_is_recorded_has_lost_nothing(station: Station) -> None:
    flown(station, between((6, 22, NOT_RECORDING)), (0, 8), (20, 30))
    assert sealed(station) == [(0.0, 6.0, NOT_RECORDING), (22.0, 30.0, NOT_RECORDING)]
    assert not lost(station)


def test_a_camera_that_is_slow_to_come_has_lost_nothing_where_nothing_was_to_be_recorded(station: Station) -> None:
    film = Flown(station, between((0, 12, NOT_RECORDING)), (9, 20))
    film._now.now = MIDNIGHT
    film.fly((), ())
    assert sealed(station) == [(12.0, 20.0, NOT_RECORDING)]
    assert not lost(station)


def test_a_camera_that_comes_back_in_a_zone_has_lost_what_was_before_it(station: Station) -> None:
    flown(station, between((14, 22, IN_A_ZONE)), (0, 8), (15, 30))
    assert sealed(station) == [(0.0, 8.0, NOT_RECORDING), (22.0, 30.0, IN_A_ZONE)]
    assert lost(station) == [(8.0, 15.0, "the camera ended the stream")]


def test_what_is_missing_when_the_flight_ends_is_told(station: Station) -> None:
    flown(station, between(), (0, 8), recorded=[stretch(0, None)], over=[stretch(0, 20)])
    assert lost(station) == [(8.0, 20.0, "no picture came")]
    assert len(station.events(FootageRecorded)) == 1


def test_a_camera_that_never_comes_back_has_lost_what_was_to_be_recorded_of_each_stretch(station: Station) -> None:
    over = [stretch(0, 20), stretch(40, 60)]
    flown(station, between(), (0, 8), recorded=[stretch(0, None)], over=over)
    assert lost(station) == [(8.0, 20.0, "no picture came"), (40.0, 60.0, "no picture came")]


def test_a_camera_that_was_never_connected_to_has_lost_the_whole_flight(station: Station) -> None:
    flown(station, between(), (0, 0), over=[stretch(30, 50), stretch(70, 90)])
    assert sealed(station) == []
    assert lost(station) == [(30.0, 50.0, "not connected yet"), (70.0, 90.0, "not connected yet")]


def test_a_recorder_that_was_away_tells_what_it_missed(station: Station) -> None:
    flown(station, between(), (0, 6), recorded=[stretch(0, None)], over=None)
    flown(station, between(), (15, 20), recorded=[stretch(0, None)])
    assert lost(station) == [(6.0, 15.0, AWAY)]
    assert sealed(station) == [(0.0, 6.0, None), (15.0, 20.0, AWAY)]
    assert len(station.events(FootageRecorded)) == 1


@pytest.mark.rule("retention.lost")
@pytest.mark.parametrize(("late", "seconds"), [(0.8, 1.0), (0.8, 5.0), (2.5, 1.0), (2.5, 5.0)])
def test_what_is_told_as_lost_holds_no_picture_that_was_kept(station: Station, late: float, seconds: float) -> None:
    """However late the first pictures came: each is shown within its segment, and nothing else of it is lost."""
    recording = Flown(station, between((14, 16, NO_POSE)), (0, 1))

    def killed() -> None:
        """Nothing more is sealed."""
        assert wait_until(lambda: recording.recording.standing()["bytes_waiting"] == 0, 60)
        station.disk.refuses = True

    recording._next = iter([Late(0, 20.6, late, seconds, killed)])
    recording.fly([stretch(0, None)], None)
    station.disk.refuses = False
    flown(station, between(), (30, 40), recorded=[stretch(0, None)])
    told, pictures = station.events(FootageLost), shown(station)
    assert [each.detail for each in told][-2:] == [NO_POSE, AWAY]
    for each in told:
        assert not [at for _, at in pictures if each.range.since < at < each.range.until], each
    assert all(head.since <= at < head.until for head, at in pictures)
    heads = [head for head, _ in station.segments()]
    assert all(before.until <= after.since for before, after in itertools.pairwise(heads))
    assert len(list(station.vault.reels())) == 1, "no clock went back"
    assert heads[-1].until == MIDNIGHT + 40 * SECOND
    away = told[-1].range
    assert away.until == MIDNIGHT + 30 * SECOND and timedelta(0) <= away.since - MIDNIGHT - 20 * SECOND < SECOND


def test_a_flight_that_ended_while_no_recorder_was_there_is_closed_and_its_rest_is_lost(station: Station) -> None:
    flown(station, between(), (0, 6), recorded=[stretch(0, None)], over=None)
    assert not station.events(FootageRecorded)
    ended = [stretch(0, 16), stretch(40, 43)]
    flown(station, between((0, 100, NOT_RECORDING)), (50, 51), recorded=ended, over=ended)
    assert lost(station) == [(6.0, 16.0, AWAY)], "three seconds are what a start may take"
    assert len(station.events(FootageRecorded)) == 1


def test_nothing_of_the_record_is_believed_for_ever(station: Station) -> None:
    now = [100.0]
    permits = Permits(station.center.handler, lambda: now[0])
    assert permits.why_not(FLIGHT) is not None, "it was never asked"
    permits.ask([FLIGHT])
    assert permits.why_not(FLIGHT) == NOT_RECORDING
    now[0] += 29
    assert permits.why_not(FLIGHT) == NOT_RECORDING
    now[0] += 2
    assert permits.why_not(FLIGHT) not in (None, NOT_RECORDING)
