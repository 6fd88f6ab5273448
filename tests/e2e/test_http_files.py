"""Files over HTTP: uploaded, posted, had by who may, and gone when they should be."""

from __future__ import annotations

import io
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import trio
from http_world import HttpWorld, Person, Reply, open_http
from PIL import Image

from actors.ports import StoreUnavailable
from protocol.limits import FILE_BYTES, IMAGE_BYTES
from server.files.intake import REQUESTS_OF_ONE
from server.http.bodies import TimedBody

FILES = "/api/v1/chats/files"
ROOMS = "/api/v1/chats/rooms"
REPORTS = "/api/v1/admin/reports"


def photo(size: tuple[int, int] = (640, 480), kind: str = "JPEG", color: str = "teal") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, color).save(out, kind)
    return out.getvalue()


async def upload(
    http: HttpWorld, person: Person, data: bytes, name: str = "", **headers: str
) -> Reply:
    return await http.ask(
        "POST",
        f"{FILES}?name={quote(name)}",
        raw=data,
        token=person.token,
        headers={
            "Content-Type": "application/octet-stream",
            "Content-Length": str(len(data)),
            **headers,
        },
    )


async def post(http: HttpWorld, person: Person, room: str, *files: str, **more: Any) -> Reply:
    body = {"body": "", "files": list(files)} | more
    return await http.ask("POST", f"{ROOMS}/{room}/messages", body, token=person.token)


async def get(http: HttpWorld, person: Person | None, path: str, **headers: str) -> Any:
    token = {"Authorization": f"Bearer {person.token}"} if person else {}
    response = await http.client.get(path, headers=token | headers)
    return response.status_code, await response.get_data(as_text=False), response.headers


def left(http: HttpWorld) -> list[str]:
    """What lies on the disk: of uploads, and contents."""
    paths = [path for path in http.folder.rglob("*") if path.is_file()]
    return sorted(str(path.relative_to(http.folder)) for path in paths)


async def test_a_photo_is_uploaded_posted_and_had_by_who_is_in_the_room(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob, eve = [await http.person() for _ in range(3)]
        room = await http.team(ann, bob)
        told = f"attachment; filename*=UTF-8''{quote('../우리 마당.png', safe='')}"
        made = await http.ask(
            "POST",
            FILES,
            raw=photo(),
            token=ann.token,
            headers={"Content-Type": "image/png", "Content-Disposition": told},
        )
        assert made.status == 201
        file = made.json
        assert file | {"id": "", "size": 0} == {
            "id": "",
            "name": "우리 마당.jpg",
            "type": "image/jpeg",
            "size": 0,
            "kind": "image",
            "width": 640,
            "height": 480,
            "thumbnail": True,
        }
        path = f"{FILES}/{file['id']}"
        assert (await get(http, bob, path))[0] == 404, "not posted yet"
        assert (await post(http, ann, room, file["id"])).status == 201
        status, data, headers = await get(http, bob, path)
        assert (status, len(data)) == (200, file["size"])
        assert headers["Content-Type"] == "image/jpeg"
        assert headers["Content-Disposition"].startswith("inline; filename=")
        assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "private, no-cache"
        small = await get(http, bob, path + "/thumbnail")
        assert Image.open(io.BytesIO(small[1])).size == (320, 240)
        for hidden in (path, path + "/thumbnail"):
            assert (await get(http, eve, hidden))[0] == 404
        for page in ("messages", "messages/1", "export"):
            shown = await http.ask("GET", f"{ROOMS}/{room}/{page}", token=ann.token)
            assert file["id"] in shown.text
        rooms = (await http.ask("GET", ROOMS, token=bob.token)).json["items"]
        assert rooms[0]["last_message"]["files"] == [file]
        assert not http.log.errors


async def test_what_a_file_is_says_its_content_and_html_is_never_shown(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann = await http.person()
        page = b"<html><script>alert(1)</script>"
        made = (await upload(http, ann, page, "photo.html", **{"Content-Type": "text/html"})).json
        assert (made["kind"], made["type"]) == ("file", "application/octet-stream")
        _, data, headers = await get(http, ann, f"{FILES}/{made['id']}")
        assert data == page and headers["Content-Type"] == "application/octet-stream"
        assert headers["Content-Disposition"].startswith("attachment;")
        assert (await get(http, ann, f"{FILES}/{made['id']}/thumbnail"))[0] == 404
        for data, name in ((page, "photo.png"), (photo()[:900], ""), (b"", "nothing")):
            refused = await upload(http, ann, data, name)
            assert (refused.status, list(refused.json["fields"])) == (400, ["file"])
        assert not [name for name in left(http) if name.startswith("uploads")]


async def test_too_much_is_refused_as_soon_as_it_is_known(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann = await http.person()
        said = await upload(http, ann, b"x", **{"Content-Length": str(FILE_BYTES + 1)})
        assert (said.status, list(said.json["fields"])) == (413, ["size"])
        image = photo() + bytes(IMAGE_BYTES)
        refused = await upload(http, ann, image)
        assert (refused.status, refused.json["code"]) == (413, "too_large")
        assert left(http) == []
        use = (await http.ask("GET", FILES, token=ann.token)).json
        assert use == {"items": [], "unfinished": [], "used": 0}


async def test_a_form_with_one_file_is_taken_apart(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann = await http.person()
        kind = {"Content-Type": "multipart/form-data; boundary=xx"}
        told = 'Content-Disposition: form-data; name="f"; filename="뜰.txt"'
        part = f"--xx\r\n{told}\r\n\r\n".encode()
        field = b'--xx\r\nContent-Disposition: form-data; name="a"\r\n\r\nhi\r\n'
        text = b"\r\n--x\r\n" * 20_000
        made = await upload(http, ann, field + part + text + b"\r\n--xx--\r\n", **kind)
        assert (made.status, made.json["name"], made.json["size"]) == (201, "뜰.txt", len(text))
        for broken in (
            part + b"cut off",
            part + b"1\r\n" + part + b"2\r\n--xx--\r\n",
            field + b"--xx--\r\n",
            b"nonsense",
            b"",
            b"--xx\r\n\r\n",
        ):
            refused = await upload(http, ann, broken, **kind)
            assert (refused.status, refused.json["code"]) == (400, "invalid"), broken
        missing = await upload(http, ann, part, **{"Content-Type": "multipart/form-data"})
        assert missing.status == 400
        assert len(left(http)) == 1 and not http.log.errors


async def test_ranges_of_a_file(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann = await http.person()
        data = bytes(range(256)) * 1000
        made = (await upload(http, ann, data)).json
        path, size = f"{FILES}/{made['id']}", len(data)

        async def part(wanted: str, **headers: str) -> tuple[int, bytes, str | None]:
            status, got, told = await get(http, ann, path, Range=wanted, **headers)
            return status, got, told.get("Content-Range")

        assert await part("bytes=0-0") == (206, data[:1], f"bytes 0-0/{size}")
        assert await part("bytes=255990-") == (206, data[255990:], f"bytes 255990-255999/{size}")
        assert await part("bytes=-3") == (206, data[-3:], f"bytes 255997-255999/{size}")
        assert await part("bytes=9-999999999") == (206, data[9:], f"bytes 9-255999/{size}")
        assert (await part("bytes=256000-"))[::2] == (416, f"bytes */{size}")
        for whole in ("bytes=0-1,5-6", "lines=1-2", "bytes=b-a", "bytes=5-2"):
            assert (await part(whole))[:2] == (200, data), whole
        _, _, headers = await get(http, ann, path)
        tag = {"If-Range": headers["ETag"]}
        assert (await part("bytes=0-1", **tag))[0] == 206
        assert (await part("bytes=0-1", **{"If-Range": '"other"'}))[0] == 200
        assert (await get(http, ann, path, **{"If-None-Match": headers["ETag"]}))[:2] == (304, b"")


async def test_a_link_shows_a_file_to_whom_it_was_made_for_while_he_may_have_it(
    database_url: str,
) -> None:
    async with open_http(database_url) as http:
        ann, bob = await http.person(), await http.person()
        room = await http.team(ann, bob)
        file = (await upload(http, ann, photo())).json["id"]
        await post(http, ann, room, file)
        link = (await http.ask("GET", f"{FILES}/{file}/link", token=bob.token)).json
        assert bob.token not in link["url"]
        assert (await get(http, None, link["url"]))[0] == 200
        assert (await get(http, None, link["thumbnail_url"]))[0] == 200
        for broken in (
            f"{FILES}/{file}",
            link["url"].replace(bob.id, ann.id),
            link["url"].replace("until=18", "until=19"),
            link["url"][:-1] + "z",
        ):
            assert (await get(http, None, broken))[0] == 401, broken
        http.parts.clock.ms += 16 * 60_000  # type: ignore[attr-defined]
        assert (await get(http, None, link["url"]))[0] == 401
        link = (await http.ask("GET", f"{FILES}/{file}/link", token=bob.token)).json
        await http.ask("DELETE", f"{ROOMS}/{room}/members/{bob.id}", token=bob.token)
        assert (await get(http, None, link["url"]))[0] == 404
        assert (await http.ask("GET", f"{FILES}/{file}/link", token=bob.token)).status == 404


async def test_a_deletion_takes_a_file_away_and_a_restore_brings_it_back(
    database_url: str,
) -> None:
    async with open_http(database_url) as http:
        ann, bob = await http.person(), await http.person()
        room, other = await http.team(ann, bob), await http.team(ann)
        file = (await upload(http, ann, photo())).json["id"]
        await post(http, ann, room, file)
        path, message = f"{FILES}/{file}", f"{ROOMS}/{room}/messages/1"
        assert (await http.ask("DELETE", message, token=ann.token)).status == 200
        assert (await get(http, bob, path))[0] == 404
        assert (await get(http, ann, path))[0] == 200, "it is still his"
        shown = (await http.ask("GET", message, token=bob.token)).json["message"]
        assert shown["deleted"] and "files" not in shown and shown["kind"] == "image"
        assert (await http.ask("POST", message + "/restore", token=ann.token)).status == 200
        assert (await get(http, bob, path))[0] == 200
        shown = (await http.ask("GET", message, token=bob.token)).json["message"]
        assert [each["id"] for each in shown["files"]] == [file]
        await http.ask("DELETE", message, token=ann.token)
        await post(http, ann, other, file)
        await http.ask("POST", f"{ROOMS}/{other}/members", {"user": bob.id}, token=ann.token)
        assert (await get(http, bob, path))[0] == 200, "by the other room"


async def test_only_finished_files_of_one_s_own_are_posted(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob = await http.person(), await http.person()
        room = await http.team(ann, bob)
        file = (await upload(http, ann, photo())).json["id"]
        begun = await http.ask(
            "POST",
            FILES,
            token=ann.token,
            headers={"Tus-Resumable": "1.0.0", "Upload-Length": "5"},
        )
        for person, wanted in ((bob, file), (ann, begun.headers["Location"].split("/")[-2])):
            refused = await post(http, person, room, wanted)
            assert (refused.status, list(refused.json["fields"])) == (400, ["files"])
        key = {"key": "once"}
        body = {"body": "see", "files": [file], "kind": "file"}
        for status in (201, 200):
            posted = await http.ask(
                "POST", f"{ROOMS}/{room}/messages", body, token=ann.token, **key
            )
            assert (posted.status, posted.json["seq"]) == (status, 1)
        body["files"] = []
        other = await http.ask("POST", f"{ROOMS}/{room}/messages", body, token=ann.token, **key)
        assert other.status == 409


async def test_one_s_files_are_listed_and_deleted_until_they_are_posted(database_url: str) -> None:
    async with open_http(database_url, quota=10 * 2**20) as http:
        ann, bob = await http.person(), await http.person()
        made = []
        for n in range(3):
            made.append((await upload(http, ann, b"%d" % n * 10, f"{n}.txt")).json)
            http.parts.clock.ms += 1  # type: ignore[attr-defined]
        listed = (await http.ask("GET", f"{FILES}?limit=2", token=ann.token)).json
        assert [each["name"] for each in listed["items"]] == ["2.txt", "1.txt"]
        assert (listed["used"], listed["quota"]) == (30, 10 * 2**20)
        more = await http.ask("GET", f"{FILES}?after={listed['next']}", token=ann.token)
        assert [each["name"] for each in more.json["items"]] == ["0.txt"]
        room = await http.team(ann)
        await post(http, ann, room, made[0]["id"])
        ways = [(ann, 0, 409), (bob, 1, 404), (ann, 1, 204), (ann, 1, 404)]
        for person, number, status in ways:
            path = f"{FILES}/{made[number]['id']}"
            assert (await http.ask("DELETE", path, token=person.token)).status == status
        assert (await http.ask("GET", FILES, token=ann.token)).json["used"] == 20


async def test_parallel_uploads_cannot_go_beyond_the_quota(database_url: str) -> None:
    async with open_http(database_url, quota=250_000) as http:
        ann = await http.person()
        statuses: list[int] = []

        async def one(number: int) -> None:
            data = b"%d" % number + bytes(99_999)
            statuses.append((await upload(http, ann, data)).status)

        async with trio.open_nursery() as nursery:
            for number in range(REQUESTS_OF_ONE):
                nursery.start_soon(one, number)
        assert sorted(statuses) == [201, 201, 413, 413]
        refused = await upload(http, ann, bytes(99_999))
        assert list(refused.json["fields"]) == ["quota"]
        assert (await http.ask("GET", FILES, token=ann.token)).json["used"] == 200_000


async def test_the_same_content_is_kept_once_and_whoever_has_it_keeps_it(
    database_url: str,
) -> None:
    async with open_http(database_url) as http:
        ann, bob = await http.person(), await http.person()
        one = (await upload(http, ann, b"same" * 100, "a.txt")).json
        other = (await upload(http, bob, b"same" * 100, "b.txt")).json
        assert one["id"] != other["id"] and len(left(http)) == 1
        assert (await get(http, bob, f"{FILES}/{one['id']}"))[0] == 404
        await http.ask("DELETE", f"{FILES}/{one['id']}", token=ann.token)
        assert (await get(http, bob, f"{FILES}/{other['id']}"))[1] == b"same" * 100


@asynccontextmanager
async def sending(http: HttpWorld, person: Person, path: str = FILES, **headers: str) -> Any:
    connection = http.client.request(
        path,
        method="POST",
        headers={
            "Authorization": f"Bearer {person.token}",
            "Content-Type": "application/octet-stream",
            **headers,
        },  # type: ignore[arg-type]
    )
    async with connection as request:
        yield request


async def test_a_client_that_is_too_slow_is_told_so(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TimedBody, "SILENCE", 0.2)
    async with open_http(database_url) as http:
        ann = await http.person()
        async with sending(http, ann) as request:
            await request.send(b"slow")
            await _until(lambda: http.parts.intake.bytes_in == 4)
            await trio.sleep(0.4)
        reply = await request.as_response()
        assert reply.status_code == 408 and left(http) == []


async def test_a_disk_that_is_full_is_no_fault_of_the_client(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_http(database_url) as http:
        ann = await http.person()

        async def full(digest: str, path: Path) -> None:
            raise StoreUnavailable("files: no space left on device")

        monkeypatch.setattr(http.parts.storage, "put", full)
        refused = await upload(http, ann, b"some text")
        assert (refused.status, refused.json["code"]) == (503, "unavailable")
        assert left(http) == []
        monkeypatch.undo()
        assert (await upload(http, ann, b"some text")).status == 201


async def test_in_a_blind_room_a_file_has_no_name_and_no_id_of_elsewhere(
    database_url: str,
) -> None:
    async with open_http(database_url) as http:
        ann, bob = await http.person("ann"), await http.person()
        groups = {"A": [ann.id], "B": [bob.id]}
        body = {"type": "matching", "mode": "blind", "groups": groups}
        blind = (await http.ask("POST", ROOMS, body, token=ann.token)).json["id"]
        opened = await http.team(ann, bob)
        file = (await upload(http, ann, photo(), "ann-at-home.jpg")).json["id"]
        await post(http, ann, blind, file)
        seen = (await http.ask("GET", f"{ROOMS}/{blind}/messages", token=bob.token)).json
        (shown,) = seen["items"][-1]["files"]
        assert shown["name"] == "image.jpg" and shown["id"] != file
        assert (await get(http, bob, f"{FILES}/{file}"))[0] == 404
        for path in ("", "/thumbnail", "/link"):
            status, data, headers = await get(http, bob, f"{FILES}/{shown['id']}{path}")
            assert status == 200
            assert b"ann" not in data and "ann" not in str(headers) and file not in str(headers)
        await post(http, ann, opened, file)
        assert (await get(http, bob, f"{FILES}/{file}"))[0] == 200


async def test_admins_see_the_files_of_what_was_reported_while_the_report_is_open(
    database_url: str,
) -> None:
    async with open_http(database_url) as http:
        ann, bob, admin = await http.person(), await http.person(), await http.admin()
        room = await http.team(ann, bob)
        file = (await upload(http, ann, photo())).json["id"]
        await post(http, ann, room, file)
        path, message = f"{FILES}/{file}", f"{ROOMS}/{room}/messages/1"
        assert (await get(http, admin, path))[0] == 404
        reason = {"reason": "illegal"}
        assert (await http.ask("POST", message + "/report", reason, token=bob.token)).status == 201
        await http.ask("DELETE", message, token=ann.token)
        (report,) = (await http.ask("GET", REPORTS, token=admin.token)).json["items"]
        assert [each["id"] for each in report["message"]["files"]] == [file]
        assert [(await get(http, each, path))[0] for each in (admin, bob)] == [200, 404]
        closed = {"status": "closed"}
        await http.ask("PATCH", f"{REPORTS}/{report['id']}", closed, token=admin.token)
        assert (await get(http, admin, path))[0] == 404


async def _until(holds: Any) -> None:
    with trio.fail_after(5):
        while not holds():  # noqa: ASYNC110 - nobody would set an event
            await trio.sleep(0.01)
