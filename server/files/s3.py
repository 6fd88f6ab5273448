"""Contents in a store that speaks S3, by boto3 in threads."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import boto3
import trio
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from actors.ports import StoreUnavailable
from server.files.folder import FileChunks
from server.files.places import Bucket
from server.files.storage import THREADS, Storage

T = TypeVar("T")

CONNECT_S, READ_S, TRIES = 5, 20, 2
REMOVED_WITHIN_S = 5
"""Then it is tried another time: a row of the database is locked so long."""
MISSING = ("404", "NoSuchKey", "NotFound")


class S3Storage(Storage):
    """Contents as objects ``PREFIX/ab/cd/abcd…`` of one bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        config = Config(
            connect_timeout=CONNECT_S,
            read_timeout=READ_S,
            retries={"total_max_attempts": TRIES},
            max_pool_connections=THREADS,
        )
        brief = config.merge(
            Config(read_timeout=REMOVED_WITHIN_S, retries={"total_max_attempts": 1})
        )
        session = boto3.session.Session()
        self._client, self._remover = (
            session.client("s3", endpoint_url=bucket.endpoint, region_name=bucket.region, config=c)
            for c in (config, brief)
        )
        self._threads = trio.CapacityLimiter(THREADS)

    async def put(self, digest: str, path: Path) -> None:
        """Keep the content of *path*."""
        await self._do(lambda: self._put(self._place(digest), path), abandoned=True)

    async def open(self, digest: str, start: int, length: int) -> FileChunks:
        """A part of the content."""
        wanted = f"bytes={start}-{start + length - 1}"
        place = self._place(digest)
        found = await self._do(
            lambda: self._client.get_object(**place, Range=wanted), abandoned=True
        )
        return FileChunks(found["Body"], length, partial(self._do, abandoned=True))

    async def remove(self, digest: str) -> None:
        """Forget the content."""
        await self._do(lambda: self._remover.delete_object(**self._place(digest)))

    async def probe(self) -> None:
        """Write something, read it and remove it."""
        await self._do(self._try_to_write)

    def _place(self, digest: str) -> dict[str, str]:
        key = f"{self._bucket.prefix}{digest[:2]}/{digest[2:4]}/{digest}"
        return {"Bucket": self._bucket.name, "Key": key}

    def _put(self, place: dict[str, str], path: Path) -> None:
        if not self._is_there(place, path.stat().st_size):
            with path.open("rb") as file:
                self._client.put_object(**place, Body=file)

    def _is_there(self, place: dict[str, str], size: int) -> bool:
        try:
            return bool(self._client.head_object(**place)["ContentLength"] == size)
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                return False
            raise

    def _try_to_write(self) -> None:
        place = {"Bucket": self._bucket.name, "Key": f"{self._bucket.prefix}trial"}
        self._client.put_object(**place, Body=b"madang")
        self._client.get_object(**place)["Body"].read()
        self._client.delete_object(**place)

    async def _do(self, work: Callable[[], T], *, abandoned: bool = False) -> T:
        try:
            return await trio.to_thread.run_sync(
                work, limiter=self._threads, abandon_on_cancel=abandoned
            )
        except (BotoCoreError, Boto3Error, ClientError, OSError) as error:
            raise StoreUnavailable(f"files: {error}") from error
