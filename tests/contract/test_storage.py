"""Contents in a folder and in an S3 store: the same for whoever keeps something there."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import trio
from moto.server import ThreadedMotoServer

from actors.ports import StoreUnavailable
from server.failure import BadSetting
from server.files.folder import FolderStorage
from server.files.places import read_bucket, storage_at
from server.files.s3 import S3Storage
from server.files.storage import CHUNK, Storage

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}


@pytest.fixture(scope="module")
def s3_address() -> Iterator[str]:
    """An S3 store on this machine, with the bucket ``chat``."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in KEYS.items():
            patch.setenv(name, value)
        address = f"http://{host}:{port}"
        client: Any = boto3.client("s3", endpoint_url=address, region_name="us-east-1")
        client.create_bucket(Bucket="chat")
        client.close()
        yield address
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return FolderStorage(tmp_path / "files")
    address = request.getfixturevalue("s3_address")
    return storage_at(tmp_path, f"s3://chat/{tmp_path.name}?endpoint={address}&region=us-east-1")


async def kept(storage: Storage, folder: Path, data: bytes) -> str:
    digest = hashlib.sha256(data).hexdigest()
    path = folder / "fresh"
    path.write_bytes(data)
    await storage.put(digest, path)
    return digest


async def read(storage: Storage, digest: str, start: int, length: int) -> bytes:
    chunks = await storage.open(digest, start, length)
    try:
        parts = [part async for part in chunks]
    finally:
        await chunks.aclose()
    assert all(0 < len(part) <= CHUNK for part in parts)
    return b"".join(parts)


async def test_what_is_kept_is_read_in_any_part(storage: Storage, tmp_path: Path) -> None:
    data = os.urandom(3 * CHUNK + 17)
    digest = await kept(storage, tmp_path, data)
    for start, length in ((0, len(data)), (5, CHUNK), (len(data) - 1, 1), (CHUNK - 1, 2)):
        assert await read(storage, digest, start, length) == data[start : start + length]


async def test_keeping_it_again_changes_nothing(storage: Storage, tmp_path: Path) -> None:
    digest = await kept(storage, tmp_path, b"once")
    assert await kept(storage, tmp_path, b"once") == digest
    assert await read(storage, digest, 0, 4) == b"once"


async def test_what_is_removed_is_gone_and_may_be_kept_anew(
    storage: Storage, tmp_path: Path
) -> None:
    digest = await kept(storage, tmp_path, b"some")
    await storage.remove(digest)
    await storage.remove(digest)
    with pytest.raises(StoreUnavailable):
        await storage.open(digest, 0, 4)
    await kept(storage, tmp_path, b"some")
    assert await read(storage, digest, 0, 4) == b"some"


async def test_many_at_once(storage: Storage, tmp_path: Path) -> None:
    async def one(number: int) -> None:
        folder = tmp_path / str(number % 5)
        folder.mkdir(exist_ok=True)
        own = folder / str(number)
        own.mkdir()
        data = b"%d" % (number % 5) * 1000
        assert await read(storage, await kept(storage, own, data), 0, 1000) == data[:1000]

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(one, number)


def descriptors_below(folder: Path) -> list[str]:
    found = [path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    return [str(path) for path in found if folder in path.parents]


async def test_a_reader_that_leaves_early_holds_nothing(storage: Storage, tmp_path: Path) -> None:
    data = os.urandom(4 * CHUNK)
    digest = await kept(storage, tmp_path, data)
    for _ in range(30):  # more than there are threads and connections
        chunks = await storage.open(digest, 0, len(data))
        assert await anext(aiter(chunks)) == data[:CHUNK]
        await chunks.aclose()
    assert descriptors_below(tmp_path) == []
    assert await read(storage, digest, 0, len(data)) == data


async def test_a_probe_leaves_nothing_and_says_what_is_wrong(
    storage: Storage, tmp_path: Path
) -> None:
    await storage.probe()
    assert not [path for path in (tmp_path / "files").glob("**/*") if path.is_file()]


async def test_a_store_that_is_away_is_unavailable(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in KEYS.items():
            patch.setenv(name, value)
        away = S3Storage(read_bucket("s3://chat?endpoint=http://127.0.0.1:9&region=x"))
    (tmp_path / "plain").write_bytes(b"a file, and no folder")
    for storage in (away, FolderStorage(tmp_path / "plain")):
        with pytest.raises(StoreUnavailable):
            await storage.probe()
        with pytest.raises(StoreUnavailable):
            await kept(storage, tmp_path, b"x")


@pytest.mark.parametrize("url", ["s3://", "http://x/y", "s3://b?key=secret", "s3:///only/path"])
def test_an_address_that_names_no_bucket_is_refused(url: str) -> None:
    with pytest.raises(BadSetting) as caught:
        read_bucket(url)
    assert "secret" not in str(caught.value)


async def test_nobody_has_to_wait_for_a_store_that_does_not_answer(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.MonkeyPatch.context() as patch:
        for name, value in KEYS.items():
            patch.setenv(name, value)
        port = silent.getsockname()[1]
        storage = S3Storage(read_bucket(f"s3://chat?endpoint=http://127.0.0.1:{port}&region=x"))
        with trio.fail_after(15):
            with trio.move_on_after(0.1) as keeping:
                await kept(storage, tmp_path, b"some")
            with pytest.raises(StoreUnavailable):
                await storage.remove("0" * 64)
        assert keeping.cancelled_caught
