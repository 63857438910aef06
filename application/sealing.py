"""Personal values: sealed once when their event is written, opened where somebody who may reads them.

Invariants: a value is in clear only in this process's memory; a key that is destroyed opens nothing anywhere after
HELD_S seconds; a value that cannot be opened for any other reason than a destroyed key is an error, never a blank.

AES-256-GCM (NIST SP 800-38D) under a key per subject, a random 96-bit nonce each time. Bound as additional data are the
subject and the event's id, so that a sealed value moved to another event does not open.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from threading import Lock
from typing import Any, Protocol, get_args, get_origin, get_type_hints

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from application.ports import StoreUnavailable
from domain.kernel import SHREDDED, Personal, Sealed, Shredded

ALGORITHM = "A256GCM"  # as RFC 7518 §5.3 names it
HELD_S = 2.0  # how long a process may go on using a key without asking whether it still exists
NONCE = 12  # bytes


# -- keys --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """A subject's key as the key store has it, unwrapped. `id` is random and no secret: events name it."""

    id: str
    secret: bytes

    def __repr__(self) -> str:
        return f"SubjectKey({self.id!r}, …)"


class Destroyed:
    """The key was there and was destroyed."""


DESTROYED = Destroyed()


class KeysUnavailable(StoreUnavailable):
    """The key store did not answer. Nothing personal is written or read without it."""


class SealBroken(Exception):
    """A sealed value does not open, and no destroyed key explains it. Says which subject's, never what."""


class KeyStore(Protocol):
    """Where subjects' keys are kept, each wrapped by a key-encryption key. Every call raises KeysUnavailable."""

    def find(self, subjects: Collection[str]) -> Mapping[str, SubjectKey | Destroyed]:
        """Those that are there or were destroyed; a subject that never had a key is left out."""
        ...

    def make(self, subjects: Collection[str]) -> Mapping[str, SubjectKey | Destroyed]:
        """The same, having made, durably, a key for each subject that never had one."""
        ...

    def destroy(self, subject: str) -> bool:
        """Destroy the subject's key for good; False where it was destroyed before. Also a subject that never had one
        gets none afterwards."""
        ...

    def sweep(self) -> bool:
        """Clear the store's own files of what was destroyed; False where nothing was left to clear."""
        ...

    def secret_of(self, purpose: str) -> bytes:
        """A key of this installation's own, 32 bytes, made at first use; it is nobody's and never destroyed."""
        ...


class Sealer(Protocol):
    def seal(self, personal: Personal[Any], event_id: str) -> dict[str, Any]:
        """The value's form in the event of that id."""
        ...


@dataclass(frozen=True, slots=True)
class _Held:
    id: str
    cipher: AESGCM


class Keyring:
    """The keys that this process uses, asked anew after HELD_S seconds. Safe to use from many threads.

    At most `capacity` keys are held. `clock`: seconds that only grow.
    """

    def __init__(
        self, store: KeyStore, capacity: int = 4096, clock: Callable[[], float] = time.monotonic, held_s: float = HELD_S
    ) -> None:
        self.store = store
        self._capacity, self._clock, self._held_s = capacity, clock, held_s
        self._held: OrderedDict[str, tuple[float, _Held | Destroyed]] = OrderedDict()
        self._lock = Lock()
        self._secrets: dict[str, bytes] = {}

    # -- sealing -------------------------------------------------------------

    def ready(self, subjects: Iterable[str]) -> None:
        """Have the keys of these subjects, in one round trip; made where they never were. Raises KeysUnavailable."""
        self._hold(subjects, self.store.make)

    def seal(self, personal: Personal[Any], event_id: str) -> dict[str, Any]:
        """JSON of the sealed value. What was sealed under a key that is destroyed stays unreadable; what is new was
        given to the subject's next generation before it came here."""
        value = self.open(personal)
        if isinstance(value, str):
            held = self._key(personal.subject, self.store.make)
            if isinstance(held, _Held):
                return sealed_form(held.id, held.cipher, personal.subject, value, event_id, os.urandom(NONCE))
        return shredded_form(personal.subject)

    # -- opening -------------------------------------------------------------

    def warm(self, subjects: Iterable[str]) -> None:
        """Have the keys of these subjects, where they exist, in one round trip. Raises KeysUnavailable."""
        self._hold(subjects, self.store.find)

    def open(self, personal: Personal[str]) -> str | Shredded:
        """Raises KeysUnavailable and SealBroken."""
        value = personal.value
        if not isinstance(value, Sealed):
            return value
        held = self._key(personal.subject, self.store.find)
        if isinstance(held, Destroyed):
            return SHREDDED
        if held is None or held.id != value.key:
            raise SealBroken(
                f"the key store has no key {value.key} of {personal.subject}, and none was destroyed: is it the key "
                f"store that belongs to this log? Set SAFERWEHO_KEYS_DATABASE_URL, or restore it and run "
                f"'saferweho keys check'"
            )
        return opened(held.cipher, personal.subject, value)

    def text(self, personal: Personal[str] | None) -> str | None:
        """For people: the text, or None where there is none any more. Raises KeysUnavailable and SealBroken."""
        value = self.open(personal) if personal is not None else None
        return value if isinstance(value, str) else None

    def keyed_hash(self, purpose: str, text: str) -> str:
        """HMAC-SHA256 (RFC 2104) under a key of this installation, hex: equal texts are found without being kept, and
        nobody without the key can try texts. Raises KeysUnavailable."""
        return self.keyed_digest(purpose, text.encode()).hex()

    def keyed_digest(self, purpose: str, content: bytes) -> bytes:
        """The same of bytes, 32 of them."""
        secret = self._secrets.get(purpose)
        if secret is None:
            secret = self._secrets[purpose] = self.store.secret_of(purpose)
        return hmac.digest(secret, content, hashlib.sha256)

    def forget(self, subject: str) -> None:
        with self._lock:
            self._held.pop(subject, None)

    # -- holding -------------------------------------------------------------

    def _key(
        self, subject: str, ask: Callable[[Collection[str]], Mapping[str, SubjectKey | Destroyed]]
    ) -> _Held | Destroyed | None:
        return self._hold((subject,), ask).get(subject)

    def _hold(
        self, subjects: Iterable[str], ask: Callable[[Collection[str]], Mapping[str, SubjectKey | Destroyed]]
    ) -> dict[str, _Held | Destroyed]:
        found: dict[str, _Held | Destroyed] = {}
        missing = []
        asked_at = self._clock()
        with self._lock:
            for subject in subjects:
                until, held = self._held.get(subject, (0.0, DESTROYED))
                if asked_at < until:
                    found[subject] = held
                    self._held.move_to_end(subject)
                else:
                    missing.append(subject)
        if not missing:
            return found
        # Counted from before the question, so that an answer on its way counts as old as it may be.
        fresh = {
            subject: key if isinstance(key, Destroyed) else _Held(key.id, AESGCM(key.secret))
            for subject, key in ask(missing).items()
        }
        with self._lock:
            for subject, held in fresh.items():
                self._held[subject] = (asked_at + self._held_s, held)
                self._held.move_to_end(subject)
            while len(self._held) > self._capacity:
                self._held.popitem(last=False)
        return found | fresh


# -- the form in the event ---------------------------------------------------


def sealed_form(key_id: str, cipher: AESGCM, subject: str, text: str, event_id: str, nonce: bytes) -> dict[str, Any]:
    box = nonce + cipher.encrypt(nonce, text.encode(), _bound(subject, event_id))
    sealed = base64.urlsafe_b64encode(box).decode().rstrip("=")
    return {"subject": subject, "alg": ALGORITHM, "kid": key_id, "sealed": sealed}


def shredded_form(subject: str) -> dict[str, Any]:
    return {"subject": subject, "shredded": True}


def from_form(form: Any, event_id: str) -> Personal[str]:
    """Raises ValueError for what is no sealed value; also for one in clear, which no event may hold."""
    subject = form.get("subject") if isinstance(form, dict) else None
    if not isinstance(subject, str):
        raise ValueError("a personal value names no subject")
    if form.get("shredded") is True:
        return Personal(subject, SHREDDED)
    if form.get("alg") != ALGORITHM:
        raise ValueError(f"a personal value is not sealed by {ALGORITHM}")
    text = str(form.get("sealed", ""))
    box = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    return Personal(subject, Sealed(str(form.get("kid", "")), box, event_id))


def opened(cipher: AESGCM, subject: str, sealed: Sealed) -> str:
    """Raises SealBroken."""
    try:
        return cipher.decrypt(sealed.box[:NONCE], sealed.box[NONCE:], _bound(subject, sealed.bound_to)).decode()
    except (InvalidTag, ValueError):
        raise SealBroken(f"a value of {subject} in event {sealed.bound_to} was changed or moved here") from None


def _bound(subject: str, event_id: str) -> bytes:
    return f"{event_id} {subject}".encode()


# -- finding them in an event ------------------------------------------------

_holds: dict[type, bool] = {}


def holds_personal(type_: type) -> bool:
    """Whether a value of this type can have a personal value in it."""
    known = _holds.get(type_)
    if known is None:
        _holds[type_] = False  # for a type that holds itself
        hints = get_type_hints(type_).values() if is_dataclass(type_) else ()
        known = _holds[type_] = any(map(_speaks_of_personal, hints))
    return known


def _speaks_of_personal(hint: Any) -> bool:
    if hint is Personal or get_origin(hint) is Personal:
        return True
    if isinstance(hint, type) and is_dataclass(hint):
        return holds_personal(hint)
    return any(map(_speaks_of_personal, get_args(hint)))


def personal_values(value: Any) -> Iterator[Personal[Any]]:
    """Every personal value in an event, in the order of its fields."""
    if isinstance(value, Personal):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from personal_values(item)
    elif is_dataclass(value) and not isinstance(value, type) and holds_personal(type(value)):
        for field in fields(value):
            yield from personal_values(getattr(value, field.name))


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """An event whose personal values in clear are of other subjects, by `names`. What is sealed already stays so."""
    if isinstance(value, Personal):
        clear = not isinstance(value.value, Sealed | Shredded)
        return Personal(names[value.subject], value.value) if clear and value.subject in names else value
    if isinstance(value, tuple):
        return tuple(renamed(item, names) for item in value)
    if is_dataclass(value) and not isinstance(value, type) and holds_personal(type(value)):
        changed = {field.name: renamed(getattr(value, field.name), names) for field in fields(value)}
        return replace(value, **changed)
    return value


def personal_fields(value: Any, path: str = "") -> Iterator[tuple[str, Personal[Any]]]:
    """The same with where each is: `grounds.reason`."""
    if isinstance(value, Personal):
        yield path, value
    elif isinstance(value, tuple):
        for item in value:
            yield from personal_fields(item, path)
    elif is_dataclass(value) and not isinstance(value, type) and holds_personal(type(value)):
        for field in fields(value):
            yield from personal_fields(getattr(value, field.name), f"{path}.{field.name}".lstrip("."))


__all__ = [
    "ALGORITHM",
    "DESTROYED",
    "HELD_S",
    "Destroyed",
    "KeyStore",
    "Keyring",
    "KeysUnavailable",
    "SealBroken",
    "Sealer",
    "SubjectKey",
    "from_form",
    "holds_personal",
    "opened",
    "personal_fields",
    "personal_values",
    "renamed",
    "sealed_form",
    "shredded_form",
]
