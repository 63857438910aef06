"""Sealed footage: segments, their chained and signed manifests, where they are kept, and whether they still are."""

from adapters.vault.files import LocalFiles
from adapters.vault.segment import Segment
from adapters.vault.storage import AlreadyThere, NotThere, Storage, StorageFault, StorageFull
from adapters.vault.vault import Closed, Gap, KeyDestroyed, OtherVault, Reel, ReelBroken, Space, Vault

__all__ = [
    "AlreadyThere",
    "Closed",
    "Gap",
    "KeyDestroyed",
    "LocalFiles",
    "NotThere",
    "OtherVault",
    "Reel",
    "ReelBroken",
    "Segment",
    "Space",
    "Storage",
    "StorageFault",
    "StorageFull",
    "Vault",
]
