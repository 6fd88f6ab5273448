"""Uploads of those who mean harm, and of those who have bad luck."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
import trio
from http_world import HttpWorld, Person, open_http
from PIL import Image
from test_http_files import FILES, get, left, photo, sending, upload
from test_http_tus import BYTES, TUS, begin, named, offset, patch, place

from protocol.errors import ErrorCode, ProtocolError
from server.files import spool
from server.files.intake import REQUESTS_OF_ONE

FORM = {"Content-Type": "multipart/form-data; boundary=xx"}


def form(head: str, content: bytes = b"text") -> bytes:
    told = f'--xx\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n{head}\r\n\r\n'
    return told.encode() + content + b"\r\n--xx--\r\n"


async def own(http: HttpWorld, person: Person, query: str = "") -> Any:
    return (await http.ask("GET", FILES + query, token=person.token)).json


async def nothing_left(http: HttpWorld, person: Person) -> bool:
    listed = await own(http, person)
    return left(http) == [] and not listed["unfinished"] and listed["used"] == 0


async def until(holds: Any) -> None:
    with trio.fail_after(10):
        while not holds():  # noqa: ASYNC110 - nobody would set an event
            await trio.sleep(0.01)


async def test_what_is_said_of_a_file_is_no_more_than_a_type(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann = await http.person()
        made = await begin(http, ann, 5, **named("a\0b", "text/\0plain"))
        assert made.status == 201
        for head in ("Content-Type: text/\0plain", "Content-Type: image/png\0"):
            assert (await upload(http, ann, form(head), **FORM)).status == 201
        refused = await upload(http, ann, form("Content-Type: IMAGE/png"), **FORM)
        assert list(refused.json["fields"]) == ["file"]
        assert not http.log.errors


async def test_a_form_is_counted_before_it_is_read_and_its_heads_are_short(
    database_url: str,
) -> None:
    async with open_http(database_url) as http:
        ann = await http.person()
        for head in ("X: " + "y" * 9000, "X: y\r\n" * 2000, "X: " + "y" * 200_000):
            refused = await upload(http, ann, form(head), **FORM)
            assert (refused.status, refused.json["code"]) == (400, "invalid")
        assert (await upload(http, ann, form("X: " + "y" * 7000), **FORM)).status == 201
        late = b"--xx\r\nContent-Disposition: form-data; name=x\r\n\r\nhi\r\n"
        refused = await upload(http, ann, late + form("X: " + "y" * 9000), **FORM)
        assert refused.status == 400
        async with trio.open_nursery() as nursery:
            hold = trio.Event()
            await hold_all(http, ann, nursery, hold)
            refused = await upload(http, ann, b"no form at all", **FORM)
            assert (refused.status, refused.json["code"]) == (429, "rate_limited")
            hold.set()


async def hold_all(
    http: HttpWorld, person: Person, nursery: trio.Nursery, hold: trio.Event
) -> None:
    """Have all the uploads under way that *person* may have."""

    async def one() -> None:
        async with sending(http, person) as request:
            await request.send(b"some")
            await hold.wait()
            await request.send_complete()

    came = http.parts.intake.bytes_in
    for _ in range(REQUESTS_OF_ONE):
        nursery.start_soon(one)
    await until(lambda: http.parts.intake.bytes_in == came + 4 * REQUESTS_OF_ONE)


async def test_an_upload_nobody_was_told_of_is_not_kept(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann = await http.person()
        headers = TUS | BYTES | {"Upload-Length": "9"}
        async with trio.open_nursery() as nursery:
            hold = trio.Event()
            await hold_all(http, ann, nursery, hold)
            refused = await http.ask("POST", FILES, raw=b"123", token=ann.token, headers=headers)
            assert refused.status == 429
            assert (await own(http, ann))["unfinished"] == []
            hold.set()


async def test_uploads_that_can_go_on_are_listed(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob = await http.person(), await http.person()
        where = await place(http, ann, 9, **named("뜰.txt"))
        (listed,) = (await own(http, ann))["unfinished"]
        assert (listed["name"], listed["length"]) == ("뜰.txt", 9)
        assert where == f"{FILES}/{listed['id']}/upload"
        assert listed["expires_at"] > http.parts.clock.ms  # type: ignore[attr-defined]
        assert (await own(http, bob))["unfinished"] == []


async def test_an_upload_can_be_ended_while_it_is_under_way(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann = await http.person()
        where = await place(http, ann, 9)
        headers = TUS | BYTES | {"Upload-Offset": "0", "Authorization": f"Bearer {ann.token}"}
        slow = http.client.request(where, method="PATCH", headers=headers)  # type: ignore[arg-type]
        async with slow as request:
            await request.send(b"1234")
            await until(lambda: http.parts.intake.bytes_in == 4)
            ended = await http.ask("DELETE", where, token=ann.token, headers=TUS)
            assert ended.status == 204
        assert (await request.as_response()).status_code == 410
        assert await nothing_left(http, ann)
        assert (await patch(http, ann, where, 0, b"1")).status == 404


async def test_what_was_ended_a_moment_ago_begins_no_file(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, intake = await http.person(), http.parts.intake
        where = await place(http, ann, 4)
        sql = "SELECT owner_no FROM uploads"
        upload_id, owner_no = where.split("/")[-2], await http.database.fetchval(sql)
        known = await http.parts.files.upload(upload_id, owner_no)
        assert known is not None
        await intake.end(known)

        async def parts() -> Any:
            yield b"1234"

        for late, code in (
            (intake.append(known, 0, parts()), ErrorCode.GONE),
            (intake.finish(known), ErrorCode.GONE),
            (intake.end(known), ErrorCode.NOT_FOUND),
        ):
            with pytest.raises(ProtocolError) as caught:
                await late
            assert caught.value.code is code
        assert left(http) == []


async def test_the_list_goes_on_behind_a_file_that_is_gone(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann = await http.person()
        made = []
        for number in range(4):
            made.append((await upload(http, ann, b"%d" % number)).json["id"])
            http.parts.clock.ms += 1  # type: ignore[attr-defined]
        page = await own(http, ann, "?limit=2")
        assert [each["id"] for each in page["items"]] == made[:1:-1]
        await http.ask("DELETE", f"{FILES}/{made[2]}", token=ann.token)
        rest = await own(http, ann, f"?limit=2&after={page['next']}")
        assert [each["id"] for each in rest["items"]] == made[1::-1] and "next" not in rest
        for broken in ("x", made[0], "9" * 40 + "-x", "-1-x"):
            refused = await http.ask("GET", f"{FILES}?after={broken}", token=ann.token)
            assert (refused.status, list(refused.json["fields"])) == (400, ["after"])


async def test_who_does_not_say_how_long_it_is_has_what_is_left_of_his_quota(
    database_url: str,
) -> None:
    async with open_http(database_url, quota=1000) as http:
        ann = await http.person()
        for length, status in ((600, 201), (500, 413), (400, 201), (1, 413)):
            async with sending(http, ann) as request:
                await request.send(bytes(length))
                await request.send_complete()
            reply = await request.as_response()
            assert reply.status_code == status, length
            if status == 413:
                assert b"quota" in await reply.get_data(as_text=False)
        assert (await own(http, ann))["used"] == 1000


async def test_what_grows_beyond_the_quota_is_refused(database_url: str) -> None:
    out = io.BytesIO()
    Image.effect_noise((300, 300), 90).save(out, "JPEG", quality=40)
    data = out.getvalue()
    async with open_http(database_url, quota=len(data) + 100) as http:
        ann = await http.person()
        refused = await upload(http, ann, data)
        assert (refused.status, list(refused.json["fields"])) == (413, ["quota"])
        where = await place(http, ann, len(data))
        assert (await patch(http, ann, where, 0, data)).status == 413
        assert (await own(http, ann))["used"] == 0


async def test_a_disk_that_fills_up_meanwhile_takes_no_more(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_http(database_url) as http:
        ann = await http.person()
        async with sending(http, ann) as request:
            await request.send(b"some")
            await until(lambda: http.parts.intake.bytes_in == 4)
            monkeypatch.setattr(spool, "FREE_LEAST", 2**60)
            await request.send(b"more")
            await request.send_complete()
        assert (await request.as_response()).status_code == 503
        assert await nothing_left(http, ann)


async def test_a_content_that_is_lost_is_said_to_be_unavailable(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann = await http.person()
        file = (await upload(http, ann, b"some text")).json["id"]
        for path in http.folder.joinpath("files").rglob("*"):
            if path.is_file():
                path.unlink()
        for _ in range(30):  # more than anybody reads at once
            status, _, headers = await get(http, ann, f"{FILES}/{file}")
            assert status == 503 and headers["Content-Type"] == "application/problem+json"
        assert not http.log.errors


async def test_names_that_lead_elsewhere_lead_nowhere(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann = await http.person()
        for number, name in enumerate(
            (
                "../../etc/passwd",
                "..\\..\\boot.ini",
                "/etc/passwd",
                "..",
                "a\0/../b",
                "CON",
                "~",
                "%2e",
            )
        ):
            made = await upload(http, ann, b"%d" % number, name.replace("\0", ""))
            assert made.status == 201 and not set(made.json["name"]) & set("/\\\0")
            status, data, headers = await get(http, ann, f"{FILES}/{made.json['id']}")
            assert (status, data) == (200, b"%d" % number)
            assert "/" not in headers["Content-Disposition"]
        assert all(name.startswith("files/") for name in left(http)), "and nowhere else"
        for path in ("..%2f..%2fetc%2fpasswd", "../../../etc/passwd", "%00", "a" * 70):
            assert (await get(http, ann, f"{FILES}/{path}"))[0] == 404


async def test_what_is_packed_stays_packed(database_url: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("zeros", bytes(50 * 2**20))
    async with open_http(database_url) as http:
        ann = await http.person()
        made = (await upload(http, ann, packed.getvalue(), "bomb.zip")).json
        assert (made["kind"], made["size"]) == ("file", len(packed.getvalue()))


async def test_what_is_two_things_at_once_is_the_one_it_begins_as(database_url: str) -> None:
    script = b"<script>alert(1)</script>"
    inside = io.BytesIO()
    with zipfile.ZipFile(inside, "w") as archive:
        archive.writestr("run.html", script)
    both = (photo() + inside.getvalue(), photo(kind="PNG") + script, photo(kind="GIF") + script)
    async with open_http(database_url) as http:
        ann = await http.person()
        for data in both:
            made = (await upload(http, ann, data, "page.html")).json
            assert made["kind"] == "image" and not made["name"].endswith("html")
            _, served, headers = await get(http, ann, f"{FILES}/{made['id']}")
            assert script not in served and headers["Content-Type"].startswith("image/")
        behind = (await upload(http, ann, script + photo(), "x.html")).json
        assert behind["kind"] == "file"
        assert (await offset(http, ann, f"{FILES}/{behind['id']}/upload"))[0] == 200
