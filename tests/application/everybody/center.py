"""A watch center with everybody in it, founded once, of which each example gets a copy."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from uuid import UUID

import httpx
import psycopg
from psycopg import sql

from adapters.alpr import HttpPlateProvider
from adapters.event_store.reopening import reopen
from adapters.heartbeats import PostgresHeartbeats
from application.calls import Calls
from application.cameras import Cameras
from application.fleet import Fleet
from application.oversight import Oversight
from application.ports import Head
from application.standing import service
from domain.call import UpdateCall
from domain.camera import InstallCamera, NoteOnline
from domain.dock import CommissionDock
from domain.drone import ReadyDrone, RegisterDrone
from domain.kernel import CallNumber, CameraId, DockId, DroneId, PersonId, Place, StreamId
from domain.person import CertificateKind, Organisation, RecordCertificate, Role
from domain.review_events import Discrepancy
from tests.adapters.alpr.reference_provider import KEY, ReferenceProvider, read, reference_provider
from tests.application.small_center import ADMIN, NOON, SmallCenter, done, small_center
from tests.conftest import url_of_database

ROLES = {
    "dee": Role.WATCH_OPERATOR,
    "sam": Role.WATCH_SUPERVISOR,
    "sue": Role.WATCH_SUPERVISOR,
    "fay": Role.FIELD_RESPONDER,
    "fin": Role.FIELD_RESPONDER,  # of LA County Fire
    "pia": Role.REMOTE_PILOT,
    "pol": Role.REMOTE_PILOT,
    "aud": Role.AUDITOR,
    "ada": Role.AUDITOR,
    "abe": Role.AMBASSADOR,
    "cal": Role.CITY_ANALYST,
}
ELSEWHERE = {
    "fin": Organisation.LA_COUNTY_FIRE,
    "aud": Organisation.OVERSIGHT,
    "ada": Organisation.OVERSIGHT,
    "abe": Organisation.BLOCK_BY_BLOCK,
    "cal": Organisation.CITY_OF_WEST_HOLLYWOOD,
}
UNDER_REVIEW = UUID("01975f3a-0000-7000-8000-00000000000f")
PLAZA, DOCK = Place(34.0900, -118.3617), DockId("station-roof")
DRONES = (DroneId("weho-1"), DroneId("weho-2"))


def settle(center: SmallCenter, call: str) -> None:
    """People, a camera, a dock, two drones that stand ready, and a call."""
    admin, today = center.signed_on(ADMIN), center.clock.now().date()
    for person, role in ROLES.items():
        at = ELSEWHERE.get(person, Organisation.LASD_WEST_HOLLYWOOD)
        center.enrolled(person, role, organisation=at)
        if role is Role.REMOTE_PILOT:
            until = today + timedelta(days=120)
            kind = CertificateKind.PART_107
            paper = RecordCertificate(PersonId(person), kind, f"48271{person}", until, PersonId(ADMIN))
            done(center.accounts.change(admin, paper))
    by = PersonId(ADMIN)
    cameras, fleet = Cameras(center.handler), Fleet(center.handler)
    done(cameras.change(admin, InstallCamera(CameraId("plaza"), "Plaza", PLAZA, 6.0, 90.0, by)))
    done(cameras.change(service("service-recorder"), NoteOnline(CameraId("plaza"), center.clock.now())))
    done(fleet.commission_dock(admin, CommissionDock(DOCK, "Station roof", PLAZA, 60.0, by)))
    pilot = center.signed_on("pia")
    for number, drone in enumerate(DRONES, 1):
        frame = RegisterDrone(drone, f"FA3{number}", f"1581F{number}", "Skylark X4", DOCK, number, None, by)
        done(fleet.register(admin, frame))
        done(fleet.upkeep(pilot, drone, ReadyDrone(95.0, PersonId("pia"))))
    done(Calls(center.handler).update(service("service-dispatch"), update(center, call, 1)))
    differs, said = (Discrepancy.COUNT, StreamId("camera-plaza")), "two counts of its footage"
    done(Oversight(center.handler).report_discrepancy(center.signed_on("aud"), *differs, said, UNDER_REVIEW))


def update(center: SmallCenter, call: str, number: int, disposition: str | None = None) -> UpdateCall:
    now = center.clock.now()
    return UpdateCall(CallNumber(call), number, now, "459 burglary", 2, PLAZA, NOON, disposition=disposition)


class Everything:
    """`another` makes a watch center for one example, `away` takes it away again."""

    def __init__(
        self, admin_url: str, template: str, head: Head, provider: ReferenceProvider, http: httpx.Client
    ) -> None:
        self._admin_url, self._template, self._head = admin_url, template, head
        self.provider = provider
        self.readers = HttpPlateProvider("station readers", provider.url, KEY, http)
        self._open = ExitStack()

    def another(self) -> tuple[SmallCenter, PostgresHeartbeats]:
        self.away()
        name = f"{self._template}_{secrets.token_hex(4)}"
        with psycopg.connect(self._admin_url, autocommit=True) as admin:
            parts = sql.Identifier(name), sql.Identifier(self._template)
            admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*parts))
        self._open.callback(self._drop, name)
        url = url_of_database(self._admin_url, name)
        reopen(url, self._head)  # no log is written on in a copy, unless somebody says that it is whole
        center = self._open.enter_context(small_center(url, found=False))
        self.provider.asked.clear()
        self.provider.reads[:] = [read("r1", "8ABC123", NOON - timedelta(minutes=30))]
        return center, self._open.enter_context(PostgresHeartbeats(url))

    def _drop(self, name: str) -> None:
        with psycopg.connect(self._admin_url, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def away(self) -> None:
        self._open.close()


@contextmanager
def everything(admin_url: str, database_url: str, call: str) -> Iterator[Everything]:
    """`database_url`: of an empty database, which becomes the one that is copied."""
    with small_center(database_url) as center:
        settle(center, call)
        head = center.handler.store.head()
    with reference_provider() as provider, httpx.Client() as http:
        made = Everything(admin_url, database_url.rpartition("/")[2], head, provider, http)
        try:
            yield made
        finally:
            made.away()
