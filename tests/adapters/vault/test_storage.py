"""What the vault asks of its storage, the same of files and of a real S3 server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from adapters.keys import PostgresFootageKeys
from adapters.vault import AlreadyThere, LocalFiles, NotThere, Storage, StorageFault, Vault
from adapters.vault.s3 import S3Bucket
from infra.s3_server import RunningS3, s3_server
from tests.adapters.vault.filming import NOON, NORTH, closed, codes, filmed, findings, taken

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningS3]:
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


def bucket(s3: RunningS3, prefix: str, secret_key: str | None = None) -> S3Bucket:
    return S3Bucket(
        "footage",
        prefix=prefix,
        endpoint=s3.endpoint,
        access_key_id=s3.access_key,
        secret_access_key=secret_key or s3.secret_key,
    )


@pytest.fixture(params=["files", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "files":
        return LocalFiles(tmp_path / "vault")
    return bucket(request.getfixturevalue("s3"), f"{request.node.name}/of-the-city")


def test_what_was_put_is_there_whole(storage: Storage) -> None:
    content = os.urandom(1 << 20)
    storage.put("a/b/one", [content[:100], content[100:]])
    storage.put("a/b/empty", [])
    assert storage.get("a/b/one") == content and storage.get("a/b/empty") == b""
    assert storage.start_of("a/b/one", 4096) == content[:4096]
    assert storage.files("a/b") == {"a/b/empty": 0, "a/b/one": 1 << 20}


def test_nothing_is_written_over(storage: Storage) -> None:
    storage.put("a/one", [b"first"])
    with pytest.raises(AlreadyThere):
        storage.put("a/one", [b"second"])
    assert storage.get("a/one") == b"first"


def test_what_is_not_there_is_told(storage: Storage) -> None:
    with pytest.raises(NotThere):
        storage.get("a/nothing")
    with pytest.raises(NotThere):
        storage.start_of("a/nothing", 10)
    assert storage.files("a/nothing") == {} and list(storage.folders("a/nothing")) == []
    storage.remove("a/nothing")


def test_folders_are_listed_one_below_the_other(storage: Storage) -> None:
    for name in ("b/2026-06-02/1200/x", "b/2026-06-01/1200/x", "a/2026-06-01/1200/x", "a/y"):
        storage.put(name, [b"x"])
    assert list(storage.folders("")) == ["a", "b"]
    assert list(storage.folders("b")) == ["b/2026-06-01", "b/2026-06-02"]
    assert list(storage.files("a")) == ["a/y"]
    storage.remove("a/y")
    assert storage.files("a") == {}


def test_footage_goes_the_whole_way(storage: Storage, footage_keys: PostgresFootageKeys) -> None:
    vault = Vault(storage, footage_keys)
    done = closed(vault, 3)
    reel, segments = filmed(Vault(storage, footage_keys), 2, at=NOON.replace(hour=13))
    again = Vault(storage, footage_keys)
    resumed = again.reel(NORTH, reel.until or NOON)
    resumed.add(taken(reel.until or NOON))
    resumed.close()
    assert [name.begins.hour for name in again.reels()] == [12, 13]
    assert again.read(resumed.name, again.manifest(resumed.name)[0].entries[0])[1] == segments[0].content
    assert findings(again) == []
    storage.remove(done.name.segment(2, done.manifest.entries[1].since))
    assert codes(again) == {"segment_missing"}
    free = vault.space()
    assert (free.free is None) == isinstance(storage, S3Bucket)


def test_another_secret_is_refused_in_words(s3: RunningS3) -> None:
    other = bucket(s3, "x", secret_key="not-the-secret")
    with pytest.raises(StorageFault, match="s3://footage/x"):
        other.put("a", [b"x"])


def test_object_storage_that_is_away_is_told(tmp_path: Path) -> None:
    with s3_server(tmp_path / "own") as server:
        away = bucket(server, "x")
        away.put("a", [b"x"])
    with pytest.raises(StorageFault, match="s3://footage/x"):
        away.get("a")


# -- files alone -------------------------------------------------------------


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/passwd", "a//b", "a/./b", "a/b\0"])
def test_no_name_leads_out_of_the_vault(tmp_path: Path, name: str) -> None:
    storage = LocalFiles(tmp_path / "vault")
    for act in (lambda: storage.put(name, [b"x"]), lambda: storage.get(name), lambda: storage.remove(name)):
        with pytest.raises(StorageFault, match="is no name of the vault"):
            act()
    assert list(tmp_path.rglob("*")) == []


def test_a_vault_has_one_writer_at_a_time(tmp_path: Path) -> None:
    first = LocalFiles(tmp_path / "vault", writer="recorder")
    with pytest.raises(StorageFault, match="another recorder"):
        LocalFiles(tmp_path / "vault", writer="recorder")
    LocalFiles(tmp_path / "vault").files("")  # who reads needs no leave
    first.close()
    LocalFiles(tmp_path / "vault", writer="recorder").close()


def test_half_written_files_do_not_count(tmp_path: Path) -> None:
    storage = LocalFiles(tmp_path / "vault")
    storage.put("a/one", [b"x"])
    (tmp_path / "vault/a/two.partial").write_bytes(b"half")
    assert list(storage.files("a")) == ["a/one"]
    storage.put("a/two", [b"whole"])
    assert storage.get("a/two") == b"whole" and not (tmp_path / "vault/a/two.partial").exists()


def test_many_write_at_once(tmp_path: Path) -> None:
    storage = LocalFiles(tmp_path / "vault")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: storage.put(f"camera-{n % 8}/{n}", [b"%d" % n]), range(200)))
    assert sum(len(storage.files(folder)) for folder in storage.folders("")) == 200
