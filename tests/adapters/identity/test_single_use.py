"""Secrets that are good for one use, whoever tries, from however many processes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from adapters.identity.single_use import AlreadyUsed, Expired, SingleUse, Unknown


def test_a_secret_gives_its_content_once(tmp_path: Path) -> None:
    tickets = SingleUse(tmp_path)
    secret = tickets.put({"person": "ana"}, 60)
    assert tickets.take(secret) == {"person": "ana"}
    with pytest.raises(AlreadyUsed):
        tickets.take(secret)
    with pytest.raises(AlreadyUsed):
        SingleUse(tmp_path).take(secret)


def test_an_old_secret_is_told_from_one_that_never_was(tmp_path: Path) -> None:
    now = 1000.0
    tickets = SingleUse(tmp_path, now=lambda: now)
    secret = tickets.put({}, 60)
    now += 60
    with pytest.raises(Expired):
        tickets.take(secret)
    for never in ("", "..", "/etc/passwd", "x" * 5000):
        with pytest.raises(Unknown):
            tickets.take(never)


def test_of_many_at_once_one_gets_it(tmp_path: Path) -> None:
    tickets = SingleUse(tmp_path)

    def won(secret: str) -> bool:
        try:
            return tickets.take(secret) == {"n": 1}
        except AlreadyUsed:
            return False

    with ThreadPoolExecutor(8) as pool:
        for _ in range(50):
            assert sum(pool.map(won, [tickets.put({"n": 1}, 60)] * 8)) == 1


def test_the_secret_itself_is_nowhere_on_disk_and_others_cannot_read(tmp_path: Path) -> None:
    secret = SingleUse(tmp_path).put({"person": "ana"}, 60)
    for path in tmp_path.rglob("*"):
        assert secret not in path.name
        assert secret.encode() not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0
