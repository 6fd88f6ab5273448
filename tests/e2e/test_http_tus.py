"""Resumable uploads: resumed, at wrong offsets, two at once, of others, and never finished."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import structlog
import trio
from http_world import HttpWorld, Person, Reply, open_http
from test_http_files import FILES, left, photo

from protocol.limits import FILE_BYTES, UPLOAD_KEPT_S
from server.files.intake import UNFINISHED
from server.files.spool import Spool
from server.files.upkeep import FileUpkeep
from server.postgres.file_upkeep import FileUpkeepStore

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {"Content-Type": "application/offset+octet-stream"}


async def begin(http: HttpWorld, person: Person, length: object, **headers: str) -> Reply:
    told = TUS | {"Upload-Length": str(length)} | headers
    return await http.ask("POST", FILES, token=person.token, headers=told)


async def place(http: HttpWorld, person: Person, length: int, **headers: str) -> str:
    made = await begin(http, person, length, **headers)
    assert made.status == 201, made
    return str(made.headers["Location"])


async def patch(
    http: HttpWorld, person: Person, where: str, offset: object, data: bytes, **headers: str
) -> Reply:
    told = TUS | BYTES | {"Upload-Offset": str(offset)} | headers
    return await http.ask("PATCH", where, raw=data, token=person.token, headers=told)


async def offset(http: HttpWorld, person: Person, where: str) -> tuple[int, str | None]:
    reply = await http.ask("HEAD", where, token=person.token, headers=TUS)
    return reply.status, reply.headers.get("Upload-Offset")


def named(name: str, kind: str = "") -> dict[str, str]:
    pairs = f"filename {b64encode(name.encode()).decode()}"
    return {"Upload-Metadata": pairs + f",filetype {b64encode(kind.encode()).decode()}"}


async def tidy(http: HttpWorld) -> None:
    rows, spool = FileUpkeepStore(http.database), Spool(http.folder / "uploads")
    log: Any = structlog.get_logger()
    upkeep = FileUpkeep(rows, spool, http.parts.storage, clock=http.parts.clock, log=log)
    await upkeep.round()


async def test_an_upload_is_resumed_where_it_broke_off(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann = await http.person()
        data = photo()
        where = await place(http, ann, len(data), **named("여름.jpg", "image/jpeg"))
        assert await offset(http, ann, where) == (200, "0")
        done = await patch(http, ann, where, 0, data[:700])
        assert (done.status, done.headers["Upload-Offset"]) == (204, "700")
        assert done.headers["Tus-Resumable"] == "1.0.0" and done.headers["Upload-Expires"]
        assert await offset(http, ann, where) == (200, "700")
        assert (await patch(http, ann, where, 700, data[700:])).status == 204
        (file,) = (await http.ask("GET", FILES, token=ann.token)).json["items"]
        assert (file["id"], file["name"]) == (where.split("/")[-2], "여름.jpg")
        assert (file["kind"], file["width"]) == ("image", 640)
        assert await offset(http, ann, where) == (200, str(len(data)))
        assert (await patch(http, ann, where, len(data), b"")).status == 404, "it is a file now"


async def test_the_first_bytes_may_come_along(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann = await http.person()
        told = TUS | BYTES | {"Upload-Length": "9"}
        made = await http.ask("POST", FILES, raw=b"123", token=ann.token, headers=told)
        assert (made.status, made.headers["Upload-Offset"]) == (201, "3")
        where = made.headers["Location"]
        assert (await patch(http, ann, where, 3, b"456789")).status == 204
        http.parts.clock.ms += 1  # type: ignore[attr-defined]
        told["Upload-Length"] = "3"
        made = await http.ask("POST", FILES, raw=b"123", token=ann.token, headers=told)
        assert (made.status, made.headers["Upload-Offset"]) == (201, "3")
        listed = (await http.ask("GET", FILES, token=ann.token)).json
        assert [each["size"] for each in listed["items"]] == [3, 9] and listed["used"] == 12


async def test_what_is_out_of_place_is_refused_and_harms_nothing(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, eve = await http.person(), await http.person()
        where = await place(http, ann, 10)
        await patch(http, ann, where, 0, b"01234")
        ways: list[tuple[Reply, int]] = [
            (await patch(http, ann, where, 0, b"01234"), 409),
            (await patch(http, ann, where, 6, b"6789"), 409),
            (await patch(http, ann, where, "x", b"5"), 400),
            (await patch(http, ann, where, "-1", b"5"), 400),
            (await patch(http, ann, where, 5, b"5", **{"Content-Type": "text/plain"}), 415),
            (await patch(http, ann, where, 5, b"5", **{"Tus-Resumable": "0.2.2"}), 412),
            (await patch(http, eve, where, 5, b"5"), 404),
            (await http.ask("DELETE", where, token=eve.token, headers=TUS), 404),
            (await http.ask("HEAD", where, token=eve.token, headers=TUS), 404),
            (await http.ask("HEAD", where, token=ann.token), 412),
        ]
        assert [reply.status for reply, _ in ways] == [status for _, status in ways]
        assert await offset(http, ann, where) == (200, "5")
        assert (await patch(http, ann, where, 5, b"56789")).status == 204
        for length, status in (("", 400), ("ten", 400), (0, 400), (FILE_BYTES + 1, 413)):
            assert (await begin(http, ann, length)).status == status, length
        broken = {"Upload-Metadata": "filename ???"}
        assert (await begin(http, ann, 5, **broken)).status == 400
        assert len(left(http)) == 1


async def test_more_than_was_said_ends_the_upload(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann = await http.person()
        where = await place(http, ann, 4)
        assert (await patch(http, ann, where, 0, b"12345")).status == 413
        assert await offset(http, ann, where) == (404, None)
        where = await place(http, ann, 20, **named("a.png"))
        assert (await patch(http, ann, where, 0, b"this is no image, no")).status == 400
        assert await offset(http, ann, where) == (404, None)
        assert left(http) == []


async def test_one_request_at_a_time(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann = await http.person()
        where = await place(http, ann, 10)
        headers = TUS | BYTES | {"Upload-Offset": "0", "Authorization": f"Bearer {ann.token}"}
        slow = http.client.request(where, method="PATCH", headers=headers)  # type: ignore[arg-type]
        async with slow as request:
            await request.send(b"01234")
            with trio.fail_after(5):
                while http.parts.intake.bytes_in < 5:  # noqa: ASYNC110 - nobody sets an event
                    await trio.sleep(0.01)
            second = await patch(http, ann, where, 5, b"56789")
            assert (second.status, second.json["code"]) == (409, "conflict")
            assert second.json["retry_after_ms"] > 0
            await request.send(b"56789")
            await request.send_complete()
        assert (await request.as_response()).status_code == 204
        assert len((await http.ask("GET", FILES, token=ann.token)).json["items"]) == 1


async def test_nobody_begins_without_end(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann = await http.person()
        begun = [await place(http, ann, 5) for _ in range(UNFINISHED)]
        refused = await begin(http, ann, 5)
        assert (refused.status, refused.json["code"]) == (409, "conflict")
        ended = await http.ask("DELETE", begun[0], token=ann.token, headers=TUS)
        assert ended.status == 204 and (await begin(http, ann, 5)).status == 201


async def test_an_upload_that_is_never_finished_is_forgotten(database_url: str) -> None:
    async with open_http(database_url, quota=1000) as http:
        ann = await http.person()
        where = await place(http, ann, 900)
        await patch(http, ann, where, 0, b"some")
        assert (await begin(http, ann, 900)).status == 413
        http.parts.clock.ms += (UPLOAD_KEPT_S - 1) * 1000  # type: ignore[attr-defined]
        await tidy(http)
        assert await offset(http, ann, where) == (200, "4")
        http.parts.clock.ms += 2000  # type: ignore[attr-defined]
        await tidy(http)
        assert await offset(http, ann, where) == (404, None)
        assert left(http) == [] and (await begin(http, ann, 900)).status == 201


async def test_what_is_whole_and_was_not_finished_becomes_a_file_when_it_is_asked_for(
    database_url: str,
) -> None:
    """The process died between the last byte and the file."""
    async with open_http(database_url) as http:
        ann = await http.person()
        where = await place(http, ann, 5)
        upload = await http.parts.files.upload(where.split("/")[-2], await _number(http, ann))
        assert upload is not None

        async def rest() -> Any:
            yield b"12345"

        assert (await http.parts.intake.append(upload, 0, rest())).there == 5
        await tidy(http)
        assert await offset(http, ann, where) == (200, "5")
        assert (await http.ask("GET", FILES, token=ann.token)).json["items"][0]["size"] == 5
        assert len(left(http)) == 1


async def test_options_tell_what_there_is(database_url: str) -> None:
    async with open_http(database_url) as http:
        told = await http.client.open(FILES, method="OPTIONS")
        assert told.status_code == 204 and told.headers["Tus-Version"] == "1.0.0"
        assert set(told.headers["Tus-Extension"].split(",")) == {
            "creation",
            "creation-with-upload",
            "expiration",
            "termination",
        }


async def _number(http: HttpWorld, person: Person) -> int:
    sql = "SELECT user_no FROM users WHERE user_id = $1"
    return int(await http.database.fetchval(sql, person.id))
