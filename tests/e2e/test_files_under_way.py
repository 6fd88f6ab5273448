"""Uploads to a real server, by clients that are many, slow, gone or killed with it."""

from __future__ import annotations

import io
import json
import os
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import trio
from PIL import Image
from running_server import Person, RunningServer

from protocol.client import RequestError, open_client
from protocol.client.files import upload
from protocol.client.http import Http
from server.http.downloads import READ_AT_ONCE

FILES = "/api/v1/chats/files"
MIB = 2**20


@pytest.fixture(scope="module")
def server(open_folder: Path) -> Iterator[RunningServer]:
    with RunningServer(open_folder / "files-server") as running:
        yield running


def begun(
    server: RunningServer,
    person: Person,
    length: int,
    method: str = "POST",
    path: str = FILES,
    **more: str,
) -> socket.socket:
    """A connection with the head of an upload on it."""
    peer = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    head = {
        "Host": f"127.0.0.1:{server.port}",
        "Authorization": f"Bearer {person.token}",
        "Content-Type": "application/octet-stream",
        "Content-Length": str(length),
    } | {name.replace("_", "-"): value for name, value in more.items()}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items())]
    peer.sendall("\r\n".join([*lines, "", ""]).encode())
    return peer


def answer(peer: socket.socket) -> tuple[int, dict[str, str]]:
    """The status and the headers of what the server says."""
    said = b""
    while b"\r\n\r\n" not in said and (more := peer.recv(65536)):
        said += more
    lines = said.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]), headers


def left(server: RunningServer) -> list[Path]:
    """What lies there of uploads that are no files."""
    folder = server.data / "uploads"
    return sorted(folder.iterdir()) if folder.is_dir() else []


def until(holds: Any, *, within: float = 15.0) -> None:
    begin = time.monotonic()
    while not holds():
        assert time.monotonic() - begin < within
        time.sleep(0.02)


def resident(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_many_large_uploads_at_once_stay_on_the_disk(server: RunningServer) -> None:
    people = [server.sign_up(f"many-{number}") for number in range(13)]
    part = os.urandom(MIB)
    with ExitStack() as open_ones:
        peers = [
            open_ones.enter_context(begun(server, people[number // 4], 50 * MIB))
            for number in range(50)
        ]
        before = resident(server.pid)
        for _ in range(10):
            for peer in peers:
                peer.sendall(part)
        grown = resident(server.pid) - before
        until(lambda: sum(path.stat().st_size for path in left(server)) > 480 * MIB)
        assert grown < 100 * MIB, f"{grown / MIB:.0f} MiB for 50 uploads of which 10 MiB came"
    until(lambda: not left(server))


def test_a_whole_upload_and_its_download_are_the_same_bytes(server: RunningServer) -> None:
    ann = server.sign_up("ann-whole")
    data = os.urandom(50 * MIB)
    request = urllib.request.Request(
        f"{server.url}{FILES}?name=large.bin",
        data=data,
        headers={"Authorization": f"Bearer {ann.token}", "Content-Type": "x/y"},
    )
    with urllib.request.urlopen(request, timeout=60) as made:
        file = json.load(made)
    before = resident(server.pid)
    download = urllib.request.Request(
        f"{server.url}{FILES}/{file['id']}", headers={"Authorization": f"Bearer {ann.token}"}
    )
    with urllib.request.urlopen(download, timeout=60) as got:
        assert got.headers["Content-Length"] == str(len(data)) and got.read() == data
    assert resident(server.pid) - before < 20 * MIB
    with begun(server, ann, 0, "HEAD", f"{FILES}/{file['id']}") as peer:
        status, headers = answer(peer)
        assert (status, headers["content-length"]) == (200, str(len(data)))


def test_what_is_too_large_is_refused_before_it_is_read(server: RunningServer) -> None:
    ann = server.sign_up("ann-large")
    with begun(server, ann, 10**12) as peer:
        assert answer(peer)[0] == 413
    out = io.BytesIO()
    Image.new("RGB", (9, 9)).save(out, "PNG")
    with begun(server, ann, 40 * MIB) as peer:
        peer.sendall(out.getvalue())
        try:
            for _ in range(39):
                peer.sendall(bytes(MIB))
        except OSError:
            pass  # the answer is there, and nobody reads the rest
        assert answer(peer)[0] == 413
    assert not left(server)


def test_a_client_that_hangs_up_leaves_nothing_behind(server: RunningServer) -> None:
    ann = server.sign_up("ann-gone")
    with begun(server, ann, 5 * MIB) as peer:
        peer.sendall(bytes(MIB))
        until(lambda: [path for path in left(server) if path.stat().st_size == MIB])
    until(lambda: not left(server))
    used = server.call("GET", FILES, token=ann.token)
    assert used["used"] == 0 and used["items"] == []


def test_who_hangs_up_before_he_knows_where_to_go_on_leaves_nothing(server: RunningServer) -> None:
    ann = server.sign_up("ann-untold")
    tus = {"Tus_Resumable": "1.0.0", "Content_Type": "application/offset+octet-stream"}
    with begun(server, ann, 5 * MIB, Upload_Length=str(5 * MIB), **tus) as peer:
        peer.sendall(bytes(MIB))
        until(lambda: [path for path in left(server) if path.stat().st_size == MIB])
    until(lambda: not left(server))
    used = server.call("GET", FILES, token=ann.token)
    assert used == used | {"used": 0, "unfinished": []}


def test_nobody_reads_without_end_and_whoever_leaves_reads_no_more(server: RunningServer) -> None:
    ann = server.sign_up("ann-reads")
    with begun(server, ann, 20 * MIB) as peer:
        peer.sendall(bytes(20 * MIB))
        assert answer(peer)[0] == 201
    (file,) = server.call("GET", FILES, token=ann.token)["items"]
    path = f"{FILES}/{file['id']}"
    for _ in range(2):
        with ExitStack() as open_ones:
            peers = [
                open_ones.enter_context(begun(server, ann, 0, "GET", path))
                for _ in range(READ_AT_ONCE + 10)
            ]
            statuses = sorted(answer(peer)[0] for peer in peers)
            assert statuses == [200] * READ_AT_ONCE + [429] * 10
        until(lambda: status_of(server, ann, path) == 206)
    contents = server.data / "files"
    opened = Path(f"/proc/{server.pid}/fd")
    until(lambda: not [each for each in opened.iterdir() if contents in each.resolve().parents])


def status_of(server: RunningServer, person: Person, path: str) -> int:
    with begun(server, person, 0, "GET", path, Range="bytes=0-0") as peer:
        return answer(peer)[0]


def test_a_resumable_upload_survives_a_kill_and_another_leaves_nothing(open_folder: Path) -> None:
    with RunningServer(open_folder / "files-killed") as server:
        ann = server.sign_up("ann-killed")
        data = os.urandom(3 * MIB)
        tus = {"Tus_Resumable": "1.0.0", "Content_Type": "application/offset+octet-stream"}
        with begun(server, ann, 0, Upload_Length=str(len(data)), **tus) as peer:
            status, headers = answer(peer)
        assert status == 201
        where = headers["location"]
        with (
            begun(server, ann, len(data), "PATCH", where, Upload_Offset="0", **tus) as peer,
            begun(server, ann, 9 * MIB) as other,
        ):
            peer.sendall(data[:MIB])
            other.sendall(data[:MIB])
            until(lambda: sum(path.stat().st_size for path in left(server)) == 2 * MIB)
            server.kill()
        assert len(left(server)) == 2
        server.start()
        until(lambda: len(left(server)) == 1)
        with begun(server, ann, 0, "HEAD", where, **tus) as peer:
            status, headers = answer(peer)
        assert (status, headers["upload-offset"]) == (200, str(MIB))
        rest = data[MIB:]
        with begun(server, ann, len(rest), "PATCH", where, Upload_Offset=str(MIB), **tus) as peer:
            peer.sendall(rest)
            assert answer(peer)[0] == 204
        (file,) = server.call("GET", FILES, token=ann.token)["items"]
        assert file["size"] == len(data) and not left(server)


async def test_a_program_uploads_posts_and_downloads(server: RunningServer, tmp_path: Path) -> None:
    ann, bob, eve = (server.sign_up(f"{name}-sdk") for name in ("ann", "bob", "eve"))
    room = server.make_room(ann, bob)
    path = tmp_path / "우리 마당.txt"
    await trio.Path(path).write_bytes(b"text " * 100_000)
    with trio.fail_after(60):
        async with (
            open_client(server.url, ann.token) as one,
            open_client(server.url, bob.token) as two,
            open_client(server.url, eve.token, listen=False) as three,
        ):
            from_path = await one.upload(path)
            assert (from_path.name, from_path.size) == ("우리 마당.txt", 500_000)
            from_parts = await one.upload(digits(), "digits.bin")
            assert from_parts.size == 1_000_000
            await one.send(room, "", files=[from_path.id, from_parts.id])
            async for event in two:
                if event.t == "message":
                    break
            assert [file.name for file in event.files] == ["우리 마당.txt", "digits.bin"]
            async with two.download(event.files[1].id) as download:
                got = [part async for part in download]
            assert (download.size, len(b"".join(got))) == (1_000_000, 1_000_000)
            with pytest.raises(RequestError) as info:
                async with three.download(from_path.id):
                    raise AssertionError("it is not for her")
            assert info.value.code == "not_found"


async def test_a_program_is_told_what_cannot_be_uploaded(server: RunningServer) -> None:
    ann = server.sign_up("ann-sdk-told")
    with trio.fail_after(60):
        async with open_client(server.url, ann.token, listen=False) as one:
            kept = [await one.upload(b"tiny %d" % number) for number in range(2)]
            await one.delete_file(kept[0].id)
            assert [file.id for file in (await one.files(limit=9))["items"]] == [kept[1].id]
            with pytest.raises(RequestError) as info:
                await one.upload(bytes(60 * MIB))
            assert info.value.code == "too_large" and "size" in info.value.fields
            for error in (ValueError("own"), trio.BrokenResourceError("own")):
                with pytest.raises(type(error), match="own"):
                    await one.upload(broken(error))
    await trio.to_thread.run_sync(until, lambda: not left(server))


@pytest.mark.parametrize("path", ["/proc/self/status", "/sys/devices/system/cpu/online"])
async def test_a_program_learns_that_its_file_is_longer_or_shorter_than_it_was(
    server: RunningServer, path: str
) -> None:
    """The kernel says that the first has no bytes, and the second a whole page."""
    ann = server.sign_up("ann-sdk-" + path.rpartition("/")[2])
    with trio.fail_after(60):
        async with open_client(server.url, ann.token, listen=False) as one:
            with pytest.raises(RequestError) as info:
                await one.upload(path)
            assert info.value.code == "invalid"
    await trio.to_thread.run_sync(until, lambda: not left(server))


async def test_a_program_uploads_what_is_called_as_no_text_is(
    server: RunningServer, tmp_path: Path
) -> None:
    ann = server.sign_up("ann-sdk-name")
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt"))
    await trio.Path(path).write_bytes(b"some")
    with trio.fail_after(60):
        async with open_client(server.url, ann.token, listen=False) as one:
            kept = await one.upload(path)
            assert kept.name.startswith("caf") and kept.name.endswith(".txt")
        with pytest.raises(RequestError) as info:
            await upload(Http(server.url, "no\ntoken", within=5), b"some", "some.txt")
        assert info.value.code == "invalid"


async def digits() -> Any:
    for number in range(10):
        yield b"%d" % number * 100_000


async def broken(error: Exception) -> Any:
    yield b"some"
    raise error
