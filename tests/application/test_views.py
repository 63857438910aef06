"""A picture goes on only as long as everything that let it begin is still so: asked of the store each time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest

from adapters.cedar import CedarAuthoriser, PolicyFiles
from adapters.heartbeats import PostgresHeartbeats
from application.cameras import Cameras
from application.handling import Accepted, Refused
from application.policies import Policies
from application.standing import service
from application.views import Permit, Views
from domain.camera import InstallCamera, NoteOnline
from domain.grounds import Grounds
from domain.kernel import CameraId, CaseNumber, PersonId, Place, Reason
from domain.live_view import AccountForPictures, LivePicturesServed, LiveViewEnded
from domain.person import AssignRole, RevokeRole, Role, Suspend
from domain.policy import RECORD_ALL_KEEP_30_DAYS, parameters_sha256
from tests.application.small_center import ADMIN, CAPTAIN, SmallCenter, done, small_center

DEE = PersonId("dee")
WHY = Grounds("call_for_service", "a burglar went over the wall of the pool", case=CaseNumber("C-7"))


class Looking:
    """A deputy who is a pilot too, watching a camera."""

    def __init__(self, center: SmallCenter, heartbeats: PostgresHeartbeats) -> None:
        self.center, self.views, cameras = center, Views(center.handler, heartbeats), Cameras(center.handler)
        place, captain = Place(34.09, -118.3617), center.signed_on(CAPTAIN)
        put_up = InstallCamera(CameraId("plaza"), "Plaza", place, 6.0, 90.0, PersonId(ADMIN))
        done(cameras.change(center.signed_on(ADMIN), put_up))
        done(cameras.change(service("service-recorder"), NoteOnline(CameraId("plaza"), center.clock.now())))
        center.enrolled(DEE, Role.WATCH_OPERATOR)
        done(center.accounts.change(captain, AssignRole(DEE, Role.REMOTE_PILOT, PersonId(CAPTAIN))))
        self.deputy = center.signed_on(DEE)
        self.view = done(self.views.request(self.deputy, "camera-plaza", WHY)).key

    def goes_on(self) -> bool:
        permit, pulse = self.views.permit(self.deputy, self.view), self.views.pulse(self.deputy, self.view)
        assert isinstance(permit, Permit) == pulse.open, (permit, pulse)
        return pulse.open

    def stopped_for(self) -> tuple[str, str]:
        """By what the frames are stopped, and what the console is told."""
        permit, pulse = self.views.permit(self.deputy, self.view), self.views.pulse(self.deputy, self.view)
        assert isinstance(permit, Reason) and pulse.reason is not None and not pulse.open
        return permit.code, pulse.reason.code


@pytest.fixture
def looking(database_url: str) -> Iterator[Looking]:
    with small_center(database_url) as center, PostgresHeartbeats(database_url) as heartbeats:
        yield Looking(center, heartbeats)


@pytest.mark.rule("view.ends_with_access", "view.grant_first")
def test_no_frame_goes_to_who_lost_the_role_that_let_them_look_whatever_other_role_is_left(looking: Looking) -> None:
    assert looking.goes_on()
    revoke = RevokeRole(DEE, Role.WATCH_OPERATOR, PersonId(CAPTAIN), "moved to the air unit")
    done(looking.center.accounts.change(looking.center.signed_on(CAPTAIN), revoke))
    assert looking.stopped_for() == ("not_permitted", "not_permitted")


@pytest.mark.rule("view.grant_first")
def test_no_frame_goes_out_for_a_purpose_that_the_policy_now_in_force_does_not_name(looking: Looking) -> None:
    others = tuple(rule for rule in RECORD_ALL_KEEP_30_DAYS.purposes if rule.code != WHY.purpose)
    parameters, policies = replace(RECORD_ALL_KEEP_30_DAYS, purposes=others), Policies(looking.center.handler)
    done(policies.draft(looking.center.signed_on(ADMIN), parameters, "no calls any more"))
    hashes = (parameters_sha256(parameters), looking.center.handler.authoriser.set_hash)
    done(policies.adopt(looking.center.signed_on(CAPTAIN), 2, *hashes))
    assert looking.stopped_for() == ("purpose_not_adopted", "purpose_not_adopted")


@pytest.mark.rule("view.grant_first")
def test_a_process_whose_access_rules_are_not_the_adopted_ones_lets_no_frame_out(looking: Looking) -> None:
    texts = {**PolicyFiles.read().texts, "99-other.cedar": "// Nobody adopted this.\n"}
    looking.center.handler.authoriser = CedarAuthoriser(PolicyFiles(texts))
    assert looking.stopped_for() == ("rules_not_adopted", "rules_not_adopted")


@pytest.mark.rule("view.accounted")
def test_what_left_is_told_by_who_counted_it_once_and_also_of_who_may_no_longer_look(looking: Looking) -> None:
    views, center, media = looking.views, looking.center, service("service-media")
    left = AccountForPictures(center.clock.now(), center.clock.now(), 700, False)
    once = uuid4()
    for _ in range(2):  # whoever did not hear the answer tells it again
        assert isinstance(views.account(media, looking.view, left, once), Accepted)
    done(views.close(looking.deputy, looking.view))
    suspended = Suspend(DEE, PersonId(CAPTAIN), "under inquiry")
    done(center.accounts.change(center.signed_on(CAPTAIN), suspended))
    done(views.account(media, looking.view, replace(left, size_bytes=50), uuid4()))
    told = center.events(f"liveview-{looking.view}")[2:]
    assert [type(each.event) for each in told] == [LivePicturesServed, LiveViewEnded, LivePicturesServed]
    assert [each.event.total_bytes for each in (told[0], told[2])] == [700, 750]
    assert {(each.envelope.actorid, each.envelope.purpose) for each in (told[0], told[2])} == {
        ("service-media", WHY.purpose)
    }


@pytest.mark.rule("view.accounted")
def test_nobody_says_of_themselves_how_much_they_saw(looking: Looking) -> None:
    left = AccountForPictures(looking.center.clock.now(), looking.center.clock.now(), 1, True)
    refused = looking.views.account(looking.deputy, looking.view, left, uuid4())
    assert isinstance(refused, Refused) and refused.reasons[0].code == "not_permitted"
