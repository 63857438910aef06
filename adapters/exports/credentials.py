"""Content credentials (C2PA 2) in a clip: what it is of, what was done to it, signed by the agency.

No thumbnail is made, of the clip or of what it came from: it could show what is masked. Nobody is asked over a network,
neither for a time stamp nor for revocations. Nothing of a clip is put on a disk, not even for a moment.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO

import c2pa

from adapters.exports.signing import AgencySigner

MEDIA = "video/mp4"
OURS = "org.weho.safer.export"  # the label of our own assertion
# Of a clip that is larger the library makes a temporary file, in the clear, from 512 MB on if nothing is said.
IN_MEMORY_MB = 1 << 40
_OFFLINE = {"ocsp_fetch": False, "remote_manifest_fetch": False}


class NoCredentials(Exception):
    """A file without content credentials that can be read. Says what was found."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of a clip, in its credentials. `steps`: action (C2PA §18.15.4) and what it was, in order."""

    title: str
    source: str
    footage: str
    steps: Sequence[tuple[str, str]]
    at: datetime
    version: str
    ours: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Credentials:
    """As the public reader finds them. `state`: Trusted (signed under the root that was given), Valid (intact, and
    nobody says who signed it) or Invalid. `wrong`: the specification's codes of what is wrong."""

    state: str
    wrong: tuple[str, ...]
    ours: dict[str, Any]
    actions: tuple[str, ...]
    thumbnails: int


def credited(clip: bytes, told: Told, signer: AgencySigner) -> bytes:
    """The clip with its credentials inside."""
    source = f"urn:saferweho:footage:{told.footage}"
    actions: list[dict[str, Any]] = [{"action": "c2pa.opened", "parameters": {"ingredientIds": [source]}}]
    agent = {"name": "Safer WeHo", "version": told.version}
    when = f"{told.at:%Y-%m-%dT%H:%M:%SZ}"
    for action, description in told.steps:
        actions.append({"action": action, "description": description, "softwareAgent": agent, "when": when})
    definition = {
        "claim_generator_info": [agent],
        "title": told.title,
        "format": MEDIA,
        "ingredients": [
            {"title": told.source, "format": MEDIA, "relationship": "parentOf", "instance_id": source},
        ],
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": actions}},
            {"label": OURS, "data": told.ours},
        ],
    }
    settings = {
        "version": 1,
        "builder": {"thumbnail": {"enabled": False}},
        "core": {"backing_store_memory_threshold_in_mb": IN_MEMORY_MB},
        "verify": _OFFLINE,
    }
    out = io.BytesIO()
    with (
        c2pa.Context.from_dict(settings) as context,
        c2pa.Builder(json.dumps(definition), context=context) as builder,
        c2pa.Signer.from_callback(signer.sign_for_cose, c2pa.C2paSigningAlg.ES256, signer.chain_pem.decode()) as signs,
    ):
        builder.sign(signs, MEDIA, io.BytesIO(clip), out)
    return out.getvalue()


def read(file: BinaryIO, root_pem: bytes | None) -> Credentials:
    """Of an MP4. `root_pem`: whom to trust; None: nobody. Raises NoCredentials."""
    settings: dict[str, Any] = {"version": 1, "verify": {"verify_trust": True, **_OFFLINE}}
    if root_pem is not None:
        settings["trust"] = {"trust_anchors": root_pem.decode()}
    try:
        with c2pa.Context.from_dict(settings) as context, c2pa.Reader(MEDIA, file, context=context) as reader:
            return _found(reader)
    # The reader finds in a store that was changed things that are not there, and looks for their parts.
    except (c2pa.C2paError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise NoCredentials(f"has no content credentials that can be read ({error})") from None


def _found(reader: c2pa.Reader) -> Credentials:
    manifest: dict[str, Any] = reader.get_active_manifest() or {}
    results: dict[str, Any] = reader.get_validation_results() or {}
    active = results.get("activeManifest", {})
    wrong = tuple(sorted({str(each["code"]) for each in active.get("failure", ())} - {"signingCredential.untrusted"}))
    said = {each["label"]: each["data"] for each in manifest.get("assertions", ())}
    actions = said.get("c2pa.actions.v2", {}).get("actions", ())
    thumbnails = sum("thumbnail" in each for each in (manifest, *manifest.get("ingredients", ())))
    return Credentials(
        str(reader.get_validation_state()),
        wrong,
        dict(said.get(OURS, {})),
        tuple(str(each["action"]) for each in actions),
        thumbnails,
    )
