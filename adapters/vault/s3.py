"""Sealed footage in a bucket of S3-compatible object storage (through `obstore`).

An object is there whole or not at all, so there are no half-written ones. Nobody else must be able to write the bucket;
versioning and object lock are worth having on it, and are the storage's to give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from urllib.parse import urlsplit

from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store

from adapters.vault.storage import AlreadyThere, NotThere, Part, StorageFault, beside, digest
from application.failpoints import failpoint

TIMEOUT = timedelta(seconds=20)


class S3Bucket:
    """Implements `storage.Storage`. `endpoint`: where it is not Amazon's own."""

    def __init__(
        self,
        bucket: str,
        *,
        prefix: str = "",
        endpoint: str | None = None,
        region: str = "us-east-1",
        access_key_id: str | None = None,
        secret_access_key: str | None = None,
    ) -> None:
        self._named = f"s3://{bucket}/{prefix}".rstrip("/")
        options = {"endpoint": endpoint, "access_key_id": access_key_id, "secret_access_key": secret_access_key}
        self._store = S3Store(
            bucket,
            prefix=prefix or None,
            region=region,
            virtual_hosted_style_request=False,
            client_options={
                "allow_http": endpoint is not None and urlsplit(endpoint).scheme == "http",
                "timeout": TIMEOUT,
                "connect_timeout": timedelta(seconds=5),
            },
            retry_config={"max_retries": 3, "retry_timeout": TIMEOUT},
            **{name: value for name, value in options.items() if value is not None},  # type: ignore[arg-type]
        )

    def __repr__(self) -> str:
        return self._named

    def put(self, name: str, parts: Sequence[Part]) -> str:
        failpoint("vault.before_write")
        try:
            self._store.head(name)
        except (NotFoundError, FileNotFoundError):
            pass
        except BaseError as error:
            raise self._fault(name, error) from error
        else:
            raise AlreadyThere(f"{self._named}/{name} is there already, and nothing is written over it")
        hashed = beside.submit(digest, *parts)
        try:
            self._store.put(name, b"".join(parts), use_multipart=False)
        except BaseError as error:
            raise self._fault(name, error) from error
        failpoint("vault.after_rename")
        return hashed.result()

    def get(self, name: str) -> bytes:
        try:
            return bytes(self._store.get(name).bytes())
        except (NotFoundError, FileNotFoundError):
            raise NotThere(f"{self._named}/{name} is not there") from None
        except BaseError as error:
            raise self._fault(name, error) from error

    def start_of(self, name: str, size: int) -> bytes:
        try:
            return bytes(self._store.get(name, options={"range": (0, size)}).bytes())
        except (NotFoundError, FileNotFoundError):
            raise NotThere(f"{self._named}/{name} is not there") from None
        except BaseError as error:
            raise self._fault(name, error) from error

    def files(self, folder: str) -> Mapping[str, int]:
        try:
            found = self._store.list_with_delimiter(folder or None)
        except BaseError as error:
            raise self._fault(folder, error) from error
        return dict(sorted((item["path"], item["size"]) for item in found["objects"]))

    def folders(self, folder: str) -> Sequence[str]:
        try:
            return sorted(self._store.list_with_delimiter(folder or None)["common_prefixes"])
        except BaseError as error:
            raise self._fault(folder, error) from error

    def remove(self, name: str) -> None:
        try:
            self._store.delete(name)
        except (NotFoundError, FileNotFoundError):
            pass
        except BaseError as error:
            raise self._fault(name, error) from error

    def free(self) -> tuple[int, int] | None:
        return None

    def close(self) -> None:
        """Nothing is held."""

    def _fault(self, name: str, error: BaseError) -> StorageFault:
        said = str(error).partition("\n")[0]
        return StorageFault(f"{self._named}/{name}: {said}")
