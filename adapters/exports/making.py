"""An approved export made into its file: out of the vault, through the masks, into the archive, onto the shelf."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from adapters.exports import archive, clips, credentials, papers
from adapters.exports.archive import Writer
from adapters.exports.clips import Clip, Mark, MaskOf
from adapters.exports.credentials import Told
from adapters.exports.keeping import File, Shelf
from adapters.exports.papers import Order, Source
from adapters.exports.signing import AGENCY, AgencySigner, fingerprint
from adapters.exports.telemetry import Telemetry, is_of_a_drone, telemetry
from adapters.vault import KeyDestroyed, NotThere, Vault, holding, layout
from adapters.vault.manifest import ManifestBroken
from adapters.vault.segment import Header, SegmentBroken
from domain.footage import Stored
from domain.kernel import Reason
from domain.privacy_override_events import Range

try:
    VERSION = version("saferweho")
except PackageNotFoundError:  # an image copies the tree and installs no package of it
    VERSION = "of a source tree"


class CannotBeMade(Exception):
    """No file can be made of this, now or later. `reason` goes on the record."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.reason = Reason(code, message, "a file holds what is kept and was approved")


class Maker:
    """Makes one export at a time. `mask_of` gives for an order what to mask in each segment; it is not asked where the
    order is to be unmasked, and then None is what it stands for."""

    def __init__(self, vault: Vault, shelf: Shelf, signer: AgencySigner) -> None:
        self._vault, self._shelf, self._signer = vault, shelf, signer

    def make(
        self,
        order: Order,
        footage: Stored,
        mask_of: MaskOf | None,
        tell: Callable[[float], None] = lambda _: None,
        go_on: Callable[[], None] = lambda: None,
        masks: str = "",
    ) -> File:
        """The file, kept whole. `footage`: where it is, as the record has it. `mask_of` None: unmasked, for what was
        approved so; `masks` names what it hides, and is kept beside the file. `tell`: how much of it is done, 0 to 1;
        `go_on` is asked before every segment and raises what ends it. Raises CannotBeMade, and StorageFault and
        KeysUnavailable where it is tried again."""
        if (mask_of is None) == order.request.masked:
            raise ValueError("what is approved as masked is masked, and nothing else is")
        source = self._source(order, footage)
        made_at = datetime.now(UTC)
        draft = self._shelf.begin(order.export)
        writer = Writer(draft.write)
        made: dict[str, Clip] = {}
        mark = Mark(f"{order.requested_by.name} ({order.requested_by.id})", order.case, f"export {order.export[:8]}")
        segments = self._segments(source, tell, go_on)
        for number, clip in enumerate(clips.clips(segments, order.request.range, mask_of, mark), 1):
            name = f"clips/clip-{number:02d}.mp4"
            told = self._told(order, source, name, clip, made_at)
            content = credentials.credited(clip.content, told, self._signer)
            made[name] = clip = replace(clip, content=b"")  # its bytes are held no longer than they are needed
            writer.add(name, content)
            del content
        if not made:
            raise CannotBeMade("footage_empty", "there is no picture in this stretch of the footage")
        if all(clip.pictures_not_decoded == clip.pictures for clip in made.values()):
            message = "no picture of this stretch decodes: what is sealed is what was recorded, and it is no video"
            raise CannotBeMade("footage_undecodable", message)
        gaps = _gaps(order.request.range, [clip.range for clip in made.values()])
        flown = self._flown(order, source, list(made.values()))
        whole, _ = source.manifest.encoded()
        writer.add(papers.vault_file(source.name.footage, "note"), self._vault.storage.get(source.name.note))
        writer.add(papers.vault_file(source.name.footage, "jsonl"), whole)
        if flown is not None:
            writer.add(archive.TELEMETRY, flown.encoded())
        writer.add(archive.CERTIFICATES, self._signer.chain_pem)
        root = fingerprint(self._signer.chain[-1])
        writer.add(archive.README, papers.readme(order, source, made, gaps, flown, root))
        said = papers.paper(order, source, made, gaps, flown, writer.sums, made_at, VERSION).encoded()
        writer.add(archive.MANIFEST, said)
        writer.add(archive.SIGNATURE, self._signer.sign(said))
        writer.add(archive.SUMS, archive.sums_of(writer.sums))
        writer.close()
        return draft.finish(masks)

    def _source(self, order: Order, footage: Stored) -> Source:
        wanted = order.request.range
        if (name := layout.named(footage.footage)) is None:
            raise CannotBeMade("footage_missing", "the footage is on the record and cannot be in the vault by its name")
        try:
            whole, root = self._vault.manifest(name)
        except NotThere:
            raise CannotBeMade("footage_missing", "the footage is on the record and not in the vault") from None
        except ManifestBroken as broken:
            raise CannotBeMade("footage_damaged", f"the footage's manifest is not what was sealed: {broken}") from None
        if root != footage.manifest_root_sha256:
            raise CannotBeMade("footage_damaged", "the footage in the vault is not the one that is on the record")
        return Source(name, whole, root, self._vault.signer.verifier.text, holding.wanted(self._vault, name, wanted))

    def _segments(
        self, source: Source, tell: Callable[[float], None], go_on: Callable[[], None]
    ) -> Iterator[tuple[Header, bytes]]:
        for done, entry in enumerate(source.entries):
            go_on()
            tell(done / len(source.entries))
            try:
                header, content = self._vault.read(source.name, entry)
            except KeyDestroyed:
                raise CannotBeMade("footage_destroyed", "the footage's key is destroyed") from None
            except (NotThere, SegmentBroken) as broken:
                raise CannotBeMade("footage_damaged", f"segment {entry.number} {broken}") from None
            if (header.footage, header.number) != (source.name.footage, entry.number):
                raise CannotBeMade("footage_damaged", f"segment {entry.number} is another one")
            yield header, content

    def _flown(self, order: Order, source: Source, made: Sequence[Clip]) -> Telemetry | None:
        """Of a drone's footage."""
        footage, feed = source.name.footage, source.name.feed
        if not is_of_a_drone(feed):
            return None
        return telemetry(order.export, footage, feed, made, masked=order.request.masked)

    def _told(self, order: Order, source: Source, name: str, clip: Clip, made_at: datetime) -> Told:
        begin, end = papers.moment(clip.range.since), papers.moment(clip.range.until)
        ours = {
            "export": order.export,
            "agency": AGENCY,
            "file": name,
            "footage": str(source.name.footage),
            "feed": str(source.name.feed),
            "since": begin,
            "until": end,
            "segments": [part.number for part in clip.parts],
            "not_decoded": [[papers.moment(dark.since), papers.moment(dark.until)] for dark in clip.not_decoded],
            "vault_manifest_root_sha256": source.root,
            "masked": order.request.masked,
            "recipient": order.request.recipient,
        }
        title = f"{order.feed_name}, {begin} to {end}"
        steps = papers.steps(order, clip.not_decoded)
        return Told(title, f"footage {source.name.footage}", source.name.footage, steps, made_at, VERSION, ours)


def _gaps(wanted: Range, held: Sequence[Range]) -> list[Range]:
    """What was asked for and there is no footage of."""
    found, at = [], wanted.since
    for range_ in held:
        if (range_.since - at) > clips.GAP:
            found.append(Range(at, range_.since))
        at = max(at, range_.until)
    if wanted.until - at > clips.GAP:
        found.append(Range(at, wanted.until))
    return found
