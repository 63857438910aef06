import pytest

from adapters.video import fragmenting


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many bits that what is made of two films differs only where the films do."""
    monkeypatch.setattr(fragmenting, "BITS_PER_PIXEL", 20.0)
    monkeypatch.setattr(fragmenting, "QUALITY", "8")
