"""What an export says of itself: `manifest.json` for programs, and `README.txt` for the person who gets it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec

from adapters.exports import archive
from adapters.exports.clips import Clip
from adapters.exports.signing import AGENCY
from adapters.exports.telemetry import Telemetry
from adapters.vault import layout
from adapters.vault.layout import ReelName
from adapters.vault.manifest import Entry, Manifest
from domain.export import ExportCategorised, ExportRequested
from domain.legal_basis import LegalBasis
from domain.privacy_override_events import Range

FORMAT = "saferweho-export-v1"
MOST_NAMED = 10  # stretches, in words
NO_TIME_STAMP = "no time-stamp authority was asked: the times are those of the agency's own clock"
_UNITS = (
    'Times are UTC: "at" by the watch center\'s clock, when the position came in, "device_time" by the drone\'s own.'
    " Places are in degrees (WGS 84), heights in metres, velocities in metres a second, angles in degrees: yaw"
    " clockwise, pitch up, roll to the right. What is null is not known, or left out."
)
_NOT_TOLD = "Of a second before and after each picture that is black all over it says nothing."
_CATEGORIES = {
    "investigatory_file": "part of an investigatory file",
    "investigation": "of an investigation",
    "factual_inquiry": "of a factual inquiry",
}


class Person(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Order:
    """An approved export, as the record has it. `policy`: the version of the use policy it was approved under."""

    export: str
    request: ExportRequested
    requested_by: Person
    requested_at: datetime
    approved_by: Person
    approved_at: datetime
    category: ExportCategorised | None
    categorised_by: Person | None
    policy: int
    feed_name: str

    @property
    def case(self) -> str:
        """As people write it: the call, the case, or what else allowed it."""
        said = self.request.grounds
        if said.call:
            return f"call {said.call}" + (f", case {said.case}" if said.case else "")
        return f"case {said.case}" if said.case else f"under {said.authorisation}"


@dataclass(frozen=True, slots=True)
class Source:
    """The footage in the vault: its closed manifest, with root, and the key that its signature is checked with."""

    name: ReelName
    manifest: Manifest
    root: str
    verifier: str
    entries: Sequence[Entry]  # those that the export is made of


def moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def steps(order: Order, not_decoded: Sequence[Range]) -> list[tuple[str, str]]:
    """What was done to the footage, in order, each with the name that C2PA has for it. `not_decoded`: the stretches
    of what is told of that the original does not decode in."""
    range_ = order.request.range
    masking = (
        ("c2pa.edited", "masked: what the privacy masks cover was made black before the pictures were encoded anew")
        if order.request.masked
        else ("c2pa.edited", f"the privacy masks were not applied, under {order.request.override}")
    )
    return [
        ("c2pa.trimmed", f"cut to {in_words(range_.since)} to {in_words(range_.until)}"),
        *([("c2pa.edited", _blackened(not_decoded))] if not_decoded else []),
        masking,
        (
            "c2pa.edited",
            "marked: a strip with time, person and case was put below each picture, and person and case faintly across",
        ),
        ("c2pa.transcoded", "encoded anew as H.264 without sound"),
    ]


def _blackened(not_decoded: Sequence[Range]) -> str:
    named = [f"{in_words(dark.since)} to {in_words(dark.until)}" for dark in not_decoded[:MOST_NAMED]]
    if more := len(not_decoded) - len(named):
        named.append(f"{more} stretches more, all of which are in {archive.MANIFEST}")
    return "made black where the original, as it was recorded, does not decode: " + "; ".join(named)


def vault_file(footage: str, ending: str) -> str:
    return f"vault/{quote(footage, safe='')}.manifest.{ending}"


# -- for programs ------------------------------------------------------------


class Stretch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    since: datetime
    until: datetime


class Act(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    by: Person
    at: datetime


class Basis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: str
    number: str | None
    issuer: str | None


class Records(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file is to the public records act."""

    category: str
    decided_by: Person
    reason: str


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    action: str
    what: str


class Footage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    feed: str
    name: str
    since: datetime
    until: datetime
    segments: int
    manifest_root_sha256: str
    verifier_key: str


class SealedPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a clip holds of a segment, and the segment as the vault has it."""

    number: int
    since: datetime
    until: datetime
    whole: bool
    sealed_sha256: str
    sealed_bytes: int


class ClipSaid(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`covered_entirely`: how many pictures are black all over; `not_decoded`: when they are because the original does
    not decode."""

    file: str
    since: datetime
    until: datetime
    pictures: int
    covered_entirely: int
    not_decoded: tuple[Stretch, ...]
    width: int
    height: int
    segments: tuple[SealedPart, ...]


class TelemetrySaid(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of how many moments it says where the drone was. `views`: and whither its camera looked."""

    file: str
    poses: int
    views: bool


class FileSaid(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sha256: str
    bytes: int


class Paper(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`manifest.json`. Times are UTC; `telemetry` is of a drone's footage; `files` are all but the manifest itself, its
    signature and the sums."""

    format: str
    agency: str
    export: str
    made_at: datetime
    made_with: str
    recipient: str
    requested: Act
    approved: Act
    purpose: str
    call: str | None
    case: str | None
    authorisation: str | None
    legal_basis: Basis | None
    public_records: Records | None
    use_policy_version: int
    masked: bool
    override: str | None
    steps: tuple[Step, ...]
    time_stamp_authority: str
    footage: Footage
    asked_for: Stretch
    without_footage: tuple[Stretch, ...]
    clips: tuple[ClipSaid, ...]
    telemetry: TelemetrySaid | None
    files: dict[str, FileSaid]

    def encoded(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


class NotUnderstood(Exception):
    """A manifest that is none. Says what is wrong with it."""


def paper_of(content: bytes) -> Paper:
    """Raises NotUnderstood."""
    try:
        found = msgspec.json.decode(content, type=Paper)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise NotUnderstood(str(error)) from None
    if found.format != FORMAT:
        raise NotUnderstood(f"it is of the format {found.format!r}, not {FORMAT}")
    times = [found.made_at, found.requested.at, found.approved.at, found.asked_for.since, found.asked_for.until]
    stretches: list[Stretch | ClipSaid] = [*found.clips, *found.without_footage]
    stretches += [dark for clip in found.clips for dark in clip.not_decoded]
    times += [at for each in stretches for at in (each.since, each.until)]
    if any(at.tzinfo is None for at in times):
        raise NotUnderstood("a time in it has no time zone")
    return found


def paper(
    order: Order,
    source: Source,
    clips: Mapping[str, Clip],
    gaps: Sequence[Range],
    flown: Telemetry | None,
    files: Mapping[str, tuple[str, int]],
    made_at: datetime,
    version: str,
) -> Paper:
    """`clips` by file name; `files`: SHA-256 and bytes of what the archive holds so far."""
    request, basis, category = order.request, order.request.legal_basis, order.category
    said = request.grounds
    return Paper(
        format=FORMAT,
        agency=AGENCY,
        export=order.export,
        made_at=made_at,
        made_with=f"Safer WeHo {version}",
        recipient=request.recipient,
        requested=Act(order.requested_by, order.requested_at),
        approved=Act(order.approved_by, order.approved_at),
        purpose=said.purpose,
        call=said.call,
        case=said.case,
        authorisation=said.authorisation,
        legal_basis=Basis(basis.kind, basis.number, basis.issuer) if basis else None,
        public_records=Records(category.category, order.categorised_by, category.reason)
        if category and order.categorised_by
        else None,
        use_policy_version=order.policy,
        masked=request.masked,
        override=request.override,
        steps=tuple(Step(action, what) for action, what in steps(order, _not_decoded(clips))),
        time_stamp_authority=NO_TIME_STAMP,
        footage=Footage(
            source.name.footage,
            source.name.feed,
            order.feed_name,
            source.manifest.since,
            source.manifest.until,
            len(source.manifest.entries),
            source.root,
            source.verifier,
        ),
        asked_for=Stretch(request.range.since, request.range.until),
        without_footage=tuple(Stretch(gap.since, gap.until) for gap in gaps),
        clips=tuple(_clip(name, clip, source) for name, clip in clips.items()),
        telemetry=TelemetrySaid(archive.TELEMETRY, len(flown.poses), flown.views) if flown else None,
        files={name: FileSaid(sha256, size) for name, (sha256, size) in sorted(files.items())},
    )


def _not_decoded(clips: Mapping[str, Clip]) -> list[Range]:
    return [dark for clip in clips.values() for dark in clip.not_decoded]


def _clip(name: str, clip: Clip, source: Source) -> ClipSaid:
    sealed = {entry.number: entry for entry in source.entries}
    parts = tuple(
        SealedPart(
            part.number,
            part.range.since,
            part.range.until,
            part.whole,
            sealed[part.number].sha256,
            sealed[part.number].size,
        )
        for part in clip.parts
    )
    since, until = clip.range.since, clip.range.until
    dark = tuple(Stretch(each.since, each.until) for each in clip.not_decoded)
    return ClipSaid(name, since, until, clip.pictures, len(clip.covered), dark, clip.width, clip.height, parts)


# -- for people --------------------------------------------------------------


def basis_in_words(basis: Basis | LegalBasis | None) -> str:
    if basis is None:
        return "none was named"
    number, issuer = f" {basis.number}" if basis.number else "", f", {basis.issuer}" if basis.issuer else ""
    return basis.kind.replace("_", " ") + number + issuer


def category_in_words(category: str) -> str:
    return _CATEGORIES.get(category, category)


def in_words(at: datetime) -> str:
    """To the millisecond."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC"


def telemetry_in_words(poses: int, *, views: bool) -> str:
    if views:
        return f"where the drone was at {poses} moments of the clips, and whither its camera looked"
    return (
        f"where the drone was at {poses} moments of the clips; whither its camera looked is left out, because a part of"
        " the pictures is masked"
    )


def readme(
    order: Order,
    source: Source,
    clips: Mapping[str, Clip],
    gaps: Sequence[Range],
    flown: Telemetry | None,
    fingerprint: str,
) -> bytes:
    request, decided = order.request, order.category
    covered = sum(len(clip.covered) - clip.pictures_not_decoded for clip in clips.values())
    not_decoded = _not_decoded(clips)
    facts = [
        ("For", request.recipient),
        ("Legal basis", basis_in_words(request.legal_basis)),
        ("Concerning", order.case),
        ("Camera", f"{order.feed_name} ({layout.original(source.name.feed)})"),
        ("From", in_words(request.range.since)),
        ("To", in_words(request.range.until)),
        ("Asked for by", f"{order.requested_by.name} ({order.requested_by.id})"),
        ("Approved by", f"{order.approved_by.name} ({order.approved_by.id}), {in_words(order.approved_at)}"),
        ("Masks", "applied" if request.masked else f"NOT applied, under {request.override}"),
    ]
    if decided is not None and order.categorised_by is not None:
        words, who = category_in_words(decided.category), order.categorised_by
        facts.append(("Public records", f"{words}, decided by {who.name} ({who.id}): {decided.reason}"))
    facts.append(("Export", order.export))
    lines = [AGENCY.upper(), "Footage exported from the watch center", ""]
    for name, value in facts:
        lines += _filled(f"{name + ':':16}{value}", indent=16)
    lines += ["", "THE CLIPS", ""]
    for name, clip in clips.items():
        begin, end = in_words(clip.range.since), in_words(clip.range.until)
        lines += _filled(f"{name}   {begin} to {end}, {clip.pictures} pictures", indent=4)
    for gap in gaps:
        begin, end = in_words(gap.since), in_words(gap.until)
        lines += _filled(f"There is no footage from {begin} to {end}.", indent=4)
    if not_decoded:
        said = f"What the clips show is {_blackened(not_decoded)}. The original is sealed in the vault as it came."
        lines += _filled(said, indent=4)
    if covered:
        said = f"{covered} pictures are black all over: all of them is masked, or what has to be masked is not known."
        lines += _filled(said, indent=4)
    if flown is not None:
        lines += ["", "WHERE THE DRONE WAS", ""]
        words = telemetry_in_words(len(flown.poses), views=flown.views)
        lines += _filled(f"{archive.TELEMETRY} says {words}. {_UNITS}")
        lines += _filled(_NOT_TOLD) if request.masked else []
    lines += ["", "WHAT WAS DONE TO THE FOOTAGE", ""]
    for number, (_, what) in enumerate(steps(order, not_decoded), 1):
        lines += _filled(f"{number}. {what}.", indent=3)
    lines += ["", "The strip below the picture was added; nothing of the picture is under it.", ""]
    lines += _filled(
        "The original, as the camera sent it, stays sealed in the watch center's vault until its time is over or a"
        " court says otherwise. manifest.json names its segments by their SHA-256, and vault/ holds the list that these"
        " hashes are in. The root of that list is in the watch center's record of events, so it can be shown later"
        " that the original was not changed."
    )
    lines += ["", "IS IT WHAT WAS HANDED OVER?", ""]
    lines += _filled(
        "Ask the agency, by another way than the one this file came by, for its root certificate and for the SHA-256 of"
        " this ZIP, which is on its record. The fingerprint (SHA-256) of the root certificate is"
    )
    lines += ["", *(f"    {fingerprint[at : at + 48].rstrip(':')}" for at in (0, 48)), ""]
    lines += ["With Safer WeHo's own tool, without any network:", ""]
    lines += ["    saferweho export verify EXPORT.zip --root agency-root.pem", ""]
    lines += ["With other tools, in the folder this ZIP was unpacked into:", ""]
    lines += [
        f"    sha256sum -c {archive.SUMS}",
        f"    openssl x509 -in {archive.CERTIFICATES} -pubkey -noout > agency-key.pem",
        f"    openssl dgst -sha256 -verify agency-key.pem -signature {archive.SIGNATURE} {archive.MANIFEST}",
        f"    openssl verify -CAfile agency-root.pem {archive.CERTIFICATES}",
        "",
    ]
    lines += _filled(
        "Each clip also carries content credentials (C2PA), which any C2PA reader shows; it finds them trusted where it"
        " is given the agency's root certificate, and says that they are of nobody it knows where it is not. No"
        " time-stamp authority was asked: the times are those of the agency's own clock."
    )
    return "\n".join(lines).encode() + b"\n"


def _filled(text: str, indent: int = 0) -> list[str]:
    return textwrap.wrap(text, 78, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)
